"""One camera's thread: frames in, events out to a queue, and nothing that one frame or one fault can end.

:meth:`Worker._run` retries, :meth:`Worker._run_once` may fail; nobody else retries. A camera that is away is tried for
ever, at a bounded rate; a fault that nobody foresaw a few times, and then whoever started the program has to help.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from contextlib import closing
from queue import Full
from threading import Event as Flag
from threading import Lock, Thread
from typing import TYPE_CHECKING

from edge_ocr.errors import CameraLost, EdgeOcrError, SourceError
from edge_ocr.source import open_source
from edge_ocr.types import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from queue import Queue

    from edge_ocr.clock import Clock
    from edge_ocr.health import Health
    from edge_ocr.live import Board
    from edge_ocr.pace import Pace
    from edge_ocr.pipeline import Pipeline
    from edge_ocr.source import Source
    from edge_ocr.tables import CameraSettings
    from edge_ocr.types import Attempt, Frame

_TURN_SECONDS = 0.25  # the longest that anything here waits at a time
_MOST_FAILURES = 25  # frames in a row: one is bad luck, so many are a fault that a fresh start may cure
_FIRST_PAUSE, _MOST_PAUSE = 1.0, 60.0  # seconds before a fresh start, doubled with each
_MOST_FAULTS = 5  # that nobody foresaw: a mistake in the program is not cured by trying it again and again
_CALM_SECONDS = 300.0  # without such a fault: one that comes then is not the same that comes again
_TELL_SECONDS = 60.0  # between two tracebacks of frames that could not be processed

_log = logging.getLogger(__name__)


class Worker:
    """Watches one camera from :meth:`start` to :meth:`stop`.

    Args:
        camera: which one.
        pipeline: reads its frames.
        pace: how many of them.
        clock: for pauses and figures.
        health: is told of frames and faults.
        out: takes events and attempts; an event that it has no room for is lost, and counted.
        board: shows what is going on; None for nobody.

    Attributes:
        name: of the camera.
        beat: when its thread last was well, monotonic seconds.
        flowed: when it last processed a frame, None before the first.
        ended: whether its source, a recording, is over.
        lost: why the camera was given up for now; None while it is watched.
        gone: whether that is because all that may cure it was tried.
        broken: the fault that nobody foresaw and that fresh starts did not cure, after which the thread ends; None
            without one.

    """

    def __init__(
        self,
        camera: CameraSettings,
        pipeline: Pipeline,
        pace: Pace,
        clock: Clock,
        health: Health,
        out: Queue[Event | Attempt],
        board: Board | None = None,
    ) -> None:
        self.camera, self.name = camera, camera.name
        self._pipeline, self._pace = pipeline, pace
        self._clock, self._health, self._out, self._board = clock, health, out, board
        self._stop = Flag()
        self._lock = Lock()
        self._named = True
        self._changes: deque[Callable[[Pipeline, Pace], None]] = deque()
        self._thread = Thread(target=self._run, name=f"camera {self.name}", daemon=True)
        self._pause = _FIRST_PAUSE
        self._faults, self._fault_at, self._told_at = 0, -math.inf, -math.inf
        self._counted: dict[str, float] = {}
        self._source: Source | None = None
        self.beat = clock.monotonic()
        self.flowed: float | None = None
        self.ended = False
        self.lost: str | None = None
        self.gone = False
        self.broken: str | None = None

    def start(self) -> None:
        """Begin."""
        self._health.watch(f"camera {self.name}", lambda: self.lost or self.trouble)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why its camera gives no frames while its ladder is climbed, which ends; None if all is well, or it is lost.

        Any thread may ask.
        """
        source = self._source
        return None if source is None else source.trouble

    def change(self, apply: Callable[[Pipeline, Pace], None]) -> None:
        """Let something be done to the pipeline and the pace between two frames; again after a fault in it."""
        self._changes.append(apply)

    def stop(self) -> None:
        """Ask it to end; tracks in the picture become events first. Returns at once."""
        self._stop.set()

    def join(self, timeout: float) -> bool:
        """Wait for its end for so many seconds; whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def disown(self) -> None:
        """Show and tell its camera's state no more: once, since another one may do so under the same name from now on.

        Its thread does so when it ends; whoever does not wait for that does it before.
        """
        with self._lock:
            if not self._named:
                return
            self._named = False
            self._health.ended(self.name)
            self._health.forget(f"camera {self.name}")
            if self._board is not None:
                self._board.ended(self.name)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._run_once()
            except SourceError as error:
                self.gone = isinstance(error, CameraLost)
                self._give_up(str(error))
            except Exception as error:  # noqa: BLE001 -- a fault of any part must not end the watch of this camera
                self._bear(error)
            else:
                break
            finally:
                self._source = None
            if self.broken is not None:
                break
            self._rest()
        self._tell(self._finish())
        self.disown()

    def _run_once(self) -> None:
        """Watch until asked to stop or until the source ends."""
        source = open_source(self.camera, self._clock, name=self.name, realtime=True)
        self._counted = {}
        self._source = source
        failures = 0
        with closing(source):
            while not self._stop.is_set():
                frame = self._next(source)
                if source.ended:
                    self.ended = True
                    break
                if frame is None:
                    continue
                failures = 0 if self._process(frame) else failures + 1
                if failures == _MOST_FAILURES:
                    raise EdgeOcrError(f"{failures} frames in a row could not be processed; see the log for the cause")

    def _next(self, source: Source) -> Frame | None:
        """The next frame, if there is one soon."""
        self.beat = now = self._clock.monotonic()
        self._adopt()
        pause = self._pace.wait(now) if source.live else 0.0
        if pause > 0:
            self._stop.wait(min(pause, _TURN_SECONDS))
            if pause > _TURN_SECONDS:
                return None
        frame = source.latest(_TURN_SECONDS)
        self._count(source)
        return frame

    def _process(self, frame: Frame) -> bool:
        """Whether it could be done."""
        begin = self._clock.monotonic()
        reads = self._pipeline.reads
        self._health.frame(self.name)
        try:
            events = self._pipeline.step(frame, most_reads=self._pace.most_reads)
        except Exception:  # noqa: BLE001 -- whatever a frame does to a part, the next one is another
            self._health.count("frames_failed", camera=self.name)
            if begin - self._told_at >= _TELL_SECONDS:
                self._told_at = begin
                _log.warning("camera %s: frame %d could not be processed", self.name, frame.number, exc_info=True)
            return False
        self._health.count("reads", self._pipeline.reads - reads, camera=self.name)
        self._tell(events)
        if self._board is not None:
            self._board.show(self.name, frame, self._pipeline.readings)
        end = self._clock.monotonic()
        self._pace.took(frame, begin, end)
        self.flowed, self.lost, self.gone, self._pause = end, None, False, _FIRST_PAUSE
        return True

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            if not event.preview:
                self._health.event(self.name)
            self._put(event)
        while self._pipeline.missed:
            attempt = self._pipeline.missed.popleft()
            self._put(attempt)
        for reason, count in self._pipeline.rejected.items():
            self._health.count("rejected", count, reason=str(reason))
        self._pipeline.rejected.clear()

    def _put(self, told: Event | Attempt) -> None:
        try:
            self._out.put_nowait(told)
        except Full:
            if isinstance(told, Event) and not told.preview:  # of the rest nothing was ever promised
                self._health.count("lost", camera=self.name)
                _log.error("camera %s: an event is lost, because those before it wait for the disk", self.name)

    def _finish(self) -> list[Event]:
        try:
            return self._pipeline.finish()
        except Exception:  # noqa: BLE001 -- the end goes on whatever a part does
            _log.exception("camera %s: what was in the picture at the end could not be told", self.name)
            return []

    def _give_up(self, why: str) -> None:
        if self.lost != why:  # once, not with every try
            _log.error("camera %s: %s; it is tried again", self.name, why)
        self.lost = why
        self._health.count("restarts", what=f"camera {self.name}")

    def _bear(self, fault: Exception) -> None:
        """Begin again after a fault that nobody foresaw, unless that was tried often enough; told twice at most."""
        now = self._clock.monotonic()
        self._faults = self._faults + 1 if now - self._fault_at < _CALM_SECONDS else 1
        self._fault_at = now
        self.lost = " ".join(str(fault).split()) or type(fault).__name__
        if self._faults > _MOST_FAULTS:
            self.broken = self.lost
            _log.error("camera %s: %d fresh starts did not cure it: %s", self.name, _MOST_FAULTS, self.broken)
            return
        self._health.count("restarts", what=f"camera {self.name}")
        if self._faults == 1:
            _log.error("camera %s: begins again after a fault", self.name, exc_info=fault)

    def _rest(self) -> None:
        """Pause before a fresh start, longer each time, while the thread goes on telling that it is well."""
        until = self._clock.monotonic() + self._pause
        self._pause = min(2 * self._pause, _MOST_PAUSE)
        while not self._stop.is_set() and self._clock.monotonic() < until:
            self.beat = self._clock.monotonic()
            self._stop.wait(_TURN_SECONDS)

    def _adopt(self) -> None:
        while self._changes:
            self._changes[0](self._pipeline, self._pace)
            self._changes.popleft()

    def _count(self, source: Source) -> None:
        """Pass on what a source counted since the last time."""
        for name, labels, total in _counts(source, self.name):
            key = f"{name} {labels}"
            more = total - self._counted.get(key, 0)
            if more > 0:
                self._counted[key] = total
                self._health.count(name, more, **labels)


def _counts(source: Source, camera: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    yield "frames_dropped", {"camera": camera}, source.dropped
    for rung, count in source.recoveries.items():
        yield "restarts", {"what": f"camera {camera}", "rung": rung}, count
