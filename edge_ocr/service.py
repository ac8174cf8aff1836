"""`edge-ocr serve`: cameras, store, destinations and pages together, for years, under systemd.

A thread for each camera, because a Raspberry Pi has four cores and the stages let go of Python's lock while they
calculate; this module's own loop has the main thread: it alone writes events, answers signals and tells systemd how it
goes. docs/design/runtime.md says why, what it costs, and what happens when a part fails.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, Queue
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from edge_ocr import config, drawn, heap
from edge_ocr.crew import GOOD, Crew
from edge_ocr.desk import Desk
from edge_ocr.errors import ConfigError, EdgeOcrError
from edge_ocr.health import Health
from edge_ocr.judge import uuid7
from edge_ocr.live import Board
from edge_ocr.notify import Notifier
from edge_ocr.pipeline import open_reader
from edge_ocr.posts import Posts
from edge_ocr.store import Database, Keeper
from edge_ocr.store.database import Entry
from edge_ocr.store.recorder import Recorder
from edge_ocr.types import Action, Attempt, Decision, Event, Parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from edge_ocr.clock import Clock
    from edge_ocr.config import Settings
    from edge_ocr.reader import Reader
    from edge_ocr.tables import RelaySettings
    from edge_ocr.types import Image, Reading

_TURN_SECONDS = 0.1  # between two looks at signals, the watchdog and what waits to be written
_STATUS_SECONDS = 5.0
_WRITE_SECONDS = 5.0  # for the disk to take the last events
_MOST_WAITING = 1000  # events between the cameras and the store

_LASTING = ("kind", "store", "publish", "web", "health")  # tables that a reload leaves as they were at the start

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_log = logging.getLogger(__name__)


class Server(Protocol):
    """What is needed of the web server."""

    @property
    def address(self) -> str:
        """Where it listens."""

    def start(self) -> None:
        """Begin to answer."""

    def stop(self) -> None:
        """End, within seconds."""


@dataclass(slots=True)
class Signals:
    """What the process was asked to do since it was last looked at."""

    stop: bool = False
    reload: bool = False

    @contextmanager
    def heard(self) -> Iterator[Signals]:
        """Listen to SIGTERM, SIGINT (stop) and SIGHUP (reload) meanwhile; for the main thread."""
        before = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _: object) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        else:
            self.stop = True


class Service:
    """Everything that `serve` runs.

    Args:
        load: reads the configuration; called for the start and for every reload.
        clock: for all.
        tell: is called with each event, previews included, once it is stored; None for nobody.
        notifier: tells systemd.
        random: n -> n random bytes, for the events' ids.

    Raises:
        ConfigError: the configuration is wrong, or names no camera.
        EdgeOcrError: another part cannot be opened as it is set.

    """

    def __init__(
        self,
        load: Callable[[], Settings],
        clock: Clock,
        *,
        tell: Callable[[Event], None] | None = None,
        notifier: Notifier | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._load, self._clock, self._tell, self._random = load, clock, tell, random
        self._notifier = notifier or Notifier()
        self._settings = _checked(load())
        self.health = Health(self._settings.health, clock, folder=self._settings.store.folder)
        self.board = Board(clock)
        self._queue: Queue[Event | Attempt] = Queue(_MOST_WAITING)
        self._desk = Desk(self._settings, self.health)
        self._crew = Crew(self._settings, clock, self.health, self._queue, self.board, random)
        self._recorder: Recorder | None = None
        self._posts: Posts | None = None
        self._events = 0
        self._pinged = self._said = clock.monotonic()

    def run(self, signals: Signals) -> int:
        """Work until asked to stop.

        Returns:
            The exit code: :data:`GOOD`, also when asked to stop, or another one of :mod:`edge_ocr.crew`.

        """
        with ExitStack() as stack:
            self._open(stack)
            self._crew.begin(drawn.load(self._settings))
            self._notifier.ready()
            try:
                return self._until_asked(signals)
            except BaseException:
                self._tell = None  # whoever cannot be told any more must not keep the last events from the store
                raise
            finally:
                self._notifier.stopping()
                self._end()

    def _until_asked(self, signals: Signals) -> int:
        code = None
        while code is None and not signals.stop:
            self._turn(_TURN_SECONDS)
            if signals.reload:
                signals.reload = False
                self.reload()
            code = self._crew.verdict()
        return GOOD if code is None else code

    def reload(self) -> None:
        """Take a changed configuration over; a wrong one is told in one line and changes nothing."""
        self._notifier.reloading()
        try:
            read = _checked(self._load())
            settings = replace(read, **{table: getattr(self._settings, table) for table in _LASTING})
            zones = drawn.load(settings)
            reader = self._crew.reader_for(settings)
            desk = Desk(settings, self.health)
        except EdgeOcrError as error:
            _log.error("%s; the configuration stays as it was", error)
            self._notifier.ready()
            return
        for table in _LASTING:
            if getattr(read, table) != getattr(self._settings, table):
                _log.warning("%s was changed, which counts from the next start on", table)
        self._settings, self._desk = settings, desk
        self._crew.adopt(settings, zones, reader, partial(self._turn, 0.0))
        _log.warning("the configuration was read again")
        self._notifier.ready()

    def redraw(self) -> None:
        """Take zones over that were drawn anew.

        Raises:
            ConfigError: their file is wrong.

        """
        self._crew.redraw(drawn.load(self._settings))

    def _open(self, stack: ExitStack) -> None:
        """The store, what goes out of it, and the pages."""
        settings = self._settings
        if settings.store.folder is None:
            return
        store = stack.enter_context(
            Database(settings.store.folder, self._clock, settings.store, busy=self._notifier.busy)
        )
        self.health.watch("store", lambda: store.trouble)
        self.health.tally("store", store.counted)
        recorder = Recorder(store)
        self.health.watch("events", lambda: recorder.trouble)
        self.health.tally("events", recorder.counted)
        self._recorder = recorder
        self._posts = stack.enter_context(Posts(store, settings.publish, self._clock, self.health))
        stack.enter_context(Keeper(store))
        if settings.web.enabled is not False:
            self._open_pages(stack, store)

    def _open_pages(self, stack: ExitStack, store: Database) -> None:
        # Whoever wants no pages does not pay for them.
        from edge_ocr.web import Hands, open_server  # noqa: PLC0415

        opens = self._open_by_hand if self._relays else None
        spare = _Spare(partial(open_reader, self._settings, like=self._crew.reader))
        hands = Hands(read=spare, open_barrier=opens, reload=self.redraw)
        try:
            server: Server = open_server(self._settings, self.board, self.health, self._clock, store, hands)
        except ConfigError as error:
            if self._settings.web.enabled:
                raise
            _log.warning("there are no pages: %s", error)
            return
        server.start()
        stack.callback(server.stop)
        _log.warning("pages at %s", server.address)

    def _open_by_hand(self, user: str) -> str:
        """Have the first relay open for somebody at the pages, by its own rules; in a thread of theirs."""
        now = self._clock.stamp()
        decision = Decision(Action.OPEN, f"by hand: {user}").as_json()
        told = {"decision": decision, "last": now.as_json(0)}
        name, relay = self._relays[0]
        camera = (relay.cameras or (self._settings.camera[0].name,))[0]
        if self._posts is not None:
            self._posts.hurry(Parcel(0, name, uuid7(now.wall, self._random), camera, told, None, 0))
        return "the relay was told; whether it opened stands in the audit"

    @property
    def _relays(self) -> list[tuple[str, RelaySettings]]:
        """Those in use, by name."""
        return [(name, table.relay) for name, kind, _, table in self._settings.publish.used if kind == "relay"]

    def _turn(self, timeout: float) -> None:
        """Do what is due: take what the cameras tell, write it, and say how it goes."""
        try:
            told: Event | Attempt | None = self._queue.get(timeout=timeout)
        except Empty:
            told = None
        while told is not None:
            self._take(told)
            try:
                told = self._queue.get_nowait()
            except Empty:
                told = None
        now = self._clock.monotonic()
        if self._recorder is not None:
            self._stored(self._recorder.tick(now))
        self._report(now)

    def _take(self, told: Event | Attempt) -> None:
        if isinstance(told, Attempt):
            if self._recorder is not None:
                self._recorder.miss(self._desk.attempt(told), self._clock.monotonic())
            return
        settled = self._desk.settle(told)
        if settled is None:
            return
        if settled.preview:
            self._announce(settled)
        elif self._recorder is None:
            self._stored([settled])
        else:
            entry = Entry(settled, settled.decision, self._settings.publish.destinations)
            self._stored(self._recorder.add(entry, self._clock.monotonic()))

    def _announce(self, preview: Event) -> None:
        """A preview is for those who wait at a barrier or a screen; it is not stored."""
        decision = preview.decision
        if self._posts is not None and decision is not None and decision.action is Action.OPEN:
            for name in [name for name, relay in self._relays if relay.previews]:
                self._posts.hurry(Parcel(0, name, preview.id, preview.source, preview.as_json(), None, 0))
        self.board.preview(preview.source, preview.reading, decision)
        if self._tell is not None:
            self._tell(preview)

    def _stored(self, events: Sequence[Event]) -> None:
        for event in events:
            self._events += 1
            self.board.tell(event)
            if self._tell is not None:
                self._tell(event)
        if events and self._posts is not None:
            self._posts.wake()

    def _report(self, now: float) -> None:
        """Tell systemd, but that all is well only if it is: threads live, and frames flow."""
        every = self._notifier.watchdog_seconds
        if every is not None and now - self._pinged >= every / 4 and self._crew.flows(every / 2):
            self._pinged = now
            self._notifier.alive()
        if now - self._said >= _STATUS_SECONDS:
            self._said = now
            well, cameras = self._crew.well()
            told = self.health.snapshot()
            state = "; ".join(told.reasons) if told.reasons else "all is well"
            self._notifier.frames(round(told.total("frames") - told.total("frames_failed")))
            self._notifier.status(f"{well} of {cameras} cameras, {self._events} events; {state}")

    def _end(self) -> None:
        try:
            self._keep_last()
        except BaseException:
            if self._tell is None:
                raise
            self._tell = None  # likewise: whoever reads events may have gone at the same time
            self._keep_last()
            raise

    def _keep_last(self) -> None:
        """Stop the cameras, and keep every event that comes of that; bounded in time, and may be called again."""
        self._crew.stop(partial(self._turn, 0.0))
        self._turn(0.0)
        if self._recorder is None:
            return
        until = self._clock.monotonic() + _WRITE_SECONDS
        self._stored(self._recorder.flush(self._clock.monotonic()))
        while self._recorder.trouble is not None and self._clock.monotonic() < until:
            self._clock.sleep(_TURN_SECONDS)
            self._stored(self._recorder.tick(self._clock.monotonic()))
        if self._recorder.trouble is not None:
            _log.error("the last events (%d) could not be stored: %s", self._recorder.waiting, self._recorder.trouble)


def serve(path: Path, clock: Clock, *, tell: Callable[[Event], None] | None = None) -> int:
    """Run what a configuration file describes, until SIGTERM or SIGINT; SIGHUP reads it again.

    Args:
        path: of the file.
        clock: for all.
        tell: is called with each event, previews included.

    Returns:
        The exit code: :data:`GOOD`, also when asked to stop, or another one of :mod:`edge_ocr.crew`.

    Raises:
        ConfigError: the configuration is wrong, or names no camera.
        EdgeOcrError: another part cannot be opened as it is set.

    """
    heap.share()
    with Signals().heard() as signals:
        return Service(partial(config.load, path), clock, tell=tell).run(signals)


def _checked(settings: Settings) -> Settings:
    if not settings.camera:
        raise ConfigError("the configuration names no camera; add a table [[camera]] with name and source")
    return settings


class _Spare:
    """A reader for images that are sent to the pages, made when the first one comes: it takes 15 MB.

    The pages have several threads, and a reader can have one at a time.
    """

    def __init__(self, make: Callable[[], Reader]) -> None:
        self._make = make
        self._lock = Lock()
        self._reader: Reader | None = None

    def __call__(self, image: Image) -> Sequence[Reading]:
        with self._lock:
            self._reader = self._reader or self._make()
            return self._reader.read(image)
