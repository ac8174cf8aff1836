"""Plates of one line and of two, drawn: where they are parted, and where they are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_ocr import lines, rectify
from edge_ocr.types import Image, Kind, Quad, corners_of


def plate(*texts: str, size: tuple[int, int] = (200, 120), turn: float = 0.0) -> tuple[Image, Quad]:
    """A picture of a light plate with texts below each other, turned by some degrees, and where it is."""
    width, height = size
    image = np.full((400, 500), 60, np.uint8)
    left, top = (500 - width) // 2, (400 - height) // 2
    cv2.rectangle(image, (left, top), (left + width - 1, top + height - 1), 230, -1)
    tall = height / len(texts)
    for row, text in enumerate(texts):
        (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 6)
        scale = min(0.6 * tall / high, 0.8 * width / wide)
        at = (round(250 - wide * scale / 2), round(top + tall * (row + 0.5) + high * scale / 2))
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 20, max(2, round(6 * scale)), cv2.LINE_AA)
    matrix = cv2.getRotationMatrix2D((250, 200), turn, 1.0)
    box = np.array([[(left, top), (left + width, top), (left + width, top + height), (left, top + height)]], np.float32)
    turned = cv2.warpAffine(image, matrix, (500, 400), borderValue=60)
    return np.asarray(turned, np.uint8), Quad(corners_of(cv2.transform(box, matrix)[0].tolist()), Kind.PLATE, 0.8)


@pytest.mark.parametrize("turn", [0.0, 20.0, 90.0, 180.0, -45.0])
def test_a_plate_of_two_lines_is_parted_in_its_middle_whichever_way_it_hangs(turn: float) -> None:
    image, quad = plate("KA 05", "HS 4495", turn=turn)
    parts = lines.parted(image, quad)
    assert parts is not None
    upper, lower = (np.array(part.corners) for part in parts)
    whole = np.array(quad.corners)
    height = float(np.linalg.norm(whole[3] - whole[0]))
    assert np.allclose(upper[:2], whole[:2], atol=0.5)
    assert np.allclose(lower[2:], whole[2:], atol=0.5)
    for left in (upper[3], lower[0]):
        assert np.linalg.norm(left - whole[0]) == pytest.approx(height / 2, abs=height * 0.1)


def test_the_lines_share_a_little_so_that_no_foot_is_cut_off() -> None:
    image, quad = plate("KA 05", "HS 4495")
    parts = lines.parted(image, quad)
    assert parts is not None
    assert 0 < parts[0].corners[3][1] - parts[1].corners[0][1] < 0.15 * 120


def test_kind_and_score_are_the_plates() -> None:
    image, quad = plate("KA 05", "HS 4495")
    assert [(part.kind, part.score) for part in lines.parted(image, quad) or ()] == [(Kind.PLATE, 0.8)] * 2


@pytest.mark.parametrize("climb", [-0.2, -0.1, 0.1, 0.2])
def test_a_valley_that_slopes_within_its_quad_is_followed(climb: float) -> None:
    strokes = np.tile(np.repeat(np.array([20, 230], np.uint8), 4), (64, 13))
    rows, columns = np.indices(strokes.shape)
    middle = 30 - climb * 64 * (columns / strokes.shape[1] - 0.5)
    depth, row, slope = lines.valley(np.where(np.abs(rows - middle) < 2, 230, strokes).astype(np.uint8))
    assert depth > 0.8
    assert row == pytest.approx(30 / 64, abs=0.05)
    assert slope == climb


@pytest.mark.parametrize("size", [(200, 120), (240, 70), (200, 180)])
def test_a_plate_of_one_line_is_left_whole(size: tuple[int, int]) -> None:
    assert lines.parted(*plate("KA05HS", size=size)) is None


def test_a_plate_too_wide_for_two_lines_is_left_whole() -> None:
    image, quad = plate("KA 05 HS 4495", "TRANSPORTS", size=(440, 110))
    assert rectify.proportion(quad) > lines.WIDEST
    assert lines.parted(image, quad) is None


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_even_patch_has_no_valley(shade: int) -> None:
    assert lines.valley(np.full((64, 100), shade, np.uint8))[0] == 0


@pytest.mark.parametrize("width", [2, 3, 16])
def test_the_narrowest_patches_are_taken(width: int) -> None:
    depth, row, _ = lines.valley(np.random.default_rng(1).integers(0, 256, (64, width), np.uint8))
    assert 0 <= depth <= 1
    assert 0 < row < 1


NO_HEIGHT, NO_WIDTH = [(5, 5), (15, 5), (15, 5), (5, 5)], [(5, 5), (5, 5), (5, 9), (5, 9)]


@pytest.mark.parametrize("corners", [[(5, 5)] * 4, NO_HEIGHT, NO_WIDTH])
def test_quads_without_an_area_have_no_two_lines(corners: list[tuple[float, float]]) -> None:
    assert lines.parted(np.zeros((20, 20), np.uint8), Quad(corners_of(corners), Kind.PLATE, 0.5)) is None
