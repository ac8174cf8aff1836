"""Measure ``read`` end to end on frames: ``python -m export evaluate-frames FOLDER --region us``, or ``--kind sign``.

A word must also have been read at its place, since a street may say it twice. Boxes whose text is not known are left
out, with what is read there. Of frames without labels, on which there is nothing to read, it counts what is read all
the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.reader import Reader
from edge_ocr.types import Kind
from export import photographs
from export.evaluate_detector import overlaps, shots
from export.scoring import scored

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from edge_ocr.types import Reading
    from export.photographs import Label

_AT_PLACE = 0.5  # intersection over union of boxes


@dataclass(frozen=True, slots=True)
class Tally:
    """What ``read`` made of a folder.

    Attributes:
        texts: labelled ones.
        unknown: boxes without a text, which are left out.
        right: texts that some reading of their image has exactly.
        alike: of plates, those where O counts as 0 and I as 1; of words, as many as right.
        readings: of all images, right or not.
        cpu: seconds of CPU an image.

    """

    texts: int
    unknown: int
    right: int
    alike: int
    readings: int
    cpu: float

    def line(self, name: str, kind: Kind) -> str:
        """What the command prints."""
        told = [f"{self.readings - self.alike} other readings", f"{self.cpu * 1e3:.0f} ms of CPU an image"]
        if self.unknown:
            told.insert(0, f"{self.unknown} boxes without a text left out")
        if self.texts and kind is Kind.PLATE:
            told.insert(0, f"{self.alike} ({self.alike / self.texts:.1%}) with O as 0 and I as 1")
        right = f"{self.right} of {self.texts} right ({self.right / self.texts:.1%})" if self.texts else "no texts"
        return f"{name}: {', '.join([right, *told])}"


def evaluate_frames(folder: Path, reader: Reader) -> Tally:
    """Read every image of a folder and compare with its labels.

    Args:
        folder: of labelled photographs.
        reader: of plates or of words.

    Raises:
        ValueError: the folder lists no pictures.

    """
    wanted: dict[Path, list[Label]] = {}
    for label in photographs.labels(folder):
        wanted.setdefault(label.image, []).append(label)
    if not wanted:
        raise ValueError(f"{folder / 'labels.csv'} lists no pictures")
    texts = unknown = right = alike = readings = 0
    spent = 0.0
    for path, labels in wanted.items():
        image = photographs.load(path)
        since = time.process_time()
        found = reader.read(image)
        spent += time.process_time() - since
        known = [label for label in labels if scored(label.text, folded=False)]
        blank = [label for label in labels if label not in known]
        found = [reading for reading in found if not any(_at(reading, label) for label in blank)]
        texts, unknown, readings = texts + len(known), unknown + len(blank), readings + len(found)
        right += _right(found, known, placed=reader.kind is not Kind.PLATE, folded=False)
        alike += _right(found, known, placed=reader.kind is not Kind.PLATE, folded=reader.kind is Kind.PLATE)
    return Tally(texts, unknown, right, alike, readings, spent / len(wanted))


def _right(found: Sequence[Reading], labels: Sequence[Label], *, placed: bool, folded: bool) -> int:
    """How many labels have a reading of their own that says the same; ``placed``: where the label has its box."""
    left, right = list(found), 0
    for label in labels:
        text = scored(label.text, folded=folded)
        same = [reading for reading in left if scored(reading.text, folded=folded) == text]
        if placed and label.box is not None:
            same = [reading for reading in same if _at(reading, label)]
        if same:
            left.remove(same[0])
            right += 1
    return right


def _at(reading: Reading, label: Label) -> bool:
    return label.box is not None and float(overlaps(np.array([label.box]), reading.quad)[0]) >= _AT_PLACE


def made_up(folder: Path, reader: Reader) -> tuple[int, int]:
    """How many texts are read in how many pictures of a folder without any."""
    pictures = shots(folder)
    return sum(len(reader.read(shot.image)) for shot in pictures), len(pictures)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", type=Path, help="images/ and labels.csv, or pictures without texts")
    parser.add_argument("--kind", choices=(Kind.PLATE, Kind.SIGN), default=Kind.PLATE)
    parser.add_argument("--region", help="formats in the search, separated by commas; all by default")
    parser.add_argument("--language", help="whose words are likelier on signs, or none; the bundle's by default")
    parser.add_argument("--min-confidence", type=float, help="of a reading; the kind's own by default")


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    if args.region and args.kind != Kind.PLATE:
        print("--region names formats of plates; leave it out, or ask for --kind plate")
        return 2
    if args.language and args.kind != Kind.SIGN:
        print("--language is for signs; leave it out, or ask for --kind sign")
        return 2
    regions = args.region.split(",") if args.region else None
    reader = Reader(args.kind, regions=regions, language=args.language, min_confidence=args.min_confidence)
    if not (args.folder / "labels.csv").is_file():
        texts, pictures = made_up(args.folder, reader)
        print(f"{args.folder.name}: {texts} texts made up in {pictures} pictures ({texts / pictures:.3f} a picture)")
        return 0
    print(evaluate_frames(args.folder, reader).line(args.folder.name, reader.kind))
    return 0
