"""The algebra under :mod:`edge_ocr.grammar`: sets of texts in, one small :class:`~edge_ocr.types.Automaton` out.

:func:`union` merges several :class:`Language` s into one :class:`Layers`, in which a state knows how many characters
were read before it; :func:`layers_of_words` makes the same of a word list. :func:`automaton` then adds the free branch,
pushes the weights towards the start and merges states that have the same future.

Labels in this module are positions in the alphabet, 0..A-1; only :func:`automaton` turns them into classes of the
recogniser. All steps work on whole arrays, a character of depth at a time.

Pushing and merging follow Mohri, "Minimization algorithms for sequential transducers" (2000), in the tropical semiring:
an edge then weighs what the best completion loses by taking it, so that a beam compares short and long hypotheses by
what each can still become.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.errors import GrammarError
from edge_ocr.types import Automaton

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LONGEST = 255
"""Characters in a word, at most; no recogniser has more time steps than that to spend."""


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """A finite set of texts as a deterministic acyclic acceptor without useless states; state 0 is the start.

    Attributes:
        offsets: int64, (states + 1,); the edges of state ``s`` are ``offsets[s]:offsets[s + 1]``, sorted by label.
        labels: int64, (edges,), positions in the alphabet.
        targets: int64, (edges,), states, each greater than the one that the edge leaves.
        accept: bool, (states,), whether a text ends here.

    """

    offsets: NDArray[np.int64]
    labels: NDArray[np.int64]
    targets: NDArray[np.int64]
    accept: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """A finite set of texts with a mass on each, as a deterministic acceptor whose states are sorted by depth.

    ``offsets``, ``labels`` and ``targets`` are as in :class:`Language`.

    Attributes:
        accept: float64, (states,), natural logarithm of the mass of the text that ends here; -inf where none does.
        levels: int64, (longest text + 2,); the states of depth ``d`` are ``levels[d]:levels[d + 1]``.

    """

    offsets: NDArray[np.int64]
    labels: NDArray[np.int64]
    targets: NDArray[np.int64]
    accept: NDArray[np.float64]
    levels: NDArray[np.int64]


def text_count(language: Language) -> int:
    """How many texts the language has; exact."""
    counts = [0] * len(language.accept)
    bounds, targets = language.offsets.tolist(), language.targets.tolist()
    for state in reversed(range(len(counts))):
        counts[state] = int(language.accept[state]) + sum(counts[t] for t in targets[bounds[state] : bounds[state + 1]])
    return counts[0]


def accepts(language: Language, labels: Sequence[int]) -> bool:
    """Whether a text, given as positions in the alphabet, is one of the language's."""
    state = 0
    for label in labels:
        low, high = language.offsets[state : state + 2].tolist()
        edge = low + int(np.searchsorted(language.labels[low:high], label))
        if edge == high or language.labels[edge] != label:
            return False
        state = int(language.targets[edge])
    return bool(language.accept[state])


def layers_of_words(words: Sequence[str], masses: NDArray[np.float64], alphabet: str) -> Layers:
    """A trie of distinct words.

    Args:
        words: at least one; none empty, none twice.
        masses: float64, (words,), the natural logarithm of each word's mass.
        alphabet: the characters that there are.

    Raises:
        GrammarError: a word is too long or holds a character that is not in ``alphabet``.

    """
    steps = _spell(words, alphabet)
    order = _sorted(steps)
    steps, masses = np.take(steps.T, order, axis=1), masses[order]  # a row for each depth
    inside = steps >= 0
    # A trie node begins where a word first differs from the word before it.
    fresh = np.ones(steps.shape, bool)
    fresh[:, 1:] = np.logical_or.accumulate(steps[:, 1:] != steps[:, :-1], axis=0)
    fresh &= inside
    levels = np.concatenate(([0, 1], 1 + np.cumsum(fresh.sum(axis=1))))
    nodes = np.cumsum(fresh, axis=1, dtype=np.int32)
    nodes += (levels[1:-1, None] - 1).astype(np.int32)
    # New nodes come level by level, and within a level in the order of their parents.
    sources = np.concatenate((np.zeros(fresh[0].sum(), np.int64), nodes[:-1][fresh[1:]]))
    accept = np.full(levels[-1], -np.inf)
    accept[nodes[inside.sum(axis=0) - 1, np.arange(len(words))]] = masses
    targets = np.arange(1, len(accept), dtype=np.int64)
    return Layers(offsets_of(sources, len(accept)), steps[fresh].astype(np.int64), targets, accept, levels)


