"""The networks that are compared: the classic four on single digits; this project's CRNN is :mod:`export.crnn`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from export.experiments.mnist import SIDE

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = 10


class Rows(nn.Module):
    """A recurrent net that reads a digit row by row, top to bottom, and answers after the last.

    Args:
        cell: ``nn.LSTM`` (Hochreiter, Schmidhuber 1997) or ``nn.RNN`` (Elman 1990).
        units: of its state.

    """

    def __init__(self, cell: type[nn.LSTM | nn.RNN], units: int = 128) -> None:
        super().__init__()
        self.recurrence = cell(SIDE, units, batch_first=True)
        self.classes = nn.Linear(units, CLASSES)

    def forward(self, digits: Tensor) -> Tensor:
        """Float (n, 28, 28) in 0..1 to logits (n, 10)."""
        states, _ = self.recurrence(digits)
        logits: Tensor = self.classes(states[:, -1])
        return logits


def perceptron(units: int = 512) -> nn.Module:
    """One hidden layer: float (n, 28, 28) to logits (n, 10)."""
    return nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, units), nn.ReLU(), nn.Linear(units, CLASSES))


def linear() -> nn.Module:
    """One weight a pixel and class: float (n, 28, 28) to margins (n, 10)."""
    return nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, CLASSES))


def multiplications(network: nn.Module, image: Tensor) -> int:
    """Multiply-adds of convolutions, products and recurrences for one image, counted while it runs.

    Args:
        network: any of this package's.
        image: a batch of 1.

    """
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, ...]) -> None:
        nonlocal total
        first = output[0] if isinstance(output, tuple) else output
        if isinstance(module, nn.Conv2d):
            total += first.numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            total += first.numel() * module.in_features
        elif isinstance(module, nn.LSTM | nn.RNN):
            total += inputs[0].shape[1] * sum(p.numel() for p in module.parameters() if p.ndim == 2)
        elif isinstance(module, nn.LSTMCell | nn.RNNCell):
            total += sum(p.numel() for p in module.parameters() if p.ndim == 2)

    hooks = [module.register_forward_hook(count) for module in network.modules()]
    with torch.no_grad():
        network.eval()(image)
    for hook in hooks:
        hook.remove()
    return total
