"""Quad -> upright strip: the picture of one line of text as the recogniser takes it.

The quad is grown by a margin, because a detector cuts into first and last characters, warped by the perspective that
maps it onto the strip, and stretched in contrast. Training uses :func:`stretch` too, so what is trained is what is run.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, dist, inf
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.types import Kind, Quad, Strip, corners_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_ocr.types import Image, Point

MARGIN = 0.05
"""How far a strip reaches beyond its quad on each side, as a part of the quad's own width and height."""

_SQUEEZED = 0.85  # of its natural width is what a line may be pressed into before the next width is taken
_MOST_SAMPLES = 16  # per strip pixel and direction; a 2,560-pixel plate on a 160-pixel strip, and a bound on memory


def strip(
    image: Image,
    quad: Quad,
    *,
    width: int | Sequence[int],
    height: int,
    margin: float = MARGIN,
    widening: float = 1.0,
) -> Strip:
    """Cut a quad out of an image as an upright strip.

    Args:
        image: uint8, HxWx3 (B, G, R) or HxW grey.
        quad: where the text is, in pixels of the image; it may reach beyond the image, whose border is repeated there.
        width: of the strip, in pixels; of several, ascending, the one that suits the quad is taken.
        height: of the strip, in pixels.
        margin: how far to reach beyond the quad on each side, as a part of its own width and height; >= 0.
        widening: of several widths, what suits a quad so many times as wide; above 0.

    Returns:
        A grey strip of (height, width), stretched to the full size and in contrast, with the quad as it was given.

    """
    width, height = _size(width, height, proportion(quad), widening)
    if not margin >= 0:
        raise ValueError(f"margin must be at least 0, not {margin}")
    across, down = samples(quad, width=width, height=height)
    fine = (width * across, height * down)
    patch, origin = surroundings(image, quad, margin=margin)
    warped = cv2.warpPerspective(
        grey(patch),
        perspective(quad, width=fine[0], height=fine[1], margin=margin, origin=origin),
        fine,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Strip(stretch(shrink(np.asarray(warped, np.uint8), width=width, height=height)), quad)


def whole(
    image: Image,
    *,
    width: int | Sequence[int],
    height: int,
    kind: Kind = Kind.PLATE,
    widening: float = 1.0,
) -> Strip:
    """The strip of an image that already is one line of text or one plate.

    Args:
        image: uint8, HxWx3 (B, G, R) or HxW grey.
        width: of the strip, in pixels; of several, ascending, the one that suits the image is taken.
        height: of the strip, in pixels.
        kind: what the image shows.
        widening: as in :func:`strip`.

    Returns:
        A grey strip of (height, width); its quad is the whole image, with a score of 1.

    """
    rows, columns = image.shape[:2]
    width, height = _size(width, height, columns / rows, widening)
    quad = Quad(corners_of([(0, 0), (columns, 0), (columns, rows), (0, rows)]), kind, 1.0)
    return Strip(stretch(grey(shrink(image, width=width, height=height))), quad)


def samples(quad: Quad, *, width: int, height: int) -> tuple[int, int]:
    """How many pixels of the image fall on one pixel of the strip, across and down: whole numbers from 1 to 16.

    The warp takes so many samples and :func:`shrink` averages them; a single sample would turn thin strokes of a large
    plate into noise.
    """
    a, b, c, d = quad.corners
    across = ceil(max(dist(a, b), dist(d, c)) / width)
    down = ceil(max(dist(a, d), dist(b, c)) / height)
    return min(max(across, 1), _MOST_SAMPLES), min(max(down, 1), _MOST_SAMPLES)


def surroundings(image: Image, quad: Quad, *, margin: float) -> tuple[Image, Point]:
    """The part of the image that the grown quad needs, and where its top left corner lies.

    Converting and reading only this part keeps the cost of a small plate independent of the size of the frame. The part
    is a view, never empty: a quad outside the image gets the nearest pixels.
    """
    rows, columns = image.shape[:2]
    xs, ys = zip(*quad.corners, strict=True)
    # Perspective can grow one side by more than the margin of the bounding box; twice the margin covers it, and two
    # pixels more let the interpolation see its neighbours.
    wide = 2 * margin * (max(xs) - min(xs)) + 2
    high = 2 * margin * (max(ys) - min(ys)) + 2
    left, right = _span(min(xs) - wide, max(xs) + wide, columns)
    top, bottom = _span(min(ys) - high, max(ys) + high, rows)
    return image[top:bottom, left:right], (float(left), float(top))


def perspective(
    quad: Quad, *, width: int, height: int, margin: float, origin: Point = (0.0, 0.0)
) -> NDArray[np.float64]:
    """The matrix that maps the grown quad onto the strip, between pixel centres.

    Growing happens in the plane of the text: the quad lands on the inner rectangle that leaves the margin around it, so
    the margin follows the perspective.

    Args:
        quad: where the text is, in pixels of the image.
        width: of the strip, in pixels.
        height: of the strip, in pixels.
        margin: as in :func:`strip`.
        origin: the top left corner of the part of the image that the matrix will be applied to.

    Returns:
        float64, (3, 3).

    """
    right, bottom = width * margin / (1 + 2 * margin), height * margin / (1 + 2 * margin)
    inner = [(right, bottom), (width - right, bottom), (width - right, height - bottom), (right, height - bottom)]
    # Quads put (0, 0) at the corner of the first pixel, OpenCV at its centre.
    source = np.array(quad.corners, np.float32) - np.array(origin, np.float32) - np.float32(0.5)
    target = np.array(inner, np.float32) - np.float32(0.5)
    return np.asarray(cv2.getPerspectiveTransform(source, target), np.float64)


def width_for(aspect: float, *, height: int, widths: Sequence[int]) -> int:
    """Which of a recogniser's strip widths suits a line of text: the narrowest that hardly squeezes it.

    Args:
        aspect: the line's width over its height; above 0.
        height: of the strip, in pixels.
        widths: ascending, at least one.

    """
    return next((width for width in widths if width >= _SQUEEZED * aspect * height), widths[-1])


def proportion(quad: Quad) -> float:
    """Width / height of a quad, each the mean of two opposite sides; infinite for one without height."""
    a, b, c, d = quad.corners
    high = dist(a, d) + dist(b, c)
    return (dist(a, b) + dist(d, c)) / high if high > 0 else inf


def grown(quad: Quad, across: float, down: float) -> Quad:
    """A quad made larger or smaller around its middle, in the plane of the text.

    Args:
        quad: where a text is.
        across: how far each end moves outwards, as a part of the quad's width; inwards below 0.
        down: the same for the upper and the lower edge, as a part of its height.

    """
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    ends = np.array([-across, -down], np.float32) + unit * np.array([1 + 2 * across, 1 + 2 * down], np.float32)
    plane = cv2.getPerspectiveTransform(unit, np.array(quad.corners, np.float32))
    return replace(quad, corners=corners_of(cv2.perspectiveTransform(ends[None], plane)[0].tolist()))


def grey(image: Image) -> Image:
    """One channel of brightness; a grey image is returned as it is."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def shrink(image: Image, *, width: int, height: int) -> Image:
    """The image at another size: averaged where it gets smaller, interpolated where it gets larger."""
    rows, columns = image.shape[:2]
    if (rows, columns) == (height, width):
        return image
    smaller = columns >= width and rows >= height
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def stretch(image: Image) -> Image:
    """Contrast stretched so that the 1st to the 99th percentile of the pixels span 0 to 255.

    Args:
        image: HxW grey, uint8.

    Returns:
        A new image of the same shape; an image of a single shade is returned as it is.

    """
    counts = np.bincount(image.reshape(-1), minlength=256).cumsum()
    low, high = (int(np.searchsorted(counts, part * counts[-1])) for part in (0.01, 0.99))
    if high <= low:
        return image
    table = np.clip((np.arange(256) - low) * (255 / (high - low)) + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), np.uint8)


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    """The whole pixels of low..high that lie in 0..size, at least one."""
    first = min(max(int(low), 0), size - 1)
    return first, max(min(ceil(high), size), first + 1)


def _size(width: int | Sequence[int], height: int, aspect: float, widening: float) -> tuple[int, int]:
    """The strip's size, by a line's width over its height where there are several; refused where it is none."""
    if not 0 < widening < inf:
        raise ValueError(f"widening must be above 0, not {widening}")
    sizes = {"width": np.atleast_1d(width), "height": np.atleast_1d(height)}
    for name, values in sizes.items():
        if values.dtype.kind not in "iu":
            raise TypeError(f"{name} must be a whole number of pixels, not {values.tolist()}")
        if values.min() < 1:
            raise ValueError(f"{name} must be at least 1, not {values.min()}")
    height = int(sizes["height"][0])
    return width_for(widening * aspect, height=height, widths=sizes["width"].tolist()), height
