"""Training of a detector: ``python -m export plate-detector --minutes N``, or ``text-detector``.

Scenes are composed in worker processes and never repeat; the learning rate follows the share of the time that has
passed, so a run that was interrupted goes on where it stood. A moving average of the weights is what is kept.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch.utils.data import DataLoader

from export.detector_data import SceneStream
from export.detector_loss import detector_loss
from export.detector_net import DetectorNet
from export.master import load_detector, settle
from export.training import Average, Budget, fill, save

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.types import Kind
    from export.detector_data import Folders

_CHECKPOINT_SECONDS = 120
_REPORT_STEPS = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train.

    Attributes:
        minutes: of training, over all sittings.
        rate: the highest learning rate.
        workers: processes that compose scenes; 0 for none beside this one.
        seed: of weights and scenes.

    """

    minutes: float
    rate: float = 2e-3
    workers: int = 1
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The averaged weights, and how many scenes they have seen since the weights that the run began with."""

    net: DetectorNet
    scenes: int


def train(kind: Kind, folders: Folders, plan: Plan, checkpoint: Path, start: Path | None = None) -> Trained:
    """Train, or go on training, until the plan's minutes are over.

    Args:
        kind: of what is to be found; plates have a detector of their own, all other texts one together.
        folders: photographs and fonts.
        plan: how.
        checkpoint: written every two minutes and read back where it exists.
        start: a float master (.onnx) whose weights to begin with; what ``checkpoint`` holds goes first.

    """
    torch.manual_seed(plan.seed)
    state = torch.load(checkpoint, weights_only=True) if checkpoint.is_file() else None
    spent, steps, scenes = (state["spent"], state["steps"], state["scenes"]) if state else (0.0, 0, 0)
    stream = SceneStream(folders, seed=plan.seed * 1_000_003 + steps, kind=kind)
    net = DetectorNet() if state or start is None else _begin(start, stream)
    net = net.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch omits it from its hints
    average = Average(net, decay=0.998)
    optimiser = torch.optim.AdamW(net.parameters(), lr=plan.rate, weight_decay=0.02)
    if state:
        fill(net, state["network"], checkpoint)
        optimiser.load_state_dict(state["optimiser"])
        average.restore(state["average"])
    budget = Budget(plan.minutes, spent=spent)

    def keep() -> None:
        parts = {"network": net.state_dict(), "optimiser": optimiser.state_dict(), "average": average.state()}
        save(checkpoint, {**parts, "spent": budget.spent, "steps": steps, "scenes": scenes})

    prefetch = 4 if plan.workers else None
    loader = DataLoader(stream, batch_size=None, num_workers=plan.workers, prefetch_factor=prefetch)
    sums = torch.zeros(3)
    saved = time.monotonic()
    for batch in loader:
        if budget.done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = budget.rate(plan.rate)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = net(batch.image.to(memory_format=torch.channels_last))
        loss = detector_loss(outputs, batch)
        optimiser.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        steps += 1
        scenes += len(batch.image)
        average.update(net)
        sums += torch.stack([loss.score, loss.corners, loss.overlap])
        if steps % _REPORT_STEPS == 0:
            score, corner, overlap = (sums / _REPORT_STEPS).tolist()
            head = f"{budget.spent / 60:6.1f} min  step {steps}"
            print(f"{head}  score {score:.3f}  corners {corner:.3f}  IoU {overlap:.3f}", flush=True)
            sums.zero_()
        if time.monotonic() - saved > _CHECKPOINT_SECONDS:
            keep()
            saved = time.monotonic()
    keep()
    return Trained(cast("DetectorNet", average.network), scenes)


def _begin(start: Path, scenes: SceneStream) -> DetectorNet:
    net = load_detector(start)
    settle(net, next(iter(scenes)).image)
    return net
