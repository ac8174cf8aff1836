"""What is still to be delivered: one row for an event and a destination, from its transaction until it was taken.

Delivery is at least once: a parcel that was delivered a moment before a crash is handed out again, with the same key.
Notes of what became of parcels are written together, with the next look for work: a commit for each would wear the
flash as much as the events themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Any

from edge_ocr.store import rows
from edge_ocr.store.damage import LOST
from edge_ocr.store.depths import Depths
from edge_ocr.types import Parcel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_ocr.store.connection import Connection
    from edge_ocr.store.wear import Wear

_LONGEST_ERROR = 300  # characters; a destination may answer with a page


@dataclass(frozen=True, slots=True)
class Depth:
    """How much a destination has not taken.

    Attributes:
        pending: parcels that wait, those in backoff included.
        dead: dead letters.
        oldest_mono: when the oldest one that waits was last seen by its camera, monotonic; None if none waits or if
            that was in another boot.

    """

    pending: int
    dead: int
    oldest_mono: float | None


class Full(StrEnum):
    """Which parcel becomes a dead letter when an outbox is full."""

    OLDEST = "oldest"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class Cap:
    """How much may wait for one destination, and what gives way.

    Attributes:
        most: parcels, at least 1.
        full: which one becomes a dead letter beyond that; the event itself stays in the store.

    """

    most: int = 1_000_000
    full: Full = Full.OLDEST


class Outbox:
    """The port that senders work with; several threads may share it.

    Args:
        connection: to the store's database.
        folder: of the store, for the paths of crops.
        cap: for each destination.
        wear: counts what is written.

    Attributes:
        depths: how much waits for each destination; whoever removes events tells it.
        shed: parcels that the cap made dead letters, since the outbox was opened.

    """

    def __init__(self, connection: Connection, folder: Path, cap: Cap, wear: Wear) -> None:
        self._connection = connection
        self._folder = folder
        self._cap = cap
        self._wear = wear
        self._lock = Lock()
        self._delivered: list[Parcel] = []
        self._failed: list[tuple[Parcel, str, float]] = []
        self._dead: list[tuple[Parcel, str]] = []
        self.depths = Depths(connection)
        self.shed = 0

    def pending(self, destination: str, now_mono: float, limit: int) -> list[Parcel]:
        """What to deliver next, oldest first.

        Of a camera whose oldest parcel is in backoff, nothing is handed out: its later events have to wait.

        Args:
            destination: its name; one that no event was ever for has nothing.
            now_mono: seconds since boot.
            limit: at most so many.

        """
        self.flush()
        number = self._number(destination)
        found = self._connection.rows(
            f"""
            SELECT o.event, o.attempts, {rows.COLUMNS}
            FROM outbox o JOIN events e ON e.seq = o.event {rows.JOINS}
            WHERE o.destination = :number
            AND o.camera NOT IN (
                SELECT camera FROM outbox WHERE destination = :number AND retry_at > 0 AND retry_at > :now
            )
            ORDER BY o.event LIMIT :limit
            """,
            {"number": number, "now": now_mono, "limit": limit},
        )
        return [self._parcel(destination, *row) for row in found]

    def delivered(self, parcel: Parcel) -> None:
        """The destination has taken it."""
        with self._lock:
            self._delivered.append(parcel)

    def failed(self, parcel: Parcel, error: str, retry_at: float) -> None:
        """The destination did not take it; try again.

        Args:
            parcel: as it was handed out.
            error: why, in one line.
            retry_at: seconds since boot, above 0; until then nothing of the parcel's camera is handed out.

        """
        with self._lock:
            self._failed.append((parcel, _short(error), retry_at))

    def dead(self, parcel: Parcel, error: str) -> None:
        """The destination will never take it, or it was tried often enough: it becomes a dead letter."""
        with self._lock:
            self._dead.append((parcel, _short(error)))

    def flush(self) -> None:
        """Write down what became of parcels; happens by itself with the next :meth:`pending`.

        Raises:
            StoreError: it cannot be written. It is kept for the next time.

        """
        with self._lock:
            if not (self._delivered or self._failed or self._dead):
                return
            with self._connection.held(), self._wear.measured(), self._connection.transaction():
                # By the event's id too: after a damaged database was set aside, numbers may mean other events.
                for name in {item.destination for item in self._delivered}:
                    keys = [_key(item) for item in self._delivered if item.destination == name]
                    gone = self._connection.run_all(f"DELETE FROM outbox {_WHERE}", keys)
                    self.depths.add(self.destination(name), pending=-gone)
                self._connection.run_all(
                    f"UPDATE outbox SET attempts = attempts + 1, error = ?, retry_at = ? {_WHERE}",
                    [(error, retry_at, *_key(item)) for item, error, retry_at in self._failed],
                )
                for parcel, error in self._dead:
                    self._bury(error, _key(parcel))
            self._delivered, self._failed, self._dead = [], [], []

    def depth(self, destination: str, boot_id: str = "") -> Depth:
        """How much waits for a destination, and since when.

        Args:
            destination: its name.
            boot_id: of the present boot, to tell the age of the oldest.

        """
        number = self._number(destination)
        pending, dead = (0, 0) if number is None else self.depths.of(number)
        oldest = self._connection.value(
            """
            SELECT e.last_mono FROM events e JOIN boots b ON b.id = e.boot
            WHERE e.seq = (SELECT min(event) FROM outbox WHERE destination = ?) AND b.boot_id = ?
            """,
            (number, boot_id),
        )
        return Depth(pending, dead, oldest)

    def replay(
        self, destination: str, *, since: float | None = None, until: float | None = None, dead: bool = False
    ) -> int:
        """Deliver stored events once more, or dead letters after all.

        Args:
            destination: its name.
            since: seconds since 1970, UTC: events last seen from then on; None for all.
            until: seconds since 1970, UTC: events last seen before; None for all.
            dead: only those that are dead letters.

        Returns:
            How many were put into the outbox; those that wait there already are not counted.

        """
        with self._connection.transaction():
            number = self.destination(destination)
            count = self._connection.run(
                """
                INSERT OR IGNORE INTO outbox (destination, event, camera)
                SELECT :number, seq, camera FROM events
                WHERE (:since IS NULL OR last_wall >= :since) AND (:until IS NULL OR last_wall < :until)
                AND (NOT :dead OR seq IN (SELECT event FROM dead_letters WHERE destination = :number))
                """,
                {"number": number, "since": since, "until": until, "dead": dead},
            )
            revived = self._connection.run(
                """
                DELETE FROM dead_letters WHERE destination = :number
                AND event IN (SELECT event FROM outbox WHERE destination = :number)
                """,
                {"number": number},
            )
            self.depths.add(number, pending=count, dead=-revived)
        return count

    def enqueue(self, event: int, camera: int, destinations: Sequence[str]) -> None:
        """A row for each destination; to be called in the transaction that writes the event.

        Args:
            event: events.seq.
            camera: cameras.id.
            destinations: names, each once.

        """
        for name in destinations:
            number = self.destination(name)
            self._connection.run(
                "INSERT INTO outbox (destination, event, camera) VALUES (?, ?, ?)", (number, event, camera)
            )
            self.depths.add(number, pending=1)
            if self.depths.of(number)[0] > self._cap.most:
                choose = "min" if self._cap.full is Full.OLDEST else "max"
                found = self._connection.rows(
                    f"SELECT e.seq, e.id FROM events e WHERE e.seq = "
                    f"(SELECT {choose}(event) FROM outbox WHERE destination = ?)",
                    (number,),
                )
                for seq, key in found:
                    self._bury(f"the outbox is full (cap {self._cap.most})", (name, seq, key))
                    self.shed += 1

    def destinations(self) -> tuple[str, ...]:
        """The names of those that events were ever for."""
        return tuple(str(name) for (name,) in self._connection.rows("SELECT name FROM destinations ORDER BY id"))

    def destination(self, name: str) -> int:
        """The number of a destination, which is made if it is new."""
        found = self._number(name)
        if found is None:
            self._connection.run("INSERT INTO destinations (name) VALUES (?)", (name,))
            found = self._number(name)
        return int(found)

    def _number(self, name: str) -> Any:
        """The number of a destination, None for a new one; what lost its name to damage is given it once more."""
        look = "SELECT id FROM destinations WHERE name = ?"
        found = self._connection.value(look, (name,))
        if found is None:
            found = self._connection.value(f"SELECT min(id) FROM destinations WHERE name GLOB '{LOST}*'")
            if found is not None:
                self._connection.run("UPDATE destinations SET name = ? WHERE id = ?", (name, found))
        return found

    def _bury(self, error: str, key: tuple[str, int, str]) -> None:
        known = self._connection.value(f"SELECT count(*) FROM dead_letters {_WHERE}", key)
        buried = self._connection.run(
            f"""
            INSERT OR REPLACE INTO dead_letters (destination, event, attempts, error)
            SELECT destination, event, attempts, ? FROM outbox {_WHERE}
            """,
            (error, *key),
        )
        gone = self._connection.run(f"DELETE FROM outbox {_WHERE}", key)
        self.depths.add(self.destination(key[0]), pending=-gone, dead=buried if not known else 0)

    def _parcel(self, destination: str, event: int, attempts: int, *row: Any) -> Parcel:
        told = rows.told(row)
        path = None if told["crop"] is None else self._folder / told["crop"]
        return Parcel(event, destination, told["id"], told["camera"], told, path, attempts)


_WHERE = """
WHERE destination = (SELECT id FROM destinations WHERE name = ?) AND event = ?
AND EXISTS (SELECT 1 FROM events WHERE seq = event AND id = ?)
"""


def _key(parcel: Parcel) -> tuple[str, int, str]:
    return parcel.destination, parcel.id, parcel.key


def _short(error: str) -> str:
    return " ".join(error.split())[:_LONGEST_ERROR]
