"""Whole camera frames with plates in them, and the corners of every plate: what the detector learns from.

Real vehicles with their plates exchanged for rendered ones, drawn vehicles, plates with nothing around them that would
explain them, real frames as they are, and frames full of writing that is no plate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic import scene_backgrounds, scene_clutter, scene_light, scene_plane, scene_vehicles
from export.synthetic.scene_plane import picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from export.synthetic.faces import Face
    from export.synthetic.scene_plates import Stock

    Picture = NDArray[np.uint8]
    Points = NDArray[np.float32]

SMALLEST = 14.0
"""Narrower plates, in pixels of the scene, are too small to be asked for; they are not held against the detector."""
WIDE = 512
"""From this width on, in pixels, a scene has room for large plates."""
LEAST_CONTRAST = 6.0
"""Plates whose grey levels deviate less than this, once smoothed, drown in noise and are not asked for either."""
PADDING = 127
"""The grey beside a frame whose proportions are not the detector's."""


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """A frame with the plates in it that are known, float32 (n, 4, 2), clockwise from top left; others may be in it."""

    image: Picture
    quads: Points


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One frame to learn from.

    Attributes:
        image: grey uint8 (height, width).
        quads: float32 (n, 4, 2), corners of plates, clockwise from the text's own top left, in pixels.
        wanted: bool (n,); the others are too small or cut off: neither plate nor background.
        complete: False where the frame may hold plates that nobody labelled.

    """

    image: Picture
    quads: Points
    wanted: NDArray[np.bool_]
    complete: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What scenes are made of."""

    stock: Stock
    faces: Sequence[Face]
    frames: Sequence[Photograph]
    backgrounds: Sequence[Picture]


def compose(rng: np.random.Generator, sources: Sources, size: tuple[int, int]) -> Scene:
    """One frame of ``size`` (width, height)."""
    sort = rng.random()
    complete = True
    if sort < 0.30 and sources.frames:
        canvas, quads, complete = _exchanged(rng, sources, size)
    elif sort < 0.38 and sources.frames:
        canvas, quads = _real(rng, sources, size)
        complete = False
    elif sort < 0.74:
        canvas, quads = _drawn(rng, sources, size)
    elif sort < 0.88:
        canvas, quads = _bare(rng, sources, size)
    else:
        canvas, quads = _background(rng, sources, size), []
    clutter(rng, canvas, sources.faces, quads)
    grey = scene_light.photograph(rng, scene_light.to_grey(rng, canvas))
    corners = np.array(quads, np.float32).reshape(-1, 4, 2)
    seen = padded(rng, grey)
    return Scene(grey, corners, _wide_enough(corners) & within(corners, seen) & visible(grey, corners), complete)


def padded(rng: np.random.Generator, grey: Picture) -> tuple[int, int]:
    """Now and then lay grey over the end of a picture, as the runtime does beside a frame of other proportions.

    Returns:
        The width and height that are left to see.

    """
    rows, columns = grey.shape
    if rng.random() < 0.25:
        if rng.random() < 0.7:
            rows = int(rng.uniform(0.75, 1) * rows)
        else:
            columns = int(rng.uniform(0.75, 1) * columns)
        grey[rows:] = PADDING
        grey[:, columns:] = PADDING
    return columns, rows


def clutter(rng: np.random.Generator, canvas: Picture, faces: Sequence[Face], quads: Sequence[Points]) -> None:
    """Add writing that is no plate, where no plate is."""
    before = canvas.copy() if quads else canvas
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.45, 0.3, 0.15, 0.1]))):
        scene_clutter.add_sign(rng, canvas, faces)
    if rng.random() < 0.25:
        scene_clutter.add_timestamp(rng, canvas)
    for quad in quads:  # what came to lie on a plate is taken back
        low = np.maximum(np.floor(quad.min(axis=0) - 3).astype(int), 0)
        high = np.maximum(np.ceil(quad.max(axis=0) + 3).astype(int), 0)
        canvas[low[1] : high[1], low[0] : high[0]] = before[low[1] : high[1], low[0] : high[0]]


