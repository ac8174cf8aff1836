"""Licence plates as objects: the shapes, colours, lettering and clutter of many countries, flat and undamaged.

How a camera sees them is :mod:`export.synthetic.degrade`'s part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic import drawing, texts
from export.synthetic.arabic import tunis
from export.synthetic.faces import CAPS, Face
from export.synthetic.grounds import WHITE
from export.synthetic.lettering import SMALL, Line, letter
from export.synthetic.styles import BLACK, STYLES, Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from export.synthetic.drawing import Colour, Picture
    from export.synthetic.grounds import Columns

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

Gaps = list[tuple[float, float]]
"""Middles and widths of the gaps between the groups of a text, in columns of the plate."""

_CAP_ROWS = CAPS.stop - CAPS.start
_EMBLEM_GAP = (0.25, 0.6)
_PALE_SHARE = 0.07
_FAR_SHARE = 0.08


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """A flat plate.

    Attributes:
        image: BGR uint8, to its very edge.
        text: its label.
        band: the box of the text itself.
        fine: size of its smallest letters in pixels: their height, or the room across where that is less.

    """

    image: Picture
    text: str
    band: Box
    fine: float


def render_plate(rng: np.random.Generator, faces: Sequence[Face]) -> Plate:
    """One plate of any country, 300 to 500 pixels wide."""
    style = STYLES[int(rng.choice(len(STYLES), p=[style.share for style in STYLES]))]
    return render(rng, style, texts.choose(rng, style.patterns, style.free), faces)


def render(rng: np.random.Generator, style: Style, groups: list[str], faces: Sequence[Face]) -> Plate:
    """One plate of a style with a given text (see :mod:`export.synthetic.texts`), with more marks where it has some."""
    width = int(rng.integers(300, 340)) if style.aspect[1] < 3 else int(rng.integers(420, 500))
    height = round(width / rng.uniform(*style.aspect))
    paper, ink = _colours(rng, style)
    canvas = np.empty((height, width, 3), np.uint8)
    cv2.rectangle(canvas, (0, 0), (width, height), paper, -1)
    columns = style.ground(rng, canvas, ink, _any(rng, faces))
    caps, middle = height * rng.uniform(*style.caps), height * rng.uniform(*style.row)
    if rng.random() < style.panelled:
        columns = _panel(rng, canvas, paper, columns, (middle - caps / 2, middle + caps / 2))
    if rng.random() < style.stacked:
        _neighbour(rng, canvas, ink, _any(rng, faces))
    face = _any(rng, faces)
    if style.arabic:
        face = Face(face.name, face.masks | {"T": tunis(rng)})
    gap, between = rng.uniform(*style.gap), rng.random() < style.clutter
    if between and rng.random() < style.written:
        groups, between = texts.marked(rng, groups), False
    elif between:
        gap = max(gap, rng.uniform(*_EMBLEM_GAP))
    band, gaps = _text(rng, canvas, style, Line(face, groups), ink, columns, (middle, caps, gap))
    if between:
        _emblems(rng, canvas, style, band, gaps)
    _over(rng, canvas)
    if rng.random() < style.framed:
        _frame(rng, canvas, _any(rng, faces))
    if rng.random() < 0.35:
        _dirt(rng, canvas)
    text = texts.label(groups)
    small = SMALL if any(texts.BREAK in group for group in groups) else 1.0
    return Plate(canvas, text, band, small * min(band[3] - band[1], (band[2] - band[0]) / len(text)))


def _any(rng: np.random.Generator, faces: Sequence[Face]) -> Face:
    return faces[int(rng.integers(len(faces)))]


def _colours(rng: np.random.Generator, style: Style) -> tuple[Colour, Colour]:
    """A country's pair, shifted a little or the ink paled; now and then any two that differ enough to be read."""
    if rng.random() < 0.15:
        while True:
            paper, ink = drawing.colour(rng), drawing.colour(rng)
            if abs(_grey(paper) - _grey(ink)) > 60:
                return paper, ink
    paper, ink = style.colours[int(rng.integers(len(style.colours)))]
    pair = np.array([paper, ink])
    if rng.random() < _PALE_SHARE:
        pair[1] = pair[0] + (pair[1] - pair[0]) * rng.uniform(0.3, 0.6)
    moved = np.clip(pair.reshape(6) + rng.integers(-20, 21, 6), 0, 255).tolist()
    return (moved[0], moved[1], moved[2]), (moved[3], moved[4], moved[5])


def _grey(colour: Colour) -> float:
    return 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]


def _panel(
    rng: np.random.Generator, canvas: Picture, paper: Colour, columns: Columns, rows: tuple[float, float]
) -> Columns:
    """A thick rim of another colour around the paper, whose uprights are easily taken for I, L or 1.

    Where the paper is but a band, as on old Argentine plates, the rim reaches close to the text's rows.
    """
    height, width = canvas.shape[:2]
    side, near = round(width * rng.uniform(0.02, 0.06)), rng.uniform(0.15, 0.9)
    above, below = round(max(2, rows[0] * near)), round(max(2, (height - rows[1]) * near))
    rim = WHITE if _grey(paper) < 120 else BLACK
    canvas[:above] = canvas[height - below :] = rim if rng.random() < 0.7 else drawing.colour(rng)
    canvas[:, :side] = canvas[:, width - side :] = canvas[0, 0]
    return max(columns[0], side + 3), min(columns[1], width - side - 3)


