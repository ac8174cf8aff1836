"""`read` measured on folders made of the samples: what is right, what else is read, and what is made up."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest

from edge_ocr import Reader
from edge_ocr.types import Kind, Quad, Reading
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
    tally = evaluate_frames.evaluate_frames(street, Reader(regions=["ro"]), folded=False)
    assert (tally.texts, tally.right, tally.readings) == (1, 1, 1)
    (street / "labels.csv").write_text("image,x,y,w,h,text\nstreet.jpg,,,,,OTHER1\n", encoding="utf-8")
    tally = evaluate_frames.evaluate_frames(street, Reader(regions=["ro"]), folded=False)
    assert (tally.texts, tally.right, tally.readings) == (1, 0, 1)


def test_without_labels_all_that_is_read_is_made_up(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(street / "images/empty.png"), np.full((120, 160, 3), 90, np.uint8))
    parser = ArgumentParser()
    evaluate_frames.add_arguments(parser)
    assert evaluate_frames.run(parser.parse_args([str(street), "--region", "ro"])) == 0
    assert "1 texts made up in 2 pictures (0.500 a picture)" in capsys.readouterr().out


def test_a_word_counts_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/shop.png"), np.full((120, 160, 3), 90, np.uint8))
    labels = "image,x,y,w,h,text\nshop.png,10,10,40,20,Cafe\nshop.png,100,80,40,20,CAFE\n"
    (tmp_path / "labels.csv").write_text(labels, encoding="utf-8")

    class Words:
        kind = Kind.SIGN

        def read(self, image: object) -> list[Reading]:
            assert image is not None
            quad = Quad(((12, 11), (49, 12), (49, 30), (12, 29)), Kind.SIGN, 0.9)
            return [Reading("CAFE", 0.9, Kind.SIGN, None, quad)] * 2

    tally = evaluate_frames.evaluate_frames(tmp_path, cast("Reader", Words()), folded=False)
    assert (tally.texts, tally.right, tally.readings) == (2, 1, 2)
