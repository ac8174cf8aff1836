"""Training of the plate detector: ``python -m export plate-detector --minutes N``.

Scenes are composed in worker processes and never repeat; the learning rate follows the share of the time that has
passed, so a run that was interrupted goes on where it stood. A moving average of the weights is what is kept.
"""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from export.detector_data import SceneStream
from export.detector_loss import detector_loss
from export.detector_net import DetectorNet

if TYPE_CHECKING:
    from pathlib import Path

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


def train(folders: Folders, plan: Plan, checkpoint: Path, start: Path | None = None) -> Trained:
    """Train, or go on training, until the plan's minutes are over.

    Args:
        folders: photographs and fonts.
        plan: how.
        checkpoint: written every two minutes and read back where it exists.
        start: another checkpoint whose weights to begin with.

    """
    torch.manual_seed(plan.seed)
    net = DetectorNet()
    if start is not None and not checkpoint.is_file():
        net.load_state_dict(torch.load(start)["average"])
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch omits it from its hints
    average = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=plan.rate, weight_decay=0.02)
    elapsed, steps, scenes = 0.0, 0, 0
    if checkpoint.is_file():
        state = torch.load(checkpoint)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        elapsed, steps, scenes = state["elapsed"], state["steps"], state["scenes"]
    stream = SceneStream(folders, seed=plan.seed * 1_000_003 + steps)
    prefetch = 4 if plan.workers else None
    loader = DataLoader(stream, batch_size=None, num_workers=plan.workers, prefetch_factor=prefetch)
    sums = torch.zeros(3)
    before = saved = time.monotonic()
    for batch in loader:
        done = elapsed / (60 * plan.minutes)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * _schedule(done)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = net(batch.image.to(memory_format=torch.channels_last))
        loss = detector_loss(outputs, batch)
        optimiser.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        steps += 1
        scenes += len(batch.image)
        _follow(average, net, steps)
        sums += torch.stack([loss.score, loss.corners, loss.overlap])
        now = time.monotonic()
        elapsed, before = elapsed + now - before, now
        if steps % _REPORT_STEPS == 0:
            score, corner, overlap = (sums / _REPORT_STEPS).tolist()
            print(
                f"{elapsed / 60:6.1f} min  step {steps}  score {score:.3f}  corners {corner:.3f}  IoU {overlap:.3f}",
                flush=True,
            )
            sums.zero_()
        if now - saved > _CHECKPOINT_SECONDS:
            _save(checkpoint, net, average, optimiser, {"elapsed": elapsed, "steps": steps, "scenes": scenes})
            saved = now
    _save(checkpoint, net, average, optimiser, {"elapsed": elapsed, "steps": steps, "scenes": scenes})
    return Trained(average.eval(), scenes)


def _schedule(done: float) -> float:
    """A short rise, then half a cosine down to a hundredth."""
    rise = 0.02
    if done < rise:
        return max(0.05, done / rise)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * (done - rise) / (1 - rise))) / 2


@torch.no_grad()
def _follow(average: DetectorNet, net: DetectorNet, steps: int) -> None:
    """Move the average a little towards the weights, faster in the beginning."""
    share = max(1 / 500, 1 / (steps / 4 + 1))
    for kept, fresh in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(fresh, share)
        else:
            kept.copy_(fresh)


def _save(path: Path, net: DetectorNet, average: DetectorNet, optimiser: Any, progress: dict[str, float]) -> None:
    """Write a checkpoint so that an interruption leaves the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    state = {"net": net.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict()}
    torch.save({**state, **progress}, fresh)
    fresh.replace(path)
