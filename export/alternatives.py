"""What the literature puts behind the convolutions of a text recogniser, each on the same columns.

Columns are float (n, T, 128), one for every four pixels of a strip. CTC heads give logits (n, T, classes), class 0 the
blank; the attention decoder gives one (n, classes) a character, class 0 the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

COLUMNS = 128
CLASSES = 37


class Convolutions(nn.Module):
    """No recurrence: two convolutions see 8 columns to each side (Borisyuk, Gordo, Sivakumar, 'Rosetta', 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(_along(COLUMNS, 160), _along(160, 160), nn.Conv2d(160, CLASSES, 1))

    def forward(self, columns: Tensor) -> Tensor:
        """Columns to logits."""
        logits: Tensor = self.layers(columns.transpose(1, 2).unsqueeze(2))
        return logits.squeeze(2).transpose(1, 2)


class Recurrent(nn.Module):
    """Bidirectional LSTM (Hochreiter and Schmidhuber 1997) or GRU (Cho et al. 2014) layers of 80 units each way."""

    def __init__(self, kind: type[nn.LSTM | nn.GRU], layers: int) -> None:
        super().__init__()
        self.recurrence = kind(COLUMNS, 80, num_layers=layers, bidirectional=True, batch_first=True)
        self.classes = nn.Linear(160, CLASSES)

    def forward(self, columns: Tensor) -> Tensor:
        """Columns to logits."""
        states, _ = self.recurrence(columns)
        logits: Tensor = self.classes(states)
        return logits


class Transformer(nn.Module):
    """Two encoder layers of four heads (Vaswani et al. 2017) with learned places."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(COLUMNS, 4, 256, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.places = nn.Parameter(torch.randn(1, 40, COLUMNS) * 0.02)
        self.classes = nn.Linear(COLUMNS, CLASSES)

    def forward(self, columns: Tensor) -> Tensor:
        """Columns to logits."""
        logits: Tensor = self.classes(self.encoder(columns + self.places))
        return logits


class Attention(nn.Module):
    """A GRU that looks where it will, a character a step (Bahdanau et al. 2015; Shi et al., 'ASTER', 2018).

    Attributes:
        steps: characters at most, and the end.

    """

    steps = 13

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Embedding(CLASSES, 32)
        self.keys = nn.Linear(COLUMNS, 96)
        self.query = nn.Linear(128, 96)
        self.worth = nn.Linear(96, 1)
        self.places = nn.Parameter(torch.randn(1, 40, COLUMNS) * 0.1)
        self.cell = nn.GRUCell(COLUMNS + 32, 128)
        self.classes = nn.Linear(128 + COLUMNS, CLASSES)

    def forward(self, columns: Tensor, labels: Tensor | None = None) -> Tensor:
        """Columns to logits (n, steps, classes); ``labels`` (n, longest), padded with 0, lead it while it learns."""
        columns = columns + self.places
        keys = self.keys(columns)
        state = columns.new_zeros(len(columns), 128)
        last = columns.new_zeros(len(columns), dtype=torch.long)
        told = []
        for step in range(self.steps):
            weights = self.worth(torch.tanh(keys + self.query(state).unsqueeze(1))).softmax(1)
            seen = (weights * columns).sum(1)
            state = self.cell(torch.cat([seen, self.before(last)], 1), state)
            told.append(self.classes(torch.cat([state, seen], 1)))
            last = told[-1].argmax(1) if labels is None else labels[:, min(step, labels.shape[1] - 1)].long()
        return torch.stack(told, 1)


HEADS: dict[str, Callable[[], nn.Module]] = {
    "convolutions, CTC": Convolutions,
    "GRU, CTC": lambda: Recurrent(nn.GRU, 1),
    "LSTM, CTC": lambda: Recurrent(nn.LSTM, 1),
    "two LSTMs, CTC": lambda: Recurrent(nn.LSTM, 2),
    "transformer, CTC": Transformer,
    "attention decoder": Attention,
}


def _along(inputs: int, outputs: int) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, (1, 9), padding=(0, 4), bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())
