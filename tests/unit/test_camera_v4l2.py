"""V4L2 cameras, with OpenCV and the kernel played by fakes: no module for a virtual device loads everywhere."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import cv2
import numpy as np
import pytest

from edge_ocr.camera import v4l2
from edge_ocr.camera.holders import holders
from edge_ocr.camera.slot import boot_nanoseconds
from edge_ocr.camera.v4l2 import V4l2Grabber
from edge_ocr.errors import SourceError
from edge_ocr.tables import CameraSettings

if TYPE_CHECKING:
    from collections.abc import Callable


class Capture:
    """Plays cv2.VideoCapture: 640x480 whatever is asked, each picture with its time by CLOCK_MONOTONIC."""

    def __init__(self, *, opens: bool = True, grabs: int = 2, decodes: bool = True) -> None:
        self.opens, self.grabs, self.decodes = opens, grabs, decodes
        self.set_to: dict[int, float] = {}
        self.released = False
        self.grabbed_at = 0.0

    def isOpened(self) -> bool:  # noqa: N802 -- OpenCV's name
        return self.opens

    def set(self, key: int, value: float) -> None:
        self.set_to[key] = value

    def get(self, key: int) -> float:
        known = {
            cv2.CAP_PROP_FRAME_WIDTH: 640.0,
            cv2.CAP_PROP_FRAME_HEIGHT: 480.0,
            cv2.CAP_PROP_FPS: 30.0,
            cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"MJPG")),
            cv2.CAP_PROP_POS_MSEC: self.grabbed_at,
        }
        return known[key]

    def grab(self) -> bool:
        self.grabs -= 1
        self.grabbed_at = time.monotonic() * 1000 - 20
        return self.grabs >= 0

    def retrieve(self) -> tuple[bool, Any]:
        return (True, np.zeros((480, 640, 3), np.uint8)) if self.decodes else (False, None)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file that answers VIDIOC_QUERYCAP as a camera."""
    path = tmp_path / "video0"
    path.touch()
    answers(monkeypatch, 0x80000001, 0x00000001)
    return str(path)


def answers(monkeypatch: pytest.MonkeyPatch, capabilities: int, device: int) -> None:
    said = v4l2._CAPABILITY.pack(b"uvcvideo", b"HD Webcam", b"usb-1", 1, capabilities, device)
    monkeypatch.setattr("fcntl.ioctl", lambda _file, request, _room: said if request == 0x80685600 else None)


def opened(device: str, capture: Capture, **settings: Any) -> V4l2Grabber:
    return V4l2Grabber(device, CameraSettings(**settings), capture=lambda _path, _seconds: capture)


def test_pictures_have_the_time_that_the_driver_gave_them(device: str) -> None:
    camera, times = opened(device, Capture()), []
    camera.read(1.0, lambda image, luma, at: times.append((image.shape, luma, boot_nanoseconds() - (at or 0))))
    shape, luma, age = times[0]
    assert shape == (480, 640, 3)
    assert luma is None
    assert 15e6 < age < 60e9  # arrival would be younger, another clock years off


def test_it_tells_what_it_got(device: str) -> None:
    assert opened(device, Capture()).told == "HD Webcam: 640x480 MJPG, 30 a second"


def test_wishes_are_set_and_large_pictures_are_asked_for_compressed(device: str) -> None:
    capture = Capture()
    opened(device, capture, width=1280, height=720, fps=15.0)
    assert capture.set_to == {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),
        cv2.CAP_PROP_FRAME_WIDTH: 1280,
        cv2.CAP_PROP_FRAME_HEIGHT: 720,
        cv2.CAP_PROP_FPS: 15.0,
    }
    capture = Capture()
    opened(device, capture, width=320, height=240)
    assert cv2.CAP_PROP_FOURCC not in capture.set_to


def test_no_picture_is_told_and_so_is_a_camera_that_has_gone(device: str) -> None:
    camera = opened(device, Capture(grabs=0))
    with pytest.raises(SourceError, match=r"video0 gave no picture for 0\.0 s; check the cable and the power"):
        camera.read(1.0, lambda *_: None)
    Path(device).unlink()
    with pytest.raises(SourceError, match="video0 was unplugged; check the cable"):
        camera.read(1.0, lambda *_: None)


def test_a_picture_that_cannot_be_decoded_is_garbage(device: str) -> None:
    with pytest.raises(ValueError, match="the picture cannot be decoded"):
        opened(device, Capture(decodes=False)).read(1.0, lambda *_: None)


def test_closing_releases_it(device: str) -> None:
    capture = Capture()
    opened(device, capture).close()
    assert capture.released


def test_a_device_that_opencv_cannot_open_is_busy(device: str) -> None:
    capture = Capture(opens=False)
    with pytest.raises(SourceError, match=r"does not open: it is in use.*or not ready; close the other program"):
        opened(device, capture)
    assert capture.released


@pytest.mark.parametrize("capabilities", [(0x84208000, 0x04208000), (0x00000002, 0)])
def test_a_codec_is_no_camera(device: str, monkeypatch: pytest.MonkeyPatch, capabilities: tuple[int, int]) -> None:
    answers(monkeypatch, *capabilities)
    with pytest.raises(SourceError, match="is no camera but another part of one, or a codec; "):
        opened(device, Capture())


def test_a_file_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    with pytest.raises(SourceError, match="video0 is no camera; th"):
        opened(str(tmp_path / "video0"), Capture())


def refusing(number: int) -> Callable[..., NoReturn]:
    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOENT, "no such device; th"),
        (errno.EACCES, "no permission; add the user to the group video"),
        (errno.EPERM, "no permission; the service's DeviceAllow="),
        (errno.EBUSY, "it is in use"),
        (errno.ENODEV, "the device was unplugged; plug it in again"),
        (errno.EIO, "Input/output error; check the camera"),
    ],
)
def test_why_a_device_does_not_open_is_told_with_the_cure(
    number: int, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v4l2.os, "open", refusing(number))
    with pytest.raises(SourceError) as caught:
        V4l2Grabber("/dev/video0", CameraSettings())
    assert str(caught.value).startswith(f"/dev/video0: {cure}")


def test_whoever_has_a_device_is_named(tmp_path: Path) -> None:
    for number, name, link in ((12, "motion", "/dev/video0"), (13, "bash", "/dev/tty1"), (14, "ffmpeg", "/dev/video0")):
        (tmp_path / f"{number}/fd").mkdir(parents=True)
        (tmp_path / f"{number}/comm").write_text(f"{name}\n")
        (tmp_path / f"{number}/fd/3").symlink_to(link)
    assert holders("/dev/video0", proc=tmp_path) == " by ffmpeg (process 14), motion (process 12)"
    assert holders("/dev/video9", proc=tmp_path) == ""