def plate_width(rng: np.random.Generator, size: tuple[int, int]) -> float:
    """A plate's width in pixels: in small scenes mostly 25 to 100, in wide ones anything up to most of the frame."""
    common = rng.random() < (0.85 if size[0] < WIDE else 0.3)
    largest = 0.88 * size[0]
    width = float(np.exp(rng.normal(np.log(50), 0.55) if common else rng.uniform(np.log(60), np.log(largest))))
    return float(np.clip(width, SMALLEST, largest))


def _fitting(width: float, aspect: float, size: tuple[int, int]) -> float:
    """A width at which a plate of this width / height is not taller than the frame."""
    return min(width, 0.9 * size[1] * aspect)


def _paper(plate: Picture) -> tuple[int, int, int]:
    """The commonest tone of a plate, BGR."""
    blue, green, red = np.median(plate[::4, ::4].reshape(-1, 3), axis=0).tolist()
    return int(blue), int(green), int(red)


def _background(rng: np.random.Generator, sources: Sources, size: tuple[int, int]) -> Picture:
    if sources.backgrounds and rng.random() < 0.6:
        return scene_backgrounds.photograph_part(rng, sources.backgrounds, size)
    return scene_backgrounds.made_up(rng, size)


def _drawn(rng: np.random.Generator, sources: Sources, size: tuple[int, int]) -> tuple[Picture, list[Points]]:
    """One to three drawn vehicles, the far ones first."""
    canvas = _background(rng, sources, size)
    quads: list[Points] = []
    widths = sorted(plate_width(rng, size) for _ in range(int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12]))))
    for width in widths:
        plate = sources.stock.take(rng)
        aspect = plate.shape[1] / plate.shape[0] * rng.uniform(0.9, 1.1)
        at = (rng.uniform(0.02, 0.98) * size[0], rng.uniform(0.1, 0.97) * size[1])
        bare = canvas.copy()
        paint = _paper(plate) if rng.random() < 0.2 else None  # then only the letters and an edge tell the plate
        mount = scene_vehicles.draw_vehicle(rng, canvas, at, _fitting(width, aspect, size), aspect, paint)
        drawn = np.abs(canvas.astype(np.int16) - bare).max(axis=2) > 0
        quads = [quad for quad in quads if not _hidden(drawn, quad)]
        if rng.random() < 0.06:
            continue  # a vehicle without a plate
        quads.append(mount.plane.paste(_weathered(rng, plate), mount.corners(aspect)))
        if rng.random() < 0.06:
            _lamp_above(rng, canvas, quads[-1])
    return canvas, quads


def _hidden(drawn: NDArray[np.bool_], quad: Points) -> bool:
    """Whether a later vehicle stands before a plate."""
    height, width = drawn.shape
    x0, y0 = np.clip(np.floor(quad.min(axis=0)).astype(int), 0, [width - 1, height - 1])
    x1, y1 = np.clip(np.ceil(quad.max(axis=0)).astype(int) + 1, 1, [width, height])
    return bool(drawn[y0:y1, x0:x1].mean() > 0.05) if x1 > x0 and y1 > y0 else True


def _bare(rng: np.random.Generator, sources: Sources, size: tuple[int, int]) -> tuple[Picture, list[Points]]:
    """Plates on anything."""
    canvas = _background(rng, sources, size)
    quads: list[Points] = []
    for _ in range(int(rng.integers(1, 5))):
        plate = sources.stock.take(rng)
        aspect = plate.shape[1] / plate.shape[0]
        if size[0] >= WIDE and not quads and rng.random() < 0.15:  # held into the camera
            width, at = size[0] * rng.uniform(0.5, 1.0), rng.uniform(0.42, 0.58, 2) * size
        else:
            width, at = plate_width(rng, size), rng.uniform([0, 0], size)
        width = _fitting(width, aspect, size)
        quad = (scene_plane.tilted(rng, width, width / aspect) + at).astype(np.float32)
        if any(_near(quad, other) for other in quads):
            continue
        if rng.random() < 0.4:  # a rim, or a plain surface that the plate hangs on
            centre = quad.mean(axis=0)
            grown = centre + (quad - centre) * rng.uniform(1.03, 1.6)
            tone = int(rng.integers(256))
            cv2.fillPoly(canvas, [np.rint(grown * 16).astype(np.int32)], (tone, tone, tone), cv2.LINE_AA, 4)
        scene_plane.paste(canvas, _weathered(rng, plate), quad)
        quads.append(quad)
    return canvas, quads


