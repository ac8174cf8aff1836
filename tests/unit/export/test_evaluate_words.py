"""Words measured as ``edge-ocr read --crop`` reads them, on crops that the tiny recogniser can be worked out on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_ocr.bundle import load_bundle
from edge_ocr.reader import Reader
from edge_ocr.types import Kind
from export import evaluate_words

BUNDLE = replace(load_bundle(Path(__file__).parents[2] / "data/bundles/tiny", task="recognise"), kind=Kind.SIGN)
ALPHABET = BUNDLE.settings["alphabet"]


def text_of(columns: str, grey: int = 128) -> np.ndarray:
    """A picture of 8x32 on which the tiny recogniser sees '#' as A, ' ' as B and '.' as nothing."""
    shades = np.array([{"#": 0, ".": grey, " ": 255}[column] for column in columns], np.uint8)
    return np.tile(np.repeat(shades, 2), (8, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Crops of AB and BA; one is labelled otherwise, and one has no letter in its label."""
    (tmp_path / "images").mkdir()
    texts = {
        "0": ("..###......   ..", "ab"),
        "1": ("..   .....###...", "B-A"),
        "2": ("..###......   ..", "BB"),
        "3": ("." * 16, "!"),
    }
    rows = ["image,x,y,w,h,text"]
    for name, (columns, text) in texts.items():
        cv2.imwrite(str(tmp_path / f"images/{name}.png"), text_of(columns))
        rows.append(f"{name}.png,,,,,{text}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def test_case_and_punctuation_do_not_count_and_words_without_letters_are_left_out(folder: Path) -> None:
    looks = evaluate_words.look(BUNDLE, folder)
    made = evaluate_words.evaluate(looks, ALPHABET, name="some")
    assert [item.label for item in looks] == ["ab", "B-A", "BB"]
    assert made.free.exact == pytest.approx(2 / 3)
    assert made.lexicon.count == 3
    assert made.lines()[0].startswith("some: 3 crops")


def test_what_is_measured_is_what_the_reader_reads(folder: Path) -> None:
    reader = Reader("sign", bundle=BUNDLE)
    cv2.imwrite(str(folder / "images/0.png"), text_of("..###......   ..", 90))  # a doubt, so that it is looked at again
    looks = evaluate_words.look(BUNDLE, folder)
    for item, name in zip(looks, "012", strict=True):
        (read,) = reader.read(cv2.imread(str(folder / f"images/{name}.png")), crop=True)
        text, sure = evaluate_words._read(item, reader.grammar)
        assert (text, sure) == (read.text, pytest.approx(read.confidence))


def test_second_looks_are_paid_for(folder: Path) -> None:
    looks = evaluate_words.look(BUNDLE, folder)
    assert all(item.altogether >= item.first_look > 0 for item in looks)


def test_a_share_of_few_numbers_is_not_told(folder: Path) -> None:
    assert evaluate_words.numbers(evaluate_words.look(BUNDLE, folder), ALPHABET) == []
