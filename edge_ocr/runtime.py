"""A source in, events out: opens what there is to open, and keeps going when a single frame fails."""

from __future__ import annotations

import logging
import os
from collections import Counter
from contextlib import ExitStack, closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from edge_ocr import drawn, machine
from edge_ocr.clock import SystemClock
from edge_ocr.config import Settings
from edge_ocr.desk import Desk
from edge_ocr.health import Health
from edge_ocr.pace import Pace
from edge_ocr.pipeline import Pipeline, open_reader
from edge_ocr.posts import Posts
from edge_ocr.source import open_source
from edge_ocr.store import Database, Keeper
from edge_ocr.tables import CameraSettings
from edge_ocr.zones import Zones

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from edge_ocr.clock import Clock
    from edge_ocr.pipeline import FrameReader
    from edge_ocr.source import Source
    from edge_ocr.types import Event, Frame

_MOST_FAILURES = 25
"""Frames that may fail in a row: a bad frame is bad luck, so many are a fault that must be told."""

_TURN_SECONDS = 0.25
"""The longest that a live source is waited for at a time."""

_log = logging.getLogger(__name__)


def watch(
    source: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    previews: bool = False,
    realtime: bool = False,
    reader: FrameReader | None = None,
    clock: Clock | None = None,
    random: Callable[[int], bytes] = os.urandom,
    counts: Counter[str] | None = None,
    health: Health | None = None,
) -> Iterator[Event]:
    """Watch a source: a recording to its end, a camera until the generator is closed.

    Every frame of a recording is processed, however long it takes, and time in it is the recording's own, counted from
    now: the same recording gives the same events on any machine. A camera gives its newest frame whenever there is time
    for one.

    An event is what privacy lets be kept of it, with what the lists say. It is sent where the settings say while the
    watch goes on; what could not be sent waits in the store for the next one.

    Args:
        source: a recording, an image, a folder or a glob; or a camera or stream such as 'picamera2://0',
            '/dev/video0', 'rtsp://...', 'http://...' or 'fake://'. Where a ``[[camera]]`` of the settings has this
            source, its options, zones and masks count.
        settings: what to read and what is evidence enough; with ``store.folder``, events are stored before they are
            handed on.
        previews: whether events are also told early, with ``preview`` true, as soon as they are certain; the final one
            has the same id. Previews are not stored.
        realtime: whether a recording is played at the pace at which it was made.
        reader: of the frames; None for the one that the settings describe.
        clock: gives the time at which the source begins; None for the machine's own.
        random: n -> n random bytes, for the events' ids.
        counts: is added to, to see what becomes of frames and tracks: 'frames', 'looks' (frames that were worth one),
            'failed frames', 'events', and the tracks that gave no event, 'not kept' among them, under the reasons of
            :class:`edge_ocr.judge.Rejection`.
        health: is told of frames, events and rejections, and watches lists, store and destinations meanwhile.

    Returns:
        The events, each as soon as it is certain. Close it (or exhaust it) to let go of the source and the store.

    Raises:
        SourceError: nothing is there, or nothing of it can be read; CameraLost if a camera fails and nothing helps.
        BundleError, GrammarError, EngineError: the reader cannot be made.
        StoreError: the store cannot be opened, which is told at once, or an event cannot be stored.
        TypeError: source is no path.

    """
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"source must be a path, not {source!r}")
    settings = settings or Settings()
    clock = clock or SystemClock()
    camera = _camera(os.fspath(source), settings)
    name = camera.name if camera in settings.camera else None
    drawn_zones = None if name is None else drawn.load(settings).get(name)
    zones = drawn_zones or Zones(camera.zones, camera.masks or ())
    pipeline = Pipeline(reader or open_reader(settings), settings, zones=zones, random=random)
    health = health or Health(settings.health, clock, folder=settings.store.folder)
    desk = Desk(settings, health)
    opened = open_source(camera, clock, name=name, realtime=realtime)
    counts = Counter() if counts is None else counts
    told = _events(pipeline, _frames(opened, Pace(settings.pace, machine.heat), clock, pipeline), counts, health)
    kept = _settled(told, desk, counts)
    events = _stored(kept if previews else _finals(kept), pipeline, desk, settings, clock, health)
    next(events)
    return events


