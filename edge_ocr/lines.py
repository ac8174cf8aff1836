"""Quad -> lines: where a plate of two lines is parted.

A recogniser reads one line. Plates of two are cut along the valley between their lines, the rows that hold the least
ink, as in the projection profiles of document analysis (Nagy, Seth and Viswanathan, 'A prototype document image
analysis system for technical journals', 1992). The valley may slope: corners of a tilted plate are never quite right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_ocr import rectify
from edge_ocr.types import Quad, corners_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_ocr.types import Image

WIDEST = 3.5
"""Width / height up to which a plate may have two lines; at a slant, one that is twice as wide as high still has."""

DEEPEST_OF_ONE_LINE = 0.4
"""Plates of one line have valleys too, below a state's name or between letters and bolts; shallower ones are these."""

_HIGH = 40  # rows of the picture that is looked at
_BETWEEN = (0.3, 0.68)  # where a valley may run, as shares of the plate's height
_BESIDE = 0.06  # of the width on each side is the plate's edge, or a country's strip
_SLOPES = (0.0, -0.1, 0.1, -0.2, 0.2)  # falls of the valley over the plate's width, as shares of its height
_FAINT = 0.5  # mean change from column to column below which a row holds no ink, in grey levels
_OVERLAP = 0.03  # of the plate's height that both lines get on either side of the valley


def parted(image: Image, quad: Quad) -> tuple[Quad, Quad] | None:
    """The upper and the lower line of a plate, if it can have two.

    Args:
        image: uint8, HxWx3 (B, G, R) or HxW grey.
        quad: around the plate, in pixels of the image.

    Returns:
        Quads around each line that share a little around the valley; None where the plate is too wide, or no valley is
        deep enough. A plate of one line may be parted too: read it both ways, and let what it says decide.

    """
    patch = flattened(image, quad, widest=WIDEST)
    if patch is None:
        return None
    depth, row, slope = valley(patch)
    return None if depth < DEEPEST_OF_ONE_LINE else halves(quad, row, slope)


def flattened(image: Image, quad: Quad, *, widest: float) -> NDArray[np.uint8] | None:
    """The picture of a plate in which valleys and gaps are looked for; None where it is wider than it may be.

    Args:
        image: uint8, HxWx3 (B, G, R) or HxW grey.
        quad: around the plate, in pixels of the image.
        widest: width / height, at most.

    Returns:
        uint8, (40, w) grey, w in proportion.

    """
    shape = rectify.proportion(quad)
    if not shape <= widest:
        return None
    return rectify.strip(image, quad, width=max(16, round(shape * _HIGH)), height=_HIGH, margin=0.0).image


def valley(patch: NDArray[np.uint8]) -> tuple[float, float, float]:
    """The deepest valley between two bands of ink, and how it runs.

    Ink is what changes from column to column: neither the plate's shade nor a shadow's edge, nor a rim above.

    Args:
        patch: uint8, (h, w) grey, with w >= 2.

    Returns:
        How deep it is, 0..1: 1 where its rows hold no ink at all, 0 where they hold as much as the lesser band; where
        it runs in the middle of the patch, as a share of the height; and how much of the height it climbs from the left
        edge to the right one.

    """
    ink = changes(patch, _BESIDE)
    if ink.size == 0:
        return 0.0, 0.5, 0.0
    high = len(patch)
    first, last = round(_BETWEEN[0] * high), round(_BETWEEN[1] * high)
    best = (0.0, 0.5, 0.0)
    for slope in _SLOPES:
        rows = profile(ink, slope)
        above = np.maximum.accumulate(rows)
        below = np.maximum.accumulate(rows[::-1])[::-1]
        lesser = np.minimum(above, below)
        depths = np.where(lesser > _FAINT, 1 - rows / np.maximum(lesser, _FAINT), 0.0)
        row = first + int(np.argmax(depths[first:last]))
        if depths[row] > best[0] + 0.02:  # level, unless a slope is clearly better
            best = (float(depths[row]), (row + 0.5) / high, slope)
    return best


def changes(patch: NDArray[np.uint8], beside: float) -> NDArray[np.float32]:
    """How much a picture, uint8 (h, w), changes from column to column, less a share of its width on either side.

    Returns:
        float32, (h, about w); empty where nothing is left.

    """
    wide = patch.shape[1]
    edge = round(wide * beside)
    return np.abs(np.diff(patch.astype(np.float32), axis=1))[:, edge : wide - 1 - edge]


def profile(ink: NDArray[np.float32], slope: float) -> NDArray[np.floating[Any]]:
    """The mean ink of each row, float (h,), along lines that climb ``slope`` heights from left to right."""
    high, wide = ink.shape
    across = (np.arange(wide) + 0.5) / wide - 0.5
    places = np.clip(np.rint(np.arange(high)[:, None] + slope * high * across), 0, high - 1).astype(np.intp).ravel()
    return smoothed(np.bincount(places, ink.ravel(), high) / np.maximum(np.bincount(places, minlength=high), 1))


def smoothed(profile: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The mean of each value, (n,), and its two neighbours."""
    return np.convolve(np.pad(profile, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")


def halves(quad: Quad, row: float, slope: float, *, across: tuple[float, float] = (0.0, 1.0)) -> tuple[Quad, Quad]:
    """The upper and the lower line beside a valley; both get a little of what lies around it.

    Args:
        quad: the whole.
        row: of the valley in the middle, as a share of the height.
        slope: how much of the height it climbs from the left edge to the right one.
        across: the left and right edge of what is parted, as shares of the width.

    """
    left, right = row + slope / 2, row - slope / 2
    upper = part(quad, (0.0, 0.0), (left + _OVERLAP, right + _OVERLAP), across=across)
    return upper, part(quad, (left - _OVERLAP, right - _OVERLAP), (1.0, 1.0), across=across)


def part(
    quad: Quad, top: tuple[float, float], bottom: tuple[float, float], *, across: tuple[float, float] = (0.0, 1.0)
) -> Quad:
    """The part of a quad between two lines across it.

    Args:
        quad: the whole.
        top: where the upper line meets the part's left and right edge, as shares of the height.
        bottom: the same of the lower line.
        across: the part's left and right edge, as shares of the width.

    """
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    left, right = across
    ends = np.array([[(left, top[0]), (right, top[1]), (right, bottom[1]), (left, bottom[0])]], np.float32)
    places = cv2.perspectiveTransform(ends, cv2.getPerspectiveTransform(unit, np.array(quad.corners, np.float32)))
    return Quad(corners_of(places[0].tolist()), quad.kind, quad.score)
