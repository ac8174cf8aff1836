"""Who is known: allow, deny and known lists in one CSV file that people and spreadsheets can edit.

The file is the list: it outlives a damaged database, and a copy of it is a backup. It is read as a whole or not at all,
and replaced as a whole, so that neither a power cut nor a slip of the hand leaves half of it behind.
docs/guide/lists.md describes the columns.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
import re
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from edge_ocr.errors import ListError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

LISTS = ("allow", "deny", "known")
COLUMNS = ("list", "plate", "name", "from", "until", "note")

_MOST_ENTRIES = 200_000
_MOST_BYTES = 64 << 20
_LONGEST_PLATE = 32
_LONGEST_TEXT = 1000
_FORMULA = re.compile("'*[=+@-]")  # what a spreadsheet computes, or guarded text (CWE-1236)

# Greek and Cyrillic capitals that a plate painter, and so a list's author, may mean as the Latin ones they look like.
_LOOK_ALIKES = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕКМНОРСТУХІЈЅ", "ABEZHIKMNOPTYXABEKMHOPCTYXIJS")  # noqa: RUF001 -- they are meant


def normalise(text: str) -> str:
    """A plate as it is compared everywhere: capital letters and digits alone.

    Case, separators, accents and width are dropped, Greek and Cyrillic look-alikes become Latin letters. O and 0 stay
    apart: which of them a plate holds is what the recogniser is there to tell.

    Example:
        >>> normalise("ö-ab 12·3")
        'OAB123'

    """
    for _ in range(4):  # capitals may decompose once more, and decomposed ones may have capitals: settle it
        before = text
        text = unicodedata.normalize("NFKD", text.upper()).translate(_LOOK_ALIKES)
        text = "".join(character for character in text if character.isalnum())
        if text == before:
            break
    return text


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the lists.

    Attributes:
        list: 'allow', 'deny' or 'known'.
        plate: normalised, 1 to 32 characters.
        name: of whom or what it belongs to, or ''.
        start: the entry counts from this moment on, seconds since 1970; None for always.
        end: until, and without, this moment; None for ever.
        note: anything, or ''.

    """

    list: str
    plate: str
    name: str = ""
    start: float | None = None
    end: float | None = None
    note: str = ""

    @property
    def bounded(self) -> bool:
        """Whether it counts for a time only."""
        return self.start is not None or self.end is not None

    def valid(self, wall: float) -> bool:
        """Whether it counts at a moment, seconds since 1970."""
        return (self.start is None or self.start <= wall) and (self.end is None or wall < self.end)


@dataclass(frozen=True, slots=True)
class Lists:
    """All entries; a plate stands at most once on each list."""

    entries: tuple[Entry, ...] = ()
    _index: Mapping[tuple[str, str], Entry] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index = {(entry.list, entry.plate): entry for entry in self.entries}
        if len(index) < len(self.entries):
            raise ValueError("entries hold a plate twice on one list; a plate may stand on each list once")
        object.__setattr__(self, "_index", index)

    def find(self, name: str, plate: str) -> Entry | None:
        """The entry of a list for exactly this normalised plate."""
        return self._index.get((name, plate))

    def of(self, name: str) -> Iterator[Entry]:
        """The entries of one list."""
        return (entry for entry in self.entries if entry.list == name)

    def merged(self, entries: Iterable[Entry]) -> Lists:
        """These lists with further entries; one for the same plate on the same list takes the place of the old one."""
        return Lists(tuple({**self._index, **{(entry.list, entry.plate): entry for entry in entries}}.values()))

    def without(self, plate: str, name: str | None = None) -> Lists:
        """These lists without a normalised plate, on one list or on all."""
        return Lists(
            tuple(entry for entry in self.entries if entry.plate != plate or name not in {None, entry.list}),
        )


