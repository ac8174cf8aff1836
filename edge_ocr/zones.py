"""Where a camera's texts are read: inside its zones, outside its masks.

Both are polygons in shares of the picture, so that they hold whatever its resolution is. A text is where the middle of
its quad is: a plate half inside a zone is in it or is not, and is never cut in two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.types import Region

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from edge_ocr.tables import Polygon
    from edge_ocr.types import Quad

_GRAIN = 256  # a polygon becomes a raster of so many points across and down, for regions


@dataclass(frozen=True, slots=True)
class Zones:
    """The zones and masks of one camera.

    Attributes:
        zones: polygons; a text must be in one of them. None means the whole picture.
        masks: polygons; a text must be in none of them.

    """

    zones: tuple[Polygon, ...] | None = None
    masks: tuple[Polygon, ...] = ()

    def hold(self, quad: Quad, width: int, height: int) -> bool:
        """Whether a text is to be read.

        Args:
            quad: in pixels.
            width: of the frame, in pixels.
            height: of the frame, in pixels.

        """
        x = sum(corner[0] for corner in quad.corners) / 4 / width
        y = sum(corner[1] for corner in quad.corners) / 4 / height
        inside = self.zones is None or any(_inside(polygon, x, y) for polygon in self.zones)
        return inside and not any(_inside(polygon, x, y) for polygon in self.masks)

    def within(self, regions: Iterable[Region], width: int, height: int) -> tuple[Region, ...]:
        """What is left of regions where nothing outside of zones counts.

        Args:
            regions: in pixels.
            width: of the frame, in pixels.
            height: of the frame, in pixels.

        Returns:
            Each cut down to the part in which something may be read; those without any are left out.

        """
        if self.zones is None and not self.masks:
            return tuple(regions)
        raster = self._raster()
        cut = (_cut(region, raster, width, height) for region in regions)
        return tuple(region for region in cut if region is not None)

    def bounds(self, width: int, height: int) -> Region:
        """The smallest region that holds all that is read; the whole frame where nothing is."""
        whole = Region(0, 0, width, height)
        return next(iter(self.within([whole], width, height)), whole)

    def _raster(self) -> NDArray[np.uint8]:
        """uint8 (grain, grain): 1 where something may be read."""
        raster = np.full((_GRAIN, _GRAIN), self.zones is None, np.uint8)
        for value, polygons in ((1, self.zones or ()), (0, self.masks)):
            for polygon in polygons:
                cv2.fillPoly(raster, [np.round(np.array(polygon) * (_GRAIN - 1)).astype(np.int32)], value)
        return raster


def _inside(polygon: Polygon, x: float, y: float) -> bool:
    """Whether a point is in a polygon, by the crossings of a ray from it to the right (even-odd)."""
    inside = False
    for (ax, ay), (bx, by) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (ay > y) != (by > y) and x < ax + (bx - ax) * (y - ay) / (by - ay):
            inside = not inside
    return inside


def _cut(region: Region, raster: NDArray[np.uint8], width: int, height: int) -> Region | None:
    left, right = region.left * _GRAIN // width, -(-region.right * _GRAIN // width)
    top, bottom = region.top * _GRAIN // height, -(-region.bottom * _GRAIN // height)
    part = raster[top:bottom, left:right]
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    if not len(rows):
        return None
    return Region(
        max(region.left, (left + int(columns[0])) * width // _GRAIN),
        max(region.top, (top + int(rows[0])) * height // _GRAIN),
        min(region.right, -(-(left + int(columns[-1]) + 1) * width // _GRAIN)),
        min(region.bottom, -(-(top + int(rows[-1]) + 1) * height // _GRAIN)),
    )
