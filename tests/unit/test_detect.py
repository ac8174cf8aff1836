"""The shipped plate detector on drawn scenes, and how its candidates become quads."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_ocr import detect
from edge_ocr.bundle import shipped_bundle
from edge_ocr.detect import Detector
from edge_ocr.errors import BundleError
from edge_ocr.reader import Reader
from edge_ocr.types import Kind, Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_ocr.bundle import Bundle
    from edge_ocr.types import Image, Quad

SCENES = Path(__file__).parents[1] / "data" / "scenes"
CORNERS = {
    name: np.array(quads, np.float64).reshape(-1, 4, 2)
    for name, quads in json.loads((SCENES / "corners.json").read_text("utf-8")).items()
}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return shipped_bundle(Kind.PLATE, task="detect")


@pytest.fixture(scope="module")
def detector(bundle: Bundle) -> Detector:
    return Detector(bundle)


def _scene(name: str) -> Image:
    image = cv2.imread(str(SCENES / f"{name}.jpg"), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return np.asarray(image, np.uint8)


def _corners(quads: list[Quad]) -> NDArray[np.float64]:
    return np.array([quad.corners for quad in quads]).reshape(-1, 4, 2)


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """IoU of the upright boxes around two quads."""
    low = np.maximum(one.min(axis=0), other.min(axis=0))
    high = np.minimum(one.max(axis=0), other.max(axis=0))
    shared = float(np.clip(high - low, 0, None).prod())
    return shared / (float(np.ptp(one, axis=0).prod() + np.ptp(other, axis=0).prod()) - shared)


@pytest.mark.parametrize("name", ["one", "tilted", "several", "far"])
def test_every_plate_of_a_scene_is_found_where_it_is(detector: Detector, name: str) -> None:
    found = _corners(detector(_scene(name)))
    for plate in CORNERS[name]:
        assert max(_overlap(plate, quad) for quad in found) >= 0.6


def test_plates_come_best_first_with_their_kind_and_a_score_between_0_and_1(detector: Detector) -> None:
    quads = detector(_scene("several"))
    scores = [quad.score for quad in quads]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 and quad.kind is Kind.PLATE for score, quad in zip(scores, quads, strict=True))


def test_corners_run_clockwise_from_the_texts_own_top_left(detector: Detector) -> None:
    plate = CORNERS["tilted"][0]
    best = _corners(detector(_scene("tilted")))[0]
    size = np.linalg.norm(plate[2] - plate[0])
    assert np.linalg.norm(best - plate, axis=1).max() < 0.15 * size
    along, down = best[1] - best[0], best[3] - best[0]
    assert along[0] * down[1] > along[1] * down[0]  # y points downwards, so this is clockwise


def test_bars_that_fill_a_scene_may_be_found_once_but_are_read_as_nothing(detector: Detector) -> None:
    assert len(detector(_scene("none"))) <= 1
    assert Reader(detector=detector, regions=["us"]).read(_scene("none")) == []


def test_grey_and_colour_of_the_same_picture_give_the_same(detector: Detector) -> None:
    grey = _scene("one")
    assert _corners(detector(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))) == pytest.approx(
        _corners(detector(grey)), abs=0.5
    )


def test_the_same_picture_gives_the_same_again(detector: Detector) -> None:
    first = detector(_scene("several"))
    detector(_scene("none"))
    assert detector(_scene("several")) == first


@pytest.mark.parametrize("size", [(1280, 768), (900, 540), (480, 288)])
def test_quads_are_in_pixels_of_the_frame_given(detector: Detector, size: tuple[int, int]) -> None:
    image = cv2.resize(_scene("one"), size, interpolation=cv2.INTER_AREA)
    plate = CORNERS["one"][0] * (size[0] / 640)
    assert max(_overlap(plate, quad) for quad in _corners(detector(np.asarray(image, np.uint8)))) >= 0.6


def test_a_plate_far_too_small_in_the_whole_frame_is_found_in_a_tile(detector: Detector) -> None:
    panorama = np.full((1500, 6000), 90, np.uint8)
    panorama[700:1084, 3100:3740] = _scene("one")
    plate = CORNERS["one"][0] + [3100, 700]
    assert max(_overlap(plate, quad) for quad in _corners(detector(panorama))) >= 0.6


def _around(corners: NDArray[np.float64], margin: float) -> Region:
    """A region around a plate, ``margin`` times its size wider on each side."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    grown = margin * (high - low)
    left, top, right, bottom = (int(side) for side in (*(low - grown), *(high + grown)))
    return Region(left, top, right, bottom)


