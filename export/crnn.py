"""The recognisers' network: convolutions, one bidirectional LSTM, CTC classes (Shi, Bai, Yao 2015).

The height shrinks to one row while the width keeps one column for every four pixels, so that ten characters and the
blanks between them fit in the 40 time steps of a plate's strip of 48x160.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    Six = tuple[int, int, int, int, int, int]


class Crnn(nn.Module):
    """Strips to logits.

    Args:
        classes: of the output, the blank (class 0) included.
        hidden: units of the LSTM in each direction.
        height: of the strips, in pixels: a multiple of 16.
        channels: of the six convolutions.
        residuals: how many residual convolutions follow each of the six.

    """

    def __init__(
        self,
        *,
        classes: int,
        hidden: int,
        height: int,
        channels: Six,
        residuals: Six = (0, 0, 0, 0, 0, 0),
    ) -> None:
        super().__init__()
        a, b, c, d, e, f = channels
        stages = [
            _convolve(1, a, stride=2),
            _convolve(a, b),
            _convolve(b, c),
            _convolve(c, d),
            _convolve(d, e),
            _convolve(e, f, height=height // 16, rows=0),
        ]
        for stage, count, width in zip(stages, residuals, channels, strict=True):
            stage.extend(Residual(width) for _ in range(count))
        first, second, third, fourth, fifth, sixth = stages
        self.features = nn.Sequential(
            first,
            second,
            nn.MaxPool2d(2),
            third,
            nn.MaxPool2d((2, 1)),
            fourth,
            nn.MaxPool2d((2, 1)),
            fifth,
            sixth,
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


class Residual(nn.Module):
    """A convolution whose result is added to what went in (He et al. 2016); a fresh one changes nothing.

    Args:
        channels: that go in and come out.

    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        nn.init.zeros_(self.branch[1].weight)  # type: ignore[arg-type]  # torch's stubs take no module's attribute

    def forward(self, values: Tensor) -> Tensor:
        """Float (n, channels, h, w), no value below 0, to the same."""
        return torch.relu(values + self.branch(values))


def _convolve(inputs: int, outputs: int, *, stride: int = 1, height: int = 3, rows: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, (height, 3), stride, (rows, 1), bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
