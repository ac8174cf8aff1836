"""Which cells answer for a plate."""

from __future__ import annotations

import numpy as np
import pytest

from export.detector_targets import LENGTHS, STRIDES, assign, cell_centres
from export.synthetic.scenes import Scene

SIZE = (384, 256)


def _scene(*boxes: tuple[float, float, float, float], wanted: bool = True) -> Scene:
    quads = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in boxes]
    corners = np.array(quads, np.float32).reshape(-1, 4, 2)
    flags = np.full(len(corners), wanted)
    return Scene(np.zeros((SIZE[1], SIZE[0]), np.uint8), corners, flags, complete=True)


def _levels() -> np.ndarray:
    return np.repeat(STRIDES, [(SIZE[0] // stride) * (SIZE[1] // stride) for stride in STRIDES])


def test_cells_are_centred_in_squares_of_their_stride() -> None:
    centres = cell_centres(SIZE)
    assert centres[0].tolist() == [4, 4]
    assert centres[1].tolist() == [12, 4]
    assert centres[-1].tolist() == [384 - 16, 256 - 16]


def test_an_empty_scene_is_background_everywhere() -> None:
    targets = assign(_scene())
    assert not targets.plate.any()


@pytest.mark.parametrize("width", [16, 40, 60, 100, 140, 200, 330])
def test_every_plate_has_cells_at_every_scale_that_answers_for_its_length(width: float) -> None:
    targets = assign(_scene((20, 60, width, width / 4)))
    answering = {stride for stride, (low, high) in zip(STRIDES, LENGTHS, strict=True) if low <= width < high}
    assert answering
    assert set(_levels()[targets.plate == 1]) == answering


def test_a_long_word_is_answered_for_as_a_shorter_one_of_the_same_area_is() -> None:
    long, short = assign(_scene((10, 60, 120, 9))), assign(_scene((10, 60, 60, 18)))
    assert set(_levels()[long.plate == 1]) == set(_levels()[short.plate == 1])


def test_cells_of_a_plate_lie_in_its_middle_and_know_its_corners() -> None:
    targets = assign(_scene((100, 100, 64, 24)))
    cells = targets.plate == 1
    inside = cell_centres(SIZE)[cells & (_levels() == 8)]
    assert (np.abs(inside - [132, 112]) <= [0.32 * 64, 0.32 * 24 + 4]).all()
    assert (targets.corners[cells] == [100, 100, 164, 100, 164, 124, 100, 124]).all()


def test_the_rest_of_a_plate_is_neither_plate_nor_background() -> None:
    targets = assign(_scene((100, 100, 60, 20)))
    near = np.abs(cell_centres(SIZE) - [108, 108]).max(axis=1) < 1
    assert targets.plate[near & (_levels() == 8)].tolist() == [-1]


def test_an_unwanted_plate_is_no_background() -> None:
    targets = assign(_scene((100, 100, 64, 24), wanted=False))
    assert set(targets.plate.tolist()) == {0.0, -1.0}


def test_where_two_plates_meet_the_smaller_one_wins() -> None:
    targets = assign(_scene((100, 100, 60, 20), (60, 80, 160, 60)))
    centre = np.abs(cell_centres(SIZE) - [132, 108]).max(axis=1) <= 4
    cells = centre & (_levels() == 8)
    assert (targets.corners[cells][:, :2] == [100, 100]).all()


def test_large_plates_do_not_drown_small_ones() -> None:
    small, large = assign(_scene((100, 100, 40, 10))), assign(_scene((20, 20, 330, 160)))
    assert small.weight[small.plate == 1].sum() >= large.weight[large.plate == 1].sum() / 3
