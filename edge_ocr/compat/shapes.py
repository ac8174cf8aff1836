"""EasyOCR's images and boxes into this package's, and readings into its results."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_ocr.camera import files
from edge_ocr.detect import check_image
from edge_ocr.errors import SourceError
from edge_ocr.signs import signs
from edge_ocr.types import Kind, Quad, corners_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.types import Image, Reading

QUARTER = 90
"""Degrees of a quarter turn."""

_KEYED = ("dict", "json")
_FORMATS = ("standard", *_KEYED, "free_merge")
_LEVEL = 0.1  # slope up to which EasyOCR gives a box's upright rectangle in whole pixels
_ONE_WORD = 3.0  # heights; what is not longer is read as well in one piece
_SAME = 0.5  # of the smaller of two boxes, that the other one covers where both are one text


def picture_of(image: Any) -> Image:
    """Whatever EasyOCR takes as an image, as uint8 B, G, R or grey.

    Raises:
        SourceError: it cannot be read.
        TypeError: it is an array, but not of uint8.
        ValueError: it is of another type or shape, or an address.

    """
    if isinstance(image, str | os.PathLike):
        if str(image).startswith(("http://", "https://")):
            raise ValueError(f"image is the address {image!r}: fetch it yourself and give its bytes")
        return files.load(Path(image).expanduser())
    if isinstance(image, bytes | bytearray):
        decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR) if image else None
        if decoded is None:
            raise SourceError("image: these bytes are no image; give a JPEG, PNG, WebP, TIFF, BMP or GIF file's")
        return np.asarray(decoded, np.uint8)
    if not isinstance(image, np.ndarray):
        if not hasattr(image, "convert"):
            raise ValueError(f"image is a {type(image).__name__}; give a path, bytes, an array, or a picture of PIL's")
        return np.asarray(cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR), np.uint8)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    see_through = image.ndim == 3 and image.shape[2] == 4
    check_image(image[:, :, :3] if see_through else image)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGBA2BGR), np.uint8) if see_through else image


def pictures_of(image: Any) -> list[Image]:
    """One image, a list of them or an array of several (N, H, W, channels), as :func:`picture_of` gives them."""
    several = isinstance(image, list | tuple) or (isinstance(image, np.ndarray) and image.ndim == 4)
    return [picture_of(one) for one in image] if several else [picture_of(image)]


def box_of(quad: Quad, size: tuple[int, int]) -> list[list[Any]]:
    """A quad as EasyOCR has it: whole pixels within an image of a size (width, height) if it is level, else floats."""
    return rectangle_of(quad, size) if is_level(quad) else [[x, y] for x, y in quad.corners]


def rectangle_of(quad: Quad, size: tuple[int, int]) -> list[list[int]]:
    """The upright rectangle around a quad, in whole pixels within an image of a size (width, height)."""
    xs, ys = zip(*quad.corners, strict=True)
    left, top = max(0, round(min(xs))), max(0, round(min(ys)))
    right, bottom = min(size[0], round(max(xs))), min(size[1], round(max(ys)))
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def is_level(quad: Quad) -> bool:
    """Whether EasyOCR would take a quad for an upright rectangle."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad.corners
    return max(abs(by - ay) / max(10.0, bx - ax), abs(cy - dy) / max(10.0, cx - dx)) < _LEVEL


def extent(box: Sequence[Sequence[float]]) -> float:
    """The longer side of the upright rectangle around a box, in pixels."""
    xs, ys = zip(*box, strict=True)
    return float(max(max(xs) - min(xs), max(ys) - min(ys)))


def quads_of(level: Any, slanted: Any, size: tuple[int, int]) -> list[Quad]:
    """The boxes that EasyOCR's ``recognize`` takes, those of ``horizontal_list`` first.

    Args:
        level: ``horizontal_list``, of ``[x_min, x_max, y_min, y_max]`` in pixels; None for none.
        slanted: ``free_list``, of four corners ``[x, y]`` each; None for none.
        size: of the image, (width, height); without any list all of it is one box.

    Raises:
        ValueError: a box has another shape, or nothing of the image is in it.

    """
    if level is None and slanted is None:
        level = [(0, size[0], 0, size[1])]
    quads = []
    for index, (left, right, top, bottom) in enumerate(_numbers("horizontal_list", level, (4,), "numbers")):
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, size[0]), min(bottom, size[1])
        if x0 >= x1 or y0 >= y1:
            raise ValueError(f"horizontal_list[{index}] has no pixel of the image: give [x_min, x_max, y_min, y_max]")
        quads.append(_quad([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]))
    for index, corners in enumerate(_numbers("free_list", slanted, (4, 2), "corners [x, y]")):
        if abs(cv2.contourArea(np.array(corners, np.float32))) < 1:
            raise ValueError(f"free_list[{index}] has no area: give its corners clockwise from the top left")
        if any(
            max(place) <= 0 or min(place) >= most for place, most in zip(zip(*corners, strict=True), size, strict=True)
        ):
            raise ValueError(f"free_list[{index}] has no pixel of the image: give corners [x, y] in its pixels")
        quads.append(_quad(corners))
    return quads


def _numbers(name: str, boxes: Any, shape: tuple[int, ...], what: str) -> list[Any]:
    """The boxes of a list as plain floats."""
    found = []
    for index, box in enumerate([] if boxes is None else boxes):
        try:
            array = np.array(box, np.float64)
        except (TypeError, ValueError):
            array = np.empty(0)
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"{name}[{index}] must be four {what}; of what detect() gives, take [0] for one image")
        found.append(array.tolist())
    return found


