"""Measure a detector on labelled photographs: ``python -m export evaluate-detector``.

A text counts as found where some quad's upright box and the labelled box have an IoU of at least :data:`LEAST`, or what
is asked for, each quad for one label at most. Quads without a label are wrong, which counts too much against a detector
where not all texts are labelled; folders without any tell what it really makes up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_ocr.bundle import load_bundle
from edge_ocr.detect import Detector
from edge_ocr.types import Kind, Region
from export import photographs
from export.detector_frames import FOLDER, held_back

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from edge_ocr.types import Quad

    Picture = NDArray[np.uint8]
    Boxes = NDArray[np.float64]

PLATES = ("plates_us_frames", "plates_in_frames", FOLDER, "plates_nl_clips")
WORDS = ("words_svt_frames",)
EMPTY = ("negatives", "quiet_clips")
LEAST = 0.5
"""The IoU from which a text counts as found, as detectors are commonly compared."""
WIDTHS = (0, 60, 100, 160, 320, 10_000)
"""Bounds of the classes of widths, in pixels of the image."""
_CLIP_STEP = 10  # of a clip without plates every tenth frame is looked at: the ones between look the same


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture and the boxes (n, 4) as x, y, w, h of the plates or words in it."""

    name: str
    image: Picture
    boxes: Boxes


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a detector made of one picture.

    Attributes:
        shot: the picture.
        quads: what was found, best first.
        overlap: the IoU of each label with the quad that fits it best, 0 without any.
        found: bool, which labels that is enough for.
        surplus: how many quads belong to no label.

    """

    shot: Shot
    quads: list[Quad]
    overlap: NDArray[np.float64]
    found: NDArray[np.bool_]
    surplus: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A folder's figures: shares are 0..1; ``tight`` is the median IoU of what was found."""

    folder: str
    images: int
    texts: int
    recall: float
    recall_by_width: dict[str, tuple[int, float]]
    precision: float
    surplus: float
    tight: float

    def line(self) -> str:
        """As a row of the report."""
        widths = "  ".join(f"{name}: {share:.0%} of {count}" for name, (count, share) in self.recall_by_width.items())
        return (
            f"{self.folder:<18} {self.images:4} images {self.texts:4} texts  recall {self.recall:6.1%}  "
            f"precision {self.precision:6.1%}  surplus {self.surplus:.3f} an image  IoU {self.tight:.2f}   {widths}"
        )


def shots(folder: Path) -> list[Shot]:
    """What of a folder may be measured on: of plates_ro_frames the frames held back, of a clip the first."""
    if not (folder / "labels.csv").is_file():
        return [shot for path in sorted((folder / "images").iterdir()) for shot in _unlabelled(path)]
    grouped: dict[Path, list[tuple[float, float, float, float]]] = {}
    for label in photographs.labels(folder):
        if label.box is not None and (folder.name != FOLDER or held_back(label.image)):
            grouped.setdefault(label.image, []).append(label.box)
    return [Shot(path.name, _first(path), np.array(boxes)) for path, boxes in grouped.items()]


def measure(
    detector: Detector, pictures: Sequence[Shot], *, around: float | None = None, least: float = LEAST
) -> list[Outcome]:
    """Run a detector on pictures and match what it finds with the labels, the best quad first.

    Args:
        detector: to be measured.
        pictures: to run it on.
        around: look only at regions that reach so many widths of a plate beyond its label on every side, as a gate
            might name them; None for whole frames.
        least: the IoU from which a text counts as found.

    """
    if around is None:
        return [_match(shot, detector(shot.image), least) for shot in pictures]
    return [_match(shot, detector(shot.image, regions=_regions(shot, around)), least) for shot in pictures]


