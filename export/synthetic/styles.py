"""What tells one country's plates from another's: shapes, colours, and what lies beneath the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from export.synthetic import drawing, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from export.synthetic.drawing import Colour, Picture
    from export.synthetic.faces import Face

Columns = tuple[int, int]
"""The columns of a plate between which its text may stand."""


@dataclass(frozen=True, slots=True)
class Style:
    """One family of plates; lengths are shares of the plate's height, ranges are drawn from evenly.

    Attributes:
        share: of all rendered plates.
        patterns: of the texts (see :mod:`export.synthetic.texts`).
        free: share of texts that follow no pattern.
        aspect: width over height.
        caps: height of the letters.
        row: where the middle of the text stands.
        gap: between groups, in cap heights.
        clutter: share of plates with emblems between the groups.
        written: share of what stands between groups that is a hyphen, a dot or a bracket, and no emblem.
        colours: pairs of paper and ink, BGR.
        ground: draws what lies beneath the text.
        framed: share of plates in a dealer's frame.
        panelled: share of plates with a thick rim.
        stacked: share of plates that show the edge of another line.
        stretched: share of plates whose text is as wide as there is room, however few characters that are.
        arabic: whether T stands for the word that Tunisian plates have.

    """

    share: float
    patterns: tuple[str, ...]
    free: float
    aspect: tuple[float, float]
    caps: tuple[float, float]
    row: tuple[float, float]
    gap: tuple[float, float]
    clutter: float
    colours: tuple[tuple[Colour, Colour], ...]
    ground: Callable[[np.random.Generator, Picture, Colour, Face], Columns]
    written: float = 0.3
    framed: float = 0.0
    panelled: float = 0.05
    stacked: float = 0.0
    stretched: float = 0.0
    arabic: bool = False


BLACK, WHITE = (20, 20, 20), (235, 235, 235)
_YELLOW, _BLUE, _RED, _GREEN = (30, 190, 235), (150, 60, 20), (40, 40, 170), (60, 110, 20)


def _american(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:
    """A state's name, a slogan, stickers, often a picture, sometimes a mark or small letters before the text."""
    height, width = canvas.shape[:2]
    if rng.random() < 0.55:
        drawing.scene(rng, canvas, rng.uniform(0.05, 0.45))
    if rng.random() < 0.3:  # bands of colour above and below
        depth = round(height * rng.uniform(0.1, 0.25))
        canvas[:depth] = drawing.colour(rng)
        if rng.random() < 0.5:
            canvas[-depth:] = drawing.colour(rng)
    for row, odds in ((rng.uniform(0.08, 0.2), 0.85), (rng.uniform(0.86, 0.95), 0.7)):
        if rng.random() < odds:
            shade = ink if rng.random() < 0.6 else drawing.colour(rng)
            centre = (width * rng.uniform(0.35, 0.65), height * row)
            drawing.words(rng, canvas, centre, height * rng.uniform(0.08, 0.18), shade)
    for column in (0.1, 0.9):
        if rng.random() < 0.4:
            centre = (width * column, height * rng.uniform(0.08, 0.22))
            drawing.emblem(rng, canvas, centre, height * rng.uniform(0.1, 0.22))
    left, right = _edges(rng, width)
    if rng.random() < 0.06:
        drawing.emblem(rng, canvas, (width * 0.91, height * 0.55), height * rng.uniform(0.15, 0.35))
        right = round(width * 0.84)
    return max(left, _mark(rng, canvas, ink, face)), right