def _exchanged(rng: np.random.Generator, sources: Sources, size: tuple[int, int]) -> tuple[Picture, list[Points], bool]:
    """A real frame, near or far, with its known plates covered and others hung there."""
    frame = sources.frames[int(rng.integers(len(sources.frames)))]
    width = plate_width(rng, size)
    near = width > 0.09 * size[0]  # then no other vehicle is near enough for a plate that nobody labelled
    canvas, known = _view(rng, frame, size, width)
    canvas = scene_backgrounds.recolour(rng, canvas)
    quads: list[Points] = []
    for real in known:
        if rng.random() < 0.15:
            quads.append(real)
            continue
        _cover(rng, canvas, real)
        if rng.random() < 0.07:
            continue
        plate = sources.stock.take(rng)
        aspect = plate.shape[1] / plate.shape[0] * rng.uniform(0.9, 1.1)
        across, down = (real[1] - real[0] + real[2] - real[3]) / 2, (real[3] - real[0] + real[2] - real[1]) / 2
        wide = float(np.linalg.norm(across)) * (rng.uniform(0.5, 0.75) if aspect < 3 else rng.uniform(0.9, 1.1))
        centre = real.mean(axis=0) + rng.normal(0, 0.1, 2) * down
        quad = (scene_plane.tilted(rng, wide, wide / aspect, strength=0.5) + centre).astype(np.float32)
        scene_plane.paste(canvas, _weathered(rng, plate), quad)
        quads.append(quad)
    return canvas, quads, near


def _real(rng: np.random.Generator, sources: Sources, size: tuple[int, int]) -> tuple[Picture, list[Points]]:
    frame = sources.frames[int(rng.integers(len(sources.frames)))]
    zoomed = plate_width(rng, size) if rng.random() < 0.6 else None
    return _view(rng, frame, size, zoomed)


