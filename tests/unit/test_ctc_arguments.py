"""One test an argument rule: what cannot be decoded is refused by name, before anything is computed."""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge_ocr import ctc
from edge_ocr.types import Automaton, QuantisedLogits

if TYPE_CHECKING:
    from collections.abc import Callable

LOG_PROBS = np.log(np.full((4, 5), 0.2, np.float32))
BATCH = np.stack([LOG_PROBS, LOG_PROBS, LOG_PROBS])
LOGITS = QuantisedLogits(np.zeros((4, 5), np.int8), scale=0.1, zero_point=3)
AUTOMATON = Automaton(
    offsets=np.array([0, 2, 3], np.int32),
    labels=np.array([1, 4, 2], np.int32),
    targets=np.array([1, 0, 0], np.int32),
    weights=np.array([0.0, -1.0, 2.0], np.float32),
    accept=np.array([-math.inf, 0.5], np.float32),
)

EVERY: dict[str, Callable[..., Any]] = {
    "greedy": ctc.greedy,
    "beam_search": lambda log_probs, **options: ctc.beam_search(log_probs, 4, **options),
    "score": lambda log_probs, **options: ctc.score(log_probs, (1, 2), **options),
}
each_function = pytest.mark.parametrize("decode", EVERY.values(), ids=EVERY)


@each_function
@pytest.mark.parametrize("log_probs", [None, [[0.0]], "text", 3.0], ids=repr)
def test_log_probs_that_are_no_array_are_refused(decode: Callable[..., Any], log_probs: object) -> None:
    with pytest.raises(TypeError, match="log_probs must be a float32 array of shape"):
        decode(log_probs)


@each_function
@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int8, np.uint8, np.int32, np.complex64, ">f4", bool])
def test_log_probs_of_another_type_are_refused(decode: Callable[..., Any], dtype: Any) -> None:
    with pytest.raises(TypeError, match="log_probs must be a float32 array"):
        decode(np.zeros((4, 5), dtype))


@each_function
@pytest.mark.parametrize("shape", [(), (5,), (1, 2, 3, 4)])
def test_log_probs_of_another_shape_are_refused(decode: Callable[..., Any], shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"log_probs must have the shape \(T, C\) or \(N, T, C\)"):
        decode(np.zeros(shape, np.float32))


@each_function
def test_log_probs_without_a_class_are_refused(decode: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="log_probs must have at least one class"):
        decode(np.zeros((4, 0), np.float32))


@each_function
@pytest.mark.parametrize("value", [math.nan, math.inf, 0.5, 1.1e-3])
@pytest.mark.parametrize("place", range(5))
def test_log_probs_that_are_no_logarithms_of_probabilities_are_refused(
    decode: Callable[..., Any], value: float, place: int
) -> None:
    batch = BATCH.copy()
    batch[1, 2, place] = value
    with pytest.raises(ValueError, match="log_probs holds NaN or a value above 0 at step 2 of sequence 1"):
        decode(batch)


@each_function
def test_log_probs_may_exceed_0_by_rounding(decode: Callable[..., Any]) -> None:
    decode(np.array([[1e-4, -20.0]] * 3, np.float32), blank=1) if decode is not EVERY["score"] else None
    assert ctc.greedy(np.array([[1e-4, -20.0]], np.float32)).labels == ()


@each_function
def test_what_lies_beyond_a_length_is_not_looked_at(decode: Callable[..., Any]) -> None:
    batch = BATCH.copy()
    batch[:, 3] = math.nan
    decode(batch, lengths=[3, 0, 3])


@each_function
def test_an_array_with_more_steps_than_memory_is_refused(decode: Callable[..., Any]) -> None:
    endless = np.broadcast_to(LOG_PROBS[0], (2**40, 5))
    with pytest.raises(ValueError, match="log_probs has too many steps"):
        decode(endless)


@each_function
@pytest.mark.parametrize("blank", [-1, 5, 2**70, -(2**70)])
def test_a_blank_that_is_no_class_is_refused(decode: Callable[..., Any], blank: int) -> None:
    with pytest.raises(ValueError, match=r"blank must lie in 0\.\.4, not"):
        decode(LOG_PROBS, blank=blank)


@each_function
@pytest.mark.parametrize("blank", [None, 1.0, "0"])
def test_a_blank_that_is_no_integer_is_refused(decode: Callable[..., Any], blank: object) -> None:
    with pytest.raises(TypeError, match="blank must be an integer"):
        decode(LOG_PROBS, blank=blank)


