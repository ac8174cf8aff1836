"""Measure a recogniser's bundle on labelled photographs: ``python -m export evaluate BUNDLE FOLDER``.

What is measured is what ships: the .tflite file, one line or two as :mod:`edge_ocr.sight` finds likelier, further looks
where the first leaves a doubt, the decoder, and the vote, as ``edge-ocr read --crop`` runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr import ctc, rectify, vote
from edge_ocr.clock import Stopwatch
from edge_ocr.grammar import load_regions, plate_grammar
from edge_ocr.recognise import Recogniser
from edge_ocr.sight import Sight
from edge_ocr.types import Kind
from export import photographs
from export.scoring import Calibration, Score, calibration, grouped, scored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_ocr.bundle import Bundle
    from edge_ocr.grammar import Grammar
    from edge_ocr.types import Sighting
    from export.photographs import Folder


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One labelled crop.

    Attributes:
        sightings: what the recogniser made of it, at first and when it looked again.
        label: its text.
        width: in pixels.
        shade: its mean grey level, 0..255.

    """

    sightings: tuple[Sighting, ...]
    label: str
    width: int
    shade: float


@dataclass(frozen=True, slots=True)
class Read:
    """A decoded text with its confidence, beside the label; both in capitals and without separators.

    ``folded`` says whether O counts as 0 and I as 1.
    """

    text: str
    label: str
    confidence: float
    folded: bool

    @property
    def right(self) -> bool:
        """Whether it is the label."""
        return scored(self.text, folded=self.folded) == scored(self.label, folded=self.folded)


@dataclass(frozen=True, slots=True)
class Scores:
    """``greedy``: best paths of first looks, without formats; ``constrained``: reads, with formats in the search."""

    greedy: Score
    constrained: Score

    def lines(self) -> list[str]:
        """What the command prints."""
        return [
            f"    {name:13} exact {score.exact:6.1%}   character errors {score.errors:6.2%}"
            for name, score in (("greedy", self.greedy), ("with formats", self.constrained))
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A bundle on a folder.

    Attributes:
        folder: what was measured.
        looks: at each crop.
        reads: what they say together.
        exact: scores that tell O from 0 and I from 1.
        folded: scores that count O as 0 and I as 1.
        calibration: of the reads, which count as the folder's labels have it, as groups do.

    """

    folder: Folder
    looks: list[Look]
    reads: list[Read]
    exact: Scores
    folded: Scores
    calibration: Calibration

    @property
    def greedy(self) -> Score:
        """Of best paths, as the folder's labels have it."""
        return (self.folded if self.folder.folded else self.exact).greedy

    @property
    def constrained(self) -> Score:
        """Of reads, as the folder's labels have it."""
        return (self.folded if self.folder.folded else self.exact).constrained

    def groups(self) -> dict[str, tuple[int, float]]:
        """How many crops there are of each width and brightness, and the share that is right, by name."""
        widths, shades = [look.width for look in self.looks], [look.shade for look in self.looks]
        return grouped(widths, shades, [read.right for read in self.reads])

    def lines(self) -> list[str]:
        """What the command prints."""
        return [
            f"{self.folder.name}: {self.greedy.count} crops",
            "  O told from 0 and I from 1",
            *self.exact.lines(),
            "  O counted as 0 and I as 1",
            *self.folded.lines(),
            f"  from here on O is {'counted as 0 and I as 1' if self.folder.folded else 'told from 0 and I from 1'}",
            f"  calibration error {self.calibration.error:.1%} (by chance alone {self.calibration.chance:.1%})",
            f"  mean confidence {self.calibration.confidence:.1%}",
            *(f"  {name:18} {share:6.1%} of {count}" for name, (count, share) in self.groups().items()),
        ]


def evaluate(bundle: Bundle, data: Path, folder: Folder, *, regions: Sequence[str] | None = None) -> Evaluation:
    """Measure on one folder.

    Args:
        bundle: to recognise plates.
        data: the folder that holds ``folder``.
        folder: what to measure on.
        regions: the formats in the search; None for the folder's own region.

    """
    recogniser = Recogniser(bundle)
    grammar = plate_grammar(load_regions(regions or [folder.region]), recogniser.alphabet)
    return score(look(recogniser, grammar, data, folder), grammar, folder)


def look(recogniser: Recogniser, grammar: Grammar, data: Path, folder: Folder, *, loose: bool = True) -> list[Look]:
    """Recognise every crop of a folder that may be measured, as `read --crop` does, or as `read` does if not loose."""
    sight = Sight(recogniser, grammar, frame=0, stopwatch=Stopwatch(), loose=loose)
    looks = []
    for image, text in photographs.development(data, folder):
        first = sight.of_crop(image, Kind.PLATE)
        shade = float(rectify.grey(image).mean())
        looks.append(Look((first, *sight.again(image, first)), text, image.shape[1], shade))
    return looks


def score(looks: list[Look], grammar: Grammar, folder: Folder) -> Evaluation:
    """Decode and compare with the labels."""
    labels = [item.label for item in looks]
    paths = [ctc.greedy(item.sightings[0].log_probs) for item in looks]
    texts = ["".join(grammar.alphabet[label - 1] for label in path.labels) for path in paths]
    reads = [_read(item, grammar, folded=folder.folded) for item in looks]
    exact, alike = (
        Scores(Score.of(texts, labels, folded=folded), Score.of([read.text for read in reads], labels, folded=folded))
        for folded in (False, True)
    )
    return Evaluation(
        folder,
        looks,
        reads,
        exact,
        alike,
        calibration([read.confidence for read in reads], [read.right for read in reads]),
    )


def sheet(evaluation: Evaluation, path: Path, *, columns: int = 7, rows: int = 20) -> int:
    """Draw the failures, label above read, the most confident first; gives how many there are."""
    pairs = zip(evaluation.looks, evaluation.reads, strict=True)
    wrong = sorted((pair for pair in pairs if not pair[1].right), key=lambda pair: -pair[1].confidence)
    tiles = [_tile(item.sightings[0].strip.image, read) for item, read in wrong[: columns * rows]]
    if tiles:
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
        lines = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
        cv2.imwrite(str(path), np.vstack(lines))
    return len(wrong)


def _read(item: Look, grammar: Grammar, *, folded: bool) -> Read:
    label = scored(item.label, folded=False)
    ballot = vote.fuse(item.sightings, grammar, kind=Kind.PLATE)
    if ballot is None:
        return Read("", label, 0.0, folded)
    return Read(scored(ballot.reading.text, folded=False), label, ballot.reading.confidence, folded)


def _tile(strip: NDArray[np.uint8], read: Read) -> NDArray[np.uint8]:
    tile = np.pad(strip, ((0, 34), (0, 4)))
    for row, text in ((16, read.label), (32, f"{read.text} {read.confidence:.2f}")):
        cv2.putText(tile, text, (2, strip.shape[0] + row - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1)
    return tile
