"""Word lists and open grammars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_ocr import ctc
from edge_ocr.decode import search
from edge_ocr.errors import GrammarError
from edge_ocr.words import Match, Names, is_number, listed_grammar, number_grammar, open_grammar, read_names, spelt

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.grammar import Grammar

ALPHABET = " abcdeABCDE"


def spelling(text: str, alphabet: str = ALPHABET, *, sure: float = 0.9) -> np.ndarray:
    """Log-probabilities (T, C) of a recogniser that reads a text, a step a character and a blank after each."""
    classes = len(alphabet) + 1
    rows = np.full((2 * len(text), classes), (1 - sure) / (classes - 1))
    for place, character in enumerate(text):
        rows[2 * place, alphabet.index(character) + 1] = sure
        rows[2 * place + 1, 0] = sure
    return np.log(rows).astype(np.float32)


def texts(grammar: Grammar, log_probs: np.ndarray) -> list[str]:
    return ["".join(ALPHABET[label - 1] for label in found.labels) for found in search(log_probs, grammar, 16, 5)]


def test_an_open_grammar_reads_what_the_search_without_one_reads() -> None:
    log_probs = spelling("cab ad")
    free = ctc.beam_search(log_probs, 16, 5)
    assert [found.labels for found in search(log_probs, open_grammar(ALPHABET), 16, 5)] == [f.labels for f in free]
    assert open_grammar(ALPHABET).weight("abba") == 0.0


@pytest.mark.parametrize("text", [" ab", "ab ", "a  b", " "])
def test_spaces_stand_alone_and_between_words(text: str) -> None:
    assert open_grammar(ALPHABET).weight(text) == -math.inf
    assert listed_grammar(["abc"], ALPHABET).weight(text) == -math.inf
    assert texts(open_grammar(ALPHABET), spelling(text))[0] != text


def test_an_alphabet_without_a_space_is_as_good() -> None:
    assert open_grammar("xy").weight("xyyx") == 0.0


def test_a_listed_name_wins_over_what_was_read_with_one_wrong_letter() -> None:
    grammar = listed_grammar(["abcde", "eddae"], ALPHABET)
    assert texts(grammar, spelling("abcce", sure=0.6))[0] == "abcde"


def test_what_is_clearly_read_and_not_listed_is_kept() -> None:
    grammar = listed_grammar(["abcde"], ALPHABET)
    assert texts(grammar, spelling("ebbe ad", sure=0.995))[0] == "ebbe ad"


def test_only_listed_names_are_read_where_nothing_else_is_allowed() -> None:
    grammar = listed_grammar(["abc", "cab"], ALPHABET, unlisted=0.0)
    assert set(texts(grammar, spelling("ebb", sure=0.5))) <= {"abc", "cab", "ABC", "CAB"}


def test_names_stand_in_capitals_too_unless_told_otherwise() -> None:
    assert math.isfinite(listed_grammar(["abc"], ALPHABET, unlisted=0.0).weight("ABC"))
    assert listed_grammar(["abc"], ALPHABET, unlisted=0.0, capitals=False).weight("ABC") == -math.inf


def test_names_that_cannot_be_written_are_left_out_and_a_list_of_nothing_else_is_refused() -> None:
    assert listed_grammar(["abc", "xyz"], ALPHABET, unlisted=0.0).weight("xyz") == -math.inf
    with pytest.raises(GrammarError, match="alphabet"):
        listed_grammar(["xyz"], ALPHABET)


@pytest.mark.parametrize("arguments", [{"unlisted": 1.0}, {"unlisted": -0.1}, {"price": -1.0}, {"price": math.inf}])
def test_a_number_out_of_its_range_is_named(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        listed_grammar(["abc"], ALPHABET, **arguments)


def test_an_unlisted_text_pays_for_each_character() -> None:
    grammar = listed_grammar(["abc"], ALPHABET, unlisted=0.1, price=1.5)
    assert grammar.weight("dd") == pytest.approx(math.log(0.1) - 3.0)
    assert grammar.weight("abc") == pytest.approx(math.log(0.5))


def test_the_sum_over_both_searches_lists_each_text_once_with_its_better_weight() -> None:
    grammar = listed_grammar(["ab"], ALPHABET, unlisted=0.5, price=0.0)
    found = search(spelling("ab"), grammar, 16, 8)
    assert len({known.labels for known in found}) == len(found)
    assert found[0].weight == pytest.approx(math.log(0.5))
    assert [known.score for known in found] == sorted((known.score for known in found), reverse=True)


def test_a_list_is_read_from_a_file_without_remarks_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("# streets\n\n  Am   Ring \nHauptstraße\n", encoding="utf-8")
    assert read_names(path) == ["Am Ring", "Hauptstraße"]


@pytest.mark.parametrize("content", [b"", b"# none\n", b"\xff\xfe"])
def test_a_file_that_is_no_list_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(GrammarError, match=r"names\.txt"):
        read_names(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GrammarError, match=r"none\.txt"):
        read_names(tmp_path / "none.txt")


def test_names_are_found_with_mistakes_in_them_nearest_first() -> None:
    names = Names(["Hauptstraße", "Hauptstrasse", "Haupt", "Ringweg", "Ringsteg"])
    assert names.closest("HAUPTSTRAS5E") == [Match("Hauptstraße", 1), Match("Hauptstrasse", 1)]
    assert names.closest("ringweg") == [Match("Ringweg", 0), Match("Ringsteg", 2)]
    assert names.closest("ringweg", most=1) == [Match("Ringweg", 0)]
    assert names.closest("nowhere") == []
    assert names.closest("") == []


def test_distances_are_those_of_levenshtein() -> None:
    from export.scoring import distance  # noqa: PLC0415 -- the slow oracle, which needs no torch

    rng = np.random.default_rng(3)
    words = ["".join("abc"[place] for place in rng.integers(3, size=rng.integers(1, 7))) for _ in range(60)]
    names = Names(words)
    for text in words[:20]:
        expected = {word: distance(text, word) for word in words}
        found = {match.name: match.distance for match in names.closest(text, within=3, most=100)}
        assert found == {word: far for word, far in expected.items() if far <= 3}


def test_an_open_grammar_may_be_kept_to_some_characters() -> None:
    grammar = open_grammar(ALPHABET, only="bc")
    assert grammar.weight("bcb") == 0.0
    assert grammar.weight("bab") == grammar.weight("b b") == -math.inf
    with pytest.raises(GrammarError, match="none of the characters"):
        open_grammar(ALPHABET, only="xyz ")


NUMBERS = " 0123456789Oab"


def test_among_digits_a_letter_is_the_digit_that_it_looks_like() -> None:
    log_probs = spelling("10O7", NUMBERS, sure=0.6)
    log_probs[4, NUMBERS.index("0") + 1] = math.log(0.25)
    grammar = number_grammar(NUMBERS)
    best = search(log_probs, grammar, 16, 5)[0]
    assert "".join(NUMBERS[label - 1] for label in best.labels) == "1007"


def test_what_is_clearly_no_number_is_not_forced_into_one() -> None:
    best = search(spelling("Oba", NUMBERS, sure=0.97), number_grammar(NUMBERS), 16, 5)[0]
    assert "".join(NUMBERS[label - 1] for label in best.labels) == "Oba"
    strict = search(spelling("Oba", NUMBERS, sure=0.97), number_grammar(NUMBERS, unlisted=0), 16, 5)[0]
    assert all(NUMBERS[label - 1].isdigit() for label in strict.labels)


def test_numbers_may_stand_in_groups() -> None:
    grammar = number_grammar(NUMBERS, unlisted=0)
    assert grammar.weight("31 80 069") == 0.0
    assert grammar.weight("3a") == -math.inf


@pytest.mark.parametrize("arguments", [{"unlisted": 1.0}, {"price": -1.0}])
def test_a_price_of_numbers_out_of_range_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        number_grammar(NUMBERS, **arguments)


@pytest.mark.parametrize(
    ("text", "is_one"), [("7", True), ("12a", True), ("31 80 069-1", True), ("B2B", False), ("", False)]
)
def test_numbers_have_more_digits_than_other_characters(text: str, is_one: bool) -> None:
    assert is_number(text) is is_one


HANGUL = " \u1109\u1105\u110b\u1161\u1165\u116e\u11af"


def test_a_syllable_is_spelt_by_its_letters_where_the_alphabet_has_those() -> None:
    assert spelt("서울", frozenset(HANGUL)) == "\u1109\u1165\u110b\u116e\u11af"
    assert spelt("서울", frozenset("서울")) == "서울"
    assert spelt("서울역", frozenset(HANGUL)) == ""


def test_names_of_syllables_are_listed_by_their_letters() -> None:
    letters = spelt("서울", frozenset(HANGUL))
    grammar = listed_grammar(["서울", "부산"], HANGUL, unlisted=0)
    best = search(spelling(letters, HANGUL), grammar, 16, 5)[0]
    assert "".join(HANGUL[label - 1] for label in best.labels) == letters
