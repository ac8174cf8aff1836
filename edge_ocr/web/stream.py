"""Events as they happen, for as long as somebody listens.

They come out of the store, which is asked when the board tells that there are new ones: whoever comes back says which
one was the last, and misses none.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from edge_ocr.live import Glimpse
from edge_ocr.web.exchange import encoded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from typing import Any, TypeAlias

    from edge_ocr.live import Board
    from edge_ocr.store.view import View
    from edge_ocr.types import Event

    Aside: TypeAlias = "Callable[..., Awaitable[Any]]"

BEAT_SECONDS = 15.0
"""How often a stream of events says that it is alive, so that a page notices a server that is not."""

OVER = b"event: over\ndata: {}\n\n"
"""The last thing that a stream says to whoever may not listen any more; to come back is of no use."""

_KEPT = 100  # events that are told from memory; whoever is further behind has the store asked
_KEPT_SECONDS = 60.0  # and no older ones: what is erased from the store is told to nobody for longer than that
_AT_ONCE = 100


class Feed:
    """Events as they happen, for all who listen; lives in the server's loop.

    Args:
        board: tells when there are new ones.
        view: has them.
        aside: calls a function beside the loop.

    """

    def __init__(self, board: Board, view: View, aside: Aside) -> None:
        self._board, self._view, self._aside = board, view, aside
        self._listeners: set[_Ear] = set()
        self._stack = ExitStack()
        self._kept: deque[tuple[int, bytes]] = deque()
        self._floor = self._top = 0  # all events between the two numbers are kept, the first excluded
        self._kept_since = 0.0  # when the first of them was asked for, in the loop's time
        self._turn = asyncio.Lock()

    def open(self) -> None:
        """Begin to listen to the board."""
        loop = asyncio.get_running_loop()

        def heard(what: Event | Glimpse) -> None:  # in the thread that told
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._hear, what)

        self._stack.enter_context(self._board.listening(heard))

    def close(self) -> None:
        """Listen no more."""
        self._stack.close()

    async def events(self, after: int | None) -> AsyncGenerator[bytes, None]:
        """Server-sent events after the one of a number, or from now on; and a beat now and then.

        Raises:
            StoreError: the store cannot be read.

        """
        ear = _Ear()
        self._listeners.add(ear)
        try:
            newest = await self._aside(self._view.newest)
            # A number that is yet to come is of a store that was begun anew: all that is in this one is news.
            last = newest if after is None else after if after <= newest else 0
            # With its number at once: whoever is cut off before the first event must know where it was.
            yield b"retry: 2000\n\nid: %d\nevent: beat\ndata: {}\n\n" % last
            while True:
                news = await self._after(last)
                if news:
                    last = news[-1][0]
                    yield b"".join(data for _, data in news)
                    continue
                yield await ear.hear()
        finally:
            self._listeners.discard(ear)

    def _hear(self, what: Event | Glimpse) -> None:
        glimpse = b""
        if isinstance(what, Glimpse):
            told = {
                "camera": what.camera,
                "text": what.reading.text,
                "confidence": round(what.reading.confidence, 4),
                "decision": what.decision and what.decision.as_json(),
            }
            glimpse = b"event: glimpse\ndata: " + encoded(told) + b"\n\n"
        for ear in self._listeners:
            ear.told(glimpse)

    async def _after(self, last: int) -> list[tuple[int, bytes]]:
        """The next events; of several listeners that ask at once one asks the store."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._kept and now - self._kept_since > _KEPT_SECONDS:
                self._kept.clear()
                self._floor = self._top
            if not self._floor <= last < self._top:
                found = await self._aside(self._view.after, last, _AT_ONCE)
                if not found and await self._aside(self._view.newest) < last:  # a new store took the place of this one
                    self._kept.clear()
                    self._floor = self._top = last = 0
                    found = await self._aside(self._view.after, last, _AT_ONCE)
                news = [(event["seq"], _as_event(event)) for event in found]
                if not news or last < self._floor:
                    return news
                if last != self._top:
                    self._kept.clear()
                    self._floor = last
                if not self._kept:
                    self._kept_since = now
                self._kept.extend(news)
                self._top = news[-1][0]
                while len(self._kept) > _KEPT:
                    self._floor = self._kept.popleft()[0]
                return news
            return [one for one in self._kept if one[0] > last]


class _Ear:
    """What one listener has not been told yet."""

    def __init__(self) -> None:
        self._said = asyncio.Event()
        self._glimpses: deque[bytes] = deque(maxlen=4)

    def told(self, glimpse: bytes) -> None:
        if glimpse:
            self._glimpses.append(glimpse)
        self._said.set()

    async def hear(self) -> bytes:
        """Wait for something: what to send at once, or nothing where the store has it; a beat if it takes long."""
        try:
            await asyncio.wait_for(self._said.wait(), BEAT_SECONDS)
        except TimeoutError:
            return b"event: beat\ndata: {}\n\n"
        self._said.clear()
        said = b"".join(self._glimpses)
        self._glimpses.clear()
        return said


def _as_event(event: dict[str, Any]) -> bytes:
    return b"id: %d\nevent: event\ndata: %s\n\n" % (event["seq"], encoded(event))
