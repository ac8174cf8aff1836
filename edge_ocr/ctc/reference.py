"""What :mod:`edge_ocr.ctc` computes, in plain Python: the oracle of its tests, and the definition to read.

Log space throughout, dictionaries of prefixes, nothing pruned unless asked, one sequence at a time, no checks of the
arguments. Thousands of times slower than the kernel; nothing at run time imports it.
"""

from __future__ import annotations

from math import exp, inf, log, log1p
from typing import TYPE_CHECKING, TypeAlias

from edge_ocr.types import Hypothesis, QuantisedLogits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edge_ocr.types import Automaton

Labels: TypeAlias = tuple[int, ...]
Input: TypeAlias = "NDArray[np.float32] | QuantisedLogits"
"""(T, C) natural log-probabilities, or int8 logits of that shape."""


def greedy(log_probs: Input, *, blank: int = 0) -> Hypothesis:
    """The labels of the most likely class of every step, the lowest among equals: repeats merged, blanks removed."""
    rows = _rows(log_probs)
    path = [row.index(max(row)) for row in rows]
    starts = [t for t, c in enumerate(path) if c != blank and (t == 0 or c != path[t - 1])]
    labels = tuple(path[t] for t in starts)
    return Hypothesis(labels, score(log_probs, labels, blank=blank), 0.0, tuple(starts))


def beam_search(
    log_probs: Input,
    beam_width: int | None = None,
    top: int | None = None,
    automaton: Automaton | None = None,
    *,
    prune: float = 0.0,
    blank: int = 0,
) -> list[Hypothesis]:
    """Prefix beam search; without ``beam_width`` every possible prefix is kept, which makes it exhaustive."""
    rows = _rows(log_probs)
    beam: dict[Labels, tuple[float, float]] = {(): (0.0, -inf)}  # log-probability ending in the blank, in the label
    for t, row in enumerate(rows):
        floor = min(log(prune) if prune else -inf, max(row))
        kept = [x if x >= floor else -inf for x in row]
        grown: dict[Labels, tuple[float, float]] = {}
        for prefix, (in_blank, in_label) in beam.items():
            either = _add(in_blank, in_label)
            _put(grown, prefix, either + kept[blank], -inf)
            if prefix:
                _put(grown, prefix, -inf, in_label + kept[prefix[-1]])
            for c in _continuations(automaton, prefix, len(row), blank):
                # The same label again is another character only after a blank.
                come = in_blank if prefix and prefix[-1] == c else either
                _put(grown, (*prefix, c), -inf, come + kept[c])
        left = len(rows) - 1 - t
        weighed = {
            prefix: _add(*ends) + weight
            for prefix, ends in grown.items()
            if (weight := _weight(automaton, prefix, left)) > -inf and _add(*ends) > -inf
        }
        best = sorted(weighed, key=weighed.__getitem__, reverse=True)[:beam_width]
        beam = {prefix: grown[prefix] for prefix in best}
    answers = [
        Hypothesis(prefix, score(log_probs, prefix, blank=blank), weight, starts(log_probs, prefix, blank=blank))
        for prefix in beam
        if (weight := acceptance(automaton, prefix)) > -inf
    ]
    return sorted(answers, key=lambda answer: answer.score, reverse=True)[:top]


def score(log_probs: Input, labels: Sequence[int], *, blank: int = 0) -> float:
    """The forward algorithm: alignments are paths through blank, label, blank, ..., label, blank."""
    states = [blank, *(c for label in labels for c in (label, blank))]
    reached = [0.0] + [-inf] * (len(states) - 1)
    for row in _rows(log_probs):
        before, reached = reached, []
        for k, c in enumerate(states):
            come = before[k]
            if k > 0:
                come = _add(come, before[k - 1])
            if k > 1 and c != blank and c != states[k - 2]:
                come = _add(come, before[k - 2])
            reached.append(come + row[c])
    return _add(reached[-1], reached[-2]) if labels else reached[-1]


def starts(log_probs: Input, labels: Sequence[int], *, blank: int = 0) -> tuple[int, ...]:
    """The step at which each label starts in the most likely alignment; equals stay where they are (Viterbi)."""
    states = [blank, *(c for label in labels for c in (label, blank))]
    reached: list[tuple[float, Labels]] = [(0.0, ()), *[(-inf, ())] * (len(states) - 1)]
    for t, row in enumerate(_rows(log_probs)):
        before, reached = reached, []
        for k, c in enumerate(states):
            come, path = before[k]
            if k > 0 and before[k - 1][0] > come:
                come, path = before[k - 1]
            if k > 1 and c != blank and c != states[k - 2] and before[k - 2][0] > come:
                come, path = before[k - 2]
            fresh = k % 2 == 1 and len(path) == k // 2
            reached.append((come + row[c], (*path, t) if fresh else path))
    return max(reached[-2:], key=lambda end: end[0])[1] if labels else ()


def acceptance(automaton: Automaton | None, labels: Sequence[int]) -> float:
    """The automaton's weight of a label sequence; -inf where it is not accepted, 0 where there is no automaton."""
    if automaton is None:
        return 0.0
    walked = _walk(automaton, labels)
    return -inf if walked is None else walked[1] + float(automaton.accept[walked[0]])


def _weight(automaton: Automaton | None, prefix: Labels, left: int) -> float:
    """The weight of a prefix that can be completed with `left` more labels, else -inf."""
    walked = (0, 0.0) if automaton is None else _walk(automaton, prefix)
    if walked is None or (automaton is not None and not _can_accept(automaton, walked[0], left)):
        return -inf
    return walked[1]


def _walk(automaton: Automaton, labels: Sequence[int]) -> tuple[int, float] | None:
    state, weight = 0, 0.0
    for label in labels:
        edges = range(automaton.offsets[state], automaton.offsets[state + 1])
        edge = next((e for e in edges if automaton.labels[e] == label), None)
        if edge is None:
            return None
        state, weight = int(automaton.targets[edge]), weight + float(automaton.weights[edge])
    return state, weight


def _can_accept(automaton: Automaton, state: int, left: int) -> bool:
    states = {state}
    for _ in range(left + 1):
        if any(automaton.accept[s] > -inf for s in states):
            return True
        states = {int(t) for s in states for t in automaton.targets[automaton.offsets[s] : automaton.offsets[s + 1]]}
    return False


def _continuations(automaton: Automaton | None, prefix: Labels, classes: int, blank: int) -> Iterator[int]:
    if automaton is None:
        yield from (c for c in range(classes) if c != blank)
    elif walked := _walk(automaton, prefix):
        yield from map(int, automaton.labels[automaton.offsets[walked[0]] : automaton.offsets[walked[0] + 1]])


def _put(beam: dict[Labels, tuple[float, float]], prefix: Labels, in_blank: float, in_label: float) -> None:
    old = beam.get(prefix, (-inf, -inf))
    beam[prefix] = _add(old[0], in_blank), _add(old[1], in_label)


def _rows(log_probs: Input) -> list[list[float]]:
    if not isinstance(log_probs, QuantisedLogits):
        return [[float(x) for x in row] for row in log_probs]
    unit = log_probs.scale / log_probs.temperature
    logits = [[unit * (int(value) - log_probs.zero_point) for value in row] for row in log_probs.values]
    return [[x - max(row) - log(sum(exp(y - max(row)) for y in row)) for x in row] for row in logits]


def _add(a: float, b: float) -> float:
    """log(e^a + e^b)."""
    high, low = max(a, b), min(a, b)
    return high if low == -inf else high + log1p(exp(low - high))
