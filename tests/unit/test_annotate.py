"""Pictures with what was read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_ocr import annotate
from edge_ocr.errors import SourceError
from edge_ocr.types import Kind, Quad, Reading, corners_of

if TYPE_CHECKING:
    from pathlib import Path


def reading_at(x: float, y: float, w: float, h: float, *, confidence: float = 0.95) -> Reading:
    quad = Quad(corners_of([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]), Kind.PLATE, 0.9)
    return Reading("RK755AJ", confidence, Kind.PLATE, "sk", quad)


def test_a_label_says_what_was_read_and_nothing_else() -> None:
    said = {}
    for text in ("Győr", "Gyor", "Gy?r", "Győ", "RK755AJ", "RK755AL"):
        image = annotate.picture(np.zeros((200, 300, 3), np.uint8), [replace(reading_at(100, 100, 80, 30), text=text)])
        said[text] = image[80:99, 100:300]
    assert len({label.tobytes() for label in said.values()}) == len(said)
    ink = {text: int((label.max(axis=2) > 0).any(axis=0).sum()) for text, label in said.items()}
    assert ink["Győ"] == ink["Győr"] - 9 == ink["RK755AJ"] - 36  # letters of one width


def test_the_quad_is_drawn_and_the_text_stands_above_it() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    found = annotate.picture(image, [reading_at(100, 100, 80, 30)])
    assert found[100, 140].any()  # the upper side
    assert found[130, 140].any()  # the lower side
    assert not found[115, 140].any()  # the plate itself stays free
    assert found[80:97, 100:180].any()
    assert not image.any()


def test_the_text_stands_below_where_there_is_no_room_above() -> None:
    found = annotate.picture(np.zeros((200, 300, 3), np.uint8), [reading_at(100, 1, 80, 30)])
    assert found[36:52, 100:180].any()


def test_the_colour_tells_the_confidence() -> None:
    colours = {
        tuple(annotate.picture(np.zeros((90, 90, 3), np.uint8), [reading_at(20, 50, 50, 20, confidence=c)])[50, 40])
        for c in (0.95, 0.7, 0.2)
    }
    assert len(colours) == 3


@pytest.mark.parametrize("size", [(1, 1), (5, 400), (400, 5)])
@pytest.mark.parametrize("place", [(0, 0, 1, 1), (-50, -50, 900, 900), (380, 380, 40, 20)])
def test_nothing_is_too_small_or_too_far_out(size: tuple[int, int], place: tuple[int, int, int, int]) -> None:
    found = annotate.picture(np.zeros(size, np.uint8), [reading_at(*place)])
    assert found.shape == (*size, 3)


def test_a_saved_picture_can_be_read_back(tmp_path: Path) -> None:
    annotate.save(tmp_path / "ü.jpg", np.full((20, 30, 3), 200, np.uint8))
    data = np.fromfile(tmp_path / "ü.jpg", np.uint8)
    assert np.abs(cv2.imdecode(data, cv2.IMREAD_COLOR).astype(int) - 200).max() < 3


def test_a_folder_that_is_gone_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^.*/gone\\n/a\.jpg: cannot be written .*; name another folder$"):
        annotate.save(tmp_path / "gone\n" / "a.jpg", np.zeros((2, 2, 3), np.uint8))


def test_the_best_reading_is_drawn_on_top() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    best, other = (reading_at(100, 100, 80, 30, confidence=confidence) for confidence in (0.95, 0.2))
    assert np.array_equal(
        annotate.picture(image, [best, other])[131, 110:170], annotate.picture(image, [best])[131, 110:170]
    )
    assert not np.array_equal(
        annotate.picture(image, [other])[131, 110:170], annotate.picture(image, [best])[131, 110:170]
    )