def union(
    languages: Sequence[Language], priors: NDArray[np.float64], groups: Sequence[NDArray[np.bool_]] = ()
) -> Layers:
    """One language in which a text's mass is the sum over the languages that have it of prior / number of texts.

    The states are the sets of states that one text can reach (Rabin and Scott's subset construction), by depth. Members
    of a set with the same future count as one. A set is known by a sum of random numbers, one for each member's future
    and origin: 64 bits, so that among 100,000 sets two are mistaken for each other with a probability of 3e-10.

    Args:
        languages: at least one.
        priors: float64, (languages,), > 0.
        groups: groups of labels, each bool, (A,), such as the letters. Where half of a group leads to one state and the
            rest nowhere, the rest then leads there too: small print about labels that are never used is what makes a
            union of many formats large. A text loses at most log(2) nats a character by it, usually 0.1.

    """
    reached, accept, starts, texts = _futures(languages, groups)
    masses = priors / texts
    draw = np.random.default_rng(1)
    names = np.append(draw.integers(1, 2**64, len(accept), np.uint64), np.uint64(0))[reached]
    tags = draw.integers(1, 2**64, len(languages), np.uint64)

    owners, states = np.zeros(len(languages), np.int64), starts  # the members: set, future, origin, mass
    levels, ends, edges = [0, 1], [], []
    while True:
        first, after = levels[-2], levels[-1]
        owners, states, tags, masses = _united(owners, states, tags, masses)
        ends.append(np.bincount(owners.astype(np.intp), weights=masses * accept[states], minlength=after - first))
        begins = np.flatnonzero(np.diff(owners, prepend=-1))
        following = np.add.reduceat(names[states] * tags[:, None], begins.astype(np.intp), axis=0)
        sources, labels = np.nonzero(following)
        if not len(sources):
            break
        _, chosen, found = np.unique(following[sources, labels], return_index=True, return_inverse=True)
        edges.append((first + sources, labels, after + found.reshape(-1)))
        bounds = np.append(begins, len(owners))
        lengths = np.diff(bounds)[sources[chosen]]
        at = _ranges(bounds[sources[chosen]], bounds[sources[chosen]] + lengths)
        owners = np.repeat(np.arange(len(chosen)), lengths.astype(np.intp))
        states = reached[states[at], labels[chosen][owners]]
        alive = states >= 0
        owners, states, tags, masses = owners[alive], states[alive], tags[at][alive], masses[at][alive]
        levels.append(after + len(chosen))
    sources, labels, targets = (
        (np.concatenate([e[i] for e in edges]) for i in range(3)) if edges else [np.zeros(0, np.int64)] * 3
    )
    with np.errstate(divide="ignore"):  # a state that accepts nothing has the mass 0
        log_ends = np.log(np.concatenate(ends))
    return Layers(offsets_of(sources, levels[-1]), labels, targets, log_ends, np.array(levels, np.int64))


def relabelled(layers: Layers, positions: NDArray[np.int64]) -> Layers:
    """The same language over another alphabet, in which label ``i`` is at ``positions[i]``."""
    labels = positions[layers.labels]
    sources = np.repeat(np.arange(len(layers.accept)), np.diff(layers.offsets).astype(np.intp))
    order = np.lexsort((labels, sources))
    return Layers(layers.offsets, labels[order], layers.targets[order], layers.accept, layers.levels)


@dataclass(frozen=True, slots=True)
class Terms:
    """How masses become weights; all numbers in nats but for ``strength``.

    Attributes:
        free_prior: natural logarithm of the mass of the free branch; -inf leaves it out.
        free_price: what the free branch pays for every character, >= 0.
        strength: what the logarithm of every mass is multiplied by, > 0.
        length_bonus: what every text, listed or not, gets for every character.

    """

    free_prior: float
    free_price: float
    strength: float
    length_bonus: float


def automaton(layers: Layers, classes: NDArray[np.int32], terms: Terms) -> Automaton:
    """The smallest weighted automaton for a language, with or without the free branch.

    Args:
        layers: the listed texts and their masses.
        classes: int32, (A,), ascending: the recogniser's class of each character.
        terms: how masses become weights.

    """
    depth = np.repeat(np.arange(len(layers.levels) - 1), np.diff(layers.levels).astype(np.intp))
    ends = np.logaddexp(layers.accept, terms.free_prior - terms.free_price * depth)
    leaves = terms.free_prior - terms.free_price * (
        depth + 1
    )  # what is left for a text that leaves the listed ones here
    best = np.maximum(ends, leaves)
    height = np.zeros(len(best), np.int64)
    for low, high in zip(layers.levels[-2::-1], layers.levels[:0:-1], strict=True):
        inner = low + np.flatnonzero(layers.offsets[low + 1 : high + 1] > layers.offsets[low:high])
        if len(inner):
            span = slice(layers.offsets[low], layers.offsets[high])
            starts = layers.offsets[inner] - layers.offsets[low]
            best[inner] = np.maximum(
                best[inner], np.maximum.reduceat(best[layers.targets[span]], starts.astype(np.intp))
            )
            height[inner] = 1 + np.maximum.reduceat(height[layers.targets[span]], starts.astype(np.intp))
    sources = np.repeat(np.arange(len(best)), np.diff(layers.offsets).astype(np.intp))
    weights = best[layers.targets] - best[sources]
    own = _pair(_grade(ends - best), _grade(leaves - best))
    merged = _merge(layers.offsets, layers.labels, layers.targets, height, _grade(weights), own)
    return _emit(layers, merged, (weights, ends - best, leaves - best), best[0], classes, terms)


