"""A recurrent attention model: a digit read by a few small glimpses, each placed by what the earlier ones showed.

RAM (Mnih, Heess, Graves, Kavukcuoglu, 'Recurrent Models of Visual Attention', 2014): where to look is no differentiable
choice, so it is learnt by REINFORCE (Williams 1992) against a baseline; what is seen, by gradient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from export.experiments.networks import CLASSES

if TYPE_CHECKING:
    from torch import Tensor

GLIMPSES = 7
SPREAD = 0.08
"""Standard deviation of where it looks while learning, in halves of the picture."""
SIDE = 8
"""Pixels of a glimpse of RAM, across and down."""
_FIRST = 0.5  # the first glimpse falls anywhere within so many halves of the middle while learning


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """What came of looking at n pictures T times.

    Attributes:
        logits: float (n, 10), after the last glimpse; (n, digits, 10) where there are several.
        places: float (n, T, 2), where it looked: x and y from -1 to 1, the middle of the glimpse.
        likelihoods: float (n, choices), natural log-densities of the places that were chosen.
        hopes: float (n, choices), the reward expected before each choice.

    """

    logits: Tensor
    places: Tensor
    likelihoods: Tensor
    hopes: Tensor


class Ram(nn.Module):
    """Looks ``glimpses`` times at 8x8 pixels of a digit, and answers after the last.

    Args:
        glimpses: how often, at least 2.
        units: of the state.

    """

    def __init__(self, glimpses: int = GLIMPSES, units: int = 256) -> None:
        super().__init__()
        self.glimpses, self.units = glimpses, units
        self.what, self.where = nn.Linear(SIDE**2, units // 2), nn.Linear(2, units // 2)
        self.seen, self.placed = nn.Linear(units // 2, units), nn.Linear(units // 2, units)
        self.kept, self.taken = nn.Linear(units, units), nn.Linear(units, units)
        self.next, self.hope, self.classes = nn.Linear(units, 2), nn.Linear(units, 1), nn.Linear(units, CLASSES)

    def forward(self, digits: Tensor) -> Tensor:
        """Float (n, 28, 28) in 0..1 to logits (n, 10), looking where it most wants to."""
        return self.look(digits, spread=0.0).logits

    def look(self, digits: Tensor, *, spread: float = SPREAD) -> Episode:
        """Take all glimpses, each ``spread`` around where the state wants it (0: exactly there)."""
        state = digits.new_zeros(len(digits), self.units)
        place = (
            digits.new_empty(len(digits), 2).uniform_(-_FIRST, _FIRST) if spread else digits.new_zeros(len(digits), 2)
        )
        places, likelihoods, hopes = [place], [], []
        for number in range(self.glimpses):
            state = self._step(state, glimpse(digits, place, SIDE), place)
            if number + 1 < self.glimpses:
                # What the state says of the digit is not to be bent by where it looks next.
                wanted = torch.tanh(self.next(state.detach()))
                place = (wanted + spread * torch.randn_like(wanted)).clamp(-1, 1).detach() if spread else wanted
                places.append(place)
                likelihoods.append(density(place, wanted, spread or SPREAD))
                hopes.append(self.hope(state.detach()).squeeze(1))
        return Episode(self.classes(state), torch.stack(places, 1), torch.stack(likelihoods, 1), torch.stack(hopes, 1))

    def _step(self, state: Tensor, patch: Tensor, place: Tensor) -> Tensor:
        what, where = functional.relu(self.what(patch.flatten(1))), functional.relu(self.where(place))
        glimpsed = functional.relu(self.seen(what) + self.placed(where))
        return functional.relu(self.kept(state) + self.taken(glimpsed))


def loss(network: nn.Module, digits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the answers, REINFORCE of the places with reward 1 for a right answer, error of the baseline."""
    assert isinstance(network, Ram)  # noqa: S101 - a trial's network is its own
    episode = network.look(digits)
    reward = (episode.logits.detach().argmax(1) == labels).float().unsqueeze(1)
    better = reward - episode.hopes.detach()
    reinforced = -(episode.likelihoods * better).sum(1).mean()
    return functional.cross_entropy(episode.logits, labels) + reinforced + (episode.hopes - reward).square().mean()


def glimpse(pictures: Tensor, places: Tensor, side: int, *, reach: int | None = None) -> Tensor:
    """Squares cut out of pictures, 0 beyond their edges.

    Args:
        pictures: float (n, h, w).
        places: of their middles, float (n, 2), x and y from -1 to 1 across the picture.
        side: rows and columns of the result.
        reach: rows and columns of the picture that it shows, if not ``side``: more is seen more coarsely.

    Returns:
        float (n, side, side).

    """
    count, high, wide = pictures.shape
    reach = reach or side
    steps = (torch.arange(side, device=pictures.device) + 0.5) / side - 0.5
    across = places[:, :1] + steps * (2 * reach / wide)
    down = places[:, 1:] + steps * (2 * reach / high)
    grid = torch.stack([across[:, None].expand(count, side, side), down[:, :, None].expand(count, side, side)], -1)
    return functional.grid_sample(pictures[:, None], grid, align_corners=False).squeeze(1)


def density(place: Tensor, wanted: Tensor, spread: float) -> Tensor:
    """Natural logarithm of a normal density around (n, 2), without its constant."""
    return -(place - wanted).square().sum(1) / (2 * spread**2) - 2 * math.log(spread)