def summarise(folder: str, outcomes: Sequence[Outcome]) -> Summary:
    """The figures of a folder."""
    overlap = np.concatenate([outcome.overlap for outcome in outcomes])
    width = np.concatenate([outcome.shot.boxes.reshape(-1, 4)[:, 2] for outcome in outcomes])
    found = np.concatenate([outcome.found for outcome in outcomes])
    surplus = sum(outcome.surplus for outcome in outcomes)
    by_width = {}
    for low, high in pairwise(WIDTHS):
        chosen = (width >= low) & (width < high)
        if chosen.any():
            by_width[f"{low}-{high}" if high < WIDTHS[-1] else f"{low}-"] = (
                int(chosen.sum()),
                float(found[chosen].mean()),
            )
    return Summary(
        folder=folder,
        images=len(outcomes),
        texts=len(overlap),
        recall=float(found.mean()) if len(found) else 1.0,
        recall_by_width=by_width,
        precision=float(found.sum() / max(1, found.sum() + surplus)),
        surplus=surplus / len(outcomes),
        tight=float(np.median(overlap[found])) if found.any() else 0.0,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    default = Path(__file__).parents[1] / "edge_ocr" / "models" / "plate-detector"
    parser.add_argument("--bundle", type=Path, default=default, help="the bundle to measure (default: the shipped one)")
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the folders of photographs")
    parser.add_argument("--threshold", type=float, help="instead of the bundle's")
    parser.add_argument("--least", type=float, default=LEAST, help="the IoU from which a text counts as found")
    parser.add_argument("--around", type=float, help="look only so many plate's widths around each label")
    parser.add_argument("--misses", type=Path, help="a folder for pictures of what was missed or made up")


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    bundle = load_bundle(args.bundle, task="detect")
    detector = Detector(bundle, threshold=args.threshold)
    for name in (*labelled(bundle.kind), *EMPTY):
        outcomes = measure(detector, shots(args.data / name), around=args.around, least=args.least)
        print(summarise(name, outcomes).line(), flush=True)
        if args.misses is not None:
            draw_misses(outcomes, args.misses / name)
    print(f"a 1280x720 frame takes {milliseconds(detector):.1f} ms of one core")
    return 0


def labelled(kind: Kind) -> tuple[str, ...]:
    """The folders that a detector of a kind is measured on."""
    return PLATES if kind is Kind.PLATE else WORDS


def accuracy(detector: Detector, kind: Kind, data: Path) -> dict[str, dict[str, Any]]:
    """The figures of every folder, as a model card holds them; printed on the way."""
    figures: dict[str, dict[str, Any]] = {}
    for name in (*labelled(kind), *EMPTY):
        summary = summarise(name, measure(detector, shots(data / name)))
        print(summary.line(), flush=True)
        figures[name] = {"images": summary.images, "surplus_an_image": round(summary.surplus, 3)}
        if name not in EMPTY:
            figures[name] |= {
                "plates" if kind is Kind.PLATE else "words": summary.texts,
                "recall": round(summary.recall, 3),
                "precision": round(summary.precision, 3),
                "median_iou": round(summary.tight, 3),
                **{
                    f"width_from_{bounds.split('-')[0]}": [count, round(share, 3)]
                    for bounds, (count, share) in summary.recall_by_width.items()
                },
            }
    return figures


def recall(detector: Detector, kind: Kind, data: Path) -> dict[str, tuple[int, float]]:
    """How many texts every labelled folder has, and the share of them that is found."""
    found = [summarise(name, measure(detector, shots(data / name))) for name in labelled(kind)]
    return {summary.folder: (summary.texts, summary.recall) for summary in found}


def draw_misses(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write pictures with labels in white and quads in green, of every outcome that is not right."""
    folder.mkdir(parents=True, exist_ok=True)
    for outcome in outcomes:
        if outcome.surplus == 0 and outcome.found.all():
            continue
        picture = outcome.shot.image.copy()
        for x, y, w, h in outcome.shot.boxes.reshape(-1, 4).astype(int):
            cv2.rectangle(picture, (x, y), (x + w, y + h), (255, 255, 255), 2)
        for quad in outcome.quads:
            points = np.rint(np.array(quad.corners)).astype(np.int32)
            cv2.polylines(picture, [points], isClosed=True, color=(0, 255, 0), thickness=2)
            at = (int(points[0, 0]), int(points[0, 1]) - 4)
            cv2.putText(picture, f"{quad.score:.2f}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 255, 0), 2)
        cv2.imwrite(str(folder / f"{Path(outcome.shot.name).stem}.jpg"), picture)


def _regions(shot: Shot, around: float) -> list[Region]:
    boxes = shot.boxes.reshape(-1, 4)
    reach = around * boxes[:, 2:3]
    sides = np.concatenate([boxes[:, :2] - reach, boxes[:, :2] + boxes[:, 2:] + reach], axis=1)
    return [Region(*(int(side) for side in box)) for box in sides]


def overlaps(boxes: Boxes, quad: Quad) -> NDArray[np.float64]:
    """Intersection over union, 0..1, of each of n boxes (n, 4), as x, y, w, h, with the upright box around a quad."""
    points = np.array(quad.corners)
    low, high = points.min(axis=0), points.max(axis=0)
    shared = np.minimum(boxes[:, :2] + boxes[:, 2:], high) - np.maximum(boxes[:, :2], low)
    both = np.clip(shared, 0, None).prod(axis=1)
    share: NDArray[np.float64] = both / (boxes[:, 2:].prod(axis=1) + (high - low).prod() - both)
    return share


def _match(shot: Shot, quads: list[Quad], least: float) -> Outcome:
    boxes = shot.boxes.reshape(-1, 4)
    overlap, found = np.zeros(len(boxes)), np.zeros(len(boxes), bool)
    surplus = 0
    for quad in quads:
        shares = overlaps(boxes, quad) * ~found
        best = int(shares.argmax()) if len(shares) else 0
        if len(shares):
            overlap[best] = max(overlap[best], shares[best])
        if len(shares) and shares[best] >= least:
            found[best] = True
        else:
            surplus += 1
    return Outcome(shot, quads, overlap, found, surplus)


def _first(path: Path) -> Picture:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is not None:
        return np.asarray(image, np.uint8)
    return next(_frames(path))


def _frames(path: Path, step: int = 1) -> Iterator[Picture]:
    clip = cv2.VideoCapture(str(path))
    number = 0
    while True:
        good, image = clip.read()
        if not good:
            break
        if number % step == 0:
            yield np.asarray(image, np.uint8)
        number += 1
    if number == 0:
        raise OSError(f"{path}: is no image or clip that can be read; check the data folder")


def _unlabelled(path: Path) -> Iterator[Shot]:
    nothing = np.zeros((0, 4))
    if path.suffix.lower() in {".jpg", ".jpeg", ".png"}:
        yield Shot(path.name, photographs.load(path), nothing)
    else:
        for number, image in enumerate(_frames(path, _CLIP_STEP)):
            yield Shot(f"{path.stem}-{number * _CLIP_STEP:04d}", image, nothing)


def milliseconds(detector: Detector) -> float:
    """The median time of a call on a frame of 1280x720, measured as time of the processor."""
    frame = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    times = []
    for _ in range(30):
        start = time.process_time()
        detector(frame)
        times.append(time.process_time() - start)
    return float(np.median(times)) * 1e3
