"""The board: everything for who looks, and nothing for nobody."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_ocr import live
from edge_ocr.clock import FakeClock
from edge_ocr.live import Board, Glimpse, Look
from edge_ocr.types import Frame, Kind, Quad, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

QUAD = Quad(((100.0, 40.0), (200.0, 40.0), (200.0, 70.0), (100.0, 70.0)), Kind.PLATE, 0.9)
READING = Reading("AB123C", 0.95, Kind.PLATE, "nl", QUAD)


def frame(clock: FakeClock, number: int = 0, size: tuple[int, int] = (720, 1280)) -> Frame:
    image = np.random.default_rng(number).integers(0, 255, (*size, 3), np.uint8)
    return Frame(image, clock.stamp(), number, "gate")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(mono=10.0)


@pytest.fixture
def board(clock: FakeClock) -> Board:
    return Board(clock)


def test_a_frame_that_nobody_looks_at_is_not_kept_and_not_asked_about(board: Board, clock: FakeClock) -> None:
    def asked() -> Sequence[Reading]:
        raise AssertionError("nobody looks")

    shown = frame(clock)
    kept = weakref.ref(shown.image)
    board.show("gate", shown, asked)
    del shown
    assert kept() is None
    assert board.cameras["gate"].frames == 1


def test_who_looks_sees_every_frame_of_that_camera_until_they_leave(board: Board, clock: FakeClock) -> None:
    seen: list[Look] = []
    with board.looking("gate", seen.append):
        board.show("gate", frame(clock, 1), lambda: [READING])
        board.show("yard", frame(clock, 2))
    board.show("gate", frame(clock, 3))
    assert [(look.camera, look.frame.number, look.readings) for look in seen] == [("gate", 1, (READING,))]


def test_who_looks_seldom_costs_nothing_in_between(board: Board, clock: FakeClock) -> None:
    seen: list[Look] = []
    asked: list[int] = []
    with board.looking("gate", seen.append, every=0.2):
        for number in range(10):
            board.show("gate", frame(clock, number), lambda number=number: asked.append(number) or [])
            clock.advance(0.05)
    assert [look.frame.number for look in seen] == asked == [0, 4, 8]


def test_several_who_look_share_one_look(board: Board, clock: FakeClock) -> None:
    one: list[Look] = []
    two: list[Look] = []
    with board.looking("gate", one.append), board.looking("gate", two.append):
        board.show("gate", frame(clock))
    assert one[0] is two[0]


def test_glimpses_and_events_reach_who_listens(board: Board) -> None:
    heard: list[object] = []
    with board.listening(heard.append):
        board.preview("gate", READING)
        board.tell("an event")  # type: ignore[arg-type]  # whatever is told is handed on
    board.tell("another")  # type: ignore[arg-type]
    assert heard == [Glimpse("gate", READING, None), "an event"]


def test_the_latency_is_from_a_frames_stamp_until_it_is_shown(board: Board, clock: FakeClock) -> None:
    late = frame(clock)
    clock.advance(0.25)
    board.show("gate", late)
    assert board.cameras["gate"].latency == pytest.approx(0.25)
    board.ended("gate")
    assert board.cameras == {}


def test_coming_and_going_while_frames_are_shown_loses_nobody(board: Board, clock: FakeClock) -> None:
    steady: list[Look] = []
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            with board.looking("gate", lambda _: None):
                pass

    others = [threading.Thread(target=come_and_go) for _ in range(2)]
    shown = frame(clock, size=(8, 8))
    with board.looking("gate", steady.append):
        for other in others:
            other.start()
        for _ in range(2000):
            board.show("gate", shown)
        stop.set()
        for other in others:
            other.join(10)
    assert len(steady) == 2000
    board.show("gate", shown)
    assert len(steady) == 2000


def picture(look: Look, **how: bool) -> np.ndarray:
    data = live.jpeg(look, width=640, private=how.get("private", False))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def test_a_picture_is_no_wider_than_asked_for_and_shows_what_was_read(clock: FakeClock) -> None:
    shown = frame(clock)
    grey = Frame(np.full((720, 1280, 3), 90, np.uint8), shown.stamp, 0, "gate")
    plain, marked = picture(Look("gate", grey, ())), picture(Look("gate", grey, (READING,)))
    assert plain.shape == marked.shape == (360, 640, 3)
    changed = np.abs(plain.astype(int) - marked).max(axis=2) > 40
    assert changed[18:37, 48:102].any()
    assert not changed[200:].any()


def test_a_small_or_grey_picture_keeps_its_size(clock: FakeClock) -> None:
    small = Frame(np.full((100, 200), 90, np.uint8), clock.stamp(), 0, "gate")
    assert picture(Look("gate", small, ())).shape[:2] == (100, 200)


def test_a_private_picture_shows_no_character_and_tells_no_text(clock: FakeClock) -> None:
    image = np.full((720, 1280, 3), 200, np.uint8)
    cv2.putText(image, "AB123C", (102, 66), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2)
    look = Look("gate", Frame(image, clock.stamp(), 0, "gate"), (READING,))
    inside = np.s_[26:31, 58:94]
    shown = picture(look)[inside].astype(int)
    hidden = picture(look, private=True)[inside].astype(int)
    assert np.ptp(shown) > 150
    assert np.ptp(hidden) < 100
    assert image[60, 110:190].min() < 50, "the frame itself stays as it is"


def test_a_reading_at_the_edge_or_outside_of_a_private_picture_is_no_trouble(clock: FakeClock) -> None:
    corners = ((-50.0, -20.0), (-10.0, -20.0), (-10.0, -5.0), (-50.0, -5.0))
    outside = Reading("X", 0.5, Kind.PLATE, None, Quad(corners, Kind.PLATE, 0.5))
    assert picture(Look("gate", frame(clock), (outside, READING)), private=True).shape == (360, 640, 3)
