"""Threads beside the loop, some for each kind of work: what is slow keeps nobody waiting for something else."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import get_native_id
from typing import TYPE_CHECKING, Any

from edge_ocr.web.exchange import Hand, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

_NICER = 5  # reading goes first; threads that are so much nicer still get a fourth of a core that is busy with it
_THREADS = {Hand.PAGE: 2, Hand.SEARCH: 1, Hand.DOOR: 1, Hand.READ: 1, Hand.PICTURE: 1}
_ROOM = {Hand.SEARCH: 8, Hand.DOOR: 8, Hand.READ: 4}
"""How many may wait for one of these or be in it; of the others there are no more than connections and cameras."""

_AGAIN_SECONDS = 2


class Threads:
    """Do what takes time, kind by kind; lives in the server's loop. Threads begin with the first work of their kind."""

    def __init__(self) -> None:
        self._pools = {hand: ThreadPoolExecutor(count, f"web-{hand}") for hand, count in _THREADS.items()}
        self._all: Counter[Hand] = Counter()
        self._of_one: Counter[tuple[Hand, str]] = Counter()

    async def do(
        self, hand: Hand, function: Callable[..., Any], *args: Any, who: str = "", begun: bool = False, **named: Any
    ) -> Any:
        """Call a function in a thread for work of its kind.

        Args:
            hand: the kind of work.
            function: what to call, with ``args`` and ``named``.
            args: for it.
            who: has it done; may take half of the room alone.
            begun: whether it goes on with something, for which there must be room.
            named: for it.

        Raises:
            Problem: too much of this kind waits already.

        """
        room, own = _ROOM.get(hand), (hand, who)
        if not begun and room is not None and (self._all[hand] >= room or (who and self._of_one[own] >= room // 2)):
            headers = {"Retry-After": str(_AGAIN_SECONDS)}
            what = "the device is busy with requests of this kind"
            raise Problem(503, "Service unavailable", f"{what}; try again in {_AGAIN_SECONDS} s", headers)
        self._all[hand] += 1
        self._of_one[own] += 1
        work = self._pools[hand].submit(partial(function, *args, **named))
        # Whoever asked may go while it is being done: until then it takes room.
        loop = asyncio.get_running_loop()
        work.add_done_callback(partial(self._done, loop, own))
        return await asyncio.wrap_future(work)

    def close(self) -> None:
        """Begin nothing more."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _done(self, loop: asyncio.AbstractEventLoop, own: tuple[Hand, str], _: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._leave, own)

    def _leave(self, own: tuple[Hand, str]) -> None:
        self._all[own[0]] -= 1
        self._of_one[own] -= 1
        if not self._of_one[own]:
            del self._of_one[own]


def yield_core() -> None:
    """Have the thread that calls this, and those that it begins, come after those that read."""
    me = get_native_id()
    with suppress(OSError):  # Linux tells threads apart; what does not knows no such process
        os.setpriority(os.PRIO_PROCESS, me, min(19, os.getpriority(os.PRIO_PROCESS, me) + _NICER))


def timed(function: Callable[..., Any], *args: Any, **named: Any) -> tuple[Any, float]:
    """What a function returns, and the seconds of CPU that its thread took for it."""
    begin = time.thread_time()
    result = function(*args, **named)
    return result, time.thread_time() - begin
