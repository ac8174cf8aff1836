"""The algebra under :mod:`edge_ocr.grammar`: languages in, one small :class:`~edge_ocr.types.Automaton` out.

A :class:`Language` is a finite set of texts with a mass on each: a regular expression, or a word list. :func:`union`
merges several into one deterministic :class:`Layers`, in which a state knows how many characters were read before it;
:func:`automaton` adds the free branch, pushes the weights towards the start and merges states that have the same future.

Labels in this module are positions in the alphabet, 0..A-1; only :func:`automaton` turns them into classes of the
recogniser. All steps work on whole arrays, a character of depth at a time: a Pi compiles 100,000 words in seconds.

Pushing and merging follow Mohri, "Minimization algorithms for sequential transducers" (2000), in the tropical semiring:
an edge then weighs what the best completion loses by taking it, so that a beam compares short and long hypotheses by
what each can still become.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import interegular
import numpy as np
from interegular.fsm import FSM, anything_else

from edge_ocr.errors import GrammarError
from edge_ocr.types import Automaton

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LONGEST = 255
"""Characters in a word or plate, at most; no recogniser has more time steps than that to spend."""


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """A finite set of texts as a deterministic acyclic acceptor without useless states; state 0 is the start.

    Attributes:
        offsets: int64, (states + 1,); the edges of state ``s`` are ``offsets[s]:offsets[s + 1]``, sorted by label.
        labels: int64, (edges,), positions in the alphabet.
        targets: int64, (edges,), states.
        accept: float64, (states,), natural logarithm of the mass of the text that ends here; -inf where none does.

    """

    offsets: NDArray[np.int64]
    labels: NDArray[np.int64]
    targets: NDArray[np.int64]
    accept: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Layers(Language):
    """A language whose states are sorted by depth: those of depth ``d`` are ``levels[d]:levels[d + 1]``."""

    levels: NDArray[np.int64]


def language_of_pattern(pattern: str, alphabet: str) -> Language:
    """The texts over ``alphabet`` that match a regular expression from end to end, each with mass 1 / their number.

    Args:
        pattern: a regular expression as :mod:`re` knows it, without look-behind and back references.
        alphabet: the characters that there are; ``.`` and ``[^...]`` mean these.

    Raises:
        GrammarError: the expression is malformed, matches no text at all, or endlessly many.

    """
    try:
        fsm = interegular.parse_pattern(pattern).to_fsm().reduce()
    except Exception as error:  # interegular raises several unrelated kinds, some of them undocumented
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GrammarError(f"pattern {pattern!r} cannot be compiled ({reason}): correct the expression") from error
    successors = _successors(fsm, alphabet)
    order = _topological(successors, fsm.initial, pattern)
    number = {state: index for index, state in enumerate(order)}
    counts: dict[int, int] = {}
    for state in reversed(order):
        counts[state] = (state in fsm.finals) + sum(counts[target] for _, target in successors[state])
    if not counts[fsm.initial]:
        raise GrammarError(
            f"pattern {pattern!r} matches no text over the alphabet {alphabet!r}: correct the expression"
        )
    mass = -math.log(counts[fsm.initial])
    edges = [(number[s], label, number[t]) for s in order for label, t in successors[s]]
    columns = np.array(edges, np.int64).reshape(-1, 3)
    accept = np.array([mass if state in fsm.finals else -math.inf for state in order])
    return Language(_offsets(columns[:, 0], len(order)), columns[:, 1].copy(), columns[:, 2].copy(), accept)


def relabel(language: Language, positions: NDArray[np.int64]) -> Language:
    """The same language over another alphabet, in which label ``i`` is at ``positions[i]``."""
    labels = positions[language.labels]
    sources = np.repeat(np.arange(len(language.accept)), np.diff(language.offsets))
    order = np.lexsort((labels, sources))
    return Language(language.offsets, labels[order], language.targets[order], language.accept)


def log_mass(language: Language, labels: Sequence[int]) -> float:
    """The natural logarithm of the mass of one text, given as positions in the alphabet; -inf where it is not listed."""
    state = 0
    for label in labels:
        low, high = language.offsets[state : state + 2].tolist()
        edge = low + int(np.searchsorted(language.labels[low:high], label))
        if edge == high or language.labels[edge] != label:
            return -math.inf
        state = int(language.targets[edge])
    return float(language.accept[state])


def layers_of_words(words: Sequence[str], masses: NDArray[np.float64], alphabet: str) -> Layers:
    """A trie of distinct words.

    Args:
        words: at least one; none empty, none twice.
        masses: float64, (words,), the natural logarithm of each word's mass.
        alphabet: the characters that there are.

    Raises:
        GrammarError: a word is too long or holds a character that is not in ``alphabet``.

    """
    table = _spell(words, alphabet)
    order = np.lexsort(table.T[::-1])
    table, masses = table[order], masses[order]
    inside = table >= 0
    # A trie node begins where a row first differs from the row above.
    fresh = np.ones(table.shape, bool)
    fresh[1:] = np.logical_or.accumulate(table[1:] != table[:-1], axis=1)
    fresh &= inside
    levels = np.concatenate(([0, 1], 1 + np.cumsum(fresh.sum(axis=0))))
    nodes = np.cumsum(fresh, axis=0) - 1 + levels[1:-1]
    parents = np.concatenate((np.zeros((len(table), 1), np.int64), nodes[:, :-1]), axis=1)
    # Transposed, the new nodes come level by level, and within a level in the order of their parents.
    at = fresh.T
    sources, labels, targets = parents.T[at], table.T[at].astype(np.int64), nodes.T[at]
    lengths = inside.sum(axis=1)
    accept = np.full(levels[-1], -np.inf)
    accept[nodes[np.arange(len(table)), lengths - 1]] = masses
    return Layers(_offsets(sources, len(accept)), labels, targets, accept, levels)


def union(languages: Sequence[Language], priors: NDArray[np.float64]) -> Layers:
    """One language in which the mass of a text is the sum of its masses in ``languages``, each times its prior.

    The states are the sets of states that one text can reach (Rabin and Scott's subset construction), by depth.

    Args:
        languages: at least one.
        priors: float64, (languages,), natural logarithms.

    """
    bases = np.cumsum([0, *(len(language.accept) for language in languages)])
    offsets = _join_offsets([language.offsets for language in languages])
    labels = np.concatenate([language.labels for language in languages])
    targets = np.concatenate([language.targets + base for language, base in zip(languages, bases, strict=False)])
    masses = np.exp(
        np.concatenate([language.accept + prior for language, prior in zip(languages, priors, strict=True)])
    )
    alphabet_size = int(labels.max(initial=0)) + 1

    owners, members = np.zeros(len(languages), np.int64), bases[:-1]  # (subset, state), sorted by subset
    levels, accept, edges = [0, 1], [], []
    while True:
        first, after = levels[-2], levels[-1]
        accept.append(np.bincount(owners - first, weights=masses[members], minlength=after - first))
        at = _ranges(offsets[members], offsets[members + 1])
        if not len(at):
            break
        keys = np.repeat(owners, offsets[members + 1] - offsets[members]) * alphabet_size + labels[at]
        order = np.lexsort((targets[at], keys))
        keys, reached = keys[order], targets[at][order]
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        bounds = np.append(starts, len(keys))
        subset = _equal_runs(np.zeros(len(starts), np.int64), bounds, reached)
        _, representatives = np.unique(subset, return_index=True)
        edges.append((keys[starts] // alphabet_size, keys[starts] % alphabet_size, after + subset))
        lengths = np.diff(bounds)[representatives]
        owners = after + np.repeat(np.arange(len(representatives)), lengths)
        members = reached[_ranges(starts[representatives], starts[representatives] + lengths)]
        levels.append(after + len(representatives))
    sources, edge_labels, edge_targets = (np.concatenate([e[i] for e in edges]) for i in range(3))
    with np.errstate(divide="ignore"):  # a state that accepts nothing has the mass 0
        accept_log = np.log(np.concatenate(accept))
    return Layers(_offsets(sources, levels[-1]), edge_labels, edge_targets, accept_log, np.array(levels, np.int64))


def automaton(
    layers: Layers, classes: NDArray[np.int32], *, free_prior: float, free_price: float, length_bonus: float
) -> Automaton:
    """The smallest weighted automaton for a language, with or without the free branch.

    Args:
        layers: the listed texts and their masses.
        classes: int32, (A,), ascending: the recogniser's class of each character.
        free_prior: natural logarithm of the mass of the free branch; -inf leaves it out.
        free_price: nats that the free branch pays for every character, >= 0.
        length_bonus: nats that every text gets for every character, listed or not.

    """
    depth = np.repeat(np.arange(len(layers.levels) - 1), np.diff(layers.levels))
    ends = np.logaddexp(layers.accept, free_prior - free_price * depth)
    leaves = free_prior - free_price * (depth + 1)  # what is left for a text that leaves the listed ones here
    best = np.maximum(ends, leaves)
    height = np.zeros(len(best), np.int64)
    for low, high in zip(layers.levels[-2::-1], layers.levels[:0:-1], strict=True):
        inner = low + np.flatnonzero(layers.offsets[low + 1 : high + 1] > layers.offsets[low:high])
        if len(inner):
            span = slice(layers.offsets[low], layers.offsets[high])
            starts = layers.offsets[inner] - layers.offsets[low]
            best[inner] = np.maximum(best[inner], np.maximum.reduceat(best[layers.targets[span]], starts))
            height[inner] = 1 + np.maximum.reduceat(height[layers.targets[span]], starts)
    sources = np.repeat(np.arange(len(best)), np.diff(layers.offsets))
    weights = best[layers.targets] - best[sources]
    merged = _merge(layers, height, weights, _pair(_grade(ends - best), _grade(leaves - best)))
    return _emit(layers, merged, (weights, ends - best, leaves - best), best[0], classes, free_price, length_bonus)


def _merge(
    layers: Layers, height: NDArray[np.int64], weights: NDArray[np.float64], own: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A number for every state, the same for states with the same future; futures have the same height, so: by height."""
    merged = np.zeros(len(height), np.int64)
    drops = _grade(weights)
    count = 0
    for h in range(int(height.max()) + 1):
        states = np.flatnonzero(height == h)
        lengths = layers.offsets[states + 1] - layers.offsets[states]
        at = _ranges(layers.offsets[states], layers.offsets[states + 1])
        edges = _pair(_pair(layers.labels[at], merged[layers.targets[at]]), drops[at])
        found = _equal_runs(own[states], np.concatenate(([0], np.cumsum(lengths))), edges)
        merged[states] = count + found
        count += int(found.max()) + 1
    return merged


def _emit(
    layers: Layers,
    merged: NDArray[np.int64],
    pushed: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    start: float,
    classes: NDArray[np.int32],
    free_price: float,
    length_bonus: float,
) -> Automaton:
    """Write one state a number of ``merged``, the start first, and with the free branch every edge that was missing."""
    weights, ends, leaves = pushed
    _, kept = np.unique(merged, return_index=True)
    kept.sort()  # by depth, so that the start is first and neighbours in memory are read one after the other
    rank = np.empty(len(kept), np.int64)
    rank[merged[kept]] = np.arange(len(kept))
    at = _ranges(layers.offsets[kept], layers.offsets[kept + 1])
    sources = np.repeat(np.arange(len(kept)), layers.offsets[kept + 1] - layers.offsets[kept])
    labels, targets, edge_weights = layers.labels[at], rank[merged[layers.targets[at]]], weights[at]
    accept = ends[kept]
    if np.isfinite(leaves[0]):
        size, free = len(classes), len(kept)
        full_targets = np.full((free + 1, size), free)
        full_weights = np.append(np.repeat(leaves[kept], size), np.full(size, -free_price)).reshape(free + 1, size)
        full_targets[sources, labels], full_weights[sources, labels] = targets, edge_weights
        sources, labels = (axis.ravel() for axis in np.indices(full_targets.shape))
        targets, edge_weights = full_targets.ravel(), full_weights.ravel()
        accept = np.append(accept, 0.0)
    offsets = _offsets(sources, len(accept))
    edge_weights[: offsets[1]] += start
    accept[0] += start
    return Automaton(
        offsets.astype(np.int32),
        classes[labels],
        targets.astype(np.int32),
        (edge_weights + length_bonus).astype(np.float32),
        accept.astype(np.float32),
    )


def _successors(fsm: FSM, alphabet: str) -> dict[Any, list[tuple[int, Any]]]:
    """The edges of the states that can still reach the end, by position in ``alphabet``."""
    other = fsm.alphabet[anything_else]
    keys = [fsm.alphabet[c] if c in fsm.alphabet else other for c in alphabet]
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
        raise GrammarError(f"pattern {pattern!r} matches endlessly many texts: replace *, + and {{n,}} by {{n,m}}")
    return order


def _spell(words: Sequence[str], alphabet: str) -> NDArray[np.int32]:
    """(words, longest) positions in the alphabet, -1 after the end of a word."""
    longest = max(map(len, words))
    if longest > LONGEST:
        word = next(word for word in words if len(word) > LONGEST)
        raise GrammarError(f"word {word[:20] + '...'!r} has {len(word)} characters: words may have at most {LONGEST}")
    codes = np.array(words, f"U{longest}").view(np.uint32).reshape(len(words), longest)
    known = np.array(sorted(map(ord, alphabet)), np.uint32)
    position = np.array([alphabet.index(chr(code)) for code in known], np.int32)
    found = np.searchsorted(known, codes).clip(max=len(known) - 1)
    inside = np.arange(longest) < np.fromiter(map(len, words), np.int64, len(words))[:, None]
    strange = inside & (known[found] != codes)
    if strange.any():
        row, column = np.argwhere(strange)[0]
        raise GrammarError(
            f"word {words[row]!r} holds {words[row][column]!r}, which is not in the alphabet {alphabet!r}: "
            "correct the word or leave it out"
        )
    return np.where(inside, position[found], np.int32(-1))


def _offsets(sources: NDArray[np.int64], states: int) -> NDArray[np.int64]:
    """Where each state's edges begin, for edges sorted by source."""
    return np.searchsorted(sources, np.arange(states + 1)).astype(np.int64)


def _join_offsets(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The offsets of several lists of edges, one after the other."""
    return np.concatenate(([0], np.cumsum(np.concatenate([np.diff(part) for part in parts]))))


def _ranges(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """``starts[0]..ends[0]-1``, then ``starts[1]..ends[1]-1``, and so on, in one array."""
    lengths = ends - starts
    return np.arange(lengths.sum()) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)


def _equal_runs(own: NDArray[np.int64], bounds: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number from 0 for every run, the same for runs whose ``own`` number and whose ``items`` are all the same."""
    found = np.unique(own, return_inverse=True)[1].reshape(-1)
    lengths = np.diff(bounds)
    size, fresh = int(items.max(initial=0)) + 1, len(own)
    runs = np.flatnonzero(lengths)
    for column in range(int(lengths.max(initial=0))):
        runs = runs[lengths[runs] > column]
        values, same = np.unique(found[runs] * size + items[bounds[runs] + column], return_inverse=True)
        found[runs] = fresh + same.reshape(-1)  # never a number of a run that has ended
        fresh += len(values)
    return np.unique(found, return_inverse=True)[1].reshape(-1)


def _grade(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """A number for every value, the same for values that are equal up to the noise of float64."""
    return np.unique(np.round(values, 6), return_inverse=True)[1].reshape(-1)


def _pair(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number from 0 for every pair, the same for equal pairs."""
    return np.unique(a * (int(b.max(initial=0)) + 1) + b, return_inverse=True)[1].reshape(-1)
