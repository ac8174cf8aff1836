"""A line of lettering on its board, as a camera sees it: grey pictures of one sign's line with its corners.

Boards are enamel, painted, lit, of wood, stone or brick, shop fronts, prohibition rings, or nothing but a photograph;
letters are filled, hollow, raised, shaded, slanted, bent along an arc or set apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from export.synthetic.sign_letters import lettering
from export.synthetic.sign_paint import blend, paint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from export.synthetic.sign_fonts import Typeface

    Picture = NDArray[Any]  # uint8; OpenCV's stubs do not say so of what they return

_LIMITS = ("20", "30", "40", "50", "60", "70", "80", "90", "100", "110", "120", "130", "STOP", "5", "10", "15")
_LOADS = ("2m", "3,8m", "4.2m", "3,5t", "7,5t", "12t", "5.5t", "2,3m")
_RINGS = 0.15
_ROAD = ("roadgeek", "opendin", "overpass", "national-park", "barlow", "fira-sans", "share-tech", "b612", "rajdhani")
"""Typefaces that are drawn after those of road signs, by parts of their paths."""
_ON_ROADS = 0.6
_CUT = 0.15
_EMBLEM = 0.06
_RING_VIEWS = (0.4, 0.85)
"""Up to the first, of all rings, they are seen whole; up to the second within their rims, as the runtime's second look
cuts them out; the others by a detector that found the digits."""
_TRIES = 20
_LEAST_CONTRAST = 22.0
_PLATE_CONTRAST = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """``image`` grey uint8; ``box`` x0, y0, x1, y1 of what is cropped in it; ``text`` what the ink says.

    ``tall`` is how much of the box's height the letters have; less for those with fine strokes, so that these are seen.
    ``near``: seen by somebody who stands before it with a camera in focus, and holds it still; ``passed``: from a car
    that drives past.
    """

    image: Picture
    box: tuple[float, float, float, float]
    text: str
    tall: float = 1.0
    near: bool = False
    passed: bool = False


@dataclass(frozen=True, eq=False)
class Studio:
    """What lines are made of; ``photographs`` are grey and of any sizes.

    ``rings`` is the share of whole round signs; ``tall`` that of all other lines (see :class:`Line`). ``name_plates``:
    nothing but street-name plates, whose letters stand in a row on a board of their own.
    """

    typefaces: Sequence[Typeface]
    writer: Callable[[np.random.Generator], str]
    photographs: Sequence[Picture]
    rings: float = _RINGS
    tall: float = 1.0
    name_plates: bool = False

    def line(self, rng: np.random.Generator) -> Line:
        """One line on its board."""
        if self.name_plates:
            return self._name_plate(rng)
        if rng.random() < self.rings:
            return self._ring(rng)
        mask, text = self._lettering(rng, self.writer(rng))
        height, width = mask.shape
        left, right = (round(height * rng.uniform(0.05, 0.6)) for _ in range(2))
        above, below = (round(height * rng.uniform(0.05, 0.5)) for _ in range(2))
        size = (width + left + right, height + above + below)
        paper, ink = _shades(rng)
        board = self._board(rng, size, paper)
        if rng.random() < 0.14:
            self._neighbour(rng, board, ink, above=above, below=below)
        columns, rows = (left, left + width), (above, above + height)
        if rng.random() < _CUT:
            columns = self._cut_letter(rng, board, ink, columns=columns, rows=rows)
        elif rng.random() < _EMBLEM:
            columns = self._emblem(rng, board, ink, columns=columns, rows=rows)
        x0, y0, x1, y1 = paint(rng, board, mask, (left, above), ink)
        if rng.random() < 0.5:  # who cuts it out takes what comes with the letters for a part of them
            columns, rows = (min(columns[0], x0), max(columns[1], x1)), (y0, y1)
        if rng.random() < 0.12:
            _furniture(rng, board, ink)
        return Line(board, (columns[0], rows[0], columns[1], rows[1]), text, self.tall)

    def _name_plate(self, rng: np.random.Generator) -> Line:
        """A street's name on enamel or paint, under light that changes across it."""
        mask, text = self._lettering(rng, self.writer(rng), plain=True)
        high, wide = mask.shape
        left, right, above, below = (round(high * share) for share in rng.uniform(0.1, 0.6, 4))
        size = (wide + left + right, high + above + below)
        paper, ink = _shades(rng, least=_PLATE_CONTRAST)
        cells = paper + rng.normal(0, rng.uniform(0, 12), (2, 3))
        board = np.clip(cv2.resize(cells, size, interpolation=cv2.INTER_LINEAR), 0, 255).astype(np.uint8)
        blend(board[above : above + high, left : left + wide], mask, ink)
        if rng.random() < 0.3:
            _furniture(rng, board, ink)
        return Line(board, (left, above, left + wide, above + high), text, self.tall, near=True)

    def typeface(self, rng: np.random.Generator, text: str) -> Typeface | None:
        """One that has every character of a text."""
        needed = set(text)
        for _ in range(_TRIES):
            face = self.typefaces[int(rng.integers(len(self.typefaces)))]
            if needed <= face.characters:
                return face
        return None

    def _lettering(self, rng: np.random.Generator, text: str, *, plain: bool = False) -> tuple[Picture, str]:
        """The text as a mask with what may happen to letters; another text where no typeface has this one."""
        face = self.typeface(rng, text)
        while face is None:
            text = self.writer(rng)
            face = self.typeface(rng, text)
        mask = lettering(rng, face, text, plain=plain)
        if min(mask.shape) < 2:
            return self._lettering(rng, self.writer(rng), plain=plain)
        return mask, text

    def _board(self, rng: np.random.Generator, size: tuple[int, int], paper: float) -> Picture:
        kind = rng.random()
        if kind < 0.3 and self.photographs:
            return self._photograph(rng, size, paper)
        board = np.full((size[1], size[0]), paper, np.float32)
        if kind < 0.55:  # light that changes across it
            cells = rng.normal(0, rng.uniform(3, 22), (2, 3)).astype(np.float32)
            board += cv2.resize(cells, size, interpolation=cv2.INTER_LINEAR)
        elif kind < 0.65:  # wood, stone, plaster: a grain along one way
            rows, columns = (size[1], max(2, size[0] // 16)) if rng.random() < 0.5 else (max(2, size[1] // 5), size[0])
            grain = rng.normal(0, rng.uniform(4, 20), (rows, columns)).astype(np.float32)
            board += cv2.resize(grain, size, interpolation=cv2.INTER_LINEAR)
        elif kind < 0.7:  # brick
            step = max(4, round(size[1] * rng.uniform(0.15, 0.4)))
            board[::step] -= rng.uniform(-40, 40)
            board[:, :: 2 * step] -= rng.uniform(-30, 30)
        return np.clip(board, 0, 255).astype(np.uint8)

    def _photograph(self, rng: np.random.Generator, size: tuple[int, int], paper: float) -> Picture:
        """A piece of a photograph, its shades drawn towards the paper's so that ink stands out."""
        photograph = self.photographs[int(rng.integers(len(self.photographs)))]
        rows, columns = photograph.shape
        scale = rng.uniform(0.5, 2.0)
        high, wide = min(rows, max(8, round(size[1] / scale))), min(columns, max(8, round(size[0] / scale)))
        top, left = int(rng.integers(rows - high + 1)), int(rng.integers(columns - wide + 1))
        piece = cv2.resize(photograph[top : top + high, left : left + wide], size, interpolation=cv2.INTER_LINEAR)
        strength = rng.uniform(0.1, 0.6)
        return np.clip((piece - float(piece.mean())) * strength + paper, 0, 255).astype(np.uint8)

    def _neighbour(self, rng: np.random.Generator, board: Picture, ink: float, *, above: int, below: int) -> None:
        """The edge of another line above or below, as in a crop that is a little too tall."""
        face = self.typeface(rng, text := self.writer(rng))
        mask = None if face is None else face.draw(text)
        if mask is None or min(mask.shape) < 2:
            return
        seen = round((above if (top := rng.random() < 0.5) else below) * rng.uniform(0.2, 0.8))
        part = mask[-seen:] if top else mask[:seen]
        if seen < 1 or not part.size:
            return
        width = min(part.shape[1], board.shape[1])
        rows = board[: part.shape[0]] if top else board[board.shape[0] - part.shape[0] :]
        left = int(rng.integers(board.shape[1] - width + 1))
        blend(rows[:, left : left + width], part[:, :width], ink)

    def _cut_letter(
        self, rng: np.random.Generator, board: Picture, ink: float, *, columns: tuple[int, int], rows: tuple[int, int]
    ) -> tuple[int, int]:
        """A part of the word before or after, as a crop that is a little too wide has it; it is not read.

        Gives the columns that are cropped, in the place of those of the word alone.
        """
        high = rows[1] - rows[0]
        before = rng.random() < 0.5
        text = self.writer(rng)
        face = self.typeface(rng, letter := text[-1 if before else 0])
        mask: Picture | None = None if face is None else face.draw(letter)
        gap = round(high * rng.uniform(0.15, 0.4))
        room = (columns[0] if before else board.shape[1] - columns[1]) - gap
        if mask is None or min(mask.shape) < 2:
            return columns
        mask = cv2.resize(mask, (max(2, round(mask.shape[1] * high / mask.shape[0])), high))
        seen = min(room, round(mask.shape[1] * rng.uniform(0.1, 0.5)))
        if seen < 1:
            return columns
        place = board[rows[0] : rows[1]]
        if before:
            first = columns[0] - gap - seen
            blend(place[:, first : first + seen], mask[:, -seen:], ink)
            return first, columns[1]
        last = columns[1] + gap + seen
        blend(place[:, last - seen : last], mask[:, :seen], ink)
        return columns[0], last

    def _emblem(
        self, rng: np.random.Generator, board: Picture, ink: float, *, columns: tuple[int, int], rows: tuple[int, int]
    ) -> tuple[int, int]:
        """A mark beside the word that is no letter: an arrow, a star, a disc with something in it; it is not read.

        Gives the columns that are cropped, which hold all of it, or a part.
        """
        high = rows[1] - rows[0]
        before = rng.random() < 0.6
        room = columns[0] if before else board.shape[1] - columns[1]
        reach = round(min(high * rng.uniform(0.2, 0.5), (room - 1) / 2.3))
        if reach < 3:
            return columns
        gap = round(0.3 * reach)
        x = columns[0] - gap - reach if before else columns[1] + gap + reach
        y = (rows[0] + rows[1]) / 2 + rng.normal(0, 0.1) * high
        _mark(rng, board, (x, y), reach, ink)
        seen = round((2 * reach + gap) * (1.0 if rng.random() < 0.4 else rng.uniform(0.1, 1.0)))
        return (columns[0] - seen, columns[1]) if before else (columns[0], columns[1] + seen)

    def _ring(self, rng: np.random.Generator) -> Line:
        """A whole round sign (or an octagon): a ring, and a short text within it, under its own light."""
        texts = _LIMITS if rng.random() < 0.85 else _LOADS
        text = texts[int(rng.integers(len(texts)))]
        face = self._road_face(rng, text)
        mask: Picture | None = None if face is None else face.draw(text)
        if mask is None or min(mask.shape) < 2:
            return self._ring(rng)
        side = 150
        board = self._board(rng, (side, side), float(rng.uniform(0, 255)))
        paper, rim, ink = rng.uniform(110, 255), rng.uniform(20, 130), rng.uniform(0, 60)
        octagon = text == "STOP"
        if octagon or rng.random() < 0.08:  # white on red, white on blue
            rim, ink = rng.uniform(20, 100), rng.uniform(150, 255)
            paper = rim
        gain, glare = _light(rng)
        paper, rim, ink, edge = (min(255.0, shade * gain + glare) for shade in (paper, rim, ink, rng.uniform(180, 255)))
        centre, reach = np.array([75.0, 75.0]) + rng.normal(0, 3, 2), rng.uniform(54, 74)
        for shade, share in ((edge, 1.0), (rim, 0.96), (paper, rng.uniform(0.7, 0.82))):
            if octagon:
                angles = np.arange(8) * np.pi / 4 + np.pi / 8
                points = np.stack([np.cos(angles), np.sin(angles)], 1) * reach * share + centre
                cv2.fillPoly(board, [np.rint(points).astype(np.int32)], shade, cv2.LINE_AA)
            else:
                at = (round(float(centre[0])), round(float(centre[1])))
                cv2.circle(board, at, round(reach * share), shade, -1, cv2.LINE_AA)
        wide = reach * (rng.uniform(0.7, 1.0) if len(text) < 3 else rng.uniform(0.95, 1.3))
        high = min(reach * rng.uniform(0.55, 0.75), wide * 1.1)
        mask = cv2.resize(mask, (round(wide), round(high)), interpolation=cv2.INTER_AREA)
        left, top = (round(float(at - length / 2)) for at, length in zip(centre, (wide, high), strict=True))
        blend(board[top : top + mask.shape[0], left : left + mask.shape[1]], mask, ink)
        view, (tall, broad) = rng.random(), mask.shape
        if view > _RING_VIEWS[1]:
            return Line(board, (left, top, left + broad, top + tall), text, passed=True)
        across, down = (0.0, 0.0) if view < _RING_VIEWS[0] else rng.uniform((0.04, 0.15), (0.12, 0.27))
        x, y = 6 + across * (side - 12), 6 + down * (side - 12)
        return Line(board, (x, y, side - x, side - y), text, tall=tall / (side - 2 * y), passed=True)

    def _road_face(self, rng: np.random.Generator, text: str) -> Typeface | None:
        """One of a road sign's where there are any, now and then any other."""
        if self._road and rng.random() < _ON_ROADS:
            face = self._road[int(rng.integers(len(self._road)))]
            if set(text) <= face.characters:
                return face
        return self.typeface(rng, text)

    @cached_property
    def _road(self) -> list[Typeface]:
        return [face for face in self.typefaces if any(part in str(face.path) for part in _ROAD)]


def _light(rng: np.random.Generator) -> tuple[float, float]:
    """What a sign's shades are multiplied by, and what is added: in the sun, against the sky, in fog."""
    kind = rng.random()
    if kind < 0.3:  # its back to the light, whatever is behind it
        return float(rng.uniform(0.15, 0.6)), float(rng.uniform(0, 30))
    if kind < 0.4:  # more light than the camera can tell apart
        return float(rng.uniform(0.2, 0.6)), float(rng.uniform(110, 190))
    return 1.0, 0.0


def _shades(rng: np.random.Generator, *, least: float = _LEAST_CONTRAST) -> tuple[float, float]:
    """Paper and ink that can be told apart."""
    while True:
        paper, ink = rng.uniform(0, 255, 2)
        if abs(paper - ink) > least + abs(rng.normal(0, 50)):
            return float(paper), float(ink)


def _mark(rng: np.random.Generator, board: Picture, at: tuple[float, float], reach: int, ink: float) -> None:
    """An emblem around a place."""
    corners = int(rng.choice([3, 4, 5, 6, 10, 24]))
    angles = np.arange(corners) * 2 * np.pi / corners + rng.uniform(0, 2 * np.pi)
    lengths = np.where(np.arange(corners) % 2, rng.uniform(0.3, 1.0), 1.0) if corners < 24 else np.ones(corners)
    points = np.stack([np.cos(angles) * lengths, np.sin(angles) * lengths], 1)
    if rng.random() < 0.25:  # an arrow
        points = np.array([[-1, -0.25], [0.1, -0.25], [0.1, -0.8], [1, 0], [0.1, 0.8], [0.1, 0.25], [-1, 0.25]])
        turn = rng.integers(4) * np.pi / 2
        points = points @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    where = np.rint((points * reach + np.array(at)) * 16).astype(np.int32)
    cv2.fillPoly(board, [where], ink, cv2.LINE_AA, 4)
    if corners == 24 or rng.random() < 0.4:
        fewer = points[:: int(rng.integers(1, len(points) // 3 + 1))]
        inner = np.rint((fewer * (reach * rng.uniform(0.3, 0.7)) + np.array(at)) * 16).astype(np.int32)
        cv2.fillPoly(board, [inner], float(rng.uniform(0, 255)), cv2.LINE_AA, 4)


def _furniture(rng: np.random.Generator, board: Picture, ink: float) -> None:
    """A frame, a rule under the line, or the edge of the board."""
    height, width = board.shape
    thick = max(1, round(height * rng.uniform(0.01, 0.05)))
    kind = rng.random()
    if kind < 0.5:
        inset = int(rng.integers(0, 4))
        cv2.rectangle(board, (inset, inset), (width - 1 - inset, height - 1 - inset), ink, thick)
    elif kind < 0.75:
        row = round(height * (rng.uniform(0.93, 1.0) if rng.random() < 0.7 else rng.uniform(0, 0.07)))
        cv2.line(board, (0, row), (width, row), ink, thick)
    else:
        edge = round(width * rng.uniform(0.0, 0.04))
        board[:, : edge + 1] = rng.integers(256)
