"""Regular expressions as finite sets of texts; the only module that imports the library which compiles them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import interegular
import numpy as np
from interegular.fsm import anything_else

from edge_ocr.automata import Language, offsets_of
from edge_ocr.errors import GrammarError

if TYPE_CHECKING:
    from interegular.fsm import FSM

LONGEST = 64
"""Characters in a text of a format, at most; numbers of texts stay within float64."""


def language_of_pattern(pattern: str, alphabet: str) -> Language:
    """The texts over ``alphabet`` that match a regular expression from end to end.

    Args:
        pattern: a regular expression as :mod:`re` knows it, without look-behind and back references.
        alphabet: the characters that there are; ``.`` and ``[^...]`` mean these.

    Raises:
        GrammarError: the expression is malformed, matches no text at all, or endlessly many.

    """
    try:
        machine: Any = interegular.parse_pattern(pattern).to_fsm()
        fsm = machine.reduce()
    except Exception as error:  # interegular raises several unrelated kinds, some of them undocumented
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GrammarError(f"pattern {pattern!r} cannot be compiled ({reason}); correct the expression") from error
    successors = _successors(fsm, alphabet)
    if not successors[fsm.initial] and fsm.initial not in fsm.finals:
        raise GrammarError(f"pattern {pattern!r} matches no text over the alphabet {alphabet!r}; correct it")
    order = _topological(successors, fsm.initial, pattern)
    number = {state: index for index, state in enumerate(order)}
    longest: dict[Any, int] = {}
    for state in reversed(order):
        longest[state] = max((1 + longest[target] for _, target in successors[state]), default=0)
    if longest[fsm.initial] > LONGEST:
        raise GrammarError(f"pattern {pattern!r} matches a text of {longest[fsm.initial]} characters; allow {LONGEST}")
    edges = [(number[s], label, number[t]) for s in order for label, t in successors[s]]
    columns = np.array(edges, np.int64).reshape(-1, 3)
    accept = np.array([state in fsm.finals for state in order])
    return Language(offsets_of(columns[:, 0], len(order)), columns[:, 1].copy(), columns[:, 2].copy(), accept)


def _successors(fsm: FSM, alphabet: str) -> dict[Any, list[tuple[int, Any]]]:
    """The edges of the states that can still reach the end, by position in ``alphabet``."""
    other = fsm.alphabet[anything_else]
    keys = [fsm.alphabet.get(c, other) for c in alphabet]
    step = {state: [(i, edges[key]) for i, key in enumerate(keys) if key in edges] for state, edges in fsm.map.items()}
    sources: dict[Any, set[Any]] = {state: set() for state in fsm.states}
    for state, edges in step.items():
        for _, target in edges:
            sources[target].add(state)
    live, queue = set(fsm.finals), list(fsm.finals)
    while queue:
        fresh = sources[queue.pop()] - live
        live |= fresh
        queue.extend(fresh)
    return {s: [(i, t) for i, t in step.get(s, ()) if t in live] for s in fsm.states}


def _topological(successors: dict[Any, list[tuple[int, Any]]], initial: Any, pattern: str) -> list[Any]:
    """The states that can be reached, each before those it leads to."""
    waiting = {initial: 0}
    queue = [initial]
    for state in queue:
        for _, target in successors[state]:
            if target not in waiting:
                queue.append(target)
            waiting[target] = waiting.get(target, 0) + 1
    order = [initial] if not waiting[initial] else []
    for state in order:
        for _, target in successors[state]:
            waiting[target] -= 1
            if not waiting[target]:
                order.append(target)
    if len(order) < len(queue):
        raise GrammarError(f"pattern {pattern!r} matches endlessly many texts; replace *, + and {{n,}} by {{n,m}}")
    return order
