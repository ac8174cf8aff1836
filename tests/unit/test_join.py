"""Pieces of plates that were cut by hand: what becomes one, and what must stay two."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr.join import joined, stacked
from edge_ocr.types import Kind, Quad, corners_of


def _quad(x: float, width: float, *, y: float = 100.0, height: float = 30.0, turn: float = 0.0, **more: object) -> Quad:
    """A box from (x, y) to the right, the whole picture turned by some degrees."""
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return Quad(corners_of(corners @ [[c, s], [-s, c]]), more.get("kind", Kind.PLATE), more.get("score", 0.5))  # type: ignore[arg-type]


@pytest.mark.parametrize("turn", [0.0, 30.0, 90.0, 180.0, -60.0])
@pytest.mark.parametrize("second", [114.0, 100.0, 70.0])
def test_two_halves_become_one_from_end_to_end(turn: float, second: float) -> None:
    left, right = _quad(20, 80, turn=turn, score=0.6), _quad(second, 80, turn=turn, score=0.9)
    expected = _quad(20, second + 60, turn=turn, score=0.9)
    for quads in ([left, right], [right, left]):
        (whole,) = joined(quads)
        assert np.allclose(whole.corners, expected.corners)
        assert whole.score == 0.9


def test_three_pieces_become_one_in_the_place_of_the_first() -> None:
    elsewhere = _quad(500, 100, y=300)
    whole = joined([_quad(60, 50), elsewhere, _quad(100, 50), _quad(20, 50)])
    assert whole[1] is elsewhere
    assert np.allclose(whole[0].corners, _quad(20, 130).corners)
    assert len(whole) == 2


@pytest.mark.parametrize(
    "other",
    [
        _quad(120, 80, y=112),
        _quad(117, 80),
        _quad(100, 80, height=60, y=85),
        _quad(95, 80, turn=30, y=40),
        _quad(30, 60),
        _quad(25, 80),
        _quad(20, 80, y=131),
        _quad(100, 220),
    ],
    ids=["on another line", "too far", "twice as high", "turned", "within", "the same twice", "below", "too long"],
)
def test_what_is_no_other_half_stays_apart(other: Quad) -> None:
    quads = [_quad(20, 80), other]
    assert joined(quads) == quads


@pytest.mark.parametrize("turn", [0.0, 25.0, -80.0])
def test_pieces_of_a_word_that_reach_into_each_other_become_one(turn: float) -> None:
    pieces = [_quad(20, 90, turn=turn, kind=Kind.WORD), _quad(90, 80, turn=turn, kind=Kind.WORD, y=103)]
    (whole,) = joined(pieces)
    assert whole.corners[0] == pytest.approx(pieces[0].corners[0])
    assert whole.corners[1] == pytest.approx(pieces[1].corners[1])


def test_a_piece_within_a_word_adds_nothing_to_it() -> None:
    outer = _quad(20, 90, kind=Kind.SIGN)
    assert joined([_quad(60, 40, kind=Kind.SIGN), outer])[0].corners == pytest.approx(np.array(outer.corners))


@pytest.mark.parametrize(
    "other",
    [
        _quad(100, 80, kind=Kind.WORD),
        _quad(80, 80, y=115, kind=Kind.WORD),
        _quad(80, 80, height=60, y=85, kind=Kind.WORD),
        _quad(70, 80),
    ],
    ids=["hardly an overlap", "on another line", "twice as high", "a plate"],
)
def test_a_word_and_what_is_no_piece_of_it_stay_two(other: Quad) -> None:
    quads = [_quad(20, 85, kind=Kind.WORD), other]
    assert joined(quads) == quads


def test_words_side_by_side_stay_words() -> None:
    quads = [_quad(20, 80, kind=Kind.WORD), _quad(100, 80, kind=Kind.WORD)]
    assert joined(quads) == quads


@pytest.mark.parametrize(("away", "pieces"), [(20, 1), (35, 2)], ids=["near", "far"])
def test_pieces_of_a_script_that_the_detector_takes_apart_stand_as_far_from_each_other_as_told(
    away: int, pieces: int
) -> None:
    quads = [_quad(20, 80, height=30, kind=Kind.SIGN), _quad(100 + away, 80, height=30, kind=Kind.SIGN)]
    assert len(joined(quads, word_gap=1.0)) == pieces
    assert joined(quads) == quads


def test_pieces_of_a_line_that_no_strip_would_hold_stay_pieces() -> None:
    near = [_quad(20 + 100 * number, 80, height=30, kind=Kind.SIGN) for number in range(4)]
    assert len(joined(near, word_gap=1.0, longest=6.1)) == 2
    assert len(joined(near, word_gap=1.0, longest=5.9)) == 4
    reaching = [_quad(20, 300, height=30, kind=Kind.SIGN), _quad(300, 300, height=30, kind=Kind.SIGN)]
    assert len(joined(reaching, word_gap=1.0, longest=6.1)) == 1


def test_nothing_and_one_stay_as_they_are() -> None:
    assert joined([]) == []
    assert joined([_quad(20, 80)]) == [_quad(20, 80)]


def test_a_quad_without_size_harms_nothing() -> None:
    quads = [Quad(((5.0, 5.0),) * 4, Kind.PLATE, 0.5), _quad(20, 80)]
    assert joined(quads) == quads


_NUMBERS = st.floats(0, 300)


@given(st.lists(st.builds(_quad, _NUMBERS, st.floats(5, 100), y=_NUMBERS, turn=st.floats(0, 360)), max_size=8))
def test_joining_ends_and_leaves_nothing_to_join(quads: list[Quad]) -> None:
    whole = joined(quads)
    assert len(whole) <= len(quads)
    assert joined(whole) == whole


@pytest.mark.parametrize("turn", [0.0, 30.0, 90.0, 180.0, -60.0])
def test_lines_above_each_other_may_be_one_plate_in_either_order(turn: float) -> None:
    upper, lower = _quad(20, 80, turn=turn, score=0.6), _quad(10, 110, y=134, turn=turn, score=0.9)
    expected = _quad(10, 110, y=100, height=64, turn=turn, score=0.9)
    for quads, places in (([upper, lower], (0, 1)), ([lower, upper], (1, 0))):
        ((first, second, whole),) = stacked(quads)
        assert (first, second) == places
        assert np.allclose(whole.corners, expected.corners)
        assert whole.score == 0.9


@pytest.mark.parametrize(
    "other",
    [
        _quad(20, 80, y=200),  # too far below
        _quad(20, 80, y=105),  # the same line again
        _quad(120, 80, y=132),  # off to the side
        _quad(20, 80, y=140, height=90),  # much higher
        _quad(50, 20, y=132),  # much narrower
        _quad(20, 80, y=132, kind=Kind.WORD),
    ],
)
def test_what_is_no_line_below_is_no_pair(other: Quad) -> None:
    assert stacked([_quad(20, 80), other]) == []


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_quads_have_no_pair(count: int) -> None:
    assert stacked([_quad(20, 80)] * count) == []