def test_only_what_lies_in_a_region_is_found_and_told_in_pixels_of_the_frame(detector: Detector) -> None:
    scene = np.asarray(cv2.resize(_scene("several"), (1280, 768), interpolation=cv2.INTER_LINEAR), np.uint8)
    for plate in CORNERS["several"] * 2:
        found = _corners(detector(scene, regions=[_around(plate, 0.5)]))
        assert len(found) == 1
        assert _overlap(plate, found[0]) >= 0.5


def test_regions_together_find_what_the_whole_frame_does(detector: Detector) -> None:
    scene = _scene("several")
    regions = [_around(plate, 0.3) for plate in CORNERS["several"]]
    found = _corners(detector(scene, regions=regions))
    for plate in CORNERS["several"]:
        assert max(_overlap(plate, quad) for quad in found) >= 0.6


def test_a_region_that_is_the_whole_frame_changes_nothing(detector: Detector) -> None:
    assert detector(_scene("several"), regions=[Region(0, 0, 640, 384)]) == detector(_scene("several"))


@pytest.mark.parametrize(
    "regions", [[], [Region(2000, 0, 2100, 50)], [Region(-50, -50, 0, 0)], [Region(10, 10, 10, 60)]]
)
def test_nothing_is_computed_where_no_region_has_a_pixel_of_the_frame(
    bundle: Bundle, regions: list[Region], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = Detector(bundle)
    monkeypatch.setattr(detector, "_engine", None)
    assert detector(_scene("several"), regions=regions) == []


def test_a_small_region_of_a_large_frame_shows_plates_too_small_in_the_whole(detector: Detector) -> None:
    large = np.full((1080, 1920), 90, np.uint8)
    small = np.asarray(cv2.resize(_scene("one"), (320, 192), interpolation=cv2.INTER_AREA), np.uint8)
    large[500:692, 900:1220] = small
    plate = CORNERS["one"][0] / 2 + [900, 500]
    found = _corners(detector(large, regions=[Region(850, 450, 1250, 750)]))
    assert max(_overlap(plate, quad) for quad in found) >= 0.6


def test_only_tiles_that_a_region_meets_are_read(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Detector(bundle)
    engine, calls = detector._engine, []
    monkeypatch.setattr(engine, "run", lambda values, run=engine.run: calls.append(1) or run(values))
    panorama = np.full((1500, 6000), 90, np.uint8)
    detector(panorama)
    every = len(calls)
    detector(panorama, regions=[Region(0, 0, 100, 100), Region(5900, 1400, 6000, 1500)])
    assert 3 <= len(calls) - every < every


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (2, 5000), (5000, 2), (64, 64)])
def test_frames_of_odd_shapes_without_a_plate_give_none(detector: Detector, shape: tuple[int, ...]) -> None:
    assert detector(np.full(shape, 128, np.uint8)) == []


@pytest.mark.parametrize("shape", [(0, 0), (0, 640), (48, 64, 4), (48, 64, 1), (48,), (2, 48, 64, 3)])
def test_an_image_of_another_shape_is_refused(detector: Detector, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="image must be HxWx3 or HxW"):
        detector(np.zeros(shape, np.uint8))


def test_an_image_of_another_type_is_refused(detector: Detector) -> None:
    with pytest.raises(TypeError, match="image must be a uint8 array, not float64"):
        detector(np.zeros((48, 64)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="image must be a uint8 array, not list"):
        detector([[0]])  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1.0, float("nan")])
