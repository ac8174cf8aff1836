"""How results look: JSON lines for programs, tables for people, colours on a terminal only."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from edge_ocr.errors import printable
from edge_ocr.signs import Sign
from edge_ocr.types import DOUBTFUL, SURE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edge_ocr.types import Alternative, Event, Reading

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_WIDEST = 48  # characters of a path in a table; the end of a longer one says most


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one input of `read`.

    Attributes:
        path: as given, or as found in a folder.
        size: width and height in pixels; None if the image could not be read.
        ms: milliseconds by stage.
        readings: most confident first.
        error: why it could not be read, or None.
        signs: what the readings say together, where signs are read; None for other kinds.

    """

    path: str
    size: tuple[int, int] | None
    ms: Mapping[str, float]
    readings: Sequence[Reading]
    error: str | None
    signs: Sequence[Sign] | None = None

    def as_json(self) -> dict[str, Any]:
        """The result as `read --json` prints it."""
        width, height = self.size or (None, None)
        signs = {} if self.signs is None else {"signs": [sign.as_json() for sign in self.signs]}
        return {
            "path": self.path,
            "width": width,
            "height": height,
            "ms": {stage: round(ms, 3) for stage, ms in self.ms.items()},
            "readings": [_reading_json(reading) for reading in self.readings],
            **signs,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Style:
    """Colours, or none."""

    coloured: bool

    @classmethod
    def of(cls, stream: TextIO) -> Style:
        """Colours for a terminal that takes them, unless the user set NO_COLOR (no-color.org)."""
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(stream.isatty() and not plain)

    def paint(self, text: str, colour: str | None) -> str:
        """The text between the terminal's codes for a colour; as it is, where there are none."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.coloured and colour and text.strip() else text


@dataclass(frozen=True, slots=True)
class Table:
    """Lines that appear one by one, so their widths are settled beforehand.

    Attributes:
        titles: of the columns.
        widths: of all columns but the last, which has no end.
        style: colours or none.

    """

    titles: tuple[str, ...]
    widths: tuple[int, ...]
    style: Style

    def head(self) -> str:
        """The first line."""
        return self.line(self.titles, colours=("bold",) * len(self.titles))

    def row(self, cells: Mapping[str, tuple[str, str | None]]) -> str:
        """One line of cells and their colours by title; those of no column are left out."""
        shown = [cells[title] for title in self.titles]
        return self.line([text for text, _ in shown], [colour for _, colour in shown])

    def line(self, cells: Sequence[str], colours: Sequence[str | None]) -> str:
        """One line; a cell that is too long loses its beginning."""
        fitted = [
            (cell if len(cell) <= width else "…" + cell[len(cell) - width + 1 :]).ljust(width)
            for cell, width in zip(cells, self.widths, strict=False)
        ]
        painted = map(self.style.paint, [*fitted, cells[-1]], colours)
        return "  ".join(painted).rstrip()


def read_table(paths: Sequence[str], style: Style, *, kind: Kind = Kind.PLATE) -> Table:
    """The table for `read`, as wide as its paths need, and as texts of a kind do."""
    widest = min(max((len(path) for path in paths), default=0), _WIDEST)
    text = 10 if kind in (Kind.PLATE, Kind.DIGITS) else 32
    widths = {"FILE": max(widest, 4), "TEXT": text, "SURE": 4, "REGION": 6, "OR": 0}
    # Regions are those of plates, and a sign is put together of readings that have other texts each.
    left_out = {Kind.PLATE: (), Kind.SIGN: ("REGION", "OR")}.get(kind, ("REGION",))
    titles = tuple(title for title in widths if title not in left_out)
    return Table(titles, tuple(widths[title] for title in titles[:-1]), style)


def read_lines(table: Table, result: Result) -> Iterator[str]:
    """One line a reading or a sign, or one that says that there is none; none for an error, which stderr tells."""
    path = printable(result.path)
    for found in result.readings if result.signs is None else result.signs:
        cells = {"FILE": (path, None), "TEXT": (found.text, "bold"), **_judged(found)}
        yield table.row(cells)
        path = ""
    if not result.readings and result.error is None:
        blank = ("",) * (len(table.titles) - 3)
        yield table.line((path, "-", *blank, "nothing to read found"), colours=("dim",) * len(table.titles))


def watch_table(style: Style) -> Table:
    """The table for `watch`."""
    return Table(("FIRST SEEN (UTC)", "TEXT", "SURE", "REGION", "READS", "OR"), (23, 10, 4, 6, 5), style)


def watch_line(table: Table, event: Event) -> str:
    """One line for an event."""
    moment = str(event.first.as_json(0)["wall"]).replace("T", " ").removesuffix("Z")
    own = {"FIRST SEEN (UTC)": (moment, None), "TEXT": (event.reading.text, "bold"), "READS": (str(event.reads), None)}
    return table.row(own | _judged(event.reading))


def json_line(values: Mapping[str, Any]) -> str:
    """One line of JSON, pure ASCII, so that it survives any pipe, locale and file name."""
    return json.dumps(values, ensure_ascii=True, allow_nan=False)


def _judged(found: Reading | Sign) -> dict[str, tuple[str, str | None]]:
    """What stands beside a text, and its colours, by the columns' titles."""
    sure: dict[str, tuple[str, str | None]] = {"SURE": (f"{found.confidence:.0%}", _colour(found.confidence))}
    if isinstance(found, Sign):
        return sure
    return {**sure, "REGION": (found.region or "-", None), "OR": (_others(found.alternatives), "dim")}


def _reading_json(reading: Reading) -> dict[str, Any]:
    return {
        "text": reading.text,
        "confidence": round(reading.confidence, 4),
        "kind": str(reading.kind),
        "region": reading.region,
        "quad": reading.quad.as_json(),
        "alternatives": [other.as_json() for other in reading.alternatives],
    }


def _others(alternatives: Sequence[Alternative]) -> str:
    """Those that are worth a glance: of at least one per cent."""
    return ", ".join(f"{other.text} {other.confidence:.0%}" for other in alternatives if other.confidence >= 0.01)


def _colour(confidence: float) -> str:
    """Green where a confidence can be relied on, yellow where it should be looked at, red below."""
    if confidence >= SURE:
        return "green"
    return "yellow" if confidence >= DOUBTFUL else "red"
