"""What a start finds after a crash, and what it must know of the one before."""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from edge_ocr.store import crops, rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from edge_ocr.store.connection import Connection
    from edge_ocr.types import Stamp

_MOST_STARTS = 10_000  # a program that fails and is started again every few seconds must not fill the disk

_log = logging.getLogger(__name__)


def begin(connection: Connection, now: Stamp) -> int:
    """Write the row of a start; returns its number."""
    try:
        program = f"edge-ocr {version('edge-ocr')}"
    except PackageNotFoundError:
        program = "edge-ocr, not installed"
    with connection.transaction():
        before = connection.value("SELECT boot FROM starts ORDER BY id DESC LIMIT 1")
        boot, *moment = rows.stamp_columns(connection, now)
        if before != boot:  # the monotonic clock began anew
            connection.run("UPDATE outbox SET retry_at = 0 WHERE retry_at > 0")
        connection.run(
            "INSERT INTO starts (boot, mono, wall, synced, program, events) "
            f"VALUES (?, ?, ?, ?, ?, (SELECT max(seq) FROM ({rows.NUMBERS})))",
            (boot, *moment, program),
        )
        start = int(connection.value("SELECT last_insert_rowid()"))
        connection.run("DELETE FROM starts WHERE id <= ?", (start - _MOST_STARTS,))
        return start


def end(connection: Connection, start: int, mono: float) -> None:
    """All is in good order: the next start need not look."""
    with connection.transaction():
        connection.run("DELETE FROM open_folders")
        connection.run("UPDATE starts SET ended = ? WHERE id = ?", (mono, start))


def was_killed(connection: Connection) -> bool:
    """Whether the latest start did not end in good order; a database that was just made had none."""
    ended = "SELECT ended IS NULL FROM starts ORDER BY id DESC LIMIT 1"
    return bool(connection.value(f"SELECT coalesce(({ended}), EXISTS (SELECT 1 FROM events))"))


def announce(connection: Connection, folders: Iterable[str]) -> None:
    """Say that files without rows may lie in these folders, should the process die."""
    with connection.transaction():
        connection.run_all("INSERT OR IGNORE INTO open_folders (folder) VALUES (?)", [(name,) for name in folders])


def recover(connection: Connection, folder: Path) -> None:
    """Remove files whose rows were never written, and tell of rows whose files are gone.

    Only what the latest start wrote is looked at: the folders that it announced, and the events since it began.
    """
    unclaimed = []
    for (day,) in connection.rows("SELECT folder FROM open_folders"):
        for path, _ in crops.listing(folder, day):
            claim = "SELECT 1 FROM events WHERE id = ? AND crop = ?"
            if not connection.rows(claim, (PurePosixPath(path).stem, path)):
                unclaimed.append(path)
    if unclaimed:
        crops.remove(folder, unclaimed)
        _log.warning("removed %d crops whose events were not recorded when the program was killed", len(unclaimed))
    since = connection.value("SELECT events FROM starts ORDER BY id DESC LIMIT 1") or 0
    written = connection.rows("SELECT seq, crop, crop_bytes FROM events WHERE seq > ? AND crop IS NOT NULL", (since,))
    lost = [(seq,) for seq, path, size in written if _size(folder / path) != size]
    if lost:
        connection.run_all("UPDATE events SET crop = NULL, crop_bytes = 0 WHERE seq = ?", lost)
        _log.error("the crops of %d events are gone or cut short; see whether the disk is sound", len(lost))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
