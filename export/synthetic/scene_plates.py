"""A stock of plate images to hang into scenes: rendered ones of one and two lines, and photographed crops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic import drawing, plates, texts
from export.synthetic.lettering import Line, letter
from export.synthetic.scene_plane import picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from export.synthetic.faces import Face

    Picture = NDArray[np.uint8]

_TWO_LINES = (
    "LL NN|LL NNNN",
    "LLL|NNNN",
    "L NNN|LL",
    "NN|LLL NN",
    "LL|NNNN",
    "LL NN|L NNNN",
    "LLL|NNN",
    "NNN|LLL",
    "L|NNNN LL",
)


_TWO_LINE_SHARE = 0.22
_NEGATIVE_SHARE = 0.2
"""Of plates as their own negative: light letters on a dark ground, which lorries, taxis, hired and test vehicles have
in many countries, and which are the hardest to tell from a grille or a painted panel."""


class Stock:
    """Plate images that are slowly replaced by fresh ones: drawing one takes longer than using it.

    Args:
        rng: source of all choices.
        faces: typefaces.
        photographed: BGR crops of real plates, to their edges; may be empty.
        size: how many rendered plates to hold.

    """

    def __init__(
        self, rng: np.random.Generator, faces: Sequence[Face], photographed: Sequence[Picture], size: int = 300
    ) -> None:
        self._faces = faces
        self._photographed = photographed
        self._held = [self._render(rng) for _ in range(size)]
        self._oldest = 0

    def take(self, rng: np.random.Generator) -> Picture:
        """A plate's image, BGR uint8, to its very edge; treat it as read-only."""
        if self._photographed and rng.random() < 0.08:
            return self._photographed[int(rng.integers(len(self._photographed)))]
        if rng.random() < 0.3:
            self._held[self._oldest] = self._render(rng)
            self._oldest = (self._oldest + 1) % len(self._held)
        return self._held[int(rng.integers(len(self._held)))]

    def _render(self, rng: np.random.Generator) -> Picture:
        two_lines = rng.random() < _TWO_LINE_SHARE
        plate = two_line_plate(rng, self._faces) if two_lines else plates.render_plate(rng, self._faces).image
        return picture(255 - plate) if rng.random() < _NEGATIVE_SHARE else plate


def two_line_plate(rng: np.random.Generator, faces: Sequence[Face]) -> Picture:
    """A plate with its text in two lines, as motorcycles, lorries and many countries' rear ends carry; BGR uint8."""
    height = int(rng.integers(170, 260))
    width = round(height * rng.uniform(0.85, 2.0))
    pairs = (
        ((235, 235, 235), (20, 20, 20)),
        ((30, 190, 235), (20, 20, 20)),
        ((20, 20, 20), (235, 235, 235)),
        ((40, 40, 170), (240, 240, 240)),
    )
    paper, ink = pairs[int(rng.choice(4, p=[0.6, 0.22, 0.1, 0.08]))]
    if rng.random() < 0.1:
        paper, ink = ink, paper
    canvas = np.full((height, width, 3), paper, np.uint8)
    face = faces[int(rng.integers(len(faces)))]
    pattern = _TWO_LINES[int(rng.integers(len(_TWO_LINES)))]
    split = rng.uniform(0.42, 0.54)
    for line, (top, bottom) in zip(pattern.split("|"), ((0.05, split), (split, 0.95)), strict=True):
        row = Line(face, texts.fill(rng, line))
        mask = letter(rng, row, gap=rng.uniform(0.2, 0.6), space=rng.uniform(0.05, 0.3)).mask
        tall = height * (bottom - top) * rng.uniform(0.95, 1.3)  # a mask has room above and below its capitals
        wide = min(width * rng.uniform(0.7, 0.92), mask.shape[1] * tall / mask.shape[0] * rng.uniform(0.9, 1.3))
        small = cv2.resize(mask, (max(4, round(wide)), max(4, round(tall))), interpolation=cv2.INTER_AREA)
        left = round((width - wide) * rng.uniform(0.35, 0.65))
        drawing.paint(canvas, small, (left, round(height * (top + bottom) / 2 - tall / 2)), ink)
    if rng.random() < 0.3:
        drawing.emblem(rng, canvas, (width * rng.uniform(0.08, 0.2), height * 0.25), height * 0.2)
    if rng.random() < 0.6:
        inset = int(rng.integers(1, 8))
        cv2.rectangle(canvas, (inset, inset), (width - 1 - inset, height - 1 - inset), ink, int(rng.integers(1, 6)))
    if rng.random() < 0.5:
        drawing.bolts(rng, canvas)
    return canvas
