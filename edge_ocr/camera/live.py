"""A live camera: its process is watched, and helped up again, by whoever asks for the next picture.

There is no thread in here. Every call of :meth:`LiveCamera.latest` first looks for a picture, then at what the process
said and at the clock, and takes the next step if one is due; so all of it can be tested with a clock that moves when
told. That a caller was away for long is not the camera's fault: what it missed lies in the slot.
"""

from __future__ import annotations

import logging
import math
import random as chance
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Self, TypeAlias

from edge_ocr.camera.job import Job, shown
from edge_ocr.camera.ladder import Ladder, Rung
from edge_ocr.camera.power import Power
from edge_ocr.camera.process import Process
from edge_ocr.camera.slot import boot_nanoseconds
from edge_ocr.errors import CameraLost
from edge_ocr.types import Frame, Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge_ocr.camera.job import Word
    from edge_ocr.camera.process import Child
    from edge_ocr.camera.slot import Picture
    from edge_ocr.clock import Clock
    from edge_ocr.tables import CameraSettings

Spawn: TypeAlias = "Callable[[Job, str], Child]"

_CLOSE_SECONDS = 3.0
"""How long a camera may take to close before its process is killed."""

_DONE = {
    Rung.REOPEN: "opening it again",
    Rung.RESTART: "opening it with a new process",
    Rung.POWER_CYCLE: "taking its power away and giving it back",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why there are no pictures, since when, and what was told of it already."""

    why: str
    since: float
    told: frozenset[str] = frozenset()


class LiveCamera:
    """A camera behind :class:`edge_ocr.camera.Camera`.

    Args:
        source: as :func:`edge_ocr.camera.is_live` knows them.
        settings: of this camera.
        name: what its frames say as their ``source``.
        clock: for stamps and deadlines.
        spawn: starts its process.
        now: CLOCK_BOOTTIME in nanoseconds, which pictures are stamped with.
        random: gives numbers from 0 to 1.

    """

    live, ended = True, False

    def __init__(
        self,
        source: str,
        settings: CameraSettings,
        *,
        name: str,
        clock: Clock,
        spawn: Spawn = Process,
        now: Callable[[], int] = boot_nanoseconds,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self._job = Job(source, settings)
        self._name = name
        self._clock = clock
        self._spawn = spawn
        self._now = now
        self._ladder = Ladder(settings.recovery, random)
        self._child: Child | None = None
        self._power: Power | None = None
        self._next: tuple[Rung, float] | None = (Rung.RESTART, clock.monotonic())  # what is due, and when
        self._until = 0.0  # when a picture must have come
        self._answers = False
        self._taken = 0  # the number of the last picture from this process
        self._base = 0  # what its numbers are added to
        self._dropped = 0
        self._latest = -math.inf  # when the last picture was taken, monotonic seconds
        self._trouble: _Trouble | None = None
        self._lost: str | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """What its frames say as their ``source``."""
        return self._name

    @property
    def dropped(self) -> int:
        """How many frames were overwritten by newer ones before anyone took them."""
        return self._dropped

    @property
    def recoveries(self) -> Mapping[str, int]:
        """How often each rung of the recovery ladder was climbed."""
        return MappingProxyType(self._ladder.counts)

    @property
    def trouble(self) -> str | None:
        """Why it gives no pictures at the moment, in one line; None if all is well."""
        return self._lost or (self._trouble.why if self._trouble else None)

    def latest(self, timeout: float) -> Frame | None:
        """The newest picture that was not handed out yet; see :class:`edge_ocr.camera.Camera`."""
        if self._closed or timeout < 0:
            raise ValueError(
                "the camera is closed" if self._closed else f"timeout is {timeout}, but must not be below 0"
            )
        end = self._clock.monotonic() + timeout
        while True:
            picture = self._child.take(self._taken) if self._child else None
            if picture is not None:
                return self._frame(picture)
            due = self._supervise()
            left = min(end, due) - self._clock.monotonic()
            if self._clock.monotonic() >= end:
                return None
            if self._child and not self._next:
                self._child.wait(left)
            else:
                self._clock.sleep(left)

    def close(self) -> None:
        """Let go of the camera, within seconds; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._power:
            self._power.stop()
        if self._child:
            self._child.close(_CLOSE_SECONDS)
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _frame(self, picture: Picture) -> Frame:
        now = self._clock.stamp()
        age = max(0, self._now() - picture.taken_at) / 1e9
        self._dropped += picture.number - self._taken - 1
        self._taken = picture.number
        self._until = now.mono + self._job.settings.deadline_seconds
        if self._trouble and self._ladder.picture(now.mono):
            seconds = now.mono - self._trouble.since
            _log.info("camera %s is well again, %.1f s after: %s", self._name, seconds, self._trouble.why)
            self._trouble = None
        # Both clocks are read one after the other, and this thread may wait in between: time does not go back for that.
        self._latest = max(self._latest, now.mono - age)
        stamp = Stamp(self._latest, now.wall - (now.mono - self._latest), now.boot_id, now.synced)
        return Frame(picture.image, stamp, self._base + picture.number - 1, self._name, picture.luma)

    def _supervise(self) -> float:
        """Do what is due; returns when to look again."""
        if self._lost:
            raise CameraLost(self._lost)
        now = self._clock.monotonic()
        if self._power:
            return self._watch_power(self._power, now)
        if self._next:
            return self._climb(*self._next, now)
        if self._child and not self._heard(self._child.words(), now):
            return now
        if now >= self._until:
            what = "hangs" if self._answers else "gives no picture"
            self._fail(f"{shown(self._job.source)} {what}; check the camera and its cable", now, answers=False)
            return now
        return self._until

    def _heard(self, words: list[Word], now: float) -> bool:
        """Take in what the process said; whether all is well."""
        bad = []
        for word in words:
            if word.said == "opened":
                self._answers = True
                _log.info("camera %s is open: %s", self._name, word.text)
            elif word.said == "note":
                _log.warning("camera %s %s", self._name, word.text)
            elif word.said == "hopeless":
                self._lose(word.text)
            else:
                bad.append(word)
        if bad:  # the first says why; after an "ended" nobody is there to open the camera again
            self._fail(bad[0].text, now, answers=all(word.said == "fault" for word in bad))
        return not bad

    def _fail(self, why: str, now: float, *, answers: bool) -> None:
        """There is trouble; decide what to try next."""
        known = self._trouble
        since, told = (known.since, known.told) if known else (now, frozenset())
        step = self._ladder.climb(answers=answers)
        if not answers:
            self._drop_child()
        if step is None:
            self._trouble = _Trouble(why, since)
            counts = self._ladder.counts.items()
            tried = ", ".join(f"{rung.replace('_', ' ')} {count}x" for rung, count in counts if count)
            self._lose(f"{why} (tried for {now - since:.0f} s: {tried or 'nothing'})")
            return
        rung, pause = step
        doing = _DONE[rung]
        level = logging.DEBUG if {why, doing} <= told else logging.WARNING
        _log.log(level, "camera %s: %s; %s%s", self._name, why, doing, f" in {pause:.1f} s" if pause else "")
        self._trouble = _Trouble(why, since, told | {why, doing})
        if rung is not Rung.REOPEN:
            self._drop_child()
        self._next = rung, now + pause

    def _climb(self, rung: Rung, at: float, now: float) -> float:
        """Do the next step when its time has come."""
        if now < at:
            return at
        self._next = None
        self._until = now + self._job.settings.open_seconds
        self._answers = False
        if rung is Rung.REOPEN and self._child:
            self._child.reopen()
        elif rung is Rung.POWER_CYCLE:
            self._power = Power(self._job.settings.recovery, self._clock)
        else:
            self._start(now)
        return now

    def _start(self, now: float) -> None:
        self._base += self._taken
        self._taken = 0
        try:
            self._child = self._spawn(self._job, self._name)
        except OSError as error:
            self._fail(f"no process can be started ({error.strerror}); see free memory and limits", now, answers=False)

    def _watch_power(self, power: Power, now: float) -> float:
        done = power.done()
        if done is None:
            return min(power.until, now + 0.1)
        if done:
            _log.warning("camera %s: %s", self._name, done)
        self._power = None
        self._until = now + self._job.settings.open_seconds
        self._start(now)
        return now

    def _drop_child(self) -> None:
        if self._child:
            self._child.kill()
            self._child = None

    def _lose(self, why: str) -> None:
        self._drop_child()
        self._lost = f"camera {self._name} is lost: {why}"
        raise CameraLost(self._lost)
