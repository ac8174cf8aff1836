"""An outbox in memory, for the tests of whoever builds on this package: it keeps what was done with every parcel."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge_ocr.types import Parcel

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class MemoryOutbox:
    """Behaves as a store's outbox does, and is gone with the process.

    Example:
        >>> outbox = MemoryOutbox()
        >>> outbox.add("webhook", {"id": "1", "camera": "gate"})
        >>> [parcel.key for parcel in outbox.pending("webhook", 0.0, 10)]
        ['1']

    Attributes:
        taken: the parcels that were delivered, in that order.
        dead_letters: those that never will be, with the reason.
        errors: how often each reason put a parcel off.

    """

    def __init__(self) -> None:
        self._waiting: dict[int, Parcel] = {}
        self._retry_at: dict[int, float] = {}
        self._last = 0
        self.taken: list[Parcel] = []
        self.dead_letters: list[tuple[Parcel, str]] = []
        self.errors: Counter[str] = Counter()

    def add(self, destination: str, event: dict[str, Any], crop_path: Path | None = None) -> None:
        """Let an event wait for a destination."""
        self._last += 1
        parcel = Parcel(self._last, destination, event["id"], event["camera"], event, crop_path, 0)
        self._waiting[parcel.id] = parcel

    def pending(self, destination: str, now_mono: float, limit: int) -> list[Parcel]:
        """What to deliver next."""
        mine = [parcel for parcel in self._waiting.values() if parcel.destination == destination]
        blocked = {parcel.camera for parcel in mine if self._retry_at.get(parcel.id, 0.0) > now_mono}
        return [parcel for parcel in mine if parcel.camera not in blocked][:limit]

    def delivered(self, parcel: Parcel) -> None:
        """It was taken."""
        self.taken.append(self._waiting.pop(parcel.id))

    def failed(self, parcel: Parcel, error: str, retry_at: float) -> None:
        """It was not."""
        self._waiting[parcel.id] = replace(parcel, attempts=parcel.attempts + 1)
        self._retry_at[parcel.id] = retry_at
        self.errors[error] += 1

    def dead(self, parcel: Parcel, error: str) -> None:
        """It never will be."""
        self.dead_letters.append((self._waiting.pop(parcel.id), error))

    def waiting(self) -> Iterable[Parcel]:
        """What is left."""
        return self._waiting.values()
