"""Scores that can be checked by hand."""

from __future__ import annotations

import pytest

from export.scoring import Score, calibration, distance, scored


@pytest.mark.parametrize(
    ("a", "b", "edits"), [("", "", 0), ("AB", "", 2), ("KITTEN", "SITTING", 3), ("AB", "BA", 2), ("ABC", "ABC", 0)]
)
def test_edit_distance(a: str, b: str, edits: int) -> None:
    assert distance(a, b) == edits
    assert distance(b, a) == edits


def test_texts_are_compared_without_case_and_separators() -> None:
    assert scored("ab-12 o", folded=False) == "AB12O"


def test_the_same_letters_are_the_same_however_unicode_spells_them() -> None:
    composed, apart = "Caf\u00e9", "Cafe\u0301"
    assert scored(apart, folded=False) == scored(composed, folded=False) == "CAF\u00c9"
    assert scored("Cafe", folded=False) != scored(apart, folded=False)
    assert Score.of([apart], [composed], folded=False).errors == 0


def test_vowels_that_are_marks_tell_words_apart() -> None:
    assert scored("\u0926\u093f\u0928", folded=False) != scored("\u0926\u0940\u0928", folded=False)


def test_folding_counts_look_alikes_as_one() -> None:
    assert scored("O0I1", folded=True) == "0011"


def test_a_score_counts_exact_texts_and_edits() -> None:
    score = Score.of(["AB12", "XY99", "Q0"], ["AB-12", "XY90", "QO"], folded=False)
    assert score.exact == pytest.approx(1 / 3)
    assert score.errors == pytest.approx(2 / 10)
    assert score.count == 3


def test_a_folded_score_forgives_look_alikes() -> None:
    assert Score.of(["Q0"], ["QO"], folded=True).exact == 1


def test_confidence_that_keeps_its_word_has_no_error() -> None:
    result = calibration([0.75] * 4, [True, True, True, False])
    assert result.error == pytest.approx(0)
    assert result.bins == ((4, 0.75, 0.75),)


def test_false_certainty_is_an_error_and_unlikely() -> None:
    sure, unsure = calibration([1.0, 1.0], [True, False]), calibration([0.5, 0.5], [True, False])
    assert sure.error == pytest.approx(0.5)
    assert unsure.error == pytest.approx(0)
    assert sure.likelihood > unsure.likelihood


def test_so_few_texts_show_an_error_by_chance_alone() -> None:
    few = calibration([0.9] * 20, [True] * 18 + [False] * 2)
    many = calibration([0.9] * 2000, [True] * 1800 + [False] * 200)
    assert few.error == pytest.approx(0)
    assert 0.03 < few.chance < 0.09
    assert many.chance < 0.01
