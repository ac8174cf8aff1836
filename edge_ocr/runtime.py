"""A source in, events out: opens what there is to open, and keeps going when a single frame fails."""

from __future__ import annotations

import logging
import os
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from edge_ocr.camera import files
from edge_ocr.clock import SystemClock
from edge_ocr.config import Settings
from edge_ocr.errors import SourceError, printable
from edge_ocr.pipeline import Pipeline, open_reader
from edge_ocr.store import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from edge_ocr.clock import Clock
    from edge_ocr.pipeline import FrameReader
    from edge_ocr.types import Event, Frame

_MOST_FAILURES = 25
"""Frames that may fail in a row: a bad frame is bad luck, so many are a fault that must be told."""

_log = logging.getLogger(__name__)

_LIVE = ("picamera2:", "/dev/video")


def watch(
    source: str,
    settings: Settings | None = None,
    *,
    reader: FrameReader | None = None,
    clock: Clock | None = None,
    random: Callable[[int], bytes] = os.urandom,
    counts: Counter[str] | None = None,
) -> Iterator[Event]:
    """Watch a source to its end.

    Every frame of a recording is processed, however long it takes, and time in it is the recording's own, counted from
    now: the same recording gives the same events on any machine.

    Args:
        source: a recording, an image, a folder or a glob.
        settings: what to read and what is evidence enough; with ``store.folder``, events are stored before they are
            handed on.
        reader: of the frames; None for the one that the settings describe.
        clock: gives the time at which the source begins; None for the machine's own.
        random: n -> n random bytes, for the events' ids.
        counts: is added to, to see what becomes of frames and tracks: 'frames', 'failed frames', 'events', and the
            tracks that gave no event under the reasons of :class:`edge_ocr.pipeline.Rejection`.

    Returns:
        The events, each as soon as it is certain. Close it (or exhaust it) to let go of the source and the store.

    Raises:
        SourceError: nothing is there, or nothing of it can be read.
        BundleError, GrammarError, EngineError: the reader cannot be made.
        StoreError: an event cannot be stored.

    """
    if "://" in source or source.startswith(_LIVE):
        what = f"{printable(source)}: this version watches files, folders and globs, not cameras and streams"
        raise SourceError(f"{what}; record it and watch the recording")
    settings = settings or Settings()
    clock = clock or SystemClock()
    pipeline = Pipeline(reader or open_reader(settings), settings, random=random)
    frames = files.frames(source, start=clock.stamp())
    events = _events(pipeline, frames, Counter() if counts is None else counts)
    return _stored(events, pipeline, settings, clock)


def _events(pipeline: Pipeline, frames: Iterable[Frame], counts: Counter[str]) -> Iterator[Event]:
    """Everything that the pipeline tells, while counting."""
    try:
        for event in chain(_steps(pipeline, frames, counts), _last(pipeline)):
            counts["events"] += 1
            yield event
    finally:  # an interrupted watch has counts too
        counts.update({str(reason): count for reason, count in pipeline.rejected.items()})


def _last(pipeline: Pipeline) -> Iterator[Event]:
    yield from pipeline.finish()  # asked only when all frames are through


def _steps(pipeline: Pipeline, frames: Iterable[Frame], counts: Counter[str]) -> Iterator[Event]:
    failures = 0
    for frame in frames:
        counts["frames"] += 1
        try:
            events = pipeline.step(frame)
        except Exception:
            counts["failed frames"] += 1
            failures += 1
            if failures == _MOST_FAILURES:
                raise
            if failures == 1:  # a row of failing frames is one thing to tell
                _log.warning("%s: frame %d could not be processed", frame.source, frame.number, exc_info=True)
            continue
        failures = 0
        yield from events


def _stored(events: Iterator[Event], pipeline: Pipeline, settings: Settings, clock: Clock) -> Iterator[Event]:
    """The same events, each stored, and queued for whoever it is sent to, before it is handed on."""
    if settings.store.folder is None:
        yield from events
        return
    with Database(settings.store.folder, clock, settings.store) as store:
        for event in events:
            yield store.record(event, destinations=settings.publish.destinations)
            _keep_missed(pipeline, store)
        _keep_missed(pipeline, store)
        store.tidy()


def _keep_missed(pipeline: Pipeline, store: Database) -> None:
    while pipeline.missed:
        store.miss(pipeline.missed.popleft())
