"""Our camera on the real picamera2, on libcamera's virtual camera; run by `make test-picamera`."""

from __future__ import annotations

import logging
import os
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_ocr.camera import open_camera
from edge_ocr.camera.picamera import PicameraGrabber
from edge_ocr.clock import SystemClock
from edge_ocr.errors import SourceError
from edge_ocr.tables import CameraSettings, RecoverySettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_ocr.camera import Camera
    from edge_ocr.types import Frame

CLOCK = SystemClock()
PATIENCE = 60.0
"""Seconds that nobody waits unless something is wrong: a machine that has other work is slow."""

SETTINGS = CameraSettings(
    width=640,
    height=480,
    luma_width=320,
    deadline_seconds=2,
    open_seconds=PATIENCE,
    recovery=RecoverySettings(settle_seconds=0.5, pause_seconds=0.1),
)


@pytest.fixture
def camera() -> Iterator[Camera]:
    with open_camera("picamera2://0", SETTINGS, name="gate", clock=CLOCK) as opened:
        yield opened


def frames(camera: Camera, count: int, seconds: float = PATIENCE) -> list[Frame]:
    end, got = time.monotonic() + seconds, []
    while len(got) < count and time.monotonic() < end:
        frame = camera.latest(0.5)
        if frame is not None:
            got.append(frame)
    assert len(got) == count, f"{len(got)} of {count} frames in {seconds} s; {camera.trouble}"
    return got


def test_frames_arrive_with_their_luma_and_their_time(camera: Camera) -> None:
    taken = frames(camera, 60)
    assert {frame.image.shape for frame in taken} == {(480, 640, 3)}
    assert {frame.luma.shape for frame in taken if frame.luma is not None} == {(240, 320)}
    assert all(0 <= CLOCK.monotonic() - frame.stamp.mono < PATIENCE for frame in taken)
    assert all(a.number < b.number and a.stamp.mono <= b.stamp.mono for a, b in pairwise(taken))
    assert taken[0].image.std() > 10, "the test pattern has colours"


def test_a_camera_that_starves_is_opened_again_and_recovers(camera: Camera, starve: Path) -> None:
    frames(camera, 10)
    starve.touch()
    end = time.monotonic() + PATIENCE
    while not camera.recoveries["reopen"] + camera.recoveries["restart"]:
        assert time.monotonic() < end, "nobody noticed"
        camera.latest(0.1)
    starve.unlink()
    frames(camera, 30)
    assert sum(camera.recoveries.values()) >= 1


def test_a_second_owner_is_told_that_it_is_in_use() -> None:
    # libcamera guards its virtual camera within one process only, so both owners are in this one.
    first = PicameraGrabber("picamera2://0", SETTINGS)
    try:
        with pytest.raises(SourceError, match=r"camera 0 is in use.*; close the other program"):
            PicameraGrabber("picamera2://0", SETTINGS)
    finally:
        first.close()


def test_closing_is_clean_and_another_can_open_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge_ocr.camera.live._CLOSE_SECONDS", 20.0)  # of 3, for a machine that has other work
    caplog.set_level(logging.INFO)
    before = descriptors()
    for _ in range(3):
        with open_camera("picamera2://0", SETTINGS, name="gate", clock=CLOCK) as opened:
            frames(opened, 3)
        assert "does not close its camera" not in caplog.text, "closed before its process had to be killed"
        assert not children()
    assert descriptors() == before


def test_a_camera_that_is_not_there_is_told() -> None:
    with open_camera("picamera2://7", SETTINGS, name="gate", clock=CLOCK) as opened:
        end = time.monotonic() + PATIENCE
        while opened.trouble is None:
            assert time.monotonic() < end
            opened.latest(0.1)
        assert opened.trouble.startswith("no camera 7: there are 1, counted from 0; check the ribbon cable")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
