"""Measure word lists: ``python -m export measure-words``: time to load, memory, what the search costs and finds."""

from __future__ import annotations

import argparse
import ctypes
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.decode import search
from edge_ocr.sight import BEAM, LISTED
from edge_ocr.words import Names, listed_grammar, open_grammar
from export.synthetic.sign_texts import ALPHABET, street

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_ocr.grammar import Grammar

_LOOKS = 300
_LOOKED_UP = 20
_MEGABYTE = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--count", type=int, default=100_000, help="names of the list")
    parser.add_argument(
        "--capitals",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="each name may also stand in capitals, as users have it unless they say otherwise",
    )
    parser.add_argument("--seed", type=int, default=1)


def run(args: argparse.Namespace) -> int:
    """Make up street names, and measure a list of them; times are of the processor."""
    rng = np.random.default_rng(args.seed)
    names = _names(rng, args.count)
    before, begin = _resident(), time.process_time()  # the highest so far is hardly above it
    grammar = listed_grammar(names, ALPHABET, capitals=args.capitals)
    loaded = time.process_time() - begin
    grown = _resident() - before
    parts = grammar.automaton
    print(f"{len(names):,} names: {len(parts.accept):,} states, {len(parts.labels):,} edges")
    print(f"loaded in {loaded:.2f} s, {grown / _MEGABYTE:.1f} MB more resident")
    print(f"  and {(_peak() - before) / _MEGABYTE:.0f} MB for a moment while it was made")

    shown = [names[place] for place in rng.permutation(len(names))[:_LOOKS]]
    readings = [_reading(rng, name) for name in shown]
    free, free_seconds = _searched(readings, open_grammar(ALPHABET))
    listed, listed_seconds = _searched(readings, grammar)
    print(f"search, beam {BEAM}: {1e6 * free_seconds:.0f} us free, {1e6 * listed_seconds:.0f} us with the list")
    print(f"  which is {listed_seconds / free_seconds:.2f} times as much")
    for what, texts in (("free", free), ("with the list", listed)):
        print(f"names exactly right, {what}: {np.mean([a == b for a, b in zip(texts, shown, strict=True)]):.1%}")

    before = _resident()
    index = Names(names)
    print(f"fuzzy look-up: {(_resident() - before) / _MEGABYTE:.1f} MB", end="")
    begin = time.process_time()
    for name in shown[:_LOOKED_UP]:
        index.closest(name[1:], within=2)
    print(f", {1000 * (time.process_time() - begin) / _LOOKED_UP:.0f} ms a text")
    return 0


def _names(rng: np.random.Generator, count: int) -> list[str]:
    names: dict[str, None] = {}
    while len(names) < count:
        names[street(rng)] = None
    return list(names)


def _searched(readings: Sequence[NDArray[np.float32]], grammar: Grammar) -> tuple[list[str], float]:
    """The best text of each reading, and the seconds that one takes."""
    search(readings[0], grammar, BEAM, LISTED)  # compiles the automaton
    begin = time.process_time()
    found = [search(reading, grammar, BEAM, LISTED) for reading in readings]
    seconds = (time.process_time() - begin) / len(readings)
    return ["".join(ALPHABET[label - 1] for label in best[0].labels) if best else "" for best in found], seconds


def _reading(rng: np.random.Generator, text: str) -> NDArray[np.float32]:
    """Log-probabilities of a recogniser whose steps are sure by 95% on average: float32 (T, C), two a character."""
    classes = len(ALPHABET) + 1
    wanted = np.array([step for character in text for step in (ALPHABET.index(character) + 1, 0)])
    logits = rng.normal(0, 2.0, (len(wanted), classes))
    logits[np.arange(len(wanted)), wanted] += rng.normal(14, 3.0, len(wanted))
    logits -= np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return np.asarray(np.minimum(logits, 0), np.float32)


def _peak() -> int:
    """Bytes resident at the worst moment so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _resident() -> int:
    """Bytes, after what was freed is given back."""
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096
