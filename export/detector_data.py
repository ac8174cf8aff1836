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
from export.synthetic.scenes import Photograph, Sources, compose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor


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


class SceneStream(IterableDataset[tuple["Tensor", ...]]):
    """Scenes without end: image float32 (1, H, W) in -1..1 and the arrays of Targets.

    Args:
        folders: see :class:`Folders`.
        size: (width, height) of the scenes.
        seed: every worker and every start draws from a stream of its own.

    """

    def __init__(self, folders: Folders, size: tuple[int, int], seed: int) -> None:
        self._folders = folders
        self._size = size
        self._seed = seed

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Compose one scene after another."""
        cv2.setNumThreads(0)
        worker = get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        sources = load_sources(rng, self._folders)
        while True:
            scene = compose(rng, sources, self._size)
            targets = assign(scene)
            arrays = (targets.plate, targets.weight, targets.corners, targets.complete)
            yield (as_input(scene.image), *(torch.from_numpy(array) for array in arrays))


def as_input(grey: NDArray[np.uint8]) -> Tensor:
    """A grey picture as the network takes it: float32 (1, H, W), pixel / 127.5 - 1."""
    return torch.from_numpy(grey.astype(np.float32) / np.float32(127.5) - 1)[None]