def _futures(
    languages: Sequence[Language], groups: Sequence[NDArray[np.bool_]]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]:
    """The different states of several languages: by label (-1: nowhere), whether they accept; all starts and sizes."""
    bases = np.cumsum([0, *(len(language.accept) for language in languages)])
    lengths = np.concatenate([np.diff(language.offsets) for language in languages])
    labels = np.concatenate([language.labels for language in languages])
    targets = np.concatenate([language.targets + base for language, base in zip(languages, bases, strict=False)])
    accept = np.concatenate([language.accept for language in languages])
    reached = np.full((len(accept), max([int(labels.max(initial=0)) + 1, *map(len, groups)])), -1)
    reached[np.repeat(np.arange(len(accept)), lengths.astype(np.intp)), labels] = targets
    for group in groups:
        inside = reached[:, : len(group)][:, group]
        main = np.sort(inside, axis=1)[:, group.sum() // 2, None]  # where half of them lead, if half lead anywhere
        widen = ((inside == main).sum(axis=1, keepdims=True) * 2 >= group.sum()) & (main >= 0)
        reached[:, np.flatnonzero(group)] = np.where(widen & (inside < 0), main, inside)

    sources, labels = np.nonzero(reached >= 0)
    offsets, targets = offsets_of(sources, len(accept)), reached[sources, labels]
    inner = np.flatnonzero(np.diff(offsets))
    height, texts = np.zeros(len(accept), np.int64), accept.astype(np.float64)
    while True:
        taller, more = np.zeros_like(height), accept.astype(np.float64)
        if len(inner):
            taller[inner] = 1 + np.maximum.reduceat(height[targets], offsets[inner].astype(np.intp))
            more[inner] += np.add.reduceat(texts[targets], offsets[inner].astype(np.intp))
        if (taller == height).all() and (more == texts).all():
            break
        height, texts = taller, more
    merged = _merge(offsets, labels, targets, height, np.zeros_like(labels), accept.astype(np.int64))
    _, kept = np.unique(merged, return_index=True)
    table = np.where(reached[kept] >= 0, merged[reached[kept]], -1)
    return table, accept[kept], merged[bases[:-1]], texts[bases[:-1]]


def _united(
    owners: NDArray[np.int64], states: NDArray[np.int64], tags: NDArray[np.uint64], masses: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64], NDArray[np.float64]]:
    """The members of sets, sorted by set, with those of one set and one future added together."""
    order = np.lexsort((states, owners))
    owners, states = owners[order], states[order]
    begins = np.flatnonzero(np.concatenate(([True], (np.diff(owners) != 0) | (np.diff(states) != 0))))
    return (
        owners[begins],
        states[begins],
        np.add.reduceat(tags[order], begins.astype(np.intp)),
        np.add.reduceat(masses[order], begins.astype(np.intp)),
    )


def _merge(
    offsets: NDArray[np.int64],
    labels: NDArray[np.int64],
    targets: NDArray[np.int64],
    height: NDArray[np.int64],
    drops: NDArray[np.int64],
    own: NDArray[np.int64],
) -> NDArray[np.int64]:
    """A number for every state, the same for states with the same future; such states have the same height."""
    merged = np.zeros(len(height), np.int64)
    count = 0
    for h in range(int(height.max()) + 1):
        states = np.flatnonzero(height == h)
        lengths = offsets[states + 1] - offsets[states]
        at = _ranges(offsets[states], offsets[states + 1])
        edges = _pair(_pair(labels[at], merged[targets[at]]), drops[at])
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
    terms: Terms,
) -> Automaton:
    """Write one state a number of ``merged``, the start first, and with the free branch every edge that was missing."""
    weights, ends, leaves = pushed
    _, kept = np.unique(merged, return_index=True)
    kept.sort()  # by depth, so that the start is first and neighbours in memory are read one after the other
    rank = np.empty(len(kept), np.int64)
    rank[merged[kept]] = np.arange(len(kept))
    at = _ranges(layers.offsets[kept], layers.offsets[kept + 1])
    sources = np.repeat(np.arange(len(kept)), (layers.offsets[kept + 1] - layers.offsets[kept]).astype(np.intp))
    labels, targets, edge_weights = layers.labels[at], rank[merged[layers.targets[at]]], weights[at]
    accept = ends[kept]
    if np.isfinite(leaves[0]):
        size, free = len(classes), len(kept)
        full_targets = np.full((free + 1, size), free)
        full_weights = np.append(np.repeat(leaves[kept], size), np.full(size, -terms.free_price)).reshape(
            free + 1, size
        )
        full_targets[sources, labels], full_weights[sources, labels] = targets, edge_weights
        sources, labels = (axis.ravel() for axis in np.indices(full_targets.shape))
        targets, edge_weights = full_targets.ravel(), full_weights.ravel()
        accept = np.append(accept, 0.0)
    offsets = offsets_of(sources, len(accept))
    edge_weights[: offsets[1]] += start
    accept[0] += start
    return Automaton(
        offsets.astype(np.int32),
        classes[labels],
        targets.astype(np.int32),
        (edge_weights * terms.strength + terms.length_bonus).astype(np.float32),
        (accept * terms.strength).astype(np.float32),
    )


