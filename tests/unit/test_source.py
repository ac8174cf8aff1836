"""Any source as one: recordings to their end and in their time, a camera's newest frames."""

from __future__ import annotations

import itertools
from contextlib import closing
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_ocr.clock import FakeClock, SystemClock
from edge_ocr.errors import SourceError
from edge_ocr.source import open_source
from edge_ocr.tables import CameraSettings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((40, 60, 3), number, np.uint8))
    return str(tmp_path)


def test_a_recording_gives_every_frame_and_then_has_ended(pictures: str) -> None:
    with closing(open_source(CameraSettings(source=pictures), FakeClock())) as source:
        frames = [source.latest(1.0) for _ in range(6)]
        assert source.ended
        assert not source.live
    assert [frame and frame.number for frame in frames] == [0, 1, 2, 3, 4, None]
    assert frames[0].source == pictures


def test_a_recording_of_a_camera_has_its_name(pictures: str) -> None:
    with closing(open_source(CameraSettings(source=pictures), FakeClock(), name="gate")) as source:
        assert source.latest(1.0).source == "gate"


def test_in_real_time_frames_come_when_they_are_due_and_none_is_lost(pictures: str) -> None:
    clock = FakeClock(mono=100.0)
    with closing(open_source(CameraSettings(source=pictures), clock, realtime=True)) as source:
        came = []
        while not source.ended:
            begin = clock.monotonic()
            frame = source.latest(0.03)
            assert clock.monotonic() - begin <= 0.03 + 1e-9
            if frame is not None:
                came.append((frame.number, round(clock.monotonic() - 100, 3)))
    assert came == [(0, 0.0), (1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)]


def test_whoever_is_late_gets_all_frames_at_once(pictures: str) -> None:
    clock = FakeClock(mono=100.0)
    with closing(open_source(CameraSettings(source=pictures), clock, realtime=True)) as source:
        clock.advance(60)
        assert [source.latest(1.0).number for _ in range(5)] == [0, 1, 2, 3, 4]


def test_a_closed_recording_has_ended(pictures: str) -> None:
    source = open_source(CameraSettings(source=pictures), FakeClock())
    source.latest(1.0)
    source.close()
    source.close()
    assert source.ended
    assert source.latest(1.0) is None


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    source = open_source(CameraSettings(source=str(tmp_path / "none.mp4")), FakeClock())
    with pytest.raises(SourceError, match=r"none\.mp4: no such file"):
        source.latest(1.0)


def test_a_camera_goes_on_and_gives_its_newest(pictures: str) -> None:
    with closing(open_source(CameraSettings(name="yard", source=f"fake://{pictures}"), SystemClock())) as source:
        some = (source.latest(0.1) for _ in range(200))
        frames = list(itertools.islice((frame for frame in some if frame is not None), 3))
        assert len(frames) == 3
        assert (source.live, source.ended) == (True, False)
        assert {frame.source for frame in frames} == {"yard"}
        assert source.dropped >= 0
        assert not any(source.recoveries.values())
