"""What to try next when a camera gives no pictures: rungs, counts and pauses, without doing any of it.

Each process may open its camera again a few times, which costs next to nothing; then a new process takes over, and
after some of those the power is cycled.

The first try comes at once, then pauses double up to a limit, each varied by a fifth so that the cameras of a house
that lost its power do not all ask at the same moment.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_ocr.tables import RecoverySettings

_VARIED = 0.2
_MOST_DOUBLINGS = 30  # beyond, any pause has reached its limit, and powers of two only grow


class Rung(StrEnum):
    """What can be tried, in the order of trying."""

    REOPEN = "reopen"
    RESTART = "restart"
    POWER_CYCLE = "power_cycle"


class Ladder:
    """Decides; one a camera.

    Args:
        settings: how often each rung is tried, and the pauses.
        random: gives numbers from 0 to 1.

    Attributes:
        counts: how often each rung was climbed since the beginning.
        tries: how many of them in the present trouble; 0 if all is well.

    """

    def __init__(self, settings: RecoverySettings, random: Callable[[], float]) -> None:
        self._settings = settings
        self._random = random
        self._left: dict[Rung, int] = {}
        self._since: float | None = None
        self.counts: Counter[str] = Counter({str(rung): 0 for rung in Rung})
        self.tries = 0
        self._begin()

    def climb(self, *, answers: bool) -> tuple[Rung, float] | None:
        """The next thing to try after a failure, and how many seconds to wait before.

        Args:
            answers: whether the camera's process is there and listens, so that it can open the camera again itself.

        Returns:
            None if everything has been tried: the camera is lost.

        """
        self._since = None
        rung = self._next(answers=answers)
        if rung is None:
            return None
        self._left[rung] -= 1
        if rung is not Rung.REOPEN:  # what follows begins below again
            self._left[Rung.REOPEN] = self._settings.reopens
        if rung is Rung.POWER_CYCLE:
            self._left[Rung.RESTART] = self._settings.restarts
        pause = self._pause()
        self.tries += 1
        self.counts[rung] += 1
        return rung, pause

    def picture(self, now: float) -> bool:
        """A picture came.

        Args:
            now: monotonic seconds.

        Returns:
            Whether that ends the present trouble: pictures have come for long enough.

        """
        if not self.tries:
            return False
        self._since = now if self._since is None else self._since
        if now - self._since < self._settings.settle_seconds:
            return False
        self._begin()
        return True

    def _begin(self) -> None:
        settings = self._settings
        self._left = {
            Rung.REOPEN: settings.reopens,
            Rung.RESTART: settings.restarts,
            Rung.POWER_CYCLE: settings.power_cycles if settings.power_cycle else 0,
        }
        self._since = None
        self.tries = 0

    def _next(self, *, answers: bool) -> Rung | None:
        return next((rung for rung in Rung if self._left[rung] and (answers or rung is not Rung.REOPEN)), None)

    def _pause(self) -> float:
        if not self.tries:
            return 0.0
        settings = self._settings
        pause: float = settings.pause_seconds * 2.0 ** min(self.tries - 1, _MOST_DOUBLINGS)
        return min(pause, settings.pause_most_seconds) * (1 + _VARIED * (2 * self._random() - 1))
