"""Recordings at their own pace."""

from __future__ import annotations

import numpy as np

from edge_ocr.camera.realtime import realtime
from edge_ocr.clock import FakeClock
from edge_ocr.types import Frame, Stamp


def recording(clock: FakeClock, count: int) -> list[Frame]:
    start = clock.stamp()
    times = [start.mono + number / 10 for number in range(count)]
    image = np.zeros((4, 4, 3), np.uint8)
    return [Frame(image, Stamp(at, 0.0, "b", synced=True), number, "x") for number, at in enumerate(times)]


def test_each_frame_comes_when_its_time_has_come() -> None:
    clock = FakeClock(mono=50)
    came = [round(clock.monotonic(), 3) for _ in realtime(recording(clock, 4), clock)]
    assert came == [50.0, 50.1, 50.2, 50.3]


def test_a_slow_reader_gets_every_frame_late() -> None:
    clock = FakeClock(mono=50)
    came = []
    for frame in realtime(recording(clock, 4), clock):
        came.append((frame.number, round(clock.monotonic(), 3)))
        clock.advance(1.0)
    assert came == [(0, 50.0), (1, 51.0), (2, 52.0), (3, 53.0)]
