"""Measure ``read`` end to end on frames: ``python -m export evaluate-frames FOLDER --region us``.

Of frames without labels, on which there is nothing to read, it counts what is read all the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_ocr.reader import Reader
from export import photographs
from export.evaluate_detector import shots
from export.scoring import scored

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Tally:
    """What ``read`` made of a folder.

    Attributes:
        plates: labelled texts.
        right: of them, those that some reading of their image has exactly.
        readings: of all images, right or not.
        cpu: seconds of CPU an image.

    """

    plates: int
    right: int
    readings: int
    cpu: float

    def line(self, name: str) -> str:
        """What the command prints."""
        right = f"{self.right} of {self.plates} right ({self.right / self.plates:.1%})"
        return f"{name}: {right}, {self.readings - self.right} other readings, {self.cpu * 1e3:.0f} ms of CPU an image"


def evaluate_frames(folder: Path, regions: Sequence[str] | None, *, folded: bool) -> Tally:
    """Read every image of a folder and compare with its labels.

    Args:
        folder: of labelled photographs.
        regions: whose formats to expect; None for all.
        folded: whether O counts as 0 and I as 1.

    """
    reader = Reader(regions=regions)
    wanted: dict[Path, list[str]] = {}
    for label in photographs.labels(folder):
        wanted.setdefault(label.image, []).append(scored(label.text, folded=folded))
    plates = right = readings = 0
    spent = 0.0
    for path, texts in wanted.items():
        image = photographs.load(path)
        since = time.process_time()
        found = [scored(reading.text, folded=folded) for reading in reader.read(image)]
        spent += time.process_time() - since
        plates += len(texts)
        readings += len(found)
        for text in texts:
            if text in found:
                found.remove(text)
                right += 1
    return Tally(plates, right, readings, spent / len(wanted))


def made_up(folder: Path, regions: Sequence[str] | None) -> tuple[int, int]:
    """How many texts are read in how many pictures of a folder without plates."""
    reader = Reader(regions=regions)
    pictures = shots(folder)
    return sum(len(reader.read(shot.image)) for shot in pictures), len(pictures)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", type=Path, help="images/ and labels.csv, or pictures without plates")
    parser.add_argument("--region", help="formats in the search, separated by commas; all by default")
    parser.add_argument("--exact", action="store_true", help="tell O from 0 and I from 1")


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    regions = args.region.split(",") if args.region else None
    if not (args.folder / "labels.csv").is_file():
        texts, pictures = made_up(args.folder, regions)
        print(f"{args.folder.name}: {texts} texts made up in {pictures} pictures ({texts / pictures:.3f} a picture)")
        return 0
    tally = evaluate_frames(args.folder, regions, folded=not args.exact)
    print(tally.line(args.folder.name))
    return 0
