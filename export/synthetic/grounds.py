"""What lies beneath the text of a plate: strips, bands, names, emblems, the marks of many countries.

Each draws in place on a BGR uint8 canvas and gives the columns between which the text may stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from export.synthetic import drawing

if TYPE_CHECKING:
    from export.synthetic.drawing import Colour, Picture
    from export.synthetic.faces import Face

Columns = tuple[int, int]
"""The columns of a plate between which its text may stand."""

WHITE = (235, 235, 235)
BLUE = (150, 60, 20)


def american(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:
    """A state's name, a slogan, stickers, often a picture, sometimes a mark or small letters before the text."""
    height, width = canvas.shape[:2]
    if rng.random() < 0.55:
        drawing.scene(rng, canvas, rng.uniform(0.03, 0.35))
    if rng.random() < 0.3:  # bands of colour above and below
        depth = round(height * rng.uniform(0.1, 0.25))
        canvas[:depth] = drawing.colour(rng)
        if rng.random() < 0.5:
            canvas[-depth:] = drawing.colour(rng)
    for row, odds in ((rng.uniform(0.08, 0.2), 0.85), (rng.uniform(0.86, 0.95), 0.7)):
        if rng.random() < odds:
            shade = ink if rng.random() < 0.6 else drawing.colour(rng)
            centre = (width * rng.uniform(0.35, 0.65), height * row)
            drawing.words(rng, canvas, centre, height * rng.uniform(0.08, 0.18), shade)
    for column in (0.1, 0.9):
        if rng.random() < 0.4:
            centre = (width * column, height * rng.uniform(0.08, 0.22))
            drawing.emblem(rng, canvas, centre, height * rng.uniform(0.1, 0.22))
    left, right = _edges(rng, width)
    if rng.random() < 0.06:
        drawing.emblem(rng, canvas, (width * 0.91, height * 0.55), height * rng.uniform(0.15, 0.35))
        right = round(width * 0.84)
    return max(left, _mark(rng, canvas, ink, face)), right


def _mark(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> int:
    """A picture, a badge or small letters before the text, on some plates; gives the column where they end."""
    height, width = canvas.shape[:2]
    if rng.random() < 0.15:
        end = width * rng.uniform(0.1, 0.25)
        size = min(end, height * rng.uniform(0.2, 0.4))
        drawing.emblem(rng, canvas, (end / 2, height * rng.uniform(0.48, 0.6)), size)
        return round(end)
    end = 0.0
    if rng.random() < 0.07:
        left, top = width * 0.025, height * rng.uniform(0.38, 0.52)
        side = width * rng.uniform(0.06, 0.11)
        drawing.badge(rng, canvas, (left, top, left + side, top + side * rng.uniform(0.9, 1.4)))
        end = left + side + 3
    if rng.random() < 0.18:
        end = _small_letters(rng, canvas, ink, face, end)
    return round(end)


def _small_letters(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face, start: float) -> float:
    """Two or three letters or words below each other, in a box or a diamond of their own or not; where they end."""
    height, width = canvas.shape[:2]
    rows, left = int(rng.integers(1, 4)), max(start, width * 0.025)
    right = left + width * rng.uniform(0.055, 0.145)
    if rng.random() < 0.3:
        drawing.emblem(rng, canvas, ((left + right) / 2, height * 0.55), right - left)
    tall = rng.uniform(0.3, 0.5) / max(rows, 2)
    for row in 0.55 + (np.arange(rows) - (rows - 1) / 2) * tall * rng.uniform(1.0, 1.3):
        drawing.capitals(
            rng, canvas, face, (left, height * (row - tall * 0.4), right, height * (row + tall * 0.4)), ink
        )
    return right + width * 0.015


def european(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:  # noqa: ARG001 one shape for all grounds
    """A coloured strip with stars and the country's letters on the left, now and then one on the right."""
    height, width = canvas.shape[:2]
    left, right = _edges(rng, width)
    for at_left, odds in ((True, 0.75), (False, 0.12)):
        if rng.random() < odds:
            depth = round(width * rng.uniform(0.06, 0.11))
            strip = canvas[:, :depth] if at_left else canvas[:, width - depth :]
            strip[:] = BLUE if rng.random() < 0.8 else drawing.colour(rng)
            drawing.emblem(rng, strip, (depth / 2, height * 0.3), depth * 0.7)
            if rng.random() < 0.85:
                box = (depth * 0.15, height * 0.6, depth * 0.85, height * 0.9)
                drawing.capitals(rng, strip, face, box, WHITE)
            left, right = (depth + 3, right) if at_left else (left, width - depth - 3)
    return left, right


def latin(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:
    """A country's or town's name above the text, on a band of its own or not."""
    height, width = canvas.shape[:2]
    depth = round(height * rng.uniform(0.16, 0.26))
    if rng.random() < 0.5:
        canvas[:depth] = BLUE
        drawing.words(rng, canvas, (width / 2, depth / 2), depth * 0.6, WHITE)
    else:
        drawing.words(rng, canvas, (width / 2, depth * 0.6), depth * 0.6, ink)
    for column in (0.07, 0.93):
        if rng.random() < 0.3:
            drawing.emblem(rng, canvas, (width * column, depth / 2), depth * 0.7)
    left, right = _edges(rng, width)
    if rng.random() < 0.2:  # a code to be scanned, and the country's letters below it
        side = width * rng.uniform(0.03, 0.06)
        drawing.emblem(rng, canvas, (left + side / 2, height * rng.uniform(0.35, 0.5)), side)
        drawing.capitals(rng, canvas, face, (left, height * 0.72, left + side, height * 0.86), ink)
        left += round(side) + 3
    return left, right


def indian(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:
    """A hologram and the letters IND before the text, on newer plates."""
    height, width = canvas.shape[:2]
    left, right = _edges(rng, width)
    if rng.random() < 0.5:
        depth = round(width * rng.uniform(0.04, 0.08))
        drawing.emblem(rng, canvas, (depth * 0.6, height * 0.3), height * 0.25)
        shade = BLUE if rng.random() < 0.6 else ink
        drawing.capitals(rng, canvas, face, (2, height * 0.55, depth, height * 0.75), shade)
        left = depth + 3
    return left, right


def chinese(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:  # noqa: ARG001 one shape for all grounds
    """The province's character before the part that is read."""
    height, width = canvas.shape[:2]
    left, right = _edges(rng, width)
    if rng.random() < 0.85:
        sign, margin = drawing.ideograph if rng.random() < 0.85 else drawing.squiggle, rng.uniform(0.12, 0.2)
        end = width * rng.uniform(0.13, 0.16)
        sign(rng, canvas, (width * rng.uniform(0.02, 0.05), height * margin, end, height * (1 - margin)), ink)
        left = round(end + width * 0.015)
    return left, right


def bare(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> Columns:  # noqa: ARG001 one shape for all grounds
    """Nothing but paper."""
    return _edges(rng, canvas.shape[1])


def _edges(rng: np.random.Generator, width: int) -> Columns:
    return round(width * rng.uniform(0.02, 0.06)), round(width * rng.uniform(0.94, 0.98))
