"""The store: an event, its picture and what is to be sent of it, all or nothing."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from threading import Event as Flag
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, TypeVar

from edge_ocr.config import StoreSettings
from edge_ocr.errors import StoreError, printable
from edge_ocr.store import crops, damage, erase, recovery, rows
from edge_ocr.store.attempts import Attempts
from edge_ocr.store.connection import Connection, DamageError, FullError
from edge_ocr.store.outbox import Cap, Full, Outbox
from edge_ocr.store.retention import Retention, release_reserve, unlink
from edge_ocr.store.walltime import WallTimes
from edge_ocr.store.wear import Wear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from edge_ocr.clock import Clock
    from edge_ocr.types import Attempt, Decision, Event, Stamp

LOCK = "lock"

_MOST_STEPS = 500  # of one tidying
_TURN_SECONDS = 0.001  # between them: a lock that is let go of and taken at once again is never anybody else's

_Answer = TypeVar("_Answer")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """What is recorded of one event.

    Attributes:
        event: without a crop, no picture is kept.
        decision: what the lists say of it, None without lists.
        destinations: the names of those that it is sent to.

    """

    event: Event
    decision: Decision | None = None
    destinations: Sequence[str] = ()


class Database:
    """A folder that holds events; a context manager. One process writes to it at a time, any number of threads.

    Args:
        folder: is made if missing.
        clock: stamps the start, and says what old means.
        settings: limits.
        busy: is told of what takes long after a crash or damage, in whichever thread meets it.

    Attributes:
        outbox: what is to be delivered.
        attempts: the ring of tracks that did not become an event.
        wear: what was written to the disk.
        set_aside: where a damaged database went since the store was opened; None if none was damaged or removed.

    Raises:
        StoreError: the folder cannot be made or written, or another process writes to it. A damaged database is no
            reason: it is set aside, loudly, and what can be read of it is carried over into a new one.

    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        settings: StoreSettings | None = None,
        *,
        busy: damage.Busy = lambda _what, _seconds: None,
    ) -> None:
        self._folder = folder
        self._busy = busy
        self._clock = clock
        self._settings = settings or StoreSettings()
        self._lock = RLock()
        self._turn = Flag()  # is never set: waiting for it is a pause
        self._open_days: set[str] = set()
        self._poor = self._missing = False
        self._closed = False
        self.wear = Wear()
        self.set_aside: Path | None = None
        with ExitStack() as stack:
            self._held = _locked(folder)
            stack.callback(self._unlock)
            self._connection = self._connect_with_room()
            stack.callback(self._connection.close)
            cap = Cap(self._settings.outbox_most, Full(self._settings.outbox_full))
            self.outbox = Outbox(self._connection, folder, cap, self.wear)
            self.attempts = Attempts(self._connection, self._settings.attempts)
            self._times = WallTimes(self._connection)
            self._retention = Retention(self._connection, folder, self._settings, self._times, self.outbox.depths)
            self._begin()
            self._stack = stack.pop_all()

    @classmethod
    def open(cls, folder: Path, clock: Clock, settings: StoreSettings | None = None) -> Database:
        """The store in a folder; see the class."""
        return cls(folder, clock, settings)

    def close(self) -> None:
        """Write down what is left and let go of the folder; closing again does nothing."""
        with self._lock, self._stack:
            if self._closed:
                return
            self._closed = True
            try:
                self.outbox.flush()
                self._times.rest()
                recovery.end(self._connection, self._start, self._clock.monotonic())
            except StoreError as error:  # the next start sees to what a crash would have left as well
                _log.warning("the store was not closed in good order: %s", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """Where everything lies."""
        return self._folder

    @property
    def dropped(self) -> dict[str, int]:
        """How many events, crops, previews and attempts gave way since the store was opened."""
        return dict(self._retention.dropped)

    def counted(self) -> Iterator[tuple[str, float, Mapping[str, str]]]:
        """For :meth:`edge_ocr.health.Health.tally`: bytes written, and what gave way, since the store was opened."""
        yield "stored_bytes", self.wear.bytes, {}
        for kind, count in (*self._retention.dropped.items(), ("parcels", self.outbox.shed)):
            yield "shed", count, {"kind": kind}

    @property
    def trouble(self) -> str | None:
        """Why the store does less than it should, in one line; None if all is well."""
        if self._poor:
            return f"the disk is nearly full ({self._retention.free() / 1e6:.0f} MB free); crops are not kept"
        if self.set_aside is not None:
            return f"the database was damaged and set aside as {printable(self.set_aside)}; see what made it so"
        return None

    def record(self, event: Event, *, decision: Decision | None = None, destinations: Sequence[str] = ()) -> Event:
        """Write an event, its picture and a row of the outbox for each destination: all or nothing, and for good.

        Recording an event that the store has already changes nothing.

        Returns:
            The event with ``crop_file`` set, or None there if there is no picture or no room for one.

        Raises:
            FullError: the disk is full, and nothing is left that may be dropped.
            StoreError: the disk is gone.

        """
        return self.record_all([Entry(event, decision, destinations)])[0]

    def record_all(self, entries: Sequence[Entry], *, missed: Sequence[Attempt] = ()) -> list[Event]:
        """Write several events in one go, which costs the disk far less than one by one; see :meth:`record`.

        Args:
            entries: oldest first.
            missed: tracks that did not become events, oldest first, which go along if there is room for all.

        """
        with self._lock, self.wear.measured():
            return self._whole(lambda: self._record(entries, missed))

    def miss(self, *attempts: Attempt) -> None:
        """Keep tracks that did not become events, in one go; where that fails, it is told once and all goes on."""
        with self._lock, self.wear.measured():
            try:
                self._whole(lambda: self.attempts.add(attempts))
            except StoreError as error:
                if not self._missing:
                    _log.warning("attempts cannot be kept: %s", error)
                self._missing = True
            else:
                self._missing = False

    def audit(self, now: Stamp, actor: str, action: str, reason: str, *, event: str | None = None) -> None:
        """Write down what was done to the world outside.

        Args:
            now: when.
            actor: the destination or command.
            action: 'open', 'refused' and the like.
            reason: in one line.
            event: the id of the event that it was done for.

        Raises:
            StoreError: it cannot be written.

        """
        with self._lock, self.wear.measured(), self._connection.transaction():
            self._connection.run(
                "INSERT INTO audit (event, boot, mono, wall, synced, actor, action, reason) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (event, *rows.stamp_columns(self._connection, now), actor, action, reason),
            )

    def tidy(self) -> None:
        """Put times right if the clock is right now, enforce the limits; to be called every minute or so.

        It takes turns with whoever records: between any two of its short transactions another thread gets the store.
        One call drops at most some 100,000 things; the next one goes on.

        Raises:
            StoreError: the database cannot be written.

        """
        with self._lock, self.wear.measured():
            steps = self._retention.steps(self._whole(self._look))
        for _ in range(_MOST_STEPS):
            with self._lock, self.wear.measured():
                more = self._whole(lambda: next(steps, False))  # after damage there are no more: they ask the old one
            if not more:
                break
            self._turn.wait(_TURN_SECONDS)
        with self._lock:
            self._note_room(tight=self._retention.tight())

    def erase(self, *, text: str | None = None, since: float | None = None, until: float | None = None) -> int:
        """Remove events for good, unsent ones too, with all that was kept of them.

        Args:
            text: of the plate, as it is stored; None for all.
            since: seconds since 1970, UTC: last seen from then on; None for all.
            until: seconds since 1970, UTC: last seen before; None for all.

        Returns:
            How many events.

        Raises:
            ValueError: nothing says what.
            StoreError: the database cannot be written.

        """
        with self._lock, self.wear.measured():
            self.outbox.flush()
            count = erase.erase(self._connection, text, since, until)
            self.outbox.depths.forget()
            unlink(self._connection, self._folder)
            erase.empty_log(self._connection)
            return count

    def events(self, *, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Events as JSON in the order in which they were recorded, each with its number as ``seq``."""
        found = self._connection.rows(
            f"SELECT e.seq, {rows.COLUMNS} FROM events e {rows.JOINS} WHERE e.seq > ? ORDER BY e.seq LIMIT ?",
            (after, limit),
        )
        return [{"seq": seq, **rows.told(row)} for seq, *row in found]

    def _look(self) -> Stamp:
        now = self._clock.stamp()
        self._times.observe(now)
        self.outbox.flush()
        return now

    def _record(self, entries: Sequence[Entry], missed: Sequence[Attempt]) -> list[Event]:
        now = self._clock.stamp()
        with suppress(FullError):  # times can wait, and are tried again
            self._times.observe(now)
        files = self._write_crops(entries)
        try:
            return self._insert(entries, files, now, missed)
        except FullError:
            # The picture's room may be what the row lacks.
            crops.remove(self._folder, files)
            while self._retention.make_room() or self._retention.make_room_inside():
                try:
                    return self._insert(entries, {}, now)
                except FullError:
                    continue
            raise
        except BaseException:
            crops.remove(self._folder, files)
            raise

    def _insert(
        self, entries: Sequence[Entry], files: dict[str, bytes], now: Stamp, missed: Sequence[Attempt] = ()
    ) -> list[Event]:
        stored = []
        with self._connection.transaction():
            for entry in entries:
                path = crops.path_of(entry.event)
                crop = (path, len(files[path])) if path in files else None
                added = rows.insert(self._connection, entry.event, entry.decision, crop)
                if added is None:
                    path = self._connection.value("SELECT crop FROM events WHERE id = ?", (entry.event.id,))
                    stored.append(replace(entry.event, crop_file=path))
                    continue
                self.outbox.enqueue(*added, entry.destinations)
                if crop and entry.event.crop is not None:
                    picture = crops.jpeg(entry.event.crop)
                    self._connection.run("INSERT INTO previews (event, jpeg) VALUES (?, ?)", (added[0], picture))
                self._times.recorded(entry.event, now)
                stored.append(replace(entry.event, crop_file=crop and path))
            self.attempts.add(missed)
        self.wear.events += len(entries)
        return stored

    def _write_crops(self, entries: Sequence[Entry]) -> dict[str, bytes]:
        """Put the pictures of new events on the disk, if there is room; returns them by path."""
        if self._retention.tight():
            self._retention.make_room()
        self._note_room(tight=self._retention.tight())
        known = "SELECT 1 FROM events WHERE id = ?"
        files = {
            crops.path_of(event): crops.png(event.crop)
            for event in (entry.event for entry in entries)
            if event.crop is not None and not self._poor and not self._connection.rows(known, (event.id,))
        }
        try:
            self._announce({crops.day_of(path) for path in files})
            crops.write(self._folder, files)
        except FullError as error:
            self._note_room(tight=True)
            _log.warning("crops are not kept: %s", error)
            return {}
        return files

    def _note_room(self, *, tight: bool) -> None:
        """Tell once when the disk becomes nearly full, and once when there is room again."""
        if tight != self._poor:
            self._poor = tight
            _log.warning("%s", self.trouble if tight else "there is room on the disk again; crops are kept")

    def _announce(self, days: set[str]) -> None:
        """Say in which folders files without rows may lie from now on."""
        new = days - self._open_days
        if new:
            recovery.announce(self._connection, new)
            self._open_days |= new

    def _connect_with_room(self) -> Connection:
        try:
            return self._connect()
        except FullError:  # even reading needs room for the log's index
            if not release_reserve(self._folder):
                raise
            return self._connect()

    def _connect(self) -> Connection:
        damage.resume(self._folder)
        try:
            connection = Connection(self._folder / damage.DATABASE)
        except DamageError as error:
            self._renew(error)
            return Connection(self._folder / damage.DATABASE)
        try:
            if recovery.was_killed(connection):
                damage.assert_whole(connection, self._busy)
        except DamageError as error:
            self._replace(connection, error)
        except BaseException:
            connection.close()
            raise
        return connection

    def _whole(self, action: Callable[[], _Answer]) -> _Answer:
        """Do something; a database that turns out to be damaged is set aside, and it is done in the new one."""
        try:
            if self._connection.damage is not None:  # another thread met it
                raise self._connection.damage
            self._connection.assert_there()
            return action()
        except DamageError as error:
            self._replace(self._connection, error)
            self._begin()
            return action()

    def _replace(self, connection: Connection, error: DamageError) -> None:
        with connection.held():
            connection.close()
            self._lock_again()
            self._renew(error)
            connection.open()

    def _lock_again(self) -> None:
        """Hold the folder's lock although the folder was removed, and will be made again."""
        with suppress(OSError):
            if os.path.samestat(os.fstat(self._held), (self._folder / LOCK).stat()):
                return
        held = _locked(self._folder)
        self._unlock()
        self._held = held

    def _unlock(self) -> None:
        os.close(self._held)

    def _renew(self, error: DamageError) -> None:
        renewed = damage.renew(self._folder, self._busy)
        self.set_aside = renewed.place
        _log.error("%s; set aside as %s, a new one is started", error, printable(renewed.place))
        told = "%d events were carried over; %d crops lie with the damaged database"
        _log.error(told, renewed.events, renewed.crops)

    def _begin(self) -> None:
        self._open_days = set()
        self._times.forget()
        try:
            self._recover()
        except FullError:
            if not (self._retention.make_room() or self._retention.make_room_inside()):
                raise
            self._recover()

    def _recover(self) -> None:
        now = self._clock.stamp()
        recovery.recover(self._connection, self._folder)
        unlink(self._connection, self._folder)
        self._start = recovery.begin(self._connection, now)
        self._times.settle(now)


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder's lock; the kernel lets go of it when the process ends, however."""
    try:
        crops.make_folder(folder)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise crops.failed(folder, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        what = f"{printable(folder)}: another process writes to it"
        raise StoreError(f"{what}; stop that one or name another folder") from error
    return descriptor
