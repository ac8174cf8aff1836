"""Unions and word lists: deterministic, minimal, and with the weights that their formula gives."""

from __future__ import annotations

import math
import random
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_ocr.automata import Terms, accepts, automaton, layers_of_words, text_count, union
from edge_ocr.patterns import language_of_pattern

if TYPE_CHECKING:
    from edge_ocr.types import Automaton

ALPHABET = "01AB"
CLASSES = np.arange(1, 5, dtype=np.int32)
PLAIN = Terms(free_prior=-math.inf, free_price=0, strength=1, length_bonus=0)
TEXTS = ["".join(t) for length in range(5) for t in product(ALPHABET, repeat=length)]

FORMATS = st.lists(
    st.tuples(
        st.sampled_from(
            ["[01]{2}", "[AB][01]", "A[01]?", "[01AB]{1,3}", "AB|BA|A", "[AB]{2}[01]{2}", "(?!AA)[AB]{2}1"]
        ),
        st.floats(0.01, 1),
    ),
    min_size=1,
    max_size=6,
)


def weigh(result: Automaton, text: str) -> float:
    return result.weight([1 + ALPHABET.index(c) for c in text])


def check_sound(result: Automaton) -> None:
    """Everything that the type promises."""
    states = len(result.accept)
    assert result.offsets.dtype == result.labels.dtype == result.targets.dtype == np.int32
    assert result.weights.dtype == result.accept.dtype == np.float32
    assert result.offsets[0] == 0
    assert result.offsets[-1] == len(result.labels) == len(result.targets) == len(result.weights)
    assert (np.diff(result.offsets) >= 0).all()
    assert ((result.targets >= 0) & (result.targets < states)).all()
    assert np.isfinite(result.weights).all()
    assert (np.isfinite(result.accept) | np.isneginf(result.accept)).all()
    for state in range(states):
        labels = result.labels[result.offsets[state] : result.offsets[state + 1]]
        assert (np.diff(labels) > 0).all(), "edges are sorted by label, at most one a label"


@given(FORMATS)
@settings(max_examples=25, deadline=None)
def test_a_union_weighs_every_text_as_the_formula_says(formats: list[tuple[str, float]]) -> None:
    languages = [language_of_pattern(pattern, ALPHABET) for pattern, _ in formats]
    priors = np.array([prior for _, prior in formats])
    terms = Terms(free_prior=math.log(0.1), free_price=1.5, strength=0.5, length_bonus=0.25)
    plain, free = (automaton(union(languages, priors), CLASSES, t) for t in (PLAIN, terms))
    check_sound(plain)
    check_sound(free)
    for text in TEXTS:
        labels = [ALPHABET.index(c) for c in text]
        mass = sum(p / text_count(f) for f, p in zip(languages, priors, strict=True) if accepts(f, labels))
        assert weigh(plain, text) == pytest.approx(math.log(mass) if mass else -math.inf, abs=1e-5)
        expected = 0.5 * math.log(mass + 0.1 * math.exp(-1.5 * len(text))) + 0.25 * len(text)
        assert weigh(free, text) == pytest.approx(expected, abs=1e-5)


@given(FORMATS)
@settings(max_examples=30, deadline=None)
def test_no_two_states_of_a_union_have_the_same_future(formats: list[tuple[str, float]]) -> None:
    languages = [language_of_pattern(pattern, ALPHABET) for pattern, _ in formats]
    result = automaton(union(languages, np.array([prior for _, prior in formats])), CLASSES, PLAIN)
    start = [0, *result.targets.tolist()]
    futures = {state: _future(result, state) for state in start}
    # The start alone carries the best text's weight on its edges, so that the others are comparable.
    others = [future for state, future in futures.items() if state]
    assert len(set(others)) == len(others)


def _future(result: Automaton, state: int) -> tuple[tuple[str, float], ...]:
    """Every text from a state, with its weight."""
    found = [("", float(result.accept[state]))] if np.isfinite(result.accept[state]) else []
    for edge in range(result.offsets[state], result.offsets[state + 1]):
        ahead = _future(result, int(result.targets[edge]))
        found += [(f"{result.labels[edge]}{text}", weight + float(result.weights[edge])) for text, weight in ahead]
    return tuple((text, round(weight, 4)) for text, weight in sorted(found))


