"""What was read, drawn into a picture: a frame around it, and the text above.

The letters are pixels that were drawn beforehand (``letters.png``, by export/letters.py). OpenCV 4 draws no letter
beyond ASCII; OpenCV 5 does, but unpacks a font for its first text, and keeps 8 MB for it, which is more than all else
that live pictures take.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.types import DOUBTFUL, SURE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.types import Image, Reading

KNOWN = "".join(map(chr, range(0x180))) + "ȘșȚț€←↑→↓↖↗↘↙"
"""The characters of letters.png from left to right: Latin-1, what Europe's Latin alphabets add, and signs' arrows."""

_PLACES = {letter: place for place, letter in enumerate(KNOWN)}
_WIDE = 9  # pixels of a letter
_LARGER_FROM = (400, 1000)  # rows and columns of a picture in which letters are twice as large; thrice in twice these
_GREEN, _YELLOW, _RED = (60, 190, 60), (0, 190, 240), (60, 60, 230)  # B, G, R


def draw(image: Image, readings: Sequence[Reading]) -> None:
    """Draw every reading's quad, text and confidence into a picture.

    Args:
        image: uint8, HxWx3 (B, G, R); is drawn into.
        readings: with quads in pixels of the image; the first, the best, is drawn on top. Characters that
            :data:`KNOWN` lacks become question marks.

    """
    size = 1 + min(image.shape[0] // _LARGER_FROM[0], image.shape[1] // _LARGER_FROM[1])
    for reading in reversed(readings):
        shade = colour(reading.confidence)
        corners = np.rint(np.array(reading.quad.corners)).astype(np.int32)
        cv2.polylines(image, [corners], isClosed=True, color=shade, thickness=size + 1, lineType=cv2.LINE_AA)
        _label(image, f" {reading.text} {reading.confidence:.0%} ".replace("  ", " "), corners, shade, size)


def colour(confidence: float) -> tuple[int, int, int]:
    """Green for what is sure, yellow for what is likely, red for what is doubtful; blue, green, red, 0..255."""
    if confidence >= SURE:
        return _GREEN
    return _YELLOW if confidence >= DOUBTFUL else _RED


def _label(image: Image, text: str, corners: np.ndarray, shade: tuple[int, int, int], size: int) -> None:
    """Black on a bar of the quad's colour, above the quad where there is room, within the picture everywhere."""
    places = [_PLACES.get(letter, _PLACES["?"]) for letter in text]
    ink = _letters()[:, places].reshape(-1, len(places) * _WIDE)
    ink = ink.repeat(size, axis=0).repeat(size, axis=1)
    rows, columns = image.shape[:2]
    ink = ink[:rows, :columns]
    left = int(np.clip(corners[:, 0].min(), 0, columns - ink.shape[1]))
    top = int(corners[:, 1].min()) - size - ink.shape[0]
    top = top if top >= 0 else int(corners[:, 1].max()) + size
    top = int(np.clip(top, 0, rows - ink.shape[0]))
    paper = (255 - ink)[:, :, None].astype(np.uint16)
    bar = (paper * np.array(shade, np.uint16) // 255).astype(np.uint8)
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = bar


@cache
def _letters() -> np.ndarray:
    """How much ink there is, uint8 0..255, by row, character and column."""
    data = np.frombuffer((resources.files(__package__) / "letters.png").read_bytes(), np.uint8)
    sheet = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return sheet.reshape(sheet.shape[0], len(KNOWN), _WIDE)
