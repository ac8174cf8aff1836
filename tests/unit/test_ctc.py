"""The decoder against its oracle, and against summing over every alignment there is."""

from __future__ import annotations

import gc
import itertools
import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_ocr import bench, ctc
from edge_ocr.ctc import reference
from edge_ocr.types import Automaton, Hypothesis, QuantisedLogits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CLOSE = {"rel": 1e-9, "abs": 1e-9}


def log_softmax(logits: NDArray[Any]) -> NDArray[np.float32]:
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)), np.float32)


def automaton_of(edges: Sequence[Sequence[tuple[int, int, float]]], accept: Sequence[float]) -> Automaton:
    """From each state's (label, target, weight)."""
    flat = [edge for state in edges for edge in sorted(state)]
    return Automaton(
        offsets=np.cumsum([0, *map(len, edges)]).astype(np.int32),
        labels=np.array([edge[0] for edge in flat], np.int32),
        targets=np.array([edge[1] for edge in flat], np.int32),
        weights=np.array([edge[2] for edge in flat], np.float32),
        accept=np.array(accept, np.float32),
    )


def words(*texts: Sequence[int]) -> Automaton:
    """The trie of some label sequences, all weights 0."""
    prefixes = sorted({tuple(text[:n]) for text in texts for n in range(len(text) + 1)})
    state = {prefix: number for number, prefix in enumerate(prefixes)}
    edges: list[list[tuple[int, int, float]]] = [[] for _ in prefixes]
    for prefix in prefixes[1:]:
        edges[state[prefix[:-1]]].append((prefix[-1], state[prefix], 0.0))
    return automaton_of(edges, [0.0 if prefix in map(tuple, texts) else -math.inf for prefix in prefixes])


def enumerate_texts(log_probs: NDArray[np.float32], blank: int) -> dict[tuple[int, ...], float]:
    """Every text and its log-probability, by walking through all C^T alignments."""
    masses: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        text = tuple(c for t, c in enumerate(path) if c != blank and (t == 0 or c != path[t - 1]))
        mass = math.fsum(float(log_probs[t, c]) for t, c in enumerate(path))
        masses[text] = float(np.logaddexp(masses.get(text, -math.inf), mass))
    return masses


@st.composite
def inputs(draw: st.DrawFn, steps: int = 6, classes: int = 4) -> tuple[NDArray[np.float32], int]:
    """Log-probabilities without ties, from flat to as peaked as a network's, and a blank."""
    shape = draw(st.integers(0, steps)), draw(st.integers(1, classes))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    sharpness = draw(st.sampled_from([0.3, 1.0, 4.0, 12.0]))
    return log_softmax(random.normal(size=shape) * sharpness), draw(st.integers(0, shape[1] - 1))


@st.composite
def automata(draw: st.DrawFn, classes: int, blank: int) -> Automaton:
    """Any graph: cycles, dead ends, states out of reach, and now and then nothing that is accepted."""
    states = draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = [c for c in range(classes) if c != blank]
    edges = [
        [(c, int(random.integers(states)), random.normal() * 3) for c in labels if random.random() < 0.6]
        for _ in range(states)
    ]
    return automaton_of(edges, [random.normal() if random.random() < 0.4 else -math.inf for _ in range(states)])


def assert_same(found: list[Hypothesis], expected: list[Hypothesis]) -> None:
    assert [(h.labels, h.steps) for h in found] == [(h.labels, h.steps) for h in expected]
    assert [h.log_prob for h in found] == pytest.approx([h.log_prob for h in expected], **CLOSE)
    assert [h.weight for h in found] == pytest.approx([h.weight for h in expected], **CLOSE)


@given(inputs())
def test_greedy_is_what_the_oracle_says(given_input: tuple[NDArray[np.float32], int]) -> None:
    log_probs, blank = given_input
    assert_same([ctc.greedy(log_probs, blank=blank)], [reference.greedy(log_probs, blank=blank)])


@settings(max_examples=300, deadline=None)
@given(inputs(steps=7), st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.0, 0.01, 0.2, 0.6]), st.data())
def test_beam_search_is_what_the_oracle_says(
    given_input: tuple[NDArray[np.float32], int], width: int, top: int, prune: float, data: st.DataObject
) -> None:
    log_probs, blank = given_input
    top = min(top, width)
    automaton = data.draw(st.none() | automata(log_probs.shape[1], blank))
    found = ctc.beam_search(log_probs, width, top, automaton, prune=prune, blank=blank)
    assert_same(found, reference.beam_search(log_probs, width, top, automaton, prune=prune, blank=blank))


