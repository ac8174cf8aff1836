"""Pictures come so seldom that reading goes first."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_ocr.clock import FakeClock
from edge_ocr.live import Board, Look
from edge_ocr.types import Frame
from edge_ocr.web.lens import Lens, Share

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.mark.parametrize(
    ("cost", "cores", "cameras", "pause"),
    [
        (0.004, 1, 1, 0.2),  # a desktop: as many as were asked for
        (0.012, 4, 1, 0.2),  # a Raspberry Pi 4
        (0.012, 4, 4, 0.6),
        (0.030, 1, 1, 1.5),  # one slow core
        (0.500, 1, 2, 2.0),
    ],
)
def test_pictures_take_a_small_share_of_all_cores(cost: float, cores: int, cameras: int, pause: float) -> None:
    assert Share(5.0, cores).pause(cost, cameras) == pytest.approx(pause)


def test_whoever_wants_them_seldom_gets_them_seldom_on_a_slow_machine_too() -> None:
    assert Share(0.1, 1).pause(1.0, 1) == 10


def test_one_costly_picture_is_soon_forgotten() -> None:
    share = Share(5.0, 1)
    share.pause(0.004, 1)
    assert share.pause(0.04, 1) == pytest.approx(0.0148 / 0.02)
    assert [share.pause(0.004, 1) for _ in range(10)][-1] == pytest.approx(0.2, rel=0.1)


async def all_done() -> None:
    """Let the loop go round until all has happened that follows from a frame."""
    for _ in range(50):
        await asyncio.sleep(0)


def test_a_camera_is_asked_for_its_frames_as_seldom_as_its_pictures_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock(mono=10.0)
    board, image = Board(clock), np.zeros((4, 4), np.uint8)

    # The loop's own share is 0.004 s a picture: whatever this machine takes for it is not measured.
    monkeypatch.setattr("edge_ocr.web.lens.time.thread_time", itertools.count(0.0, 0.004).__next__)

    async def make(_: Look) -> tuple[bytes, float]:
        return b"x", 0.03  # together, on one core: one in 1.7 s

    async def watch() -> list[float]:
        lens, came = Lens(board, "gate", make, Share(5.0, 1), set()), []
        pictures = lens.pictures()
        waiting = asyncio.ensure_future(anext(pictures))
        for number in range(60):
            await all_done()
            clock.advance(0.1)
            board.show("gate", Frame(image, clock.stamp(), number, "gate"))
            await all_done()
            if waiting.done():
                came.append(clock.monotonic())
                waiting = asyncio.ensure_future(anext(pictures))
        waiting.cancel()
        return came

    came = asyncio.run(watch())
    assert len(came) == 5
    assert all(1.65 < later - earlier < 1.85 for earlier, later in itertools.pairwise(came[1:]))


def test_pictures_go_on_after_one_that_cannot_be_made_and_after_frames_that_came_at_the_same_moment() -> None:
    clock = FakeClock(mono=10.0)
    board, image = Board(clock), np.zeros((4, 4), np.uint8)
    made = iter([ValueError("a mistake"), b"one", b"two"])

    async def make(_: Look) -> tuple[bytes, float]:
        one = next(made)
        if isinstance(one, Exception):
            raise one
        return one, 0.0

    async def picture(lens: Lens, pictures: AsyncGenerator[bytes, None]) -> bytes:
        waiting = asyncio.ensure_future(anext(pictures))
        for number in range(100):
            await all_done()
            clock.advance(1.0)
            # As the camera's thread leaves it behind if the loop takes the frame before in the middle of its call.
            lens._look = Look("gate", Frame(image, clock.stamp(), number, "gate"), ())
            board.show("gate", Frame(image, clock.stamp(), number, "gate"))
            if waiting.done():
                break
        return await asyncio.wait_for(waiting, 10)

    async def watch() -> list[bytes]:
        lens = Lens(board, "gate", make, Share(5.0, 1), set())
        async with aclosing(lens.pictures()) as pictures:
            return [await picture(lens, pictures), await picture(lens, pictures)]

    assert asyncio.run(watch()) == [b"one", b"two"]
