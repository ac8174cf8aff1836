"""The scripted camera: pictures and faults as its script says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_ocr.camera import fake
from edge_ocr.camera.fake import FakeGrabber
from edge_ocr.camera.grab import HopelessError
from edge_ocr.clock import FakeClock
from edge_ocr.errors import SourceError
from edge_ocr.tables import CameraSettings

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.types import Image

SETTINGS = CameraSettings(width=64, height=48, luma_width=64)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """What the camera takes for the time."""
    clock = FakeClock()
    monkeypatch.setattr(fake, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep))
    return clock


def images(camera: FakeGrabber, count: int) -> list[Image]:
    taken: list[Image] = []
    for _ in range(count):
        camera.read(1.0, lambda image, _luma, _at: taken.append(image.copy()))
    return taken


def test_something_moves_before_something_that_does_not() -> None:
    first, second = images(FakeGrabber("fake://?pace=off", SETTINGS), 2)
    assert first.shape == (48, 64, 3)
    moved = (first != second).any(axis=2).mean()
    assert 0 < moved < 0.5


def test_pictures_come_at_the_rate_of_the_settings(clock: FakeClock) -> None:
    camera = FakeGrabber("fake://", CameraSettings(width=64, height=48, fps=100))
    images(camera, 20)
    assert clock.monotonic() == pytest.approx(0.2)


def test_given_pictures_come_in_turn(tmp_path: Path) -> None:
    for shade in (10, 200):
        cv2.imwrite(str(tmp_path / f"{shade}.png"), np.full((20, 30, 3), shade, np.uint8))
    taken = images(FakeGrabber(f"fake://{tmp_path}?pace=off", SETTINGS), 4)
    assert [int(image[0, 0, 0]) for image in taken] == [200, 10, 200, 10]
    assert taken[0].shape == (20, 30, 3)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none: no such file or directory; check the name"):
        FakeGrabber(f"fake://{tmp_path}/none", SETTINGS)


def test_luma_is_a_smaller_green() -> None:
    camera = FakeGrabber("fake://?pace=off", CameraSettings(width=640, height=480, luma_width=320))
    shapes = []
    camera.read(1.0, lambda image, luma, _: shapes.append((image.shape, None if luma is None else luma.shape)))
    assert shapes == [((480, 640, 3), (240, 320))]


def test_a_script_runs_and_begins_again() -> None:
    camera = FakeGrabber("fake://?pace=off&script=run:2,size:32x16,run:1,garbage:2,size:64x48", SETTINGS)
    shapes = [image.shape for image in images(camera, 7)]
    good, small, garbage = (48, 64, 3), (16, 32, 3), (16 * 32 * 3 // 2,)
    assert shapes == [good, good, small, garbage, garbage, good, good]


def test_unplugging_is_a_fault() -> None:
    camera = FakeGrabber("fake://?pace=off&script=run:1,unplug", SETTINGS)
    images(camera, 1)
    with pytest.raises(SourceError, match="was unplugged"):
        images(camera, 1)


def test_freezing_is_no_picture_in_time_and_a_short_hang_is_only_late(clock: FakeClock) -> None:
    camera = FakeGrabber("fake://?pace=off&script=freeze:0.05,run:1,freeze", SETTINGS)
    images(camera, 2)
    assert clock.monotonic() == pytest.approx(0.05)
    with pytest.raises(SourceError, match=r"no picture for 0\.1 s"):
        camera.read(0.1, lambda *_: None)
    assert clock.monotonic() == pytest.approx(0.15)


def test_slow_pictures_come_ten_times_slower(clock: FakeClock) -> None:
    camera = FakeGrabber("fake://?script=slow:2", CameraSettings(width=64, height=48, fps=100))
    images(camera, 2)
    assert clock.monotonic() == pytest.approx(0.2)


def test_an_order_in_the_file_is_carried_out_once(tmp_path: Path) -> None:
    orders = tmp_path / "orders"
    camera = FakeGrabber(f"fake://?pace=off&commands={orders}", SETTINGS)
    images(camera, 1)
    orders.write_text("garbage:2")
    assert images(camera, 1)[0].ndim == 3, "half an order is none"
    orders.write_text("garbage:2\n")
    assert [image.ndim for image in images(camera, 3)] == [1, 1, 3]
    assert not orders.exists()


def test_an_order_that_makes_no_sense_is_told(tmp_path: Path) -> None:
    orders = tmp_path / "orders"
    orders.write_text("jump\n")
    with pytest.raises(SourceError, match="cannot be obeyed"):
        images(FakeGrabber(f"fake://?commands={orders}", SETTINGS), 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jump",
        "run:x",
        "size:5",
        "size:0x9",
        "size:99999x9",
        "die:3",
        "unplug:1",
        "freeze:x",
        "run:0",
        "freeze:-1",
        "deaf:nan",
    ],
)
def test_a_step_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(HopelessError, match="its steps are run:N, garbage:N"):
        FakeGrabber(f"fake://?script={text}", SETTINGS)
