"""The MNIST digits (LeCun, Cortes, Burges), single and set side by side, and small changes to them."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

SIDE = 28
SLOT = 32
"""Rows and columns of a digit on its own as a strip: its 28 with a rim of 2."""
COUNT = 5
"""Digits of a string."""
WIDE = COUNT * SLOT
"""Columns of a string's strip."""
_PITCHES = (24, 26, 28, 30, 32)
"""Columns from one digit of a string to the next; below 28 their boxes overlap."""


@dataclass(frozen=True, slots=True, eq=False)
class Digits:
    """``images`` uint8 (n, 28, 28), ink is 255; ``labels`` int64 (n,), 0..9."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True)
class Change:
    """How far a digit is changed at most: ``turn`` in degrees, ``move`` in pixels, ``scale`` and ``lean`` as shares."""

    turn: float = 10.0
    move: float = 2.0
    scale: float = 0.1
    lean: float = 0.1


NONE = Change(0.0, 0.0, 0.0, 0.0)
LIGHT = Change()


def load(folder: Path, part: str) -> Digits:
    """Read the images and labels of a part, 'train' (60,000) or 't10k' (10,000).

    Raises:
        ValueError: a file is not in the IDX format of MNIST.

    """
    images = _idx(folder / f"{part}-images-idx3-ubyte.gz", 3)
    labels = _idx(folder / f"{part}-labels-idx1-ubyte.gz", 1)
    return Digits(torch.from_numpy(images), torch.from_numpy(labels).long())


def as_input(images: Tensor) -> Tensor:
    """Digits as float32 of the same shape in 0..1."""
    return images.float() / 255


def changed(images: Tensor, change: Change, generator: torch.Generator, *, size: int = SIDE) -> Tensor:
    """Each digit moved, turned, scaled and leant a little, all evenly at random within the bounds.

    Args:
        images: uint8 (n, 28, 28).
        change: the bounds.
        generator: of all choices.
        size: rows and columns of the result, the digit at its centre.

    Returns:
        float32 (n, size, size) in 0..1.

    """
    count = len(images)

    def even(bound: float) -> Tensor:
        return (2 * torch.rand(count, generator=generator) - 1) * bound

    turn, grow = torch.deg2rad(even(change.turn)), size / SIDE * (1 + even(change.scale))
    lean, right, down = even(change.lean), even(change.move * 2 / SIDE), even(change.move * 2 / SIDE)
    cosine, sine = turn.cos() * grow, turn.sin() * grow
    rows = [torch.stack([cosine, -sine + lean, right], 1), torch.stack([sine, cosine, down], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), [count, 1, size, size], align_corners=False)
    return functional.grid_sample(as_input(images).unsqueeze(1), grid, align_corners=False).squeeze(1)


def strings(digits: Digits, count: int, change: Change, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Strips of five digits drawn at random, at one pitch a call, which may let them touch.

    Args:
        digits: to draw from.
        count: of strips.
        change: of each digit.
        generator: of all choices.

    Returns:
        float32 (count, 32, 160) in 0..1, and int64 (count, 5), 0..9.

    """
    drawn = torch.randint(len(digits.images), (count * COUNT,), generator=generator)
    cells = changed(digits.images[drawn], change, generator, size=SLOT).view(count, COUNT, SLOT, SLOT)
    pitch = _PITCHES[int(torch.randint(len(_PITCHES), (1,), generator=generator))]
    room = WIDE - SLOT - (COUNT - 1) * pitch
    left = int(torch.randint(room + 1, (1,), generator=generator))
    return _set(cells, left, pitch), digits.labels[drawn].view(count, COUNT)


def test_strings(digits: Digits, seed: int) -> tuple[Tensor, Tensor]:
    """Every digit once, in strings of five that stand side by side as they are.

    Returns:
        uint8 (n / 5, 32, 160) and int64 (n / 5, 5), 0..9.

    """
    order = torch.randperm(len(digits.images), generator=torch.Generator().manual_seed(seed))
    cells = functional.pad(digits.images[order], (2, 2, 2, 2)).view(-1, COUNT, SLOT, SLOT)
    left = (WIDE - SLOT - (COUNT - 1) * SIDE) // 2
    return _set(cells, left, SIDE), digits.labels[order].view(-1, COUNT)


def _set(cells: Tensor, left: int, pitch: int) -> Tensor:
    """Cells (n, 5, 32, 32) in strips (n, 32, 160): ink adds up to the darkest where cells overlap."""
    strips = cells.new_zeros(len(cells), SLOT, WIDE)
    for place in range(COUNT):
        part = strips[:, :, left + place * pitch : left + place * pitch + SLOT]
        part.copy_(torch.maximum(part, cells[:, place]))
    return strips


def _idx(path: Path, axes: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    data = gzip.decompress(path.read_bytes())
    if data[:4] != bytes([0, 0, 8, axes]):
        raise ValueError(f"{path}: is no IDX file of bytes with {axes} axes; fetch MNIST again")
    shape = np.frombuffer(data, ">u4", axes, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape.astype(int)).copy()
