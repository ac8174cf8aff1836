"""What lies behind the vehicles: parts of photographs, and surfaces made up of gradients, shapes and textures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic import drawing
from export.synthetic.scene_plane import picture, ring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]


def photograph_part(rng: np.random.Generator, photographs: Sequence[Picture], size: tuple[int, int]) -> Picture:
    """A random part of a random photograph, turned over and recoloured, as BGR uint8 of ``size`` (width, height)."""
    source = photographs[int(rng.integers(len(photographs)))]
    rows, columns = source.shape[:2]
    share = rng.uniform(0.2, 1.0)
    wide = max(8, round(columns * share))
    tall = max(8, min(rows, round(wide * size[1] / size[0] * rng.uniform(0.7, 1.4))))
    x, y = int(rng.integers(columns - wide + 1)), int(rng.integers(rows - tall + 1))
    part = cv2.resize(source[y : y + tall, x : x + wide], size, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        part = part[:, ::-1]
    if rng.random() < 0.05:
        part = part[::-1]
    return recolour(rng, np.ascontiguousarray(part))


def recolour(rng: np.random.Generator, image: Picture) -> Picture:
    """Other channel mixtures, contrast and level; BGR uint8."""
    sort = rng.random()
    mix = np.eye(3)
    if sort < 0.3:
        mix = mix[rng.permutation(3)]
    elif sort < 0.5:
        mix = np.repeat(rng.dirichlet([1.0, 1.0, 1.0])[None], 3, axis=0)
    elif sort < 0.7:
        mix = 0.6 * mix + 0.4 * rng.uniform(0, 0.7, (3, 3))
    gain, level = rng.uniform(0.6, 1.5), rng.normal(0, 15)
    return picture(cv2.transform(image, np.hstack([mix * gain, np.full((3, 1), level)]).astype(np.float32)))


def made_up(rng: np.random.Generator, size: tuple[int, int]) -> Picture:
    """Ground, wall and sky that never were, with shapes and textures that detectors mistake for text; BGR uint8."""
    height = size[1]
    cells = rng.integers(0, 256, (1, 1, 3)) + rng.normal(
        0, rng.uniform(5, 50), (int(rng.integers(2, 5)), int(rng.integers(2, 5)), 3)
    )
    canvas = picture(cv2.resize(np.clip(cells, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_LINEAR))
    if rng.random() < 0.6:  # the ground begins somewhere
        horizon = int(rng.uniform(0.1, 0.8) * height)
        canvas[horizon:] = drawing.colour(rng, 40, 200)
    for _ in range(int(rng.integers(0, 12))):
        _shape(rng, canvas)
    for _ in range(int(rng.integers(0, 4))):
        texture(rng, canvas)
    if rng.random() < 0.7:
        _grain(rng, canvas)
    return canvas


def _shape(rng: np.random.Generator, canvas: Picture) -> None:
    height, width = canvas.shape[:2]
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    reach = float(np.exp(rng.uniform(np.log(8), np.log(250))))
    points = ring(
        x, y, reach * rng.uniform(0.2, 2), reach * rng.uniform(0.2, 1), rng.uniform(1, 10), int(rng.integers(3, 24))
    )
    if rng.random() < 0.3:
        points = points + rng.normal(0, reach * 0.2, points.shape).astype(np.float32)
    cv2.fillPoly(canvas, [np.rint(points * 16).astype(np.int32)], drawing.colour(rng), cv2.LINE_AA, 4)


def _grain(rng: np.random.Generator, canvas: Picture) -> None:
    """Rough ground and leaves: noise of several sizes."""
    height, width = canvas.shape[:2]
    total = np.zeros((height, width), np.float32)
    for step in (1, 2, 4, 12, 40):
        if rng.random() < 0.5:
            cells = rng.normal(0, rng.uniform(2, 18), (height // step + 1, width // step + 1)).astype(np.float32)
            total += cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    band = np.ones((height, 1), np.float32)
    if rng.random() < 0.5:
        edge = int(rng.integers(height))
        band[:edge] = 0.2
    canvas[:] = np.clip(canvas + (total * band)[:, :, None], 0, 255).astype(np.uint8)


def texture(rng: np.random.Generator, canvas: Picture) -> None:
    """A patch of bars, bricks, windows, leaves or road marks, in perspective now and then; drawn in place."""
    height, width = canvas.shape[:2]
    wide, tall = round(width * rng.uniform(0.1, 0.9)), round(height * rng.uniform(0.08, 0.7))
    x, y = int(rng.integers(-wide // 4, width - wide // 2)), int(rng.integers(-tall // 4, height - tall // 2))
    patch = np.zeros((tall, wide), np.uint8)
    pitch = float(np.exp(rng.uniform(np.log(3), np.log(40))))
    draw = (_bars, _bricks, _windows, _leaves, _road_marks)[int(rng.integers(5))]
    draw(rng, patch, pitch)
    drawing.paint(canvas, (patch * rng.uniform(0.2, 1.0)).astype(np.uint8), (x, y), drawing.colour(rng))


def _bars(rng: np.random.Generator, patch: Picture, pitch: float) -> None:
    """A fence, a shutter, a grating."""
    thick = max(1, round(pitch * rng.uniform(0.15, 0.7)))
    for at in np.arange(0, max(patch.shape), pitch).astype(int):
        if pitch > 12 or rng.random() < 0.5:
            patch[:, at : at + thick] = 255
        else:
            patch[at : at + thick] = 255


def _bricks(rng: np.random.Generator, patch: Picture, pitch: float) -> None:
    tall, wide = patch.shape
    rows = max(3.0, pitch / 2)
    for number, top in enumerate(np.arange(0, tall, rows)):
        for left in np.arange(-pitch * (number % 2) / 2, wide, pitch):
            low, high = (int(left) + 1, int(top) + 1), (int(left + pitch) - 1, int(top + rows) - 1)
            cv2.rectangle(patch, low, high, int(rng.integers(140, 256)), -1)


def _windows(rng: np.random.Generator, patch: Picture, pitch: float) -> None:
    """Rows of windows, bright or dark."""
    tall, wide = patch.shape
    across, down = pitch * rng.uniform(1, 3), pitch * rng.uniform(1, 3)
    for top in np.arange(pitch / 3, tall, down):
        for left in np.arange(pitch / 3, wide, across):
            if rng.random() < 0.85:
                high = (int(left + across * 0.6), int(top + down * 0.6))
                cv2.rectangle(patch, (int(left), int(top)), high, int(rng.integers(100, 256)), -1)


def _leaves(rng: np.random.Generator, patch: Picture, pitch: float) -> None:
    tall, wide = patch.shape
    cells = rng.normal(0, 1, (round(tall / pitch) + 2, round(wide / pitch) + 2)).astype(np.float32)
    fine = rng.normal(0, 0.5, (tall, wide)).astype(np.float32)
    patch[cv2.resize(cells, (wide, tall), interpolation=cv2.INTER_CUBIC) + fine > 0.4] = 255


def _road_marks(rng: np.random.Generator, patch: Picture, pitch: float) -> None:
    """Lines, whole or dashed."""
    tall, wide = patch.shape
    for _ in range(int(rng.integers(1, 5))):
        above, below = rng.uniform(0, wide, 2).astype(int).tolist()
        cv2.line(patch, (above, 0), (below, tall), 255, int(rng.integers(1, 8)), cv2.LINE_AA)
    if rng.random() < 0.5:
        for top in np.arange(0, tall, pitch):
            patch[int(top) : int(top + pitch / 2)] = 0
