"""Events on their way to the store: written in batches, kept in memory while the disk takes none.

What did not become an event goes along: with the next batch, or by itself once a second.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from typing import TYPE_CHECKING

from edge_ocr.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_ocr.store.database import Database, Entry
    from edge_ocr.types import Attempt, Event

_MISSED_SECONDS = 1.0
_MOST_MISSED = 100

_log = logging.getLogger(__name__)


class Recorder:
    """Collects entries for one thread that calls it; it has none of its own and never sleeps.

    A batch costs the disk little more than one event does. What is collected is lost by a power cut: ``seconds`` says
    how much that can be.

    Args:
        database: where they go.
        batch: so many are written at once.
        seconds: the longest that one waits for others.
        backlog: so many are kept while the store cannot be written; beyond that the oldest is lost, and counted. Of
            attempts, of which nothing is promised, the latest hundred are.

    Attributes:
        trouble: why the store could not be written at the latest attempt, None if it could.

    """

    def __init__(self, database: Database, *, batch: int = 50, seconds: float = 0.5, backlog: int = 1000) -> None:
        self._database = database
        self._batch = batch
        self._seconds = seconds
        self._backlog = backlog
        self._waiting: deque[Entry] = deque()
        self._missed: deque[Attempt] = deque(maxlen=_MOST_MISSED)
        self._due = self._missed_due = 0.0
        self._lost: Counter[str] = Counter()
        self.trouble: str | None = None

    @property
    def waiting(self) -> int:
        """How many events are not written yet."""
        return len(self._waiting)

    @property
    def lost(self) -> int:
        """How many events were given up."""
        return self._lost.total()

    def counted(self) -> Iterator[tuple[str, float, Mapping[str, str]]]:
        """For :meth:`edge_ocr.health.Health.tally`: the events of each camera that were given up."""
        for camera, count in self._lost.items():
            yield "lost", count, {"camera": camera}

    def add(self, entry: Entry, now_mono: float) -> list[Event]:
        """Take one; returns what was written by that, itself among them or not."""
        if not self._waiting:
            self._due = now_mono + self._seconds
        self._waiting.append(entry)
        if len(self._waiting) > self._backlog:
            self._lost[self._waiting.popleft().event.source] += 1
        return (
            self.flush(now_mono) if len(self._waiting) >= self._batch and self.trouble is None else self.tick(now_mono)
        )

    def miss(self, attempt: Attempt, now_mono: float) -> None:
        """Take a track that did not become an event."""
        if not self._missed:
            self._missed_due = now_mono + _MISSED_SECONDS
        self._missed.append(attempt)

    def tick(self, now_mono: float) -> list[Event]:
        """Write what has waited long enough; to be called several times a second. Returns the events of it."""
        if self._waiting:
            return self.flush(now_mono) if now_mono >= self._due else []
        return self.flush(now_mono) if self._missed and now_mono >= self._missed_due else []

    def flush(self, now_mono: float) -> list[Event]:
        """Write all that waits; returns the events. A store that takes none leaves them waiting, told as trouble."""
        stored: list[Event] = []
        while self._waiting:
            batch = [self._waiting[index] for index in range(min(self._batch, len(self._waiting)))]
            try:
                stored += self._database.record_all(batch, missed=tuple(self._missed))
            except StoreError as error:
                self._fail(error, now_mono)
                return stored
            self._missed.clear()
            for _ in batch:
                self._waiting.popleft()
        if self._missed:
            self._database.miss(*self._missed)
            self._missed.clear()
        if self.trouble is not None:
            _log.warning("events are stored again")
        self.trouble = None
        return stored

    def _fail(self, error: StoreError, now_mono: float) -> None:
        if self.trouble is None:
            _log.error("events cannot be stored, they wait in memory: %s", error)
        self.trouble = str(error)
        self._due = now_mono + max(self._seconds, 1.0)
