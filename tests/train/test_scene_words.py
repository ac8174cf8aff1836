"""Composed scenes of words: repeatable, within bounds, and their corners where the ink is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest

from export.synthetic import scene_backgrounds
from export.synthetic.scene_lines import Lettering, Line
from export.synthetic.scene_words import LOWEST, Sources, compose, reduced
from export.synthetic.sign_fonts import Typeface, load_typefaces
from export.synthetic.sign_texts import Writer

if TYPE_CHECKING:
    from export.synthetic.scenes import Scene

FONTS = Path(mpl.get_data_path()) / "fonts/ttf"
SIZE = (384, 256)


@pytest.fixture(scope="module")
def typefaces() -> list[Typeface]:
    return [face for face in load_typefaces(FONTS) if face.path.name.startswith("DejaVu")]


@pytest.fixture(scope="module")
def sources(typefaces: list[Typeface]) -> Sources:
    rng = np.random.default_rng(3)
    street = scene_backgrounds.made_up(rng, (1280, 720))
    plate = np.array([[[600, 400], [720, 400], [720, 428], [600, 428]]], np.float32)
    lettering = Lettering(rng, typefaces, Writer(["market", "house"]), size=20)
    return Sources(lettering, [reduced(street, plate)], [street])


@pytest.fixture(scope="module")
def scenes(sources: Sources) -> list[Scene]:
    return [compose(np.random.default_rng(seed), sources, SIZE) for seed in range(80)]


def test_each_word_of_a_line_has_a_box_that_its_ink_fills(typefaces: list[Typeface]) -> None:
    for spread in (0.0, 0.3):
        mask, boxes = typefaces[0].words("To the lake", spread=spread)
        assert len(boxes) == 3
        assert (boxes[1:, 0] > boxes[:-1, 2]).all()
        for x0, y0, x1, y1 in boxes.astype(int):
            ink = mask[y0:y1, x0:x1] > 24
            assert ink.any(axis=0)[[0, -1]].all()
            assert ink.any(axis=1)[[0, -1]].all()
        between = mask[:, int(boxes[0, 2]) : int(boxes[1, 0])]
        assert between.size
        assert between.max() <= 24


def test_a_line_with_its_words_is_drawn_as_the_line_alone(typefaces: list[Typeface]) -> None:
    np.testing.assert_array_equal(typefaces[0].words("To the lake")[0], typefaces[0].draw("To the lake"))


def test_a_line_without_ink_has_no_words(typefaces: list[Typeface]) -> None:
    mask, boxes = typefaces[0].words(" ")
    assert mask.size == 0
    assert boxes.shape == (0, 4)


def test_lettering_keeps_boxes_within_its_masks(sources: Sources) -> None:
    rng = np.random.default_rng(5)
    lines = [line for _ in range(40) for line in sources.stock.take(rng)]
    assert any(len(line.boxes) > 1 for line in lines)
    for line in lines:
        rows, columns = line.mask.shape
        assert (line.boxes[:, :2] >= -1).all()
        assert (line.boxes[:, 2:] <= [columns + 1, rows + 1]).all()


def test_scenes_are_grey_pictures_of_the_size_asked_for_with_finite_corners(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert scene.image.shape == (256, 384)
        assert scene.image.dtype == np.uint8
        assert scene.quads.shape == (len(scene.wanted), 4, 2)
        assert np.isfinite(scene.quads).all()


def test_wanted_words_are_high_enough_and_stand_out(scenes: list[Scene]) -> None:
    deviations = []
    for scene in scenes:
        for quad in scene.quads[scene.wanted]:
            high = np.linalg.norm(quad[3] - quad[0] + quad[2] - quad[1]) / 2
            assert high >= LOWEST
            low, top = np.maximum(quad.min(axis=0), 0).astype(int), quad.max(axis=0).astype(int)
            deviations.append(scene.image[low[1] : top[1] + 1, low[0] : top[0] + 1].std())
    assert len(deviations) > 150
    assert np.median(deviations) > 12


def test_corners_run_clockwise(scenes: list[Scene]) -> None:
    for quad in np.concatenate([scene.quads for scene in scenes]):
        along, down = quad[1] - quad[0], quad[3] - quad[0]
        assert along[0] * down[1] > along[1] * down[0]


def test_some_scenes_have_no_word_and_some_may_hold_words_that_nobody_labelled(scenes: list[Scene]) -> None:
    assert any(len(scene.quads) == 0 for scene in scenes)
    assert {scene.complete for scene in scenes} == {True, False}


def test_plates_on_photographs_are_neither_asked_for_nor_wrong(sources: Sources) -> None:
    frame = sources.frames[0]
    assert frame.image.shape == (360, 640, 3)
    bare = Sources(_Blank(), [frame], [])  # type: ignore[arg-type]
    scenes = [compose(np.random.default_rng(seed), bare, SIZE) for seed in range(60)]
    assert any(len(scene.quads) for scene in scenes)
    assert not any(scene.wanted.any() for scene in scenes)


class _Blank:
    """A stock whose lines have no words."""

    def take(self, rng: np.random.Generator) -> list[Line]:
        rng.random()
        return [Line(np.zeros((40, 80), np.uint8), np.zeros((0, 4), np.float32))]
