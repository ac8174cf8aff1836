"""A flat thing seen in perspective: drawing in its own coordinates, at the pixels where a camera would see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Points = NDArray[np.float32]

Colour = tuple[int, int, int]
_SHIFT = 4  # cv2 draws at sixteenths of a pixel


def picture(made: object) -> Picture:
    """What cv2 made, as the uint8 array that it is: its type hints allow for any."""
    return np.asarray(made, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Maps a plane's own coordinates (x to the right, y downwards) to pixels of a canvas.

    Attributes:
        canvas: BGR uint8, drawn on in place.
        matrix: 3x3 homography.

    """

    canvas: Picture
    matrix: NDArray[np.float64]

    def pixels(self, points: object) -> Points:
        """Where points, (n, 2) in the plane's coordinates, fall: float32 (n, 2)."""
        flat = np.asarray(points, np.float64).reshape(1, -1, 2)
        seen: Points = cv2.perspectiveTransform(flat, self.matrix)[0].astype(np.float32)
        return seen

    def polygon(self, points: object, colour: Colour) -> None:
        """Fill a polygon."""
        seen = np.rint(self.pixels(points) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(self.canvas, [seen], colour, cv2.LINE_AA, _SHIFT)

    def outline(self, points: object, colour: Colour, width: float) -> None:
        """Draw a closed line; ``width`` in the plane's units."""
        seen = self.pixels(points)
        thick = max(1, round(width * self.scale))
        line = np.rint(seen * (1 << _SHIFT)).astype(np.int32)
        cv2.polylines(
            self.canvas, [line], isClosed=True, color=colour, thickness=thick, lineType=cv2.LINE_AA, shift=_SHIFT
        )

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def ellipse(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        """Fill an ellipse with the radii ``across`` and ``down``."""
        self.polygon(ring(x, y, across, down), colour)

    def paste(self, image: Picture, corners: object) -> Points:
        """Lay an image with its corners (clockwise from top left) on the plane; gives them in pixels."""
        seen = self.pixels(corners)
        paste(self.canvas, image, seen)
        return seen

    @property
    def scale(self) -> float:
        """Pixels a unit near the plane's origin."""
        origin, right, below = self.pixels([(0, 0), (0.1, 0), (0, 0.1)])
        return float(np.linalg.norm(right - origin) + np.linalg.norm(below - origin)) * 5


def ring(x: float, y: float, across: float, down: float, power: float = 2.0, count: int = 20) -> Points:
    """Points around a superellipse; ``power`` 2 is an ellipse, more is squarer."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    points = [x + across * np.sign(c) * np.abs(c) ** (2 / power), y + down * np.sign(s) * np.abs(s) ** (2 / power)]
    return np.stack(points, 1).astype(np.float32)


def tilted(rng: np.random.Generator, width: float, height: float, strength: float = 1.0) -> NDArray[np.float64]:
    """The corners (4, 2) of a rectangle of a size around (0, 0), turned and in perspective as cameras see them."""
    roll = rng.normal(0, 0.08 if rng.random() < 0.8 else 0.3) * strength
    lean = rng.normal(0, 0.12) * strength
    squeeze = 1 - abs(rng.normal(0, 0.15)) * strength
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    taper = 1 + rng.normal(0, 0.06) * strength * unit[:, :1] * 2
    flat = unit * [width, height] * np.hstack([np.full((4, 1), squeeze), taper])
    flat[:, 1] += flat[:, 0] * np.tan(roll)
    flat[:, 0] += flat[:, 1] * lean
    return flat


def paste(canvas: Picture, image: Picture, corners: Points) -> None:
    """Warp an image so that its corners come to lie on four pixels' positions; smoothly reduced where it shrinks."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    width, height = max(sides[0], sides[2], 2.0), max(sides[1], sides[3], 2.0)
    size = (min(image.shape[1], round(width * 1.15) + 1), min(image.shape[0], round(height * 1.15) + 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    low = np.floor(corners.min(axis=0) - 2).astype(int)
    high = np.ceil(corners.max(axis=0) + 2).astype(int)
    x0, y0 = np.maximum(low, 0)
    x1, y1 = np.minimum(high, [canvas.shape[1], canvas.shape[0]])
    if x1 - x0 < 1 or y1 - y0 < 1:
        return
    source = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32) - np.float32(0.5)
    target = corners - np.array([x0, y0], np.float32) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(source, target.astype(np.float32))
    part = (int(x1 - x0), int(y1 - y0))
    warped = cv2.warpPerspective(small, matrix, part, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Half covered exactly at the corners' own lines; cv2's smoothed polygons reach most of a pixel further.
    cover = cv2.warpPerspective(np.full(small.shape[:2], 255, np.uint8), matrix, part, flags=cv2.INTER_LINEAR)
    region = canvas[y0:y1, x0:x1]
    alpha = cover.astype(np.uint16)[:, :, None]
    region[:] = ((region * (255 - alpha) + warped * alpha) // 255).astype(np.uint8)