def test_a_threshold_out_of_range_is_refused(bundle: Bundle, threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold is"):
        Detector(bundle, threshold=threshold)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("threshold", value) for value in (0, 1, -1, 1.5, float("nan"), "0.4", True, None)),
        *(("merge", value) for value in (0, -0.3, 1.01, float("nan"), [0.3])),
        *(("reduction", value) for value in (0, 0.5, -3, float("nan"), "3")),
        *(("margin", value) for value in (-0.6, 2, float("nan"))),
        *(("ends", value) for value in (-1, float("nan"))),
        *(("strides", value) for value in (8, [], [0], [float("inf")], ["8"], None)),
        *(("unit", value) for value in (4.0, [4.0], [4.0, 2.0, 1.0], [4.0, 0.0])),
    ],
)
def test_a_setting_of_the_bundle_out_of_its_range_is_told_by_its_name(bundle: Bundle, name: str, value: object) -> None:
    broken = dataclasses.replace(bundle, settings={**bundle.settings, name: value})
    with pytest.raises(
        BundleError, match=rf"^plate-detector/model.toml: \[detect\] {name} is .*; export the bundle again$"
    ):
        Detector(broken)


def test_a_lower_threshold_finds_at_least_as_much(bundle: Bundle, detector: Detector) -> None:
    assert len(Detector(bundle, threshold=0.05)(_scene("several"))) >= len(detector(_scene("several")))


def test_a_bundle_without_a_setting_is_refused(bundle: Bundle) -> None:
    settings = {key: value for key, value in bundle.settings.items() if key != "merge"}
    with pytest.raises(
        BundleError, match=r"^plate-detector/model.toml: \[detect\] merge is missing, .*; export the bundle"
    ):
        Detector(dataclasses.replace(bundle, settings=settings))


def test_a_bundle_whose_network_has_other_maps_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="no output maps for stride 4"):
        Detector(dataclasses.replace(bundle, settings={**bundle.settings, "strides": [4]}))


def _box(x: float, y: float, width: float, height: float) -> list[list[float]]:
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def _merge(
    *candidates: tuple[list[list[float]], float], ends: float = 0.0, centres: tuple[float, ...] | None = None
) -> list[tuple[list[list[float]], float]]:
    """What remains of candidates; ``centres`` are the columns of their cells, in the row of 10."""
    corners = np.array([corners for corners, _ in candidates], np.float32).reshape(-1, 4, 2)
    scores = np.array([score for _, score in candidates], np.float32)
    cells = corners.mean(axis=1) if centres is None else np.array([(x, 10) for x in centres], np.float32)
    merged, kept = detect._merged(detect._Found(corners, scores, cells), 0.3, ends)
    return list(zip(merged.astype(float).round(2).tolist(), kept.astype(float).round(3).tolist(), strict=True))


def test_who_stands_near_an_end_of_a_long_text_knows_it_best() -> None:
    left, right = (_box(0, 0, 180, 20), 0.9), (_box(20, 0, 180, 20), 0.9)
    ((even, _),) = _merge(left, right, centres=(10, 190))
    ((near, _),) = _merge(left, right, centres=(10, 190), ends=2.0)
    ((far, _),) = _merge(left, right, centres=(190, 10), ends=2.0)
    assert even == _box(10, 0, 180, 20)
    assert near[0][0] < 3
    assert near[1][0] > 197
    assert far[0][0] > 17
    assert far[1][0] < 183
    assert [y for _, y in near] == [0, 0, 20, 20]


def test_one_candidate_alone_is_what_it_says_wherever_it_stands() -> None:
    assert _merge((_box(5, 0, 100, 20), 0.7), centres=(90,), ends=2.0) == [(_box(5, 0, 100, 20), 0.7)]
    assert len(_merge((_box(0, 0, 0, 0), 0.7), ends=2.0)) == 1


