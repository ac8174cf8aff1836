"""Finding and decoding images and recordings."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import pytest

from edge_ocr.camera import files
from edge_ocr.errors import SourceError
from edge_ocr.types import Stamp

START = Stamp(mono=100.0, wall=1_700_000_000.0, boot_id="boot", synced=True)


def write_image(path: Path, *, shade: int = 100, size: tuple[int, int] = (24, 32)) -> Path:
    done, data = cv2.imencode(path.suffix, np.full((*size, 3), shade, np.uint8))
    assert done
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())
    return path


def write_clip(path: Path, *, frames: int, rate: float = 10.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 20 * number % 256, np.uint8))
    writer.release()
    return path


def test_a_folder_gives_its_images_in_natural_order(tmp_path: Path) -> None:
    for name in ("b10.png", "b9.PNG", "a.jpg", "notes.txt", "clip.avi", "sub/c.png", ".hidden.png"):
        write_image(tmp_path / "x.png").rename((tmp_path / name).parent.mkdir(exist_ok=True) or tmp_path / name)
    assert [path.name for path in files.images(str(tmp_path))] == ["a.jpg", "b9.PNG", "b10.png"]


def test_a_glob_gives_its_files_in_natural_order_and_goes_into_folders_where_asked(tmp_path: Path) -> None:
    for name in ("2.png", "10.png", "deep/er/1.png"):
        write_image(tmp_path / name)
    assert [path.name for path in files.images(f"{tmp_path}/*.png")] == ["2.png", "10.png"]
    assert len(files.images(f"{tmp_path}/**/*.png")) == 3


def test_a_file_whose_name_looks_like_a_glob_is_a_file(tmp_path: Path) -> None:
    write_image(tmp_path / "a1.png")
    odd = write_image(tmp_path / "a[1].png")
    assert files.images(str(odd)) == [odd]


def test_a_file_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png").rename(tmp_path / "a.dat")
    assert files.images(str(path)) == [path]


@pytest.mark.parametrize(
    ("path", "what"),
    [("", "holds no images"), ("*.jpg", "nothing matches")],
)
def test_where_nothing_is_there_the_error_says_so(tmp_path: Path, path: str, what: str) -> None:
    with pytest.raises(SourceError, match=what):
        files.images(f"{tmp_path}/{path}")


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="the name of the images is empty; give"):
        files.images("")
    with pytest.raises(SourceError, match="the name of the images or recordings is empty; give"):
        list(files.frames("", start=START))


def test_decoding_gives_colour_upright_and_as_it_was(tmp_path: Path) -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = (10, 20, 30)
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    assert np.array_equal(files.load(tmp_path / "a.png"), image)


def test_a_message_is_one_line_even_for_a_name_with_a_line_break(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        files.load(tmp_path / "two\nlines.jpg")
    assert "two\\nlines.jpg: no such file" in str(caught.value)
    assert "\n" not in str(caught.value)


class Denied(type(Path())):
    """A path that the system lets nobody open, not even root."""

    def open(self, *_: object, **__: object) -> NoReturn:
        """Refuse."""
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_without_the_right_to_read_the_systems_own_reason_is_told() -> None:
    with pytest.raises(SourceError, match=r"^/secret\.jpg: permission denied; check the name and your rights$"):
        files.load(Denied("/secret.jpg"))


def test_a_name_that_no_system_takes_is_an_error() -> None:
    with pytest.raises(SourceError, match="embedded null byte"):
        files.load(Path("a\0b.jpg"))


def test_an_endless_file_is_left_after_its_limit() -> None:
    with pytest.raises(SourceError, match="/dev/zero: more than 128 MiB"):
        files.load(Path("/dev/zero"))


def test_a_recording_gives_its_frames_by_its_own_time(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", frames=6)
    frames = list(files.frames(str(clip), start=START))
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert [frame.stamp.mono for frame in frames] == pytest.approx([100.0, 100.1, 100.2, 100.3, 100.4, 100.5])
    assert [frame.stamp.wall - START.wall for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert {frame.source for frame in frames} == {str(clip)}
    assert [round(float(frame.image.mean()) / 20) for frame in frames] == [0, 1, 2, 3, 4, 5]


def test_a_folder_of_recordings_gives_one_after_the_other(tmp_path: Path) -> None:
    first, second = write_clip(tmp_path / "1.avi", frames=3), write_clip(tmp_path / "2.avi", frames=2)
    frames = list(files.frames(str(tmp_path), start=START))
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.source for frame in frames] == [str(first)] * 3 + [str(second)] * 2
    assert [frame.stamp.mono for frame in frames] == pytest.approx([100.0, 100.1, 100.2, 100.3, 100.4])


def test_a_folder_of_images_is_one_recording(tmp_path: Path) -> None:
    for number in range(3):
        write_image(tmp_path / f"{number}.png")
    frames = list(files.frames(str(tmp_path), start=START))
    assert {frame.source for frame in frames} == {str(tmp_path)}
    assert [frame.stamp.mono for frame in frames] == pytest.approx([100.0, 100.1, 100.2])


def test_a_broken_file_among_good_ones_is_told_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_image(tmp_path / "1.png")
    (tmp_path / "2.png").write_text("no image")
    write_image(tmp_path / "3.png")
    with caplog.at_level(logging.WARNING):
        frames = list(files.frames(str(tmp_path), start=START))
    assert [frame.number for frame in frames] == [0, 1]
    assert "2.png: " in caplog.text


def test_a_source_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.mp4").write_text("no recording")
    with pytest.raises(SourceError, match="none of its 2 files"):
        list(files.frames(str(tmp_path), start=START))


@pytest.mark.parametrize(("name", "what"), [("x.mp4", "neither an image nor a recording"), ("x.png", "neither")])
def test_a_file_that_is_no_recording_is_an_error(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / name).write_text("text " * 300)
    with pytest.raises(SourceError, match=what):
        list(files.frames(str(tmp_path / name), start=START))


def test_a_recording_that_gives_no_frame_is_told_from_what_is_none(tmp_path: Path) -> None:
    clip = (Path(__file__).parents[2] / "docs/samples/clip.mp4").read_bytes()
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "cut.mp4").write_bytes(clip[: len(clip) // 2])
    with pytest.raises(SourceError, match=r"empty\.mp4: the file is empty; copy it again$"):
        list(files.frames(str(tmp_path / "empty.mp4"), start=START))
    with pytest.raises(SourceError, match=r"cut\.mp4: the recording is cut off, or its codec .*; copy it again, or"):
        list(files.frames(str(tmp_path / "cut.mp4"), start=START))


def test_a_pipe_is_not_watched_and_not_said_to_be_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(SourceError, match=f"^{path}: neither a file nor a folder; record into a file"):
            list(files.frames(str(path), start=START))


def test_a_recording_that_ends_long_before_its_end_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = write_clip(tmp_path / "whole.avi", frames=40)
    half = tmp_path / "two\nhalves.avi"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        assert len(list(files.frames(str(whole), start=START))) == 40
        assert not caplog.records
        count = len(list(files.frames(str(half), start=START)))
    (record,) = caplog.records
    what = f"ends after {count} of about 40 frames; if it is cut off, copy it again"
    assert 0 < count < 36
    assert record.getMessage() == f"{tmp_path}/two\\nhalves.avi: {what}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_a_tiff_of_wide_values_is_not_said_to_be_damaged(tmp_path: Path, dtype: type) -> None:
    data = cv2.imencode(".tiff", np.ones((20, 30), dtype))[1].tobytes()
    (tmp_path / "a.tiff").write_bytes(data)
    what = rf"holds {dtype.__name__} values, which OpenCV does not bring to 8 bits; save it with 8 or 16 bits"
    with pytest.raises(SourceError, match=what):
        files.load(tmp_path / "a.tiff")


def test_a_missing_recording_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        list(files.frames(str(tmp_path / "none.mp4"), start=START))


def test_a_recording_lets_go_of_its_file_when_the_rest_is_not_wanted(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", frames=4)

    def is_open() -> bool:
        links = (item for item in Path("/proc/self/fd").iterdir() if item.is_symlink())
        return str(clip) in {str(link.readlink()) for link in links if link.exists()}

    frames = files.frames(str(clip), start=START)
    next(frames)
    assert is_open()
    frames.close()
    assert not is_open()


class Played:
    """In the place of OpenCV's capture: four frames at the seconds and the rate that a test says."""

    def __init__(self, seconds: list[float], rate: float) -> None:
        self._seconds, self._rate, self._place = seconds, rate, -1

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Always."""
        return True

    def get(self, what: int) -> float:
        """The rate, the moment of the frame that was read last; of all else nothing is known."""
        moment = 1000 * self._seconds[max(0, min(self._place, len(self._seconds) - 1))]
        return {cv2.CAP_PROP_FPS: self._rate, cv2.CAP_PROP_POS_MSEC: moment}.get(what, 0.0)

    def read(self) -> tuple[bool, np.ndarray | None]:
        """The next frame."""
        self._place += 1
        return (True, np.zeros((4, 4, 3), np.uint8)) if self._place < len(self._seconds) else (False, None)

    def release(self) -> None:
        """Nothing is held."""


def moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: list[float], rate: float) -> list[float]:
    """The seconds at which the frames of such a recording are stamped."""
    clip = write_clip(tmp_path / "clip.avi", frames=1)
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Played(seconds, rate))
    return [frame.stamp.mono - START.mono for frame in files.frames(str(clip), start=START)]


@pytest.mark.parametrize(
    ("told", "stamped"),
    [
        ([0, 0.1, 0.35, 0.4], [0, 0.1, 0.35, 0.4]),  # a variable rate is kept
        ([0, 0, 0, 0], [0, 0.1, 0.2, 0.3]),  # no times at all
        ([0, 0.1, 0, 0.3], [0, 0.1, 0.2, 0.3]),  # a jump back
        ([5, 5.1, 0, 0], [5, 5.1, 5.2, 5.3]),  # a jump back for good
    ],
)
def test_the_time_of_a_recording_never_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[float], stamped: list[float]
) -> None:
    assert moments(tmp_path, monkeypatch, told, 10.0) == pytest.approx(stamped)


@pytest.mark.parametrize("rate", [0.0, -1.0, 90_000.0, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_taken_for_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: float
) -> None:
    assert moments(tmp_path, monkeypatch, [0, 0, 0], rate) == pytest.approx([0, 0.04, 0.08])


@pytest.mark.parametrize("name", ["img_%d.png", "img_%03d.jpg", "img_%d"])
def test_a_recording_that_is_called_like_a_series_gives_no_other_files(tmp_path: Path, name: str) -> None:
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"img_{number}.png"), np.full((32, 32, 3), 40 * number, np.uint8))
        cv2.imwrite(str(tmp_path / f"img_00{number}.jpg"), np.full((32, 32, 3), 40 * number, np.uint8))
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))  # a recording by its first bytes
    with pytest.raises(SourceError, match="FFmpeg would read other files, numbered as it says; rename it"):
        list(files.frames(str(tmp_path / name), start=Stamp(0.0, 0.0, "boot", synced=True)))


@pytest.mark.parametrize("name", ["rtsp:x", "http:clip.avi", "clip_%d.avi", "concat:a|b.avi"])
def test_a_recording_whose_name_looks_like_an_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(Path("clip.avi"), frames=2).rename(name)
    assert len(list(files.frames(name, start=START))) == 2
