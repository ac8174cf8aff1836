"""A source in, events out: opens what there is to open, and keeps going when a single frame fails."""

from __future__ import annotations

import logging
import os
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from edge_ocr.camera import files
from edge_ocr.clock import SystemClock
from edge_ocr.config import Settings
from edge_ocr.decide import decide
from edge_ocr.errors import SourceError, printable
from edge_ocr.health import Health
from edge_ocr.lists import LiveLists
from edge_ocr.pipeline import Pipeline, open_reader
from edge_ocr.posts import Posts
from edge_ocr.privacy import Shield
from edge_ocr.store import Database, Keeper

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
    source: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    reader: FrameReader | None = None,
    clock: Clock | None = None,
    random: Callable[[int], bytes] = os.urandom,
    counts: Counter[str] | None = None,
    health: Health | None = None,
) -> Iterator[Event]:
    """Watch a source to its end.

    Every frame of a recording is processed, however long it takes, and time in it is the recording's own, counted from
    now: the same recording gives the same events on any machine.

    An event is what privacy lets be kept of it, with what the lists say. It is sent where the settings say while the
    watch goes on; what could not be sent waits in the store for the next one.

    Args:
        source: a recording, an image, a folder or a glob.
        settings: what to read and what is evidence enough; with ``store.folder``, events are stored before they are
            handed on.
        reader: of the frames; None for the one that the settings describe.
        clock: gives the time at which the source begins; None for the machine's own.
        random: n -> n random bytes, for the events' ids.
        counts: is added to, to see what becomes of frames and tracks: 'frames', 'failed frames', 'events', and the
            tracks that gave no event, 'not kept' among them, under the reasons of :class:`edge_ocr.pipeline.Rejection`.
        health: is told of frames, events and rejections, and watches lists, store and destinations meanwhile.

    Returns:
        The events, each as soon as it is certain. Close it (or exhaust it) to let go of the source and the store.

    Raises:
        SourceError: nothing is there, or nothing of it can be read.
        BundleError, GrammarError, EngineError: the reader cannot be made.
        StoreError: the store cannot be opened, which is told at once, or an event cannot be stored.
        TypeError: source is no path.

    """
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"source must be a path, not {source!r}")
    source = os.fspath(source)
    if "://" in source or source.startswith(_LIVE):
        what = f"{printable(source)}: this version watches files, folders and globs, not cameras and streams"
        raise SourceError(f"{what}; record it and watch the recording")
    settings = settings or Settings()
    clock = clock or SystemClock()
    pipeline = Pipeline(reader or open_reader(settings), settings, random=random)
    live, shield = LiveLists(settings.lists.file), Shield(settings.privacy)
    frames = files.frames(source, start=clock.stamp())
    counts = Counter() if counts is None else counts
    health = health or Health(settings.health, clock, folder=settings.store.folder)
    told = _events(pipeline, frames, counts, health)
    events = _stored(_settled(told, live, shield, settings, counts, health), pipeline, shield, settings, clock, health)
    next(events)
    return events


def _events(pipeline: Pipeline, frames: Iterable[Frame], counts: Counter[str], health: Health) -> Iterator[Event]:
    """Everything that the pipeline tells, while counting."""
    try:
        for event in chain(_steps(pipeline, frames, counts, health), _last(pipeline)):
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


def _steps(pipeline: Pipeline, frames: Iterable[Frame], counts: Counter[str], health: Health) -> Iterator[Event]:
    failures = 0
    for frame in frames:
        counts["frames"] += 1
        health.count("frames", camera=frame.source)  # a recording may pause: it is no camera whose frames must come
        try:
            events = pipeline.step(frame)
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
        yield from events


def _settled(
    events: Iterator[Event],
    live: LiveLists,
    shield: Shield,
    settings: Settings,
    counts: Counter[str],
    health: Health,
) -> Iterator[Event]:
    """The events with what the lists say of them, as far as privacy lets them be kept."""
    told = None
    health.watch("lists", lambda: live.problem)
    for event in events:
        lists = live.current()
        if live.problem not in {None, told}:
            told = live.problem
            _log.warning("%s", told)
        kept = shield.event(event, decide(event.reading, lists, settings.lists, event.last))
        if kept is None:
            counts["not kept"] += 1
        else:
            yield replace(kept[0], decision=kept[1])


def _stored(
    events: Iterator[Event], pipeline: Pipeline, shield: Shield, settings: Settings, clock: Clock, health: Health
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
            stored = store.record(event, decision=event.decision, destinations=settings.publish.destinations)
            posts.wake()
            yield stored
            _keep_missed(pipeline, store, shield)
        _keep_missed(pipeline, store, shield)
        posts.linger()


def _keep_missed(pipeline: Pipeline, store: Database, shield: Shield) -> None:
    while pipeline.missed:
        store.miss(shield.attempt(pipeline.missed.popleft()))