def test_weights_are_paid_as_soon_as_a_choice_costs_something() -> None:
    narrow, wide = language_of_pattern("A0", ALPHABET), language_of_pattern("B[01]{3}", ALPHABET)
    result = automaton(union([narrow, wide], np.array([0.5, 0.5])), CLASSES, PLAIN)
    first = result.weights[: result.offsets[1]]
    np.testing.assert_allclose(first, [math.log(0.5), math.log(0.5 / 8)], rtol=1e-6)
    assert not result.weights[result.offsets[1] :].any(), "from there on every completion is as good as the best"
    np.testing.assert_allclose(result.accept[np.isfinite(result.accept)], 0, atol=1e-6)


def test_widening_fills_in_what_half_of_a_group_allows() -> None:
    alphabet = "0123456789ABCDEF"
    letters = np.array([c.isalpha() for c in alphabet])
    language = language_of_pattern("[A-E][0-4]|F9", alphabet)
    classes = np.arange(1, 17, dtype=np.int32)
    result = automaton(union([language], np.ones(1), (letters, ~letters)), classes, PLAIN)

    def weight(text: str) -> float:
        return result.weight([1 + alphabet.index(c) for c in text])

    assert weight("A0") == pytest.approx(-math.log(51))
    assert weight("A7") == weight("A0"), "five of ten digits are half of them"
    assert weight("F9") == weight("A0")
    assert math.isinf(weight("F7")), "one of ten digits is no small print but a rule"


def words_automaton(words: list[str]) -> Automaton:
    return automaton(layers_of_words(words, np.zeros(len(words)), ALPHABET), CLASSES, PLAIN)


@pytest.mark.parametrize("characters", [1, 254, 255, 4_000, 70_000])
def test_words_of_an_alphabet_of_any_size_make_a_trie_in_order(characters: int) -> None:
    alphabet = "".join(map(chr, range(0x10000, 0x10000 + characters)))
    chance = random.Random(characters)
    pool = alphabet + (alphabet[0] + alphabet[-1]) * characters
    words = {"".join(chance.choices(pool, k=chance.randint(1, 19))) for _ in range(99)}
    layers = layers_of_words(sorted(words, reverse=True), np.zeros(len(words)), alphabet)
    found, reached = set(), {0: ""}
    for state, text in enumerate(reached[state] for state in range(len(layers.accept))):
        edges = slice(*layers.offsets[state : state + 2])
        assert (np.diff(layers.labels[edges]) > 0).all()
        reached |= {
            int(target): text + alphabet[label]
            for label, target in zip(layers.labels[edges], layers.targets[edges], strict=True)
        }
        found |= {text} if layers.accept[state] == 0 else set()
    assert found == words


@pytest.mark.parametrize(
    ("words", "states", "edges"),
    [
        (["A"], 2, 1),
        (["A", "B", "0", "1"], 2, 4),
        (["A0", "B0"], 3, 3),
        (["A", "AA", "AAA"], 4, 3),
        (["A01", "B01", "AB01", "BA01"], 6, 8),
        (["".join(t) for t in product("AB", repeat=4)], 5, 8),
    ],
)
def test_a_word_list_becomes_the_smallest_automaton(words: list[str], states: int, edges: int) -> None:
    result = words_automaton(words)
    check_sound(result)
    assert (len(result.accept), len(result.labels)) == (states, edges)


@given(st.sets(st.text(ALPHABET, min_size=1, max_size=5), min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_a_word_list_accepts_its_words_alone(words: set[str]) -> None:
    result = words_automaton(sorted(words, reverse=True))
    check_sound(result)
    assert {text for text in TEXTS if np.isfinite(weigh(result, text))} == {w for w in words if len(w) < 5}
    assert all(np.isfinite(weigh(result, word)) for word in words)
    futures = [_future(result, state) for state in range(1, len(result.accept))]
    assert len(set(futures)) == len(futures)


def test_a_large_list_loses_no_word() -> None:
    draw = random.Random(0)
    words = sorted({"".join(draw.choices(ALPHABET, k=draw.randint(1, 12))) for _ in range(2000)})
    result = words_automaton(words)
    known = set(words)
    assert all(np.isfinite(weigh(result, word)) for word in words)
    assert not any(np.isfinite(weigh(result, word + c)) for word in words for c in ALPHABET if word + c not in known)
