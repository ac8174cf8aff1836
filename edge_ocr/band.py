"""Picture of a plate -> the band in which its text stands, between what is written above and below it.

American plates are twice as wide as high: a state's name and stickers above the text, a slogan below it, a dealer's
frame around all of them. The text has the most strokes, so its rows change most from column to column; the profile of
these changes ends sharply at its head and its foot where it is taken along the text, and smears where it is not
(projection-profile skew: Bloomberg, Kopec, Dasari, 'Measuring document image skew and orientation', 1995).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_ocr.lines import changes, profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BESIDE = 0.1  # of the width on each side is an edge, or what holds the plate
_WITHIN = (0.1, 0.95)  # of the height, where the text's densest row may be
_SLOPES = (0.0, -0.1, 0.1, -0.2, 0.2, -0.3, 0.3)  # climbs over the plate's width, as shares of its height
_CLEARLY = 1.03  # how much better a slope must be than the flatter ones
_FAINTEST = 0.4  # of the densest row's changes, that every row of the text has
_HEIGHTS = (0.3, 0.9)  # of the plate's; lower ones are no text, and higher ones no part of a plate
_ROOM = 0.06  # of the plate's height that is left above and below the text


class Band(NamedTuple):
    """``head`` and ``foot`` in the middle, and how far both climb from left to right: shares of the plate's height."""

    head: float
    foot: float
    climb: float


def text_band(patch: NDArray[np.uint8]) -> Band | None:
    """Where a plate's text stands.

    Args:
        patch: uint8, (h, w) grey, the plate upright in it.

    Returns:
        The band with a little room; None where the text fills the plate, or there is none.

    """
    high = patch.shape[0]
    ink = changes(patch, _BESIDE)
    if ink.size == 0:
        return None
    first, last = (round(share * high) for share in _WITHIN)
    best, found = 0.0, (0, high, 0.0)
    for slope in _SLOPES:
        rows = profile(ink, slope)
        densest = first + int(np.argmax(rows[first:last]))
        dense = rows >= _FAINTEST * rows[densest]
        top = densest - int(np.argmin(np.append(dense[densest::-1], False))) + 1
        bottom = densest + int(np.argmin(np.append(dense[densest:], False)))
        around = np.concatenate([rows[:top], rows[bottom:]])
        contrast = float(rows[top:bottom].mean() - (around.mean() if around.size else 0.0))
        if contrast > best * _CLEARLY:
            best, found = contrast, (top, bottom, slope)
    top, bottom, slope = found
    if not _HEIGHTS[0] <= (bottom - top) / high <= _HEIGHTS[1]:
        return None
    return Band(top / high - _ROOM, bottom / high + _ROOM, slope)
