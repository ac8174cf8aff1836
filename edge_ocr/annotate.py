"""Pictures for people: what was read, drawn where it was read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr import labels
from edge_ocr.errors import SourceError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.types import Image, Reading

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
    labels.draw(canvas, readings)
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
