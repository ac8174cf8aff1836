"""The examples of the guide to watching run: with a fake camera in the place of those that are not here."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import cv2
import pytest

from edge_ocr.config import parse

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "guide/watching.md").read_text("utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
TABLES = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
CAMERAS = ("picamera2://0", "/dev/video0", "rtsp://10.0.0.5/stream", "http://10.0.0.7:8081/video")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the examples speak of: a clip, pictures, and the same as a camera gives them."""
    place = tmp_path_factory.mktemp("guide")
    shutil.copy(DOCS / "samples/clip.mp4", place / "clip.mp4")
    (place / "pictures").mkdir()
    capture = cv2.VideoCapture(str(place / "clip.mp4"))
    shown = [picture for good, picture in iter(capture.read, (False, None)) if good]
    road = cv2.blur(shown[0], (255, 255))  # ... which is empty again when the car has gone
    for number, picture in enumerate([*shown[10:24:2], *[road] * 13]):
        cv2.imwrite(str(place / f"pictures/{number:02}.jpg"), picture)
    return place


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_every_example_runs_and_reads(
    program: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(here)
    for camera in CAMERAS:
        program = program.replace(camera, f"fake://{here}/pictures")
    exec(compile(program, "guide", "exec"), {})  # noqa: S102 -- the document's own programs
    said = capsys.readouterr().out
    assert said.strip()


def test_there_is_an_example_for_every_kind_of_source() -> None:
    text = "\n".join(PROGRAMS)
    assert all(f'"{source}"' in text for source in (*CAMERAS, "clip.mp4", "pictures/*.jpg"))


@pytest.mark.parametrize("table", TABLES, ids=range(len(TABLES)))
def test_every_table_is_a_valid_configuration(table: str) -> None:
    tables = tomllib.loads(table)
    if "publish" in tables:
        tables["store"] = {"folder": "store"}  # destinations need one; the example shows what matters
    parse(tables, origin="guide")
