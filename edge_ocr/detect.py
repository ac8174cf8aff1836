"""Frame -> quads: where texts of one kind are, rotated and in perspective.

A small fully convolutional network says for every cell of three maps whether it lies on a text, and where that text's
corners are; cells that mean the same text are merged. The network and its training are told in docs/design/detector.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_ocr import rectify
from edge_ocr.engine import Engine
from edge_ocr.errors import BundleError
from edge_ocr.types import Quad, corners_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_ocr.bundle import Bundle
    from edge_ocr.types import Image, Kind, Region

_GREY = 127  # beside a frame whose proportions are not the network's; training pads with the same
_CANDIDATES = 1000  # a frame has a handful of plates, or some dozens of words, of some dozens of cells each
_ALIKE = 0.6  # IoU from which two candidates mean the same text, and are averaged
_WITHIN = 0.7  # of a candidate's area in a better one, or the other way round, from which it is dropped
_FLAT = 1e-6  # the least area that a quad is taken to have
_LEFT, _RIGHT = [0, 3], [1, 2]  # corners of the two ends
_SMALL = 1e-3  # a setting that is above 0 is at least this
_LARGEST_GAIN = 2.0  # enlarging a small frame further shows the network nothing new


@dataclass(frozen=True, slots=True)
class _Window:
    """A part of a frame that is read in one go: its place and size in pixels."""

    x: int
    y: int
    width: int
    height: int

    def cut(self, region: Region) -> _Window | None:
        """The pixels that a region has in this window; None if it has none."""
        left, top = max(self.x, region.left), max(self.y, region.top)
        right, bottom = min(self.x + self.width, region.right), min(self.y + self.height, region.bottom)
        return _Window(left, top, right - left, bottom - top) if left < right and top < bottom else None

    def room(self, part: _Window, size: tuple[int, int]) -> _Window:
        """A window of a size (width, height) around a part of this one, moved and cut so that it lies within."""
        wide, tall = min(size[0], self.width), min(size[1], self.height)
        left = part.x + (part.width - wide) // 2
        top = part.y + (part.height - tall) // 2
        left = min(max(left, self.x), self.x + self.width - wide)
        top = min(max(top, self.y), self.y + self.height - tall)
        return _Window(left, top, wide, tall)

    def meets(self, other: _Window) -> bool:
        """Whether both have a pixel in common."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        return across > 0 and min(self.y + self.height, other.y + other.height) > max(self.y, other.y)

    def holds(self, points: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of the points (n, 2) lie in it."""
        low, high = (self.x, self.y), (self.x + self.width, self.y + self.height)
        return np.asarray(((points >= low) & (points <= high)).all(axis=1), np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class _Map:
    """One scale: where its outputs are, and the centres of its cells in input pixels, float32 (cells, 2)."""

    score: int
    offsets: int
    unit: NDArray[np.float32]
    centres: NDArray[np.float32]
    least: int | float  # the smallest stored score that passes the threshold


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Candidates: corners float32 (n, 4, 2), scores float32 (n,) in 0..1, and centres float32 (n, 2) of their cells."""

    corners: NDArray[np.float32]
    scores: NDArray[np.float32]
    centres: NDArray[np.float32]

    @classmethod
    def of(cls, parts: Sequence[_Found]) -> _Found:
        """All of several, at least one."""
        return cls(
            np.concatenate([part.corners for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.centres for part in parts]),
        )

    def at(self, places: NDArray[Any]) -> _Found:
        """Those at some places, by their numbers or a mask, in the order of the numbers."""
        return _Found(self.corners[places], self.scores[places], self.centres[places])


class Detector:
    """Finds texts of one kind.

    Args:
        bundle: of task 'detect'. Its settings: ``strides`` (pixels a cell of each output map), ``unit`` (offsets are
            in strides times this, across and down), ``threshold`` (least score), ``merge`` (IoU from which two
            candidates are one text), ``reduction`` (how far a frame may be scaled down before it is also read in
            tiles), ``margin`` (how far quads reach beyond what the network says on every side, in their own heights),
            ``ends`` (within how many heights of an end a cell knows it best; long texts need it, 0 is none).
        threads: cores one call may use.
        threshold: instead of the bundle's, between 0 and 1; lower finds more and errs more.
        kind: that the quads are said to be of; None for the bundle's own.

    Raises:
        BundleError: a setting is missing or out of its range, or the network's outputs do not fit the settings.
        EngineError: the interpreter refuses the model.
        ValueError: ``threshold`` is out of range.

    """

    def __init__(
        self, bundle: Bundle, *, threads: int = 1, threshold: float | None = None, kind: Kind | None = None
    ) -> None:
        self._kind = kind or bundle.kind
        self._engine = Engine(bundle.model, name=bundle.name, threads=threads)
        strides = [int(stride) for stride in _numbers(bundle, "strides", 1, 256)]
        across, down = _numbers(bundle, "unit", _SMALL, 100, count=2)
        least = _number(bundle, "threshold", _SMALL, 1 - _SMALL) if threshold is None else threshold
        if not 0 < least < 1:
            raise ValueError(f"threshold is {least}, but must lie between 0 and 1")
        self._merge = _number(bundle, "merge", _SMALL, 1)
        self._reduction = _number(bundle, "reduction", 1, math.inf)
        self._margin = _number(bundle, "margin", -0.5, 1, otherwise=0.0)  # the first bundles had none
        self._ends = _number(bundle, "ends", 0, math.inf, otherwise=0.0)  # nor these
        _, rows, columns, channels = self._engine.input.shape
        self._fold = math.isqrt(channels)  # pixels of a square, row by row, may be the channels of one place
        if self._fold**2 != channels:
            raise BundleError(f"{bundle.name}: takes {channels} channels, which is no square; export the bundle again")
        self._height, self._width = rows * self._fold, columns * self._fold
        self._table = self._engine.input.quantise(np.arange(256, dtype=np.float32) / np.float32(127.5) - 1)
        self._maps = [self._map(bundle, stride, (across, down), least) for stride in strides]

    def __call__(self, image: Image, *, regions: Sequence[Region] | None = None) -> list[Quad]:
        """The texts in a frame, best first.

        Args:
            image: HxWx3 BGR or HxW grey, uint8, of any size; frames far larger than the network's input are also read
                in overlapping tiles.
            regions: rectangles in pixels of ``image`` that are worth a look; None for all of it. With none of them
                nothing is computed, and the nearer they lie together, the finer is the look.

        Returns:
            Quads in pixels of ``image``, with their middle in one of the ``regions``; a corner may lie outside where a
            text is cut off by the frame's edge.

        Raises:
            TypeError: ``image`` is not a uint8 array.
            ValueError: ``image`` has another shape, or no pixels.

        """
        check_image(image)
        rows, columns = image.shape[:2]
        frame = _Window(0, 0, columns, rows)
        looked_at = [frame] if regions is None else [part for region in regions if (part := frame.cut(region))]
        windows = self._windows(frame, looked_at)
        if not windows:
            return []
        grey, origin = _window_of(image, windows[0])
        found = [self._read(grey, window, origin) for window in windows]
        merged, scores = _merged(_Found.of(found), self._merge, self._ends)
        middles = merged.mean(axis=1)
        inside = np.any([part.holds(middles) for part in looked_at], axis=0) | (regions is None)
        corners = _grown(merged[inside], self._margin)
        pairs = zip(corners.tolist(), scores[inside].tolist(), strict=True)
        return [Quad(corners_of(corners), self._kind, score) for corners, score in pairs]

    def _map(self, bundle: Bundle, stride: int, unit: tuple[float, float], threshold: float) -> _Map:
        """Find the two outputs of a scale by their shapes: converters do not keep their order."""
        rows, columns = self._height // stride, self._width // stride
        shapes = [tensor.shape for tensor in self._engine.outputs]
        try:
            score, offsets = shapes.index((1, rows, columns, 1)), shapes.index((1, rows, columns, 8))
        except ValueError as error:
            message = f"{bundle.name}: has no output maps for stride {stride} (has {shapes}); export the bundle again"
            raise BundleError(message) from error
        x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
        centres = (np.stack([x.ravel(), y.ravel()], 1) + np.float32(0.5)) * np.float32(stride)
        logit = np.array(np.log(threshold / (1 - threshold)), np.float32)
        least = self._engine.outputs[score].quantise(logit).item()
        return _Map(score, offsets, np.array(unit, np.float32) * np.float32(stride), centres, least)

    def _windows(self, frame: _Window, looked_at: list[_Window]) -> list[_Window]:
        """What is read: all that is looked at and, if that is scaled down too far for small texts, tiles of it.

        The first window holds the others. It is given the network's proportions and at least its size, as far as the
        frame reaches: that costs nothing, and shows what stands around a text.
        """
        if not looked_at:
            return []
        whole = _around(looked_at)
        if whole != frame:
            scale = max(whole.width / self._width, whole.height / self._height, 1.0)
            size = (max(whole.width, round(self._width * scale)), max(whole.height, round(self._height * scale)))
            whole = frame.room(whole, size)
        windows = [whole]
        if max(whole.width / self._width, whole.height / self._height) > self._reduction:
            wide, tall = round(self._width * self._reduction * 2 / 3), round(self._height * self._reduction * 2 / 3)
            tiles = (
                _Window(whole.x + x, whole.y + y, min(wide, whole.width), min(tall, whole.height))
                for y in _starts(whole.height, tall)
                for x in _starts(whole.width, wide)
            )
            windows += [tile for tile in tiles if any(tile.meets(part) for part in looked_at)]
        return windows

    def _read(self, grey: NDArray[np.uint8], window: _Window, origin: tuple[int, int]) -> _Found:
        """Candidates in one window, in pixels of the frame, of which ``grey`` is the part that begins at ``origin``."""
        scale = min(self._width / window.width, self._height / window.height, _LARGEST_GAIN)
        size = (max(1, round(window.width * scale)), max(1, round(window.height * scale)))
        left, top = window.x - origin[0], window.y - origin[1]
        part = grey[top : top + window.height, left : left + window.width]
        if size != (window.width, window.height):
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            part = np.asarray(cv2.resize(part, size, interpolation=way), np.uint8)
        canvas = np.full((self._height, self._width), self._table[_GREY], self._table.dtype)
        canvas[: size[1], : size[0]] = self._table[part]
        found = self._candidates(self._engine.run(self._folded(canvas)))
        back = np.array([window.width / size[0], window.height / size[1]], np.float32)
        place = np.array((window.x, window.y), np.float32)
        return _Found(found.corners * back + place, found.scores, found.centres * back + place)

    def _folded(self, canvas: NDArray[Any]) -> NDArray[Any]:
        """What the network takes: (1, rows, columns, channels), of a canvas of its height and width."""
        fold = self._fold
        values = np.empty(self._engine.input.shape, canvas.dtype)
        for channel in range(fold * fold):
            values[0, :, :, channel] = canvas[channel // fold :: fold, channel % fold :: fold]
        return values

    def _candidates(self, outputs: tuple[NDArray[Any], ...]) -> _Found:
        """The cells whose score passes, best first, in pixels of the network's input."""
        corners, scores, centres = [], [], []
        for level in self._maps:
            stored = outputs[level.score].reshape(-1)
            cells = np.flatnonzero(stored >= level.least)
            offsets = self._engine.outputs[level.offsets].dequantise(outputs[level.offsets].reshape(-1, 4, 2)[cells])
            centres.append(level.centres[cells])
            corners.append((centres[-1][:, None] + offsets * level.unit).astype(np.float32, copy=False))
            scores.append(1 / (1 + np.exp(-self._engine.outputs[level.score].dequantise(stored[cells]))))
        found = _Found(
            np.concatenate(corners), np.concatenate(scores).astype(np.float32, copy=False), np.concatenate(centres)
        )
        return found.at(np.argsort(-found.scores, kind="stable")[:_CANDIDATES])


def check_image(image: object) -> None:
    """Refuse what is no image.

    Raises:
        TypeError: ``image`` is no array of uint8.
        ValueError: ``image`` is neither HxWx3 nor HxW, or has no pixels.

    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise TypeError(f"image must be a uint8 array, not {getattr(image, 'dtype', type(image).__name__)}")
    if image.size == 0 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"image must be HxWx3 or HxW with at least one pixel, not of shape {image.shape}")


def _number(bundle: Bundle, name: str, least: float, most: float, *, otherwise: float | None = None) -> float:
    """A setting that is a number within bounds, or what it is where the bundle has none."""
    return _checked(bundle, name, bundle.settings.get(name, otherwise), least, most)


def _numbers(bundle: Bundle, name: str, least: float, most: float, *, count: int | None = None) -> list[float]:
    """A setting that is a list of numbers within bounds, so many or at least one."""
    values = bundle.settings.get(name)
    if not isinstance(values, list | tuple) or not values or (count or len(values)) != len(values):
        raise _wrong(bundle, name, values, f"a list of {count or 'some'} numbers")
    return [_checked(bundle, name, value, least, most) for value in values]


def _checked(bundle: Bundle, name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _wrong(bundle, name, value, f"a number of {least} to {most}")
    return float(value)


def _wrong(bundle: Bundle, name: str, value: object, wanted: str) -> BundleError:
    told = "is missing" if value is None else f"is {value!r}"
    return BundleError(
        f"{bundle.name}/model.toml: [detect] {name} {told}, but must be {wanted}; export the bundle again"
    )


def _window_of(image: Image, window: _Window) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A window of an image in grey, and where in the image it begins."""
    part = image[window.y : window.y + window.height, window.x : window.x + window.width]
    return rectify.grey(part), (window.x, window.y)


def _around(windows: list[_Window]) -> _Window:
    """The smallest window that holds all of these."""
    left, top = min(part.x for part in windows), min(part.y for part in windows)
    right = max(part.x + part.width for part in windows)
    bottom = max(part.y + part.height for part in windows)
    return _Window(left, top, right - left, bottom - top)


def _starts(length: int, tile: int) -> list[int]:
    """Where tiles begin that cover a length and overlap by at least a quarter."""
    if length <= tile:
        return [0]
    count = -(-(length - tile) // (tile * 3 // 4)) + 1
    return [round(place) for place in np.linspace(0, length - tile, count)]


def _merged(found: _Found, limit: float, ends: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One quad a text: the best candidate's, averaged by score with those that say nearly the same.

    What overlaps a better candidate, or lies mostly within it or around it, is dropped: greedy non-maximum suppression
    with box voting (Gidaris and Komodakis, 2015). Gives corners (n, 4, 2) and scores (n,).
    """
    left = found.at(np.argsort(-found.scores, kind="stable")[:_CANDIDATES])
    merged, kept = [], []
    while len(left.scores):
        overlap, within = _shares(left.corners)
        alike = overlap >= _ALIKE
        alike[0] = True
        merged.append(_agreed(left.at(alike), ends))
        kept.append(left.scores[0])
        others = (overlap < limit) & (within < _WITHIN)
        others[0] = False
        left = left.at(others)
    return np.array(merged, np.float32).reshape(-1, 4, 2), np.array(kept, np.float32)


def _agreed(found: _Found, ends: float) -> NDArray[np.float32]:
    """The corners (4, 2) that candidates of one text agree on: about its ends, those that stand near them know best.

    A cell sees little more than its surroundings, and the end of a long word is not among them. Weights fall with the
    distance to an end as 1 / (1 + x^2), where x is 1 at ``ends`` heights; at 0 all cells know both ends alike.
    """
    weights = found.scores**2
    mean = np.asarray((found.corners * weights[:, None, None]).sum(axis=0) / weights.sum(), np.float32)
    if ends <= 0:
        return mean
    along, down = (mean[1] - mean[0] + mean[2] - mean[3]) / 2, (mean[3] - mean[0] + mean[2] - mean[1]) / 2
    along = along / max(float(np.hypot(*along)), _FLAT)
    reach = ends * max(float(np.hypot(*down)), _FLAT)
    places = found.centres @ along
    for end in (_LEFT, _RIGHT):
        near = weights / (1 + ((places - mean[end].mean(axis=0) @ along) / reach) ** 2)
        mean[end] = (found.corners[:, end] * near[:, None, None]).sum(axis=0) / near.sum()
    return mean


def _grown(corners: NDArray[np.float32], margin: float) -> NDArray[np.float32]:
    """Quads (n, 4, 2) that reach beyond others on every side, by a share of the height of each."""
    along = (corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]) / 2
    down = (corners[:, 3] - corners[:, 0] + corners[:, 2] - corners[:, 1]) / 2
    high, wide = np.hypot(down[:, :1], down[:, 1:]), np.hypot(along[:, :1], along[:, 1:])
    along = along * (high / np.maximum(wide, np.float32(_FLAT)))
    across, below = np.array([-1, 1, 1, -1], np.float32), np.array([-1, -1, 1, 1], np.float32)
    away = across[:, None] * along[:, None] + below[:, None] * down[:, None]
    return np.asarray(corners + np.float32(margin) * away, np.float32)


def _shares(corners: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of quads (n, 4, 2) the IoU with the first one, and the share of the smaller that both have in common.

    Areas are those of boxes along the first one's own sides: upright boxes around two lines of one tilted board overlap
    although the lines do not.
    """
    first = corners[0]
    across, down = (first[1] - first[0] + first[2] - first[3]) / 2, (first[3] - first[0] + first[2] - first[1]) / 2
    area = float(across[0] * down[1] - across[1] * down[0])
    area = area if abs(area) > _FLAT else _FLAT
    own = np.array([[down[1], -across[1]], [-down[0], across[0]]], np.float32) / np.float32(area)
    places = (corners - first.mean(axis=0)) @ own  # -0.5 to 0.5 from edge to edge of the first
    low, high = places.min(axis=1), places.max(axis=1)
    shared = np.clip(np.minimum(high, high[0]) - np.maximum(low, low[0]), 0, None).prod(axis=1)
    areas = np.maximum((high - low).prod(axis=1), np.float32(_FLAT))
    return shared / (areas + areas[0] - shared), shared / np.minimum(areas, areas[0])
