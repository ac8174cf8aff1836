"""Readings of words and lines -> signs: what stands on one board, in the order in which it is read.

Words on one base line make a line, lines close below each other make a sign. Names may run over several lines;
distances ('56 km') and arrows stay apart from names, so that a guide sign gives 'Seoul' and '56 km'. Who wants lines
and no signs has :func:`lines`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr.types import Quad, corners_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge_ocr.types import Reading

_ALIGNED = 0.94  # cosine of the angle between two base lines, at least: 20 degrees
_WORD_HEIGHTS = 2.0  # ratio of the heights of two words on one line, at most
_WORD_OFFSET = 0.5  # heights of the lower one, from middle to middle across the line
_WORD_GAP = 1.5  # mean heights between words of one line, at most
_SPACE = 0.8  # the same between words that are one line whatever stands around them
_FIGURE_GAP = 6.0  # the same where one is a number or an arrow: on a guide sign they stand far to the side
_LINE_HEIGHTS = 2.5  # ratio of the heights of two lines of one sign, at most
_LINE_GAP = 1.0  # mean heights between one line and the next below, at most
_OVERLAP = 0.25  # of the shorter line, that the other one must cover sideways
_SAME_SIZE = 1.4  # ratio of the heights of two lines of one name, at most
_APART = 1.0  # heights before a bare number that is a distance and no house number

_ARROWS = frozenset("←↑→↓↖↗↘↙⬅⬆➡⬇➔➜⇐⇑⇒⇓↰↱↩↪")
_DISTANCE = re.compile(
    r"(?:\d{1,4}(?:[.,]\d{1,2})?|\d+\s?/\s?\d+|[¼½¾])\s?(?:km|m|mi|miles?|ft|yds?|min|h)", re.IGNORECASE
)
_NUMBER = re.compile(r"\d{1,4}(?:[.,]\d)?")
_UNIT = re.compile(r"km|m|mi|miles?|ft|yds?|min|h", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a sign says; each part is '' where it is not there.

    Attributes:
        name: words with single spaces, of one line or several; distances before the last of a line are among them.
        distance: as it is written, with a single space before the unit if there is one.
        arrow: arrows, without spaces.
        confidence: the probability that all of it is exactly right, were its readings independent.
        quads: of its lines, from top to bottom.

    """

    name: str
    distance: str
    arrow: str
    confidence: float
    quads: tuple[Quad, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "distance": self.distance,
            "arrow": self.arrow,
            "confidence": round(self.confidence, 4),
            "quads": [quad.as_json() for quad in self.quads],
        }


@dataclass(frozen=True, slots=True)
class Sign:
    """What stands on one board: its entries from top to bottom, and the quad around all of them."""

    entries: tuple[Entry, ...]
    quad: Quad

    @property
    def text(self) -> str:
        """All of it on one line, as a person would read it out."""
        parts = (part for entry in self.entries for part in (entry.arrow, entry.name, entry.distance))
        return " ".join(part for part in parts if part)

    @property
    def confidence(self) -> float:
        """The probability that all of it is exactly right, were its entries independent."""
        return math.prod(entry.confidence for entry in self.entries)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "quad": self.quad.as_json(),
            "entries": [entry.as_json() for entry in self.entries],
        }


def signs(readings: Sequence[Reading]) -> list[Sign]:
    """Group what was read in one image by the boards that it stands on.

    Args:
        readings: of words or of whole lines, in any order.

    Returns:
        Signs from top to bottom and left to right, by their top left corners; each reading is in exactly one of them.

    """
    found = [_Line.of(group) for group in _groups([_Line.of([reading]) for reading in readings], _on_one_line)]
    boards = [_sign([_Line.of([line]) for line in board]) for board in _groups(found, _on_one_board)]
    return sorted(boards, key=lambda sign: (min(y for _, y in sign.quad.corners), min(x for x, _ in sign.quad.corners)))


def lines(readings: Sequence[Reading]) -> list[Reading]:
    """Words of one line as one reading each, in the order of reading.

    Args:
        readings: of words or of whole lines, in any order.

    Returns:
        From top to bottom, and from left to right where lines stand side by side. A line's text has single spaces
        between its words, its confidence is the probability that all of it is exactly right, were they independent.

    """
    close = partial(_level, gap=_SPACE)
    joined = [_Line.of(group) for group in _groups([_Line.of([reading]) for reading in readings], close)]
    rows = sorted(_groups(joined, _level), key=lambda row: min(line.top for line in row))
    return [_as_one(line) for row in rows for line in sorted(row, key=lambda line: line.left)]


