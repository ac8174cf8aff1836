"""Marks that are written between characters and not read: hyphens, dots, strokes, brackets, as strong as the letters.

They stand in the texts of :mod:`export.synthetic.texts` and have no part in a label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic.faces import CAPS, MASK_HEIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.synthetic.faces import Face

_MIDDLE = (CAPS.start + CAPS.stop) / 2
_TALL = CAPS.stop - CAPS.start


def mark(rng: np.random.Generator, face: Face, sort: str) -> NDArray[np.uint8]:
    """The mask of one mark, uint8 (MASK_HEIGHT, width), cut to its ink.

    Args:
        rng: source of all choices.
        face: whose stems tell how thick it is.
        sort: one of :data:`export.synthetic.texts.MARKS`.

    """
    thick = max(3, round(_stem(face) * rng.uniform(0.6, 1.05)))
    canvas = np.zeros((MASK_HEIGHT, _TALL + 2 * thick), np.uint8)
    left = float(thick)
    if sort == "-":
        row = _MIDDLE + _TALL * rng.uniform(-0.05, 0.12)
        _stroke(canvas, [(left, row), (left + _TALL * rng.uniform(0.12, 0.4), row)], thick)
    elif sort in ".:":
        low = CAPS.stop - thick / 2
        pair = (_MIDDLE - _TALL * 0.2, _MIDDLE + _TALL * 0.25)
        for row in pair if sort == ":" else (low if rng.random() < 0.5 else _MIDDLE,):
            _stroke(canvas, [(left, row), (left, row)], round(thick * rng.uniform(0.9, 1.3)))
    elif sort == "/":
        lean, over = _TALL * rng.uniform(0.15, 0.5), _TALL * rng.uniform(-0.05, 0.1)
        _stroke(canvas, [(left, CAPS.stop + over), (left + lean, CAPS.start - over)], thick)
    else:
        _bracket(rng, canvas, sort, left, round(0.8 * thick))
    columns = np.flatnonzero(canvas.max(axis=0) > 32)
    return canvas[:, columns[0] : columns[-1] + 1].copy()


def _bracket(rng: np.random.Generator, canvas: NDArray[np.uint8], sort: str, left: float, thick: int) -> None:
    deep, reach = _TALL * rng.uniform(0.12, 0.22), _TALL * rng.uniform(0.46, 0.58)
    angle = np.linspace(-1, 1, 9)
    out = np.cos(angle * np.pi / 2) if sort in "()" else np.where(np.abs(angle) < 0.9, 1.0, 0.0)
    column = left + deep * (1 - out if sort in "([" else out)
    rows = _MIDDLE + reach * (np.sin(angle * np.pi / 2) if sort in "()" else np.clip(angle / 0.9, -1, 1))
    _stroke(canvas, list(zip(column.tolist(), rows.tolist(), strict=True)), max(2, thick))


def _stem(face: Face) -> int:
    """How thick the upright of an L is, in columns."""
    row = face.masks["L"][round(_MIDDLE)]
    return min(max(int((row > 128).sum()), 3), _TALL // 3)


def _stroke(canvas: NDArray[np.uint8], points: list[tuple[float, float]], thick: int) -> None:
    line = np.rint(np.array(points) * 16).astype(np.int32)
    cv2.polylines(canvas, [line], isClosed=False, color=255, thickness=thick, lineType=cv2.LINE_AA, shift=4)
