"""Words that were found as one, taken apart where the recogniser saw the space."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr import signs, spaces
from edge_ocr.types import Alternative, Kind, Quad, Reading, corners_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALPHABET = " ABC"
QUAD = Quad(corners_of([(100, 50), (300, 50), (300, 90), (100, 90)]), Kind.SIGN, 0.8)


def told(text: str, *others: tuple[str, float], sure: float = 0.6) -> Reading:
    alternatives = tuple(Alternative(other, confidence) for other, confidence in others)
    return Reading(text=text, confidence=sure, kind=Kind.SIGN, region=None, quad=QUAD, alternatives=alternatives)


def seen(columns: str) -> NDArray[np.float32]:
    """Log-probabilities that say a character, or '_' for the blank, at each time step."""
    probs = np.full((len(columns), len(ALPHABET) + 1), 1e-4, np.float32)
    for step, column in enumerate(columns):
        probs[step, ALPHABET.find(column) + 1] = 1.0
    return np.asarray(np.log(probs / probs.sum(axis=1, keepdims=True)), np.float32)


def test_each_word_gets_its_part_of_the_quad() -> None:
    left, right = spaces.words(told("AB BCC"), seen("_A_B__ _B_C_C_"), ALPHABET)
    assert (left.text, right.text) == ("AB", "BCC")
    assert left.quad.corners[0] == QUAD.corners[0]
    assert right.quad.corners[2] == QUAD.corners[2]
    assert left.quad.corners[1] == right.quad.corners[0]
    assert left.quad.corners[1][0] == pytest.approx(100 + 200 * (3.5 + 8.5) / 2 / 14, abs=0.1)
    assert left.quad.score == 0.8


def test_words_taken_apart_are_one_line_and_one_sign_again() -> None:
    found = spaces.words(told("AB BCC"), seen("_A_B__ _B_C_C_"), ALPHABET)
    assert [line.text for line in signs.lines(found)] == ["AB BCC"]
    assert [sign.text for sign in signs.signs(found)] == ["AB BCC"]


def test_a_word_is_as_sure_as_all_texts_that_have_it_in_its_place() -> None:
    reading = told("AB CC", ("AB BC", 0.2), ("CB CC", 0.1), ("ABCC", 0.05))
    left, right = spaces.words(reading, seen("_A_B__ _C_C__"), ALPHABET)
    assert left.confidence == pytest.approx(0.8)
    assert right.confidence == pytest.approx(0.7)
    assert [(each.text, each.confidence) for each in left.alternatives] == [("CB", 0.1)]
    assert [(each.text, each.confidence) for each in right.alternatives] == [("BC", 0.2)]


@pytest.mark.parametrize(
    ("text", "columns"),
    [("ABC", "_A_B_C_"), ("A B C", "_A_ _B_ _C_"), ("AB CC", "_AB "), ("AB XC", "_A_B_ _B_C_"), (" AB", "_ _A_B_")],
    ids=["one word", "set wide", "no room", "not of the alphabet", "nothing before the space"],
)
def test_what_cannot_be_taken_apart_stays_whole(text: str, columns: str) -> None:
    reading = told(text)
    assert spaces.words(reading, seen(columns), ALPHABET) == [reading]


def test_equal_neighbours_need_a_blank_between_them() -> None:
    assert spaces.positions(seen("AA"), [2, 2]) is None
    assert spaces.positions(seen("A_A"), [2, 2]) == pytest.approx([0.5 / 3, 2.5 / 3])
    assert spaces.positions(seen("A"), [2]) == [0.5]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(12, 30), st.integers(0, 10**6))
def test_characters_stand_in_the_order_of_the_text_whatever_was_seen(labels: list[int], steps: int, seed: int) -> None:
    log_probs = np.log(np.random.default_rng(seed).dirichlet(np.ones(5), steps).astype(np.float32) + 1e-9)
    places = spaces.positions(log_probs, labels)
    assert places is not None
    assert all(0 < place < 1 for place in places)
    assert all(first < second for first, second in pairwise(places))