@each_function
def test_lengths_of_a_single_sequence_are_refused(decode: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="lengths belongs to a batch"):
        decode(LOG_PROBS, lengths=[4])


@each_function
@pytest.mark.parametrize("lengths", [[], [4, 4], [4, 4, 4, 4]])
def test_lengths_of_another_number_are_refused(decode: Callable[..., Any], lengths: list[int]) -> None:
    with pytest.raises(ValueError, match="lengths must hold one integer for each of the 3 sequences"):
        decode(BATCH, lengths=lengths)


@each_function
@pytest.mark.parametrize("length", [-1, 5, 2**40])
def test_lengths_beyond_the_steps_are_refused(decode: Callable[..., Any], length: int) -> None:
    with pytest.raises(ValueError, match=r"lengths\[1\] must lie in 0\.\.4, not"):
        decode(BATCH, lengths=[4, length, 4])


@each_function
@pytest.mark.parametrize("lengths", [3, [1.0, 2.0, 3.0], ["1", "2", "3"], [2**70, 1, 1], object()], ids=repr)
def test_lengths_that_are_no_integers_are_refused(decode: Callable[..., Any], lengths: object) -> None:
    with pytest.raises(TypeError, match="lengths must be a sequence of integers"):
        decode(BATCH, lengths=lengths)


@each_function
def test_lengths_may_be_an_array(decode: Callable[..., Any]) -> None:
    decode(BATCH, lengths=np.array([4, 0, 2]))


@each_function
@pytest.mark.parametrize("name", ["scale", "temperature"])
@pytest.mark.parametrize("value", [0.0, -0.1, math.nan, math.inf])
def test_a_scale_or_temperature_that_is_not_positive_is_refused(
    decode: Callable[..., Any], name: str, value: float
) -> None:
    with pytest.raises(ValueError, match=rf"log_probs\.{name} must be finite and above 0"):
        decode(replace(LOGITS, **{name: value}))


@each_function
@pytest.mark.parametrize("name", ["scale", "temperature"])
def test_a_scale_or_temperature_that_is_no_number_is_refused(decode: Callable[..., Any], name: str) -> None:
    with pytest.raises(TypeError, match=rf"log_probs\.{name} must be a real number"):
        decode(replace(LOGITS, **{name: "0.1"[:0]}))


@each_function
def test_a_scale_and_temperature_that_are_worlds_apart_are_refused(decode: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"log_probs\.scale / log_probs\.temperature must lie in"):
        decode(replace(LOGITS, scale=1e-300, temperature=1e300))


@each_function
@pytest.mark.parametrize("zero_point", [-129, 128])
def test_a_zero_point_beyond_int8_is_refused(decode: Callable[..., Any], zero_point: int) -> None:
    with pytest.raises(ValueError, match=r"log_probs\.zero_point must lie in -128\.\.127"):
        decode(replace(LOGITS, zero_point=zero_point))


@each_function
def test_a_zero_point_that_is_no_integer_is_refused(decode: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"log_probs\.zero_point must be an integer"):
        decode(replace(LOGITS, zero_point=0.5))


@each_function
@pytest.mark.parametrize("values", [np.zeros((4, 5), np.float32), np.zeros((4, 5), np.uint8), None], ids=repr)
def test_logits_of_another_type_are_refused(decode: Callable[..., Any], values: Any) -> None:
    with pytest.raises(TypeError, match=r"log_probs\.values must be an int8 array"):
        decode(replace(LOGITS, values=values))


@pytest.mark.parametrize("width", [0, -1, 65537, 10**9, 2**70])
def test_a_beam_width_out_of_range_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=r"beam_width must lie in 1\.\.65536, not"):
        ctc.beam_search(LOG_PROBS, width)


@pytest.mark.parametrize("top", [0, -1, 5, 2**70])
def test_a_top_out_of_range_is_refused(top: int) -> None:
    with pytest.raises(ValueError, match=r"top must lie in 1\.\.4, not"):
        ctc.beam_search(LOG_PROBS, 4, top)


@pytest.mark.parametrize("name", ["beam_width", "top"])
@pytest.mark.parametrize("value", [2.0, "2", None])
def test_a_beam_width_or_top_that_is_no_integer_is_refused(name: str, value: Any) -> None:
    arguments: dict[str, Any] = {"beam_width": 4, "top": 2, name: value}
    with pytest.raises(TypeError, match=f"{name} must be an integer"):
        ctc.beam_search(LOG_PROBS, **arguments)


