"""Vehicles drawn from their parts, seen from the rear or the front, with a place where a plate hangs.

They are no portraits: what counts is that everything which a detector meets around a plate - lamps, grilles, badges,
bumpers, shadows, lettering - is there in endless variation, and is not a plate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic import drawing
from export.synthetic.scene_plane import Plane, picture, ring

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.synthetic.scene_plane import Colour, Points

    Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Mount:
    """Where a plate hangs: the vehicle's plane, and the plate's centre and width in widths of the vehicle."""

    plane: Plane
    x: float
    y: float
    width: float

    def corners(self, aspect: float) -> list[tuple[float, float]]:
        """A plate's corners in the plane, clockwise from top left, for a width / height."""
        across, down = self.width / 2, self.width / aspect / 2
        x, y = self.x, self.y
        return [(x - across, y - down), (x + across, y - down), (x + across, y + down), (x - across, y + down)]


def draw_vehicle(
    rng: np.random.Generator,
    canvas: Picture,
    plate_at: tuple[float, float],
    plate_width: float,
    aspect: float,
    paint: Colour | None = None,
) -> Mount:
    """Draw a vehicle around the place of its plate.

    Args:
        rng: source of all choices.
        canvas: BGR uint8.
        plate_at: pixels of the plate's centre.
        plate_width: pixels.
        aspect: the plate's width / height.
        paint: BGR of the bodywork; None for any.

    """
    small = aspect < 3
    share = rng.uniform(0.13, 0.22) if small else rng.uniform(0.22, 0.36)
    plane = _plane(rng, canvas, plate_at, plate_width / share)
    mount = Mount(plane, 0.0, 0.0, share)
    shape = rng.random()
    paint = paint or _paint_colour(rng)
    if shape < (0.25 if small else 0.04):
        _motorcycle(rng, plane, share)
    elif shape < 0.4:
        _box_body(rng, plane, share, paint)
    else:
        _car(rng, plane, mount, aspect, paint, front=bool(rng.random() < 0.5))
    _recess(rng, mount, aspect)
    return mount


def _plane(rng: np.random.Generator, canvas: Picture, at: tuple[float, float], width: float) -> Plane:
    """A vehicle's rear or front as a camera at some height and angle sees it; the origin is the plate's centre."""
    yaw, pitch, roll = rng.normal(0, 0.35), rng.normal(0.12, 0.14), rng.normal(0, 0.05)
    if rng.random() < 0.16:  # a hand-held camera, or a motorcycle on its stand
        roll = rng.normal(0, 0.25)
    distance = rng.uniform(2.0, 8.0)  # in widths of the vehicle: nearer means stronger perspective
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    turn = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    turn = turn @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    matrix = np.stack([turn[:, 0], turn[:, 1], np.array([0.0, 0.0, distance])], 1)
    zoom = np.array([[width * distance, 0, at[0]], [0, width * distance, at[1]], [0, 0, 1.0]])
    return Plane(canvas, zoom @ matrix)


def _shade(colour: Colour, factor: float) -> Colour:
    b, g, r = (int(min(255, max(0, c * factor))) for c in colour)
    return b, g, r


def _paint_colour(rng: np.random.Generator) -> Colour:
    """Most vehicles are black, white or grey."""
    if rng.random() < 0.65:
        level = int(rng.choice([rng.integers(10, 60), rng.integers(60, 180), rng.integers(180, 250)]))
        tint = rng.integers(-8, 9, 3)
        return _shade((level + int(tint[0]), level + int(tint[1]), level + int(tint[2])), 1.0)
    return drawing.colour(rng, 10, 230)


def _bands(rng: np.random.Generator, plane: Plane, box: tuple[float, float, float, float], base: Colour) -> None:
    """A curved panel: its light changes from top to bottom, with an edge or two."""
    left, top, right, bottom = box
    count = int(rng.integers(2, 9))
    light = np.cumsum(rng.normal(0, 0.09, count)) + 1.0
    rows = np.linspace(top, bottom, count + 1)
    for row, factor in enumerate(light):
        plane.box(left, rows[row], right, rows[row + 1], _shade(base, float(factor)))