def _spell(words: Sequence[str], alphabet: str) -> NDArray[np.int32]:
    """(words, longest) positions in the alphabet, -1 after the end of a word."""
    longest = max(map(len, words))
    if longest > LONGEST:
        word = next(word for word in words if len(word) > LONGEST)
        raise GrammarError(f"word {word[:20] + '...'!r} has {len(word)} characters; words may have at most {LONGEST}")
    codes = np.array(words, f"U{longest}").view(np.uint32).reshape(len(words), longest)
    beyond = max(map(ord, alphabet)) + 1
    position = np.full(beyond + 1, -1, np.int32)
    position[[ord(character) for character in alphabet]] = np.arange(len(alphabet), dtype=np.int32)
    found = position[np.minimum(codes, np.uint32(beyond), out=codes)]
    inside = np.arange(longest) < np.fromiter(map(len, words), np.int64, len(words))[:, None]
    strange = inside & (found < 0)
    if strange.any():
        row, column = np.argwhere(strange)[0]
        raise GrammarError(
            f"word {words[row]!r} holds {words[row][column]!r}, which is not in the alphabet {alphabet!r}; "
            "correct the word or leave it out"
        )
    found[~inside] = -1
    return found


def _sorted(table: NDArray[np.int32]) -> NDArray[np.intp]:
    """The order in which rows of numbers from -1 on ascend: several columns are compared at once, as digits of one."""
    digit = next(kind for kind in (">u1", ">u2", ">u4") if int(table.max()) < np.iinfo(kind).max)
    several = 8 // np.dtype(digit).itemsize
    digits = np.zeros((len(table), -(-table.shape[1] // several) * several), digit)
    digits[:, : table.shape[1]] = table + 1
    return np.lexsort(digits.view(">u8").astype(np.uint64).T[::-1])


def offsets_of(sources: NDArray[np.int64], states: int) -> NDArray[np.int64]:
    """Where each state's edges begin, for edges sorted by source."""
    return np.searchsorted(sources, np.arange(states + 1)).astype(np.int64)


def _ranges(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """``starts[0]..ends[0]-1``, then ``starts[1]..ends[1]-1``, and so on, in one array."""
    lengths = ends - starts
    found: NDArray[np.int64] = np.arange(lengths.sum()) + np.repeat(
        starts - np.cumsum(lengths) + lengths, lengths.astype(np.intp)
    )
    return found


def _equal_runs(own: NDArray[np.int64], bounds: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number from 0 for every run, the same for runs whose ``own`` number and whose set of ``items`` are the same."""
    lengths = np.diff(bounds)
    largest = max(int(own.max(initial=0)), int(items.max(initial=0)))
    for seed in itertools.count():  # in practice once: a sum of random numbers tells sets apart, and is checked
        names = np.random.default_rng(seed).integers(1, 2**64, largest + 1, np.uint64)
        sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(names[items])))
        keys = names[own] * np.uint64(3) + (sums[bounds[1:]] - sums[bounds[:-1]])
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        found: NDArray[np.int64] = inverse.reshape(-1).astype(np.int64)
        twins = first[found]
        if (lengths == lengths[twins]).all() and (own == own[twins]).all():
            again = _ranges(bounds[twins], bounds[twins] + lengths)
            if (items == items[again]).all():
                return found
    raise AssertionError


def _grade(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """A number for every value, the same for values that are equal up to the noise of float64."""
    found: NDArray[np.int64] = np.unique(np.round(values, 6), return_inverse=True)[1].reshape(-1).astype(np.int64)
    return found


def _pair(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number from 0 for every pair, the same for equal pairs."""
    found: NDArray[np.int64] = (
        np.unique(a * (int(b.max(initial=0)) + 1) + b, return_inverse=True)[1].reshape(-1).astype(np.int64)
    )
    return found
