"""The threads that watch cameras, as one: begun, changed, let go of, and what they say together."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_ocr import machine
from edge_ocr.pace import Pace
from edge_ocr.pipeline import Pipeline, open_reader
from edge_ocr.worker import Worker
from edge_ocr.zones import Zones

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from queue import Queue

    from edge_ocr.clock import Clock
    from edge_ocr.config import Settings
    from edge_ocr.health import Health
    from edge_ocr.live import Board
    from edge_ocr.reader import Reader
    from edge_ocr.tables import CameraSettings
    from edge_ocr.types import Attempt, Event

GOOD, FAULT, TEMPFAIL = 0, 70, 75
"""Exit codes: every recording is over; a fault of the program that fresh starts of a thread did not cure; every camera
is lost. The last two are for systemd to start the program anew."""

_TURN_SECONDS = 0.1
_STUCK_SECONDS = 30.0  # a camera's thread that gave no sign of life for so long hangs where nobody can help it
_STOP_SECONDS = 10.0  # for a camera's thread to end

_log = logging.getLogger(__name__)


class Crew:
    """A worker for each camera; one thread uses it.

    Args:
        settings: of the cameras, and of what is read.
        clock: for all.
        health: is told of frames and faults.
        out: takes what the cameras tell.
        board: shows what is going on.
        random: n -> n random bytes, for the events' ids.

    Attributes:
        reader: of one camera, for a reader can have one thread at a time; those of the others share its grammar.

    Raises:
        EdgeOcrError: nothing can be read with these settings.

    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        health: Health,
        out: Queue[Event | Attempt],
        board: Board | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._settings = settings
        self._clock, self._health, self._out, self._board, self._random = clock, health, out, board, random
        self._workers: dict[str, Worker] = {}
        self._holder: Worker | None = None  # whose thread reads with ``reader``; one that does not end keeps it
        self.reader = open_reader(settings)

    def begin(self, zones: Mapping[str, Zones]) -> None:
        """Watch all cameras.

        Args:
            zones: what was drawn, by camera; it counts more than what the settings say.

        """
        for camera in self._settings.camera:
            self._begin(camera, zones)

    def reader_for(self, settings: Settings) -> Reader:
        """The reader for other settings, which is the present one where nothing of it changes.

        Raises:
            EdgeOcrError: it cannot be made.

        """
        alike = _read(settings) == _read(self._settings)
        return self.reader if alike else open_reader(settings)

    def adopt(
        self, settings: Settings, zones: Mapping[str, Zones], reader: Reader, meanwhile: Callable[[], None]
    ) -> None:
        """Go on with other settings: cameras whose own keys changed are closed and opened, the others keep tracks.

        Args:
            settings: of the same kind as before.
            zones: as for :meth:`begin`.
            reader: of :meth:`reader_for`.
            meanwhile: is called again and again while cameras close.

        """
        before = {camera.name: camera for camera in self._settings.camera}
        wanted = {camera.name: camera for camera in settings.camera}
        same = reader is self.reader
        self._settings, self.reader = settings, reader
        self._holder = self._holder if same else None
        gone = [name for name in before if name not in wanted or not _alike(before[name], wanted[name])]
        self._let_go([self._workers.pop(name) for name in gone], meanwhile)
        for name, camera in wanted.items():
            if name in self._workers:
                self._workers[name].change(self._changed(camera, zones, same=same))
            else:
                self._begin(camera, zones)

    def redraw(self, zones: Mapping[str, Zones]) -> None:
        """Take zones over that were drawn anew; any thread may ask for it."""
        for camera in self._settings.camera:
            worker = self._workers.get(camera.name)
            if worker is not None:
                worker.change(self._changed(camera, zones, same=True))

    def stop(self, meanwhile: Callable[[], None]) -> None:
        """End, within :data:`_STOP_SECONDS`; tracks in the picture become events first.

        Args:
            meanwhile: is called again and again; it takes what the cameras still tell.

        """
        self._let_go(list(self._workers.values()), meanwhile)

    def well(self) -> tuple[int, int]:
        """How many cameras are watched without trouble, of how many."""
        workers = self._workers.values()
        return sum(worker.lost is None and worker.trouble is None for worker in workers), len(workers)

    def flows(self, seconds: float) -> bool:
        """Whether no thread hangs, and a frame of any camera was processed within so many seconds.

        A camera in trouble whose ladder is being climbed counts as one that flows: a new start would begin the ladder
        at its first rung again and never come to the last one, which ends this program anyway.
        """
        now = self._clock.monotonic()
        workers = list(self._workers.values())
        if any(now - worker.beat > _STUCK_SECONDS for worker in workers if not worker.ended):
            return False
        return not workers or any(
            worker.trouble is not None or (worker.flowed is not None and now - worker.flowed <= seconds)
            for worker in workers
        )

    def verdict(self) -> int | None:
        """The exit code, if there is nothing left to do here: :data:`GOOD`, :data:`FAULT` or :data:`TEMPFAIL`."""
        workers = list(self._workers.values())
        if any(worker.broken is not None for worker in workers):
            return FAULT
        if workers and all(worker.ended and worker.join(0) for worker in workers):
            return GOOD
        left = [worker for worker in workers if not worker.ended]
        return TEMPFAIL if left and all(worker.gone for worker in left) else None

    def _begin(self, camera: CameraSettings, zones: Mapping[str, Zones]) -> None:
        free = self._holder is None or self._holder.join(0)
        reader = self.reader if free else open_reader(self._settings, like=self.reader)
        pipeline = Pipeline(reader, self._settings, zones=_zones(camera, zones), random=self._random)
        pace = Pace(self._settings.pace, machine.heat)
        worker = Worker(camera, pipeline, pace, self._clock, self._health, self._out, self._board)
        self._workers[camera.name] = worker
        self._holder = worker if free else self._holder
        worker.start()

    def _let_go(self, workers: Iterable[Worker], meanwhile: Callable[[], None]) -> None:
        """End threads, side by side."""
        left = list(workers)
        for worker in left:
            worker.stop()
        until = self._clock.monotonic() + _STOP_SECONDS
        while left and self._clock.monotonic() < until:
            meanwhile()
            left = [worker for worker in left if not worker.join(_TURN_SECONDS / len(left))]
        for worker in left:
            worker.disown()
            _log.error("camera %s: does not end; it is left alone", worker.name)

    def _changed(
        self, camera: CameraSettings, zones: Mapping[str, Zones], *, same: bool
    ) -> Callable[[Pipeline, Pace], None]:
        """What a camera's thread does to go on with other settings; ``same`` if what it reads with stays."""
        reader = None if same else open_reader(self._settings, like=self.reader)

        def apply(pipeline: Pipeline, pace: Pace) -> None:
            settings = self._settings  # of now: zones may be drawn while others are adopted
            pipeline.configure(reader, settings, zones=_zones(camera, zones))
            pace.settings = settings.pace

        return apply


def _alike(one: CameraSettings, other: CameraSettings) -> bool:
    """Whether two cameras differ in nothing but where texts are read, so that it may go on."""
    return replace(one, zones=None, masks=None) == replace(other, zones=None, masks=None)


def _read(settings: Settings) -> tuple[object, ...]:
    """All that a reader depends on."""
    return settings.kind, settings.regions, settings.language, settings.detect


def _zones(camera: CameraSettings, drawn_zones: Mapping[str, Zones]) -> Zones:
    """What was drawn for a camera, or else what the configuration says."""
    return drawn_zones.get(camera.name) or Zones(camera.zones, camera.masks or ())