def _car(rng: np.random.Generator, plane: Plane, mount: Mount, aspect: float, paint: Colour, *, front: bool) -> None:
    half = rng.uniform(0.46, 0.54)
    low = rng.uniform(0.12, 0.34)  # from the plate down to the bumper's lower edge
    waist = -rng.uniform(0.18, 0.42)  # up to the window
    roof = waist - rng.uniform(0.16, 0.34)
    _ground_shadow(rng, plane, half, low)
    for side in (-1, 1):
        wheel = side * half * rng.uniform(0.78, 0.92)
        plane.box(wheel - 0.08, low - 0.1, wheel + 0.08, low + rng.uniform(0.06, 0.16), (18, 18, 18))
    if rng.random() < 0.5:
        _flank(rng, plane, half, (waist, low), paint)
    slope = rng.uniform(0.06, 0.16)
    plane.polygon([(-half, waist), (-half + slope, roof), (half - slope, roof), (half, waist)], _shade(paint, 1.05))
    _window(rng, plane, half - 0.03, slope, (roof + 0.03, waist - 0.01))
    body = ring(0, (waist + low) / 2, half * 1.03, (low - waist) / 2 * 1.06, rng.uniform(4, 9), 40)
    plane.polygon(body, paint)
    _bands(rng, plane, (-half * 0.97, waist, half * 0.97, low), paint)
    if rng.random() < 0.75:  # a bumper of another tone
        edge = rng.uniform(-0.1, low - 0.05)
        tone = _shade(paint, rng.uniform(0.6, 1.3)) if rng.random() < 0.6 else drawing.colour(rng, 20, 110)
        plane.box(-half, edge, half, low, tone)
        plane.box(-half, edge, half, edge + 0.008, _shade(tone, 0.5))
    if front:
        _grilles(rng, plane, half, (waist, low), mount.width / aspect)
    _lamps(rng, plane, half, waist, front=front)
    _trim(rng, plane, mount, half, (waist, low), front=front)


def _ground_shadow(rng: np.random.Generator, plane: Plane, half: float, low: float) -> None:
    if rng.random() < 0.85:
        dark = int(rng.integers(5, 60))
        plane.ellipse(0, low + 0.06, half * rng.uniform(1.0, 1.25), rng.uniform(0.05, 0.14), (dark, dark, dark))


def _flank(rng: np.random.Generator, plane: Plane, half: float, span: tuple[float, float], paint: Colour) -> None:
    """A side of the vehicle, seen when it stands turned."""
    side = 1 if rng.random() < 0.5 else -1
    reach = half + rng.uniform(0.1, 1.2)
    waist, low = span
    tone = _shade(paint, rng.uniform(0.6, 1.1))
    edge, far = side * half, side * reach
    plane.polygon([(edge, waist), (far, waist * 0.8), (far, low * 0.7), (edge, low)], tone)
    plane.polygon([(edge, waist), (far, waist * 0.8), (far, waist * 1.5), (edge * 0.95, waist * 1.6)], (45, 42, 40))
    wheel = side * (half + (reach - half) * rng.uniform(0.3, 0.7))
    _wheel(rng, plane, (wheel, low * 0.75))


def _wheel(rng: np.random.Generator, plane: Plane, at: tuple[float, float]) -> None:
    """A tyre and a rim with spokes, in perspective narrower than tall."""
    x, y = at
    tall = rng.uniform(0.1, 0.17)
    wide = tall * rng.uniform(0.3, 0.9)
    plane.ellipse(x, y, wide, tall, (20, 20, 20))
    plane.ellipse(x, y, wide * 0.68, tall * 0.68, drawing.colour(rng, 15, 120))
    spokes = int(rng.integers(4, 14))
    tone = drawing.colour(rng, 100, 240)
    width = rng.uniform(0.1, 0.5) * np.pi / spokes
    for turn in np.linspace(0, 2 * np.pi, spokes, endpoint=False):
        rim = [
            (x + wide * 0.66 * np.cos(turn + side), y + tall * 0.66 * np.sin(turn + side)) for side in (-width, width)
        ]
        plane.polygon([(x, y), *rim], tone)


