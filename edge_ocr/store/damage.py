"""A database that is not whole: set aside for whoever wants to look, and what can be read of it carried over.

A device that refuses to run because a page is torn loses more than the page.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

from edge_ocr.errors import StoreError, printable
from edge_ocr.store import crops
from edge_ocr.store.connection import DamageError, FullError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_ocr.store.connection import Connection

DATABASE = "store.sqlite3"
ASIDE = "damaged-"

_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm")
_MOST_ASIDE = 3  # a card that breaks down makes one after the other
_TABLES = (
    *("boots", "starts", "cameras", "destinations", "events", "previews", "outbox", "dead_letters", "audit"),
    *("clock_anchors", "clock_corrections"),
)

_log = logging.getLogger(__name__)


def assert_whole(connection: Connection) -> None:
    """Read all of a database.

    Raises:
        DamageError: it is damaged; tells the first thing that is wrong.

    """
    answer = str(connection.value("PRAGMA quick_check(1)"))
    if answer != "ok":
        said = " ".join(answer.replace("*** in database main ***", "").split())
        raise DamageError(f"{printable(connection.path)}: {said}; it is damaged")


def set_aside(folder: Path) -> Path:
    """Move a closed database out of the way; returns the folder where it lies now.

    Raises:
        StoreError: it cannot be moved.

    """
    earlier = sorted(folder.glob(f"{ASIDE}*"), key=_number)
    place = folder / f"{ASIDE}{_number(earlier[-1]) + 1 if earlier else 1}"
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


def salvage(place: Path, connection: Connection) -> int:
    """Carry over what can be read of a database that was set aside; returns the number of events.

    Rows between two that can be read may be missing. Where that is so in the outbox, all events in between are sent
    (again): at least once is the promise.

    Args:
        place: the folder with the damaged database.
        connection: to a new, empty one.

    """
    try:
        raw = sqlite3.connect(place / DATABASE, isolation_level=None)
    except sqlite3.Error:
        return 0
    try:
        with connection.transaction():
            connection.run("PRAGMA defer_foreign_keys = ON")
            for table in _TABLES:
                _carry(raw, table, connection)
            _mend(connection)
    except StoreError:
        _log.exception("%s: nothing of it could be carried over", printable(place))
        return 0
    finally:
        raw.close()
    return int(connection.value("SELECT count(*) FROM events"))


def move_unclaimed(folder: Path, place: Path, connection: Connection) -> int:
    """Move crops that no row claims beside the database that did; returns how many."""
    claimed = {path for (path,) in connection.rows("SELECT crop FROM events WHERE crop IS NOT NULL")}
    count = 0
    for path, _ in list(crops.listing(folder)):
        if path not in claimed:
            try:
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).rename(place / path)
            except OSError as error:
                raise crops.failed(place, error) from error
            count += 1
    return count


def _number(place: Path) -> int:
    digits = place.name.removeprefix(ASIDE)
    return int(digits) if digits.isdecimal() else 0


def _carry(raw: sqlite3.Connection, table: str, connection: Connection) -> None:
    """Copy a table as far as it can be read from both of its ends."""
    there = {str(row[1]) for row in _Rows(raw, f"PRAGMA table_info({table})")}  # an older version has fewer
    columns = [str(row[1]) for row in connection.rows(f"PRAGMA table_info({table})") if row[1] in there]
    if not columns:
        return
    keys = [str(row[1]) for row in connection.rows(f"PRAGMA table_info({table})") if row[5]]
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    ends = []
    for way in ("ASC", "DESC"):
        order = ", ".join(f"{key} {way}" for key in keys)
        last: tuple[Any, ...] | None = None
        reader = _Rows(raw, f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED ORDER BY {order}")
        for row in reader:
            try:
                connection.run(insert, row)
            except FullError:
                raise
            except StoreError:  # what the damage left is no row
                continue
            last = row
        ends.append(last)
        if reader.whole:
            return
    _log.warning("%s: a part of the table could not be read", table)
    if table == "outbox":
        for destination in (number for (number,) in connection.rows("SELECT id FROM destinations")):
            low, high = (end[1] if end and end[0] == destination else None for end in ends)
            connection.run(
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


def _mend(connection: Connection) -> None:
    """What refers to rows that were lost gets them again, without their names."""
    for table, column, users in (
        ("boots", "boot_id", (("events", "boot"), ("starts", "boot"), ("audit", "boot"), ("clock_anchors", "boot"))),
        ("boots", "boot_id", (("clock_corrections", "boot"),)),
        ("cameras", "name", (("events", "camera"),)),
        ("destinations", "name", (("outbox", "destination"), ("dead_letters", "destination"))),
    ):
        for user, reference in users:
            connection.run(
                f"INSERT OR IGNORE INTO {table} (id, {column}) SELECT DISTINCT {reference}, 'lost-' || {reference} "
                f"FROM {user} WHERE {reference} NOT IN (SELECT id FROM {table})"
            )
    decided = "json_extract(body, '$.decision.list')"  # of events that a version without the column wrote
    connection.run(f"UPDATE events SET list = {decided} WHERE list IS NULL AND {decided} IS NOT NULL")
    for table in ("previews", "outbox", "dead_letters"):
        connection.run(f"DELETE FROM {table} WHERE event NOT IN (SELECT seq FROM events)")
