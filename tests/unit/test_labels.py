"""Labels in small pictures: within them, above what was read, in letters that can be read."""

from __future__ import annotations

import numpy as np
import pytest

from edge_ocr import Reader, labels
from edge_ocr.bundle import shipped_bundle
from edge_ocr.labels import colour
from edge_ocr.recognise import alphabet_of
from edge_ocr.types import Kind, Quad, Reading


def reading(left: float, top: float, text: str = "AB123", confidence: float = 0.97) -> Reading:
    corners = ((left, top), (left + 60, top), (left + 60, top + 20), (left, top + 20))
    return Reading(text, confidence, Kind.PLATE, None, Quad(corners, Kind.PLATE, 0.9))


def drawn(*readings: Reading, size: tuple[int, int] = (120, 300)) -> np.ndarray:
    image = np.full((*size, 3), 128, np.uint8)
    labels.draw(image, readings)
    return image


def test_a_text_stands_in_black_on_the_colour_of_its_confidence_above_its_frame() -> None:
    image = drawn(reading(40, 60))
    above = image[41:58, 40:150]
    assert (above == colour(0.97)).all(axis=2).sum() > 600
    assert (above < 20).all(axis=2).sum() > 60
    assert (image[:40] == 128).all()
    assert (image[60, 45:95] != 128).any(axis=1).all(), "the frame"


@pytest.mark.parametrize("place", [(-30.0, -15.0), (280.0, 110.0), (0.0, 2.0), (1000.0, 1000.0)])
def test_a_label_stays_within_the_picture(place: tuple[float, float]) -> None:
    ink = (drawn(reading(*place)) == colour(0.97)).all(axis=2)
    assert ink.sum() > 600


@pytest.mark.parametrize("size", [(8, 300), (100, 20), (4, 4), (1, 1)])
def test_a_picture_smaller_than_a_label_is_no_trouble(size: tuple[int, int]) -> None:
    assert drawn(reading(0, 0), size=size).shape == (*size, 3)


def test_letters_grow_with_the_picture_and_differ_from_one_another() -> None:
    small, large = (drawn(reading(40, 100), size=(columns // 2, columns)) for columns in (640, 1280))
    green = [int((image == colour(0.97)).all(axis=2).sum()) for image in (small, large)]
    assert green[1] > 3 * green[0]
    texts = {drawn(reading(40, 60, text)).tobytes() for text in ("O", "Q", "D", "0", "Ö", "B", "8")}
    assert len(texts) == 7


def test_letters_do_not_outgrow_a_panorama() -> None:
    image = drawn(reading(40, 60), size=(120, 5000))
    assert (image[41:58] == colour(0.97)).all(axis=2).any()
    assert (image[:40] == 128).all()


@pytest.mark.parametrize("text", ["Straße 7", "Mañana", "Besançon", "Žilina", "RK755AJ"])
def test_a_label_reads_as_its_text(text: str) -> None:
    image = drawn(reading(40, 100, text), size=(800, 2000))
    label = image[100 - 3 - 54 : 100 - 3, 40 + 20 : 40 + 27 * (len(text) + 1) + 7]
    assert [found.text for found in Reader("sign").read(label, crop=True)] == [text]


def test_every_character_that_can_be_read_has_a_picture_of_its_own() -> None:
    known = alphabet_of(shipped_bundle(Kind.SIGN, task="recognise"))
    assert len({drawn(reading(40, 60, letter)).tobytes() for letter in known if letter != " "}) == len(known) - 1


def test_what_has_no_letter_is_a_question_mark() -> None:
    assert (drawn(reading(40, 60, "Ω")) == drawn(reading(40, 60, "?"))).all()
