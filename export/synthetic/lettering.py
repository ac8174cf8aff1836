"""A line of text as a mask: characters of a face, as authorities, dealers and owners set them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic.faces import CAPS, MASK_HEIGHT
from export.synthetic.marks import mark
from export.synthetic.texts import BREAK, MARKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from export.synthetic.drawing import Picture
    from export.synthetic.faces import Face

_TALL = CAPS.stop - CAPS.start
_SLIT_SHARE = 0.14
_UNEVEN_SHARE = 0.05
_ITALIC_SHARE = 0.05
_WORN_SHARE = 0.05
SMALL = 0.48
"""Of the height of the others: letters of two small lines, in the mean."""
_RIM = 6
"""Empty columns beside a setting, into which bent strokes may reach."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Groups of characters (see :mod:`export.synthetic.texts`) and the typeface to set them in."""

    face: Face
    groups: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A line of text as one mask; ``gaps`` are the centres and widths between groups, in columns of the mask."""

    mask: Picture
    gaps: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Cut:
    """What the characters of one line have in common; lengths in columns of a mask.

    Attributes:
        face: their typeface.
        widen: how much wider they are than the typeface's.
        space: mean distance between characters.
        cell: width of a cell of fixed pitch, or of a die.
        pitched: whether every character stands in the middle of a cell.
        die: whether all but the narrowest are as wide as each other, as many authorities cut their dies.
        slit: where zeros have a slit: 1 at the right, -1 at the left, 0 nowhere.

    """

    face: Face
    widen: float
    space: float
    cell: float
    pitched: bool
    die: bool
    slit: int


def letter(rng: np.random.Generator, line: Line, *, gap: float, space: float) -> Setting:
    """Set a line of text, with its face's proportions and weight changed at random.

    Args:
        rng: source of all choices.
        line: what to set.
        gap: mean distance between groups, in cap heights.
        space: mean distance between characters, in cap heights.

    """
    widen = rng.uniform(0.75, 1.3)
    weight = int(rng.integers(-1, 5))  # thin faces would not survive more than one pixel less
    sort = rng.random()
    cell = _TALL * rng.uniform(0.44, 0.75)
    slit = (1 if rng.random() < 0.7 else -1) if rng.random() < _SLIT_SHARE else 0
    cut = _Cut(line.face, widen, _TALL * space, cell, pitched=sort < 0.2, die=0.2 <= sort < 0.55, slit=slit)
    groups = [_block(rng, cut, group) if BREAK in group else _group(rng, cut, group) for group in line.groups]
    if len(groups) > 1 and rng.random() < _UNEVEN_SHARE:
        groups = _uneven(rng, groups)
    slant = _slant(rng)
    rim = _RIM + round(abs(slant) * MASK_HEIGHT / 2)
    parts, column = [_blank(rim)], rim
    gaps: list[tuple[float, float]] = []
    for number, group in enumerate(groups):
        if number:
            between = _blank(_TALL * gap * rng.uniform(0.7, 1.4))
            gaps.append((column + between.shape[1] / 2, float(between.shape[1])))
            parts.append(between)
            column += between.shape[1]
        parts.append(group)
        column += group.shape[1]
    mask = np.concatenate([*parts, _blank(rim)], axis=1)
    if weight:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(weight) + 1, abs(weight) + 1))
        mask = cv2.dilate(mask, kernel) if weight > 0 else cv2.erode(mask, kernel)
    if slant or rng.random() < 0.5:
        mask = _bend(rng, mask, slant)
    if rng.random() < _WORN_SHARE:
        mask = _worn(rng, mask)
    return Setting(mask, gaps)


def _group(rng: np.random.Generator, cut: _Cut, group: str) -> Picture:
    """Characters and marks beside each other."""
    parts: list[Picture] = []
    for place, character in enumerate(group):
        if place:
            parts.append(_blank(max(2.0, cut.space * rng.uniform(0.8, 1.2))))
        if character in MARKS:
            parts.append(mark(rng, cut.face, character))
            continue
        glyph = cut.face.masks[character]
        width = max(3, round(glyph.shape[1] * cut.widen))
        if cut.die and width > 0.6 * cut.cell:
            width = round(cut.cell * rng.uniform(0.97, 1.03))
        if cut.slit and character == "0":
            glyph = _slit(glyph) if cut.slit > 0 else _slit(glyph[:, ::-1])[:, ::-1]
        side = _blank(max(0.0, (cut.cell - width) / 2) if cut.pitched else 0.0)
        parts += [side, cv2.resize(glyph, (width, MASK_HEIGHT), interpolation=cv2.INTER_AREA), side]
    return np.concatenate(parts, axis=1)


def _block(rng: np.random.Generator, cut: _Cut, group: str) -> Picture:
    """Two small lines below each other that are read before what follows, with a line between them or not."""
    tall = round(_TALL * SMALL * rng.uniform(0.85, 1.15))
    apart = round(_TALL * rng.uniform(0.06, 0.2))
    lines = [_group(rng, cut, part)[CAPS] for part in group.split(BREAK)]
    broad = tall / _TALL * rng.uniform(0.9, 1.35)
    lines = [
        cv2.resize(line, (max(4, round(line.shape[1] * broad)), tall), interpolation=cv2.INTER_AREA) for line in lines
    ]
    width = max(line.shape[1] for line in lines)
    block = np.zeros((MASK_HEIGHT, width), np.uint8)
    top = (CAPS.start + CAPS.stop) // 2 - tall - apart // 2
    for row, line in zip((top, top + tall + apart), lines, strict=True):
        left = (width - line.shape[1]) // 2 if rng.random() < 0.8 else 0
        block[row : row + tall, left : left + line.shape[1]] = line
    if apart > 8 and rng.random() < 0.3:
        cv2.line(block, (0, top + tall + apart // 2), (width, top + tall + apart // 2), 255, 3)
    return block


def _uneven(rng: np.random.Generator, groups: Sequence[Picture]) -> list[Picture]:
    """Some groups smaller than the others, on the line or above it."""
    least, drop = rng.uniform(0.55, 0.85), rng.choice([0.0, 0.5, 1.0])
    sizes = np.where(rng.random(len(groups)) < 0.5, least, 1.0)
    if sizes.min() == sizes.max():
        sizes[0] = least if rng.random() < 0.7 else 1.0
    sizes[-1] = 1.0 if sizes.max() < 1 else sizes[-1]
    out = []
    for group, size in zip(groups, sizes.tolist(), strict=True):
        if size == 1.0:
            out.append(group)
            continue
        small = cv2.resize(
            group, (max(4, round(group.shape[1] * size)), round(MASK_HEIGHT * size)), interpolation=cv2.INTER_AREA
        )
        top = round(CAPS.start * (1 - size) + (_TALL * (1 - size)) * drop)
        held = np.zeros((MASK_HEIGHT, small.shape[1]), np.uint8)
        held[top : top + small.shape[0]] = small[: MASK_HEIGHT - top]
        out.append(held)
    return out


def _blank(width: float) -> Picture:
    return np.zeros((MASK_HEIGHT, max(0, round(width))), np.uint8)


def _slit(glyph: Picture) -> Picture:
    """A zero with a slit at the upper right, as on Dutch plates and those made after them, so that it is no O."""
    cut = glyph.copy()
    width = glyph.shape[1]
    start, end = (width * 0.6, CAPS.start + _TALL * 0.42), (width * 1.02, CAPS.start + _TALL * 0.08)
    points = [(round(x), round(y)) for x, y in (start, end)]
    cv2.line(cut, points[0], points[1], 0, max(2, _TALL // 12), cv2.LINE_AA)
    return cut


def _slant(rng: np.random.Generator) -> float:
    """Columns a row by which a line leans forward: upright, a little off, or italic."""
    sort = rng.random()
    if sort < _ITALIC_SHARE:
        return float(rng.uniform(0.12, 0.36))
    return float(rng.normal(0, 0.06)) if sort < 0.5 else 0.0


def _bend(rng: np.random.Generator, mask: Picture, slant: float) -> Picture:
    """Slant the line and deform its strokes smoothly, differently at every character."""
    height, width = mask.shape
    grid = (3, max(3, width // 40))
    dx = cv2.resize(rng.normal(0, 2.2, grid).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    dy = cv2.resize(rng.normal(0, 1.6, grid).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    dx = (
        dx
        + np.arange(width, dtype=np.float32)
        + np.float32(slant) * (np.arange(height, dtype=np.float32)[:, None] - height / 2)
    )
    dy = dy + np.arange(height, dtype=np.float32)[:, None]
    return cv2.remap(mask, dx, dy, cv2.INTER_LINEAR)


def _worn(rng: np.random.Generator, mask: Picture) -> Picture:
    """Paint that went: parts of the line are paler than others, none is gone."""
    height, width = mask.shape
    cells = rng.uniform(0.3, 1.25, (2, max(3, width // 30))).clip(max=1).astype(np.float32)
    left: Picture = (mask * cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)).astype(np.uint8)
    return left
