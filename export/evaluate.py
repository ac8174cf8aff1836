"""Measure a recogniser's bundle on labelled photographs: ``python -m export evaluate BUNDLE FOLDER``.

What is measured is what ships: the .tflite file, the decoder and the vote's confidence, as ``edge-ocr read --crop``
runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr import ctc, rectify, vote
from edge_ocr.grammar import load_regions, plate_grammar
from edge_ocr.recognise import Recogniser, log_softmax
from edge_ocr.types import Kind, Sighting, Strip
from export import photographs
from export.scoring import Calibration, Score, calibration, scored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_ocr.bundle import Bundle
    from edge_ocr.grammar import Grammar
    from export.photographs import Folder

_BEAM = 16
_LISTED = 8


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One labelled crop and what the recogniser made of it: ``log_probs`` float32 (T, C)."""

    strip: Strip
    label: str
    log_probs: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Read:
    """A decoded text with its confidence, beside the label; both as they are scored."""

    text: str
    label: str
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A bundle on a folder: ``greedy`` best paths, ``constrained`` texts with the region's formats in the search."""

    folder: Folder
    looks: list[Look]
    reads: list[Read]
    greedy: Score
    constrained: Score
    calibration: Calibration

    def lines(self) -> list[str]:
        """What the command prints."""
        return [
            f"{self.folder.name}: {self.greedy.count} crops",
            f"  greedy        exact {self.greedy.exact:6.1%}   character errors {self.greedy.errors:6.2%}",
            f"  with formats  exact {self.constrained.exact:6.1%}   character errors {self.constrained.errors:6.2%}",
            f"  calibration error {self.calibration.error:.1%}, mean confidence {self.calibration.confidence:.1%}",
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
    looks = look(recogniser, data, folder)
    return score(looks, grammar, folder, recogniser.alphabet)


def look(recogniser: Recogniser, data: Path, folder: Folder) -> list[Look]:
    """Recognise every crop of a folder that may be measured."""
    looks = []
    for image, text in photographs.development(data, folder):
        strip = rectify.whole(image, width=recogniser.width, height=recogniser.height)
        looks.append(Look(strip, text, recogniser(strip)))
    return looks


def score(looks: list[Look], grammar: Grammar, folder: Folder, alphabet: str) -> Evaluation:
    """Decode and compare with the labels."""
    labels = [item.label for item in looks]
    paths = [ctc.greedy(item.log_probs) for item in looks]
    texts = ["".join(alphabet[label - 1] for label in path.labels) for path in paths]
    reads = [_read(item, grammar, folded=folder.folded) for item in looks]
    return Evaluation(
        folder,
        looks,
        reads,
        Score.of(texts, labels, folded=folder.folded),
        Score.of([read.text for read in reads], [read.label for read in reads], folded=folder.folded),
        calibration([read.confidence for read in reads], [read.text == read.label for read in reads]),
    )


def warmed(looks: list[Look], temperature: float) -> list[Look]:
    """The same looks with every log-probability divided by a further temperature."""
    return [Look(item.strip, item.label, log_softmax(item.log_probs / np.float32(temperature))) for item in looks]


def sheet(evaluation: Evaluation, path: Path, *, columns: int = 7, rows: int = 20) -> int:
    """Draw the failures, label above read, the most confident first; gives how many there are."""
    pairs = zip(evaluation.looks, evaluation.reads, strict=True)
    wrong = sorted((pair for pair in pairs if pair[1].text != pair[1].label), key=lambda pair: -pair[1].confidence)
    tiles = [_tile(item.strip.image, read) for item, read in wrong[: columns * rows]]
    if tiles:
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
        lines = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
        cv2.imwrite(str(path), np.vstack(lines))
    return len(wrong)


def _read(item: Look, grammar: Grammar, *, folded: bool) -> Read:
    hypotheses = tuple(ctc.beam_search(item.log_probs, _BEAM, _LISTED, grammar.automaton))
    label = scored(item.label, folded=folded)
    ballot = vote.fuse([Sighting(0, item.strip, item.log_probs, hypotheses)], grammar, kind=Kind.PLATE)
    if ballot is None:
        return Read("", label, 0.0)
    return Read(scored(ballot.reading.text, folded=folded), label, ballot.reading.confidence)


def _tile(strip: NDArray[np.uint8], read: Read) -> NDArray[np.uint8]:
    tile = np.pad(strip, ((0, 34), (0, 4)))
    for row, text in ((16, read.label), (32, f"{read.text} {read.confidence:.2f}")):
        cv2.putText(tile, text, (2, strip.shape[0] + row - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1)
    return tile
