"""What makes room for what: debugging aids first, then crops, then previews, then events; never what is unsent.

Age is the only limit that asks a clock, and it asks none that is not synchronised, and steady for an hour.
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from edge_ocr.store import crops, damage
from edge_ocr.store.connection import FullError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from edge_ocr.config import KeepSettings, StoreSettings
    from edge_ocr.store.connection import Connection
    from edge_ocr.store.depths import Depths
    from edge_ocr.store.walltime import WallTimes
    from edge_ocr.types import Stamp

RESERVE = "reserve"
"""A file of nothing, given back to a full disk so that the rows of what is dropped can be written."""

_RESERVE_BYTES = 1 << 20
_ALL = (1 << 63) - 1
_AGE_EVERY = 3600.0  # seconds: it reads every row
_NOTES = ("audit", "clock_corrections")
_MOST_NOTES = 100_000  # rows of each: some 15 MB, years of a barrier
_MOST_ANCHORS = 1000  # of the clock: one for each step of it and each start; only the latest of a boot are asked for
_CHUNK = 200  # rows a transaction: others wait for it
_MB = 1e6
_DAY = 86_400.0
_SENT = "NOT EXISTS (SELECT 1 FROM destinations d JOIN outbox o ON o.destination = d.id AND o.event = e.seq)"

_log = logging.getLogger(__name__)


class Retention:
    """Drops what is beyond the limits.

    Args:
        connection: to the store's database.
        folder: of the store.
        settings: the limits.
        times: knows whether the clock can be trusted.
        depths: counts what went with events.

    Attributes:
        dropped: how many of each kind ('events', 'crops', 'previews', 'attempts') since the store was opened.

    """

    def __init__(
        self, connection: Connection, folder: Path, settings: StoreSettings, times: WallTimes, depths: Depths
    ) -> None:
        self._connection = connection
        self._depths = depths
        self._folder = folder
        self._settings = settings
        self._times = times
        self._aged = -_AGE_EVERY
        self.dropped = dict.fromkeys(("events", "crops", "previews", "attempts"), 0)

    def steps(self, now: Stamp) -> Iterator[bool]:
        """Enforce the limits, a small transaction with every step; True as long as there are more.

        Raises:
            StoreError: the database cannot be written.

        """
        aged = self._times.steady(now) and now.mono >= self._aged + _AGE_EVERY
        if aged:
            self._aged = now.mono
        for kind, limits, drop in (
            ("crops", self._settings.crops, self._drop_crops),
            ("previews", self._settings.previews, self._drop_previews),
            ("events", self._settings.events, self._drop_events),
        ):
            before = now.wall - limits.days * _DAY if aged and limits.days else None
            through = self._through(kind, limits, before)
            yield True  # looking takes its time as well
            while through and drop(_CHUNK, through):
                yield True
        for table in _NOTES:
            yield True
            self._drop_notes(table)
        yield True
        self._drop_anchors()
        if aged and self._settings.events.days:
            damage.drop_aside(self._folder, now.wall - self._settings.events.days * _DAY)
        most = self._settings.events.mb * _MB
        while most and self._used() > most and self._drop_events(_CHUNK):
            yield True
        if not self.tight():
            self._keep_reserve()
            return
        self._drop_attempts()
        while self.tight() and self._drop_crops(_CHUNK):
            yield True

    def tight(self) -> bool:
        """Whether less of the disk is free than the floor."""
        return self.free() < self._settings.free_mb * _MB

    def free(self) -> int:
        """Bytes that may still be written where the store lies.

        Raises:
            StoreError: the folder is gone, or its disk.

        """
        try:
            return shutil.disk_usage(self._folder).free
        except OSError as error:
            raise crops.failed(self._folder, error) from error

    def make_room(self) -> bool:
        """The disk is full or nearly: drop attempts, then crops until the floor is kept.

        Returns:
            Whether anything was dropped.

        Raises:
            StoreError: the database cannot be written, though the reserve was given back.

        """
        gone = self._drop_attempts()
        while self.tight() and (count := self._drop_crops(_CHUNK)):
            gone += count
        return gone > 0

    def make_room_inside(self) -> bool:
        """The database cannot grow: drop previews, then sent events; their pages are used again.

        Returns:
            Whether anything was dropped.

        Raises:
            StoreError: the database cannot be written, though the reserve was given back.

        """
        return self._drop_previews(_CHUNK) > 0 or self._drop_events(_CHUNK) > 0

    def _through(self, kind: str, limits: KeepSettings, before: float | None) -> int:
        """Up to which event those of a kind are too many, too large or too old; 0 if none is."""
        which = {
            "crops": "SELECT seq, crop_bytes AS size FROM events INDEXED BY events_crops WHERE crop IS NOT NULL",
            "previews": "SELECT event AS seq, length(jpeg) AS size FROM previews",
            "events": "SELECT seq, 0 AS size FROM events",
        }[kind]
        found = [0]
        if limits.most:
            sql = f"SELECT seq FROM ({which}) ORDER BY seq DESC LIMIT 1 OFFSET ?"
            found.append(self._connection.value(sql, (limits.most,)) or 0)
        if limits.mb and kind != "events":  # those are measured as pages, see _used
            found.append(self._too_large(which, limits.mb * _MB))
        if before is not None:
            # What was recorded before something that is known to be old is old, whatever its own clock said.
            sql = "SELECT max(seq) FROM events WHERE last_synced > 0 AND last_wall < ?"
            found.append(self._connection.value(sql, (before,)) or 0)
        return max(found)

    def _too_large(self, which: str, most: float) -> int:
        """Up to which event the oldest have to go for the others to be no more than so many bytes; 0 if none has."""
        excess = (self._connection.value(f"SELECT sum(size) FROM ({which})") or 0) - most
        seq = 0
        while excess > 0:  # a few at a time: a running sum over all would take ten times as long as the sum
            sql = f"SELECT seq, size FROM ({which}) WHERE seq > ? ORDER BY seq LIMIT ?"
            for found, size in self._connection.rows(sql, (seq, _CHUNK)):
                seq, excess = found, excess - size
                if excess <= 0:
                    break
        return seq

    def _used(self) -> int:
        """Bytes of the database that hold something, but for the previews."""
        pages = self._connection.value(
            "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count"
        )
        size = self._connection.value("PRAGMA page_size")
        return int(pages * size - self._connection.value("SELECT coalesce(sum(length(jpeg)), 0) FROM previews"))

    def _drop_attempts(self) -> int:
        return self._change("attempts", (), "DELETE FROM attempts")

    def _drop_crops(self, most: int, through: int = _ALL) -> int:
        oldest = (
            "SELECT seq FROM events INDEXED BY events_crops WHERE crop IS NOT NULL AND seq <= ? ORDER BY seq LIMIT ?"
        )
        return self._change(
            "crops",
            (through, most),
            f"INSERT OR IGNORE INTO doomed_files (path) SELECT crop FROM events WHERE seq IN ({oldest})",
            f"UPDATE events SET crop = NULL, crop_bytes = 0 WHERE seq IN ({oldest})",
        )

    def _drop_notes(self, table: str) -> None:
        """Of what only a person would ever remove, the latest are kept."""
        first, last = self._connection.rows(f"SELECT min(id), max(id) FROM {table}")[0]
        if last is not None and first <= last - _MOST_NOTES:
            self._transact((last - _MOST_NOTES,), (f"DELETE FROM {table} WHERE id <= ?",))

    def _drop_anchors(self) -> None:
        """Of the times at which the clock was right, the latest are kept."""
        beyond = self._connection.rows(
            "SELECT boot, since FROM clock_anchors ORDER BY boot DESC, since DESC LIMIT 1 OFFSET ?", (_MOST_ANCHORS,)
        )
        if beyond:
            self._transact(beyond[0], ("DELETE FROM clock_anchors WHERE (boot, since) <= (?, ?)",))

    def _drop_previews(self, most: int, through: int = _ALL) -> int:
        return self._change(
            "previews",
            (through, most),
            "DELETE FROM previews WHERE event IN (SELECT event FROM previews WHERE event <= ? ORDER BY event LIMIT ?)",
        )

    def _drop_events(self, most: int, through: int = _ALL) -> int:
        oldest = f"SELECT seq FROM events e WHERE seq <= ? AND {_SENT} ORDER BY seq LIMIT ?"
        count = self._change(
            "events",
            (through, most),
            "INSERT OR IGNORE INTO doomed_files (path) "
            f"SELECT crop FROM events WHERE crop IS NOT NULL AND seq IN ({oldest})",
            f"DELETE FROM events WHERE seq IN ({oldest})",
        )
        if count:
            self._depths.forget(dead_alone=True)  # their dead letters went with them
        return count

    def _change(self, kind: str, values: Sequence[int], *statements: str) -> int:
        """Run statements in one transaction, if need be with the room that the reserve holds; then remove files."""
        try:
            count = self._transact(values, statements)
        except FullError:
            if not release_reserve(self._folder):
                raise
            count = self._transact(values, statements)
        unlink(self._connection, self._folder)
        self.dropped[kind] += count
        if count:
            _log.info("dropped %d %s", count, kind)
        return count

    def _transact(self, values: Sequence[int], statements: Sequence[str]) -> int:
        count = 0
        with self._connection.transaction():
            for statement in statements:
                count = self._connection.run(statement, values)
        return count

    def _keep_reserve(self) -> None:
        path = self._folder / RESERVE
        if path.exists():
            return
        try:
            with path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)
        except OSError:  # no room for it, or a file system that cannot
            path.unlink(missing_ok=True)


def unlink(connection: Connection, folder: Path) -> None:
    """Remove the files that rows gave up."""
    paths = [path for (path,) in connection.rows("SELECT path FROM doomed_files")]
    if paths:
        crops.remove(folder, paths)
        with suppress(FullError):  # then it is forgotten later
            connection.run_all("DELETE FROM doomed_files WHERE path = ?", [(path,) for path in paths])


def release_reserve(folder: Path) -> bool:
    """Give the reserve of a store back to the disk; whether there was one."""
    try:
        (folder / RESERVE).unlink()
    except OSError:
        return False
    return True
