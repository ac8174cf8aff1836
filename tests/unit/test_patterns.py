"""A compiled pattern has exactly the texts that re.fullmatch accepts."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr.automata import accepts, text_count
from edge_ocr.errors import GrammarError
from edge_ocr.patterns import LONGEST, language_of_pattern

ALPHABET = "01AB"

_atoms = st.sampled_from(["0", "1", "A", "B", "[01]", "[AB]", "[^0]", "."])
_patterns = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["?", "{2}", "{1,3}", "{0,2}"])).map(lambda pair: f"({pair[0]}){pair[1]}"),
    ),
    max_leaves=5,
)


@given(_patterns, st.text(ALPHABET, max_size=6))
def test_a_text_is_in_the_language_when_re_matches_it_from_end_to_end(pattern: str, text: str) -> None:
    language = language_of_pattern(pattern, ALPHABET)
    expected = re.fullmatch(pattern, text) is not None
    assert accepts(language, [ALPHABET.index(c) for c in text]) == expected


@pytest.mark.parametrize(
    "pattern", ["(?!SS|WW)[SWA]{2}[01]", "(A|B)?[01]{1,2}", "(?:A0|AB|B)1", "((?!AB)[AB]{2}|[AB])0"]
)
def test_texts_are_counted_exactly(pattern: str) -> None:
    alphabet = "01ABSW"
    texts = ["".join(t) for length in range(5) for t in product(alphabet, repeat=length)]
    language = language_of_pattern(pattern, alphabet)
    assert text_count(language) == sum(re.fullmatch(pattern, text) is not None for text in texts)


def test_a_count_beyond_64_bits_stays_exact() -> None:
    assert text_count(language_of_pattern("[01AB]{60}", ALPHABET)) == 4**60


@pytest.mark.parametrize("pattern", ["A*", "A+0", "[01]{2,}", "(AB)*", "0(A|B)*1"])
def test_endlessly_many_texts_are_refused_with_the_cure(pattern: str) -> None:
    with pytest.raises(GrammarError, match=r"endlessly many texts; replace \*, \+ and \{n,\} by \{n,m\}"):
        language_of_pattern(pattern, ALPHABET)


def test_a_loop_that_leads_nowhere_is_no_endless_language() -> None:
    assert text_count(language_of_pattern("A|BX*Y", ALPHABET)) == 1


@pytest.mark.parametrize("pattern", ["X", "[^01AB]", "A(?!A)A"])
def test_a_pattern_without_any_text_is_refused(pattern: str) -> None:
    with pytest.raises(GrammarError, match="matches no text over the alphabet '01AB'"):
        language_of_pattern(pattern, ALPHABET)


@pytest.mark.parametrize("pattern", ["(A", "[A", "A{2", "(?<=A)B(?P=x)"])
def test_a_malformed_pattern_is_named_in_one_line(pattern: str) -> None:
    with pytest.raises(GrammarError) as caught:
        language_of_pattern(pattern, ALPHABET)
    assert repr(pattern) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_format_has_a_longest_text() -> None:
    with pytest.raises(GrammarError, match=f"a text of {LONGEST + 1} characters; allow {LONGEST}"):
        language_of_pattern(f"A{{{LONGEST + 1}}}", ALPHABET)
