"""The one Arabic word that plates spell and readers write as T: 'Tunis', in strokes of a pen of its own each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic.faces import CAPS, MASK_HEIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Line = NDArray[np.float64]


def tunis(rng: np.random.Generator) -> NDArray[np.uint8]:
    """The word as a mask of a typeface's height: uint8 (MASK_HEIGHT, width), 255 where there is ink.

    Right to left: teh (a hook under two dots), waw (a loop whose tail dips), noon (a hook under one dot), seen (three
    teeth and a bowl).
    """
    tall = (CAPS.stop - CAPS.start) * rng.uniform(0.7, 1.0)
    wide = tall * rng.uniform(1.0, 1.9)
    thick = max(3, round(tall * rng.uniform(0.07, 0.16)))
    base = rng.uniform(0.55, 0.68)
    tooth = rng.uniform(0.14, 0.26)
    waw = 0.62 + rng.normal(0, 0.02)
    lines = [
        _points((0.98, base - 1.3 * tooth), (0.99, base), (waw + 0.06, base)),
        _arc((waw - 0.05, base - 1.2 * tooth, waw + 0.08, base + 0.02), 0, 360),
        _arc((waw - 0.24, base - 0.35, waw + 0.08, base + rng.uniform(0.22, 0.34)), 0, 100),
        _points((0.52, base - 1.3 * tooth), (0.52, base), (0.34, base)),
        _points((0.44, base), (0.44, base - tooth), (0.44, base), (0.37, base), (0.37, base - tooth), (0.37, base)),
        _points((0.37, base), (0.3, base), (0.3, base - tooth)),
        _arc((0.02, base - 0.3, 0.3, base + rng.uniform(0.2, 0.36)), 0, 185),
    ]
    dots = [(0.52, base - rng.uniform(0.38, 0.5))]
    dots += [(x, base - rng.uniform(0.36, 0.48)) for x in (0.86, 0.97)]
    canvas = np.zeros((MASK_HEIGHT, round(wide) + 2 * thick), np.uint8)
    scale, start = np.array([wide, tall]), np.array([thick, CAPS.stop - tall])
    bent = [np.rint((line + rng.normal(0, 0.012, line.shape)) * scale + start).astype(np.int32) for line in lines]
    cv2.polylines(canvas, bent, isClosed=False, color=255, thickness=thick, lineType=cv2.LINE_AA)
    for dot in dots:
        x, y = np.rint(np.array(dot) * scale + start).astype(int).tolist()
        cv2.circle(canvas, (x, max(y, 2)), max(2, round(0.65 * thick)), 255, -1, cv2.LINE_AA)
    return canvas


def _points(*points: tuple[float, float]) -> Line:
    return np.array(points, np.float64)


def _arc(box: tuple[float, float, float, float], start: float, end: float) -> Line:
    """Part of an ellipse in a box (left, top, right, bottom); degrees clockwise from the right."""
    left, top, right, bottom = box
    angle = np.radians(np.linspace(start, end, 16))
    x, y = (
        (left + right) / 2 + np.cos(angle) * (right - left) / 2,
        (top + bottom) / 2 + np.sin(angle) * (bottom - top) / 2,
    )
    return np.stack([x, y], 1)
