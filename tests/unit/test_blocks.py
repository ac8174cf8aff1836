"""Blocks of two small lines before a number, drawn: where they are taken apart, and where they are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_ocr import blocks
from edge_ocr.types import Image, Kind, Quad, corners_of

_SIZE = (320, 90)


def write(image: Image, text: str, box: tuple[int, int, int, int]) -> None:
    """A dark text that fills a box of (left, top, width, height)."""
    left, top, width, height = box
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 4)
    line = np.full((high + 8, wide + 8), 230, np.uint8)
    cv2.putText(line, text, (4, high + 4), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 20, 4, cv2.LINE_AA)
    image[top : top + height, left : left + width] = cv2.resize(line, (width, height), interpolation=cv2.INTER_AREA)


def plate(*, upper: str = "", lower: str = "", number: str = "4348", turn: float = 0.0) -> tuple[Image, Quad]:
    """A light plate with a block of two lines, if there are any, and a number; and where it is."""
    image = np.full((300, 420), 60, np.uint8)
    width, height = _SIZE
    left, top = (420 - width) // 2, (300 - height) // 2
    cv2.rectangle(image, (left, top), (left + width - 1, top + height - 1), 230, -1)
    if upper:
        write(image, upper, (left + 20, top + 12, 80, 30))
        write(image, lower, (left + 20, top + 50, 80, 30))
    write(image, number, (left + 140, top + 15, 160, 60) if upper else (left + 20, top + 15, 280, 60))
    matrix = cv2.getRotationMatrix2D((210, 150), turn, 1.0)
    box = np.array([[(left, top), (left + width, top), (left + width, top + height), (left, top + height)]], np.float32)
    turned = cv2.warpAffine(image, matrix, (420, 300), borderValue=60)
    return np.asarray(turned, np.uint8), Quad(corners_of(cv2.transform(box, matrix)[0].tolist()), Kind.PLATE, 0.8)


def shares(part: Quad, whole: Quad) -> list[tuple[float, float]]:
    """A part's corners as shares of the width and height of the whole."""
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    matrix = cv2.getPerspectiveTransform(np.array(whole.corners, np.float32), unit)
    places = cv2.perspectiveTransform(np.array([part.corners], np.float32), matrix)[0]
    return [(float(x), float(y)) for x, y in places]


@pytest.mark.parametrize("turn", [0.0, 15.0, -30.0, 180.0])
def test_a_block_is_its_upper_line_its_lower_line_and_then_the_number(turn: float) -> None:
    image, quad = plate(upper="MH13", lower="BN", turn=turn)
    parts = blocks.blocked(image, quad)
    assert parts is not None
    upper, lower, number = (shares(part, quad) for part in parts)
    gap = upper[1][0]
    assert 100 / 320 < gap < 140 / 320
    assert upper[0] == pytest.approx((0.0, 0.0), abs=0.01)
    assert lower[2] == pytest.approx((gap, 1.0), abs=0.01)
    assert upper[3][1] == pytest.approx(46 / 90, abs=0.1)
    assert lower[0][1] == pytest.approx(46 / 90, abs=0.1)
    assert upper[3][1] > lower[0][1]  # they share a little, so that no foot is cut off
    assert number[0] == pytest.approx((gap, 0.0), abs=0.01)
    assert number[2] == pytest.approx((1.0, 1.0), abs=0.01)


def test_kind_and_score_are_the_plates() -> None:
    image, quad = plate(upper="MH13", lower="BN")
    assert [(part.kind, part.score) for part in blocks.blocked(image, quad) or ()] == [(Kind.PLATE, 0.8)] * 3


@pytest.mark.parametrize("number", ["MH 13 4348", "AB12CDE", "1"])
def test_one_line_has_no_block(number: str) -> None:
    assert blocks.blocked(*plate(number=number)) is None


def test_two_lines_with_gaps_in_both_have_no_block() -> None:
    image, quad = plate()
    top, left = (300 - 90) // 2, (420 - 320) // 2
    cv2.rectangle(image, (left, top), (left + 319, top + 89), 230, -1)
    for row, text in ((12, "MH13"), (50, "4348")):
        write(image, text[:2], (left + 20, top + row, 80, 30))
        write(image, text[2:], (left + 150, top + row, 140, 30))
    assert blocks.blocked(image, quad) is None


def test_a_line_of_text_that_is_far_too_wide_is_left_alone() -> None:
    corners = corners_of([(0, 0), (700, 0), (700, 90), (0, 90)])
    assert blocks.blocked(np.full((90, 700), 230, np.uint8), Quad(corners, Kind.PLATE, 0.5)) is None


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_even_patch_has_no_gaps(shade: int) -> None:
    assert list(blocks.gaps(np.full((40, 120), shade, np.uint8))) == []


def test_gaps_lie_between_strokes_and_near_the_middle() -> None:
    patch = np.full((40, 200), 230, np.uint8)
    for left in (2, 80, 150):
        patch[:, left : left + 40 : 4] = 20
    (gap,) = blocks.gaps(patch)
    assert 42 < gap < 80
