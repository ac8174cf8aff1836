"""Composed scenes: repeatable, within bounds, and their corners where the plates are."""

from __future__ import annotations

import numpy as np
import pytest

from export.synthetic import scene_backgrounds, scene_light, scene_plane
from export.synthetic.scene_plane import Plane
from export.synthetic.scene_plates import Stock
from export.synthetic.scene_vehicles import draw_vehicle
from export.synthetic.scenes import PADDING, Photograph, Sources, compose
from export.synthetic.strokes import stroke_face

SIZE = (384, 256)


@pytest.fixture(scope="module")
def sources() -> Sources:
    rng = np.random.default_rng(3)
    faces = [stroke_face(rng) for _ in range(3)]
    street = scene_backgrounds.made_up(rng, (640, 360))
    quad = np.array([[[300, 200], [360, 200], [360, 214], [300, 214]]], np.float32)
    return Sources(Stock(rng, faces, [], size=12), faces, [Photograph(street, quad)], [street])


def test_the_same_seed_gives_the_same_scene(sources: Sources) -> None:
    steady = Sources(_Fixed(), sources.faces, sources.frames, sources.backgrounds)  # type: ignore[arg-type]
    one, other = (compose(np.random.default_rng(8), steady, SIZE) for _ in range(2))
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.quads, other.quads)


class _Fixed:
    """A stock of one white plate with a black bar."""

    def take(self, rng: np.random.Generator) -> np.ndarray:
        rng.random()
        plate = np.full((80, 320, 3), 255, np.uint8)
        plate[20:60, 40:280] = 0
        return plate


def test_scenes_are_grey_pictures_of_the_size_asked_for_with_finite_corners(sources: Sources) -> None:
    for seed in range(60):
        scene = compose(np.random.default_rng(seed), sources, SIZE)
        assert scene.image.shape == (256, 384)
        assert scene.image.dtype == np.uint8
        assert scene.quads.shape == (len(scene.wanted), 4, 2)
        assert np.isfinite(scene.quads).all()


def test_wanted_plates_are_wide_enough_and_in_the_picture(sources: Sources) -> None:
    seen = 0
    for seed in range(80):
        scene = compose(np.random.default_rng(seed), sources, SIZE)
        for quad in scene.quads[scene.wanted]:
            seen += 1
            assert np.linalg.norm(quad[1] - quad[0]) > 9
            assert (quad.mean(axis=0) > 0).all()
            assert (quad.mean(axis=0) < SIZE).all()
    assert seen > 50


def test_corners_run_clockwise(sources: Sources) -> None:
    for seed in range(60):
        for quad in compose(np.random.default_rng(seed), sources, SIZE).quads:
            along, down = quad[1] - quad[0], quad[3] - quad[0]
            assert along[0] * down[1] > along[1] * down[0]


def test_some_scenes_have_no_plate_and_some_are_padded(sources: Sources) -> None:
    scenes = [compose(np.random.default_rng(seed), sources, SIZE) for seed in range(80)]
    assert any(len(scene.quads) == 0 for scene in scenes)
    assert any((scene.image[-8:] == PADDING).all() for scene in scenes)
    assert {scene.complete for scene in scenes} == {True, False}


def test_a_pasted_image_fills_its_corners_and_nothing_else() -> None:
    canvas = np.zeros((100, 200, 3), np.uint8)
    corners = np.array([[40, 30], [120, 30], [120, 50], [40, 50]], np.float32)
    scene_plane.paste(canvas, np.full((80, 320, 3), 200, np.uint8), corners)
    assert (canvas[32:48, 42:118] == 200).all()
    canvas[29:51, 39:121] = 0
    assert not canvas.any()


def test_pasting_outside_the_picture_changes_nothing() -> None:
    canvas = np.zeros((100, 200, 3), np.uint8)
    corners = np.array([[300, 30], [380, 30], [380, 50], [300, 50]], np.float32)
    scene_plane.paste(canvas, np.full((80, 320, 3), 200, np.uint8), corners)
    assert not canvas.any()


def test_a_planes_scale_is_its_pixels_a_unit() -> None:
    plane = Plane(np.zeros((10, 10, 3), np.uint8), np.diag([50.0, 50.0, 1.0]))
    assert plane.scale == pytest.approx(50)


@pytest.mark.parametrize("seed", range(12))
def test_a_vehicle_is_drawn_around_its_plate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    canvas = np.full((384, 640, 3), 127, np.uint8)
    mount = draw_vehicle(rng, canvas, (320, 200), 60, 4.5)
    corners = mount.plane.pixels(mount.corners(4.5))
    assert corners.mean(axis=0) == pytest.approx([320, 200], abs=6)
    assert np.linalg.norm(corners[1] - corners[0]) == pytest.approx(60, rel=0.45)
    assert (canvas != 127).any()


def test_light_keeps_a_picture_a_picture() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    for seed in range(40):
        seen = scene_light.photograph(np.random.default_rng(seed), ramp)
        assert seen.shape == ramp.shape
        assert seen.dtype == np.uint8