def _camera(source: str, settings: Settings) -> CameraSettings:
    """What the settings say of a source."""
    known = (camera for camera in settings.camera if camera.source == source)
    return next(known, CameraSettings(source=source))


_Step = tuple["Frame", "Callable[[], list[Event]]"]


def _frames(source: Source, pace: Pace, clock: Clock, pipeline: Pipeline) -> Iterator[_Step]:
    """Every frame that there is time for, and how to process it."""
    with closing(source):
        while not source.ended:
            if source.live:
                clock.sleep(pace.wait(clock.monotonic()))
            frame = source.latest(_TURN_SECONDS)
            if frame is None:
                continue
            begin = clock.monotonic()
            yield frame, partial(pipeline.step, frame, most_reads=pace.most_reads if source.live else None)
            pace.took(frame, begin, clock.monotonic())


def _events(pipeline: Pipeline, steps: Iterable[_Step], counts: Counter[str], health: Health) -> Iterator[Event]:
    """Everything that the pipeline tells, while counting."""
    try:
        for event in chain(_steps(pipeline, steps, counts, health), _last(pipeline)):
            if not event.preview:
                counts["events"] += 1
                health.event(event.source)
            yield event
    finally:  # an interrupted watch has counts too
        for reason, count in pipeline.rejected.items():
            health.count("rejected", count, reason=str(reason))
        counts.update({str(reason): count for reason, count in pipeline.rejected.items()})


def _last(pipeline: Pipeline) -> Iterator[Event]:
    yield from pipeline.finish()  # asked only when all frames are through


def _steps(pipeline: Pipeline, steps: Iterable[_Step], counts: Counter[str], health: Health) -> Iterator[Event]:
    failures = 0
    for frame, step in steps:
        looks, reads = pipeline.looks, pipeline.reads
        counts["frames"] += 1
        health.count("frames", camera=frame.source)  # a recording may pause: it is no camera whose frames must come
        try:
            events = step()
        except Exception:
            counts["failed frames"] += 1
            health.count("frames_failed", camera=frame.source)
            failures += 1
            if failures == _MOST_FAILURES:
                raise
            if failures == 1:  # a row of failing frames is one thing to tell
                _log.warning("%s: frame %d could not be processed", frame.source, frame.number, exc_info=True)
            continue
        failures = 0
        counts["looks"] += pipeline.looks - looks
        health.count("reads", pipeline.reads - reads, camera=frame.source)
        yield from events


def _settled(events: Iterator[Event], desk: Desk, counts: Counter[str]) -> Iterator[Event]:
    """The events with what the lists say of them, as far as privacy lets them be kept."""
    for event in events:
        settled = desk.settle(event)
        if settled is not None:
            yield settled
        elif not event.preview:
            counts["not kept"] += 1


def _finals(events: Iterator[Event]) -> Iterator[Event]:
    """Without previews."""
    return (event for event in events if not event.preview)


def _stored(
    events: Iterator[Event], pipeline: Pipeline, desk: Desk, settings: Settings, clock: Clock, health: Health
) -> Iterator[Any]:
    """None as soon as the store is open, then the same events, each stored, and queued for whoever it is sent to."""
    if settings.store.folder is None:
        yield None
        yield from events
        return
    with ExitStack() as stack:
        store = stack.enter_context(Database(settings.store.folder, clock, settings.store))
        health.watch("store", lambda: store.trouble)
        health.tally("store", store.counted)
        stack.callback(health.forget, "store")
        posts = stack.enter_context(Posts(store, settings.publish, clock, health))
        stack.enter_context(Keeper(store))
        yield None
        for event in events:
            if event.preview:
                yield event
                continue
            stored = store.record(event, decision=event.decision, destinations=settings.publish.destinations)
            posts.wake()
            yield stored
            _keep_missed(pipeline, store, desk)
        _keep_missed(pipeline, store, desk)
        posts.linger()


def _keep_missed(pipeline: Pipeline, store: Database, desk: Desk) -> None:
    if pipeline.missed:
        store.miss(*map(desk.attempt, pipeline.missed))
        pipeline.missed.clear()
