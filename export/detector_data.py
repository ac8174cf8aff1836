"""What detectors learn from: folders of photographs that may train, and an endless stream of scenes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from edge_ocr.types import Kind
from export import photographs
from export.detector_frames import FOLDER, training_frames
from export.detector_targets import assign
from export.synthetic import scene_words, scenes
from export.synthetic.fonts import load_faces
from export.synthetic.scene_lines import Lettering
from export.synthetic.scene_plates import Stock
from export.synthetic.scenes import Photograph, Scene
from export.synthetic.sign_fonts import load_typefaces, load_words
from export.synthetic.sign_texts import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    Picture = NDArray[Any]  # uint8; OpenCV's stubs do not say so of what they return

_SMALL, _WIDE = (384, 256), (640, 384)
"""Sizes (width, height) of scenes, multiples of 64; plates in them have the sizes that they have in the real input."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the photographs and fonts are.

    Attributes:
        data: holds plates_ro_frames, road_backgrounds, plates_tn_train_crops.
        fonts: the cache of export/synthetic/fonts.py.

    """

    data: Path
    fonts: Path


Painter = Callable[[np.random.Generator, tuple[int, int]], Scene]
"""Composes one scene of a size (width, height)."""


def painter(rng: np.random.Generator, folders: Folders, kind: Kind) -> Painter:
    """What composes the scenes of a kind: with plates, or with words for the detector of all other kinds."""
    return _of_plates(rng, folders) if kind is Kind.PLATE else _of_words(rng, folders)


def _of_plates(rng: np.random.Generator, folders: Folders) -> Painter:
    frames = [Photograph(photographs.load(path), quads) for path, quads in training_frames(folders.data / FOLDER)]
    crops = [image for _, image in photographs.crops(folders.data / "plates_tn_train_crops", margin=0.0)]
    tight = [image for image in crops if image.shape[1] >= 3.2 * image.shape[0]]  # flat ones fill their crop
    faces = load_faces(folders.fonts)
    sources = scenes.Sources(Stock(rng, faces, tight), faces, frames, _roads(folders))
    return lambda rng, size: scenes.compose(rng, sources, size)


def _of_words(rng: np.random.Generator, folders: Folders) -> Painter:
    frames = [
        scene_words.reduced(photographs.load(path), quads) for path, quads in training_frames(folders.data / FOLDER)
    ]
    lettering = Lettering(rng, load_typefaces(folders.fonts), Writer(load_words(folders.fonts)))
    sources = scene_words.Sources(lettering, frames, _roads(folders))
    return lambda rng, size: scene_words.compose(rng, sources, size)


def _roads(folders: Folders) -> list[Picture]:
    return [photographs.load(path) for path in sorted((folders.data / "road_backgrounds" / "images").iterdir())]


@dataclass(frozen=True, slots=True)
class Batch:
    """Scenes of one size: image float32 (n, 1, H, W) in -1..1, and the arrays of Targets stacked."""

    size: tuple[int, int]
    image: Tensor
    plate: Tensor
    weight: Tensor
    corners: Tensor
    complete: Tensor


class SceneStream(IterableDataset[Batch]):
    """Batches without end.

    Small scenes hold the common, small plates at little cost; large plates need the room of wide ones.

    Args:
        folders: see :class:`Folders`.
        seed: every worker and every start draws from a stream of its own.
        kind: of what is to be found.

    """

    def __init__(self, folders: Folders, seed: int, kind: Kind) -> None:
        self._folders = folders
        self._seed = seed
        self._kind = kind

    def __iter__(self) -> Iterator[Batch]:
        """Compose one batch after another."""
        cv2.setNumThreads(0)
        worker = get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        compose = painter(rng, self._folders, self._kind)
        while True:
            size, count = (_SMALL, 8) if rng.random() < 0.65 else (_WIDE, 4)
            yield _batch(size, [compose(rng, size) for _ in range(count)])


def _batch(size: tuple[int, int], scenes: list[Scene]) -> Batch:
    image = np.stack([scene.image for scene in scenes])[:, None].astype(np.float32) / np.float32(127.5) - 1
    targets = [assign(scene) for scene in scenes]
    columns = zip(*((each.plate, each.weight, each.corners, each.complete) for each in targets), strict=True)
    plate, weight, corners, complete = (torch.from_numpy(np.stack(column)) for column in columns)
    return Batch(size, torch.from_numpy(image), plate, weight, corners, complete)
