"""Measure ``read`` end to end on frames: ``python -m export evaluate-frames FOLDER --region us``, or ``--kind sign``.

A word must also have been read at its place, since a street may say it twice. Of frames without labels, on which there
is nothing to read, it counts what is read all the same.
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
from export.evaluate_detector import shots
from export.scoring import scored

if TYPE_CHECKING:
    import argparse

    from edge_ocr.types import Reading
    from export.photographs import Label

_AT_PLACE = 0.5  # intersection over union of boxes


@dataclass(frozen=True, slots=True)
class Tally:
    """What ``read`` made of a folder.

    Attributes:
        texts: labelled ones.
        right: of them, those that some reading of their image has exactly.
        readings: of all images, right or not.
        cpu: seconds of CPU an image.

    """

    texts: int
    right: int
    readings: int
    cpu: float

    def line(self, name: str) -> str:
        """What the command prints."""
        right = f"{self.right} of {self.texts} right ({self.right / self.texts:.1%})"
        return f"{name}: {right}, {self.readings - self.right} other readings, {self.cpu * 1e3:.0f} ms of CPU an image"


def evaluate_frames(folder: Path, reader: Reader, *, folded: bool) -> Tally:
    """Read every image of a folder and compare with its labels.

    Args:
        folder: of labelled photographs.
        reader: of plates or of words.
        folded: whether O counts as 0 and I as 1.

    """
    wanted: dict[Path, list[Label]] = {}
    for label in photographs.labels(folder):
        wanted.setdefault(label.image, []).append(label)
    texts = right = readings = 0
    spent = 0.0
    for path, labels in wanted.items():
        image = photographs.load(path)
        since = time.process_time()
        found = reader.read(image)
        spent += time.process_time() - since
        texts += len(labels)
        readings += len(found)
        for label in labels:
            text = scored(label.text, folded=folded)
            same = [reading for reading in found if scored(reading.text, folded=folded) == text]
            if reader.kind is not Kind.PLATE and label.box is not None:
                same = [reading for reading in same if overlap(reading, label.box) >= _AT_PLACE]
            if same:
                found.remove(same[0])
                right += 1
    return Tally(texts, right, readings, spent / len(wanted))


def overlap(reading: Reading, box: tuple[float, float, float, float]) -> float:
    """Intersection over union, 0..1, of the upright box around a reading's quad and a box (x, y, width, height)."""
    corners = np.array(reading.quad.corners)
    low, high = corners.min(axis=0), corners.max(axis=0)
    start, size = np.array(box[:2]), np.array(box[2:])
    both = np.prod(np.maximum(0, np.minimum(high, start + size) - np.maximum(low, start)))
    return float(both / (np.prod(high - low) + np.prod(size) - both))


def made_up(folder: Path, reader: Reader) -> tuple[int, int]:
    """How many texts are read in how many pictures of a folder without any."""
    pictures = shots(folder)
    return sum(len(reader.read(shot.image)) for shot in pictures), len(pictures)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", type=Path, help="images/ and labels.csv, or pictures without texts")
    parser.add_argument("--kind", choices=(Kind.PLATE, Kind.SIGN), default=Kind.PLATE)
    parser.add_argument("--region", help="formats in the search, separated by commas; all by default")
    parser.add_argument("--exact", action="store_true", help="tell O from 0 and I from 1 on plates, as on words")


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    reader = Reader(args.kind, regions=args.region.split(",") if args.region else None)
    if not (args.folder / "labels.csv").is_file():
        texts, pictures = made_up(args.folder, reader)
        print(f"{args.folder.name}: {texts} texts made up in {pictures} pictures ({texts / pictures:.3f} a picture)")
        return 0
    tally = evaluate_frames(args.folder, reader, folded=reader.kind is Kind.PLATE and not args.exact)
    print(tally.line(args.folder.name))
    return 0
