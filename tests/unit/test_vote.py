"""The vote, on log-probabilities made by hand: two letters at most, so that every sum can be checked on paper."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr import ctc
from edge_ocr.grammar import word_grammar
from edge_ocr.types import Kind, Quad, Sighting, Strip
from edge_ocr.vote import Trust, contradiction, fuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from edge_ocr.grammar import Grammar
    from edge_ocr.vote import Vote

_ALPHABET = "ABC"
_PLAIN = Trust(correlation=0.0, outlier=1000.0, unlisted=5.0)
_ALL = word_grammar(["".join(p) for p in itertools.product(_ALPHABET, repeat=2)], _ALPHABET)


def _sighting(*characters: Mapping[str, float], frame: int = 0, grammar: Grammar = _ALL, top: int = 4) -> Sighting:
    """A sighting of which each character has the given probabilities; the blank between them is certain."""
    probs = np.full((2 * len(characters), len(_ALPHABET) + 1), 1e-9)
    for place, chances in enumerate(characters):
        for character, chance in chances.items():
            probs[2 * place, 1 + _ALPHABET.index(character)] = chance
        probs[2 * place + 1, 0] = 1.0
    log_probs = np.log(probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)
    corners = ((0.0, 0.0), (10.0 + frame, 0.0), (10.0 + frame, 5.0), (0.0, 5.0))
    strip = Strip(np.zeros((48, 160), np.uint8), Quad(corners, Kind.WORD, 0.9))
    return Sighting(frame, strip, log_probs, tuple(ctc.beam_search(log_probs, 16, top, grammar.automaton)))


def _unread(frame: int = 0) -> Sighting:
    sighting = _sighting({"A": 1.0}, {"A": 1.0}, frame=frame)
    return Sighting(frame, sighting.strip, sighting.log_probs, ())


def _fuse(sightings: Sequence[Sighting], grammar: Grammar = _ALL, trust: Trust = _PLAIN) -> Vote:
    result = fuse(sightings, grammar, kind=Kind.WORD, trust=trust)
    assert result is not None
    return result


def test_when_two_frames_disagree_the_sum_decides() -> None:
    weak = _sighting({"A": 0.6, "B": 0.4}, {"C": 1.0})
    strong = _sighting({"A": 0.1, "B": 0.9}, {"C": 1.0}, frame=1)
    vote = _fuse([weak, strong])
    assert (vote.reading.text, vote.best) == ("BC", 1)
    assert vote.reading.confidence == pytest.approx(0.36 / (0.36 + 0.06), abs=1e-3)
    assert vote.reading.alternatives[0].text == "AC"
    assert vote.reading.alternatives[0].confidence == pytest.approx(0.06 / (0.36 + 0.06), abs=1e-3)


def test_a_text_that_no_frame_read_best_can_win() -> None:
    first = _sighting({"A": 0.55, "B": 0.45}, {"A": 0.01, "C": 0.99})
    second = _sighting({"B": 0.45, "C": 0.55}, {"C": 1.0}, frame=1)
    for sighting in (first, second):
        assert _fuse([sighting]).reading.text != "BC"
    assert _fuse([first, second]).reading.text == "BC"


def test_a_single_wrong_frame_is_outvoted_however_sure_it_is() -> None:
    right = [_sighting({"A": 0.9, "B": 0.1}, {"B": 0.9, "C": 0.1}, frame=frame) for frame in range(3)]
    wrong = _sighting({"C": 1.0}, {"C": 1.0}, frame=3)
    assert _fuse([*right, wrong]).reading.text != "AB"  # nothing limits what one frame may cost
    assert _fuse([*right, wrong], trust=Trust(correlation=0.0, outlier=5.0)).reading.text == "AB"


def test_one_sighting_keeps_the_decoder_s_own_order() -> None:
    sighting = _sighting({"A": 0.5, "B": 0.3, "C": 0.2}, {"A": 0.6, "C": 0.4})
    vote = _fuse([sighting], trust=Trust())
    texts = [vote.reading.text, *(other.text for other in vote.reading.alternatives)]
    assert texts == ["".join(_ALPHABET[label - 1] for label in h.labels) for h in sighting.hypotheses]


def test_the_grammar_s_weight_counts_once_and_can_tip_the_scale() -> None:
    grammar = word_grammar({"AC": 1.0, "BC": 9.0}, _ALPHABET)
    frames = [_sighting({"A": 0.6, "B": 0.4}, {"C": 1.0}, frame=frame, grammar=grammar) for frame in range(2)]
    vote = _fuse(frames, grammar)
    assert vote.reading.text == "BC"
    assert vote.reading.confidence == pytest.approx(0.9 * 0.16 / (0.9 * 0.16 + 0.1 * 0.36), abs=1e-3)


def test_what_the_lists_leave_out_takes_from_the_confidence() -> None:
    short = _sighting({"A": 0.4, "B": 0.3, "C": 0.3}, {"A": 1.0}, top=1)
    assert _fuse([short]).reading.confidence == pytest.approx(0.4, abs=1e-3)  # 0.6 lies with texts not listed


def test_the_rest_is_no_more_than_some_texts_like_the_last_listed() -> None:
    grammar = word_grammar(["AA", "AB", "AC"], _ALPHABET)
    sighting = _sighting({"A": 0.5, "B": 0.5}, {"A": 0.98, "B": 0.0199, "C": 1e-4}, grammar=grammar)
    # Half of the probability is with 'BA', which the grammar does not know: it must not count as unlisted text.
    assert _fuse([sighting], grammar).reading.confidence == pytest.approx(0.98, abs=2e-3)


def test_frames_that_repeat_each_other_do_not_make_certainty() -> None:
    frames = [_sighting({"A": 0.8, "B": 0.2}, {"C": 1.0}, frame=frame) for frame in range(16)]
    confidences = [_fuse(frames, trust=Trust(correlation=c)).reading.confidence for c in (0.0, 0.5, 1.0)]
    assert confidences[0] > 0.999999
    assert confidences[1] == pytest.approx(0.8**4 / (0.8**4 + 0.2**4), abs=2e-3)
    assert confidences[2] == pytest.approx(0.8, abs=2e-3)


def test_a_frame_without_text_counts_as_unread_and_changes_nothing() -> None:
    frames = [_sighting({"A": 0.7, "B": 0.3}, {"C": 1.0})]
    vote = _fuse([_unread(), *frames, _unread()])
    assert (vote.unread, vote.best) == (2, 1)
    assert vote.reading == _fuse(frames).reading


def test_nothing_legible_gives_no_vote() -> None:
    assert fuse([], _ALL, kind=Kind.WORD) is None
    assert fuse([_unread(), _unread()], _ALL, kind=Kind.WORD) is None


def test_texts_that_the_grammar_refuses_are_no_candidates() -> None:
    grammar = word_grammar(["CC"], _ALPHABET)
    free = _sighting({"A": 1.0}, {"B": 1.0})
    assert fuse([free], grammar, kind=Kind.WORD) is None


def test_ties_go_to_the_smaller_text_and_the_earlier_frame() -> None:
    frames = [_sighting({"A": 0.5, "B": 0.5}, {"C": 1.0}, frame=frame) for frame in range(3)]
    vote = _fuse(frames)
    assert (vote.reading.text, vote.best) == ("AC", 0)


def test_the_quad_is_that_of_the_frame_that_supports_the_text_best() -> None:
    frames = [_sighting({"A": p, "B": 1 - p}, {"C": 1.0}, frame=i) for i, p in enumerate((0.6, 0.9, 0.7))]
    vote = _fuse(frames)
    assert vote.best == 1
    assert vote.reading.quad == frames[1].strip.quad


def test_a_frame_in_which_a_candidate_is_impossible_still_gives_finite_numbers() -> None:
    long = _sighting({"A": 0.9, "B": 0.1}, {"B": 1.0})
    log_probs = np.full_like(long.log_probs, -np.inf)
    log_probs[:, 0] = 0.0
    log_probs[0] = [-np.inf, 0.0, -np.inf, -np.inf]  # 'A' and nothing else
    short = Sighting(1, long.strip, log_probs, long.hypotheses)
    assert math.isfinite(_fuse([long, short]).reading.confidence)


@pytest.mark.parametrize("bad", [{"correlation": -0.1}, {"correlation": 1.1}, {"outlier": 0.0}, {"unlisted": 0.0}])
def test_impossible_trust_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"correlation must be in 0\.\.1"):
        Trust(**bad)


_CHANCES = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(
    lambda chances: dict(zip(_ALPHABET, (c / sum(chances) for c in chances), strict=True))
)


@given(st.lists(st.tuples(_CHANCES, _CHANCES), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_confidences_are_probabilities_and_order_does_not_matter(
    frames: list[tuple[dict[str, float], dict[str, float]]], random: Random
) -> None:
    sightings = [_sighting(*characters, frame=index) for index, characters in enumerate(frames)]
    vote = _fuse(sightings, trust=Trust())
    confidences = [vote.reading.confidence, *(other.confidence for other in vote.reading.alternatives)]
    assert confidences == sorted(confidences, reverse=True)
    assert 0 < sum(confidences) <= 1 + 1e-9
    shuffled = sightings.copy()
    random.shuffle(shuffled)
    again = _fuse(shuffled, trust=Trust())
    assert again.reading.text == vote.reading.text
    assert again.reading.confidence == pytest.approx(vote.reading.confidence)


def test_by_default_sixteen_frames_alike_weigh_less_than_two_independent_ones() -> None:
    frames = [_sighting({"A": 0.8, "B": 0.2}, {"C": 1.0}, frame=frame) for frame in range(16)]
    worth = 16**0.2  # of independent frames, at the correlation that was measured
    expected = 0.8**worth / (0.8**worth + 0.2**worth)
    assert _fuse(frames, trust=Trust()).reading.confidence == pytest.approx(expected, abs=1e-3)


def test_by_default_five_texts_like_the_last_listed_are_thought_to_be_missing() -> None:
    grammar = word_grammar(["AA", "AB", "AC"], _ALPHABET)
    sighting = _sighting({"A": 0.5, "B": 0.5}, {"A": 0.8, "B": 0.1, "C": 0.1}, grammar=grammar)
    # Listed are 0.4, 0.05 and 0.05; of the half that is left five more of 0.05 may be plates.
    expected = 0.4 / (0.4 + 0.05 + 0.05 + 5 * 0.05)
    assert _fuse([sighting], grammar, trust=Trust()).reading.confidence == pytest.approx(expected, abs=1e-3)


def test_nothing_contradicts_that_the_same_text_is_the_same() -> None:
    one = [_sighting({"A": 0.9, "B": 0.1}, {"C": 1.0}, frame=frame) for frame in range(3)]
    other = [_sighting({"A": 0.6, "B": 0.4}, {"C": 1.0})]
    assert contradiction(one, other, _ALL, trust=_PLAIN) == pytest.approx(0.0, abs=1e-6)


def test_a_misreading_contradicts_by_what_the_right_text_lost_by() -> None:
    one = [_sighting({"A": 0.99, "B": 0.01}, {"C": 1.0})]
    other = [_sighting({"A": 0.4, "B": 0.6}, {"C": 1.0})]
    assert contradiction(one, other, _ALL, trust=_PLAIN) == pytest.approx(math.log(0.6 / 0.4), abs=1e-3)
    assert contradiction(other, one, _ALL, trust=_PLAIN) == pytest.approx(math.log(0.6 / 0.4), abs=1e-3)


def test_two_texts_that_are_clearly_read_contradict_much() -> None:
    one, other = ([_sighting({sure: 0.999, "C": 0.001}, {"C": 1.0})] for sure in "AB")
    assert contradiction(one, other, _ALL, trust=_PLAIN) > 6


def test_what_says_nothing_is_the_same_as_nothing() -> None:
    assert contradiction([_unread()], [_sighting({"A": 1.0}, {"C": 1.0})], _ALL) == math.inf


def test_sightings_of_one_line_and_of_two_can_vote_together() -> None:
    one_line = _sighting({"A": 0.6, "B": 0.4}, {"C": 1.0})
    longer = np.concatenate([one_line.log_probs, one_line.log_probs[1:2]])  # the second line's blank
    two_lines = Sighting(1, one_line.strip, longer, one_line.hypotheses)
    assert _fuse([one_line, two_lines]).reading.text == "AC"


def test_the_frames_that_read_something_else_best_are_counted() -> None:
    right = [_sighting({"A": 0.9, "B": 0.1}, {"C": 1.0}, frame=frame) for frame in range(3)]
    wrong = [_sighting({"A": 0.3, "B": 0.7}, {"C": 1.0}, frame=9)]
    vote = _fuse([*right, *wrong, _unread(10)])
    assert (vote.outvoted, vote.unread) == (1, 1)


def test_the_margin_is_the_logarithm_of_the_odds() -> None:
    vote = _fuse([_sighting({"A": 0.9, "B": 0.1}, {"C": 1.0})])
    sure = vote.reading.confidence
    assert vote.margin == pytest.approx(math.log(sure / (1 - sure)))


def test_letters_of_syllables_are_put_together() -> None:
    letters = "\u1112\u1161\u11ab"
    spelt = word_grammar([letters], letters)
    sighting = _sighting(*({character: 1.0} for character in _ALPHABET), grammar=spelt)
    assert _fuse([sighting], spelt).reading.text == "한"