@settings(deadline=None)
@given(inputs(steps=5))
def test_a_wide_beam_finds_every_text_and_the_score_of_each_is_the_sum_over_its_alignments(
    given_input: tuple[NDArray[np.float32], int],
) -> None:
    log_probs, blank = given_input
    expected = enumerate_texts(log_probs, blank)
    found = ctc.beam_search(log_probs, 5000, 5000, blank=blank)
    assert {h.labels: pytest.approx(h.log_prob, **CLOSE) for h in found} == expected
    scores = ctc.score(log_probs, list(expected), blank=blank)
    assert list(scores) == pytest.approx(list(expected.values()), abs=1e-5)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


@settings(deadline=None)
@given(inputs(steps=5), st.data())
def test_a_wide_constrained_beam_finds_exactly_the_accepted_texts(
    given_input: tuple[NDArray[np.float32], int], data: st.DataObject
) -> None:
    log_probs, blank = given_input
    automaton = data.draw(automata(log_probs.shape[1], blank))
    weights = {text: reference.acceptance(automaton, text) for text in enumerate_texts(log_probs, blank)}
    found = ctc.beam_search(log_probs, 5000, 5000, automaton, blank=blank)
    assert {h.labels: pytest.approx(h.weight, **CLOSE) for h in found} == {
        text: weight for text, weight in weights.items() if weight > -math.inf
    }


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(0.01, 1.0), st.integers(-128, 127), st.floats(0.3, 3.0))
def test_int8_logits_are_softmaxed_inside(seed: int, scale: float, zero_point: int, temperature: float) -> None:
    values = np.random.default_rng(seed).integers(-128, 128, (6, 4), np.int8)
    logits = QuantisedLogits(values, scale, zero_point, temperature)
    found, expected = ctc.greedy(logits), reference.greedy(logits)
    assert (found.labels, found.steps) == (expected.labels, expected.steps)
    assert found.log_prob == pytest.approx(expected.log_prob, **CLOSE)
    best, oracle = ctc.beam_search(logits, 50)[0], reference.beam_search(logits, 50)[0]
    assert best.log_prob == pytest.approx(oracle.log_prob, **CLOSE)
    texts = [(1, 2), (3,), (), (1, 1, 2)]
    expected_scores = [reference.score(logits, text) for text in texts]
    assert list(ctc.score(logits, texts)) == pytest.approx(expected_scores, **CLOSE)


def test_one_step_of_int8_is_worth_scale_over_temperature() -> None:
    warm = QuantisedLogits(np.array([[10, 0]], np.int8), 0.2, 5, temperature=2.0)
    assert ctc.score(warm, ()) == pytest.approx(-math.log1p(math.exp(-1.0)), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), max_size=4), st.integers(0, 2**32), st.integers(0, 3), st.booleans())
def test_a_batch_is_its_sequences_cut_to_their_lengths(
    lengths: list[int], seed: int, blank: int, quantise: bool
) -> None:
    random = np.random.default_rng(seed)
    batch: Any = log_softmax(random.normal(size=(len(lengths), 6, 4)) * 3)

    def part(item: int) -> Any:
        if quantise:
            return QuantisedLogits(values[item, : lengths[item]], 0.1, 0)
        return batch[item, : lengths[item]]

    values = random.integers(-128, 128, batch.shape, np.int8)
    whole = QuantisedLogits(values, 0.1, 0) if quantise else batch
    items = range(len(lengths))
    texts = [(1 if blank != 1 else 2,), ()]
    assert ctc.greedy(whole, lengths=lengths, blank=blank) == [ctc.greedy(part(i), blank=blank) for i in items]
    assert ctc.beam_search(whole, 7, 3, lengths=lengths, blank=blank) == [
        ctc.beam_search(part(i), 7, 3, blank=blank) for i in items
    ]
    scores = ctc.score(whole, texts, lengths=lengths, blank=blank)
    assert scores.shape == (len(lengths), 2)
    for i in items:
        assert list(scores[i]) == list(ctc.score(part(i), texts, blank=blank))
    assert list(ctc.score(whole, texts[0], lengths=lengths, blank=blank)) == list(scores[:, 0])


