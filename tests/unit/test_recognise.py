"""The tiny bundle can be worked out by hand: a black column is an A, a white one a B, a grey one a blank."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_ocr.bundle import Bundle, load_bundle
from edge_ocr.errors import BundleError, EngineError
from edge_ocr.recognise import Recogniser, log_softmax
from edge_ocr.types import Kind, Quad, Strip, corners_of

BUNDLE = load_bundle(Path(__file__).parents[1] / "data/bundles/tiny", task="recognise")
QUAD = Quad(corners_of([(0, 0), (1, 0), (1, 1), (0, 1)]), Kind.PLATE, 1.0)


def strip_of(columns: str) -> Strip:
    """A strip of 16 columns: '#' is black, '.' grey, ' ' white."""
    shades = np.array([{"#": 0, ".": 128, " ": 255}[column] for column in columns], np.uint8)
    return Strip(np.tile(np.repeat(shades, 2), (8, 1)), QUAD)


def with_settings(**settings: Any) -> Bundle:
    return replace(BUNDLE, settings={**BUNDLE.settings, **settings})


def test_the_columns_of_a_strip_become_classes() -> None:
    log_probs = Recogniser(BUNDLE)(strip_of("..##....  ..#..."))
    best = log_probs.argmax(axis=1)
    a, b = 1 + BUNDLE.settings["alphabet"].index("A"), 1 + BUNDLE.settings["alphabet"].index("B")
    assert best.tolist() == [0, 0, a, a, 0, 0, 0, 0, b, b, 0, 0, a, 0, 0, 0]


def test_rows_are_float32_log_probabilities() -> None:
    log_probs = Recogniser(BUNDLE)(strip_of("#. #. #. #. #. #"))
    assert log_probs.shape == (16, 37)
    assert log_probs.dtype == np.float32
    assert np.exp(log_probs).sum(axis=1) == pytest.approx(np.ones(16), abs=1e-5)


def test_a_higher_temperature_makes_the_same_answer_less_certain() -> None:
    strip = strip_of("################")
    cool, warm = Recogniser(BUNDLE)(strip), Recogniser(with_settings(temperature=2))(strip)
    assert (cool.argmax(axis=1) == warm.argmax(axis=1)).all()
    assert (warm.max(axis=1) < cool.max(axis=1)).all()
    assert warm == pytest.approx(log_softmax(cool / 2), abs=1e-4)


def test_the_blank_comes_first_wherever_the_model_has_it() -> None:
    alphabet = BUNDLE.settings["alphabet"]
    strip = strip_of("##############..")
    plain = Recogniser(BUNDLE)(strip)
    # Read as a model whose blank is its class 11: that class moves to the front, the others keep their order.
    moved = Recogniser(with_settings(blank=11))(strip)
    assert moved == pytest.approx(plain[:, [11, *range(11), *range(12, 37)]])
    assert Recogniser(with_settings(blank=11)).alphabet == alphabet


def test_reading_twice_gives_the_same() -> None:
    recogniser = Recogniser(BUNDLE)
    first = recogniser(strip_of("##..  ..##..  .."))
    recogniser(strip_of("                "))
    assert np.array_equal(first, recogniser(strip_of("##..  ..##..  ..")))


def test_a_strip_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="strip must be 8x32 grey"):
        Recogniser(BUNDLE)(Strip(np.zeros((8, 33), np.uint8), QUAD))


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"alphabet": None}, "alphabet is None"),
        ({"alphabet": "A" * 36}, "alphabet repeats"),
        ({"alphabet": "AB"}, "3 classes"),
        ({"blank": 37}, "blank is 37"),
        ({"blank": -1}, "blank is -1"),
        ({"blank": True}, "blank is True"),
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"temperature": float("nan")}, "temperature must be above 0"),
        ({"temperature": "1"}, "temperature is '1'"),
        ({"width": 33}, "not 8x33 grey"),
        ({"height": 8.0}, "height is 8.0"),
    ],
)
def test_a_bundle_that_does_not_fit_its_model_is_refused_in_one_line(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(BundleError, match=what) as caught:
        Recogniser(with_settings(**settings))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("tiny/model.toml: [recognise]")


def test_log_softmax_survives_large_logits() -> None:
    found = log_softmax(np.array([[1e30, 0, -1e30]], np.float32))
    assert found[0, 0] == 0
    assert not np.isnan(found).any()


def test_a_strip_of_each_width_goes_to_the_network_of_that_width() -> None:
    recogniser = Recogniser(with_settings(widths=[32]))
    assert recogniser.widths == (32,)
    assert recogniser(strip_of("..##............")).shape == (16, 37)


@pytest.mark.parametrize("widths", [[], [16, 32, 32], [32, 16], [16], "32", [16.0, 32]])
def test_impossible_widths_are_an_error_of_the_bundle(widths: Any) -> None:
    with pytest.raises(BundleError, match="widths"):
        Recogniser(with_settings(widths=widths))


@pytest.mark.parametrize(("settings", "widening"), [({}, 1.0), ({"widening": 2}, 2.0), ({"widening": 1.5}, 1.5)])
def test_a_bundle_says_how_much_wider_lines_are_drawn(settings: dict[str, Any], widening: float) -> None:
    assert Recogniser(with_settings(**settings)).widening == widening


def test_a_bundle_says_how_far_apart_the_pieces_of_a_line_are_found() -> None:
    assert Recogniser(with_settings()).gap is None
    assert Recogniser(with_settings(gap=1)).gap == 1.0
    assert (Recogniser(with_settings()).longest, Recogniser(with_settings(widening=2)).longest) == (4.0, 2.0)
    for gap in (math.nan, 0, -1, "1"):
        with pytest.raises(BundleError, match="gap is"):
            Recogniser(with_settings(gap=gap))


@pytest.mark.parametrize("widening", [0, -1.0, math.inf, math.nan, "2", True])
def test_an_impossible_widening_is_an_error_of_the_bundle(widening: Any) -> None:
    with pytest.raises(BundleError, match="widening"):
        Recogniser(with_settings(widening=widening))


def test_a_file_without_a_network_for_each_width_is_an_error() -> None:
    with pytest.raises(EngineError, match="tiny"):
        Recogniser(with_settings(widths=[16, 32]))
