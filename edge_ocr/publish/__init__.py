"""Where events go: destinations that take parcels, and the port to the outbox that holds what they have not taken.

Every destination is a noun of its own (:mod:`mqtt <edge_ocr.publish.mqtt>`, webhook, files, relay) and knows nothing of
queues, retries or threads; :mod:`edge_ocr.publish.sender` knows those and nothing of what is sent where.
docs/design/publish.md says what is promised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.types import Parcel


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side has it, by its own word."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not taken now; later it may be.

    Attributes:
        reason: in one line.
        down: whether nobody was there to take anything, so that other cameras' parcels need not be tried.
        after: seconds that the other side asked for, or None.

    """

    reason: str
    down: bool = False
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Not taken, and trying again would change nothing; in one line why."""

    reason: str


Outcome: TypeAlias = Delivered | Retry | Refused


class Destination(Protocol):
    """Something that takes parcels. One thread at a time uses it."""

    @property
    def batch(self) -> int:
        """How many parcels it takes at once."""

    def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        """Hand parcels over, each camera's in order, and wait until the other side has them; bounded in time.

        Args:
            parcels: 1 to ``batch``, oldest first.

        Returns:
            What became of each, in the same order. Once one has to be tried again, later ones of its camera do too.

        """

    def tick(self) -> float:
        """Do what is due without parcels, such as a keep-alive; called again and again, and returns soon.

        Returns:
            Seconds until it wants to be called at the latest; inf if any time will do.

        """

    def close(self) -> None:
        """Let go of everything."""


class Outbox(Protocol):
    """What a sender needs of a store's outbox."""

    def pending(self, destination: str, now_mono: float, limit: int) -> Sequence[Parcel]:
        """What to deliver next, oldest first; nothing of a camera whose oldest parcel is in backoff."""

    def delivered(self, parcel: Parcel) -> None:
        """It was taken."""

    def failed(self, parcel: Parcel, error: str, retry_at: float) -> None:
        """It was not; nothing of its camera is handed out before ``retry_at``, seconds since boot."""

    def dead(self, parcel: Parcel, error: str) -> None:
        """It never will be."""
