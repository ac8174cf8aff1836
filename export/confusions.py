"""What the recogniser exchanges, for the list match: ``python -m export confusions BUNDLE --strips FILE...``.

Every strip is read without formats, which would hide what the recogniser confuses, and its text is aligned with the
label. How often two characters stand in each other's place becomes what :mod:`edge_ocr.decide` takes for a
substitution: 1 character for a pair that is exchanged no more often than any two are on average, a tenth for the most
frequent one, and in between by the square of the rate's logarithm.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr import ctc, decide, rectify
from edge_ocr.bundle import load_bundle
from edge_ocr.grammar import PLATE_ALPHABET
from edge_ocr.recognise import Recogniser
from edge_ocr.types import Kind, Quad, Strip
from export import photographs
from export.synthetic import strips
from export.synthetic.faces import CHARACTERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

_LEAST = 0.1  # characters, for the pair that is exchanged most often
_POWER = (
    2  # half a character then reaches as many misreads as the judged costs did that were before, and fewer strangers
)
_STEPS = 20  # to a character: finer differences are chance
_PRIOR = 2.0  # exchanges that every pair is taken to have had at the average rate: a rare one is no certainty

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Confusions:
    """Counts of what was read for what: ``exchanged`` by pair in either order (ascending), ``seen`` by character."""

    exchanged: Counter[Pair]
    seen: Counter[str]

    def rate(self, pair: Pair) -> float:
        """How often one of the two is read as the other, with the prior."""
        seen = sum(self.seen[letter] for letter in pair)
        return (self.exchanged[pair] + _PRIOR) / (seen + _PRIOR / self.average)

    @property
    def average(self) -> float:
        """The rate of any two characters."""
        return self.exchanged.total() / max(self.seen.total() * (len(PLATE_ALPHABET) - 1), 1)

    def costs(self) -> dict[Pair, float]:
        """In characters, of the pairs that cost less than 1, in steps of a twentieth."""
        found = [pair for pair in combinations(sorted(PLATE_ALPHABET), 2) if self.exchanged[pair] > 1]
        if not found or not self.average:
            return {}
        highest, average = math.log(max(map(self.rate, found))), math.log(self.average)
        costs = {}
        for pair in found:
            share = (highest - math.log(self.rate(pair))) / max(highest - average, 1e-9)
            cost = round(min(1.0, _LEAST + (1 - _LEAST) * share**_POWER) * _STEPS) / _STEPS
            if cost < 1:
                costs[pair] = cost
        return costs


def count(reads: Iterable[tuple[str, str]]) -> Confusions:
    """Align texts with labels, (text, label) each, and count what stands for what."""
    exchanged: Counter[Pair] = Counter()
    seen: Counter[str] = Counter()
    for text, label in reads:
        seen.update(label)
        for ours, theirs in aligned(text, label):
            if ours != theirs:
                exchanged[min(ours, theirs), max(ours, theirs)] += 1
    return Confusions(exchanged, seen)


def aligned(text: str, label: str) -> list[Pair]:
    """The characters that stand in the same place, by the least number of edits; ties prefer a substitution."""
    rows = np.zeros((len(text) + 1, len(label) + 1))
    rows[:, 0], rows[0] = range(len(text) + 1), range(len(label) + 1)
    for i, j in np.ndindex(len(text), len(label)):
        rows[i + 1, j + 1] = min(rows[i, j] + (text[i] != label[j]), rows[i, j + 1] + 1, rows[i + 1, j] + 1)
    pairs, i, j = [], len(text), len(label)
    while i and j:
        if rows[i, j] == rows[i - 1, j - 1] + (text[i - 1] != label[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((text[i], label[j]))
        elif rows[i, j] == rows[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def read(recogniser: Recogniser, images: Iterable[NDArray[np.uint8]]) -> Iterator[str]:
    """The most likely text of each strip, uint8 (height, width), without formats."""
    quad = Quad(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), Kind.PLATE, 1.0)
    for image in images:
        (best, *_) = ctc.beam_search(recogniser(Strip(image, quad)), 16)
        yield "".join(recogniser.alphabet[label - 1] for label in best.labels)


def rendered(recogniser: Recogniser, files: Sequence[Path], most: int) -> Iterator[tuple[str, str]]:
    """Texts and labels of rendered strips, at most so many, from shards that the recogniser was not trained on."""
    for path in files:
        shard = strips.load_shard(path)
        labels = ["".join(CHARACTERS[one - 1] for one in row if one) for row in shard.labels[:most]]
        yield from zip(read(recogniser, shard.strips[:most]), labels, strict=True)


def photographed(recogniser: Recogniser, data: Path) -> Iterator[tuple[str, str, str]]:
    """Folder, text and label of the development photographs whose labels tell O from 0 and I from 1."""
    for folder in photographs.FOLDERS:
        if folder.folded:
            continue
        pairs = list(photographs.development(data, folder))
        images = (rectify.whole(image, width=recogniser.width, height=recogniser.height).image for image, _ in pairs)
        for text, (_, label) in zip(read(recogniser, images), pairs, strict=True):
            yield folder.name, text, label


def table(costs: dict[Pair, float]) -> list[str]:
    """The costs as :mod:`edge_ocr.decide` writes them: a line for each, with its pairs."""
    lines = []
    for cost in sorted(set(costs.values())):
        pairs = " ".join(first + second for (first, second), own in sorted(costs.items()) if own == cost)
        lines.append(f'    ({cost:g}, "{pairs}"),')
    return lines


def reached(reads: Sequence[tuple[str, str]], most: float) -> tuple[int, int, float]:
    """What the match makes of reads with the costs that are in use.

    Returns:
        How many texts are not their label, how many of these are within ``most`` of it, and the share of the pairs of
        different labels that are within ``most`` of each other: strangers who would be taken for one another.

    """
    wrong = [(text, label) for text, label in reads if text != label]
    near = sum(decide.distance(text, label, most=most) <= most for text, label in wrong)
    labels = sorted({label for _, label in reads})[:1500]
    pairs = list(combinations(labels, 2))
    strangers = sum(decide.distance(one, other, most=most) <= most for one, other in pairs)
    return len(wrong), near, strangers / max(len(pairs), 1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``confusions``."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="of a plate recogniser")
    parser.add_argument("--strips", type=Path, nargs="+", required=True, help="shards of rendered strips (.npz)")
    parser.add_argument("--most", type=int, default=4000, help="strips of each shard")
    parser.add_argument("--data", type=Path, help="folder of the labelled photographs, to see what is reached there")


def run(args: argparse.Namespace) -> int:
    """Count, print the table, and print what the costs in use reach."""
    recogniser = Recogniser(load_bundle(args.bundle, task="recognise"))
    reads = list(rendered(recogniser, args.strips, args.most))
    half = len(reads) // 2
    found = count(reads[:half])
    print(f"{half} strips, {found.seen.total()} characters, {found.exchanged.total()} exchanged")
    print(*(f"{a}{b}:{number}" for (a, b), number in found.exchanged.most_common(30)))
    print(*table(found.costs()), sep="\n")
    sets = {"rendered, the other half": reads[half:]}
    if args.data:
        for name, text, label in photographed(recogniser, args.data):
            sets.setdefault(name, []).append((text, label))
    print("the costs in use:")
    for name, pairs in sets.items():
        wrong, near, strangers = reached(pairs, 0.5)
        print(f"  {name}: {near} of {wrong} misreads within 0.5; strangers {strangers:.6%}")
    return 0
