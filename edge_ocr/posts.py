"""A thread for each destination: what is stored goes out while the program goes on with what it does."""

from __future__ import annotations

import logging
from functools import partial
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Self

from edge_ocr.health import Queue

if TYPE_CHECKING:
    from edge_ocr.clock import Clock
    from edge_ocr.health import Health
    from edge_ocr.publish.sender import Sender
    from edge_ocr.store import Database
    from edge_ocr.tables import PublishSettings
    from edge_ocr.types import Parcel

_LINGER_SECONDS = 10.0
"""How long a program that ends goes on sending; what is left is sent by the next one."""

_JOIN_SECONDS = 30.0
"""All destinations together have so long to end: each does so within its timeouts, and none waits for another."""

_log = logging.getLogger(__name__)


class Posts:
    """A thread for each destination, from entry to exit.

    Args:
        store: holds what is to be sent.
        settings: of the destinations.
        clock: for all that waits.
        health: is told of queues and deliveries; brokers are told of it.

    Raises:
        ConfigError: a destination cannot be used as it is set.

    """

    def __init__(self, store: Database, settings: PublishSettings, clock: Clock, health: Health) -> None:
        self._store, self._clock, self._health = store, clock, health
        self._stop = Flag()
        senders: list[Sender] = []
        try:
            for name in settings.destinations:
                senders.append(_sender(name, store, settings, clock, health))  # noqa: PERF401 -- those before are closed
        except BaseException:
            for sender in senders:
                sender.close()
            raise
        self._posts = [(sender, Flag()) for sender in senders]
        # As daemons: one that waits for a server when its time is up must not keep the program from ending.
        self._threads = [Thread(target=self._run, args=post, name=post[0].name, daemon=True) for post in self._posts]

    def __enter__(self) -> Self:
        for thread, (sender, _) in zip(self._threads, self._posts, strict=True):
            self._health.watch_queue(sender.name, partial(self._queue, sender))
            self._health.tally(sender.name, sender.counted)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for sender, flag in self._posts:
            sender.stop()
            flag.set()
        until = self._clock.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - self._clock.monotonic()))
            self._health.forget(thread.name)
            if thread.is_alive():
                _log.error(
                    "%s: did not stop within %g s; what it was sending is sent again", thread.name, _JOIN_SECONDS
                )

    def wake(self) -> None:
        """There is something new to send."""
        for _, flag in self._posts:
            flag.set()

    def hurry(self, parcel: Parcel) -> None:
        """Hand something to its destination before all that waits, once; it is not stored."""
        for sender, flag in self._posts:
            if sender.name == parcel.destination:
                sender.hurry(parcel)
                flag.set()

    def linger(self) -> None:
        """Wait while destinations take what is left, but not for those that take nothing."""
        pause = Flag()
        for _ in range(int(_LINGER_SECONDS / 0.05)):
            left = [sender for sender, _ in self._posts if self._store.outbox.depth(sender.name).pending]
            if all(sender.problem for sender in left):
                return
            pause.wait(0.05)

    def _queue(self, sender: Sender) -> Queue:
        now = self._clock.stamp()
        depth = self._store.outbox.depth(sender.name, now.boot_id)
        age = None if depth.oldest_mono is None else now.mono - depth.oldest_mono
        return Queue(depth.pending, depth.dead, age, sender.problem)

    def _run(self, sender: Sender, flag: Flag) -> None:
        while not self._stop.is_set():
            flag.wait(sender.step())
            flag.clear()
        sender.close()


def _sender(name: str, store: Database, settings: PublishSettings, clock: Clock, health: Health) -> Sender:
    # Destinations bring HTTP, TLS and more into memory: whoever publishes nothing does not pay for them.
    from edge_ocr.publish.catalogue import open_destination  # noqa: PLC0415
    from edge_ocr.publish.sender import Sender  # noqa: PLC0415

    destination = open_destination(name, settings, clock, store, lambda: health.snapshot().as_json())
    return Sender(name, destination, store.outbox, clock, settings.retry)