def _field(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers at addresses that are no multiple of four."""
    records = np.zeros(array.shape, np.dtype([("pad", np.int8), ("value", array.dtype)]))
    records["value"] = array
    return np.asarray(records["value"])


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "classes reversed in memory": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "steps reversed in memory": lambda a: np.ascontiguousarray(a[..., ::-1, :])[..., ::-1, :],
    "every second class of a wider array": lambda a: np.repeat(a, 2, -1)[..., ::2],
    "classes before steps": lambda a: np.ascontiguousarray(np.swapaxes(a, -1, -2)).swapaxes(-1, -2),
    "a field of a packed record": _field,
    "read-only": _read_only,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.int8])
@pytest.mark.parametrize("shape", [(9, 37), (3, 9, 37)])
def test_the_memory_layout_makes_no_difference(layout: str, dtype: type, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    values = random.integers(-128, 128, shape, np.int8) if dtype is np.int8 else log_softmax(random.normal(size=shape))

    def results(array: NDArray[Any]) -> list[Any]:
        source: Any = QuantisedLogits(array, 0.05, 0) if dtype is np.int8 else array
        return [
            ctc.greedy(source),
            ctc.beam_search(source, 8, 4),
            np.asarray(ctc.score(source, [(1, 2), (3,)])).tolist(),
        ]

    laid_out = LAYOUTS[layout](values)
    np.testing.assert_array_equal(laid_out, values)
    assert results(laid_out) == results(values)


def test_log_prob_is_exact_however_narrow_the_beam() -> None:
    for log_probs in bench.posteriors(20, seed=3):
        for width in (1, 3):
            for found in ctc.beam_search(log_probs, width, width):
                assert found.log_prob == ctc.score(log_probs, found.labels)


def test_from_beam_16_the_best_text_is_that_of_the_oracle() -> None:
    for log_probs in bench.posteriors(4, seed=11):
        assert ctc.beam_search(log_probs, 16)[0].labels == reference.beam_search(log_probs, 40, 1)[0].labels


def test_steps_are_where_the_labels_start_in_the_likeliest_alignment() -> None:
    path = [0, 3, 3, 0, 0, 3, 5, 5, 0]
    log_probs = log_softmax(np.eye(6)[path] * 20)
    assert ctc.greedy(log_probs).steps == (1, 5, 6)
    assert ctc.beam_search(log_probs, 100)[0].steps == (1, 5, 6)  # not where a faint trace of each was first seen


def test_equal_labels_need_a_blank_between_them() -> None:
    log_probs = log_softmax(np.array([[0.0, 9.0], [0.0, 9.0]]))
    assert ctc.score(log_probs, (1, 1)) == -math.inf
    assert (1, 1) not in [h.labels for h in ctc.beam_search(log_probs, 10, 10)]


def test_scores_far_below_what_a_double_holds_are_exact() -> None:
    log_probs = log_softmax(np.tile([0.0, -700.0, -650.0], (40, 1)))
    text = (1, 2) * 15
    assert ctc.score(log_probs, text) == pytest.approx(reference.score(log_probs, text), rel=1e-12)
    assert ctc.score(log_probs, text) < -20000


def test_a_sequence_of_thousands_of_steps_is_decoded() -> None:
    log_probs = np.concatenate(list(bench.posteriors(100, seed=5)))
    found = ctc.beam_search(log_probs, 10)[0]
    assert len(found.labels) == len(found.steps) > 500
    assert found.log_prob == pytest.approx(ctc.score(log_probs, found.labels))
    assert ctc.greedy(log_probs).log_prob <= found.log_prob


def test_a_step_at_which_nothing_is_possible_leaves_no_text() -> None:
    log_probs = log_softmax(np.zeros((3, 4)))
    log_probs[1] = -np.inf
    assert ctc.beam_search(log_probs, 5, 5) == []
    assert ctc.greedy(log_probs).log_prob == -math.inf
    assert list(ctc.score(log_probs, [(), (1,)])) == [-math.inf, -math.inf]


def test_a_text_of_probability_0_is_not_returned() -> None:
    log_probs = np.array([[0.0, -np.inf, -np.inf]], np.float32)
    assert [h.labels for h in ctc.beam_search(log_probs, 10, 10)] == [()]


def test_log_probabilities_need_not_be_normalised_and_count_as_given() -> None:
    log_probs = log_softmax(np.random.default_rng(1).normal(size=(5, 4)))
    lowered = log_probs - np.float32(1000.0)
    before, after = ctc.beam_search(log_probs, 20)[0], ctc.beam_search(lowered, 20)[0]
    assert before.labels == after.labels
    assert after.log_prob == pytest.approx(before.log_prob - 5000.0, rel=1e-6)


def test_no_steps_leave_the_empty_text() -> None:
    log_probs = np.zeros((0, 5), np.float32)
    empty = Hypothesis((), 0.0, 0.0, ())
    assert ctc.greedy(log_probs) == empty
    assert ctc.beam_search(log_probs, 10, 10) == [empty]
    assert list(ctc.score(log_probs, [(), (1,)])) == [0.0, -math.inf]


def test_the_blank_alone_leaves_the_empty_text() -> None:
    log_probs = np.full((4, 1), -0.25, np.float32)
    (found,) = ctc.beam_search(log_probs, 65536, 9)
    assert (found.labels, found.log_prob) == ((), pytest.approx(-1.0))
    assert found == ctc.greedy(log_probs)


@pytest.mark.parametrize("classes", [2, 7, 8, 9, 15, 16, 17, 18, 37])
def test_a_label_is_found_wherever_it_stands_beside_any_blank(classes: int) -> None:
    for label in range(classes):
        for blank in {0, 1, classes // 2, classes - 1} - {label}:
            row = np.full((1, classes), -9.0, np.float32)
            row[0, label] = -0.5
            assert ctc.greedy(row, blank=blank).labels == (label,)
            row[0, blank] = -0.5  # as likely: the lower class wins
            assert ctc.greedy(row, blank=blank).labels == (() if blank < label else (label,))


def test_hypotheses_are_ordinary_ones() -> None:
    found = ctc.greedy(log_softmax(np.eye(4)[[1, 2]] * 9))
    assert found == Hypothesis(found.labels, found.log_prob, found.weight, found.steps)
    assert hash(found) == hash(Hypothesis(found.labels, found.log_prob, found.weight, found.steps))
    with pytest.raises(AttributeError):
        found.weight = 1.0  # type: ignore[misc]


def test_the_automaton_decides_between_look_alikes() -> None:
    log_probs = log_softmax(np.array([[0.0, 8.0, 7.9, 0.0], [9.0, 0.0, 0.0, 0.0], [0.0, 7.9, 8.0, 0.0]]))
    assert ctc.beam_search(log_probs, 20)[0].labels == (1, 2)
    assert ctc.beam_search(log_probs, 20, automaton=words((2, 1), (3, 3)))[0].labels == (2, 1)


def test_a_narrow_beam_still_ends_in_an_accepting_state() -> None:
    # Everything speaks for 1 1 1 1, of which the automaton knows no more than the beginning.
    log_probs = log_softmax(np.array([[0.0, 20.0, 0.0], [20.0, 0.0, 0.0]] * 4))
    found = ctc.beam_search(log_probs, 1, automaton=words((1, 1, 1, 2, 1), (1, 1)))
    assert found != []
    assert found[0].labels in {(1, 1), (1, 1, 1, 2, 1)}


def test_a_text_too_long_for_the_steps_is_not_begun() -> None:
    log_probs = log_softmax(np.zeros((2, 5)))
    found = ctc.beam_search(log_probs, 1, automaton=words((1, 2, 3), (4,)))
    assert [h.labels for h in found] == [(4,)]


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_an_automaton_that_accepts_nothing_yields_nothing(steps: int) -> None:
    nothing = automaton_of([[(1, 0, 0.0)]], [-math.inf])
    assert ctc.beam_search(log_softmax(np.zeros((steps, 3))), 10, 10, nothing) == []


def test_weights_take_part_in_the_order() -> None:
    log_probs = log_softmax(np.array([[0.0, 5.0, 4.0]]))
    either = automaton_of([[(1, 1, -2.0), (2, 2, 0.5)], [], []], [-math.inf, 0.25, 0.125])
    best, second = ctc.beam_search(log_probs, 5, 5, either)
    assert (best.labels, best.weight) == ((2,), 0.625)
    assert (second.labels, second.weight) == ((1,), -1.75)
    assert best.score == best.log_prob + best.weight > second.score


def test_weights_as_heavy_as_they_may_be_are_borne() -> None:
    log_probs = log_softmax(np.random.default_rng(2).normal(size=(12, 3)))
    heavy = automaton_of([[(1, 1, 300.0), (2, 0, -300.0)], [(1, 0, 300.0), (2, 1, 299.0)]], [300.0, -300.0])
    found = ctc.beam_search(log_probs, 10, 1, heavy)
    assert_same(found, reference.beam_search(log_probs, 10, 1, heavy))


def test_cycles_are_walked_as_often_as_there_are_steps() -> None:
    log_probs = log_softmax(np.eye(3)[[1, 2] * 3] * 12)
    loop = automaton_of([[(1, 1, 0.0)], [(2, 0, 0.0)]], [0.0, -math.inf])
    assert ctc.beam_search(log_probs, 4, automaton=loop)[0].labels == (1, 2, 1, 2, 1, 2)


def test_an_automaton_serves_another_blank() -> None:
    log_probs = log_softmax(np.random.default_rng(3).normal(size=(5, 4)) * 4)
    automaton = words((1, 2), (2, 1), (1,))
    for blank in (0, 3):
        found = ctc.beam_search(log_probs, 30, 30, automaton, blank=blank)
        assert_same(found, reference.beam_search(log_probs, 30, 30, automaton, blank=blank))


def test_prune_leaves_out_classes_below_it_but_never_the_likeliest() -> None:
    log_probs = np.log(np.array([[0.5, 0.3, 0.2], [0.3, 0.36, 0.34]], np.float32))
    assert {h.labels for h in ctc.beam_search(log_probs, 50, 50, prune=0.35)} == {(1,)}
    assert {h.labels for h in ctc.beam_search(log_probs, 50, 50, prune=0.25)} == {(1,), (2,), (), (1, 2)}
    assert {h.labels for h in ctc.beam_search(log_probs, 50, 50, prune=0.99)} == {(1,)}


def test_equal_probabilities_are_decided_alike_every_time() -> None:
    log_probs = log_softmax(np.zeros((6, 5)))
    first = ctc.beam_search(log_probs, 7, 7)
    assert all(ctc.beam_search(log_probs, 7, 7) == first for _ in range(3))
    assert ctc.greedy(log_probs, blank=4).labels == (0,)


def test_many_threads_decode_the_same() -> None:
    log_probs = bench.posteriors(30)
    expected = ctc.beam_search(log_probs, 10, 3)
    found: list[Any] = [None] * 6

    def decode(number: int) -> None:
        found[number] = ctc.beam_search(log_probs, 10, 3)

    threads = [threading.Thread(target=decode, args=(number,)) for number in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [expected] * len(found)


def test_the_kernel_computes_these_very_bits() -> None:
    # Written down on x86-64; every other machine must agree to the last digit.
    values = np.random.default_rng(7).integers(-128, 128, (24, 20), np.int8)
    found = ctc.beam_search(QuantisedLogits(values, 0.05, 0), 10, 3)
    assert [(h.labels, h.log_prob.hex()) for h in found] == [
        ((17, 18, 2, 8, 16, 7, 15, 19, 5, 8, 14, 19, 15, 5, 2, 11, 7, 1, 10, 16, 9, 14, 11), "-0x1.2911b09979f8bp+4"),
        ((17, 18, 2, 8, 16, 7, 15, 19, 14, 8, 14, 19, 15, 5, 2, 11, 7, 1, 10, 16, 9, 14, 11), "-0x1.29e848f07fc17p+4"),
        ((17, 7, 2, 8, 16, 7, 15, 19, 5, 8, 14, 19, 15, 5, 2, 11, 7, 1, 10, 16, 9, 14, 11), "-0x1.2aab4a3313925p+4"),
    ]


@settings(max_examples=50, deadline=None)
@given(st.floats(-(2.0**127), 0.0, width=32), st.floats(-(2.0**127), 0.0, width=32))
@example(-708.0, -708.5)
@example(-3.4028234663852886e38, 0.0)
def test_logarithms_of_any_depth_are_added_up_right(first: float, second: float) -> None:
    log_probs = np.array([[first, second]], np.float32)
    assert list(ctc.score(log_probs, [(), (1,)])) == pytest.approx([first, second], rel=1e-15, abs=1e-15)


def test_the_kernels_copy_of_an_automaton_goes_with_it() -> None:
    log_probs = np.log(np.full((4, 3), 1 / 3, np.float32))
    known = words((1, 2))
    for _ in range(2):
        assert ctc.beam_search(log_probs, 4, 1, known)[0].labels == (1, 2)
    before = len(ctc._COPIES)
    assert known in ctc._COPIES
    del known
    gc.collect()
    assert len(ctc._COPIES) == before - 1
