"""Is anything worth a look? The reduced picture in, regions of the frame out.

A background is learnt pixel by pixel with a sigma-delta estimator (Manzanera and Richefeu, 'A new motion detection
algorithm based on sigma-delta background estimation', 2007): an approximation of the running median that moves by no
more than a step at a time, and beside it an estimate of how restless each pixel is, which becomes its threshold. Rain
and leaves so raise their own. Before both are compared the background is brought to the light of the moment, place by
place, by the ratio of what is to what was where nothing stands in front: clouds, lamps and automatic exposure change
light, which is a factor, and not things.

What moves is worth a look. What came and stands is looked at again from time to time until the background has learnt
it. docs/design/gate.md tells what is promised and what was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.types import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_ocr.tables import GateSettings
    from edge_ocr.types import Frame, Image

_WIDEST = 256  # pixels of the plane that is worked on; it is halved until it is narrower
_CELL = 8  # pixels of the plane that regions are made of: a plate's height, and much wider than a drop of rain
_STEPS_A_SECOND = 4.0  # grey levels: what stands is background after 10 to 30 s, at any frame rate
_MOST_STEPS = 4.0  # at once, after a pause
_RESTLESS = 3.0  # a pixel's threshold in medians of its deviation: for noise, 2 standard deviations
_LEAST, _MOST = 7.0, 32.0  # grey levels that a threshold lies between: noise, and not deaf where much passes
_COVERED, _FULL = 0.12, 0.4  # of a cell's pixels that rain learns to cover without being something; at least, at most
_RISE, _FALL = 0.2, 0.006  # of a cell, a second: what covers more for 3% of the time is usual there
_GRID = 4  # light is compared on every fourth pixel of every fourth row
_AROUND = 9  # points of that grid, averaged twice: about a quarter of the picture, over which light is compared
_DARK = 4.0  # grey levels added to both sides of a ratio of lights, or noise in the dark would decide it
_LIGHT = 4.0  # times; what changes by more from one frame to the next is no change of light
_NEIGHBOURS = np.ones((3, 3), np.uint8)
_BEFORE_SECONDS = 0.2  # how old the picture is that motion is measured against: slow things move too


class Gate:
    """Watches one camera.

    Args:
        settings: how long to learn, and how often to look at what stands; may be changed.

    """

    def __init__(self, settings: GateSettings) -> None:
        self.settings = settings
        self._plane: _Plane | None = None

    def look(self, frame: Frame) -> tuple[Region, ...]:
        """What of a frame is worth a look.

        Args:
            frame: later than every one before; a change of size begins anew. Its ``luma`` is used where it has one.

        Returns:
            Rectangles in pixels of the frame, none of them empty; the whole frame while the background is being
            learnt, and from time to time whatever happens; none where nothing is worth a look.

        """
        height, width = frame.image.shape[:2]
        plane = reduced(frame.image if frame.luma is None else frame.luma)
        cells = self.step(plane, frame.stamp.mono)
        rows, columns = cells.shape
        return tuple(
            Region(
                left * width // columns,
                top * height // rows,
                -(-right * width // columns),
                -(-bottom * height // rows),
            )
            for left, top, right, bottom in _boxes(cells)
        )

    def step(self, plane: NDArray[np.uint8], now: float) -> NDArray[np.bool_]:
        """The same for a plane that is reduced already.

        Args:
            plane: uint8 (h, w), grey.
            now: seconds; never before the time of the plane before.

        Returns:
            bool (rows, columns): the cells that are worth a look.

        """
        seen = plane.astype(np.float32)
        if self._plane is None or self._plane.background.shape != seen.shape:
            self._plane = _Plane(seen, now)
        known = self._plane
        covered, moving = known.compare(seen, now)
        if now - known.whole >= self.settings.look_seconds or now - known.start < self.settings.learn_seconds:
            known.whole = now
            return np.ones_like(covered)
        known.moved[moving] = now
        worth = _whole_things(covered, now - known.moved <= self.settings.hold_seconds)
        worth |= covered & (now - known.looked >= self.settings.again_seconds)
        known.looked[worth] = now
        return worth


class _Plane:
    """What is known of a camera's picture.

    Args:
        seen: the first picture, float32 (h, w).
        now: seconds.

    Attributes:
        background: float32 (h, w), in grey levels.
        moved: when something moved in each cell.
        looked: when each cell was looked at.
        start: when all this began.
        whole: when all was looked at.

    """

    def __init__(self, seen: NDArray[np.float32], now: float) -> None:
        self.background = seen.copy()
        self._threshold = np.full_like(seen, _LEAST)
        self._covered: NDArray[np.uint8] = np.zeros(seen.shape, np.uint8)
        self._before, self._before_at = seen, now
        self._stepped = now
        shape = _cells(self._covered).shape
        self._usual, self._much = np.full(shape, _COVERED), np.zeros(shape, np.uint8)
        self.moved, self.looked = np.full(shape, -np.inf), np.full(shape, now)
        self.start = self.whole = now

    def compare(self, seen: NDArray[np.float32], now: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which cells something covers, and in which of them it moves; learn from it."""
        self.background *= self._light(seen)
        deviation = np.asarray(cv2.absdiff(seen, self.background), np.float32)
        differs = cv2.compare(deviation, self._threshold, cv2.CMP_GT)
        mask = np.asarray(cv2.medianBlur(differs, 3), np.uint8)
        motion = cv2.compare(cv2.absdiff(seen, self._before), self._threshold, cv2.CMP_GT)
        moves = np.asarray(cv2.bitwise_and(mask, motion), np.uint8)
        shares = _cells(mask).astype(np.float32) / 255
        much = shares >= self._usual
        # A drop is there for one frame; what is there for two, here or beside, is a thing.
        cells = much & (cv2.dilate(self._much, _NEIGHBOURS) > 0) | (shares > _FULL)
        moving = cells & (_cells(moves) >= 255 * _COVERED / 2)
        self._covered, self._much = mask, much.astype(np.uint8)
        passed = now - self._stepped
        self._usual = np.clip(self._usual + np.where(much, _RISE, -_FALL) * passed, _COVERED, _FULL)
        if now - self._before_at >= _BEFORE_SECONDS:
            self._before, self._before_at = seen, now
        self._learn(seen, deviation, now)
        return cells, moving

    def _light(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        """By what factor the light has changed everywhere, where it can be told."""
        shares = (255 - self._covered[::_GRID, ::_GRID]).astype(np.float32)
        now, then = (shares * picture[::_GRID, ::_GRID] for picture in (seen, self.background))
        dark = np.maximum(_around(shares), 1.0) * _DARK  # where nothing is open, the light has not changed
        factor = np.clip((_around(now) + dark) / (_around(then) + dark), 1 / _LIGHT, _LIGHT)
        return np.asarray(cv2.resize(factor, seen.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    def _learn(self, seen: NDArray[np.float32], deviation: NDArray[np.float32], now: float) -> None:
        step = min((now - self._stepped) * _STEPS_A_SECOND, _MOST_STEPS)
        self._stepped = now
        self.background += np.clip(seen - self.background, -step, step)
        self._threshold += np.clip(deviation * np.float32(_RESTLESS) - self._threshold, -step, step)
        np.clip(self._threshold, _LEAST, _MOST, out=self._threshold)


def _around(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean around each point.

    A box, twice: what is learnt here is applied to what it was learnt from, and a single box answers some patterns with
    their opposite, which would grow from frame to frame.
    """
    size = (_AROUND, _AROUND)
    return np.asarray(cv2.blur(cv2.blur(grid, size), size), np.float32)


def reduced(image: Image) -> NDArray[np.uint8]:
    """A picture as the gate looks at it: grey, small, and cheap to make.

    Args:
        image: uint8, HxWx3 or HxW; colours are told by their green, half of which is skipped where there is much.

    Returns:
        uint8 (h, w), narrower than 256 pixels.

    """
    plane = image if image.ndim == 2 else image[..., 1]
    stride = 1
    while image.ndim == 3 and plane.shape[1] // stride >= 2 * _WIDEST:
        stride *= 2
    plane = np.ascontiguousarray(plane[::stride, ::stride])
    while plane.shape[1] >= _WIDEST:
        plane = _halved(plane)
    return plane


def _halved(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = plane.shape
    even = plane[: max(1, height // 2 * 2), : width // 2 * 2]  # whole pixels alone have a fast way
    return np.asarray(cv2.resize(even, (width // 2, max(1, height // 2)), interpolation=cv2.INTER_AREA), np.uint8)


def _cells(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mean of each cell, the last ones of rows and columns stretched."""
    height, width = mask.shape
    size = (max(1, width // _CELL), max(1, height // _CELL))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)


def _whole_things(covered: NDArray[np.bool_], moved: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the connected things, those of which any cell moved."""
    moved = covered & moved
    if not moved.any():
        return moved
    _, names = cv2.connectedComponents(covered.astype(np.uint8))
    return np.asarray(np.isin(names, np.unique(names[moved])), np.bool_)


def _boxes(cells: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom of the connected things, a cell around each, those that overlap made one."""
    if not cells.any():
        return []
    grown = cv2.dilate(cells.astype(np.uint8), _NEIGHBOURS)
    count, _, found, _ = cv2.connectedComponentsWithStats(grown)
    boxes = [(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, _ in found[1:count]]
    return _merged(boxes)


def _merged(boxes: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    whole: list[tuple[int, int, int, int]] = []
    for box in boxes:
        while touching := [other for other in whole if _touch(box, other)]:
            whole = [other for other in whole if other not in touching]
            parts = [box, *touching]
            box = (  # noqa: PLW2901 -- it grows until it touches nothing
                min(part[0] for part in parts),
                min(part[1] for part in parts),
                max(part[2] for part in parts),
                max(part[3] for part in parts),
            )
        whole.append(box)
    return whole


def _touch(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
