"""Every program in the README and the guides runs: with a fake camera in the place of those that are not here."""

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
PROGRAMS = [
    program
    for page in (DOCS.parent / "README.md", *sorted((DOCS / "guide").glob("*.md")))
    for program in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
]
TABLES = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
CAMERAS = ("picamera2://0", "/dev/video0", "rtsp://10.0.0.5/stream", "http://10.0.0.7:8081/video")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the examples speak of: a clip, pictures, and the same as a camera gives them."""
    place = tmp_path_factory.mktemp("guide")
    shutil.copy(DOCS / "samples/clip.mp4", place / "clip.mp4")
    for folder in ("pictures", "dist", "new-models/plate"):
        (place / folder).mkdir(parents=True)
    (place / "dist/edge_ocr-1-cp311-abi3-linux_aarch64.whl").write_bytes(b"of a release")
    for name in ("model.toml", "model.tflite"):
        (place / "new-models/plate" / name).write_bytes(b"of a bundle")
    capture = cv2.VideoCapture(str(place / "clip.mp4"))
    shown = [picture for good, picture in iter(capture.read, (False, None)) if good]
    road = cv2.blur(shown[0], (255, 255))  # ... which is empty again when the car has gone
    for number, picture in enumerate([*shown[10:24:2], *[road] * 13]):
        cv2.imwrite(str(place / f"pictures/{number:02}.jpg"), picture)
    return place


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_every_example_runs_and_says_or_makes_something(
    program: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(here)
    for camera in CAMERAS:
        program = program.replace(camera, f"fake://{here}/pictures")
    given = {"image": cv2.imread(str(DOCS / "samples/street.jpg"))}  # the README's reader is asked about one
    exec(compile(program, "guide", "exec"), given)  # noqa: S102 -- the document's own programs
    made = here / "latest.zip"
    assert capsys.readouterr().out.strip() or made.is_file()
    made.unlink(missing_ok=True)


def test_there_is_an_example_for_every_kind_of_source() -> None:
    text = "\n".join(PROGRAMS)
    assert all(f'"{source}"' in text for source in (*CAMERAS, "clip.mp4", "pictures/*.jpg"))


@pytest.mark.parametrize("table", TABLES, ids=range(len(TABLES)))
def test_every_table_is_a_valid_configuration(table: str) -> None:
    tables = tomllib.loads(table)
    if "publish" in tables:
        tables["store"] = {"folder": "store"}  # destinations need one; the example shows what matters
    parse(tables, origin="guide")
