"""One trial: a network, what it is shown, and how it is measured; and the loop that trains any of them.

What counts is the average of the weights after the last epoch, on the test set: no epoch is chosen by looking at it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from export.training import Average, fill, save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

    from export.experiments.mnist import Digits

    Batches = Iterator[tuple[Tensor, Tensor]]


BATCH = 128
"""Digits of the training set that a batch uses up."""


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """One thing that a quantised network is asked.

    Attributes:
        name: what is read.
        inputs: of some digits, all inputs as the network takes them, and the answers.
        right: the share of outputs that give the answers.

    """

    name: str
    inputs: Callable[[Digits], tuple[Tensor, Tensor]]
    right: Callable[[Tensor, Tensor], float]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What is compared.

    Attributes:
        name: short, of files and rows.
        make: the network with fresh weights.
        batches: one epoch of inputs and targets.
        loss: of a network on a batch, a scalar.
        measure: shares of the test set that are read right, by what is read; the first is drawn over the epochs.
        example: one input, a batch of 1.
        epochs: how often the training set is seen.
        rate: the highest learning rate; a warm-up and a cosine stand around it.
        exams: for the int8 file; none where none is made.
        coarse: whether products are in bfloat16 while training.
        decay: of weights towards 0.

    """

    name: str
    make: Callable[[], nn.Module]
    batches: Callable[[Digits, torch.Generator], Batches]
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor]
    measure: Callable[[nn.Module, Digits], dict[str, float]]
    example: Tensor
    epochs: int
    rate: float
    exams: tuple[Exam, ...] = ()
    coarse: bool = True
    decay: float = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """A trained network, in evaluation mode, and what it read after each epoch.

    ``curve`` holds the epochs' measures, ``seconds`` the processor time of the training.
    """

    network: nn.Module
    curve: list[dict[str, float]]
    seconds: float


def train(trial: Trial, learn: Digits, test: Digits, folder: Path, *, seed: int, epochs: int | None = None) -> Outcome:
    """Train, or go on where an earlier run of the same trial and seed stopped.

    Args:
        trial: what to train.
        learn: digits to learn from.
        test: digits to measure on.
        folder: for the checkpoint, written after each epoch.
        seed: of the weights and of all choices.
        epochs: fewer or more than the trial's.

    Raises:
        CheckpointError: the checkpoint is one of another network.

    """
    epochs = epochs or trial.epochs
    torch.manual_seed(seed)
    network = trial.make()
    average = Average(network, decay=0.998)
    optimiser = torch.optim.AdamW(network.parameters(), lr=trial.rate, weight_decay=trial.decay)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{trial.name}-{seed}.pt"
    curve: list[dict[str, float]] = []
    seconds = 0.0
    if path.is_file():
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        fill(network, state["network"], path)
        optimiser.load_state_dict(state["optimiser"])
        average.restore(state["average"])
        curve, seconds = state["curve"], state["seconds"]
    while len(curve) < epochs:
        begin = time.process_time()
        _epoch(trial, network, optimiser, average, learn, seed=seed, part=(len(curve), epochs))
        seconds += time.process_time() - begin
        curve.append(trial.measure(average.network, test))
        parts = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "average": average.state()}
        save(path, {**parts, "curve": curve, "seconds": seconds})
        print(
            json.dumps({"trial": trial.name, "epoch": len(curve), "seconds": round(seconds), **curve[-1]}), flush=True
        )
    return Outcome(average.network, curve, seconds)


def _epoch(
    trial: Trial,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: Average,
    learn: Digits,
    *,
    seed: int,
    part: tuple[int, int],
) -> None:
    done, epochs = part
    generator = torch.Generator().manual_seed(1000 * seed + done)
    torch.manual_seed(1000 * seed + done)  # for what a network draws itself
    network.train()
    for number, (inputs, targets) in enumerate(trial.batches(learn, generator)):
        rate = trial.rate * _schedule((done + number * BATCH / len(learn.images)) / epochs)
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=trial.coarse):
            loss = trial.loss(network, inputs, targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stubs
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.update(network)


def _schedule(done: float, *, warm: float = 0.05) -> float:
    """The share of the highest rate: up in a line, down as a cosine."""
    if done < warm:
        return max(0.02, done / warm)
    return 0.01 + 0.99 * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * (done - warm) / (1 - warm)))))
