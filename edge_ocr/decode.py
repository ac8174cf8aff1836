"""Log-probabilities -> hypotheses: the beam search along whatever automata a grammar has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge_ocr import ctc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_ocr.grammar import Grammar
    from edge_ocr.types import Hypothesis


FAINT = 1e-4
"""Beside a list, classes less likely than this at a time step are not considered by its search: with a recogniser that
is sure of most steps that takes it from six times the free search's time to less than once, and loses no name."""


def search(log_probs: NDArray[np.float32], grammar: Grammar, beam_width: int, top: int) -> list[Hypothesis]:
    """The likeliest texts that a grammar accepts, best first.

    Where a grammar has an automaton for unlisted texts beside its own, both are searched: names then need not compete
    for the beam with everything else.

    Args:
        log_probs: float32 (T, C), with the grammar's blank.
        grammar: over the recogniser's classes, the blank being 0.
        beam_width: prefixes kept after each step by each search.
        top: hypotheses to return, at most.

    """
    if grammar.unlisted is None:
        found: list[Hypothesis] = ctc.beam_search(log_probs, beam_width, top, grammar.automaton)
        return found
    found = ctc.beam_search(log_probs, beam_width, top, grammar.automaton, prune=FAINT)
    others = {known.labels: known for known in ctc.beam_search(log_probs, beam_width, top, grammar.unlisted)}
    for known in found:
        twin = others.get(known.labels)
        others[known.labels] = known if twin is None else replace(known, weight=max(known.weight, twin.weight))
    return sorted(others.values(), key=lambda known: -known.score)[:top]
