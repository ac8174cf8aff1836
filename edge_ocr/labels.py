"""What was read, drawn into small pictures that are made many times a second: a frame around it, and the text above.

The letters are pixels that were drawn beforehand (``letters.png``, by export/letters.py): OpenCV 5 unpacks a font for
its first text, and keeps 8 MB for it, which is more than all else that live pictures take.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.annotate import colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.types import Image, Reading

_WIDE = 9  # pixels of a letter; letters.png has those of Latin-1 side by side
_KNOWN = 256
_LARGER_FROM = 1000  # columns of a picture in which letters are twice as large; three times with twice as many


def draw(image: Image, readings: Sequence[Reading]) -> None:
    """Draw every reading's quad, text and confidence into a picture.

    Args:
        image: uint8, HxWx3 (B, G, R); is drawn into.
        readings: with quads in pixels of the image; the first, the best, is drawn on top.

    """
    size = 1 + image.shape[1] // _LARGER_FROM
    for reading in reversed(readings):
        shade = colour(reading.confidence)
        corners = np.rint(np.array(reading.quad.corners)).astype(np.int32)
        cv2.polylines(image, [corners], isClosed=True, color=shade, thickness=size + 1, lineType=cv2.LINE_AA)
        _label(image, f" {reading.text} {reading.confidence:.0%} ".replace("  ", " "), corners, shade, size)


def _label(image: Image, text: str, corners: np.ndarray, shade: tuple[int, int, int], size: int) -> None:
    """Black on a bar of the quad's colour, above the quad where there is room, within the picture everywhere."""
    codes = [ord(letter) if ord(letter) < _KNOWN else ord("?") for letter in text]
    ink = _letters()[:, codes].reshape(-1, len(codes) * _WIDE)
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
    return sheet.reshape(sheet.shape[0], _KNOWN, _WIDE)