def _window(rng: np.random.Generator, plane: Plane, half: float, slope: float, span: tuple[float, float]) -> None:
    top, bottom = span
    glass = drawing.colour(rng, 10, 110)
    plane.polygon([(-half, bottom), (-half + slope, top), (half - slope, top), (half, bottom)], glass)
    for _ in range(int(rng.integers(0, 5))):  # reflections, seats, a wiper
        x, wide = rng.uniform(-half * 0.7, half * 0.7), rng.uniform(0.01, 0.2)
        tone = _shade(glass, rng.uniform(0.5, 2.4))
        lean = rng.uniform(-0.1, 0.1)
        plane.polygon(
            [(x, bottom - 0.01), (x + lean, top + 0.02), (x + wide + lean, top + 0.02), (x + wide, bottom - 0.01)], tone
        )
    if rng.random() < 0.3:
        _sticker(rng, plane, rng.uniform(-half * 0.7, half * 0.7), rng.uniform(top + 0.04, bottom - 0.02))


def _lamps(rng: np.random.Generator, plane: Plane, half: float, waist: float, *, front: bool) -> None:
    tall, wide = rng.uniform(0.04, 0.13), rng.uniform(0.06, 0.2)
    y = waist + rng.uniform(0.02, 0.16)
    lit = rng.random() < 0.35
    if front:
        shell = drawing.colour(rng, 120, 230)
        core: Colour = (255, 255, 255) if lit else drawing.colour(rng, 60, 250)
    else:
        shell = (int(rng.integers(10, 60)), int(rng.integers(10, 60)), int(rng.integers(100, 255)))
        core = (180, 190, 255) if lit else drawing.colour(rng, 40, 240)
    lean = rng.uniform(-0.05, 0.05)
    inner = rng.uniform(0.2, 0.45)
    for side in (-1, 1):
        edge = side * half * 0.98
        plane.polygon(
            [(edge, y - tall / 2 + lean), (edge - side * wide, y - tall / 2 * rng.uniform(0.3, 1)),
             (edge - side * wide, y + tall / 2 * rng.uniform(0.3, 1)), (edge, y + tall / 2 + lean)], shell,
        )  # fmt: skip
        for place in rng.uniform(0.2, 0.8, int(rng.integers(1, 4))):
            plane.ellipse(edge - side * wide * place, y, tall * inner, tall * inner, core)
    if lit:
        for side in (-1, 1):
            centre = plane.pixels([(side * (half - wide / 2), y)])[0]
            glow(
                plane.canvas,
                (float(centre[0]), float(centre[1])),
                plane.scale * rng.uniform(0.04, 0.2),
                rng.uniform(60, 255),
            )


def glow(canvas: Picture, centre: tuple[float, float], radius: float, strength: float) -> None:
    """Light spilling around a lamp or off a shiny place, added to the canvas."""
    reach = min(300, int(radius * 3) + 1)
    x, y = int(centre[0]), int(centre[1])
    x0, x1, y0, y1 = (
        max(0, x - reach),
        min(canvas.shape[1], x + reach),
        max(0, y - reach),
        min(canvas.shape[0], y + reach),
    )
    if x0 >= x1 or y0 >= y1:
        return
    across = np.exp(-0.5 * ((np.arange(x0, x1) - x) / max(radius, 1)) ** 2)
    down = np.exp(-0.5 * ((np.arange(y0, y1) - y) / max(radius, 1)) ** 2)
    light = (down[:, None] * across[None] * strength).astype(np.uint8)
    part = canvas[y0:y1, x0:x1]
    part[:] = cv2.add(part, cv2.merge([light, light, light]))


def _grilles(
    rng: np.random.Generator, plane: Plane, half: float, span: tuple[float, float], plate_height: float
) -> None:
    """Bars or mesh above, below or behind the plate."""
    waist, low = span
    for _ in range(int(rng.integers(1, 4))):
        wide = half * rng.uniform(0.3, 0.8)
        tall = rng.uniform(0.04, 0.16)
        y = rng.uniform(waist + 0.05, low - 0.02)
        if rng.random() < 0.3:
            y = rng.normal(0, plate_height / 2)
        back = drawing.colour(rng, 5, 60)
        bar = drawing.colour(rng, 40, 230)
        plane.polygon(ring(0, y, wide, tall / 2, rng.uniform(3, 9), 28), back)
        sort = rng.random()
        if sort < 0.55:
            count = int(rng.integers(2, 8))
            for row in np.linspace(y - tall / 2, y + tall / 2, count + 2)[1:-1]:
                plane.box(-wide * 0.97, row - tall / count / 5, wide * 0.97, row + tall / count / 5, bar)
        if sort > 0.4:
            count = int(rng.integers(5, 40))
            for column in np.linspace(-wide, wide, count + 2)[1:-1]:
                plane.box(column - wide / count / 4, y - tall * 0.42, column + wide / count / 4, y + tall * 0.42, bar)


