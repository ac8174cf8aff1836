"""Measure what several looks at one plate are worth: ``python -m export evaluate-vote BUNDLE DATA``.

Photographs show a plate once, so the looks are made: the labelled box is moved, tilted and resized, the strip blurred,
lightened and made noisy. What all looks share (the plate, its dirt, its typeface) stays as it was photographed; how
much that is, is what ``Trust.correlation`` has to say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr import ctc, rectify
from edge_ocr.bundle import load_bundle
from edge_ocr.grammar import load_regions, plate_grammar
from edge_ocr.recognise import Recogniser
from edge_ocr.sight import BEAM, LISTED
from edge_ocr.types import Kind, Quad, Sighting, corners_of
from edge_ocr.vote import Trust, fuse
from export import photographs
from export.scoring import calibration, scored

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from edge_ocr.bundle import Bundle
    from edge_ocr.grammar import Grammar
    from export.photographs import Folder, Label, Picture


@dataclass(frozen=True, slots=True)
class Plate:
    """Several looks at one labelled plate."""

    looks: tuple[Sighting, ...]
    label: str
    folded: bool


def evaluate_vote(bundle: Bundle, data: Path, *, looks: int = 8, seed: int = 1) -> None:
    """Print accuracy and calibration of the vote for several numbers of looks and values of ``Trust``.

    Args:
        bundle: to recognise plates.
        data: holds the folders of :data:`export.photographs.FOLDERS`.
        looks: at each plate.
        seed: of the looks.

    """
    recogniser = Recogniser(bundle)
    grammar = plate_grammar(load_regions(sorted({folder.region for folder in photographs.FOLDERS})))
    random = np.random.default_rng(seed)
    plates = [
        Plate(
            tuple(_look(label, image, folder, recogniser, grammar, random) for _ in range(looks)),
            scored(label.text[folder.skip :], folded=folder.folded),
            folder.folded,
        )
        for folder in photographs.FOLDERS
        for label, image in _measured(data, folder)
    ]
    print(f"{len(plates)} plates, {looks} looks at each")
    print("looks  correlation  outlier   exact  confidence  log loss  calibration error")
    default = Trust()
    for count in sorted({1, 2, 4, looks}):
        for correlation in (0.0, 0.5, 0.7, 0.8, 0.9, 1.0) if count > 1 else (default.correlation,):
            print(_row(plates, grammar, count, replace(default, correlation=correlation)))
    for outlier in (4.0, 7.0, 20.0):
        print(_row(plates, grammar, looks, replace(default, outlier=outlier)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("bundle", type=Path, help="folder of the recogniser's bundle")
    parser.add_argument("data", type=Path, help="holds the folders of labelled photographs")
    parser.add_argument("--looks", type=int, default=8, help="at each plate")
    parser.add_argument("--seed", type=int, default=1, help="of the looks")


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    evaluate_vote(load_bundle(args.bundle, task="recognise"), args.data, looks=args.looks, seed=args.seed)
    return 0


def _row(plates: Sequence[Plate], grammar: Grammar, count: int, trust: Trust) -> str:
    votes = [fuse(plate.looks[:count], grammar, kind=Kind.PLATE, trust=trust) for plate in plates]
    right = [
        vote is not None and scored(vote.reading.text, folded=plate.folded) == plate.label
        for vote, plate in zip(votes, plates, strict=True)
    ]
    found = calibration([vote.reading.confidence if vote else 0.0 for vote in votes], right)
    return (
        f"{count:5}  {trust.correlation:11.1f}  {trust.outlier:7.1f}  {np.mean(right):6.1%}  {found.confidence:10.1%}"
        f"  {found.likelihood:8.3f}  {found.error:17.1%}"
    )


def _measured(data: Path, folder: Folder) -> list[tuple[Label, Picture]]:
    """The labelled part of a folder that may be measured, whole images and not crops: a look may see beyond the box."""
    rows = photographs.labels(data / folder.name)
    chosen = (label for number, label in enumerate(rows) if number % folder.every == 0 and label.text[folder.skip :])
    return [(label, photographs.load(label.image)) for label in chosen]


def _look(
    label: Label,
    image: Picture,
    folder: Folder,
    recogniser: Recogniser,
    grammar: Grammar,
    random: np.random.Generator,
) -> Sighting:
    height, width = image.shape[:2]
    x, y, w, h = label.box or (0.0, 0.0, width, height)
    corners = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
    centre = corners.mean(axis=0)
    tilt = random.normal(0, 0.03) * h * np.array([[0, -1], [0, 1], [0, 1], [0, -1]])
    corners = centre + (corners - centre) * random.normal(1, 0.04, 2) + random.normal(0, 0.03, 2) * (w, h) + tilt
    strip = rectify.strip(
        image,
        Quad(corners_of(corners.tolist()), Kind.PLATE, 1.0),
        width=recogniser.width,
        height=recogniser.height,
        margin=folder.margin,
    )
    shades = cv2.GaussianBlur(strip.image.astype(np.float32), (0, 0), random.uniform(0.1, 1.6))
    shades = shades * random.uniform(0.8, 1.2) + random.normal(0, random.uniform(0, 14), shades.shape)
    strip = replace(strip, image=rectify.stretch(np.clip(shades, 0, 255).astype(np.uint8)))
    log_probs = recogniser(strip)
    return Sighting(0, strip, log_probs, tuple(ctc.beam_search(log_probs, BEAM, LISTED, grammar.automaton)))
