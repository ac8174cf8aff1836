"""What tells one country's plates from another's: shapes, colours, and what lies beneath the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from export.synthetic import grounds, texts
from export.synthetic.grounds import BLUE, WHITE

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from export.synthetic.drawing import Colour, Picture
    from export.synthetic.faces import Face
    from export.synthetic.grounds import Columns

BLACK = (20, 20, 20)
_YELLOW, _RED, _GREEN = (30, 190, 235), (40, 40, 170), (60, 110, 20)
_INDIAN_COLOURS = (
    (WHITE, BLACK),
    (WHITE, BLACK),
    (_YELLOW, BLACK),
    (BLACK, _YELLOW),
    (_RED, WHITE),
    (_GREEN, WHITE),
    (WHITE, BLUE),
)


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
        clutter: share of plates with marks or emblems between the groups.
        written: share of those that have marks, and no emblems.
        sealed: share of emblems between groups that are round seals.
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
    sealed: float = 0.0
    framed: float = 0.0
    panelled: float = 0.05
    stacked: float = 0.0
    stretched: float = 0.0
    arabic: bool = False


STYLES = (
    Style(
        share=0.29,
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
            (BLUE, WHITE),
            (_YELLOW, (90, 30, 20)),
            ((235, 235, 240), (30, 30, 160)),
            ((230, 235, 225), (40, 90, 30)),
            ((120, 80, 40), (120, 220, 240)),
            (BLACK, _YELLOW),
        ),
        ground=grounds.american,
        framed=0.45,
    ),
    Style(
        share=0.2,
        patterns=texts.EUROPEAN,
        free=0.15,
        aspect=(4.2, 5.0),
        caps=(0.58, 0.84),
        row=(0.46, 0.54),
        gap=(0.1, 0.8),
        clutter=0.6,
        sealed=0.5,
        colours=(
            (WHITE, BLACK),
            (_YELLOW, BLACK),
            ((225, 230, 232), (70, 30, 20)),
            (WHITE, _RED),
            (WHITE, _GREEN),
        ),
        ground=grounds.european,
        framed=0.2,
    ),
    Style(
        share=0.1,
        patterns=texts.INDIAN,
        free=0.1,
        aspect=(3.6, 5.2),
        caps=(0.45, 0.8),
        row=(0.45, 0.58),
        gap=(0.1, 0.6),
        clutter=0.45,
        written=0.85,
        colours=_INDIAN_COLOURS,
        ground=grounds.indian,
        stacked=0.15,
    ),
    Style(  # of traders and of the unregistered
        share=0.02,
        patterns=texts.INDIAN_ODD,
        free=0.0,
        aspect=(3.6, 5.2),
        caps=(0.45, 0.75),
        row=(0.45, 0.56),
        gap=(0.1, 0.7),
        clutter=0.3,
        written=0.9,
        colours=_INDIAN_COLOURS,
        ground=grounds.indian,
    ),
    Style(  # a block of two small lines, then the number
        share=0.04,
        patterns=texts.INDIAN_BLOCKS,
        free=0.0,
        aspect=(3.6, 5.2),
        caps=(0.55, 0.82),
        row=(0.45, 0.56),
        gap=(0.2, 1.2),
        clutter=0.15,
        written=0.3,
        colours=_INDIAN_COLOURS,
        ground=grounds.indian,
    ),
    Style(
        share=0.13,
        patterns=texts.LATIN,
        free=0.15,
        aspect=(2.4, 3.2),
        caps=(0.45, 0.66),
        row=(0.54, 0.62),
        gap=(0.1, 0.7),
        clutter=0.45,
        written=0.6,
        colours=(
            ((190, 190, 190), BLACK),
            (WHITE, BLACK),
            (BLACK, WHITE),
            (_RED, WHITE),
            (WHITE, (120, 50, 20)),
        ),
        ground=grounds.latin,
        framed=0.1,
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
        written=0.7,
        colours=((BLUE, WHITE), (_YELLOW, BLACK), ((140, 220, 140), BLACK), (BLACK, WHITE), (WHITE, BLACK)),
        ground=grounds.chinese,
    ),
    Style(
        share=0.06,
        patterns=texts.EUROPEAN + texts.AMERICAN,
        free=0.5,
        aspect=(1.9, 5.5),
        caps=(0.4, 0.85),
        row=(0.42, 0.58),
        gap=(0.1, 0.7),
        clutter=0.1,
        colours=((WHITE, BLACK), (BLACK, WHITE), (_YELLOW, BLACK)),
        ground=grounds.bare,
        stacked=0.2,
    ),
    Style(  # one of two lines, as split plates show it
        share=0.08,
        patterns=texts.HALVES,
        free=0.2,
        aspect=(2.2, 5.0),
        caps=(0.5, 0.86),
        row=(0.42, 0.58),
        gap=(0.1, 1.0),
        clutter=0.2,
        colours=((WHITE, BLACK), (_YELLOW, BLACK), (BLACK, WHITE), (WHITE, (120, 50, 20)), ((190, 190, 190), BLACK)),
        ground=grounds.bare,
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
        colours=((BLACK, WHITE), (BLACK, (190, 190, 190)), (WHITE, BLACK), (BLUE, WHITE)),
        ground=grounds.bare,
        panelled=0.3,
        arabic=True,
    ),
)
