"""Hostile inputs, given to the real program with the real models: each is read, or told in one line."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

DATA = Path(__file__).parents[1] / "data/images"


def encoded(suffix: str, image: np.ndarray) -> bytes:
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()


def picture(height: int = 60, width: int = 200) -> np.ndarray:
    image = np.full((height, width, 3), 230, np.uint8)
    cv2.putText(image, "AB 123 CD", (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 3)
    return image


def rotated(data: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF part that asks viewers to turn it."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x112, 3, 1, orientation, 0) + b"\0\0\0\0"
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def readable() -> dict[str, tuple[bytes, tuple[int, int]]]:
    """Every kind of image that is read, with the width and height that it must come out with."""
    image = picture()
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    jpeg = encoded(".jpg", image)
    alpha = np.dstack([image, grey])
    return {
        "plain.jpg": (jpeg, (200, 60)),
        "grey.png": (encoded(".png", grey), (200, 60)),
        "sixteen-bits.png": (encoded(".png", grey.astype(np.uint16) * 257), (200, 60)),
        "alpha.png": (encoded(".png", alpha), (200, 60)),
        "palette.png": ((DATA / "palette.png").read_bytes(), (64, 24)),
        "cmyk.jpg": ((DATA / "cmyk.jpg").read_bytes(), (64, 24)),
        "upright.jpg": (rotated(encoded(".jpg", np.rot90(image)), 6), (200, 60)),
        "a.webp": (encoded(".webp", image), (200, 60)),
        "a.tiff": (encoded(".tiff", image), (200, 60)),
        "a.bmp": (encoded(".bmp", image), (200, 60)),
        "one-pixel.png": (encoded(".png", image[:1, :1]), (1, 1)),
        "one-row.png": (encoded(".png", image[:1]), (200, 1)),
        "panorama.jpg": (encoded(".jpg", picture(1000, 12_000)), (12_000, 1000)),
        "trailing.jpg": (jpeg + b"more " * 100, (200, 60)),
        "png-inside.jpg": (encoded(".png", image), (200, 60)),
        "number-plate-č.jpg": (jpeg, (200, 60)),
        "two\nlines.jpg": (jpeg, (200, 60)),
        "-dash.jpg": (jpeg, (200, 60)),
        "[1]*.jpg": (jpeg, (200, 60)),
        os.fsdecode(b"not-utf8-\xff.jpg"): (jpeg, (200, 60)),
    }


def unreadable() -> dict[str, tuple[bytes, str]]:
    """Every kind of file that cannot be read, with what its error says."""
    image = picture()
    jpeg, whole = encoded(".jpg", image), encoded(".png", image)
    return {
        "empty.jpg": (b"", "the file is empty"),
        "text.jpg": (b"dear diary\n" * 50, "not an image"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], "the JPEG is cut off"),
        "cut.png": (whole[: len(whole) // 2], "the PNG is damaged or cut off"),
        "cut.tiff": (encoded(".tiff", image)[:500], "the TIFF is damaged or cut off"),
        "cut.webp": (encoded(".webp", image)[:300], "the WebP is damaged or cut off"),
        "head.jpg": (jpeg[:3], "the JPEG is cut off"),
        "flipped.png": (whole[:200] + b"????" + whole[204:], "the PNG is damaged or cut off"),
        "huge.png": (png(40_000, 40_000), "more pixels than allowed"),
        "wide.png": (png(2_000_000, 2), "the PNG is damaged or cut off"),
        "flat.png": (png(0, 0), "the PNG is damaged or cut off"),
        "clip.jpg": (b"\0\0\0\x20ftypisom" + bytes(500), "use 'edge-ocr watch'"),
        "phone.heic": (b"\0\0\0\x20ftypheic" + bytes(500), "does not decode HEIC"),
        "zeros.jpg": (bytes(5000), "not an image"),
    }


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge_ocr", "read", *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, errors="surrogateescape", timeout=100, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    for name, (data, _) in {**readable(), **unreadable()}.items():
        (folder / name).write_bytes(data)
    (folder / "nothing").mkdir()
    return folder


@pytest.fixture(scope="module")
def lines(folder: Path) -> list[dict[str, Any]]:
    """What one run over everything printed; that it ended well is part of every test."""
    more = ["missing.jpg", "nothing", "no*match.jpg", "/dev/zero", "a.webp/deeper.jpg"]
    shown = run("--json", "--", *readable(), *unreadable(), *more, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [line["path"] for line in lines] == [*readable(), *unreadable(), *more]
    errors = [line["error"] for line in lines if line["error"]]
    # One line each, in order, and not a word of libjpeg, libpng, libtiff or TensorFlow Lite between them.
    assert shown.stderr.splitlines() == [f"edge-ocr: {error}" for error in errors]
    return lines


@pytest.mark.parametrize("name", readable())
def test_these_are_read(lines: list[dict[str, Any]], name: str) -> None:
    line = next(line for line in lines if line["path"] == name)
    assert line["error"] is None
    assert (line["width"], line["height"]) == readable()[name][1]
    assert "detect" in line["ms"]


@pytest.mark.parametrize("name", unreadable())
def test_these_are_told_in_one_line_with_the_cure(lines: list[dict[str, Any]], name: str) -> None:
    line = next(line for line in lines if line["path"] == name)
    assert line["error"].startswith(f"{name}: ")
    assert unreadable()[name][1] in line["error"]
    assert "; " in line["error"]
    assert "\n" not in line["error"]
    assert (line["width"], line["height"], line["readings"]) == (None, None, [])


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("missing.jpg", "no such file"),
        ("nothing", "the folder holds no images"),
        ("no*match.jpg", "nothing matches"),
        ("/dev/zero", "more than 128 MiB"),
        ("a.webp/deeper.jpg", "not a directory"),
    ],
)
def test_where_no_image_is_the_reason_is_told(lines: list[dict[str, Any]], path: str, what: str) -> None:
    assert what in next(line for line in lines if line["path"] == path)["error"]


def test_an_animation_gives_its_first_picture_or_says_that_it_cannot(folder: Path) -> None:
    shown = run("--json", str(DATA / "animated.gif"), cwd=folder)
    (line,) = map(json.loads, shown.stdout.splitlines())
    if line["error"] is None:
        assert (line["width"], line["height"], shown.returncode) == (64, 24, 0)
    else:
        assert "does not decode GIF; save it as JPEG or PNG" in line["error"]
        assert shown.returncode == 1


def test_the_table_shows_what_was_read_and_stderr_the_rest(folder: Path) -> None:
    shown = run("plain.jpg", "empty.jpg", "two\nlines.jpg", "missing.jpg", cwd=folder)
    files = [line.split()[0] for line in shown.stdout.splitlines()]
    assert shown.returncode == 0
    assert files[0] == "FILE"
    assert "plain.jpg" in files
    assert "two\\nlines.jpg" in files
    assert len(shown.stderr.splitlines()) == 2


def test_a_file_without_the_right_to_read_it_is_told(folder: Path) -> None:
    (folder / "secret.jpg").write_bytes(readable()["plain.jpg"][0])
    (folder / "secret.jpg").chmod(0)
    shown = run("secret.jpg", cwd=folder)
    may_read = os.access(folder / "secret.jpg", os.R_OK)  # root may
    assert shown.returncode == (0 if may_read else 1)
    assert may_read or "secret.jpg: permission denied; check the name and your rights" in shown.stderr


def test_nothing_readable_at_all_is_exit_code_1(folder: Path) -> None:
    shown = run("--json", "empty.jpg", "missing.jpg", cwd=folder)
    assert (shown.returncode, len(shown.stdout.splitlines())) == (1, 2)


def test_an_image_through_a_pipe_is_read(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    data = readable()["plain.jpg"][0]
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(data))
    writer.start()
    shown = run("--json", "--crop", str(tmp_path / "pipe"), cwd=folder)
    writer.join(60)
    assert json.loads(shown.stdout)["width"] == 200


def test_annotated_pictures_of_the_same_name_do_not_replace_each_other(folder: Path, tmp_path: Path) -> None:
    shown = run("--annotate", str(tmp_path / "out"), "a.webp", "a.tiff", "empty.jpg", cwd=folder)
    assert shown.returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-2.jpg", "a.jpg"]


def test_a_folder_for_pictures_that_cannot_be_made_is_bad_usage(folder: Path) -> None:
    shown = run("--annotate", "plain.jpg/out", "plain.jpg", cwd=folder)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.startswith("edge-ocr: --annotate plain.jpg/out: ")


@pytest.mark.parametrize("kind", ["sign", "word", "digits"])
def test_other_kinds_read_the_same_images_with_bundles_of_their_own(folder: Path, kind: str) -> None:
    names = [name for name in readable() if name != "panorama.jpg"]
    shown = run("--kind", kind, "--json", "--", *names, "cut.png", cwd=folder)
    assert shown.returncode == 0
    *lines, cut = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [line["path"] for line in lines if line["error"] is None] == names
    assert {reading["kind"] for line in lines for reading in line["readings"]} == {kind}
    assert shown.stderr.splitlines() == [f"edge-ocr: {cut['error']}"]
