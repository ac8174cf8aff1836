"""One destination's worker: takes parcels from the outbox, hands them over, and is patient.

Nobody else retries. The sender owns no thread: whoever does calls :meth:`Sender.step` again and again, and waits for as
long as it says, or until there is something new.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from random import Random
from typing import TYPE_CHECKING

from edge_ocr.errors import EdgeOcrError
from edge_ocr.publish import Delivered, Refused, Retry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edge_ocr.clock import Clock
    from edge_ocr.publish import Destination, Outbox, Outcome
    from edge_ocr.tables import RetrySettings
    from edge_ocr.types import Parcel

_AT_ONCE = 256  # parcels that are asked for at a time: a query for each would be slow, more would cost memory
_IDLE_SECONDS = 0.5
_HURRIED = 16  # parcels that are in a hurry at a time; beyond, the oldest comes too late anyway
_LONGEST_WISH = 3600.0  # seconds; a server that asks for more patience is asked again after an hour

_log = logging.getLogger(__name__)


class Sender:
    """Delivers what waits for one destination.

    Args:
        name: of the destination, as the outbox knows it.
        destination: takes the parcels.
        outbox: holds them until then.
        clock: for backoff.
        patience: how long it waits between attempts, and after how many it gives up.
        random: for jitter, so that a hundred devices do not come back at the same moment.

    Attributes:
        name: of the destination.
        counts: 'delivered', 'retried' and 'refused' parcels, 'failed' attempts to hand one over, and 'errors' of the
            store or the program.
        problem: why the destination takes nothing at the moment, or None.

    """

    def __init__(
        self,
        name: str,
        destination: Destination,
        outbox: Outbox,
        clock: Clock,
        patience: RetrySettings,
        random: Random | None = None,
    ) -> None:
        self.name = name
        self._destination = destination
        self._outbox = outbox
        self._clock = clock
        self._patience = patience
        self._random = random or Random()  # noqa: S311 -- jitter is no secret
        self.counts: Counter[str] = Counter()
        self.problem: str | None = None
        self._hurried: deque[Parcel] = deque(maxlen=_HURRIED)
        self._stopping = False

    def hurry(self, parcel: Parcel) -> None:
        """Deliver something with the next step, before all that waits and once; any thread may ask for it."""
        self._hurried.append(parcel)

    def stop(self) -> None:
        """Hand no further batch over, for the program ends: the rest stays in the outbox; any thread may ask for it."""
        self._stopping = True

    def step(self) -> float:
        """Deliver what is due now. Never raises for what the destination, the network or the disk does.

        Returns:
            Seconds until there may be something to do; 0 if there is more right now.

        """
        try:
            while self._hurried:
                self._attempt([self._hurried.popleft()])
            wish = self._destination.tick()
            parcels = list(self._outbox.pending(self.name, self._clock.monotonic(), _AT_ONCE))
            taken = self._deliver_all(parcels)
            wish = self._destination.tick() if parcels else wish
        except Exception as error:  # noqa: BLE001 -- a full disk, or a mistake, must not end deliveries for ever
            self.counts["errors"] += 1
            self.problem = _one_line(error)
            _log.warning("%s: %s", self.name, self.problem, exc_info=not isinstance(error, EdgeOcrError))
            return _IDLE_SECONDS
        if taken and len(parcels) == _AT_ONCE:
            return 0.0
        return min(_IDLE_SECONDS, self._patience.first_seconds, wish)

    def counted(self) -> Iterator[tuple[str, float, Mapping[str, str]]]:
        """For :meth:`edge_ocr.health.Health.tally`."""
        labels = {"destination": self.name}
        yield "delivered", self.counts["delivered"], labels
        yield "delivery_failures", self.counts["failed"], labels

    def close(self) -> None:
        """Let go of the destination."""
        self._destination.close()

    def _deliver_all(self, parcels: list[Parcel]) -> bool:
        """Whether any was taken."""
        taken = False
        while parcels and not self._stopping:
            batch = parcels[: self._destination.batch]
            blocked, any_taken, down = self._settle(batch, self._attempt(batch))
            taken = taken or any_taken
            rest = parcels[len(batch) :]
            if down is not None:
                self._put_off(rest, down, blocked)
                break
            parcels = [parcel for parcel in rest if parcel.camera not in blocked]
        return taken

    def _attempt(self, batch: Sequence[Parcel]) -> Sequence[Outcome]:
        try:
            return self._destination.deliver(batch)
        except Exception as error:  # noqa: BLE001 -- a mistake in a destination is a failed attempt like any other
            _log.warning("%s: could not deliver", self.name, exc_info=True)
            return [Retry(_one_line(error))] * len(batch)

    def _settle(self, batch: Sequence[Parcel], outcomes: Sequence[Outcome]) -> tuple[set[str], bool, Retry | None]:
        """Write down what became of parcels.

        Returns:
            The cameras that have to wait, whether any parcel was taken, and the outcome that told that nobody is there.

        """
        blocked: set[str] = set()
        taken, down = False, None
        for parcel, outcome in zip(batch, outcomes, strict=True):
            match outcome:
                case Delivered():
                    self._outbox.delivered(parcel)
                    self.counts["delivered"] += 1
                    self.problem, taken = None, True
                case Refused(reason):
                    self._outbox.dead(parcel, reason)
                    self.counts["refused"] += 1
                    self.counts["failed"] += 1
                    _log.warning("%s: refused event %s: %s", self.name, parcel.key, reason)
                case Retry():
                    down = outcome if outcome.down else down
                    if parcel.camera not in blocked:  # the first of a camera holds back the others
                        blocked.add(parcel.camera)
                        self.counts["failed"] += 1
                        self._fail(parcel, outcome)
        return blocked, taken, down

    def _put_off(self, parcels: Sequence[Parcel], down: Retry, blocked: set[str]) -> None:
        """Let the other cameras wait as well: nobody is there to take anything."""
        for parcel in parcels:
            if parcel.camera not in blocked:
                blocked.add(parcel.camera)
                self._fail(parcel, down)

    def _fail(self, parcel: Parcel, outcome: Retry) -> None:
        if self.problem is None:
            _log.warning("%s: %s", self.name, outcome.reason)  # once; the status goes on telling it
        self.problem = outcome.reason
        if 0 < self._patience.attempts <= parcel.attempts + 1:
            self._outbox.dead(parcel, f"{outcome.reason} (attempt {parcel.attempts + 1}, the last)")
            self.counts["refused"] += 1
            return
        self._outbox.failed(parcel, outcome.reason, self._clock.monotonic() + self._delay(parcel, outcome))
        self.counts["retried"] += 1

    def _delay(self, parcel: Parcel, outcome: Retry) -> float:
        """Seconds: doubled with each attempt, the second half of it left to chance, and no less than was asked for."""
        patience = self._patience
        grown = patience.first_seconds * 2.0 ** min(parcel.attempts, 64)
        delay = min(grown, patience.most_seconds) * (0.5 + 0.5 * self._random.random())
        return max(delay, min(outcome.after or 0.0, _LONGEST_WISH))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
