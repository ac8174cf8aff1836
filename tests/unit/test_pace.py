"""The pace under load and heat, with a clock that is a number."""

from __future__ import annotations

import numpy as np
import pytest

from edge_ocr.pace import Pace
from edge_ocr.tables import PaceSettings
from edge_ocr.types import Frame, Stamp


class _Board:
    temperature: float | None = 50.0
    slowed = False
    looks = 0

    def heat(self) -> tuple[float | None, bool]:
        self.looks += 1
        return self.temperature, self.slowed


def _run(pace: Pace, start: float, seconds: float, *, work: float, fps: float = 10.0) -> tuple[int, float]:
    """Watch a camera that gives the newest of ``fps`` frames a second; how many were processed, and when it ended."""
    now, count, taken = start, 0, -1
    while now < start + seconds:
        now += pace.wait(now)
        number = int(now * fps)
        if number == taken:  # nothing new yet
            now = (number + 1.0001) / fps
            continue
        taken = number
        frame = Frame(np.zeros((1, 1), np.uint8), Stamp(number / fps, 0.0, "", synced=True), number, "gate")
        pace.took(frame, now, now + work)
        now, count = now + work, count + 1
    return count, now


def test_in_time_everything_is_read() -> None:
    pace = Pace(PaceSettings(), _Board().heat)
    assert _run(pace, 0, 10, work=0.03)[0] == pytest.approx(100, abs=2)
    assert pace.most_reads is None


def test_behind_time_fewer_texts_are_read_but_never_none() -> None:
    pace = Pace(PaceSettings(), _Board().heat)
    _run(pace, 0, 10, work=0.25)
    assert pace.most_reads == 1


def test_back_in_time_everything_is_read_again() -> None:
    pace = Pace(PaceSettings(), _Board().heat)
    _, now = _run(pace, 0, 10, work=0.25)
    _run(pace, now, 10, work=0.01)
    assert pace.most_reads is None


def test_the_rate_has_a_limit() -> None:
    pace = Pace(PaceSettings(max_fps=4.0), _Board().heat)
    assert _run(pace, 0, 10, work=0.01)[0] == pytest.approx(40, abs=2)


@pytest.mark.parametrize(("temperature", "slowed"), [(90.0, False), (50.0, True), (None, True)])
def test_a_board_that_is_hot_or_weak_is_given_rest_and_then_work_again(temperature: float | None, slowed: bool) -> None:
    board = _Board()
    pace = Pace(PaceSettings(), board.heat)
    before, now = _run(pace, 0, 10, work=0.02)
    board.temperature, board.slowed = temperature, slowed
    _, now = _run(pace, now, 20, work=0.02)
    hot, now = _run(pace, now, 10, work=0.02)
    board.temperature, board.slowed = 50.0, False
    _, now = _run(pace, now, 60, work=0.02)
    after, _ = _run(pace, now, 10, work=0.02)
    assert hot <= before / 4
    assert after == pytest.approx(before, abs=3)


def test_however_hot_it_is_some_frames_are_looked_at() -> None:
    board = _Board()
    board.temperature = 100.0
    pace = Pace(PaceSettings(min_fps=2.0), board.heat)
    _, now = _run(pace, 0, 60, work=0.02)
    assert _run(pace, now, 10, work=0.02)[0] >= 19


def test_just_below_the_limit_nothing_changes() -> None:
    board = _Board()
    pace = Pace(PaceSettings(warm_temperature=70.0), board.heat)
    board.temperature = 71.0
    pace.wait(0.0)
    assert pace.share == 0.5
    board.temperature = 68.0
    pace.wait(10.0)
    assert pace.share == 0.5
    board.temperature = 64.0
    pace.wait(20.0)
    assert pace.share == 0.75


def test_the_thermometer_is_looked_at_every_few_seconds() -> None:
    board = _Board()
    _run(Pace(PaceSettings(), board.heat), 0, 60, work=0.02)
    assert 10 <= board.looks <= 13
