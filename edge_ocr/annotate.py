"""Pictures for people: what was read, drawn where it was read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.errors import SourceError, printable
from edge_ocr.types import DOUBTFUL, SURE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.types import Image, Reading

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GREEN, _YELLOW, _RED = (60, 190, 60), (0, 190, 240), (60, 60, 230)  # B, G, R
_QUALITY = 90  # of the JPEG


def picture(image: Image, readings: Sequence[Reading]) -> Image:
    """A copy of an image with every reading's quad, text and confidence.

    Args:
        image: uint8, HxWx3 (B, G, R) or HxW grey; it stays as it is.
        readings: with quads in pixels of the image; the first, the best, is drawn on top.

    Returns:
        uint8, HxWx3.

    """
    canvas = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy(), np.uint8)
    pen = max(1, round(min(canvas.shape[:2]) / 360))  # readable from thumbnails to panoramas
    for reading in reversed(readings):
        shade = colour(reading.confidence)
        corners = np.rint(np.array(reading.quad.corners)).astype(np.int32)
        cv2.polylines(canvas, [corners], isClosed=True, color=shade, thickness=pen + 1, lineType=cv2.LINE_AA)
        _label(canvas, f"{reading.text} {reading.confidence:.0%}", corners, shade, pen)
    return canvas


def save(path: Path, image: Image) -> None:
    """Write an image as JPEG.

    Raises:
        SourceError: the file cannot be written.

    """
    # Encoded here and written by Python: cv2.imwrite says neither why it failed nor that it did.
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise SourceError(f"{printable(path)}: cannot be written ({error.strerror}); name another folder") from error


def colour(confidence: float) -> tuple[int, int, int]:
    """Green for what is sure, yellow for what is likely, red for what is doubtful; blue, green, red, 0..255."""
    if confidence >= SURE:
        return _GREEN
    return _YELLOW if confidence >= DOUBTFUL else _RED


def _label(canvas: Image, text: str, corners: np.ndarray, shade: tuple[int, int, int], pen: int) -> None:
    """Black on a bar of the quad's colour, above the quad where there is room, within the picture everywhere."""
    scale = 0.6 * pen
    (wide, high), below = cv2.getTextSize(text, _FONT, scale, pen)
    rows, columns = canvas.shape[:2]
    left = int(np.clip(corners[:, 0].min(), 0, max(columns - wide, 0)))
    bottom = int(corners[:, 1].min()) - pen
    if bottom - high - below < 0:
        bottom = min(int(corners[:, 1].max()) + high + below + pen, rows - 1)
    cv2.rectangle(canvas, (left, bottom - high - below), (left + wide, bottom), shade, cv2.FILLED)
    cv2.putText(canvas, text, (left, bottom - below), _FONT, scale, (0, 0, 0), pen, cv2.LINE_AA)


class Pictures:
    """A folder for annotated pictures: named after their images, told apart where those share a name.

    Args:
        folder: is made if missing.
        images: the paths of the images that are to be drawn, in order.

    Raises:
        SourceError: the folder cannot be made, or a picture would replace one of the images.

    """

    def __init__(self, folder: Path, images: Sequence[str]) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SourceError(
                f"--annotate {printable(folder)}: {error.strerror}; name a folder that can be made"
            ) from error
        self._files = [folder / name for name in _told_apart([Path(image).stem for image in images])]
        originals = {_identity(Path(image)) for image in images} - {None}
        for file in self._files:
            if _identity(file) in originals:
                raise SourceError(
                    f"{printable(file)}: --annotate would replace what is to be read; name another folder"
                )

    def save(self, number: int, image: Image, readings: Sequence[Reading]) -> None:
        """Write the picture of one image.

        Args:
            number: its place among the images.
            image: as for :func:`picture`.
            readings: as for :func:`picture`.

        Raises:
            SourceError: the file cannot be written.

        """
        save(self._files[number], picture(image, readings))


def _told_apart(stems: Sequence[str]) -> list[str]:
    """A file name for each stem, in their order: 'a.jpg', 'a-2.jpg', whatever the stems are."""
    names: dict[str, None] = {}
    for stem in stems:
        name, number = f"{stem}.jpg", 1
        while name in names:
            number += 1
            name = f"{stem}-{number}.jpg"
        names[name] = None
    return list(names)


def _identity(path: Path) -> tuple[int, int] | None:
    """The file behind a name, which links can give many; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
