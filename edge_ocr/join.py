"""Quads -> quads: pieces of one plate or word, side by side on one line, become one quad; lines above each other may.

A detector with a small field of view cuts wide plates in two, and both halves can be read perfectly. Two plates are
never as near to each other as two halves of one. Words are; but only pieces of one word reach far into each other,
unless the detector does not know the script, and takes its lines apart where a character is airy. Lines of large plates
are found one by one too; but what stands above or below a plate of one line is as near, so whether two are one is left
to what they say together.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.types import Kind, Quad, corners_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_HEIGHTS = 1.6  # ratio of the pieces' heights, at most
_ALIGNED = 0.9  # cosine of the angle between their base lines, at least
_ASIDE = 0.3  # heights that one may stand above the other's line
_GAP = 0.5  # heights between them, at most; characters of one plate stand nearer
_OVERLAP = 0.75  # of the shorter piece, at most; beyond, it is the same piece twice
_LONGEST = 8.0  # heights of the whole; the longest plates have five, seen at an angle more

_WORD_HEIGHTS = 1.5  # ratio of the heights of a word's pieces, at most
_WORD_ALIGNED = 0.94
_WORD_ASIDE = 0.35
# Mean heights between pieces of one word: they reach into each other; of those that do so far on renders 85% are one.
_WORD_GAP = -0.5

_LINE_HEIGHTS = 2.5  # ratio of two lines' heights, at most
_LINE_WIDTHS = 2.5  # ratio of their widths, at most
_BELOW = (0.4, 1.4)  # mean heights from one line's middle to the next one's
_SHIFT = 0.4  # of the mean width, by which a line may be set off to one side


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """The quads as pieces of lines: centres and directions float64 (n, 2), widths and heights (n,) in pixels."""

    centres: NDArray[np.float64]
    along: NDArray[np.float64]
    widths: NDArray[np.float64]
    heights: NDArray[np.float64]

    @classmethod
    def of(cls, corners: NDArray[np.float64]) -> _Lines:
        """Of corners (n, 4, 2)."""
        across = ((corners[:, 1] - corners[:, 0]) + (corners[:, 2] - corners[:, 3])) / 2
        down = ((corners[:, 3] - corners[:, 0]) + (corners[:, 2] - corners[:, 1])) / 2
        widths = np.maximum(np.hypot(across[:, 0], across[:, 1]), 1e-6)
        heights = np.maximum(np.hypot(down[:, 0], down[:, 1]), 1e-6)
        return cls(corners.mean(axis=1), across / widths[:, None], widths, heights)


def joined(quads: Sequence[Quad], *, word_gap: float | None = None, longest: float = inf) -> list[Quad]:
    """Put plates and words together that were found in pieces.

    Args:
        quads: of one frame, in any order; pieces of a plate may lie side by side.
        word_gap: between pieces of a word that need not overlap, in their mean heights at most; None where they must.
        longest: of a word that is put together of such, in its heights; what would be longer stays in pieces.

    Returns:
        The same quads in the same order, but for each run of pieces one quad around all of them with the best of
        their scores, in the place of the first.

    """
    whole = list(quads)
    gap = -inf if word_gap is None else word_gap
    while (pair := _nearest_pieces(whole, gap, longest)) is not None:
        first, second = pair
        whole[first] = _around(whole[first], whole[second])
        del whole[second]
    return whole


def stacked(quads: Sequence[Quad]) -> list[tuple[int, int, Quad]]:
    """Pairs of quads that may be the two lines of one plate.

    Args:
        quads: of one frame, in any order; kinds other than plates are left alone.

    Returns:
        The index of the upper line, that of the lower, and the quad around both with the better of their scores.

    """
    if len(quads) < 2:
        return []
    corners = np.array([quad.corners for quad in quads], np.float64)
    lines = _Lines.of(corners)
    plates = np.array([quad.kind is Kind.PLATE for quad in quads])
    between = lines.centres[None] - lines.centres[:, None]
    shift = np.abs((between * lines.along[:, None]).sum(axis=2))
    below = lines.along[:, None, 0] * between[..., 1] - lines.along[:, None, 1] * between[..., 0]
    height = (lines.heights[:, None] + lines.heights) / 2
    pairs = (
        (_ratio(lines.heights) <= _LINE_HEIGHTS)
        & (_ratio(lines.widths) <= _LINE_WIDTHS)
        & (lines.along @ lines.along.T >= _ALIGNED)
        & (below >= _BELOW[0] * height)
        & (below <= _BELOW[1] * height)
        & (shift <= _SHIFT * (lines.widths[:, None] + lines.widths) / 2)
        & (plates[:, None] & plates)
    )
    found = ((int(upper), int(lower)) for upper, lower in np.argwhere(pairs))
    return [(upper, lower, _over(quads[upper], quads[lower])) for upper, lower in found]


def _ratio(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of every two lengths the longer over the shorter."""
    return np.maximum(lengths[:, None], lengths) / np.minimum(lengths[:, None], lengths)


