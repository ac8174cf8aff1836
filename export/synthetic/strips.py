"""The recogniser's training strips: rendered plates and the few real crops that may train, in shards on disk.

A shard depends on the seed and its own number alone, so a cache that was lost is made again by the same command.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr import rectify
from export import photographs
from export.synthetic import degrade, plates
from export.synthetic.faces import CHARACTERS, Face
from export.synthetic.strokes import stroke_face

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from export.synthetic.drawing import Picture

HEIGHT, WIDTH = 48, 160
LONGEST = 12
SHARD = 9_000
_VIEWS = 3  # strips of each rendered plate: seeing is as cheap as drawing
_STROKE_FACES = 400
_REAL_SHARE = 0.1
_CLASS = {character: number for number, character in enumerate(CHARACTERS, start=1)}


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """``strips`` uint8 (n, HEIGHT, WIDTH); ``labels`` int8 (n, LONGEST), classes from 1, padded with 0."""

    strips: NDArray[np.uint8]
    labels: NDArray[np.int8]


def encode(text: str) -> list[int]:
    """Classes of a plate's characters."""
    return [_CLASS[character] for character in text]


def training_crops(data: Path) -> list[tuple[Picture, str]]:
    """Real crops that may train: Tunisian ones, and four fifths of the Chinese ones without their province."""
    pairs = []
    for label, image in photographs.crops(data / "plates_tn_train_crops", margin=0):
        pairs.append((image, label.text))
    for number, (label, image) in enumerate(photographs.crops(data / "plates_cn_crops", margin=0)):
        if number % 5:
            pairs.append((image, label.text[1:]))
    return [
        (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), text)
        for image, text in pairs
        if text and len(text) <= LONGEST and all(character in _CLASS for character in text)
    ]


def render_shards(cache: Path, *, fonts: Path, data: Path | None, seed: int, count: int, workers: int) -> list[Path]:
    """Render the shards that are not there yet, in order, and give the paths of all of them.

    Args:
        cache: where shards are kept.
        fonts: the folder of typefaces (see :mod:`export.synthetic.fonts`).
        data: the folder of real photographs, or None to render everything.
        seed: of all choices.
        count: how many shards of SHARD strips there shall be.
        workers: processes.

    """
    cache.mkdir(parents=True, exist_ok=True)
    _faces(fonts)  # fetched once, before the workers ask for them
    paths = [cache / f"strips-{seed}-{number:04d}.npz" for number in range(count)]
    missing = [(number, path) for number, path in enumerate(paths) if not path.is_file()]
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(_write, path, fonts, data, seed, number) for number, path in missing]
        for done, job in enumerate(as_completed(jobs), start=1):
            print(f"rendered {done} of {len(jobs)} shards ({job.result().name})", flush=True)
    return paths


def load_shard(path: Path) -> Shard:
    """Read one shard."""
    with np.load(path) as stored:
        return Shard(stored["strips"], stored["labels"])


def render_shard(
    faces: Sequence[Face], real: Sequence[tuple[Picture, str]], *, seed: int, number: int, size: int = SHARD
) -> Shard:
    """One shard, the same for the same arguments.

    Args:
        faces: typefaces of the rendered plates.
        real: grey crops with their texts, which take a tenth of the places where there are any.
        seed: of all choices, together with ``number``.
        number: of the shard.
        size: how many strips.

    """
    strips = np.empty((size, HEIGHT, WIDTH), np.uint8)
    labels = np.zeros((size, LONGEST), np.int8)
    plate: plates.Plate | None = None
    for place in range(size):
        rng = np.random.default_rng([seed, number, place])
        if place % _VIEWS == 0 or plate is None:
            plate = plates.render_plate(rng, faces)
        text = plate.text
        if real and rng.random() < _REAL_SHARE:
            image, text = real[int(rng.integers(len(real)))]
            strips[place] = _again(rng, image)
        else:
            strips[place] = degrade.see(rng, plate, width=WIDTH, height=HEIGHT)
        labels[place, : len(text)] = encode(text)
    return Shard(strips, labels)


def development_strips(data: Path, folder: photographs.Folder) -> tuple[NDArray[np.uint8], list[str]]:
    """Strips, as the runtime's ``--crop`` cuts them, and texts of what may be measured in a development folder."""
    pairs = [
        (rectify.whole(image, width=WIDTH, height=HEIGHT).image, text)
        for image, text in photographs.development(data, folder)
    ]
    return np.stack([strip for strip, _ in pairs]), [text for _, text in pairs]


def training_strips(data: Path) -> NDArray[np.uint8]:
    """The real crops that may train, cut as the runtime does, unchanged: what int8 ranges are calibrated with."""
    return np.stack([rectify.whole(crop, width=WIDTH, height=HEIGHT).image for crop, _ in training_crops(data)])


def _again(rng: np.random.Generator, image: Picture) -> Picture:
    """A real crop, seen a little differently."""
    height, width = image.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return degrade.crop(rng, degrade.expose(rng, image), corners, width=WIDTH, height=HEIGHT)


def _write(path: Path, fonts: Path, data: Path | None, seed: int, number: int) -> Path:
    cv2.setNumThreads(1)
    shard = render_shard(_faces(fonts), _real(data), seed=seed, number=number)
    half = path.with_suffix(".part.npz")
    np.savez(half, strips=shard.strips, labels=shard.labels)
    half.replace(path)
    return path


def contact_sheet(fonts: Path, picture: Path, *, seed: int, columns: int = 8, rows: int = 20) -> None:
    """Draw strips with their labels beneath, to look at what a training sees."""
    shard = render_shard(_faces(fonts), [], seed=seed, number=0, size=columns * rows)
    tiles = np.pad(shard.strips, ((0, 0), (0, 16), (0, 4)))
    for tile, label in zip(tiles, shard.labels, strict=True):
        text = "".join(CHARACTERS[number - 1] for number in label if number)
        cv2.putText(tile, text, (2, HEIGHT + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1)
    cv2.imwrite(str(picture), np.vstack([np.hstack(list(line)) for line in np.split(tiles, rows)]))


@lru_cache(maxsize=1)
def _faces(fonts: Path) -> list[Face]:
    from export.synthetic.fonts import load_faces  # noqa: PLC0415 - font libraries are needed to fetch, not to draw

    return load_faces(fonts) + [stroke_face(np.random.default_rng(number)) for number in range(_STROKE_FACES)]


@lru_cache(maxsize=1)
def _real(data: Path | None) -> list[tuple[Picture, str]]:
    return [] if data is None else training_crops(data)