@pytest.mark.parametrize("prune", [-0.1, 1.0, math.nan, math.inf])
def test_a_prune_that_is_no_probability_is_refused(prune: float) -> None:
    with pytest.raises(ValueError, match="prune must be a probability"):
        ctc.beam_search(LOG_PROBS, 4, prune=prune)


@pytest.mark.parametrize("prune", [None, "0", [0.1]])
def test_a_prune_that_is_no_number_is_refused(prune: Any) -> None:
    with pytest.raises(TypeError, match="prune must be a real number"):
        ctc.beam_search(LOG_PROBS, 4, prune=prune)


def test_the_widest_beam_is_served_where_memory_allows() -> None:
    assert len(ctc.beam_search(LOG_PROBS, 65536, 65536)) == len(
        {h.labels for h in ctc.beam_search(LOG_PROBS, 65536, 65536)}
    )


def test_a_beam_too_wide_for_its_steps_is_a_memory_error() -> None:
    endless = np.broadcast_to(LOG_PROBS[0], (2**28, 5))
    with pytest.raises(MemoryError):
        ctc.beam_search(endless, 65536)


@pytest.mark.parametrize("automaton", ["[A-Z]{3}", [1, 2], {}, 5])
def test_an_automaton_of_another_type_is_refused(automaton: Any) -> None:
    with pytest.raises(TypeError, match="automaton must be an Automaton or None"):
        ctc.beam_search(LOG_PROBS, 4, automaton=automaton)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("offsets", [0, 2], "automaton.offsets must have one element more than automaton.accept"),
        ("offsets", [1, 2, 3], "automaton.offsets must start at 0"),
        ("offsets", [0, 3, 2], "automaton.offsets must ascend"),
        ("offsets", [0, 2**31 - 1, 3], "automaton.offsets must ascend"),
        ("offsets", [0, -5, 3], "automaton.offsets must ascend"),
        ("offsets", [0, 2, 2], "automaton.offsets must end at the number of edges"),
        ("offsets", [0, 2, 4], "automaton.offsets must end at the number of edges"),
        ("labels", [4, 1, 2], "automaton.labels must ascend within each state"),
        ("labels", [1, 1, 2], "automaton.labels must ascend within each state"),
        ("labels", [-1, 1, 2], "automaton.labels must not be negative"),
        ("labels", [0, 1, 2], "automaton.labels must not hold the blank"),
        ("labels", [1, 5, 2], "automaton.labels must be classes of log_probs, 0..4, not 5"),
        ("labels", [1, 2**31 - 1, 2], "automaton.labels must be classes of log_probs"),
        ("labels", [1, 4], "automaton.labels, targets and weights must be equally long"),
        ("targets", [1, 0, 2], "automaton.targets must be states"),
        ("targets", [1, 0, -1], "automaton.targets must be states"),
        ("targets", [1, 0, 2**31 - 1], "automaton.targets must be states"),
        ("targets", [1], "automaton.labels, targets and weights must be equally long"),
        ("weights", [0.0, math.nan, 0.0], "automaton.weights must lie in -300..300"),
        ("weights", [0.0, -math.inf, 0.0], "automaton.weights must lie in -300..300"),
        ("weights", [0.0, 301.0, 0.0], "automaton.weights must lie in -300..300"),
        ("weights", [], "automaton.labels, targets and weights must be equally long"),
        ("accept", [-math.inf, math.nan], "automaton.accept must be -inf or lie in -300..300"),
        ("accept", [-math.inf, math.inf], "automaton.accept must be -inf or lie in -300..300"),
        ("accept", [-math.inf, -301.0], "automaton.accept must be -inf or lie in -300..300"),
        ("accept", [], "automaton.accept must have at least one state"),
        ("accept", [0.0], "automaton.offsets must have one element more than automaton.accept"),
    ],
)
def test_a_hostile_automaton_is_refused(name: str, value: list[float], message: str) -> None:
    hostile = replace(AUTOMATON, **{name: np.array(value, getattr(AUTOMATON, name).dtype)})
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # the message is compared whole, without escapes
        ctc.beam_search(LOG_PROBS, 4, automaton=hostile)
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize("name", ["offsets", "labels", "targets", "weights", "accept"])
def test_an_automaton_s_arrays_must_have_their_types(name: str) -> None:
    array = np.nan_to_num(getattr(AUTOMATON, name), neginf=-1.0)
    wanted = "float32" if array.dtype == np.float32 else "int32"
    for other in (array.astype(np.float64), array.astype(np.int64), array.astype(array.dtype.newbyteorder())):
        with pytest.raises(TypeError, match=f"automaton.{name} must be {wanted}"):
            ctc.beam_search(LOG_PROBS, 4, automaton=replace(AUTOMATON, **{name: other}))
    with pytest.raises(TypeError, match=f"automaton.{name} must be an array"):
        ctc.beam_search(LOG_PROBS, 4, automaton=replace(AUTOMATON, **{name: array.tolist()}))


