"""The samples of ``make run``, end to end through the real stages and models, as a user starts them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import edge_ocr

README = Path(__file__).parents[2] / "README.md"
SAMPLES = README.parent / "docs" / "samples"
EXPECTED: dict[str, list[str]] = json.loads((SAMPLES / "expected.json").read_text("utf-8"))
PHOTOGRAPHS = [name for name in EXPECTED if name.endswith(".jpg")]
CLIP = "clip.mp4"
_LIMIT_SECONDS = 500  # an emulated board takes minutes for the clip


def run(*arguments: str) -> list[dict[str, Any]]:
    """The JSON lines of one command."""
    command = [sys.executable, "-m", "edge_ocr", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def reader() -> edge_ocr.Reader:
    return edge_ocr.Reader()


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photograph_gives_its_plates_and_nothing_else(reader: edge_ocr.Reader, name: str) -> None:
    readings = reader.read(cv2.imread(str(SAMPLES / name)))
    assert sorted(reading.text for reading in readings) == sorted(EXPECTED[name])
    assert {reading.region for reading in readings} == {"ro"}
    assert readings[0].confidence > 0.8


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_grey_photograph_gives_the_same_texts(reader: edge_ocr.Reader, name: str) -> None:
    grey = cv2.imread(str(SAMPLES / name), cv2.IMREAD_GRAYSCALE)
    assert sorted(reading.text for reading in reader.read(grey)) == sorted(EXPECTED[name])


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_plate_that_is_moved_is_found_where_it_went(reader: edge_ocr.Reader, name: str) -> None:
    image = cv2.imread(str(SAMPLES / name))
    before = np.array(reader.read(image)[0].quad.corners)
    moved = np.roll(image, (16, -24), axis=(0, 1))
    after = np.array(reader.read(moved)[0].quad.corners)
    assert np.abs(after - before - [-24, 16]).max() < 0.06 * np.ptp(before[:, 0])


def test_the_same_image_gives_the_same_readings_however_often_it_is_read(reader: edge_ocr.Reader) -> None:
    image = cv2.imread(str(SAMPLES / PHOTOGRAPHS[0]))
    assert reader.read(image) == reader.read(image) == edge_ocr.Reader().read(image)


def test_the_program_reads_what_the_library_reads(reader: edge_ocr.Reader) -> None:
    lines = run("read", "--json", *(str(SAMPLES / name) for name in PHOTOGRAPHS))
    assert [Path(line["path"]).name for line in lines] == PHOTOGRAPHS
    for line in lines:
        best = reader.read(cv2.imread(line["path"]))[0]
        assert line["readings"][0]["text"] == best.text
        assert line["readings"][0]["confidence"] == pytest.approx(best.confidence, abs=1e-3)


def test_the_readme_shows_what_is_read_today(reader: edge_ocr.Reader) -> None:
    shown = re.findall(
        r"^    \S*\s+(\w+) +(\d+)%  +(\w+)(?: +(?:\w+ \d+%,? ?)+)?$", README.read_text("utf-8"), re.MULTILINE
    )
    read = [reading for name in PHOTOGRAPHS for reading in reader.read(cv2.imread(str(SAMPLES / name)))]
    assert [(text, region) for text, _, region in shown] == [(reading.text, reading.region) for reading in read]
    for (_, sure, _), reading in zip(shown, read, strict=True):
        assert int(sure) / 100 == pytest.approx(reading.confidence, abs=0.05)


@pytest.mark.slow
def test_the_clip_is_one_event_with_its_crop(tmp_path: Path) -> None:
    (event,) = run("watch", "--json", "--store", str(tmp_path), str(SAMPLES / CLIP))
    assert [event["text"]] == EXPECTED[CLIP]
    assert event["reads"] > 20
    assert event["confidence"] > 0.9
    crop = cv2.imread(str(tmp_path / event["crop"]))
    assert crop.shape[1] > crop.shape[0]


def test_the_formats_of_the_country_are_found_among_all_others(reader: edge_ocr.Reader) -> None:
    narrow = edge_ocr.Reader(regions=["ro"])
    for name in PHOTOGRAPHS:
        image = cv2.imread(str(SAMPLES / name))
        assert {reading.text for reading in narrow.read(image)} == {reading.text for reading in reader.read(image)}