def _mark(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> int:
    """A picture or two small letters before the text, on some plates; gives the column where they end."""
    height, width = canvas.shape[:2]
    sort = rng.random()
    if sort < 0.15:
        drawing.emblem(rng, canvas, (width * 0.1, height * 0.55), height * rng.uniform(0.2, 0.4))
        return round(width * 0.19)
    if sort < 0.3:  # two or three small letters or words below each other, in a box or a diamond of their own or not
        rows, right = int(rng.integers(1, 4)), rng.uniform(0.08, 0.17)
        if rng.random() < 0.3:
            drawing.emblem(rng, canvas, (width * (0.02 + right / 2), height * 0.55), width * right)
        tall = rng.uniform(0.3, 0.5) / max(rows, 2)
        for row in 0.55 + (np.arange(rows) - (rows - 1) / 2) * tall * rng.uniform(1.0, 1.3):
            box = (width * 0.025, height * (row - tall * 0.4), width * right, height * (row + tall * 0.4))
            drawing.capitals(rng, canvas, face, box, ink)
        return round(width * (right + 0.015))
    return 0


def _european(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:  # noqa: ARG001 one shape for all grounds
    """A coloured strip with stars and the country's letters on the left, now and then one on the right."""
    height, width = canvas.shape[:2]
    left, right = _edges(rng, width)
    for at_left, odds in ((True, 0.75), (False, 0.12)):
        if rng.random() < odds:
            depth = round(width * rng.uniform(0.06, 0.11))
            strip = canvas[:, :depth] if at_left else canvas[:, width - depth :]
            strip[:] = _BLUE if rng.random() < 0.8 else drawing.colour(rng)
            drawing.emblem(rng, strip, (depth / 2, height * 0.3), depth * 0.7)
            if rng.random() < 0.85:
                box = (depth * 0.15, height * 0.6, depth * 0.85, height * 0.9)
                drawing.capitals(rng, strip, face, box, WHITE)
            left, right = (depth + 3, right) if at_left else (left, width - depth - 3)
    return left, right


def _latin(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:  # noqa: ARG001 one shape for all grounds
    """A country's or town's name above the text, on a band of its own or not."""
    height, width = canvas.shape[:2]
    depth = round(height * rng.uniform(0.16, 0.26))
    if rng.random() < 0.5:
        canvas[:depth] = _BLUE
        drawing.words(rng, canvas, (width / 2, depth / 2), depth * 0.6, WHITE)
    else:
        drawing.words(rng, canvas, (width / 2, depth * 0.6), depth * 0.6, ink)
    for column in (0.07, 0.93):
        if rng.random() < 0.3:
            drawing.emblem(rng, canvas, (width * column, depth / 2), depth * 0.7)
    return _edges(rng, width)


def _indian(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:
    """A hologram and the letters IND before the text, on newer plates."""
    height, width = canvas.shape[:2]
    left, right = _edges(rng, width)
    if rng.random() < 0.5:
        depth = round(width * rng.uniform(0.04, 0.08))
        drawing.emblem(rng, canvas, (depth * 0.6, height * 0.3), height * 0.25)
        shade = _BLUE if rng.random() < 0.6 else ink
        drawing.capitals(rng, canvas, face, (2, height * 0.55, depth, height * 0.75), shade)
        left = depth + 3
    return left, right


def _chinese(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:  # noqa: ARG001 one shape for all grounds
    """The province's character before the part that is read."""
    height, width = canvas.shape[:2]
    left, right = _edges(rng, width)
    if rng.random() < 0.85:
        drawing.squiggle(rng, canvas, (width * 0.04, height * 0.15, width * 0.15, height * 0.85), ink)
        left = round(width * 0.165)
    return left, right


def _bare(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:  # noqa: ARG001 one shape for all grounds
    """Nothing but paper."""
    return _edges(rng, canvas.shape[1])


def _edges(rng: np.random.Generator, width: int) -> Columns:
    return round(width * rng.uniform(0.02, 0.06)), round(width * rng.uniform(0.94, 0.98))


STYLES = (
    Style(
        share=0.32,
        patterns=texts.AMERICAN,
        free=0.3,
        aspect=(1.85, 2.15),
        caps=(0.36, 0.58),
        row=(0.48, 0.6),
        gap=(0.1, 0.9),
        clutter=0.6,
        colours=(
            ((235, 232, 228), (90, 40, 30)),
            ((225, 225, 225), BLACK),
            ((230, 215, 190), (120, 30, 20)),
            ((200, 225, 235), (30, 30, 120)),
            (_BLUE, WHITE),
            (_YELLOW, (90, 30, 20)),
            ((235, 235, 240), (30, 30, 160)),
            ((230, 235, 225), (40, 90, 30)),
            ((120, 80, 40), (120, 220, 240)),
            (BLACK, _YELLOW),
        ),
        ground=_american,
        framed=0.4,
    ),
    Style(
        share=0.22,
        patterns=texts.EUROPEAN,
        free=0.15,
        aspect=(4.2, 5.0),
        caps=(0.58, 0.84),
        row=(0.46, 0.54),
        gap=(0.1, 0.8),
        clutter=0.6,
        colours=(
            (WHITE, BLACK),
            (_YELLOW, BLACK),
            ((225, 230, 232), (70, 30, 20)),
            (WHITE, _RED),
            (WHITE, _GREEN),
        ),
        ground=_european,
    ),
    Style(
        share=0.1,
        patterns=texts.INDIAN,
        free=0.1,
        aspect=(3.6, 5.2),
        caps=(0.45, 0.8),
        row=(0.45, 0.58),
        gap=(0.1, 0.6),
        clutter=0.4,
        written=0.85,
        colours=((WHITE, BLACK), (_YELLOW, BLACK), (BLACK, _YELLOW), (_RED, WHITE), (_GREEN, WHITE), (WHITE, _BLUE)),
        ground=_indian,
        stacked=0.15,
    ),
    Style(
        share=0.1,
        patterns=texts.LATIN,
        free=0.15,
        aspect=(2.4, 3.2),
        caps=(0.45, 0.66),
        row=(0.54, 0.62),
        gap=(0.1, 0.7),
        clutter=0.3,
        colours=(
            ((190, 190, 190), BLACK),
            (WHITE, BLACK),
            (BLACK, WHITE),
            (_RED, WHITE),
            (WHITE, (120, 50, 20)),
        ),
        ground=_latin,
        panelled=0.35,
    ),
    Style(
        share=0.05,
        patterns=texts.CHINESE,
        free=0.1,
        aspect=(2.9, 3.4),
        caps=(0.6, 0.78),
        row=(0.46, 0.54),
        gap=(0.15, 0.5),
        clutter=0.3,
        colours=((_BLUE, WHITE), (_YELLOW, BLACK), ((140, 220, 140), BLACK), (BLACK, WHITE), (WHITE, BLACK)),
        ground=_chinese,
    ),
    Style(
        share=0.08,
        patterns=texts.EUROPEAN + texts.AMERICAN,
        free=0.5,
        aspect=(1.9, 5.5),
        caps=(0.4, 0.85),
        row=(0.42, 0.58),
        gap=(0.1, 0.7),
        clutter=0.1,
        colours=((WHITE, BLACK), (BLACK, WHITE), (_YELLOW, BLACK)),
        ground=_bare,
        stacked=0.2,
    ),
    Style(  # one of two lines, as split plates show it
        share=0.1,
        patterns=texts.HALVES,
        free=0.2,
        aspect=(2.2, 5.0),
        caps=(0.5, 0.86),
        row=(0.42, 0.58),
        gap=(0.1, 1.0),
        clutter=0.2,
        colours=((WHITE, BLACK), (_YELLOW, BLACK), (BLACK, WHITE), (WHITE, (120, 50, 20)), ((190, 190, 190), BLACK)),
        ground=_bare,
        stacked=0.75,
        stretched=0.6,
    ),
    Style(
        share=0.03,
        patterns=texts.TUNISIAN,
        free=0.0,
        aspect=(2.6, 5.0),
        caps=(0.5, 0.8),
        row=(0.45, 0.55),
        gap=(0.05, 0.4),
        clutter=0.05,
        colours=((BLACK, WHITE), (BLACK, (190, 190, 190)), (WHITE, BLACK), (_BLUE, WHITE)),
        ground=_bare,
        panelled=0.3,
        arabic=True,
    ),
)
