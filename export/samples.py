"""Make the samples that ``make run`` and the golden tests read: ``python -m export samples --data DIR``.

Real dash-camera frames (plates_ro_frames, MIT) in which every readable plate is exchanged for a rendered one, so that
the texts are known and nobody's plate is published; and a clip: a slow approach through one of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from export import photographs, places
from export.synthetic import plates
from export.synthetic.grounds import WHITE
from export.synthetic.styles import BLACK, STYLES, Style

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from export.photographs import Picture
    from export.synthetic.faces import Face

_FACE = "OSP-DIN"
_SIZE = (960, 540)
_FRAMES = 45
_RATE = 15.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame of the folder, and the groups of the plates that take the place of its own, the widest first."""

    image: str
    plates: tuple[tuple[str, ...], ...]

    @property
    def texts(self) -> list[str]:
        """What its plates say."""
        return ["".join(groups) for groups in self.plates]


PHOTOGRAPHS = {
    "street.jpg": Sample("0089.jpg", (("CJ", "48", "KLM"),)),
    "night.jpg": Sample("0208.jpg", (("TM", "07", "PLT"), ("B", "24", "XYZ"))),
}
CLIP = Sample("0077.jpg", (("B", "172", "EDG"),))


def make(data: Path, fonts: Path, out: Path) -> None:
    """Write the photographs, the clip, and ``expected.json`` with the texts of each."""
    from export.synthetic.fonts import load_faces  # noqa: PLC0415 - font libraries are needed to make samples only

    faces = [face for face in load_faces(fonts) if face.name == _FACE]
    out.mkdir(parents=True, exist_ok=True)
    folder = data / "plates_ro_frames"
    for name, sample in PHOTOGRAPHS.items():
        image, _ = exchanged(folder, sample, faces, scale=1)
        cv2.imwrite(str(out / name), image, [cv2.IMWRITE_JPEG_QUALITY, 88])
    image, centre = exchanged(folder, CLIP, faces, scale=2)
    _approach(image, centre, out / "clip.mp4")
    expected = {name: sample.texts for name, sample in {**PHOTOGRAPHS, "clip.mp4": CLIP}.items()}
    (out / "expected.json").write_text(json.dumps(expected, indent=2) + "\n", encoding="utf-8")


def exchanged(
    folder: Path, sample: Sample, faces: Sequence[Face], *, scale: int
) -> tuple[Picture, tuple[float, float]]:
    """A frame, enlarged, with its labelled plates exchanged; and the middle of the widest one.

    Raises:
        ValueError: the frame has another number of labelled plates than the sample.

    """
    rng = np.random.default_rng(7)
    image = photographs.load(folder / "images" / sample.image)
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    boxes = [label.box for label in photographs.labels(folder) if label.image.name == sample.image and label.box]
    boxes.sort(key=lambda box: -box[2])
    if len(boxes) != len(sample.plates):
        raise ValueError(f"{sample.image} has {len(boxes)} labelled plates, not {len(sample.plates)}")
    for box, groups in zip(boxes, sample.plates, strict=True):
        plate = plates.render(rng, _style(), list(groups), faces).image
        _insert(image, plate, tuple(scale * side for side in box))
    x, y, w, h = boxes[0]
    return image, (scale * (x + w / 2), scale * (y + h / 2))


def _style() -> Style:
    """A clean European plate."""
    european = STYLES[1]
    colours = ((WHITE, BLACK),)
    return Style(
        share=1,
        patterns=european.patterns,
        free=0,
        aspect=(4.7, 4.7),
        caps=(0.68, 0.7),
        row=(0.5, 0.5),
        gap=(0.35, 0.4),
        clutter=0,
        colours=colours,
        ground=european.ground,
        panelled=0,
    )


def _insert(image: Picture, plate: Picture, box: tuple[float, ...]) -> None:
    """Put a plate over a box in the light of what was there."""
    x, y, w, h = box
    left, top, right, bottom = x - 0.04 * w, y - 0.08 * h, x + 1.04 * w, y + 1.08 * h
    old = image[round(y) : round(y + h), round(x) : round(x + w)].reshape(-1, 3)
    dark, light = np.percentile(old, 8, axis=0), np.percentile(old, 92, axis=0)
    lit = np.clip(dark + (plate / 255.0) * (light - dark), 0, 255).astype(np.uint8)
    across = (round(right - left), round(bottom - top))
    small = cv2.GaussianBlur(cv2.resize(lit, across, interpolation=cv2.INTER_AREA), (0, 0), 0.5)
    image[round(top) : round(top) + across[1], round(left) : round(left) + across[0]] = small


def _approach(image: Picture, centre: tuple[float, float], path: Path) -> None:
    """Film the image from its whole width down to the plate's surroundings, with a hand that is not quite still."""
    rng = np.random.default_rng(7)
    height, width = image.shape[:2]
    middle = np.array([width / 2, height / 2])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), _RATE, _SIZE)
    for step in np.linspace(0, 1, _FRAMES):
        share = 1 - 0.6 * step
        at = middle + (np.array(centre) - middle) * step + rng.normal(0, 2, 2)
        half = np.array([width, width * _SIZE[1] / _SIZE[0]]) * share / 2
        at = np.clip(at, half, np.array([width, height]) - half)
        patch = cv2.getRectSubPix(image, (int(2 * half[0]), int(2 * half[1])), (float(at[0]), float(at[1])))
        writer.write(cv2.resize(patch, _SIZE, interpolation=cv2.INTER_AREA))
    writer.release()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds plates_ro_frames")
    parser.add_argument("--cache", type=Path, default=places.CACHE, help="where the fonts are kept")
    parser.add_argument("--out", type=Path, default=Path("docs/samples"))


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    make(args.data, args.cache / "fonts", args.out)
    print(f"wrote {args.out}")
    return 0
