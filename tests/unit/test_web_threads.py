"""Work beside the loop: of each kind so much and no more, and no kind waits for another."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from web_served import PATIENCE, Client, served, soon

from edge_ocr.web import Hands
from edge_ocr.web.exchange import Hand, Problem
from edge_ocr.web.threads import Threads, yield_core

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path
    from typing import Any

    from edge_ocr.types import Image, Reading


def run(check: Callable[[Threads, threading.Event], Awaitable[Any]]) -> Any:
    """Check something in a loop; what waits for the event is let go at the end."""
    release = threading.Event()

    async def go() -> Any:
        threads = Threads()
        try:
            return await asyncio.wait_for(check(threads, release), PATIENCE)
        finally:
            release.set()
            threads.close()

    return asyncio.run(go())


def test_a_slow_search_keeps_no_page_and_no_login_waiting() -> None:
    async def check(threads: Threads, release: threading.Event) -> list[int]:
        searches = [asyncio.ensure_future(threads.do(Hand.SEARCH, release.wait, PATIENCE)) for _ in range(4)]
        done = [await threads.do(hand, int, 7) for hand in (Hand.PAGE, Hand.DOOR, Hand.READ, Hand.PICTURE)]
        assert not any(search.done() for search in searches)
        return done

    assert run(check) == [7] * 4


def test_beyond_its_room_work_is_refused_and_nobody_takes_all_of_it() -> None:
    async def check(threads: Threads, release: threading.Event) -> None:
        entered = threading.Event()

        def hold() -> bool:
            entered.set()
            return release.wait(PATIENCE)

        def search(who: str, *, begun: bool = False) -> asyncio.Future[Any]:
            return asyncio.ensure_future(threads.do(Hand.SEARCH, hold, who=who, begun=begun))

        own = [search("ann") for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as problem:
            await search("ann")
        assert (problem.value.status, problem.value.headers) == (503, {"Retry-After": "2"})
        others = [search("bob") for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Problem):
            await search("eve")
        others.append(search("ann", begun=True))
        assert await asyncio.to_thread(entered.wait, PATIENCE)
        own[0].cancel()  # whoever asked has gone, but a thread is still at it
        with pytest.raises(asyncio.CancelledError):
            await own[0]
        with pytest.raises(Problem):
            await search("eve")
        release.set()
        assert await asyncio.gather(*own[1:], *others) == [True] * 8
        assert await search("ann") is True

    run(check)


def test_an_error_comes_to_whoever_asked_and_takes_no_room() -> None:
    def fail() -> None:
        raise ValueError("bad")

    async def check(threads: Threads, _: threading.Event) -> None:
        for _ in range(20):
            with pytest.raises(ValueError, match="bad"):
                await threads.do(Hand.DOOR, fail)
            await asyncio.sleep(0)

    run(check)


def test_threads_of_the_server_come_after_those_that_read() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def check(threads: Threads, _: threading.Event) -> None:
        seen.append(await threads.do(Hand.PICTURE, niceness))

    def serve() -> None:
        yield_core()
        run(check)

    before, seen = niceness(), list[int]()
    server = threading.Thread(target=serve)
    server.start()
    server.join(PATIENCE)
    assert seen == [min(19, before + 5)]
    assert niceness() == before


def test_pages_come_while_pictures_are_read_and_too_many_of_those_are_told(tmp_path: Path) -> None:
    begun, release = threading.Event(), threading.Event()

    def read(_: Image) -> Sequence[Reading]:
        begun.set()
        release.wait(PATIENCE)
        return ()

    picture = cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes()
    with served(tmp_path, Hands(read=read)) as one:
        client = one.first()
        told: list[int] = []

        def send() -> None:
            asking = Client(one.port, client.cookie, client.csrf)
            told.append(asking.ask("POST", "/api/read", picture, Content_Type="image/png").status)

        senders = [threading.Thread(target=send) for _ in range(3)]
        for sender in senders:
            sender.start()
        try:
            assert begun.wait(PATIENCE)
            assert client.get("/events").status == client.get("/health").status == 200
            soon(lambda: bool(told))
            assert told == [503], "one user has room for two"
        finally:
            release.set()
        for sender in senders:
            sender.join(PATIENCE)
        assert sorted(told) == [200, 200, 503]
