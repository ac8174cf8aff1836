"""A stock of lettering to hang into scenes: lines of words in one typeface, and the box of every word's ink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic.scene_plane import picture
from export.synthetic.sign_letters import bent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from export.synthetic.sign_fonts import Typeface
    from export.synthetic.sign_texts import Writer

    Picture = NDArray[np.uint8]

CAPITALS = 37
"""Rows of a capital letter in most typefaces, as they are drawn."""
_LONGEST = 34  # characters of a line
_TRIES = 20
_REPLACED = 0.25  # of all that are taken


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """``mask`` uint8 (h, w), ink 0..255, cut to the ink; ``boxes`` float32 (words, 4), x0, y0, x1, y1 in it."""

    mask: Picture
    boxes: NDArray[np.float32]


class Lettering:
    """Settings of one to four lines, slowly replaced by fresh ones: drawing one takes longer than using it.

    Args:
        rng: source of all choices.
        typefaces: to set in.
        writer: of the texts.
        size: how many settings to hold.

    """

    def __init__(
        self, rng: np.random.Generator, typefaces: Sequence[Typeface], writer: Writer, size: int = 500
    ) -> None:
        self._typefaces, self._writer = typefaces, writer
        self._held = [self._set(rng) for _ in range(size)]
        self._oldest = 0

    def take(self, rng: np.random.Generator) -> Sequence[Line]:
        """Lines in one typeface, at least one; treat them as read-only."""
        if rng.random() < _REPLACED:
            self._held[self._oldest] = self._set(rng)
            self._oldest = (self._oldest + 1) % len(self._held)
        return self._held[int(rng.integers(len(self._held)))]

    def _set(self, rng: np.random.Generator) -> list[Line]:
        face = self._typefaces[int(rng.integers(len(self._typefaces)))]
        apart = float(rng.choice([0.0, rng.uniform(-0.03, 0.12), rng.uniform(0.1, 0.7)], p=[0.62, 0.27, 0.11]))
        stretch = float(np.exp(rng.normal(0, 0.22)))
        weight = int(rng.integers(-1, 4)) if rng.random() < 0.4 else 0
        hollow = rng.random() < 0.04
        lines = []
        for _ in range(int(rng.integers(1, 5))):
            mask, boxes = face.words(self._text(rng, face.characters), spread=apart)
            if min(mask.shape) < 2:
                continue
            line = _worn(picture(mask), boxes, stretch=stretch, weight=weight, hollow=hollow)
            if len(boxes) == 1 and rng.random() < 0.06:  # along an arc, slanted, or growing to one side
                mask = picture(bent(rng, line.mask))
                line = Line(mask, np.array([[0, 0, mask.shape[1], mask.shape[0]]], np.float32))
            lines.append(line)
        return lines or self._set(rng)

    def _text(self, rng: np.random.Generator, characters: frozenset[str]) -> str:
        """One to three texts in a row that the typeface has."""
        for _ in range(_TRIES):
            count = int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))
            text = " ".join(self._writer(rng) for _ in range(count))
            if len(text) <= _LONGEST and set(text) <= characters:
                return text
        return "".join("0123456789"[int(digit)] for digit in rng.integers(10, size=int(rng.integers(1, 5))))


def _worn(mask: Picture, boxes: NDArray[np.float32], *, stretch: float, weight: int, hollow: bool) -> Line:
    """Letters wider or narrower, bolder or thinner, or only their outlines."""
    rows, columns = mask.shape
    wide = max(3, round(columns * stretch))
    mask = picture(cv2.resize(mask, (wide, rows), interpolation=cv2.INTER_LINEAR))
    boxes = boxes * np.array([wide / columns, 1, wide / columns, 1], np.float32)
    if weight:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(weight) + 1, abs(weight) + 1))
        mask = picture(cv2.dilate(np.pad(mask, 2), kernel) if weight > 0 else np.pad(cv2.erode(mask, kernel), 2))
        grown = max(weight, 0) / 2
        boxes = boxes + np.array([2 - grown, 2 - grown, 2 + grown, 2 + grown], np.float32)
    if hollow:
        kernel = np.ones((3, 3), np.uint8)
        mask = picture(cv2.subtract(cv2.dilate(mask, kernel), cv2.erode(mask, kernel)))
    return Line(mask, boxes)