@dataclass(frozen=True)
class _Line:
    """Readings on one base line, from left to right along it."""

    readings: tuple[Reading, ...]

    @classmethod
    def of(cls, parts: Sequence[Reading | _Line]) -> _Line:
        readings = [reading for part in parts for reading in (part.readings if isinstance(part, _Line) else (part,))]
        along = cls(tuple(readings)).along
        return cls(tuple(sorted(readings, key=lambda reading: float(_middle(reading.quad) @ along))))

    @cached_property
    def pull(self) -> tuple[float, float]:
        """The vectors along its texts, added up; longer ones know the direction better."""
        corners = np.array([reading.quad.corners for reading in self.readings])
        across, down = (corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]).sum(axis=0).tolist()
        return across, down

    @cached_property
    def along(self) -> NDArray[np.float64]:
        return _unit(self.pull)

    @cached_property
    def height(self) -> float:
        return float(np.mean([_height(reading.quad) for reading in self.readings]))

    @cached_property
    def around(self) -> tuple[tuple[float, float], float]:
        """A circle that all corners lie in: its middle and radius."""
        corners = [corner for reading in self.readings for corner in reading.quad.corners]
        x, y = (sum(values) / len(corners) for values in zip(*corners, strict=True))
        return (x, y), max(math.dist((x, y), corner) for corner in corners)

    @property
    def top(self) -> float:
        return min(y for reading in self.readings for _, y in reading.quad.corners)

    @property
    def left(self) -> float:
        return min(x for reading in self.readings for x, _ in reading.quad.corners)

    def spans(self, along: NDArray[np.float64]) -> tuple[float, float, float, float]:
        """First and last along a direction, and across it, of all corners."""
        across = np.array([-along[1], along[0]])
        corners = np.concatenate([np.array(reading.quad.corners) for reading in self.readings])
        first, second = corners @ along, corners @ across
        return float(first.min()), float(first.max()), float(second.min()), float(second.max())


def _groups(parts: Sequence[_Line], belong: Callable[[_Line, _Line], bool]) -> list[list[_Line]]:
    """Put together whatever hangs together through others."""
    leader = list(range(len(parts)))

    def root(place: int) -> int:
        while leader[place] != place:
            place = leader[place]
        return place

    for second in range(len(parts)):
        for first in range(second):
            if root(first) != root(second) and belong(parts[first], parts[second]):
                leader[root(second)] = root(first)
    found: dict[int, list[_Line]] = {}
    for place, line in enumerate(parts):
        found.setdefault(root(place), []).append(line)
    return list(found.values())


def _on_one_line(one: _Line, other: _Line) -> bool:
    return _level(one, other, gap=_FIGURE_GAP if _is_figure(one) or _is_figure(other) else _WORD_GAP)


def _level(one: _Line, other: _Line, *, gap: float = math.inf) -> bool:
    """Whether two share a base line, with at most so many mean heights between them."""
    heights = sorted((one.height, other.height))
    if heights[1] > _WORD_HEIGHTS * heights[0] or _far(one, other, gap) or float(one.along @ other.along) < _ALIGNED:
        return False
    along = _mean_direction(one, other)
    (middle, radius), (place, reach) = one.around, other.around
    aside = (place[1] - middle[1]) * float(along[0]) - (place[0] - middle[0]) * float(along[1])
    if abs(aside) > radius + reach + _WORD_OFFSET * heights[0]:  # most pairs are, and spans take longer
        return False
    a0, a1, top, bottom = one.spans(along)
    b0, b1, upper, lower = other.spans(along)
    offset = abs((top + bottom) - (upper + lower)) / 2
    apart = max(a0, b0) - min(a1, b1)
    return offset <= _WORD_OFFSET * heights[0] and apart <= gap * (heights[0] + heights[1]) / 2


def _far(one: _Line, other: _Line, gap: float) -> bool:
    """Whether two are so far from each other that nothing closer needs to be looked at, which most pairs are."""
    (middle, radius), (place, reach) = one.around, other.around
    # Whatever direction gaps and offsets are measured along, the middles are no further apart than this.
    return math.dist(middle, place) > 2 * (radius + reach) + max(gap, 1.0) * (one.height + other.height)


def _is_figure(line: _Line) -> bool:
    texts = [reading.text for reading in line.readings]
    return all(
        _NUMBER.fullmatch(text) or _DISTANCE.fullmatch(text) or _UNIT.fullmatch(text) or set(text) <= _ARROWS
        for text in texts
    )


def _on_one_board(one: _Line, other: _Line) -> bool:
    heights = sorted((one.height, other.height))
    if heights[1] > _LINE_HEIGHTS * heights[0] or _far(one, other, _LINE_GAP):
        return False
    if float(one.along @ other.along) < _ALIGNED:
        return False
    along = _mean_direction(one, other)
    a0, a1, top, bottom = one.spans(along)
    b0, b1, upper, lower = other.spans(along)
    gap = max(top, upper) - min(bottom, lower)
    covered = min(a1, b1) - max(a0, b0)
    return gap <= _LINE_GAP * (heights[0] + heights[1]) / 2 and covered >= _OVERLAP * min(a1 - a0, b1 - b0)