def load(path: Path, *, default_list: str | None = None) -> Lists:
    """Read a file of lists.

    Args:
        path: of a CSV file with a header; commas, semicolons or tabs between the columns.
        default_list: on which list entries are put where the file has no column 'list'.

    Raises:
        ListError: the file cannot be read, or a line of it is wrong; nothing of it counts then.

    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        raise ListError(f"{printable(path)}: cannot be read ({cause}); name a CSV file") from error
    return parse(data, origin=printable(path), default_list=default_list)


def parse(data: bytes, *, origin: str, default_list: str | None = None) -> Lists:
    """Lists from the bytes of a CSV file.

    Args:
        data: UTF-8, with or without a byte order mark.
        origin: what to call them in errors.
        default_list: as for :func:`load`.

    Raises:
        ListError: a line is wrong; the message names it, and the column.

    """
    if len(data) > _MOST_BYTES:
        raise ListError(f"{origin}: is larger than {_MOST_BYTES >> 20} MiB; split it, or name the right file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ListError(f"{origin}: line {line} is not UTF-8; save the file as 'CSV UTF-8'") from error
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return Lists(tuple(_entries(rows, origin, default_list)))
    except csv.Error as error:
        raise ListError(f"{origin}: line {rows.line_num}: {error}; close quotes, one line an entry") from error


def _entries(rows: Any, origin: str, default_list: str | None) -> Iterator[Entry]:  # csv has no name for its reader
    header = [name.strip().lower() for name in next(rows, [])]
    _check_header(header, origin, default_list)
    lines: dict[tuple[str, str], int] = {}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        place = f"{origin}: line {rows.line_num}"
        if len(row) != len(header):
            raise ListError(f"{place}: has {len(row)} columns where the header has {len(header)}; quote separators")
        cells = {name: _unguarded(cell.strip()) for name, cell in zip(header, row, strict=True)}
        entry = entry_of(cells if "list" in header else {**cells, "list": default_list or ""}, place=place)
        first = lines.setdefault((entry.list, entry.plate), rows.line_num)
        if first != rows.line_num:
            raise ListError(f"{place}: {entry.plate} is on {entry.list} already, by line {first}; keep one of them")
        if len(lines) > _MOST_ENTRIES:
            raise ListError(f"{place}: is beyond {_MOST_ENTRIES} entries; leave out those that no longer count")
        yield entry


def _check_header(header: Sequence[str], origin: str, default_list: str | None) -> None:
    place, known = f"{origin}: line 1", f"the columns are {','.join(COLUMNS)}"
    for number, name in enumerate(header):
        if name not in COLUMNS:
            raise ListError(f"{place}: column {number + 1} is {_quoted(name)}, which is unknown; {known}")
        if name in header[:number]:
            raise ListError(f"{place}: column {name} is there twice; keep one of them")
    for name in ("plate", *(() if default_list else ("list",))):
        if name not in header:
            raise ListError(f"{place}: column {name} is missing; {known}")


def entry_of(cells: Mapping[str, str], *, place: str) -> Entry:
    """A checked entry.

    Args:
        cells: texts by column; columns that are left out are empty.
        place: where they come from, for errors.

    Raises:
        ListError: one of them is wrong; the message names the column.

    """
    name = cells.get("list", "").lower()
    if name not in LISTS:
        raise ListError(f"{place}: list is {_quoted(name)}, which is unknown; known are: {', '.join(LISTS)}")
    plate = normalise(cells.get("plate", ""))
    if not 0 < len(plate) <= _LONGEST_PLATE:
        what = f"plate is {_quoted(cells.get('plate', ''))}, which has {len(plate)} letters and digits"
        raise ListError(f"{place}: {what}; give 1 to {_LONGEST_PLATE}")
    for column in ("name", "note"):
        text = cells.get(column, "")
        if not (text.isprintable() and len(text) <= _LONGEST_TEXT):
            raise ListError(
                f"{place}: {column} is {_quoted(text)}; give one line of at most {_LONGEST_TEXT} characters"
            )
    start = moment(cells.get("from", ""), place=f"{place}: from", end=False)
    end = moment(cells.get("until", ""), place=f"{place}: until", end=True)
    if start is not None and end is not None and end <= start:
        raise ListError(f"{place}: until is not after from, so that the entry never counts; correct one of them")
    return Entry(name, plate, cells.get("name", ""), start, end, cells.get("note", ""))


def moment(text: str, *, place: str, end: bool) -> float | None:
    """A moment as people write it, in seconds since 1970; None for an empty text.

    Args:
        text: ISO 8601. A day alone means all of it, and a time without an offset is by the machine's own zone.
        place: where it comes from, for errors.
        end: whether a day means its end instead of its beginning.

    Raises:
        ListError: it is no time.

    """
    if not text:
        return None
    try:
        if len(text) == len("2026-05-01"):
            day = date.fromisoformat(text) + timedelta(days=end)
            return datetime(day.year, day.month, day.day).astimezone().timestamp()
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError) as error:
        cure = "write it as 2026-05-01, 2026-05-01T08:00 or 2026-05-01T08:00+02:00"
        raise ListError(f"{place} is {_quoted(text)}, which is no time; {cure}") from error


def dump(lists: Lists) -> str:
    """The lists as CSV: what :func:`parse` takes, with times in UTC.

    A name or note that a spreadsheet would compute has an apostrophe before it, which :func:`parse` takes away again.
    """
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for entry in lists.entries:
        name, note = _guarded(entry.name), _guarded(entry.note)
        rows.writerow([entry.list, entry.plate, name, _iso(entry.start), _iso(entry.end), note])
    return out.getvalue()


def _guarded(cell: str) -> str:
    """A text that no spreadsheet computes; of those that look guarded already each gets one more apostrophe."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    """What :func:`_guarded` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _iso(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def save(lists: Lists, path: Path) -> None:
    """Replace a file of lists, all or nothing.

    Raises:
        ListError: it cannot be written, or is a folder, pipe or device; the old one is still there then.

    """
    path = Path(os.path.realpath(path))  # a link stays one
    if path.exists() and not path.is_file():
        raise ListError(f"{printable(path)}: is no file that could be replaced; name another, or none for stdout")
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), 0o600)  # names and plates are nobody else's business
            file.write(dump(lists))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ListError(
            f"{printable(path)}: cannot be written ({error.strerror}); name another, or make room"
        ) from error