def _trim(
    rng: np.random.Generator, plane: Plane, mount: Mount, half: float, span: tuple[float, float], *, front: bool
) -> None:
    """Badges, names, handles, stickers, exhausts, a tow hook."""
    waist, low = span
    if rng.random() < 0.8:
        y = -rng.uniform(mount.width * 0.4, -waist * 0.9 + 0.02)
        radius = rng.uniform(0.015, 0.05)
        plane.ellipse(0, y, radius * rng.uniform(0.8, 2.0), radius, drawing.colour(rng, 120, 255))
        plane.ellipse(0, y, radius * 0.7, radius * 0.6, drawing.colour(rng))
    for _ in range(int(rng.integers(0, 4))):
        x = rng.uniform(mount.width * 0.8, half * 0.85) * (1 if rng.random() < 0.5 else -1)
        lettering(rng, plane, (x, rng.uniform(waist * 0.8, low * 0.6)), rng.uniform(0.015, 0.045))
    if not front:
        if rng.random() < 0.5:
            y = -rng.uniform(mount.width * 0.3, 0.2)
            plane.box(
                -mount.width * 0.7, y, mount.width * 0.7, y + rng.uniform(0.008, 0.03), drawing.colour(rng, 60, 255)
            )
        for side in (-1, 1):
            if rng.random() < 0.3:
                plane.ellipse(side * half * rng.uniform(0.5, 0.8), low, 0.04, 0.025, drawing.colour(rng, 20, 160))
    for _ in range(int(rng.integers(0, 3))):
        if rng.random() < 0.3:
            _sticker(rng, plane, rng.uniform(-half, half) * 0.8, rng.uniform(waist * 0.5, low * 0.7))


def _sticker(rng: np.random.Generator, plane: Plane, x: float, y: float) -> None:
    size = rng.uniform(0.02, 0.07)
    wide = size * rng.uniform(0.8, 3.5)
    back = drawing.colour(rng)
    plane.box(x - wide, y - size / 2, x + wide, y + size / 2, back)
    if rng.random() < 0.6:
        lettering(rng, plane, (x, y), size * 0.5)


def lettering(rng: np.random.Generator, plane: Plane, at: tuple[float, float], height: float) -> None:
    """A name, slogan or telephone number on the plane, without a plate around it; ``height`` in its units."""
    scale = plane.scale * height
    if scale < 2.5:
        return
    patch = np.zeros((48, 400, 3), np.uint8)
    drawing.words(rng, patch, (200, 24), 30, (255, 255, 255))
    columns = np.flatnonzero(patch.max(axis=(0, 2)))
    if columns.size == 0:
        return
    mask = np.ascontiguousarray(patch[:, columns[0] : columns[-1] + 1, 0])
    wide = height * 1.6 * mask.shape[1] / 48
    x, y = at
    points = [
        (x - wide / 2, y - height * 0.8),
        (x + wide / 2, y - height * 0.8),
        (x + wide / 2, y + height * 0.8),
        (x - wide / 2, y + height * 0.8),
    ]
    stamp(plane.canvas, mask, plane.pixels(points), drawing.colour(rng))


def stamp(canvas: Picture, mask: Picture, corners: Points, ink: Colour) -> None:
    """Ink through a mask warped onto four pixels' positions."""
    height, width = mask.shape
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    size = (canvas.shape[1], canvas.shape[0])
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, size)
    if (high <= low).any():
        return
    shrink = min(1.0, 1.3 * float(np.linalg.norm(corners[1] - corners[0])) / width)
    if shrink < 1:
        size_small = (max(1, round(width * shrink)), max(3, round(height * shrink)))
        mask = picture(cv2.resize(mask, size_small, interpolation=cv2.INTER_AREA))
        source *= np.array([mask.shape[1] / width, mask.shape[0] / height], np.float32)
    matrix = cv2.getPerspectiveTransform(source, (corners - low).astype(np.float32))
    warped = picture(cv2.warpPerspective(mask, matrix, (int(high[0] - low[0]), int(high[1] - low[1]))))
    drawing.paint(canvas, warped, (int(low[0]), int(low[1])), ink)


