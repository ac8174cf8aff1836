"""How much waits for each destination: counted once, and kept up to date by whoever changes it.

Counting a week's outbox takes milliseconds, and health asks for all of them every few seconds. What this process does
not know of (a transaction that was taken back, a command beside it, another database) makes the counts void.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_ocr.store.connection import Connection


@dataclass(slots=True)
class _Count:
    pending: int
    dead: int


class Depths:
    """The counts; several threads may share them.

    Args:
        connection: to the store's database.

    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._epoch: tuple[int, int] | None = None
        self._counts: dict[int, _Count] = {}

    def of(self, destination: int) -> tuple[int, int]:
        """How many parcels of a destination wait, and how many are dead letters.

        Args:
            destination: destinations.id.

        """
        with self._connection.held():
            count = self._count(destination)
            return count.pending, count.dead

    def add(self, destination: int, *, pending: int = 0, dead: int = 0) -> None:
        """There are so many more, or fewer; to be called in the transaction that makes it so, after the statement."""
        with self._connection.held():
            self._forget_others()
            count = self._counts.get(destination)
            if count is not None:
                count.pending += pending
                count.dead += dead

    def forget(self, *, dead_alone: bool = False) -> None:
        """Count anew when somebody asks; ``dead_alone`` if events went that nobody waits for any more."""
        with self._connection.held():
            self._counts = {number: count for number, count in self._counts.items() if dead_alone and not count.dead}

    def _count(self, destination: int) -> _Count:
        self._forget_others()
        if destination not in self._counts:
            pending, dead = (
                int(self._connection.value(f"SELECT count(*) FROM {table} WHERE destination = ?", (destination,)))
                for table in ("outbox", "dead_letters")
            )
            self._counts[destination] = _Count(pending, dead)
        return self._counts[destination]

    def _forget_others(self) -> None:
        epoch = self._connection.epoch()
        if epoch != self._epoch:
            self._counts, self._epoch = {}, epoch
