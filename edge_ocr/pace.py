"""How much of what a camera gives is processed: so many reads a frame, so many frames a second.

A camera that gives more than can be read costs frames by itself, because its slot holds the newest alone. Beyond that
two things are decided here: behind time, fewer texts are read in each frame, so that every vehicle is still read in
some; and a board that grows hot or weak is given rest before its firmware takes it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_ocr.tables import PaceSettings
    from edge_ocr.types import Frame

_EAGERNESS = 0.2  # how much of a new duration is taken at once
_BUSY, _EASY = 0.9, 0.6  # of the time that a frame has; above the first less is read, below the second more
_MOST_READS = 8  # texts in a frame; who can read so many needs no budget
_LOOK_SECONDS = 5.0  # between two looks at the thermometer; the firmware's tool takes milliseconds
_COOLING_DEGREES = 5.0  # below the limit, before the rate grows again
_SLOWEST = 1 / 16  # of the rate; slower would not cool any more


class Pace:
    """The pace of one camera.

    Args:
        settings: limits.
        heat: the board's temperature in degrees Celsius (None where it has no thermometer), and whether it is slowed
            down right now.

    """

    def __init__(self, settings: PaceSettings, heat: Callable[[], tuple[float | None, bool]]) -> None:
        self.settings = settings
        self._heat = heat
        self._load = 0.0
        self._reads = _MOST_READS
        self._share = 1.0
        self._looked = -math.inf
        self._interval = 0.0
        self._before: tuple[float, int] | None = None
        self._taken = -math.inf

    @property
    def most_reads(self) -> int | None:
        """How many texts may be read in the next frame; None for all."""
        return self._reads if self._reads < _MOST_READS else None

    @property
    def share(self) -> float:
        """What heat leaves of the rate, 0..1."""
        return self._share

    def wait(self, now: float) -> float:
        """Seconds to let pass before the next frame is taken.

        Args:
            now: monotonic seconds.

        """
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._feel()
        return max(0.0, self._taken + self._spacing() - now)

    def took(self, frame: Frame, begin: float, end: float) -> None:
        """A frame was processed.

        Args:
            frame: which; its number and stamp tell how fast the camera is.
            begin: when it was taken, monotonic seconds.
            end: when all was done.

        """
        self._taken = begin
        if self._before is not None and frame.number > self._before[1]:
            steps = frame.number - self._before[1]
            interval = max(0.0, frame.stamp.mono - self._before[0]) / steps
            self._interval += (_EAGERNESS if self._interval else 1.0) * (interval - self._interval)
        self._before = frame.stamp.mono, frame.number
        room = max(self._interval, self._spacing())
        if room <= 0:
            return
        self._load += _EAGERNESS * ((end - begin) / room - self._load)
        if self._load > _BUSY:
            self._reads = max(1, self._reads - 1)
        elif self._load < _EASY:
            self._reads = min(_MOST_READS, self._reads + 1)

    def _spacing(self) -> float:
        """Seconds from one frame to the next, at least."""
        fastest = self.settings.max_fps
        natural = 1 / fastest if fastest is not None else self._interval
        if self._share < 1:
            return min(max(natural, self._interval) / self._share, 1 / self.settings.min_fps)
        return 1 / fastest if fastest is not None else 0.0

    def _feel(self) -> None:
        temperature, slowed = self._heat()
        limit = self.settings.warm_temperature
        if slowed or (temperature is not None and temperature >= limit):
            self._share = max(_SLOWEST, self._share / 2)
        elif temperature is None or temperature < limit - _COOLING_DEGREES:
            self._share = min(1.0, self._share * 1.5)
