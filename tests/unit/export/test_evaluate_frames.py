"""`read` measured on folders made of the samples: what is right, what else is read, and what is made up."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from export import evaluate_frames

SAMPLES = Path(__file__).parents[3] / "docs/samples"


@pytest.fixture
def street(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    shutil.copy(SAMPLES / "street.jpg", tmp_path / "images/street.jpg")
    return tmp_path


def text() -> str:
    return str(json.loads((SAMPLES / "expected.json").read_text("utf-8"))["street.jpg"][0])


def test_what_is_labelled_is_right_and_what_is_not_counts_beside_it(street: Path) -> None:
    (street / "labels.csv").write_text(f"image,x,y,w,h,text\nstreet.jpg,,,,,{text()}\n", encoding="utf-8")
    tally = evaluate_frames.evaluate_frames(street, ["ro"], folded=False)
    assert (tally.plates, tally.right, tally.readings) == (1, 1, 1)
    (street / "labels.csv").write_text("image,x,y,w,h,text\nstreet.jpg,,,,,OTHER1\n", encoding="utf-8")
    tally = evaluate_frames.evaluate_frames(street, ["ro"], folded=False)
    assert (tally.plates, tally.right, tally.readings) == (1, 0, 1)


def test_without_labels_all_that_is_read_is_made_up(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(street / "images/empty.png"), np.full((120, 160, 3), 90, np.uint8))
    parser = ArgumentParser()
    evaluate_frames.add_arguments(parser)
    assert evaluate_frames.run(parser.parse_args([str(street), "--region", "ro"])) == 0
    assert "1 texts made up in 2 pictures (0.500 a picture)" in capsys.readouterr().out
