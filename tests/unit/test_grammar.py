"""Grammars as their users see them: weights, regions, arguments."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from edge_ocr.errors import GrammarError
from edge_ocr.grammar import PLATE_ALPHABET, Grammar, load_regions, plate_grammar, word_grammar


@pytest.fixture(scope="module")
def everywhere() -> Grammar:
    return plate_grammar(load_regions())


def test_the_weights_of_a_small_format_sum_to_one() -> None:
    grammar = plate_grammar(load_regions(["ca-yt"]), free_prior=0, strength=1, length_bonus=0)
    letters = "ABCDEFGHJKLMNPRSTVWXYZ"
    texts = ("".join(a) + "".join(d) for a in product(letters, repeat=3) for d in product("0123456789", repeat=2))
    edges = {text: grammar.weight(text) for text in ("ABC12", "ZZZ99")}
    assert edges["ABC12"] == edges["ZZZ99"]
    assert sum(1 for _ in texts) * math.exp(edges["ABC12"]) == pytest.approx(1, rel=1e-5)


def test_the_weights_of_a_word_list_sum_to_one_with_its_free_branch() -> None:
    grammar = word_grammar(
        ["A", "AB", "BBA"], "AB", free_prior=0.25, free_price=math.log(4), strength=1, length_bonus=0
    )
    listed = sum(math.exp(grammar.weight(word)) for word in ("A", "AB", "BBA"))
    # The free mass of all 2**n texts of length n is 0.25 * 2**n * 4**-n, and of all lengths 0.5.
    texts = ("".join(t) for n in range(12) for t in product("AB", repeat=n))
    assert sum(math.exp(grammar.weight(text)) for text in texts) == pytest.approx(0.75 + 0.5, abs=1e-3)
    assert listed == pytest.approx(0.75 + 0.25 * (1 / 4 + 1 / 16 + 1 / 64), rel=1e-5)


def test_a_narrow_format_is_worth_more_than_a_wide_one() -> None:
    grammar = plate_grammar(load_regions(["dk", "it"]))
    assert grammar.weight("EL12345") > grammar.weight("AB123CD") > grammar.weight("XXXXXXX") > -math.inf


def test_without_a_free_branch_only_listed_formats_are_accepted() -> None:
    grammar = plate_grammar(load_regions(["nl"]), free_prior=0)
    assert math.isfinite(grammar.weight("24LBHT"))
    assert math.isinf(grammar.weight("24LBHA"))
    assert math.isinf(grammar.weight("24-LB-HT")), "characters beyond the alphabet are in no text"


def test_with_a_free_branch_every_text_is_accepted(everywhere: Grammar) -> None:
    assert all(math.isfinite(everywhere.weight(text)) for text in ("", "Q", "IAMLATE", "0" * 30))
    assert (np.diff(everywhere.automaton.offsets) == 36).all()


def test_texts_of_all_lengths_are_on_a_par_but_for_the_penalty() -> None:
    grammar = plate_grammar(load_regions(["sk"]))
    assert grammar.weight("QQQQ") - grammar.weight("QQQ") == pytest.approx(-1)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("RK755AJ", "sk"),
        ("B123XYZ", "ro"),
        ("117T3989", "tn"),
        ("MH02CB4545", "in"),
        ("BB12CDGP", "za-gp"),
        ("ABC1D23", "br"),
        ("1AB2CD", "au-vic"),
        ("6PGM335", "us-ca"),
        ("YG9X2G", "us-mo"),
        ("WOBVW123", "de"),
        ("LD12CDE", "gb"),
        ("IAMLATE", None),
        ("", None),
        ("ab12cde", None),
    ],
)
def test_the_most_probable_region_is_named(everywhere: Grammar, text: str, region: str | None) -> None:
    assert everywhere.region_of(text) == region


def test_letters_that_are_never_used_stay_forbidden_with_few_countries_only() -> None:
    few, many = load_regions(["nl", "es"]), load_regions(["eu"])
    assert math.isinf(plate_grammar(few, free_prior=0).weight("1234BCA"))
    assert math.isfinite(plate_grammar(many, free_prior=0).weight("1234BCA"))
    assert math.isinf(plate_grammar(many, free_prior=0, exact=True).weight("1234BCA"))
    assert plate_grammar(many).region_of("1234BCA") is None


def test_no_listed_text_is_lost_in_the_union_of_all(everywhere: Grammar) -> None:
    listed = plate_grammar(everywhere.regions, free_prior=0)
    for text in (
        "RK755AJ",
        "24LBHT",
        "1234BCD",
        "WOBVW123",
        "AA123BC",
        "2ABC123",
        "131D12345",
        "22BH1234AA",
        "ND12345",
    ):
        assert math.isfinite(listed.weight(text)), text


def test_all_regions_together_stay_small(everywhere: Grammar) -> None:
    assert len(everywhere.regions) >= 140
    assert len(everywhere.automaton.accept) < 10_000
    assert len(plate_grammar(load_regions(["us"])).automaton.accept) < 1_000


@pytest.mark.parametrize("blank", [0, 3, 36])
def test_classes_leave_the_blank_out(blank: int) -> None:
    regions = load_regions(["sk"])
    shifted = plate_grammar(regions, blank=blank)
    assert blank not in shifted.automaton.labels
    assert shifted.classes.tolist() == [c for c in range(37) if c != blank]
    assert shifted.weight("RK755AJ") == plate_grammar(regions).weight("RK755AJ")


def test_the_order_of_the_alphabet_is_the_recogniser_s() -> None:
    regions, turned = load_regions(["sk"]), PLATE_ALPHABET[::-1] + "-"
    grammar = plate_grammar(regions, turned, free_price=2, length_bonus=0)
    plain = plate_grammar(regions, free_price=2, length_bonus=0)
    assert grammar.weight("RK755AJ") == pytest.approx(plain.weight("RK755AJ"), abs=1e-4)
    assert grammar.automaton.labels.max() == 37


def test_a_recogniser_without_letters_cannot_have_plate_formats() -> None:
    with pytest.raises(GrammarError, match="alphabet lacks 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'"):
        plate_grammar(load_regions(["sk"]), "0123456789")


def test_duplicates_count_once_and_frequencies_count() -> None:
    plain = word_grammar(["A", "B", "B"], "AB", length_bonus=0)
    assert plain.weight("A") == plain.weight("B") == pytest.approx(math.log(0.5))
    counted = word_grammar({"A": 1, "B": 3}, "AB", length_bonus=0)
    assert counted.weight("B") - counted.weight("A") == pytest.approx(math.log(3), rel=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the word list is empty; give at least one word"),
        (["A", ""], "holds an empty word; leave out blank lines"),
        (["A", "BAD"], "word 'BAD' holds 'D', which is not in the alphabet 'AB'; correct"),
        (["A" * 256], "has 256 characters; words may have at most 255"),
        ({"A": 1.0, "B": 0.0}, "word 'B' has the frequency 0.0; give a number above 0"),
        ({"A": math.nan}, "word 'A' has the frequency nan"),
    ],
)
def test_a_wrong_word_list_is_named_with_its_cure(words: list[str] | dict[str, float], message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        word_grammar(words, "AB")


def test_a_single_string_is_no_word_list() -> None:
    with pytest.raises(TypeError, match="words is the string 'AB'"):
        word_grammar("AB", "AB")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"free_prior": 1.0}, "free_prior"),
        ({"free_prior": -0.1}, "free_prior"),
        ({"free_prior": math.nan}, "free_prior"),
        ({"free_price": -1.0}, "free_price"),
        ({"free_price": math.inf}, "free_price"),
        ({"strength": 0.0}, "strength"),
        ({"length_bonus": math.nan}, "length_bonus"),
        ({"blank": 37}, "blank"),
        ({"blank": -1}, "blank"),
    ],
)
def test_a_number_out_of_range_is_named(arguments: dict[str, float], name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is "):
        plate_grammar(load_regions(["sk"]), **arguments)


def test_wrong_alphabets_and_no_regions_are_refused() -> None:
    with pytest.raises(ValueError, match="alphabet 'AA' is empty or names a character twice"):
        word_grammar(["A"], "AA")
    with pytest.raises(ValueError, match="alphabet '' is empty"):
        word_grammar(["A"], "")
    with pytest.raises(ValueError, match="regions is empty"):
        plate_grammar([])


@pytest.mark.parametrize("free_prior", [0.05, 0.5, 0.9])
def test_what_the_free_branch_may_have_the_formats_have_not(free_prior: float) -> None:
    grammar = plate_grammar(load_regions(["ca-yt"]), free_prior=free_prior, strength=1, length_bonus=0)
    listed, free = 1 / (22**3 * 10**2), 36.0**-5
    expected = (1 - free_prior) * listed + free_prior * free
    assert math.exp(grammar.weight("ABC12")) == pytest.approx(expected, rel=1e-4)
