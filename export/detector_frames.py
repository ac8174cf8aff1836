"""Which real frames the plate detector learns from and which it is measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from export import photographs

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FOLDER = "plates_ro_frames"
_BLOCK = 25
"""Frames taken one after another look alike, so they are held back in blocks of this many, every fifth block."""
_MARGIN = (0.035, 0.07)
"""Shares of a labelled box, across and down, that lie beside the plate on each side."""


def held_back(image: Path) -> bool:
    """Whether a frame of plates_ro_frames, named by its number, is kept out of training to measure with."""
    return (int(image.stem) // _BLOCK) % 5 == 3


def training_frames(folder: Path) -> list[tuple[Path, NDArray[np.float32]]]:
    """Frames of plates_ro_frames that are not held back, with their plates as quads, float32 (n, 4, 2).

    The labels leave a margin around the plates, as can be seen in them; the quads do not.
    """
    quads: dict[Path, list[list[tuple[float, float]]]] = {}
    for label in photographs.labels(folder):
        if label.box is not None and not held_back(label.image):
            x, y, w, h = label.box
            x, y, w, h = x + _MARGIN[0] * w, y + _MARGIN[1] * h, w * (1 - 2 * _MARGIN[0]), h * (1 - 2 * _MARGIN[1])
            quads.setdefault(label.image, []).append([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
    return [(path, np.array(found, np.float32)) for path, found in sorted(quads.items())]