def _box_body(rng: np.random.Generator, plane: Plane, share: float, paint: Colour) -> None:
    """A van, lorry, bus or trailer: a flat wall, often with lettering and stripes."""
    half, low, top = rng.uniform(0.45, 0.6), rng.uniform(0.1, 0.3), -rng.uniform(0.5, 1.2)
    _ground_shadow(rng, plane, half, low)
    for side in (-1, 1):
        plane.box(side * half * 0.85 - 0.08, low - 0.1, side * half * 0.85 + 0.08, low + 0.12, (18, 18, 18))
    plane.box(-half, top, half, low, paint)
    _bands(rng, plane, (-half, top, half, low), paint)
    for _ in range(int(rng.integers(0, 3))):
        y = rng.uniform(top, low)
        plane.box(-half, y, half, y + rng.uniform(0.01, 0.12), drawing.colour(rng))
    if rng.random() < 0.5:
        plane.box(-half * 0.85, top + 0.06, half * 0.85, top + rng.uniform(0.2, 0.4), drawing.colour(rng, 15, 90))
    if rng.random() < 0.6:
        plane.box(-0.004, top, 0.004, low, _shade(paint, 0.4))
    for _ in range(int(rng.integers(0, 6))):
        at = (rng.uniform(-half, half) * 0.6, rng.uniform(top * 0.9, -share * 0.5))
        lettering(rng, plane, at, rng.uniform(0.02, 0.09))
    _lamps(rng, plane, half, rng.uniform(-0.15, 0.05), front=bool(rng.random() < 0.3))


def _motorcycle(rng: np.random.Generator, plane: Plane, share: float) -> None:
    """Dark parts around a plate that hangs free, a tyre below and a lamp above."""
    tone = drawing.colour(rng, 10, 90)
    plane.box(-share * 0.25, -0.05, share * 0.25, share * 3, (20, 20, 22))
    plane.polygon(ring(0, -share * 1.1, share * rng.uniform(0.6, 1.4), share * rng.uniform(0.4, 0.9), 3), tone)
    lamp = (40, 40, int(rng.integers(120, 255)))
    plane.ellipse(0, -share * rng.uniform(0.6, 1.0), share * 0.4, share * 0.15, lamp)
    for side in (-1, 1):
        plane.ellipse(side * share * rng.uniform(0.6, 1.1), -share * 0.8, share * 0.12, share * 0.1, (30, 120, 240))


def _recess(rng: np.random.Generator, mount: Mount, aspect: float) -> None:
    """The hollow, holder or shadow directly around a plate."""
    across, down = mount.width / 2, mount.width / aspect / 2
    plane = mount.plane
    if rng.random() < 0.5:
        wide, tall = across * rng.uniform(1.05, 1.7), down * rng.uniform(1.1, 2.4)
        tone = drawing.colour(rng, 5, 200)
        y = rng.normal(0, down * 0.2)
        plane.polygon(ring(0, y, wide, tall, rng.uniform(4, 12), 28), tone)
        if rng.random() < 0.5:
            plane.box(-wide * 0.95, y - tall * 0.95, wide * 0.95, y - tall * 0.7, _shade(tone, 0.5))
    if rng.random() < 0.3:  # the holder's rim, wider below where a dealer's name stands
        rim = mount.width * rng.uniform(0.01, 0.03)
        low = down + rim + down * rng.uniform(0, 0.35)
        tone = drawing.colour(rng, 5, 80)
        plane.box(-across - rim, -down - rim, across + rim, low, tone)
        if low > down * 1.25:
            lettering(rng, plane, (0, (down + low) / 2), (low - down) * 0.35)
    if rng.random() < 0.25:  # the shadow of the edge above
        plane.box(-across * 1.2, -down * 1.5, across * 1.2, -down * 0.95, drawing.colour(rng, 0, 60))
