"""A database that is not whole: set aside for whoever wants to look, and what can be read of it carried over.

A device that refuses to run because a page is torn loses more than the page.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from edge_ocr.errors import printable
from edge_ocr.store import crops
from edge_ocr.store.connection import DamageError, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from edge_ocr.store.connection import Connection

Busy: TypeAlias = "Callable[[str, float], None]"
"""Is told what takes long, and for how many seconds nothing more may be told of it."""

DATABASE = "store.sqlite3"

LOST = "lost:"
"""Before a number, the name of what lost its own; nobody can call anything so, for the colon."""

_ASIDE = "damaged-"
_FRESH = "carried.sqlite3"
_PATIENCE_SECONDS = 60.0
_SLOWEST = 2e6  # bytes a second, of a worn card that others use as well
_TELL_EVERY = 2000  # rows or files
# Nobody else sees the new database before it is complete: no log, each page written once, and a sync at the end.
_UNSHARED = ("PRAGMA journal_mode = MEMORY", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -16384")
_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm")
_MOST_ASIDE = 3  # a card that breaks down makes one after the other
_TABLES = (
    *("boots", "starts", "cameras", "destinations", "events", "previews", "outbox", "dead_letters", "audit"),
    *("clock_anchors", "clock_corrections", "highest_gone"),
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Renewed:
    """What became of a damaged database: where it lies, and how many events were carried over and crops moved."""

    place: Path
    events: int
    crops: int


def assert_whole(connection: Connection, busy: Busy) -> None:
    """Read all of a database.

    Args:
        connection: to it.
        busy: is told how long that may take.

    Raises:
        DamageError: it is damaged; tells the first thing that is wrong.

    """
    size = connection.path.stat().st_size
    busy(f"checking the database after a crash ({size / 1e6:.0f} MB)", _PATIENCE_SECONDS + size / _SLOWEST)
    answer = str(connection.value("PRAGMA quick_check(1)"))
    if answer != "ok":
        said = " ".join(answer.replace("*** in database main ***", "").split())
        raise DamageError(f"{printable(connection.path)}: {said}; it is damaged")


def renew(folder: Path, busy: Busy) -> Renewed:
    """Put a new database, with all that can be read, in the place of a closed one that is damaged and is set aside.

    The new one is complete and on the disk before the old one is moved, so that a crash in between costs nothing:
    :func:`resume` goes on, or the next start begins again. For a disk without room for both, see :func:`_make_room`;
    previews stay behind where that does not suffice.

    Args:
        folder: of the store.
        busy: is told again and again that it goes on.

    Raises:
        StoreError: files cannot be moved.

    """
    try:
        _make_room(folder, busy)
    except OSError as error:
        raise crops.failed(folder, error) from error
    events = _salvage(folder, _TABLES, busy)
    if events is None:
        events = _salvage(folder, tuple(table for table in _TABLES if table != "previews"), busy) or 0
    place = _set_aside(folder)
    resume(folder)
    return Renewed(place, events, _move_unclaimed(folder, place, busy))


def resume(folder: Path) -> None:
    """Finish what a crash interrupted: a new database that is complete takes its place, and one that is not goes.

    Raises:
        StoreError: files cannot be moved.

    """
    fresh, database = folder / _FRESH, folder / DATABASE
    try:
        if database.exists():
            _forget(fresh)
            return
        if any((folder / name).exists() for name in _FILES):  # the log of one that is gone is not that of the next one
            _set_aside(folder)
        if fresh.exists():
            fresh.rename(database)
            crops.sync_folder(folder)
    except OSError as error:
        raise crops.failed(folder, error) from error


def aside(folder: Path) -> list[Path]:
    """The databases that were set aside, oldest first."""
    return sorted(folder.glob(f"{_ASIDE}*"), key=_number)


def drop_aside(folder: Path, before: float) -> int:
    """Remove databases that were set aside, with the crops beside them; returns how many.

    Args:
        folder: of the store.
        before: those that were set aside before, seconds since 1970 by the clock of that time.

    """
    count = 0
    for place in aside(folder):
        with suppress(FileNotFoundError):  # somebody else removes them too
            if place.stat().st_mtime < before:
                shutil.rmtree(place, ignore_errors=True)
                count += not place.exists()
    return count


def _make_room(folder: Path, busy: Busy) -> None:
    """Make room on the disk for a second database beside the damaged one, as the limits would: crops go before events.

    First go databases that were set aside before, then crops, each the oldest first, and only as many as it takes.
    """
    size = sum(path.stat().st_size for name in _FILES if (path := folder / name).exists())
    old: Iterator[Callable[[], object]] = chain(
        (partial(shutil.rmtree, place, ignore_errors=True) for place in aside(folder)),
        (partial(crops.remove, folder, [path]) for path in sorted(path for path, _ in crops.listing(folder))),
    )
    gone = 0
    while shutil.disk_usage(folder).free < size and (remove := next(old, None)) is not None:
        remove()
        gone += 1
        if gone % _TELL_EVERY == 0:
            busy(f"making room for a new database ({gone})", _PATIENCE_SECONDS)
    if gone:
        _log.error("%d crops and older databases gave way to what is carried over: the disk is full", gone)


def _set_aside(folder: Path) -> Path:
    """Move a closed database out of the way; returns the folder where it lies now."""
    earlier = aside(folder)
    place = folder / f"{_ASIDE}{_number(earlier[-1]) + 1 if earlier else 1}"
    try:
        crops.make_folder(place)
        for name in _FILES:
            if (folder / name).exists():
                (folder / name).rename(place / name)
    except OSError as error:
        raise crops.failed(place, error) from error
    for old in earlier[: 1 - _MOST_ASIDE]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def _salvage(folder: Path, tables: Sequence[str], busy: Busy) -> int | None:
    """Make a new database of what can be read of a damaged one; returns the number of events, 0 also without one.

    None where it cannot be written.

    Rows between two that can be read may be missing. Where that is so in the outbox, all events in between are sent
    (again): at least once is the promise.
    """
    damaged, fresh = folder / DATABASE, folder / _FRESH
    _forget(fresh)
    try:
        raw = sqlite3.connect(f"file:{quote(str(damaged.absolute()))}?mode=rw", uri=True, isolation_level=None)
    except sqlite3.Error:  # there is none
        return 0
    try:
        with closing(raw), closing(sqlite3.connect(fresh, isolation_level=None)) as new:
            for pragma in _UNSHARED:
                new.execute(pragma)
            prepare(new, resources.files(__package__))
            new.execute("BEGIN")
            for table in tables:
                _carry(raw, table, new, busy)
            _mend(new)
            there = {path for path, _ in crops.listing(folder)}
            claimed = new.execute("SELECT crop FROM events WHERE crop IS NOT NULL").fetchall()
            lost = [row for row in claimed if row[0] not in there]
            new.executemany("UPDATE events SET crop = NULL, crop_bytes = 0 WHERE crop = ?", lost)
            count = int(new.execute("SELECT count(*) FROM events").fetchone()[0])
            new.execute("COMMIT")
        crops.sync_file(fresh)
    except (sqlite3.Error, OSError):
        without = "" if "previews" in tables else ", not even without previews"
        _log.exception("%s: it could not be carried over%s", printable(damaged), without)
        _forget(fresh)
        return None
    return count


def _forget(fresh: Path) -> None:
    for name in (fresh.name, f"{fresh.name}-journal"):
        fresh.with_name(name).unlink(missing_ok=True)


def _move_unclaimed(folder: Path, place: Path, busy: Busy) -> int:
    """Move crops that no row claims beside the database that did; returns how many."""
    claimed: set[str] = set()
    if (folder / DATABASE).exists():
        with closing(sqlite3.connect(folder / DATABASE)) as raw:
            claimed = {path for (path,) in raw.execute("SELECT crop FROM events WHERE crop IS NOT NULL")}
    count = 0
    for path, _ in list(crops.listing(folder)):
        if path not in claimed:
            try:
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).rename(place / path)
            except OSError as error:
                raise crops.failed(place, error) from error
            count += 1
            if count % _TELL_EVERY == 0:
                busy(f"setting crops aside ({count})", _PATIENCE_SECONDS)
    return count


def _number(place: Path) -> int:
    digits = place.name.removeprefix(_ASIDE)
    return int(digits) if digits.isdecimal() else 0


def _carry(raw: sqlite3.Connection, table: str, new: sqlite3.Connection, busy: Busy) -> None:
    """Copy a table as far as it can be read from both of its ends."""
    there = {str(row[1]) for row in _Rows(raw, f"PRAGMA table_info({table})")}  # an older version has fewer
    known = new.execute(f"PRAGMA table_info({table})").fetchall()
    columns = [str(row[1]) for row in known if row[1] in there]
    if not columns:
        return
    keys = [str(row[1]) for row in known if row[5]]
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    ends = []
    for way in ("ASC", "DESC"):
        order = ", ".join(f"{key} {way}" for key in keys)
        last: tuple[Any, ...] | None = None
        reader = _Rows(raw, f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED ORDER BY {order}")
        for number, row in enumerate(reader):
            if number % _TELL_EVERY == 0:
                busy(f"carrying a damaged database over ({number} {table})", _PATIENCE_SECONDS)
            try:
                new.execute(insert, row)
            except (sqlite3.IntegrityError, sqlite3.DataError, UnicodeError):  # what the damage left is no row
                continue
            last = row
        ends.append(last)
        if reader.whole:
            return
    _log.warning("%s: a part of the table could not be read", table)
    if table == "outbox":
        for (destination,) in new.execute("SELECT id FROM destinations").fetchall():
            low, high = (end[1] if end and end[0] == destination else None for end in ends)
            new.execute(
                """
                INSERT OR IGNORE INTO outbox (destination, event, camera)
                SELECT ?, seq, camera FROM events WHERE (? IS NULL OR seq > ?) AND (? IS NULL OR seq < ?)
                """,
                (destination, low, low, high, high),
            )


class _Rows:
    """The rows of a statement until one cannot be read; ``whole`` tells whether that was the end."""

    def __init__(self, raw: sqlite3.Connection, sql: str) -> None:
        self._raw, self._sql = raw, sql
        self.whole = False

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._raw.execute(self._sql)
        except (sqlite3.Error, UnicodeDecodeError):
            return
        self.whole = True


def _mend(new: sqlite3.Connection) -> None:
    """What refers to rows that were lost gets them again, without their names."""
    for table, column, users in (
        ("boots", "boot_id", (("events", "boot"), ("starts", "boot"), ("audit", "boot"), ("clock_anchors", "boot"))),
        ("boots", "boot_id", (("clock_corrections", "boot"),)),
        ("cameras", "name", (("events", "camera"),)),
        ("destinations", "name", (("outbox", "destination"), ("dead_letters", "destination"))),
    ):
        for user, reference in users:
            new.execute(
                f"INSERT OR IGNORE INTO {table} (id, {column}) SELECT DISTINCT {reference}, '{LOST}' || {reference} "
                f"FROM {user} WHERE {reference} NOT IN (SELECT id FROM {table})"
            )
    # Nobody knows whose is whose: each of those that lost their names gets all, and outbox.py gives them names again.
    lost = f"SELECT id FROM destinations WHERE name GLOB '{LOST}*'"
    new.execute(
        f"INSERT OR IGNORE INTO outbox (destination, event, camera) SELECT d.id, o.event, o.camera "
        f"FROM ({lost}) d, outbox o WHERE o.destination IN ({lost})"
    )
    decided = "json_extract(body, '$.decision.list')"  # of events that a version without the column wrote
    new.execute(f"UPDATE events SET list = {decided} WHERE list IS NULL AND {decided} IS NOT NULL")
    for table in ("previews", "outbox", "dead_letters"):
        new.execute(f"DELETE FROM {table} WHERE event NOT IN (SELECT seq FROM events)")
    new.execute(
        """
        INSERT OR REPLACE INTO highest_gone (only, seq) SELECT 1, max(seq) FROM (
            SELECT seq FROM highest_gone UNION ALL SELECT coalesce(max(seq), 0) FROM events
            UNION ALL SELECT coalesce(max(events), 0) FROM starts
        )
        """
    )
