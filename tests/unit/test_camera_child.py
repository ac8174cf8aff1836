"""What a camera's process does with a camera, with a camera and a parent that play their parts."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_ocr.camera import child
from edge_ocr.camera.grab import HopelessError
from edge_ocr.camera.job import REOPEN, Job, Word, shown
from edge_ocr.camera.slot import boot_nanoseconds
from edge_ocr.errors import SourceError
from edge_ocr.tables import CameraSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edge_ocr.camera.grab import Take
    from edge_ocr.types import Image

JOB = Job("fake://", CameraSettings(deadline_seconds=100))
SMALL = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)


class Parent:
    """Notes what it is given, and gives commands."""

    def __init__(self, *commands: bytes) -> None:
        self.commands = list(commands)
        self.images: list[Image] = []
        self.lumas: list[Image | None] = []
        self.times: list[int] = []
        self.words: list[tuple[str, str]] = []

    def write(self, image: Image, luma: NDArray[np.uint8] | None, taken_at: int) -> None:
        if image.ndim == 1:
            raise ValueError("image is flat")
        self.images.append(image.copy())
        self.lumas.append(luma)
        self.times.append(taken_at)

    def say(self, word: Word) -> None:
        self.words.append((word.said, word.text))

    def command(self) -> bytes:
        return self.commands.pop(0) if self.commands else b""


class Camera:
    """Does one thing after the other, and then stands still."""

    told = "4x2"
    upright = False

    def __init__(self, *acts: Callable[[Take], None]) -> None:
        self.acts = list(acts)
        self.closed = 0

    def read(self, seconds: float, take: Take) -> None:
        if not self.acts:
            raise SourceError(f"no picture for {seconds:.2f} s")
        self.acts.pop(0)(take)

    def close(self) -> None:
        self.closed += 1


def give(image: Image = SMALL, luma: Image | None = None, at: int | None = None) -> Callable[[Take], None]:
    return lambda take: take(image, luma, at)


def test_pictures_are_written_until_the_camera_stands_still_and_then_it_is_closed() -> None:
    parent, camera = Parent(), Camera(give(), give())
    child.serve(JOB, parent, lambda _: camera)
    assert len(parent.images) == 2
    assert parent.words == [("opened", "4x2"), ("fault", "no picture for 70.00 s")]
    assert camera.closed == 1


def test_it_opens_again_when_told_and_ends_when_the_parent_has_gone() -> None:
    cameras = [Camera(give()), Camera(give(), give())]
    parent = Parent(REOPEN)
    child.serve(JOB, parent, lambda _: cameras.pop(0))
    assert len(parent.images) == 3
    assert [said for said, _ in parent.words] == ["opened", "fault", "opened", "fault"]


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (HopelessError("no picamera2"), ("hopeless", "no picamera2")),
        (SourceError("busy"), ("fault", "busy")),
        (RuntimeError("a\nb"), ("fault", "RuntimeError: a b; see whether another program can use the camera")),
    ],
)
def test_why_it_does_not_open_is_told(error: Exception, word: tuple[str, str]) -> None:
    def opener(_: Job) -> Camera:
        raise error

    parent = Parent()
    child.serve(JOB, parent, opener)
    assert parent.words == [word]


def test_a_row_of_garbage_is_left_out_and_told_once() -> None:
    flat = np.zeros(9, np.uint8)
    parent = Parent()
    child.serve(JOB, parent, lambda _: Camera(give(), give(flat), give(flat), give(), give(flat), give()))
    assert len(parent.images) == 3
    assert [said for said, _ in parent.words] == ["opened", "note", "fault"]
    assert parent.words[1][1] == "sends garbage (image is flat); such pictures are left out"


def test_garbage_alone_is_a_fault() -> None:
    def garbage(take: Take) -> None:
        time.sleep(0.02)
        take(np.zeros(9, np.uint8), None, None)

    parent = Parent()
    job = replace(JOB, settings=CameraSettings(deadline_seconds=0.2))
    child.serve(job, parent, lambda _: Camera(*[garbage] * 100))
    assert parent.words[-1][0] == "fault"
    assert "pictures in a row were garbage for 0.1 s; check the cable and the camera" in parent.words[-1][1]


def test_a_sensor_s_time_is_kept_where_it_can_be_true() -> None:
    now = boot_nanoseconds()
    parent = Parent()
    strange = (None, 5, now + 10**12, now - 10**12)
    child.serve(JOB, parent, lambda _: Camera(give(at=now - 40_000_000), *[give(at=at) for at in strange]))
    assert parent.times[0] == now - 40_000_000
    assert all(0 <= at - now < 5 * 10**9 for at in parent.times[1:])


@pytest.mark.parametrize(
    ("rotate", "flip", "expected"),
    [
        (0, "none", SMALL),
        (90, "none", np.rot90(SMALL, -1)),
        (180, "none", np.rot90(SMALL, 2)),
        (270, "none", np.rot90(SMALL)),
        (0, "horizontal", SMALL[:, ::-1]),
        (0, "vertical", SMALL[::-1]),
        (0, "both", SMALL[::-1, ::-1]),
        (90, "horizontal", np.rot90(SMALL, -1)[:, ::-1]),
    ],
)
def test_pictures_and_luma_are_turned_then_flipped(rotate: int, flip: str, expected: Image) -> None:
    job = replace(JOB, settings=replace(JOB.settings, rotate=rotate, flip=flip))
    parent = Parent()
    child.serve(job, parent, lambda _: Camera(give(luma=np.ascontiguousarray(SMALL[..., 0]))))
    np.testing.assert_array_equal(parent.images[0], expected)
    np.testing.assert_array_equal(parent.lumas[0], expected[..., 0])


def test_a_job_crosses_unchanged() -> None:
    job = Job("rtsp://u:p@h/ü", CameraSettings(width=640, height=480, password_file=Path("/etc/p"), exposure_us=900))
    assert Job.parse(job.line()) == job
    assert "\n" not in job.line()


def test_a_word_fits_into_a_pipe_whatever_it_says() -> None:
    for text in ("x" * 10_000, "\U0001f600" * 10_000, '"\\' * 10_000, "\n\0" * 10_000):
        line = Word("fault", text).line()
        assert len(line) <= 4096
        assert line.count(b"\n") == 1
        parsed = Word.parse(line)
        assert parsed is not None
        assert parsed.said == "fault"


@pytest.mark.parametrize("line", [b"", b"x", b"[]", b'{"said": 1}', b"\xff", b"null"])
def test_nonsense_from_a_child_is_not_a_word(line: bytes) -> None:
    assert Word.parse(line) is None


def test_logins_are_not_shown() -> None:
    assert shown("cannot open rtsp://a:b@h:1/x?y and http://c@d/") == "cannot open rtsp://***@h:1/x?y and http://***@d/"