def _quad(corners: Sequence[Sequence[float]]) -> Quad:
    return Quad(corners_of(corners), Kind.SIGN, 1.0)


def may_hold_words(box: Quad) -> bool:
    """Whether a box is so long that several words are more likely in it than one."""
    return math.dist(box.corners[0], box.corners[1]) > _ONE_WORD * math.dist(box.corners[0], box.corners[3])


def words_in(box: Quad, words: Sequence[Quad]) -> list[Quad]:
    """The words that make up a box; none unless there are several that reach from one end of it to the other."""
    if not may_hold_words(box):
        return []
    corners = np.array(box.corners)
    along, down = corners[1] - corners[0], corners[3] - corners[0]
    length, height = max(float(np.hypot(*along)), 1.0), float(np.hypot(*down))
    outline = corners.astype(np.float32)
    middles = [np.mean(word.corners, axis=0).tolist() for word in words]
    pairs = zip(words, middles, strict=True)
    inside = [word for word, middle in pairs if cv2.pointPolygonTest(outline, middle, measureDist=False) >= 0]
    if len(inside) < 2:
        return []
    places = (np.array([word.corners for word in inside]) - corners[0]) @ (along / length)
    return inside if places.min() < height and places.max() > length - height else []


def resized(picture: Image, size: tuple[Any, Any]) -> Image:
    """A picture brought to a size, (width, height).

    Raises:
        ValueError: there is no such size.

    """
    if not all(isinstance(side, Integral) and int(side) > 0 for side in size):
        raise ValueError(f"n_width and n_height must be whole numbers above 0, not {size[0]!r} and {size[1]!r}")
    return np.asarray(cv2.resize(picture, size), np.uint8)


def turns_of(rotation_info: Any) -> list[int]:
    """``rotation_info`` as quarter turns counterclockwise, the upright picture's 0 first.

    Raises:
        ValueError: an angle is no multiple of 90 degrees.

    """
    angles = () if rotation_info is None else rotation_info
    angles = list(angles) if isinstance(angles, Iterable) else [angles]
    if odd := [angle for angle in angles if not isinstance(angle, Real) or angle % QUARTER]:
        raise ValueError(f"rotation_info must hold multiples of {QUARTER}, such as [90, 180, 270], not {odd[0]!r}")
    return list(dict.fromkeys([0, *(int(angle) // QUARTER % 4 for angle in angles)]))


def turned_picture(picture: Image, quarters: int) -> Image:
    """A picture turned counterclockwise by so many quarters."""
    return np.ascontiguousarray(np.rot90(picture, quarters)) if quarters % 4 else picture


def turned_quad(quad: Quad, size: tuple[int, int], quarters: int) -> Quad:
    """Where a quad lies in the picture that is turned counterclockwise by so many quarters.

    Args:
        quad: with its corners clockwise from the one that is top left in the picture; the same holds for the result.
        size: of the picture before, (width, height).
        quarters: 0 to 3, or 4 for none.

    """
    corners, (wide, high) = quad.corners, size
    for _ in range(quarters % 4):
        corners = corners_of([(y, wide - x) for x, y in (*corners[1:], corners[0])])
        wide, high = high, wide
    return replace(quad, corners=corners)


def are_one(one: Quad, other: Quad) -> bool:
    """Whether two quads, found in a picture turned two ways, are around the same text."""
    first, second = np.array(one.corners), np.array(other.corners)
    low, high = np.maximum(first.min(axis=0), second.min(axis=0)), np.minimum(first.max(axis=0), second.max(axis=0))
    smaller = min(float(np.prod(np.ptp(corners, axis=0))) for corners in (first, second))
    return float(np.prod(np.clip(high - low, 0, None))) > _SAME * smaller


@dataclass(frozen=True, slots=True)
class Told:
    """Readings in the form that a script asked for by EasyOCR's arguments of these names.

    Raises:
        ValueError: ``output_format`` is none of them.

    """

    detail: int
    paragraph: bool
    output_format: str

    def __post_init__(self) -> None:
        if self.output_format not in _FORMATS:
            raise ValueError(f"output_format must be one of {', '.join(_FORMATS)}, not {self.output_format!r}")

    def __call__(self, readings: Sequence[Reading], size: tuple[int, int]) -> list[Any]:
        """Items of readings in an image of a size (width, height)."""
        if self.paragraph:
            boards = signs([reading for reading in readings if reading.text])
            items: list[Any] = [[rectangle_of(sign.quad, size), sign.text] for sign in boards]
        else:
            if self.output_format != "free_merge":
                readings = sorted(readings, key=lambda reading: not is_level(reading.quad))
            items = [(box_of(reading.quad, size), reading.text, reading.confidence) for reading in readings]
        if self.detail == 0:
            return [item[1] for item in items]
        return [_keyed(item, self.output_format) for item in items] if self.output_format in _KEYED else items


def _keyed(item: Sequence[Any], shape: str) -> Any:
    """An item as a dictionary, or as that in JSON with whole pixels."""
    keys = ("boxes", "text", "confident")  # EasyOCR spells it so
    if shape == "dict":
        return dict(zip(keys, item, strict=False))
    whole = [[[int(value) for value in corner] for corner in item[0]], *item[1:]]
    return json.dumps(dict(zip(keys, whole, strict=False)), ensure_ascii=False)
