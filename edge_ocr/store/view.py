"""What a store holds, for whoever only looks: a connection that cannot write, beside the one that does."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from edge_ocr.errors import StoreError, printable
from edge_ocr.store import crops, damage, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_BUSY_SECONDS = 2.0
_CACHE_KB = 1024  # pages kept in memory; SQLite's own limit is twice that
_CHECK_EVERY = 20_000  # steps of SQLite's machine between two looks at the clock

_ATTEMPT = ("number", "camera", "wall", "synced", "reason", "text", "confidence", "reads", "unread", "picture")
_AUDIT = ("id", "event", "wall", "synced", "actor", "action", "reason")


class View:
    """Looks into the folder of a store; any thread may use it, one at a time does.

    The database is opened with the first question, and again where another one took its place.

    Args:
        folder: of the store.
        seconds: the longest that a question may take.

    """

    def __init__(self, folder: Path, *, seconds: float = 5.0) -> None:
        self._folder = folder
        self._path = folder / damage.DATABASE
        self._seconds = seconds
        self._lock = Lock()
        self._raw: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._deadline = 0.0

    def close(self) -> None:
        """Let go of the database; the next question opens it again."""
        with self._lock:
            self._close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a statement that only reads answers.

        Raises:
            StoreError: there is no store, it cannot be read, or the answer took too long.

        """
        with self._lock, self._told():
            return self._connected().execute(sql, values).fetchall()

    def newest(self) -> int:
        """The number of the event that was recorded last, also if it is gone; 0 without one."""
        return int(self.rows(f"SELECT max(seq) FROM ({rows.NUMBERS})")[0][0])

    def events(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Events by their numbers as JSON, in the order of the numbers.

        Each has its number as ``seq``, and ``picture`` says whether there is a small one of it.

        Those that are gone are left out.
        """
        found = self.rows(
            f"""
            SELECT e.seq, EXISTS (SELECT 1 FROM previews p WHERE p.event = e.seq), {rows.COLUMNS}
            FROM events e {rows.JOINS} WHERE e.seq IN ({_marks(numbers)})
            """,
            numbers,
        )
        told = {seq: {"seq": seq, **rows.told(row), "picture": bool(picture)} for seq, picture, *row in found}
        return [told[number] for number in numbers if number in told]

    def after(self, number: int, limit: int) -> list[dict[str, Any]]:
        """The events that were recorded after one, oldest first."""
        found = self.rows("SELECT seq FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (number, limit))
        return self.events([seq for (seq,) in found])

    def event(self, key: str) -> dict[str, Any] | None:
        """One event by its id."""
        found = self.rows("SELECT seq FROM events WHERE id = ?", (key,))
        told = self.events([found[0][0]]) if found else []
        return told[0] if told else None

    def cameras(self) -> list[str]:
        """The names of all that ever recorded an event or missed one."""
        return [name for (name,) in self.rows("SELECT name FROM cameras ORDER BY name")]

    def crop(self, key: str) -> bytes | None:
        """The picture of an event, PNG; None where it has none (any more)."""
        found = self.rows("SELECT crop FROM events WHERE id = ?", (key,))
        if not found or not found[0][0]:
            return None
        path = (self._folder / found[0][0]).resolve()
        if not path.is_relative_to((self._folder / crops.FOLDER).resolve()):
            raise StoreError(f"{printable(path)}: is outside of the store; 'edge-ocr check' says what is wrong")
        try:
            data: bytes = path.read_bytes()
        except FileNotFoundError:  # dropped since the row was read
            return None
        except OSError as error:
            raise StoreError(f"{printable(path)}: cannot be read ({error.strerror}); see to the disk") from error
        return data

    def preview(self, key: str) -> bytes | None:
        """The small picture of an event, JPEG; None where it has none (any more)."""
        found = self.rows("SELECT p.jpeg FROM previews p JOIN events e ON e.seq = p.event WHERE e.id = ?", (key,))
        return bytes(found[0][0]) if found else None

    def deliveries(self, seq: int) -> list[dict[str, Any]]:
        """What became of an event at each destination: name, state ('sent', 'waiting' or 'dead'), attempts, error.

        A destination that took an event leaves no row behind: 'sent' also stands for one that was added later.
        """
        found = self.rows(
            """
            SELECT d.name, o.event, o.attempts, o.error, l.event, l.attempts, l.error FROM destinations d
            LEFT JOIN outbox o ON o.destination = d.id AND o.event = ?
            LEFT JOIN dead_letters l ON l.destination = d.id AND l.event = ? ORDER BY d.name
            """,
            (seq, seq),
        )
        states = []
        for name, waits, tried, problem, dead, given_up, why in found:
            state = "waiting" if waits is not None else "dead" if dead is not None else "sent"
            attempts, error = (tried, problem) if waits is not None else (given_up, why)
            states.append({"destination": name, "state": state, "attempts": attempts or 0, "error": error})
        return states

    def attempts(self, *, before: int | None, limit: int) -> list[dict[str, Any]]:
        """Tracks that did not become an event, the latest first, before a number: how, where, when and why."""
        found = self.rows(
            """
            SELECT a.number, c.name, a.wall, a.synced, a.reason, a.text, a.confidence, a.reads, a.unread,
            a.jpeg IS NOT NULL FROM attempts a JOIN cameras c ON c.id = a.camera
            WHERE ? IS NULL OR a.number < ? ORDER BY a.number DESC LIMIT ?
            """,
            (before, before, limit),
        )
        return [_timed(_ATTEMPT, row, "picture") for row in found]

    def attempt_picture(self, number: int) -> bytes | None:
        """The picture of one of them, JPEG; None where it has none (any more)."""
        found = self.rows("SELECT jpeg FROM attempts WHERE number = ?", (number,))
        return bytes(found[0][0]) if found and found[0][0] is not None else None

    def audit(self, *, before: int | None = None, limit: int = 100, event: str | None = None) -> list[dict[str, Any]]:
        """What was done to the world outside and to the device, the latest first; of one event where it is named."""
        found = self.rows(
            """
            SELECT id, event, wall, synced, actor, action, reason FROM audit
            WHERE (? IS NULL OR id < ?) AND (? IS NULL OR event = ?) ORDER BY id DESC LIMIT ?
            """,
            (before, before, event, event, limit),
        )
        return [_timed(_AUDIT, row) for row in found]

    def _connected(self) -> sqlite3.Connection:
        try:
            status = self._path.stat()
        except OSError as error:
            raise StoreError(f"{printable(self._path)}: no such file; nothing was stored yet") from error
        file = (status.st_dev, status.st_ino)
        if self._raw is None or file != self._file:
            self._close()
            uri = f"file:{quote(str(self._path.absolute()))}?mode=ro"
            raw = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            raw.execute("PRAGMA query_only = ON")
            raw.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
            raw.set_progress_handler(self._overdue, _CHECK_EVERY)
            self._raw, self._file = raw, file
        self._deadline = time.monotonic() + self._seconds
        return self._raw

    def _overdue(self) -> bool:
        return time.monotonic() > self._deadline

    def _close(self) -> None:
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self._close()
            late = getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT"
            cure = (
                f"it took more than {self._seconds:g} s; ask for less, such as a shorter time" if late else str(error)
            )
            raise StoreError(f"{printable(self._path)}: cannot be read: {' '.join(cure.split())}") from error


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _timed(names: Sequence[str], row: Sequence[Any], *flags: str) -> dict[str, Any]:
    """A row by names, with its wall time as ISO 8601."""
    told = dict(zip(names, row, strict=True))
    wall = datetime.fromtimestamp(told["wall"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {**told, "wall": wall, "synced": told["synced"] == 1, **{flag: bool(told[flag]) for flag in flags}}