@contextmanager
def editing(path: Path) -> Iterator[Lists]:
    """The lists of a file, or none, while no other process edits them; :func:`save` them before the end.

    Raises:
        ListError: the file is wrong, or its folder cannot be written.

    """
    try:
        lock = path.with_name(f".{path.name}.lock").open("ab")
    except OSError as error:
        raise ListError(f"{printable(path)}: cannot be written ({error.strerror}); name another file") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield load(path) if path.exists() else Lists()


class LiveLists:
    """The lists of a file that is edited while it is in use.

    Args:
        path: may be missing, which is told as a problem; lists that are wrong from the start are no lists. None for no
            lists at all, which is no problem.

    Attributes:
        problem: why the file does not count as it is now, or None. The last good lists count on until it does.

    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lists = Lists()
        self._seen: tuple[int, ...] | None = None
        self.problem: str | None = None

    def current(self) -> Lists:
        """The lists as they are now; the file is read only where it has changed. Never raises."""
        if self._path is None:
            return self._lists
        try:
            state = self._path.stat()
            seen: tuple[int, ...] = (state.st_mtime_ns, state.st_size, state.st_ino)
        except (OSError, ValueError):
            seen = ()
        if seen != self._seen:
            self._seen = seen
            try:
                self._lists, self.problem = load(self._path), None
            except ListError as error:
                self.problem = str(error)
        return self._lists


def _quoted(text: str) -> str:
    shown = repr(text if len(text) <= 40 else f"{text[:39]}…")
    return shown if len(shown) <= 80 else f"{shown[:79]}…"
