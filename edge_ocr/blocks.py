"""Quad -> a block of two small lines, and the number behind it: how much of India writes a plate.

A state and a district stand small below each other, and large beside them the number ('MH 13' over 'BN', then '4348').
Neither one line nor two says that: the block has a valley between its lines as plates of two lines have
(:mod:`edge_ocr.lines`), the number has strokes right there, and a gap parts them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.lines import flattened, halves, part, smoothed, valley

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from edge_ocr.types import Image, Quad

_WIDEST = 6.0  # width / height
_WITHIN = (0.15, 0.5)  # where the gap may be, as shares of the width
_ROWS = (0.15, 0.85)  # of the height: neither rims nor what stands along them
_QUIET = 0.35  # of the changes in three columns of four, below which a column holds no ink
_GAP = 0.02  # of the width, at least
_DEEPEST = 0.5  # of the block's valley
_STROKES = 0.5  # of the number's most, that it has of ink where the block has its valley


def blocked(image: Image, quad: Quad) -> tuple[Quad, Quad, Quad] | None:
    """The upper and the lower line of a plate's block and its number, in the order in which they are read.

    Args:
        image: uint8, HxWx3 (B, G, R) or HxW grey.
        quad: around the plate, in pixels of the image.

    Returns:
        Quads; None where no gap has two lines before it and one behind it. What has may still be one line: read it
        both ways, and let what it says decide.

    """
    patch = flattened(image, quad, widest=_WIDEST)
    if patch is None:
        return None
    found = None
    for gap in gaps(patch):
        depth, row, slope = valley(patch[:, :gap])
        if depth >= _DEEPEST and _crosses(patch[:, gap:], row) and (found is None or depth > found[0]):
            found = depth, gap / patch.shape[1], row, slope
    if found is None:
        return None
    _, share, row, slope = found
    return *halves(quad, row, slope, across=(0.0, share)), part(quad, (0.0, 0.0), (1.0, 1.0), across=(share, 1.0))


def _crosses(patch: NDArray[np.uint8], row: float) -> bool:
    """Whether the text of a patch has strokes at a row, which is a share of the height."""
    ink = np.abs(np.diff(patch.astype(np.float32), axis=1)).mean(axis=1)
    smooth = smoothed(ink)
    return bool(smooth[int(row * len(smooth))] >= _STROKES * smooth.max() > 0)


def gaps(patch: NDArray[np.uint8]) -> Iterator[int]:
    """Columns in the middle of gaps between characters, where a block could end.

    Args:
        patch: uint8, (h, w) grey.

    """
    high, wide = patch.shape
    first, last = (round(share * high) for share in _ROWS)
    ink = np.abs(np.diff(patch[first:last].astype(np.float32), axis=1)).mean(axis=0)
    smooth = smoothed(ink)
    quiet = smooth < _QUIET * np.percentile(smooth, 75)
    edges = np.flatnonzero(np.diff(np.pad(quiet.astype(np.int8), 1)))
    for begin, end in list(pairwise(edges.tolist()))[::2]:
        middle = (begin + end) // 2
        if end - begin >= _GAP * wide and _WITHIN[0] <= middle / wide <= _WITHIN[1]:
            yield middle
