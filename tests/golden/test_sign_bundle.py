"""A board read from the picture to the sign by the bundles that ship, as each kind reads it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import edge_ocr
from edge_ocr.signs import signs

TEXTS = {"HARBOUR": (340, 290), "STREET": (680, 290), "42": (340, 400)}


@pytest.fixture(scope="module")
def board() -> np.ndarray:
    """White on dark in a noisy place; the lettering is that of the installed OpenCV."""
    image = np.clip(np.random.default_rng(0).normal(150, 4, (720, 1280, 3)), 0, 255).astype(np.uint8)
    cv2.rectangle(image, (300, 200), (980, 440), (90, 50, 20), -1)
    for text, place in TEXTS.items():
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_DUPLEX, 2, (235, 235, 235), 4, cv2.LINE_AA)
    return image


def test_each_word_is_read_where_it_stands_and_put_together(board: np.ndarray) -> None:
    readings = edge_ocr.Reader("sign").read(board)
    assert {reading.text for reading in readings} == set(TEXTS)
    for reading in readings:
        x, y = TEXTS[reading.text]
        left, bottom = reading.quad.corners[3]
        assert abs(left - x) < 20
        assert abs(bottom - y) < 20
        assert reading.confidence > 0.7
    assert " ".join(sign.text for sign in signs(readings)).split() == list(TEXTS)


def test_kind_digits_reads_the_number_alone(board: np.ndarray) -> None:
    assert [reading.text for reading in edge_ocr.Reader("digits").read(board)] == ["42"]


def test_a_crop_is_a_line_whose_words_are_apart(board: np.ndarray) -> None:
    (line,) = edge_ocr.Reader("word").read(board[235:310, 325:965], crop=True)
    assert line.text == "HARBOUR STREET"


def test_a_list_of_names_settles_what_is_expected(board: np.ndarray) -> None:
    (line,) = edge_ocr.Reader("sign", words=["Harbour Street", "Market Place"]).read(board[235:310, 325:965], crop=True)
    assert line.text == "HARBOUR STREET"
    assert line.confidence > 0.9


def test_a_wall_without_words_says_nothing() -> None:
    wall = np.clip(np.random.default_rng(1).normal(120, 20, (480, 640, 3)), 0, 255).astype(np.uint8)
    assert edge_ocr.Reader("sign").read(wall) == []