def _over(upper: Quad, lower: Quad) -> Quad:
    """The smallest rectangle around two lines, turned as they are."""
    a, b = np.array(upper.corners), np.array(lower.corners)
    along = (a[1] - a[0]) + (a[2] - a[3]) + (b[1] - b[0]) + (b[2] - b[3])
    along /= max(float(np.hypot(*along)), 1e-6)
    axes = np.stack([along, [-along[1], along[0]]])
    places = np.concatenate([a, b]) @ axes.T
    (left, top), (right, bottom) = places.min(axis=0), places.max(axis=0)
    around = np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) @ axes
    return Quad(corners_of(around.tolist()), upper.kind, max(upper.score, lower.score))


def _nearest_pieces(quads: Sequence[Quad], word_gap: float, longest: float) -> tuple[int, int] | None:
    """Two quads that are pieces of one plate or word, the nearest such pair."""
    if len(quads) < 2:
        return None
    lines = _Lines.of(np.array([quad.corners for quad in quads], np.float64))
    plates = np.array([quad.kind is Kind.PLATE for quad in quads])
    between = lines.centres[None] - lines.centres[:, None]
    ahead = np.abs((between * lines.along[:, None]).sum(axis=2))
    aside = np.abs(between[..., 0] * lines.along[:, None, 1] - between[..., 1] * lines.along[:, None, 0])
    height = (lines.heights[:, None] + lines.heights[None]) / 2
    gap = ahead - (lines.widths[:, None] + lines.widths[None]) / 2
    whole = ahead + (lines.widths[:, None] + lines.widths[None]) / 2
    aligned = lines.along @ lines.along.T
    of_plates = (
        (_ratio(lines.heights) <= _HEIGHTS)
        & (aligned >= _ALIGNED)
        & (aside <= _ASIDE * height)
        & (gap <= _GAP * height)
        & (-gap <= _OVERLAP * np.minimum(lines.widths[:, None], lines.widths))
        & (lines.widths[:, None] + lines.widths + gap <= _LONGEST * height)
        & (plates[:, None] & plates)
    )
    of_words = (
        (_ratio(lines.heights) <= _WORD_HEIGHTS)
        & (aligned >= _WORD_ALIGNED)
        & (aside <= _WORD_ASIDE * height)
        & ((gap <= _WORD_GAP * height) | ((gap <= word_gap * height) & (whole <= longest * height)))
        & ~(plates[:, None] | plates)
    )
    pieces = of_plates | of_words
    pieces &= np.triu(np.ones_like(pieces), k=1)
    if not pieces.any():
        return None
    first, second = np.unravel_index(np.argmin(np.where(pieces, gap, np.inf)), gap.shape)
    return int(first), int(second)


def _around(one: Quad, other: Quad) -> Quad:
    """From the left end of the one that begins first to the right end of the one that ends last."""
    a, b = np.array(one.corners), np.array(other.corners)
    along = (a[1] - a[0]) + (a[2] - a[3])
    left = a if (a[0] + a[3] - b[0] - b[3]) @ along <= 0 else b
    right = a if (a[1] + a[2] - b[1] - b[2]) @ along >= 0 else b
    return Quad(corners_of([left[0], right[1], right[2], left[3]]), one.kind, max(one.score, other.score))