def _view(
    rng: np.random.Generator, frame: Photograph, size: tuple[int, int], width: float | None
) -> tuple[Picture, list[Points]]:
    """A frame moved, turned and scaled so that one of its plates gets a width; or merely fitted where that is None."""
    height_in, width_in = frame.image.shape[:2]
    base = size[0] / width_in
    scale, target = base, np.array(size) / 2
    centre = np.array([width_in, height_in]) / 2
    if len(frame.quads) and width is not None:
        quad = frame.quads[int(rng.integers(len(frame.quads)))]
        scale = float(np.clip(width / np.linalg.norm(quad[1] - quad[0]), base * 0.8, base * 6))
        centre = quad.mean(axis=0)
        target = rng.uniform([0.1, 0.1], [0.9, 0.9]) * size
    angle = rng.normal(0, 0.06)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    if rng.random() < 0.5:
        turn = turn @ np.diag([-1.0, 1.0])
    turn = turn @ np.array([[1.0, rng.normal(0, 0.06)], [0, rng.uniform(0.9, 1.1)]])
    matrix = np.hstack([turn, (target - turn @ centre)[:, None]])
    image = frame.image
    if scale < base * 1.6:  # reduced smoothly first: warping alone would alias
        half = 0.5 if scale < 0.75 else 1.0
        if half < 1:
            image = picture(cv2.resize(image, (width_in // 2, height_in // 2), interpolation=cv2.INTER_AREA))
        matrix = matrix @ np.diag([1 / half, 1 / half, 1.0])
    border = cv2.BORDER_REFLECT_101 if rng.random() < 0.5 else cv2.BORDER_CONSTANT
    canvas = picture(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border))
    quads = []
    half_inverse = image.shape[1] / width_in
    for quad in frame.quads:
        seen = (quad * half_inverse) @ matrix[:, :2].T + matrix[:, 2]
        if np.linalg.det(turn) < 0:  # mirrored: left and right change places
            seen = seen[[1, 0, 3, 2]]
        if (seen.max(axis=0) > 0).all() and (seen.min(axis=0) < size).all():
            quads.append(seen.astype(np.float32))
    return canvas, quads


def _cover(rng: np.random.Generator, canvas: Picture, quad: Points) -> None:
    """Hide a plate under what is above or below it."""
    height, width = canvas.shape[:2]
    x0, y0 = np.floor(quad.min(axis=0) - 3).astype(int)
    x1, y1 = np.ceil(quad.max(axis=0) + 3).astype(int)
    tall = y1 - y0
    shift = -tall if rng.random() < 0.5 else tall
    x0, x1 = max(0, x0), min(width, x1)
    rows, sources = np.arange(y0, y1), np.arange(y0, y1) + shift
    inside = (rows >= 0) & (rows < height)
    if x1 <= x0 or not inside.any():
        return
    canvas[rows[inside], x0:x1] = canvas[np.clip(sources[inside], 0, height - 1), x0:x1]


def _weathered(rng: np.random.Generator, plate: Picture) -> Picture:
    """A plate under its own light: shaded, burnt out by a lamp, or shining."""
    sort = rng.random()
    if sort < 0.45:
        return plate
    light = plate.astype(np.float32)
    if sort < 0.75:
        light = light * rng.uniform(0.35, 1.2) + rng.normal(0, 15)
    elif sort < 0.85:  # reflecting the flash or the headlamps behind
        light = light * rng.uniform(1.2, 1.8) + rng.uniform(0, 60)
    else:
        height, width = plate.shape[:2]
        cells = rng.uniform(0.3, 1.3, (2, 3)).astype(np.float32)
        light *= cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)[:, :, None]
    return np.clip(light, 0, 255).astype(np.uint8)


def _lamp_above(rng: np.random.Generator, canvas: Picture, quad: Points) -> None:
    """The plate's own lamps: bright spots along its upper edge."""
    for share in rng.uniform(0.1, 0.9, int(rng.integers(1, 3))):
        x, y = quad[0] + (quad[1] - quad[0]) * share
        wide = float(np.linalg.norm(quad[1] - quad[0]))
        scene_vehicles.glow(canvas, (float(x), float(y)), wide * rng.uniform(0.05, 0.2), rng.uniform(80, 255))


def _near(quad: Points, other: Points) -> bool:
    gap = 4
    return bool(
        (quad.min(axis=0) < other.max(axis=0) + gap).all() and (quad.max(axis=0) > other.min(axis=0) - gap).all()
    )


def visible(grey: Picture, quads: Points) -> NDArray[np.bool_]:
    """Whether there is more to see of a plate than noise: asking for what nobody can see teaches to imagine."""
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)
    height, width = grey.shape
    seen = np.zeros(len(quads), bool)
    for index, quad in enumerate(quads):
        x0, y0 = np.clip(np.floor(quad.min(axis=0)).astype(int), 0, [width - 1, height - 1])
        x1, y1 = np.clip(np.ceil(quad.max(axis=0)).astype(int), 1, [width, height])
        seen[index] = x1 > x0 and y1 > y0 and float(smooth[y0:y1, x0:x1].std()) >= LEAST_CONTRAST
    return seen


def within(quads: Points, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether quads (n, 4, 2) are hardly cut off by the edges of a picture of ``size`` (width, height)."""
    whole = np.array([cv2.contourArea(quad) for quad in quads], np.float64)
    inside = np.clip(quads, 0, np.array(size, np.float32))
    kept = np.array([cv2.contourArea(quad) for quad in inside], np.float64)
    return np.asarray(kept >= 0.85 * whole, np.bool_)


def _wide_enough(quads: Points) -> NDArray[np.bool_]:
    wide = np.linalg.norm(quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3], axis=1) / 2
    return np.asarray(wide >= SMALLEST, np.bool_)
