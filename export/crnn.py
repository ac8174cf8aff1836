"""The recognisers' network: convolutions, one bidirectional LSTM, CTC classes (Shi, Bai, Yao 2015).

Sized for a Pi: 55 million multiply-adds for a plate's strip of 48x160. The height shrinks to one row while the width
keeps one column for every four pixels, so that ten characters and the blanks between them fit in 40 time steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    Channels = tuple[int, int, int, int, int, int]


class Crnn(nn.Module):
    """Strips to logits.

    Args:
        classes: of the output, the blank (class 0) included.
        hidden: units of the LSTM in each direction.
        height: of the strips, in pixels: a multiple of 16.
        channels: of the six convolutions.

    """

    def __init__(
        self, *, classes: int = 37, hidden: int = 80, height: int = 48, channels: Channels = (24, 32, 64, 96, 96, 128)
    ) -> None:
        super().__init__()
        a, b, c, d, e, f = channels
        self.features = nn.Sequential(
            _convolve(1, a, stride=2),
            _convolve(a, b),
            nn.MaxPool2d(2),
            _convolve(b, c),
            nn.MaxPool2d((2, 1)),
            _convolve(c, d),
            nn.MaxPool2d((2, 1)),
            _convolve(d, e),
            _convolve(e, f, height=height // 16, rows=0),
        )
        self.dropout = nn.Dropout(0.1)
        self.recurrence = nn.LSTM(f, hidden, bidirectional=True, batch_first=True)
        self.classes = nn.Linear(2 * hidden, classes)

    def forward(self, strips: Tensor) -> Tensor:
        """Float (n, 1, height, width) in -1..1 to logits, float (n, width / 4, classes), of any width."""
        columns = self.features(strips).squeeze(2).transpose(1, 2)
        with torch.autocast(columns.device.type, enabled=False):  # bfloat16 is too coarse to add up over 40 steps
            states, _ = self.recurrence(self.dropout(columns.float()))
            logits: Tensor = self.classes(states)
        return logits


def _convolve(inputs: int, outputs: int, *, stride: int = 1, height: int = 3, rows: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, (height, 3), stride, (rows, 1), bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