def _neighbour(rng: np.random.Generator, canvas: Picture, ink: Colour, face: Face) -> None:
    """The edge of another line of text above or below, as where a plate of two lines was split."""
    height, width = canvas.shape[:2]
    seen, tall = height * rng.uniform(0.02, 0.2), height * rng.uniform(0.4, 0.75)
    top = seen - tall if rng.random() < 0.5 else height - seen
    drawing.capitals(
        rng, canvas, face, (width * rng.uniform(0, 0.3), top, width * rng.uniform(0.6, 1), top + tall), ink
    )


def _text(
    rng: np.random.Generator,
    canvas: Picture,
    style: Style,
    line: Line,
    ink: Colour,
    columns: Columns,
    level: tuple[float, float, float],
) -> tuple[Box, Gaps]:
    """Set the text between two columns, ``level`` its middle, its height and its gaps' width; its box, and its gaps."""
    middle, caps, gap = level
    far = rng.random() < _FAR_SHARE
    setting = letter(rng, line, gap=gap, space=rng.uniform(*((0.3, 0.7) if far else (0.02, 0.3))))
    scale = caps / _CAP_ROWS
    room = columns[1] - columns[0]
    broad = 2.2 if rng.random() < style.stretched else 1.15
    across = min(scale * rng.uniform(0.85, broad), room / setting.mask.shape[1])
    size = (max(8, round(setting.mask.shape[1] * across)), max(8, round(setting.mask.shape[0] * scale)))
    mask = cv2.resize(setting.mask, size, interpolation=cv2.INTER_AREA)
    left = columns[0] + round((room - size[0]) * (rng.uniform(0.3, 0.7) if rng.random() < 0.8 else rng.random()))
    top = round(middle - size[1] / 2)
    if rng.random() < 0.06:  # an outline around the letters, or a shadow under them
        side = int(rng.integers(3, 8))
        around, off = cv2.dilate(mask, np.ones((side, side), np.uint8)), int(rng.integers(0, 3))
        drawing.paint(canvas, around, (left + off, top + off), drawing.colour(rng))
    drawing.paint(canvas, mask, (left, top), ink)
    if rng.random() < 0.5:
        drawing.emboss(canvas, mask, (left, top), rng.normal(0, 45))
    first_row = top + round(CAPS.start * scale)
    box = (left, first_row, left + size[0], first_row + round(_CAP_ROWS * scale))
    return box, [(left + centre * across, width * across) for centre, width in setting.gaps]


def _emblems(rng: np.random.Generator, canvas: Picture, style: Style, band: Box, gaps: Gaps) -> None:
    """Coats of arms, stickers and seals between the groups of a text, which they hardly touch."""
    caps, middle = band[3] - band[1], (band[1] + band[3]) / 2
    sealed, size = rng.random() < style.sealed, caps * rng.uniform(0.2, 0.8)
    for column, width in gaps:
        if rng.random() < 0.75:
            at = (column, middle + rng.normal(0, 0.08) * caps)
            if sealed:
                drawing.seals(rng, canvas, at, min(caps, 2.5 * width))
            else:
                drawing.emblem(rng, canvas, at, min(size, 1.2 * width))


def _over(rng: np.random.Generator, canvas: Picture) -> None:
    """A border and screws."""
    height, width = canvas.shape[:2]
    if rng.random() < 0.5:
        inset = int(rng.integers(0, max(2, height // 20)))
        ink = drawing.colour(rng, 0, 120) if rng.random() < 0.7 else drawing.colour(rng)
        corner = (width - 1 - inset, height - 1 - inset)
        cv2.rectangle(canvas, (inset, inset), corner, ink, int(rng.integers(1, 5)))
    if rng.random() < 0.6:
        drawing.bolts(rng, canvas)


def _frame(rng: np.random.Generator, canvas: Picture, face: Face) -> None:
    """A dealer's frame with names above and below, which may touch the text."""
    height, width = canvas.shape[:2]
    frame = drawing.colour(rng, 0, 70) if rng.random() < 0.7 else drawing.colour(rng, 120)
    ink = WHITE if _grey(frame) < 120 else BLACK
    for above in (True, False):
        depth = round(height * rng.uniform(0.03, 0.15))
        rows = canvas[:depth] if above else canvas[height - depth :]
        rows[:] = frame
        if depth > 8 and rng.random() < 0.7:
            start = rng.uniform(0.08, 0.3)
            drawing.capitals(rng, rows, face, (width * start, depth * 0.15, width * (1 - start), depth * 0.9), ink)
    side = max(1, round(width * rng.uniform(0.0, 0.045)))
    canvas[:, :side] = frame
    canvas[:, -side:] = frame


def _dirt(rng: np.random.Generator, canvas: Picture) -> None:
    height, width = canvas.shape[:2]
    cells = rng.normal(1.0, rng.uniform(0.03, 0.2), (int(rng.integers(3, 12)), int(rng.integers(4, 24))))
    dirt = cv2.resize(cells.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    canvas[:] = np.clip(canvas * dirt[:, :, None], 0, 255).astype(np.uint8)
