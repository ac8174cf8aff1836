"""Folders of labelled photographs: ``images/`` beside ``labels.csv`` with image, x, y, w, h, text.

A box is in pixels of the image and empty where the image is the crop itself; a text is empty where only the box is
known. No photograph is part of this project; each command takes the folder that holds them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Picture = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Label:
    """One labelled box, or a whole image where ``box`` (x, y, w, h) is None."""

    image: Path
    box: tuple[float, float, float, float] | None
    text: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A development folder of plates and how it is measured.

    Attributes:
        name: below the folder of all data.
        region: whose formats its plates follow.
        margin: by which its boxes are grown, as a share of their sides.
        folded: whether its labels leave O and 0, I and 1 untold apart; both ways are reported of every folder.
        every: only rows whose number is a multiple of this are measured; the others may train.
        skip: characters at the start of its texts that are not read.

    """

    name: str
    region: str
    margin: float = 0.0
    folded: bool = False
    every: int = 1
    skip: int = 0


FOLDERS = (
    Folder("plates_us_frames", "us", margin=0.06, folded=True),
    Folder("plates_ar_crops", "ar"),
    Folder("plates_tn_crops", "tn"),
    Folder("plates_in_frames", "in", folded=True),
    Folder("plates_cn_crops", "cn", folded=True, every=5, skip=1),
)


def development(data: Path, folder: Folder) -> Iterator[tuple[Picture, str]]:
    """Crops and texts of the part of a folder that is measured on."""
    for number, (label, image) in enumerate(crops(data / folder.name, margin=folder.margin)):
        text = label.text[folder.skip :]
        if number % folder.every == 0 and text and image.size:
            yield image, text


def labels(folder: Path) -> list[Label]:
    """Every row of a folder's labels.csv."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        return [_label(folder, row) for row in csv.DictReader(stream)]


def crops(folder: Path, *, margin: float) -> Iterator[tuple[Label, Picture]]:
    """Each label's part of its image, BGR, grown by ``margin`` (a share of the box's own sides)."""
    seen: tuple[Path, Picture] | None = None
    for label in labels(folder):
        if seen is None or seen[0] != label.image:
            seen = (label.image, load(label.image))
        image = seen[1]
        if label.box is not None:
            x, y, w, h = label.box
            left, top = max(0, round(x - margin * w)), max(0, round(y - margin * h))
            image = image[top : round(y + h * (1 + margin)), left : round(x + w * (1 + margin))]
        yield label, image


def load(path: Path) -> Picture:
    """An image as BGR uint8.

    Raises:
        OSError: it cannot be decoded.

    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        message = f"{path}: is not an image that can be read; check the data folder"
        raise OSError(message)
    return image


def _label(folder: Path, row: dict[str, str]) -> Label:
    box = None
    if row["w"]:
        box = (float(row["x"]), float(row["y"]), float(row["w"]), float(row["h"]))
    return Label(folder / "images" / row["image"], box, row["text"])
