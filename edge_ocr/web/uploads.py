"""Pictures that somebody sends: looked at before they are decoded, so that a small file cannot become a huge array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.web.exchange import Problem

if TYPE_CHECKING:
    from edge_ocr.types import Image

KINDS = ("image/jpeg", "image/png")

_MOST_PIXELS = 16_000_000  # the largest sensor of a Raspberry Pi has 12.3 million
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of JPEG that begin a frame and tell its size


def decoded(data: bytes) -> Image:
    """A picture from the bytes of a JPEG or PNG file, upright.

    Raises:
        Problem: they are none, are damaged, or hold too many pixels.

    """
    size = _size(data)
    if size is None:
        raise Problem(415, "Unsupported media type", "the body is neither JPEG nor PNG; send one of them as it is")
    if not 0 < size[0] * size[1] <= _MOST_PIXELS:
        what = f"the picture has {size[0]} x {size[1]} pixels"
        raise Problem(413, "Content too large", f"{what}; send one of at most {_MOST_PIXELS // 1_000_000} million")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise Problem(400, "Bad request", "the picture is damaged; save it again and send that")
    return image.astype(np.uint8, copy=False)


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the file's head tells them; None where it is neither JPEG nor PNG."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in _FRAMES:
            return int.from_bytes(data[place + 7 : place + 9], "big"), int.from_bytes(
                data[place + 5 : place + 7], "big"
            )
        # A marker may be preceded by any number of fill bytes.
        place += 1 if marker == 0xFF else 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None
