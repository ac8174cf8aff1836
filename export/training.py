"""What every training here shares: a time budget, weights averaged over steps, checkpoints to resume from, progress."""

from __future__ import annotations

import copy
import math
import time
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


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
