"""Letters as sign makers set them, and what is painted with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest

from export.synthetic import sign_letters, sign_paint
from export.synthetic.sign_fonts import Typeface, load_typefaces

if TYPE_CHECKING:
    from numpy.typing import NDArray

FONTS = Path(mpl.get_data_path()) / "fonts/ttf"


@pytest.fixture(scope="module")
def face() -> Typeface:
    return next(face for face in load_typefaces(FONTS) if face.path.name == "DejaVuSans.ttf")


def test_lettering_has_ink_on_every_edge_whatever_happens_to_the_letters(face: Typeface) -> None:
    for seed in range(150):
        mask = sign_letters.lettering(np.random.default_rng(seed), face, "MARKET 5")
        assert mask.dtype == np.uint8
        assert min(mask.shape) >= 2
        assert mask.max() > 60


@pytest.mark.parametrize("text", [".", "-", "i", "'"])
def test_what_nearly_vanishes_is_told_by_its_size_and_bends_nothing(face: Typeface, text: str) -> None:
    sizes = {min(sign_letters.lettering(np.random.default_rng(seed), face, text).shape) for seed in range(250)}
    assert 1 not in sizes


def test_letters_one_by_one_stand_where_they_stand_together(face: Typeface) -> None:
    ways = np.tile([1.0, 0.0, 0.0], (4, 1))
    alone = sign_letters.placed(face, "HgTL", ways, 0.0)
    together = face.draw("HgTL")
    assert np.abs(np.array(alone.shape) - np.array(together.shape)).max() <= 6  # no kerning, and half pixels


def test_a_larger_initial_stands_on_the_line_of_the_others(face: Typeface) -> None:
    ways = np.array([[1.5, 0, 0], [1, 0, 0], [1, 0, 0]], float)
    mask = sign_letters.placed(face, "HHH", ways, 0.0)
    last = mask[:, -10:].max(axis=1)
    assert mask[-1, :30].max() > 60
    assert last[-3:].max() > 60
    assert not last[: mask.shape[0] // 5].any()


def test_an_arch_keeps_the_order_of_the_letters_and_their_upper_side() -> None:
    line: NDArray[Any] = np.zeros((40, 300), np.uint8)
    line[:20, :30] = 255  # upper half at the first end
    line[20:, -30:] = 255  # lower half at the last
    ways = set()
    for seed in range(12):
        bow = sign_letters.arched(np.random.default_rng(seed), line)
        half = bow.shape[1] // 2
        assert bow[:, :half].max() > 200
        assert bow[:, half:].max() > 200
        first, last = (np.argwhere(part > 128).mean(axis=0)[0] for part in (bow[:, :half], bow[:, half:]))
        assert first < last
        ways.add(bow.shape)
    assert len(ways) > 3


def test_lamps_leave_dark_between_them() -> None:
    mask = sign_letters.lamps(np.random.default_rng(1), np.full((60, 120), 255, np.uint8))
    assert 0.1 < float((mask > 128).mean()) < 0.9


def test_depth_and_shadows_are_told_with_the_letters_and_stay_on_the_board() -> None:
    letters = np.full((40, 100), 255, np.uint8)
    reaching = 0
    for seed in range(120):
        board: NDArray[Any] = np.full((80, 160), 200, np.uint8)
        x0, y0, x1, y1 = sign_paint.paint(np.random.default_rng(seed), board, letters, (30, 20), 40.0)
        assert (x0 <= 30, x1 >= 130) == (True, True)
        assert (y0 <= 20, y1 >= 60) == (True, True)
        assert float(board[20:60, 30:130].mean()) < 190
        reaching += (x0, y0, x1, y1) != (30, 20, 130, 60)
    assert reaching > 10


def test_a_mosaic_is_of_tiles_with_joints_and_its_letters_stay_where_they_are() -> None:
    letters = np.zeros((80, 160), np.uint8)
    letters[20:60, 30:50] = letters[20:60, 100:130] = 255
    for seed in range(60):
        board: NDArray[Any] = np.full((80, 160), 200, np.uint8)
        sign_paint.tile(np.random.default_rng(seed), board, letters, 40, 40.0)
        ink, ground = np.median(board[letters > 0]), np.median(board[letters == 0])
        assert ink < 90
        assert ground > 150
        rows = (board[:, :25] == np.median(board[:, :25], axis=1, keepdims=True)).mean(axis=1)
        joints = np.flatnonzero(rows > 0.95)  # one shade from end to end
        assert 6 <= len(joints) < 40
        assert len(np.unique(board[:, :25])) > 5, "no tile is quite like the next"


def test_now_and_then_a_line_is_a_mosaic() -> None:
    letters, shades = np.full((40, 100), 255, np.uint8), []
    for seed in range(400):
        board: NDArray[Any] = np.full((80, 160), 200, np.uint8)
        sign_paint.paint(np.random.default_rng(seed), board, letters, (30, 20), 40.0)
        shades.append(len(np.unique(board[:10, :20])))
    assert 4 <= sum(count > 3 for count in shades) <= 30


@pytest.mark.parametrize("away", [(3, 2), (-3, 2), (0, -4), (-1, -1), (0, 0)])
def test_a_mask_is_moved_by_whole_pixels_and_comes_from_nowhere(away: tuple[int, int]) -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[8:12, 10:20] = 7
    moved = sign_paint.shifted(mask, *away)
    assert moved.sum() == mask.sum()
    assert np.argwhere(moved)[0].tolist() == [8 + away[1], 10 + away[0]]
