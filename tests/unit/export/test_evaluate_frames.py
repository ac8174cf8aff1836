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


class Saying:
    """A reader that finds the same texts in every picture, all at 12, 11 to 49, 30."""

    def __init__(self, *texts: str, kind: Kind = Kind.PLATE) -> None:
        self.kind, self._texts = kind, texts

    def read(self, image: object) -> list[Reading]:
        """The readings, whatever the picture."""
        assert image is not None
        quad = Quad(((12, 11), (49, 12), (49, 30), (12, 29)), self.kind, 0.9)
        return [Reading(text, 0.9, self.kind, None, quad) for text in self._texts]

    def reader(self) -> Reader:
        """As the type that is asked for."""
        return cast("Reader", self)


def blank(folder: Path, rows: list[str]) -> None:
    """A folder with a picture of nothing and these labels."""
    (folder / "images").mkdir()
    cv2.imwrite(str(folder / "images/shop.png"), np.full((120, 160, 3), 90, np.uint8))
    (folder / "labels.csv").write_text("\n".join(["image,x,y,w,h,text", *rows, ""]), encoding="utf-8")


def text() -> str:
    return str(json.loads((SAMPLES / "expected.json").read_text("utf-8"))["street.jpg"][0])


def test_what_is_labelled_is_right_and_what_is_not_counts_beside_it(street: Path) -> None:
    (street / "labels.csv").write_text(f"image,x,y,w,h,text\nstreet.jpg,,,,,{text()}\n", encoding="utf-8")
    tally = evaluate_frames.evaluate_frames(street, Reader(regions=["ro"]))
    assert (tally.texts, tally.right, tally.alike, tally.readings) == (1, 1, 1, 1)
    (street / "labels.csv").write_text("image,x,y,w,h,text\nstreet.jpg,,,,,OTHER1\n", encoding="utf-8")
    tally = evaluate_frames.evaluate_frames(street, Reader(regions=["ro"]))
    assert (tally.texts, tally.right, tally.alike, tally.readings) == (1, 0, 0, 1)


def test_without_labels_all_that_is_read_is_made_up(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(street / "images/empty.png"), np.full((120, 160, 3), 90, np.uint8))
    parser = ArgumentParser()
    evaluate_frames.add_arguments(parser)
    assert evaluate_frames.run(parser.parse_args([str(street), "--region", "ro"])) == 0
    assert "1 texts made up in 2 pictures (0.500 a picture)" in capsys.readouterr().out


def test_a_word_counts_where_it_stands(tmp_path: Path) -> None:
    blank(tmp_path, ["shop.png,10,10,40,20,Cafe", "shop.png,100,80,40,20,CAFE"])
    tally = evaluate_frames.evaluate_frames(tmp_path, Saying("CAFE", "CAFE", kind=Kind.SIGN).reader())
    assert (tally.texts, tally.right, tally.alike, tally.readings) == (2, 1, 1, 2)


def test_plates_are_counted_both_ways(tmp_path: Path) -> None:
    blank(tmp_path, ["shop.png,,,,,AB10", "shop.png,,,,,CD20"])
    tally = evaluate_frames.evaluate_frames(tmp_path, Saying("ABIO", "CD20", "XX").reader())
    assert (tally.texts, tally.right, tally.alike, tally.readings) == (2, 1, 2, 3)
    line = tally.line("some", Kind.PLATE)
    assert line.startswith("some: 1 of 2 right (50.0%), 2 (100.0%) with O as 0 and I as 1, 1 other readings, ")


def test_boxes_without_a_text_are_left_out_with_what_is_read_there(tmp_path: Path) -> None:
    blank(tmp_path, ["shop.png,10,10,40,20,", "shop.png,100,80,40,20,"])
    tally = evaluate_frames.evaluate_frames(tmp_path, Saying("AB10", "CD20").reader())
    assert (tally.texts, tally.unknown, tally.right, tally.readings) == (0, 2, 0, 0)
    assert tally.line("some", Kind.PLATE).startswith(
        "some: no texts, 2 boxes without a text left out, 0 other readings, "
    )


def test_a_folder_that_lists_nothing_is_refused(tmp_path: Path) -> None:
    blank(tmp_path, [])
    with pytest.raises(ValueError, match="lists no pictures"):
        evaluate_frames.evaluate_frames(tmp_path, Saying().reader())


def test_regions_of_signs_are_refused_in_one_line(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    evaluate_frames.add_arguments(parser)
    assert evaluate_frames.run(parser.parse_args([str(street), "--kind", "sign", "--region", "us"])) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("--region names formats of plates")


def test_a_language_of_plates_is_refused_in_one_line(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    evaluate_frames.add_arguments(parser)
    assert evaluate_frames.run(parser.parse_args([str(street), "--language", "en"])) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("--language is for signs")


def test_the_least_confidence_of_a_reading_may_be_told(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    evaluate_frames.add_arguments(parser)
    for least, right in (("0.3", "1 texts made up"), ("1", "0 texts made up")):
        arguments = [str(street), "--region", "ro", "--min-confidence", least]
        assert evaluate_frames.run(parser.parse_args(arguments)) == 0
        assert right in capsys.readouterr().out