@pytest.mark.parametrize("turn", [-8.0, 0.0, 8.0])
def test_each_word_of_a_board_is_found_where_it_stands(turn: float) -> None:
    texts = {"HARBOUR": (340.0, 290.0), "STREET": (680.0, 290.0), "42": (340.0, 390.0)}
    noise = np.random.default_rng(0).normal(150, 4, (720, 1280))
    image = np.clip(noise, 0, 255).astype(np.uint8)
    cv2.rectangle(image, (300, 200), (980, 420), 40, -1)
    for text, (x, y) in texts.items():
        cv2.putText(image, text, (int(x), int(y)), cv2.FONT_HERSHEY_DUPLEX, 2, 230, 4, cv2.LINE_AA)
    matrix = cv2.getRotationMatrix2D((640, 360), turn, 1)
    seen = np.asarray(cv2.warpAffine(image, matrix, (1280, 720), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    quads = Detector(shipped_bundle(Kind.WORD, task="detect"), kind=Kind.WORD)(seen)
    assert {quad.kind for quad in quads} == {Kind.WORD}
    for text, (x, y) in texts.items():
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 2, 4)
        flat = np.array(_box(x, y - height, width, height)) @ matrix[:, :2].T + matrix[:, 2]
        assert max(_overlap(flat, corners) for corners in _corners(quads)) >= 0.6


def test_nothing_merges_to_nothing() -> None:
    assert _merge() == []


def test_candidates_that_agree_are_averaged_by_the_square_of_their_scores() -> None:
    assert _merge((_box(100, 50, 40, 10), 0.9), (_box(102, 50, 40, 10), 0.45)) == [(_box(100.4, 50, 40, 10), 0.9)]


def test_candidates_apart_stay_apart_best_first() -> None:
    near, far = _box(0, 0, 40, 10), _box(100, 0, 40, 10)
    assert _merge((near, 0.5), (far, 0.8)) == [(far, 0.8), (near, 0.5)]


def test_a_part_of_a_better_candidate_is_dropped_and_does_not_shift_it() -> None:
    whole, half = _box(0, 0, 40, 10), _box(0, 0, 18, 9)
    assert _merge((whole, 0.8), (half, 0.7)) == [(whole, 0.8)]


def test_of_two_that_overlap_by_a_third_the_better_stays() -> None:
    one, other = _box(0, 0, 40, 10), _box(20, 0, 40, 10)
    assert _merge((one, 0.5), (other, 0.6)) == [(other, 0.6)]


def test_two_lines_of_a_tilted_board_are_two_although_the_boxes_around_them_overlap() -> None:
    turn = np.array([[np.cos(0.5), np.sin(0.5)], [-np.sin(0.5), np.cos(0.5)]])
    upper, lower = ((np.array(_box(0, y, 80, 10)) @ turn).tolist() for y in (0, 14))
    assert _overlap(np.array(upper), np.array(lower)) > 0.3
    assert [score for _, score in _merge((upper, 0.8), (lower, 0.7))] == [0.8, 0.7]


def test_a_candidate_without_an_area_does_no_harm() -> None:
    flat, plate = _box(0, 0, 40, 0), _box(100, 0, 40, 10)
    assert _merge((flat, 0.8), (plate, 0.5)) == [(flat, 0.8), (plate, 0.5)]


@pytest.mark.parametrize("turn", [0.0, 0.3])
def test_a_margin_reaches_beyond_a_quad_by_a_share_of_its_height_on_every_side(turn: float) -> None:
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    tight, loose = (np.array(_box(*box)) @ turned for box in ((10, 10, 40, 10), (9, 9, 42, 12)))
    grown = detect._grown(np.array([tight, tight], np.float32), 0.1)
    assert grown == pytest.approx(np.array([loose, loose]), abs=1e-4)
    assert len(detect._grown(np.zeros((0, 4, 2), np.float32), 0.1)) == 0


def test_quads_are_of_the_kind_that_is_asked_for(bundle: Bundle) -> None:
    assert {quad.kind for quad in Detector(bundle, kind=Kind.SIGN)(_scene("several"))} == {Kind.SIGN}


@pytest.mark.parametrize("length", [1, 1279, 1280, 1281, 2000, 4096, 12000])
def test_tiles_cover_a_length_and_overlap(length: int) -> None:
    tile = 1280
    starts = detect._starts(length, tile)
    assert starts[0] == 0
    assert starts[-1] == max(0, length - tile)
    assert all(0 < after - before <= 0.75 * tile + 1 for before, after in pairwise(starts))
