"""Words and lines put together into signs."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr.signs import _Line, lines, signs
from edge_ocr.types import Kind, Quad, Reading, corners_of


def word(
    text: str, x: float, y: float, *, width: float | None = None, height: float = 20.0, sure: float = 0.9
) -> Reading:
    """A reading whose top left corner is at x, y; 12 pixels a character unless told otherwise."""
    wide = 12.0 * len(text) if width is None else width
    corners = [(x, y), (x + wide, y), (x + wide, y + height), (x, y + height)]
    return Reading(text, sure, Kind.WORD, None, Quad(corners_of(corners), Kind.WORD, sure))


def turned(reading: Reading, degrees: float) -> Reading:
    """The same, seen by a camera that is tilted."""
    angle = math.radians(degrees)
    corners = [
        (x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle))
        for x, y in reading.quad.corners
    ]
    quad = Quad(corners_of(corners), reading.quad.kind, reading.quad.score)
    return Reading(reading.text, reading.confidence, reading.kind, None, quad)


GUIDE = [
    word("Seoul", 0, 0),
    word("56", 120, 0),
    word("km", 150, 0),
    word("Busan", 0, 30),
    word("320", 110, 30),
    word("km", 152, 30),
]


def entries(readings: list[Reading]) -> list[list[tuple[str, str, str]]]:
    return [[(entry.name, entry.distance, entry.arrow) for entry in sign.entries] for sign in signs(readings)]


def test_nothing_read_makes_no_sign() -> None:
    assert signs([]) == []


def test_words_on_one_line_are_one_name_in_the_order_of_reading() -> None:
    assert entries([word("Paix", 130, 1), word("Rue", 0, 0), word("de", 45, 0), word("la", 80, 0)]) == [
        [("Rue de la Paix", "", "")]
    ]


def test_a_name_over_several_lines_is_one_name() -> None:
    found = signs([word("Marktplatz", 10, 30), word("Alter", 30, 0)])
    assert [sign.text for sign in found] == ["Alter Marktplatz"]
    assert len(found[0].entries[0].quads) == 2


def test_a_hyphen_at_the_end_of_a_line_joins_without_a_space() -> None:
    assert signs([word("Karl-Marx-", 0, 0), word("Allee", 20, 28)])[0].text == "Karl-Marx-Allee"


def test_names_and_distances_stay_apart_on_a_guide_sign() -> None:
    assert entries(GUIDE) == [[("Seoul", "56 km", ""), ("Busan", "320 km", "")]]


def test_lines_that_were_read_as_one_are_taken_apart() -> None:
    assert entries([word("Seoul 56km", 0, 0), word("Busan 320 km", 0, 30)]) == [
        [("Seoul", "56 km", ""), ("Busan", "320 km", "")]
    ]


@pytest.mark.parametrize("distance", ["1.5 km", "1,5 km", "800 m", "1/4 mi", "½ mile", "10 min", "3 h"])
def test_distances_of_many_kinds_are_distances(distance: str) -> None:
    assert entries([word(f"Exit {distance}", 0, 0)]) == [[("Exit", distance, "")]]


def test_a_bare_number_far_to_the_right_is_a_distance_and_a_house_number_is_not() -> None:
    assert entries([word("Seoul", 0, 0), word("56", 100, 0)]) == [[("Seoul", "56", "")]]
    assert entries([word("Ringstr.", 0, 0), word("56", 106, 0)]) == [[("Ringstr. 56", "", "")]]


@pytest.mark.parametrize(
    ("texts", "name", "distance"),
    [
        (["Berlin", "12 km", "15 km"], "Berlin 12 km", "15 km"),
        (["Exit 12 m", "2 km"], "Exit 12 m", "2 km"),
        (["Wien", "A 1", "7", "23"], "Wien A 1 7", "23"),
        (["Mo", "8", "18", "h"], "Mo 8", "18 h"),
        (["12 km", "Berlin"], "Berlin", "12 km"),
    ],
)
def test_of_several_distances_on_a_line_the_last_is_the_distance_and_the_name_keeps_the_rest(
    texts: list[str], name: str, distance: str
) -> None:
    readings = [word(text, 120.0 * place, 0, width=96) for place, text in enumerate(texts)]
    assert entries(readings) == [[(name, distance, "")]]


PIECES = ["Berlin", "A 1", "Haupt-", "Exit 12 m", "12 km", "½mi", "7", "23", "h", "km", "→", "↑ 8", "B3 9 min", ""]
WRITTEN = st.one_of(st.sampled_from(PIECES), st.text("aK1½. km←→", max_size=7))
PLACED = st.builds(word, WRITTEN, st.integers(0, 600), st.integers(0, 70), width=st.integers(5, 90))


def written(texts: list[str]) -> Counter[str]:
    """How often each character is there, spaces aside."""
    return Counter("".join("".join(texts).split()))


@given(st.lists(PLACED, max_size=9))
def test_nothing_that_was_read_is_lost_or_added(readings: list[Reading]) -> None:
    everything = written([reading.text for reading in readings])
    assert written([sign.text for sign in signs(readings)]) == everything
    assert written([line.text for line in lines(readings)]) == everything


def test_arrows_stay_apart_from_names() -> None:
    assert entries([word("↑", 0, 0, width=20), word("Centre", 30, 0), word("→ Gare", 0, 30)]) == [
        [("Centre", "", "↑"), ("Gare", "", "→")]
    ]


def test_a_smaller_line_below_a_name_is_an_entry_of_its_own() -> None:
    found = entries([word("Goethestraße", 0, 0, height=30), word("Dichter", 30, 36, height=14)])
    assert found == [[("Goethestraße", "", ""), ("Dichter", "", "")]]


def test_boards_far_apart_are_two_signs_from_top_to_bottom() -> None:
    assert [sign.text for sign in signs([word("Exit", 300, 200), word("Stop", 10, 0)])] == ["Stop", "Exit"]
    assert len(signs([word("Stop", 0, 0), word("Exit", 200, 0)])) == 2


def test_a_crossing_text_is_a_sign_of_its_own() -> None:
    assert len(signs([word("Main", 0, 0), turned(word("Cross", 20, 0), 90)])) == 2


@pytest.mark.parametrize("degrees", [-30.0, -8.0, 12.0, 90.0, 180.0])
def test_a_tilted_camera_changes_nothing_but_the_quads(degrees: float) -> None:
    assert entries([turned(reading, degrees) for reading in GUIDE]) == entries(GUIDE)


def test_the_order_of_what_was_read_does_not_matter() -> None:
    readings = [*GUIDE, word("Stop", 0, 300), word("Alter", 400, 0), word("Markt", 400, 28)]
    expected = signs(readings)
    random.Random(4).shuffle(readings)
    assert signs(readings) == expected


def test_quads_hold_their_lines_and_start_at_the_texts_own_top_left() -> None:
    (sign,) = signs(GUIDE)
    assert np.allclose(sign.quad.corners, [(0, 0), (176, 0), (176, 50), (0, 50)])
    assert np.allclose(sign.entries[1].quads[0].corners, [(0, 30), (176, 30), (176, 50), (0, 50)])
    (upside,) = signs([turned(reading, 180.0) for reading in GUIDE])
    assert np.allclose(upside.quad.corners[0], (0, 0))


def test_the_confidence_of_an_entry_is_that_of_all_its_readings() -> None:
    (sign,) = signs([word("Alter", 0, 0, sure=0.8), word("Markt", 0, 28, sure=0.5)])
    assert sign.entries[0].confidence == pytest.approx(0.4)
    assert sign.quad.score == 0.5


def test_json_holds_plain_values() -> None:
    (sign,) = signs([word("Seoul 56 km", 0, 0)])
    assert sign.as_json() == {
        "text": "Seoul 56 km",
        "confidence": 0.9,
        "quad": [[0.0, 0.0], [132.0, 0.0], [132.0, 20.0], [0.0, 20.0]],
        "entries": [
            {
                "name": "Seoul",
                "distance": "56 km",
                "arrow": "",
                "confidence": 0.9,
                "quads": [[[0.0, 0.0], [132.0, 0.0], [132.0, 20.0], [0.0, 20.0]]],
            }
        ],
    }


def test_lines_are_told_from_top_to_bottom_and_from_left_to_right() -> None:
    found = lines([word("Busan", 0, 30), word("56", 200, 1), word("la", 80, 1), word("Rue", 0, 0), word("de", 45, 0)])
    assert [line.text for line in found] == ["Rue de la", "56", "Busan"]
    assert found[0].confidence == pytest.approx(0.9**3)
    assert found[0].quad.corners[0] == pytest.approx((0, 0), abs=2)
    assert found[0].quad.corners[2] == pytest.approx((104, 21), abs=2)


def test_a_word_on_its_own_stays_as_it_was_read() -> None:
    alone = turned(word("Alter", 30, 0), 8)
    assert lines([alone]) == [alone]
    assert lines([]) == []


def test_a_sign_is_as_sure_as_all_of_it() -> None:
    (sign,) = signs([word("Seoul", 0, 0, sure=0.8), word("56", 120, 0, sure=0.5)])
    assert sign.confidence == pytest.approx(0.4)


def test_passing_over_pairs_that_are_far_apart_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)
    words = ["Seoul", "56 km", "12", "km", "\u2190", "Haupt-"]
    boards = [
        [
            turned(word(chance.choice(words), chance.uniform(0, 500), chance.uniform(0, 150)), chance.uniform(-9, 9))
            for _ in range(9)
        ]
        for _ in range(60)
    ]
    quick = [(signs(board), lines(board)) for board in boards]
    assert {len(found) for found, _ in quick} > {2, 3}
    monkeypatch.setattr("edge_ocr.signs._far", lambda *_: False)
    assert [(signs(board), lines(board)) for board in boards] == quick


def test_words_all_over_a_picture_are_hardly_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 780 pairs; measuring each takes a second where there are 300 words."""
    measured: list[object] = []
    real = _Line.spans
    monkeypatch.setattr(_Line, "spans", lambda line, along: measured.append(line) or real(line, along))
    chance = random.Random(3)
    found = [word("way", 2000 * chance.random(), 60.0 * row) for row in range(40)]
    assert len(lines(found)) == 40
    assert len(measured) < 200