def _as_one(line: _Line) -> Reading:
    """A line's words as one reading; a single one as it is."""
    first, *others = line.readings
    if not others:
        return first
    text = " ".join(reading.text for reading in line.readings)
    sure = math.prod(reading.confidence for reading in line.readings)
    return replace(first, text=text, confidence=sure, quad=_around(line, line.along), alternatives=())


def _sign(parts: list[_Line]) -> Sign:
    along = _Line.of(parts).along
    ordered = sorted(parts, key=lambda line: sum(line.spans(along)[2:]))
    whole = _Line.of(ordered)
    return Sign(tuple(_merged([_entry(line) for line in ordered], ordered)), _around(whole, along))


def _merged(entries: list[Entry], parts: list[_Line]) -> list[Entry]:
    """Lines that are one name: alike in size, on a board where no line has a distance or an arrow beside a name."""
    guides = any(entry.name and (entry.distance or entry.arrow) for entry in entries)
    found: list[Entry] = []
    last: _Line | None = None
    for entry, line in zip(entries, parts, strict=True):
        alike = last is not None and max(line.height, last.height) <= _SAME_SIZE * min(line.height, last.height)
        if found and alike and not guides and _is_name(found[-1]) and _is_name(entry):
            found[-1] = _joined(found[-1], entry)
        else:
            found.append(entry)
        last = line
    return found


def _is_name(entry: Entry) -> bool:
    return bool(entry.name) and not entry.distance and not entry.arrow


def _joined(upper: Entry, lower: Entry) -> Entry:
    """Two lines of one name; a hyphen at the end of a line is the name's own."""
    name = upper.name + ("" if upper.name.endswith("-") else " ") + lower.name
    return Entry(name, "", "", upper.confidence * lower.confidence, upper.quads + lower.quads)


def _entry(line: _Line) -> Entry:
    """One line taken apart; the distance is the last of it that looks like one, and all else is the name."""
    arrows = "".join(character for reading in line.readings for character in reading.text if character in _ARROWS)
    parts: list[tuple[str, bool]] = []  # from left to right, each with whether it is a distance
    before = -math.inf
    for reading in line.readings:
        first, last, _, _ = _Line((reading,)).spans(line.along)
        plain = " ".join("".join(" " if c in _ARROWS else c for c in reading.text).split())
        gap, before = first - before, last
        apart = gap > _APART * line.height and any(not far for _, far in parts)
        if not plain:
            continue
        if _UNIT.fullmatch(plain) and parts and _NUMBER.fullmatch(parts[-1][0]):
            parts[-1] = (f"{parts[-1][0]} {plain}", True)
        elif _DISTANCE.fullmatch(plain) or (apart and _NUMBER.fullmatch(plain)):
            parts.append((_spaced(plain), True))
        else:
            name, tail = _parted(plain)
            parts += [(text, far) for text, far in ((name, False), (tail, True)) if text]
    place = max((place for place, (_, far) in enumerate(parts) if far), default=len(parts))
    distance = "".join(text for text, _ in parts[place : place + 1])
    name = " ".join(text for text, _ in parts[:place] + parts[place + 1 :])
    confidence = math.prod(reading.confidence for reading in line.readings)
    return Entry(name, distance, arrows, confidence, (_around(line, line.along),))


def _parted(text: str) -> tuple[str, str]:
    """A name and the distance after it, of a line that was read as one."""
    found = re.fullmatch(rf"(.*\S)\s+({_DISTANCE.pattern})", text, re.IGNORECASE)
    return (found[1], _spaced(found[2])) if found else (text, "")


def _spaced(distance: str) -> str:
    """A distance with one space before its unit, if it has one."""
    return re.sub(r"(?<=[\d¼½¾])\s*(?=[a-z])", " ", distance, count=1, flags=re.IGNORECASE)


def _around(line: _Line, along: NDArray[np.float64]) -> Quad:
    """The rectangle along a direction around all corners of a line's readings; its score is the least of theirs."""
    first, last, top, bottom = line.spans(along)
    across = np.array([-along[1], along[0]])
    corners = [x * along + y * across for x, y in ((first, top), (last, top), (last, bottom), (first, bottom))]
    quads = [reading.quad for reading in line.readings]
    return Quad(corners_of([corner.tolist() for corner in corners]), quads[0].kind, min(quad.score for quad in quads))


def _mean_direction(one: _Line, other: _Line) -> NDArray[np.float64]:
    return _unit((one.pull[0] + other.pull[0], one.pull[1] + other.pull[1]))


def _unit(pull: tuple[float, float]) -> NDArray[np.float64]:
    """The unit vector of a direction; that of level text where there is none."""
    length = math.hypot(*pull)
    return np.array([pull[0] / length, pull[1] / length] if length > 0 else [1.0, 0.0])


def _middle(quad: Quad) -> NDArray[np.float64]:
    return np.asarray(np.mean(quad.corners, axis=0), np.float64)


def _height(quad: Quad) -> float:
    a, b, c, d = quad.corners
    return max((math.dist(a, d) + math.dist(b, c)) / 2, 1e-6)
