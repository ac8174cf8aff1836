"""Pictures of a camera for as long as somebody looks: each is made once, whoever looks, and none while nobody does.

Reading goes first: pictures come so seldom that they, and sending them, take a small share of the processor.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from edge_ocr import heap, live
from edge_ocr.web.exchange import Hand
from edge_ocr.web.threads import timed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from typing import TypeAlias

    from edge_ocr.live import Board, Look
    from edge_ocr.web.threads import Threads

    Make: TypeAlias = "Callable[[Look], Awaitable[tuple[bytes, float]]]"

BOUNDARY = "edge-ocr-frame"
LAST = f"--{BOUNDARY}--\r\n".encode()
"""What ends a multipart answer."""

_TIDY_EVERY = 25  # pictures: what making them took for a moment does not pile up
_SHARE = 0.02  # of all cores together, for pictures of all cameras and everything else that the loop does meanwhile
_SLOWEST = 2.0  # seconds between two pictures, however slow the machine is
_EAGERNESS = 0.3  # how much of a new cost is taken at once

_log = logging.getLogger(__name__)


class Share:
    """How often pictures may come.

    Args:
        fps: at most, in a second.
        cores: that this process may use.

    """

    def __init__(self, fps: float, cores: int) -> None:
        self._least = 1 / fps
        self._budget = _SHARE * cores
        self._cost = 0.0

    def pause(self, cost: float, cameras: int) -> float:
        """Seconds from a picture to the next one.

        Args:
            cost: of the picture, in seconds of CPU.
            cameras: that are looked at, this one included.

        """
        self._cost += (_EAGERNESS if self._cost else 1.0) * (cost - self._cost)
        return max(self._least, min(_SLOWEST, self._cost * cameras / self._budget))


class Lens:
    """The pictures of one camera, for all who look; lives in the server's loop.

    Args:
        board: shows frames.
        camera: its name.
        make: a picture of a look, as JPEG, made beside the loop, and the seconds of CPU that it took.
        share: how often.
        open_lenses: of all cameras, those that somebody looks through; this one adds itself.

    """

    def __init__(self, board: Board, camera: str, make: Make, share: Share, open_lenses: set[Lens]) -> None:
        self._board, self._camera, self._make, self._share = board, camera, make, share
        self._open = open_lenses
        self._viewers: set[asyncio.Event] = set()
        self._look: Look | None = None
        self._fresh = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._picture: tuple[int, bytes] = (0, b"")

    @property
    def viewers(self) -> int:
        """How many look."""
        return len(self._viewers)

    async def pictures(self) -> AsyncGenerator[bytes, None]:
        """The pictures from now on; one that is slow to take them gets the newest each time."""
        news = asyncio.Event()
        self._viewers.add(news)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        seen = self._picture[0]
        try:
            while True:
                await news.wait()
                news.clear()
                if self._picture[0] != seen:
                    seen, data = self._picture
                    yield data
        finally:
            self._viewers.discard(news)
            if not self._viewers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()

        def shown(look: Look) -> None:  # in the camera's thread, once in place.every seconds
            self._look = look
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._fresh.set)

        self._open.add(self)
        spent = time.thread_time()
        try:
            with self._board.looking(self._camera, shown, every=self._share.pause(0.0, 1)) as place:
                while True:
                    await self._fresh.wait()
                    self._fresh.clear()
                    look, self._look = self._look, None
                    if look is None:
                        continue
                    try:
                        data, cost = await self._make(look)
                    except Exception as error:  # noqa: BLE001 -- of one frame; the next one may be better
                        _log.warning("camera %s: no picture could be made (%s)", self._camera, error)
                        continue
                    del look
                    self._picture = self._picture[0] + 1, data
                    # What the loop did since the picture before, sending it above all, is shared by all cameras.
                    before, spent, cameras = spent, time.thread_time(), len(self._open)
                    place.every = self._share.pause(cost + (spent - before) / cameras, cameras)
                    if self._picture[0] % _TIDY_EVERY == 0:
                        heap.give_back()
                    for news in self._viewers:
                        news.set()
        finally:
            self._open.discard(self)
            self._look = None
            self._picture = self._picture[0], b""
            self._fresh.clear()
            heap.give_back()


def part(picture: bytes) -> bytes:
    """A picture as a part of a multipart answer."""
    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
    return head.encode() + picture + b"\r\n"


def painter(threads: Threads, *, width: int, private: bool) -> Make:
    """What makes a picture of a look."""

    async def make(look: Look) -> tuple[bytes, float]:
        done: tuple[bytes, float] = await threads.do(Hand.PICTURE, timed, live.jpeg, look, width=width, private=private)
        return done

    return make


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
