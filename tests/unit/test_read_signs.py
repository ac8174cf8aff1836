"""``edge-ocr read --kind sign`` from the image to the line of JSON, with a detector that is told where to look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge_ocr import cli, output
from edge_ocr.types import Kind, Quad, corners_of

if TYPE_CHECKING:
    from collections.abc import Callable

TINY = Path(__file__).parents[1] / "data/bundles/tiny"
PLACES = [(10, 17), (10, 5)]


@pytest.fixture(autouse=True)
def _bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny recogniser as the one for signs, and a detector that finds two lines below each other."""
    for name, task in (("sign", "recognise"), ("text-detector", "detect")):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        card = (TINY / "model.toml").read_text("utf-8").replace('kind = "plate"', 'kind = "sign"')
        card = card.replace('task = "recognise"', f'task = "{task}"').replace("[recognise]", f"[{task}]")
        (folder / "model.toml").write_text(card, encoding="utf-8")
        (folder / "model.tflite").write_bytes((TINY / "model.tflite").read_bytes())
    monkeypatch.setenv("EDGE_OCR_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("edge_ocr.reader.Detector", _finding)


def _finding(*_: object, **options: Any) -> Callable[[np.ndarray], list[Quad]]:
    corners = [corners_of([(x, y), (x + 32, y), (x + 32, y + 8), (x, y + 8)]) for x, y in PLACES]
    return lambda _: [Quad(corner, options["kind"], 0.9) for corner in corners]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A sign of two lines, as the tiny recogniser reads: AB above BA."""
    image = np.full((60, 120), 128, np.uint8)
    for columns, (x, y) in (("..   .....###...", PLACES[0]), ("..###......   ..", PLACES[1])):
        shades = np.array([{"#": 0, ".": 128, " ": 255}[column] for column in columns], np.uint8)
        image[y : y + 8, x : x + 32] = np.repeat(shades, 2)
    path = tmp_path / "sign.png"
    cv2.imwrite(str(path), image)
    return path


def read(picture: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> Any:
    assert cli.main(["read", "--kind", "sign", "--json", *flags, str(picture)]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_has_every_line_and_the_sign_that_they_make(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = read(picture, capsys)
    assert {reading["text"] for reading in result["readings"]} == {"AB", "BA"}
    (sign,) = result["signs"]
    assert sign["text"] == "AB BA"
    (entry,) = sign["entries"]
    assert (entry["name"], entry["distance"], entry["arrow"]) == ("AB BA", "", "")
    assert [quad[0] for quad in entry["quads"]] == [[10.0, 5.0], [10.0, 17.0]]
    assert (sign["quad"][0], sign["quad"][2]) == ([10.0, 5.0], [42.0, 25.0])
    assert 0 < sign["confidence"] <= min(reading["confidence"] for reading in result["readings"])


def test_a_crop_is_a_sign_of_one_line(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = cv2.imread(str(picture))[5:13, 10:42]
    cv2.imwrite(str(picture), line)
    result = read(picture, capsys, "--crop")
    assert [reading["text"] for reading in result["readings"]] == [sign["text"] for sign in result["signs"]] == ["AB"]


def test_other_kinds_have_no_signs(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", "--kind", "word", "--json", str(picture)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert "signs" not in result
    assert {reading["kind"] for reading in result["readings"]} == {str(Kind.WORD)}


def test_texts_of_signs_have_more_room_than_those_of_plates() -> None:
    style = output.Style(coloured=False)
    plates, seen = (output.read_table(["a.jpg"], style, kind=kind) for kind in (Kind.PLATE, Kind.SIGN))
    cells = dict.fromkeys(plates.titles, ("LIVING ROOM LOUNGE", None)) | {"FILE": ("a.jpg", None)}
    assert seen.row(cells) == f"a.jpg  {'LIVING ROOM LOUNGE':<32}  LIVING ROOM LOUNGE"
    assert "…OM LOUNGE" in plates.row(cells)


@pytest.mark.parametrize(("kind", "titles"), [("sign", "FILE TEXT SURE"), ("word", "FILE TEXT SURE OR")])
def test_columns_that_would_always_be_empty_are_left_out(kind: str, titles: str) -> None:
    table = output.read_table(["a.jpg"], output.Style(coloured=False), kind=Kind(kind))
    assert table.head().split() == titles.split()
    (line,) = output.read_lines(table, output.Result("a.jpg", (9, 9), {}, (), None))
    assert line.split() == ["a.jpg", "-", "nothing", "to", "read", "found"]


def test_people_see_a_line_for_each_sign(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", "--kind", "sign", str(picture)]) == 0
    _, row = capsys.readouterr().out.splitlines()
    assert "AB BA" in row