@pytest.mark.parametrize("name", ["offsets", "labels", "targets", "weights", "accept"])
def test_an_automaton_s_arrays_must_be_one_dimensional_and_contiguous(name: str) -> None:
    array = getattr(AUTOMATON, name)
    for other in (array[None], np.repeat(array, 2)[::2], array[::-1][::-1][None].T):
        with pytest.raises(ValueError, match=f"automaton.{name} must be one-dimensional and contiguous"):
            ctc.beam_search(LOG_PROBS, 4, automaton=replace(AUTOMATON, **{name: other}))


def test_an_automaton_may_be_changed_once_it_has_been_read() -> None:
    automaton = replace(AUTOMATON, targets=AUTOMATON.targets.copy())
    before = ctc.beam_search(LOG_PROBS, 4, automaton=automaton)
    automaton.targets[:] = 2**31 - 1  # the kernel has its own copy, and is not led astray
    assert ctc.beam_search(LOG_PROBS, 4, automaton=automaton) == before


@pytest.mark.parametrize("labels", [(5,), (-1,), (0,), (2**70,), [(1,), (9,)]], ids=repr)
def test_labels_that_are_no_classes_are_refused(labels: Any) -> None:
    with pytest.raises(ValueError, match=r"labels must be classes, 0\.\.4, other than the blank 0, not"):
        ctc.score(LOG_PROBS, labels)


@pytest.mark.parametrize("labels", [None, 3, "AB", [1.5], [(1, 2), 3], [[1.5]], {1: 2}, [("a",)]], ids=repr)
def test_labels_that_are_no_sequences_of_integers_are_refused(labels: Any) -> None:
    with pytest.raises(TypeError, match="labels must be"):
        ctc.score(LOG_PROBS, labels)


@pytest.mark.parametrize("labels", [[1, 2], np.array([1, 2]), (np.int8(1), np.uint64(2))], ids=repr)
def test_labels_may_be_any_sequence_of_integers(labels: Any) -> None:
    assert ctc.score(LOG_PROBS, labels) == ctc.score(LOG_PROBS, (1, 2))
    assert list(ctc.score(LOG_PROBS, [labels, ()])) == [ctc.score(LOG_PROBS, (1, 2)), ctc.score(LOG_PROBS, ())]


def test_the_results_have_the_shapes_of_what_was_asked() -> None:
    assert isinstance(ctc.score(LOG_PROBS, ()), float)
    assert ctc.score(LOG_PROBS, [(1,), (2,), ()]).shape == (3,)
    assert ctc.score(BATCH, (1,)).shape == (3,)
    assert ctc.score(BATCH, [(1,), ()]).shape == (3, 2)
    assert ctc.score(BATCH[:0], [(1,), ()]).shape == (0, 2)
    assert ctc.greedy(BATCH[:0]) == []
    assert ctc.beam_search(BATCH[:0], 3) == []
    assert [len(found) for found in ctc.beam_search(BATCH, 3, 2)] == [2, 2, 2]


def test_without_the_kernel_the_import_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edge_ocr.ctc._kernel", None)
    monkeypatch.delattr(ctc, "_kernel")
    with pytest.raises(ImportError, match=r"_kernel is missing.*apt install gcc python3-dev"):
        importlib.reload(ctc)


def test_the_kernel_itself_refuses_to_be_called_otherwise() -> None:
    kernel: Any = ctc._kernel
    with pytest.raises(TypeError, match="5 arguments wanted, 1 given"):
        kernel.greedy(LOG_PROBS)
    with pytest.raises(TypeError, match="9 arguments wanted, 5 given"):
        kernel.beam_search(ctc._MOULD, LOG_PROBS, 0.0, None, 0)
    with pytest.raises(TypeError, match="begin with a class"):
        kernel.greedy(("Hypothesis",), LOG_PROBS, 0.0, None, 0)
    with pytest.raises(TypeError, match="descriptors of slots"):
        kernel.greedy((int, "labels"), LOG_PROBS, 0.0, None, 0)
    with pytest.raises(IndexError):
        kernel.greedy(ctc._MOULD[:2], LOG_PROBS, 0.0, None, 0)
