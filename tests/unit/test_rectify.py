"""Quads of known warps come back as the picture that was warped."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from edge_ocr import rectify
from edge_ocr.types import Kind, Quad, corners_of

WIDTH, HEIGHT = 64, 24


def quad_of(*points: tuple[float, float]) -> Quad:
    return Quad(corners_of(points), Kind.PLATE, 0.9)


def box(x: float, y: float, w: float, h: float) -> Quad:
    return quad_of((x, y), (x + w, y), (x + w, y + h), (x, y + h))


def pattern(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Four quarters of different shades, so that any mistaken corner shows."""
    image = np.zeros((height, width), np.uint8)
    image[: height // 2, : width // 2], image[: height // 2, width // 2 :] = 0, 80
    image[height // 2 :, width // 2 :], image[height // 2 :, : width // 2] = 160, 255
    return image


def quarters(image: np.ndarray) -> list[int]:
    """The shade in the middle of each quarter, clockwise from the top left."""
    h, w = image.shape
    return [int(image[y, x]) for y, x in ((h // 4, w // 4), (h // 4, -w // 4), (-h // 4, -w // 4), (-h // 4, w // 4))]


def cut(image: np.ndarray, quad: Quad, *, margin: float = 0.0) -> np.ndarray:
    return rectify.strip(image, quad, width=WIDTH, height=HEIGHT, margin=margin).image


def test_a_quad_of_the_strips_own_size_is_copied_pixel_for_pixel() -> None:
    image = np.random.default_rng(1).integers(0, 256, (100, 200), np.uint8)
    expected = rectify.stretch(image[30 : 30 + HEIGHT, 40 : 40 + WIDTH].copy())
    assert np.array_equal(cut(image, box(40, 30, WIDTH, HEIGHT)), expected)


@pytest.mark.parametrize(("across", "down"), [(2, 2), (3, 1), (1, 4), (5, 3)])
def test_a_larger_quad_is_averaged_not_sampled(across: int, down: int) -> None:
    image = np.random.default_rng(2).integers(0, 256, (150, 400), np.uint8)
    part = image[10 : 10 + HEIGHT * down, 20 : 20 + WIDTH * across]
    mean = part.reshape(HEIGHT, down, WIDTH, across).mean(axis=(1, 3))
    found = cut(image, box(20, 10, WIDTH * across, HEIGHT * down))
    assert np.abs(found.astype(int) - rectify.stretch(np.rint(mean).astype(np.uint8)).astype(int)).max() <= 4


@pytest.mark.parametrize("turns", range(4))
def test_the_first_corner_is_the_texts_own_top_left_whichever_way_the_picture_lies(turns: int) -> None:
    image = np.full((200, 200), 128, np.uint8)
    image[80 : 80 + HEIGHT, 60 : 60 + WIDTH] = pattern()
    turned = np.ascontiguousarray(np.rot90(image, turns))
    corners = [(60, 80), (60 + WIDTH, 80), (60 + WIDTH, 80 + HEIGHT), (60, 80 + HEIGHT)]
    for _ in range(turns):  # rot90 turns against the clock: (x, y) goes to (y, width - x)
        corners = [(y, 200 - x) for x, y in corners]
    assert quarters(cut(turned, quad_of(*corners))) == [0, 80, 160, 255]


def test_a_plate_seen_in_perspective_comes_back_flat() -> None:
    corners = [(120.0, 60.0), (300.0, 90.0), (290.0, 170.0), (110.0, 120.0)]
    large = pattern(WIDTH * 6, HEIGHT * 6)
    source = np.array([(0, 0), (WIDTH * 6, 0), (WIDTH * 6, HEIGHT * 6), (0, HEIGHT * 6)], np.float32)
    matrix = cv2.getPerspectiveTransform(source - np.float32(0.5), np.array(corners, np.float32) - np.float32(0.5))
    image = cv2.warpPerspective(large, matrix, (400, 240), borderValue=128)
    found = cut(image, quad_of(*corners)).astype(int)
    assert quarters(found.astype(np.uint8)) == [0, 80, 160, 255]
    assert np.abs(found - pattern()).mean() < 4  # what is left lies along the edges


def test_the_margin_grows_the_quad_by_its_part_on_every_side() -> None:
    image = np.full((200, 400), 200, np.uint8)
    cv2.rectangle(image, (100, 60), (299, 139), 50, cv2.FILLED)
    found = cut(image, box(100, 60, 200, 80), margin=0.25)
    dark = np.argwhere(found < 128)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
    assert (left, WIDTH - right) == pytest.approx((WIDTH / 6, WIDTH / 6), abs=1)
    assert (top, HEIGHT - bottom) == pytest.approx((HEIGHT / 6, HEIGHT / 6), abs=1)


def test_beyond_the_image_its_border_is_repeated() -> None:
    image = np.full((40, 80), 30, np.uint8)
    image[:, 60:] = 220
    found = cut(image, box(40, 0, 80, 40))
    assert (found[:, : WIDTH // 4 - 1] == 0).all()
    assert (found[:, WIDTH // 4 + 1 :] == 255).all()


@pytest.mark.parametrize("place", [(-500, -500), (5000, 10), (10, 5000)])
def test_a_quad_outside_the_image_gives_a_strip_all_the_same(place: tuple[int, int]) -> None:
    assert cut(np.full((50, 50), 99, np.uint8), box(*place, 60, 20)).shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_the_smallest_images_give_a_strip(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    assert cut(image, box(0, 0, size[1], size[0]), margin=0.05).shape == (HEIGHT, WIDTH)
    assert rectify.whole(image, width=WIDTH, height=HEIGHT).image.shape == (HEIGHT, WIDTH)


def test_a_quad_without_area_gives_a_strip() -> None:
    assert cut(np.full((50, 50), 99, np.uint8), quad_of((9, 9), (9, 9), (9, 9), (9, 9))).shape == (HEIGHT, WIDTH)


def test_a_panorama_is_cut_where_opencv_warps_no_further() -> None:
    image = np.zeros((40, 40_000), np.uint8)
    image[8 : 8 + HEIGHT, 39_000 : 39_000 + WIDTH] = pattern()
    assert quarters(cut(image, box(39_000, 8, WIDTH, HEIGHT))) == [0, 80, 160, 255]


def test_colour_is_read_as_grey() -> None:
    grey = np.random.default_rng(3).integers(0, 256, (60, 90), np.uint8)
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    assert np.array_equal(cut(grey, box(5, 5, 70, 30)), cut(colour, box(5, 5, 70, 30)))


def test_the_image_is_left_as_it_was() -> None:
    image = np.random.default_rng(4).integers(0, 256, (60, 90, 3), np.uint8)
    before = image.copy()
    cut(image, box(5, 5, 70, 30), margin=0.1)
    rectify.whole(image, width=WIDTH, height=HEIGHT)
    assert np.array_equal(image, before)


def test_the_strip_keeps_the_quad_that_it_was_cut_from() -> None:
    quad = box(3, 4, 50, 20)
    assert rectify.strip(np.zeros((60, 90), np.uint8), quad, width=WIDTH, height=HEIGHT).quad is quad


def test_a_crop_is_used_to_its_edges() -> None:
    strip = rectify.whole(pattern(WIDTH * 3, HEIGHT * 3), width=WIDTH, height=HEIGHT)
    assert quarters(strip.image) == [0, 80, 160, 255]
    assert strip.quad.corners == ((0, 0), (WIDTH * 3, 0), (WIDTH * 3, HEIGHT * 3), (0, HEIGHT * 3))


def test_contrast_is_stretched_from_the_first_to_the_last_percentile() -> None:
    image = np.full((100, 100), 100, np.uint8)
    image[50:] = 140
    image[0, :50], image[-1, :50] = 0, 255  # half a per cent each: glints and dirt do not count
    found = rectify.stretch(image)
    assert (found[1:50] == 0).all()
    assert (found[50:-1] == 255).all()


def test_stretching_keeps_the_order_of_shades() -> None:
    image = np.arange(60, 160, dtype=np.uint8).reshape(10, 10)
    found = rectify.stretch(image).reshape(-1)
    assert (np.diff(found.astype(int)) >= 0).all()
    assert (found[0], found[-1]) == (0, 255)


def test_an_image_of_one_shade_stays_as_it_is() -> None:
    assert (rectify.stretch(np.full((5, 5), 77, np.uint8)) == 77).all()


@pytest.mark.parametrize(
    ("name", "values"),
    [("width", (0, 5, 0.1)), ("height", (5, -1, 0.1)), ("margin", (5, 5, -0.1)), ("margin", (5, 5, float("nan")))],
)
def test_impossible_sizes_are_refused_by_name(name: str, values: tuple[int, int, float]) -> None:
    width, height, margin = values
    with pytest.raises(ValueError, match=name):
        rectify.strip(np.zeros((9, 9), np.uint8), box(1, 1, 4, 4), width=width, height=height, margin=margin)


def test_unless_told_otherwise_the_margin_is_a_twentieth() -> None:
    image = np.full((200, 400), 200, np.uint8)
    cv2.rectangle(image, (100, 60), (299, 139), 50, cv2.FILLED)
    dark = np.argwhere(rectify.strip(image, box(100, 60, 200, 80), width=220, height=88).image < 128)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
    assert (left, 220 - right, top, 88 - bottom) == pytest.approx((10, 10, 4, 4), abs=1)


@pytest.mark.parametrize("lying", [True, False])
def test_what_grows_one_way_and_shrinks_the_other_is_interpolated(*, lying: bool) -> None:
    image = np.repeat(np.array([[0], [200]], np.uint8), 200, axis=1)
    found = rectify.shrink(image, width=100, height=8) if lying else rectify.shrink(image.T, width=8, height=100).T
    assert found[:, 50].tolist() == [0, 0, 25, 75, 125, 175, 200, 200]


def test_a_quad_grows_in_its_own_plane() -> None:
    level = Quad(corners_of([(10, 20), (110, 20), (110, 50), (10, 50)]), Kind.PLATE, 0.5)
    assert np.allclose(rectify.grown(level, 0.1, -0.2).corners, [(0, 26), (120, 26), (120, 44), (0, 44)], atol=1e-3)
    leaning = Quad(corners_of([(10, 20), (110, 40), (110, 80), (10, 50)]), Kind.PLATE, 0.5)
    back = rectify.grown(rectify.grown(leaning, 0.1, 0.1), -0.1 / 1.2, -0.1 / 1.2)
    assert np.allclose(back.corners, leaning.corners, atol=0.01)
    assert (back.kind, back.score) == (Kind.PLATE, 0.5)


@pytest.mark.parametrize(
    ("aspect", "width"), [(0.5, 64), (2.0, 64), (2.35, 64), (2.4, 128), (4.7, 128), (4.8, 256), (40.0, 256)]
)
def test_a_line_gets_the_narrowest_strip_that_hardly_squeezes_it(aspect: float, width: int) -> None:
    assert rectify.width_for(aspect, height=32, widths=(64, 128, 256)) == width


def test_of_several_widths_a_crop_and_a_quad_get_the_one_that_suits_them() -> None:
    image = np.tile(np.arange(200, dtype=np.uint8), (50, 1))
    assert rectify.whole(image, width=(64, 128, 256), height=32).image.shape == (32, 128)
    quad = Quad(corners_of([(10, 10), (40, 10), (40, 40), (10, 40)]), Kind.SIGN, 1.0)
    assert rectify.strip(image, quad, width=(64, 128, 256), height=32).image.shape == (32, 64)


def test_a_line_that_is_to_be_drawn_wider_gets_a_wider_strip() -> None:
    image = np.tile(np.arange(200, dtype=np.uint8), (100, 1))
    widths = (64, 128, 256)
    assert rectify.whole(image, width=widths, height=32).image.shape == (32, 64)
    assert rectify.whole(image, width=widths, height=32, widening=2.0).image.shape == (32, 128)
    quad = box(10, 10, 80, 40)
    assert rectify.strip(image, quad, width=widths, height=32, widening=2.0).image.shape == (32, 128)


@pytest.mark.parametrize("width", [np.int64(64), np.uint8(64), [64], (32, 64), range(64, 65), np.array([32, 64])])
def test_sizes_are_whole_numbers_of_any_type(width: Any) -> None:
    image = np.random.default_rng(1).integers(0, 256, (50, 90), np.uint8)
    quad = box(10, 10, WIDTH, HEIGHT)
    assert np.array_equal(
        rectify.strip(image, quad, width=width, height=np.int32(HEIGHT), margin=0.0).image, cut(image, quad)
    )
    assert rectify.whole(image, width=width, height=np.int32(HEIGHT)).image.shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize("width", [64.0, "64", None, [64.5], []])
def test_a_width_that_is_no_whole_number_is_refused_by_name(width: Any) -> None:
    with pytest.raises(TypeError, match=r"^width must be a whole number"):
        rectify.strip(pattern(), box(0, 0, 9, 9), width=width, height=HEIGHT)


def test_a_quad_without_height_is_infinitely_wide() -> None:
    assert rectify.proportion(box(5, 5, 30, 0)) == np.inf
    assert rectify.proportion(box(5, 5, 30, 10)) == pytest.approx(3.0)
    assert rectify.strip(pattern(), box(5, 5, 30, 0), width=(32, 64), height=HEIGHT).image.shape == (HEIGHT, 64)
