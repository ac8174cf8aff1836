"""Strip -> strip: the preprocessing steps of the literature, each by name, for whoever's pictures need one.

None is on by default: the recogniser has learnt from strips as they are cut, and docs/design/preprocess.md shows what
each step gains or costs on real ones. A configuration switches them on by name, in the order in which they are done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_ocr.band import text_band

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge_ocr.types import Image

_SAUVOLA = (0.2, 128.0)  # k and R of the paper, for 8 bits
_STROKE = 4.0  # pixels of a strip of 48 rows: a plate's bold capitals
_MOST_STROKE = 3  # pixels that a stroke is made wider or narrower by, at most, on each side
_STEEPEST = 0.3  # rise over run; a line that climbs more was not rectified at all
_SLOPES = np.linspace(-_STEEPEST, _STEEPEST, 41)


def otsu(image: Image) -> Image:
    """Black and white at the level that parts the shades best (Otsu, 'A threshold selection method', 1979).

    Args:
        image: uint8, (h, w) grey.

    Returns:
        The same shape, 0 and 255 alone.

    """
    return np.asarray(cv2.threshold(image, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1], np.uint8)


def sauvola(image: Image) -> Image:
    """Black and white at a level that follows each place's mean and contrast (Sauvola and Pietikainen, 2000).

    Args:
        image: uint8, (h, w) grey.

    Returns:
        The same shape, 0 and 255 alone.

    """
    side = max(3, min(image.shape) // 2 | 1)
    grey = image.astype(np.float32)
    mean = cv2.boxFilter(grey, -1, (side, side))
    spread = np.sqrt(np.maximum(cv2.boxFilter(grey * grey, -1, (side, side)) - mean * mean, 0))
    k, most = _SAUVOLA
    return np.where(grey > mean * (1 + k * (spread / most - 1)), 255, 0).astype(np.uint8)


def median(image: Image) -> Image:
    """Noise reduction: each pixel becomes the median of the 3x3 around it, which takes single specks away.

    Args:
        image: uint8, (h, w) grey.

    """
    return np.asarray(cv2.medianBlur(np.ascontiguousarray(image), 3), np.uint8)


def non_local_means(image: Image) -> Image:
    """Noise reduction: the average of places that look alike (Buades, Coll and Morel, 2005), which keeps edges.

    Args:
        image: uint8, (h, w) grey.

    """
    return np.asarray(cv2.fastNlMeansDenoising(image, None, 10.0, 5, 15), np.uint8)


def clahe(image: Image) -> Image:
    """Contrast evened out place by place, within limits (Zuiderveld, 'Contrast limited adaptive histogram', 1994).

    Args:
        image: uint8, (h, w) grey.

    """
    return np.asarray(cv2.createCLAHE(2.0, (4, 2)).apply(image), np.uint8)


def stroke_width(image: Image) -> Image:
    """Strokes made as wide as a plate's bold capitals: thin prints fattened, smeared ones thinned.

    The width is twice the mean distance of the strokes' middle lines from their edges.

    Args:
        image: uint8, (h, w) grey.

    Returns:
        The same shape; as it was where no stroke is found.

    """
    ink, dark = _ink(image)
    inside = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    middle = (inside > 0) & (inside >= cv2.dilate(inside, np.ones((3, 3), np.uint8)))
    if not middle.any():
        return image
    wide = 2 * float(inside[middle].mean()) - 1
    change = float(np.clip((_STROKE * image.shape[0] / 48 - wide) / 2, -_MOST_STROKE, _MOST_STROKE))
    grow = cv2.erode if (change > 0) == dark else cv2.dilate
    whole, part = divmod(abs(change), 1)
    steps = [np.asarray(grow(image, _disc(int(whole) + more)), np.float32) for more in (0, 1)]
    return np.rint(steps[0] * (1 - part) + steps[1] * part).astype(np.uint8)


def level_profile(image: Image) -> Image:
    """Skew correction: sheared so that its rows part ink from blank most sharply (Postl, 'Skew', 1986).

    Args:
        image: uint8, (h, w) grey.

    """
    beside = image.shape[1] // 10  # the ends of a plate are upright edges, which are the same at any slope
    ink = np.abs(np.diff(image.astype(np.float32), axis=1))[:, beside : image.shape[1] - 1 - beside]
    rows, columns = np.indices(ink.shape)
    across = columns - (ink.shape[1] - 1) / 2
    beyond = round(_STEEPEST * ink.shape[1] / 2) + 1  # rows that a shear needs above and below
    sharpness = []
    for slope in _SLOPES:
        places = (np.rint(rows - slope * across).astype(np.intp) + beyond).ravel()
        counts = np.bincount(places)
        whole = counts >= max(1.0, 0.8 * ink.shape[1])
        profile = np.bincount(places, ink.ravel())[whole] / counts[whole]
        sharpness.append(float((np.diff(profile) ** 2).mean()) if len(profile) > 1 else 0.0)
    best = float(_SLOPES[int(np.argmax(sharpness))]) if max(sharpness, default=0.0) > 0 else 0.0
    return _levelled(image, best)


def level_hough(image: Image) -> Image:
    """Skew correction: sheared by the median slope of the long straight edges, such as a plate's rim.

    Edges vote for lines (Hough; Duda and Hart, 'Use of the Hough transformation', 1972).

    Args:
        image: uint8, (h, w) grey.

    """
    edges = cv2.Canny(image, 60, 180)
    found: Any = cv2.HoughLinesP(edges, 1, np.pi / 360, 30, None, image.shape[1] / 3, 4)
    if found is None:
        return image
    ends = np.reshape(found, (-1, 4)).astype(np.float64)
    across, down = ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]
    flat = np.abs(down) <= _STEEPEST * np.abs(across)
    if not flat.any():
        return image
    return _levelled(image, float(np.median(down[flat] / across[flat])))


def level_rectangle(image: Image) -> Image:
    """Skew correction: sheared by the slope of the smallest rectangle around all ink (Freeman and Shapira, 1975).

    Args:
        image: uint8, (h, w) grey.

    """
    points: Any = cv2.findNonZero(_ink(image)[0])
    if points is None:
        return image
    _, (wide, tall), angle = cv2.minAreaRect(points)
    turn = angle if wide >= tall else angle - 90
    slope = float(np.tan(np.deg2rad((turn + 90) % 180 - 90)))
    return _levelled(image, slope) if abs(slope) <= _STEEPEST else image


def band(image: Image) -> Image:
    """The rows of the text alone, stretched to the whole height: a state's name and a slogan are cut off.

    Args:
        image: uint8, (h, w) grey.

    """
    found = text_band(image)
    if found is None:
        return image
    high, wide = image.shape
    half = found.climb / 2
    shares = [(0, found.head + half), (1, found.head - half), (0, found.foot + half)]
    source = np.array([(x * wide, y * high) for x, y in shares], np.float32) - np.float32(0.5)
    target = np.array([(0, 0), (wide, 0), (0, high)], np.float32) - np.float32(0.5)
    matrix = cv2.getAffineTransform(source, target)
    moved = cv2.warpAffine(image, matrix, (wide, high), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


STEPS: dict[str, Callable[[Image], Image]] = {
    "otsu": otsu,
    "sauvola": sauvola,
    "median": median,
    "non-local-means": non_local_means,
    "clahe": clahe,
    "stroke-width": stroke_width,
    "level-profile": level_profile,
    "level-hough": level_hough,
    "level-rectangle": level_rectangle,
    "band": band,
}
"""Every step by the name that a configuration gives it."""


def prepared(image: Image, steps: Sequence[str]) -> Image:
    """An image after some steps.

    Args:
        image: uint8, (h, w) grey.
        steps: names in :data:`STEPS`, in the order in which they are done.

    Raises:
        ValueError: a step is not known.

    """
    for step in steps:
        if step not in STEPS:
            raise ValueError(f"steps holds {step!r}, but must hold some of {', '.join(STEPS)}")
        image = STEPS[step](image)
    return image


def _ink(image: Image) -> tuple[NDArray[np.uint8], bool]:
    """Where the writing is (255, elsewhere 0), the lesser part of a picture in black and white; whether it is dark."""
    white = otsu(image)
    dark = bool(2 * np.count_nonzero(white) >= white.size)
    return (np.asarray(cv2.bitwise_not(white), np.uint8) if dark else white), dark


def _disc(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _levelled(image: Image, slope: float) -> Image:
    """Sheared so that what rises or falls by ``slope`` (rows a column) lies level; the border is repeated."""
    rows, columns = image.shape
    matrix = np.array([[1, 0, 0], [-slope, 1, slope * (columns - 1) / 2]], np.float64)
    moved = cv2.warpAffine(image, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)
