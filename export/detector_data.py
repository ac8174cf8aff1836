"""What the plate detector learns from: folders of photographs that may train, and an endless stream of scenes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from export import photographs
from export.detector_frames import FOLDER, training_frames
from export.detector_targets import assign
from export.synthetic.fonts import load_faces
from export.synthetic.scene_plates import Stock
from export.synthetic.scenes import Photograph, Scene, Sources, compose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor


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


def load_sources(rng: np.random.Generator, folders: Folders) -> Sources:
    """Everything that scenes are made of."""
    frames = [Photograph(photographs.load(path), quads) for path, quads in training_frames(folders.data / FOLDER)]
    roads = [photographs.load(path) for path in sorted((folders.data / "road_backgrounds" / "images").iterdir())]
    crops = [image for _, image in photographs.crops(folders.data / "plates_tn_train_crops", margin=0.0)]
    tight = [image for image in crops if image.shape[1] >= 3.2 * image.shape[0]]  # flat ones fill their crop
    faces = load_faces(folders.fonts)
    return Sources(Stock(rng, faces, tight), faces, frames, roads)


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

    """

    def __init__(self, folders: Folders, seed: int) -> None:
        self._folders = folders
        self._seed = seed

    def __iter__(self) -> Iterator[Batch]:
        """Compose one batch after another."""
        cv2.setNumThreads(0)
        worker = get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        sources = load_sources(rng, self._folders)
        while True:
            size, count = (_SMALL, 8) if rng.random() < 0.65 else (_WIDE, 4)
            yield _batch(size, [compose(rng, sources, size) for _ in range(count)])


def _batch(size: tuple[int, int], scenes: list[Scene]) -> Batch:
    image = np.stack([scene.image for scene in scenes])[:, None].astype(np.float32) / np.float32(127.5) - 1
    targets = [assign(scene) for scene in scenes]
    columns = zip(*((each.plate, each.weight, each.corners, each.complete) for each in targets), strict=True)
    plate, weight, corners, complete = (torch.from_numpy(np.stack(column)) for column in columns)
    return Batch(size, torch.from_numpy(image), plate, weight, corners, complete)
