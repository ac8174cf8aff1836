"""Which cells of the output maps answer for which plate, and what they should say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.synthetic.scenes import Scene

STRIDES = (8, 16, 32)
"""Pixels of the input a cell of each output map."""
UNITS = (4.0, 2.0)
"""Corner offsets are told in strides times these, across and down: both then fill a similar range of int8."""
LENGTHS = ((0.0, 72.0), (48.0, 168.0), (112.0, np.inf))
"""The texts that each scale answers for, by the width in pixels that they would have at four times their height; they
overlap, and merging settles it."""
_CORE = 0.32
"""Cells within this share of a plate's sides from its middle answer for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """One scene's targets for all cells, the scales in order, each row by row.

    Attributes:
        plate: float32 (cells,): 1 a plate, 0 background, -1 neither (inside a plate but off its core, or unwanted).
        weight: float32 (cells,): small where many cells share one plate, so that large plates do not drown small ones.
        corners: float32 (cells, 8): x, y of the corners in pixels; zero where there is no plate.
        complete: float32 (1,): 0 where unlabelled plates may be about.

    """

    plate: NDArray[np.float32]
    weight: NDArray[np.float32]
    corners: NDArray[np.float32]
    complete: NDArray[np.float32]


def cell_centres(size: tuple[int, int]) -> NDArray[np.float32]:
    """Centres of all cells of all scales, float32 (cells, 2), in pixels of an input of ``size`` (width, height)."""
    parts = []
    for stride in STRIDES:
        x, y = np.meshgrid(np.arange(size[0] // stride), np.arange(size[1] // stride))
        parts.append((np.stack([x.ravel(), y.ravel()], 1) + 0.5) * stride)
    return np.concatenate(parts).astype(np.float32)


def assign(scene: Scene) -> Targets:
    """The targets of one scene."""
    height, width = scene.image.shape
    size = (width, height)
    centres = cell_centres(size)
    counts = [(width // stride) * (height // stride) for stride in STRIDES]
    bounds = np.cumsum([0, *counts])
    plate = np.zeros(len(centres), np.float32)
    weight = np.ones(len(centres), np.float32)
    corners = np.zeros((len(centres), 8), np.float32)
    lengths = 2 * np.sqrt([cv2.contourArea(quad) for quad in scene.quads])
    for index in np.argsort(-lengths):  # the smaller plate wins where two meet
        quad = scene.quads[index]
        across, down = _inside(centres, quad)
        within = (np.abs(across) <= 0.55) & (np.abs(down) <= 0.6)
        if not scene.wanted[index]:
            plate[within & (plate <= 0)] = -1
            continue
        for level, (low, high) in enumerate(LENGTHS):
            if not low <= lengths[index] < high:
                continue  # to a scale that others answer for, this plate is background: it must not find parts of it
            part = slice(bounds[level], bounds[level + 1])
            free = within[part] & (plate[part] <= 0)
            plate[part][free] = -1
            core = (np.abs(across[part]) <= _CORE) & (np.abs(down[part]) <= _CORE)
            off = np.abs(centres[part] - quad.mean(axis=0)).max(axis=1)
            core |= off <= max(STRIDES[level] * 0.5, float(off.min()))  # thin plates fall between the cells' centres
            cells = np.flatnonzero(core) + bounds[level]
            plate[cells] = 1
            weight[cells] = min(1.0, 6.0 / len(cells))
            corners[cells] = quad.reshape(-1)
    return Targets(plate, weight, corners, np.array([float(scene.complete)], np.float32))


def _inside(points: NDArray[np.float32], quad: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where points lie in a plate's own coordinates: -0.5 to 0.5 from edge to edge, across and down."""
    centre = quad.mean(axis=0)
    across = (quad[1] - quad[0] + quad[2] - quad[3]) / 2
    down = (quad[3] - quad[0] + quad[2] - quad[1]) / 2
    away = points - centre
    area = across[0] * down[1] - across[1] * down[0]
    area = area if abs(area) > 1e-6 else 1e-6
    u = (away[:, 0] * down[1] - away[:, 1] * down[0]) / area
    v = (across[0] * away[:, 1] - across[1] * away[:, 0]) / area
    return u, v
