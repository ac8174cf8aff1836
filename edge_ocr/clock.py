"""What time it is, by both clocks of a machine that has no battery behind its wall clock.

Everything that needs the time takes a :class:`Clock`. :class:`SystemClock` is the real one; :class:`FakeClock` ships
for the tests of whoever builds on this package: it moves only when told and never sleeps.
"""

from __future__ import annotations

import ctypes
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge_ocr.types import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STA_UNSYNC = 0x0040  # linux/timex.h: no time service has the wall clock in hand


class Clock(Protocol):
    """The monotonic and the wall clock, kept apart: the first orders and measures, the second only labels."""

    def monotonic(self) -> float:
        """Seconds since boot, suspended time included; never goes back."""

    def wall(self) -> float:
        """Seconds since 1970, UTC; may jump either way."""

    def stamp(self) -> Stamp:
        """Both, together with the boot they belong to and whether the wall clock is synchronised."""

    def sleep(self, seconds: float) -> None:
        """Wait; negative waits are none."""


class SystemClock:
    """The machine's own clocks (Linux)."""

    def __init__(self) -> None:
        self._boot_id = _boot_id()

    def monotonic(self) -> float:
        """Seconds since boot by CLOCK_BOOTTIME, the clock that camera sensors stamp their frames with."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()

    def stamp(self) -> Stamp:
        """Now, by both clocks."""
        return Stamp(self.monotonic(), self.wall(), self._boot_id, synchronised())

    def sleep(self, seconds: float) -> None:
        """Wait for real."""
        time.sleep(max(0.0, seconds))


class Stopwatch:
    """Adds up what each stage takes.

    Args:
        now: seconds by a clock that never goes back.

    Attributes:
        ms: milliseconds by stage: 'detect', 'recognise' (cutting out included) and 'decode' (the vote included).

    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self.ms: dict[str, float] = {}

    @contextmanager
    def lap(self, stage: str) -> Iterator[None]:
        """Count the time within the ``with`` block towards a stage."""
        begin = self._now()
        yield
        self.ms[stage] = self.ms.get(stage, 0.0) + (self._now() - begin) * 1000


class FakeClock:
    """A clock that moves only when told; sleeping advances it at once.

    Args:
        mono: seconds since boot at the start.
        wall: seconds since 1970 at the start.
        boot_id: what stamps say about the boot.
        synced: what stamps say about the wall clock; may be changed at any time.

    Example:
        >>> clock = FakeClock(mono=5.0)
        >>> clock.sleep(2.5)
        >>> clock.monotonic()
        7.5

    """

    def __init__(
        self, *, mono: float = 0.0, wall: float = 1_700_000_000.0, boot_id: str = "fake-boot", synced: bool = True
    ) -> None:
        self._mono = mono
        self._offset = wall - mono
        self.boot_id = boot_id
        self.synced = synced

    def monotonic(self) -> float:
        """Seconds since the fake boot."""
        return self._mono

    def wall(self) -> float:
        """Seconds since 1970."""
        return self._mono + self._offset

    def stamp(self) -> Stamp:
        """Now, by both clocks."""
        return Stamp(self.monotonic(), self.wall(), self.boot_id, self.synced)

    def sleep(self, seconds: float) -> None:
        """Advance both clocks without waiting."""
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks.

        Raises:
            ValueError: seconds is negative; a monotonic clock cannot go back.

        """
        if seconds < 0:
            message = f"seconds is {seconds}, but a monotonic clock never goes back; use step_wall for the wall clock"
            raise ValueError(message)
        self._mono += seconds

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as a time service does; the monotonic clock does not notice."""
        self._offset += seconds


class _Timex(ctypes.Structure):
    """The head of the kernel's ``struct timex`` and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def synchronised() -> bool:
    """Whether a time service has set the wall clock in this boot, as the kernel knows it (adjtimex(2)).

    Every service (systemd-timesyncd, chrony, ntpd) tells the kernel, so none of them has to be asked. Where the kernel
    does not say, the answer is False: a time that nobody vouches for is not trusted.
    """
    state = _Timex()  # modes 0: read, change nothing; needs no privilege
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):
        return False
    return answer >= 0 and not state.status & _STA_UNSYNC


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        # /proc is hidden in some containers; the empty id says that stamps of two runs must not be compared.
        return ""
