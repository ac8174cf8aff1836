"""CTC decoding of a recogniser's output: greedy, beam search along an automaton, and exact scores.

Every function takes one sequence, (T, C), or a batch, (N, T, C), of T time steps and C classes, one of which is the
blank, either as float32 natural log-probabilities or as the recogniser's :class:`~edge_ocr.types.QuantisedLogits`. Any
memory layout will do and nothing is copied. The work is done by a C kernel without the GIL, in double precision; what
it computes is defined by :mod:`edge_ocr.ctc.reference` and explained in docs/design/ctc.md.

Log-probabilities may be -inf, but not NaN and not above 0 (by more than rounding). They are taken as given: where a
step's probabilities do not add up to 1, neither do those of the answers. A probability more than e^700 times smaller
than its step's highest counts as 0.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import isfinite
from operator import index
from struct import Struct
from typing import TYPE_CHECKING, Any, SupportsIndex, overload
from weakref import WeakKeyDictionary

import numpy as np

from edge_ocr.types import Automaton, Hypothesis, QuantisedLogits

try:
    from edge_ocr.ctc import _kernel
except ImportError as error:
    raise ImportError(
        "edge_ocr.ctc._kernel is missing, the compiled half of the decoder: install edge-ocr from a wheel, or with a C "
        "compiler and Python's headers at hand (apt install gcc python3-dev; pip install .)"
    ) from error

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["beam_search", "greedy", "score"]

_FLOAT = Struct("d")
# The kernel's own checked copies of automata, by their blanks. A language's has 8 MB, and goes with its automaton.
_COPIES: WeakKeyDictionary[Automaton, dict[int, object]] = WeakKeyDictionary()
# The kernel makes them, slot by slot.
_MOULD = (Hypothesis, *(Hypothesis.__dict__[name] for name in ("labels", "log_prob", "weight", "steps")))


def greedy(
    log_probs: NDArray[np.float32] | QuantisedLogits,
    *,
    lengths: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    blank: int = 0,
) -> Any:
    """The labels along the most likely alignment: repeats merged, blanks removed (Graves et al., 2006, section 3.2).

    The fastest answer, and a lower bound for the best one: another text may be likelier over all its alignments.

    Args:
        log_probs: float32 (T, C) or (N, T, C), or quantised logits; see the module. Among equals the lowest class wins.
        lengths: of a batch, the time steps of each sequence that count, 0..T; all of them by default.
        blank: class of the blank, 0..C - 1.

    Returns:
        A Hypothesis for (T, C), a list of N for (N, T, C). ``log_prob`` is exact: the sum over all alignments of the
        labels, not the probability of the one that was found.

    Raises:
        TypeError: an argument has the wrong type; it is named.
        ValueError: an argument has an impossible shape or value; it is named.

    """
    values, unit = _source(log_probs)
    return _kernel.greedy(_MOULD, values, unit, lengths if lengths is None else _lengths(lengths), blank)


def beam_search(
    log_probs: NDArray[np.float32] | QuantisedLogits,
    beam_width: int,
    top: int = 1,
    automaton: Automaton | None = None,
    *,
    prune: float = 0.0,
    lengths: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    blank: int = 0,
) -> Any:
    """The likeliest label sequences, by prefix beam search (Hannun et al., 2014), within an automaton if there is one.

    At every step the ``beam_width`` prefixes with the highest probability times e^weight are kept; which they are is
    found exactly. The last beam is put in order by exact scores, so that an alignment that the beam lost on the way
    decides nothing. With an automaton only its edges are followed, each prefix being in the one state that its labels
    lead to, and none is kept that has more labels before it to an accepting state than steps remain.

    Args:
        log_probs: float32 (T, C) or (N, T, C), or quantised logits; see the module.
        beam_width: prefixes kept after each step, 1..65536.
        top: hypotheses to return, 1..beam_width.
        automaton: what may be read, and at which price; its arrays must not be changed afterwards. Its weights must lie
            in -300..300.
        prune: classes less likely than this at a step, 0 <= prune < 1, are not considered there, except the most likely
            one. 0 considers all of them, which costs little. Beside an automaton prefer 0: the class that a format
            demands may be an unlikely one.
        lengths: of a batch, the time steps of each sequence that count, 0..T; all of them by default.
        blank: class of the blank, 0..C - 1.

    Returns:
        Up to ``top`` hypotheses, best ``score`` first, for (T, C); a list of N such lists for (N, T, C). All have a
        probability above 0, and all are accepted by the automaton; there may be none. ``log_prob`` is exact: the sum
        over all alignments of the labels. ``steps`` are where the labels start in the likeliest of these.

    Raises:
        TypeError: an argument has the wrong type; it is named.
        ValueError: an argument has an impossible shape or value; it is named.
        MemoryError: the beam is too wide for that many steps.

    """
    values, unit = _source(log_probs)
    compiled = automaton if automaton is None else _compiled(automaton, blank)
    places = lengths if lengths is None else _lengths(lengths)
    return _kernel.beam_search(_MOULD, values, unit, places, blank, beam_width, top, prune, compiled)


@overload
def score(
    log_probs: NDArray[np.float32] | QuantisedLogits,
    labels: Sequence[Sequence[int]],
    *,
    lengths: Sequence[int] | NDArray[np.integer[Any]] | None = ...,
    blank: int = ...,
) -> NDArray[np.float64]: ...
@overload
def score(
    log_probs: NDArray[np.float32] | QuantisedLogits,
    labels: Sequence[int],
    *,
    lengths: Sequence[int] | NDArray[np.integer[Any]] | None = ...,
    blank: int = ...,
) -> Any: ...
def score(
    log_probs: NDArray[np.float32] | QuantisedLogits,
    labels: Sequence[int] | Sequence[Sequence[int]],
    *,
    lengths: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    blank: int = 0,
) -> Any:
    """The exact log-probability of label sequences, summed over their alignments (the forward algorithm of CTC).

    Args:
        log_probs: float32 (T, C) or (N, T, C), or quantised logits; see the module.
        labels: classes other than the blank: one sequence of them, which may be empty, or a sequence of sequences.
        lengths: of a batch, the time steps of each sequence that count, 0..T; all of them by default.
        blank: class of the blank, 0..C - 1.

    Returns:
        Natural logarithms, -inf for the impossible. For (T, C) a float for one label sequence, float64 (L,) for L of
        them; for (N, T, C) float64 (N,) and (N, L).

    Raises:
        TypeError: an argument has the wrong type; it is named.
        ValueError: an argument has an impossible shape or value; it is named.

    """
    values, unit = _source(log_probs)
    many = _is_nested(labels)
    places = lengths if lengths is None else _lengths(lengths)
    batched, raw = _kernel.score(values, unit, places, blank, labels if many else (labels,))
    if not (batched or many):
        return _FLOAT.unpack(raw)[0]
    scores = np.frombuffer(raw)
    return scores.reshape(-1, len(labels)).copy() if batched and many else scores.copy()


def _source(log_probs: NDArray[np.float32] | QuantisedLogits) -> tuple[Any, float]:
    """The array, and the worth of one of its steps: 0 for log-probabilities, which need no scaling."""
    if not isinstance(log_probs, QuantisedLogits):
        return log_probs, 0.0
    logits = log_probs
    scale, temperature = _positive("scale", logits.scale), _positive("temperature", logits.temperature)
    unit = scale / temperature
    if not 1e-30 < unit < 1e30:
        raise ValueError(f"log_probs.scale / log_probs.temperature must lie in 1e-30..1e30, not {unit}")
    # The zero point moves all logits of a step alike, and the softmax takes that out again.
    if not -128 <= _integer("log_probs.zero_point", logits.zero_point) <= 127:
        raise ValueError(f"log_probs.zero_point must lie in -128..127, not {logits.zero_point}")
    return logits.values, unit


def _positive(name: str, value: float) -> float:
    try:
        real = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"log_probs.{name} must be a real number, not {value!r}") from None
    if not (isfinite(real) and real > 0.0):
        raise ValueError(f"log_probs.{name} must be finite and above 0, not {value}")
    return real


def _integer(name: str, value: SupportsIndex) -> int:
    try:
        return index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None


def _lengths(lengths: Sequence[int] | NDArray[np.integer[Any]]) -> array[int]:
    try:
        return array("q", lengths)
    except (TypeError, OverflowError) as error:
        raise TypeError(f"lengths must be a sequence of integers: {error}") from error


def _is_nested(labels: Sequence[int] | Sequence[Sequence[int]]) -> bool:
    """Whether these are label sequences, not labels."""
    try:
        if len(labels) == 0:
            return False
        index(labels[0])  # type: ignore[arg-type]  # that is the question
    except (TypeError, KeyError):
        if _is_sequence(labels) and all(_is_sequence(text) for text in labels):
            return True
        raise TypeError("labels must be a sequence of classes, or a sequence of such sequences") from None
    return False


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes)


def _compiled(automaton: Automaton, blank: int) -> object:
    if not isinstance(automaton, Automaton):
        raise TypeError(f"automaton must be an Automaton or None, not {automaton!r}")
    blank = _integer("blank", blank)
    copies = _COPIES.setdefault(automaton, {})
    if blank not in copies:
        copies[blank] = _kernel.compile_automaton(
            automaton.offsets, automaton.labels, automaton.targets, automaton.weights, automaton.accept, blank
        )
    return copies[blank]
