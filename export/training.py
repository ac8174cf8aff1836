"""What every training here shares: a time budget, weights averaged over steps, checkpoints to resume from, progress."""

from __future__ import annotations

import copy
import json
import math
import time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import nn

from export.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from export.scoring import Score

    Batch = tuple[torch.Tensor, torch.Tensor]

_Network = TypeVar("_Network", bound=nn.Module)

_REPORT_SECONDS = 60.0
_CHECKPOINT_SECONDS = 240.0


class Average:
    """An exponential moving average of a network's weights, which reads better than the last step's."""

    def __init__(self, network: nn.Module, *, decay: float = 0.999) -> None:
        self.network: Any = copy.deepcopy(network).eval()
        self._decay = decay
        self._steps = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take one step's weights in; early steps count more, since the first ones are noise."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for mean, now in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later."""
        return {"weights": self.network.state_dict(), "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self.network.load_state_dict(state["weights"])
        self._steps = state["steps"]


class Budget:
    """A training time that survives restarts; ``done`` runs from 0 to 1."""

    def __init__(self, minutes: float, *, spent: float = 0.0) -> None:
        self._total = minutes * 60
        self._spent = spent
        self._since = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds of training so far, over all runs."""
        return self._spent + time.monotonic() - self._since

    @property
    def done(self) -> float:
        """The share of the budget that is used."""
        return min(1.0, self.spent / self._total)

    def rate(self, peak: float, *, warm: float = 0.02) -> float:
        """A learning rate that rises to its peak over the first share ``warm`` and falls as a cosine to 1%."""
        if self.done < warm:
            return peak * max(0.02, self.done / warm)
        return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (self.done - warm) / (1 - warm))))


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint so that a crash in the middle leaves the one before."""
    half = path.with_suffix(".part")
    torch.save(state, half)
    half.replace(path)


def averaged(checkpoint: Path, network: _Network) -> _Network:
    """A network of the same shape with the averaged weights of a :class:`Training`'s checkpoint, ready to read.

    Raises:
        CheckpointError: it is one of another network.

    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    fill(network, state["average"]["weights"], checkpoint)
    return network.eval()


def fill(network: nn.Module, weights: Mapping[str, Any], checkpoint: Path) -> None:
    """Give a network the weights that a checkpoint holds.

    Raises:
        CheckpointError: they are those of another network.

    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{checkpoint}: holds the weights of another network than today's, whose size or build has changed since; "
            "move the file away to begin anew, or begin with a float master (model.onnx), which may grow"
        ) from error


class Training:
    """A network that learns to read strips over any number of sittings, kept in a checkpoint with what goes with it.

    Args:
        network: on its device; weights that a checkpoint in ``out`` holds take the place of its own.
        out: where ``checkpoint.pt`` and ``log.jsonl`` go.
        minutes: of training in all, over every sitting.
        rate: the highest learning rate.

    Raises:
        CheckpointError: the checkpoint in ``out`` is one of another network.

    Attributes:
        network: what learns.
        average: of its weights.
        optimiser: of its weights.
        budget: of all sittings.
        seen: strips so far, over all sittings.

    """

    def __init__(self, network: nn.Module, *, out: Path, minutes: float, rate: float) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.network = network
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
        self.average = Average(network)
        self.seen = 0
        self._rate, self._passes, spent = rate, 0, 0.0
        self._log, self._checkpoint = out / "log.jsonl", out / "checkpoint.pt"
        if self._checkpoint.is_file():
            device = next(network.parameters()).device
            state = torch.load(self._checkpoint, map_location=device, weights_only=True)
            fill(network, state["network"], self._checkpoint)
            self.optimiser.load_state_dict(state["optimiser"])
            self.average.restore(state["average"])
            spent, self.seen, self._passes = state["spent"], state["seen"], state["passes"]
            print(f"resuming after {spent / 60:.1f} minutes and {self.seen} strips", flush=True)
        self.budget = Budget(minutes, spent=spent)

    def run(
        self,
        batches: Callable[[int], Iterator[Batch]],
        learn: Callable[[torch.Tensor, torch.Tensor], float],
        measure: Callable[[], Mapping[str, Score]],
    ) -> Path:
        """Train until the minutes are used up.

        Args:
            batches: number of a pass, from 1 -> its strips and labels, at least one batch.
            learn: takes one step on a batch and gives its loss.
            measure: accuracy of what was learnt, asked with every checkpoint.

        Returns:
            The path of the checkpoint. Beside it ``log.jsonl`` got a line a checkpoint: minutes, strips, the mean loss
            since the line before, and the share of texts that are exact, by what was measured.

        """
        reported, kept, since = time.monotonic(), time.monotonic(), self.seen
        losses: list[float] = []  # since the last report
        passed: list[float] = []  # since the last checkpoint
        while self.budget.done < 1:
            self._passes += 1
            for strips, labels in batches(self._passes):
                for group in self.optimiser.param_groups:
                    group["lr"] = self.budget.rate(self._rate)
                losses.append(learn(strips, labels))
                passed.append(losses[-1])
                self.average.update(self.network)
                self.seen += len(strips)
                now = time.monotonic()
                if now - reported > _REPORT_SECONDS:
                    pace = (self.seen - since) / (now - reported)
                    head = f"{self.budget.done:6.1%}  {self.seen:9d} strips  {pace:5.0f} a second"
                    print(f"{head}  loss {np.mean(losses):.3f}", flush=True)
                    reported, losses, since = now, [], self.seen
                if now - kept > _CHECKPOINT_SECONDS or self.budget.done >= 1:
                    self._keep()
                    self._tell(float(np.mean(passed)), measure())
                    reported = kept = time.monotonic()
                    losses, passed, since = [], [], self.seen
                if self.budget.done >= 1:
                    break
        return self._checkpoint

    def _keep(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.state(),
            "spent": self.budget.spent,
            "seen": self.seen,
            "passes": self._passes,
        }
        save(self._checkpoint, state)

    def _tell(self, loss: float, figures: Mapping[str, Score]) -> None:
        line: dict[str, Any] = {"minutes": round(self.budget.spent / 60, 1), "strips": self.seen}
        line |= {"loss": round(loss, 4)} | {name: round(score.exact, 4) for name, score in figures.items()}
        print("  ".join([f"loss {loss:.3f}", *(f"{n} {score.exact:.1%}" for n, score in figures.items())]), flush=True)
        with self._log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
