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
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
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
