"""A deep recurrent attention model: pairs of digits anywhere in a picture, found and read by glimpses.

DRAM (Ba, Mnih, Kavukcuoglu, 'Multiple Object Recognition with Visual Attention', 2015): one recurrent net remembers
what was seen and names the digits, a second one above it chooses where to look; a coarse view of the whole picture
tells the second where to begin. Smaller than theirs, and on pictures of 64x64 where theirs have 100x100.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from export.experiments import mnist
from export.experiments.attention import SPREAD, Episode, density, glimpse
from export.experiments.networks import CLASSES
from export.experiments.trials import BATCH

if TYPE_CHECKING:
    from torch import Tensor

    from export.experiments.mnist import Digits
    from export.experiments.trials import Batches

FIELD = 64
"""Rows and columns of a picture."""
COUNT = 2
LOOKS = 3
"""Glimpses for each digit."""
REACHES = (18, 40)
"""Pixels that the fine and the coarse part of a glimpse show."""
_SIDE = 14  # pixels of either part, across and down
_COARSE = 4  # pixels of the picture for one of the view that tells where to begin
_ASIDE = 24  # pixels from one digit to the next at least; digits are 28 wide with their rims


class Dram(nn.Module):
    """Looks at a picture :data:`LOOKS` times for each digit, from left to right.

    Args:
        units: of either state.

    """

    def __init__(self, units: int = 128) -> None:
        super().__init__()
        self.seen = _encoder(2, _SIDE, units)
        self.whole = _encoder(1, FIELD // _COARSE, units)
        self.placed = nn.Linear(2, units)
        self.reading, self.looking = nn.LSTMCell(units, units), nn.LSTMCell(units, units)
        self.next, self.hope, self.classes = nn.Linear(units, 2), nn.Linear(units, 1), nn.Linear(units, CLASSES)

    def forward(self, pictures: Tensor) -> Tensor:
        """Float (n, 64, 64) in 0..1 to logits (n, 2, 10), looking where it most wants to."""
        return self.look(pictures, spread=0.0).logits

    def look(self, pictures: Tensor, *, spread: float = SPREAD) -> Episode:
        """Take all glimpses, each ``spread`` around where the upper state wants it (0: exactly there)."""
        coarse = functional.avg_pool2d(pictures.unsqueeze(1), _COARSE)
        above = torch.tanh(self.whole(coarse))
        states = [pictures.new_zeros(len(pictures), above.shape[1]) for _ in range(3)]
        read, kept, kept_above = states
        places, likelihoods, hopes, logits = [], [], [], []
        for number in range(COUNT * LOOKS):
            wanted = torch.tanh(self.next(above))
            place = (wanted + spread * torch.randn_like(wanted)).clamp(-1, 1).detach() if spread else wanted
            places.append(place)
            likelihoods.append(density(place, wanted, spread or SPREAD))
            hopes.append(self.hope(above.detach()).squeeze(1))
            parts = [glimpse(pictures, place, _SIDE, reach=reach) for reach in REACHES]
            shown = self.seen(torch.stack(parts, 1)) * functional.relu(self.placed(place))
            read, kept = self.reading(shown, (read, kept))
            # What names a digit is not to be bent by where is looked next.
            above, kept_above = self.looking(read.detach(), (above, kept_above))
            if number % LOOKS == LOOKS - 1:
                logits.append(self.classes(read))
        return Episode(*(torch.stack(values, 1) for values in (logits, places, likelihoods, hopes)))


def loss(network: nn.Module, pictures: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the answers, REINFORCE of the places by what is then read rightly, error of the baseline."""
    assert isinstance(network, Dram)  # noqa: S101 - a trial's network is its own
    episode = network.look(pictures)
    right = (episode.logits.detach().argmax(2) == labels).float()
    to_come = right.flip(1).cumsum(1).flip(1).repeat_interleave(LOOKS, dim=1)
    better = to_come - episode.hopes.detach()
    reinforced = -(episode.likelihoods * better).sum(1).mean()
    answers = functional.cross_entropy(episode.logits.flatten(0, 1), labels.flatten())
    return answers + 0.1 * reinforced + (episode.hopes - to_come).square().mean()


def pairs(digits: Digits, generator: torch.Generator) -> Batches:
    """Every digit once, in pairs: float (n, 64, 64) in 0..1 and int64 (n, 2) from left to right."""
    order = torch.randperm(len(digits.images) // COUNT * COUNT, generator=generator)
    for places in torch.split(order, BATCH):
        if len(places) == BATCH:
            yield pictures_of(digits.images[places], generator), digits.labels[places].view(-1, COUNT)


def pictures_of(images: Tensor, generator: torch.Generator) -> Tensor:
    """Digits, uint8 (2 n, 28, 28), in pairs beside each other at any height: float (n, 64, 64) in 0..1."""
    shown = mnist.as_input(images).view(-1, COUNT, mnist.SIDE, mnist.SIDE)
    room = FIELD - mnist.SIDE
    fields = shown.new_zeros(len(shown), FIELD, FIELD)
    for field, (left, right) in zip(fields, shown, strict=True):
        first = int(torch.randint(room - _ASIDE + 1, (1,), generator=generator))
        second = int(torch.randint(first + _ASIDE, room + 1, (1,), generator=generator))
        for digit, column in ((left, first), (right, second)):
            row = int(torch.randint(room + 1, (1,), generator=generator))
            part = field[row : row + mnist.SIDE, column : column + mnist.SIDE]
            part.copy_(torch.maximum(part, digit))
    return fields


def reads_pairs(network: nn.Module, digits: Digits) -> dict[str, float]:
    """The share of pairs, each test digit in one, of which both digits are read right."""
    right = count = 0
    with torch.no_grad():
        for pictures, labels in pairs(digits, torch.Generator().manual_seed(0)):
            right += int((network(pictures).argmax(2) == labels).all(1).sum())
            count += len(labels)
    return {"pairs": right / max(count, 1)}


def _encoder(channels: int, side: int, units: int) -> nn.Sequential:
    """Pictures (n, channels, side, side) to (n, units), not below 0."""
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (side // 4) ** 2, units),
        nn.ReLU(),
    )
