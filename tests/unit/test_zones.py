"""Zones and masks: what lies where, at any resolution."""

from __future__ import annotations

import pytest

from edge_ocr.types import Kind, Quad, Region
from edge_ocr.zones import Zones

_LOWER_HALF = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
_TRIANGLE = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
_NOTCHED = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.2), (0.0, 1.0))


def _plate(x: float, y: float) -> Quad:
    return Quad(((x - 30, y - 10), (x + 30, y - 10), (x + 30, y + 10), (x - 30, y + 10)), Kind.PLATE, 0.9)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1920, 1080), (33, 57)])
@pytest.mark.parametrize(
    ("zones", "x", "y", "held"),
    [
        (Zones(), 0.5, 0.5, True),
        (Zones((_LOWER_HALF,)), 0.5, 0.6, True),
        (Zones((_LOWER_HALF,)), 0.5, 0.4, False),
        (Zones((_LOWER_HALF, _TRIANGLE)), 0.2, 0.2, True),
        (Zones((_LOWER_HALF, _TRIANGLE)), 0.4, 0.4, False),
        (Zones((_NOTCHED,)), 0.5, 0.5, False),
        (Zones((_NOTCHED,)), 0.05, 0.5, True),
        (Zones(masks=(_TRIANGLE,)), 0.2, 0.2, False),
        (Zones(masks=(_TRIANGLE,)), 0.6, 0.2, True),
        (Zones((_LOWER_HALF,), (_LOWER_HALF,)), 0.5, 0.6, False),
    ],
)
def test_a_text_is_where_its_middle_is(zones: Zones, x: float, y: float, held: bool, width: int, height: int) -> None:
    assert zones.hold(_plate(x * width, y * height), width, height) is held


def test_a_plate_beyond_the_edge_is_in_no_zone() -> None:
    assert not Zones((_LOWER_HALF,)).hold(_plate(-20, 400), 640, 480)


def test_regions_are_cut_down_to_where_something_may_be_read() -> None:
    zones = Zones((_LOWER_HALF,))
    inside, across, outside = Region(10, 300, 90, 400), Region(100, 100, 200, 400), Region(0, 0, 640, 200)
    kept, cut = zones.within([inside, across, outside], 640, 480)
    assert kept == inside
    assert (cut.left, cut.right, cut.bottom) == (100, 200, 400)
    assert 235 <= cut.top <= 240


def test_a_masked_region_is_left_out() -> None:
    assert Zones(masks=(_LOWER_HALF,)).within([Region(10, 300, 90, 400)], 640, 480) == ()


def test_without_zones_and_masks_regions_stay_as_they_are() -> None:
    regions = (Region(0, 0, 1, 1), Region(5, 5, 640, 480))
    assert Zones().within(regions, 640, 480) == regions


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1921, 1081), (30, 20)])
def test_no_region_ever_grows_or_leaves_the_frame(width: int, height: int) -> None:
    zones = Zones((_TRIANGLE, _NOTCHED), (_LOWER_HALF,))
    region = Region(width // 10, 0, width, height - 1)
    (cut,) = zones.within([region], width, height)
    assert region.left <= cut.left < cut.right <= region.right
    assert region.top <= cut.top < cut.bottom <= region.bottom
    for share in range(100):  # whatever may be read in the region is in what is left of it
        x, y = width * (0.1 + 0.9 * share / 100), height * 0.49 * (share % 10) / 10
        if zones.hold(_plate(x, y), width, height):
            assert cut.left <= x <= cut.right
            assert cut.top <= y <= cut.bottom


def test_bounds_hold_all_zones() -> None:
    bounds = Zones((_LOWER_HALF,)).bounds(640, 480)
    assert (bounds.left, bounds.right, bounds.bottom) == (0, 640, 480)
    assert 235 <= bounds.top <= 240
    assert Zones(masks=(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),)).bounds(64, 48) == Region(0, 0, 64, 48)
