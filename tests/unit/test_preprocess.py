"""Each preprocessing step on drawn strips: what it is meant to do, and that no picture breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_ocr import preprocess
from edge_ocr.config import DetectSettings, parse
from edge_ocr.errors import ConfigError

if TYPE_CHECKING:
    from edge_ocr.types import Image

TEXT = "KA05HS4495"


def strip(*, slope: float = 0.0, fat: int = 2, ink: int = 20, paper: int = 230) -> Image:
    """A strip of 48x160 with a text that falls by ``slope`` rows a column, its strokes fattened by ``fat`` pixels."""
    image = np.full((48, 160), paper, np.uint8)
    cv2.putText(image, TEXT, (8, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.8, ink, 1, cv2.LINE_AA)
    swell = cv2.erode if ink < paper else cv2.dilate
    image = np.asarray(swell(image, np.ones((fat + 1, fat + 1), np.uint8)), np.uint8)
    matrix = np.array([[1, 0, 0], [slope, 1, -slope * 79.5]])
    return np.asarray(cv2.warpAffine(image, matrix, (160, 48), borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.mark.parametrize("name", ["otsu", "sauvola"])
def test_binarisation_leaves_black_ink_and_white_paper(name: str) -> None:
    image = preprocess.STEPS[name](strip(ink=90, paper=150))
    assert set(np.unique(image)) == {0, 255}
    assert image[0, 0] == 255
    assert 0.05 < (image == 0).mean() < 0.5


def test_a_shadow_across_the_plate_costs_otsu_half_of_it_and_sauvola_nothing() -> None:
    light = np.linspace(1.0, 0.25, 160)
    shaded = np.clip(strip() * light, 0, 255).astype(np.uint8)
    paper = strip() > 150
    assert (preprocess.sauvola(shaded)[paper] == 255).mean() > 0.95
    assert (preprocess.otsu(shaded)[paper] == 255).mean() < 0.9


@pytest.mark.parametrize("name", ["median", "non-local-means"])
def test_noise_reduction_comes_nearer_to_the_picture_without_noise(name: str) -> None:
    rng = np.random.default_rng(1)
    clean = strip().astype(np.float64)
    noisy = clean + rng.normal(0, 12, clean.shape)
    noisy[rng.random(clean.shape) < 0.02] = 255
    taken = np.clip(noisy, 0, 255).astype(np.uint8)
    assert np.abs(preprocess.STEPS[name](taken) - clean).mean() < np.abs(taken - clean).mean()


def test_contrast_is_raised_where_it_was_low() -> None:
    faint = strip(ink=110, paper=130)
    assert preprocess.clahe(faint).std() > 1.5 * faint.std()


@pytest.mark.parametrize(("ink", "paper"), [(20, 230), (230, 20)])
def test_thin_strokes_become_wider_and_wide_ones_thinner_in_either_polarity(ink: int, paper: int) -> None:
    share = []
    for fat in (0, 5):
        image = strip(fat=fat, ink=ink, paper=paper)
        before, after = (np.abs(each.astype(float) - paper).mean() for each in (image, preprocess.stroke_width(image)))
        share.append(after / before)
    assert share[0] > 1.3
    assert share[1] < 0.9


@pytest.mark.parametrize("name", ["level-profile", "level-hough", "level-rectangle"])
@pytest.mark.parametrize("slope", [-0.12, -0.06, 0.0, 0.06, 0.12])
def test_a_line_that_climbs_or_falls_lies_level_afterwards(name: str, slope: float) -> None:
    image = strip(slope=slope)
    cv2.line(image, (0, round(43 - 79.5 * slope)), (159, round(43 + 79.5 * slope)), 20, 1, cv2.LINE_AA)  # a rim
    level = preprocess.STEPS[name](image)
    inked = [np.flatnonzero((level[:38, part] < 100).any(axis=1)) for part in (slice(5, 45), slice(115, 155))]
    assert abs(inked[0].mean() - inked[1].mean()) < 3


@pytest.mark.parametrize("name", list(preprocess.STEPS))
@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_even_strip_is_no_error(name: str, shade: int) -> None:
    image = np.full((48, 160), shade, np.uint8)
    assert preprocess.STEPS[name](image).shape == (48, 160)


@settings(max_examples=25, deadline=None)
@given(
    image=arrays.arrays(np.uint8, st.tuples(st.integers(8, 48), st.integers(8, 60))),
    name=st.sampled_from(list(preprocess.STEPS)),
)
def test_every_step_gives_a_grey_picture_of_the_same_size_and_leaves_its_own_alone(image: Image, name: str) -> None:
    before = image.copy()
    after = preprocess.STEPS[name](image)
    assert (after.shape, after.dtype.name) == (image.shape, "uint8")
    assert np.array_equal(image, before)


def test_steps_are_done_in_the_order_in_which_they_are_named() -> None:
    image = strip(ink=90, paper=150)
    assert np.array_equal(preprocess.prepared(image, ["median", "otsu"]), preprocess.otsu(preprocess.median(image)))
    assert preprocess.prepared(image, []) is image


def test_an_unknown_step_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="steps holds 'sharpen', but must hold some of otsu, "):
        preprocess.prepared(strip(), ["sharpen"])


def test_a_configuration_names_every_step_there_is_and_no_other() -> None:
    assert DetectSettings().preprocess == ()
    every = parse({"detect": {"preprocess": list(preprocess.STEPS)}}, origin="here")
    assert every.detect.preprocess == tuple(preprocess.STEPS)
    with pytest.raises(ConfigError, match=r"detect\.preprocess"):
        parse({"detect": {"preprocess": ["sharpen"]}}, origin="here")


def test_the_band_of_a_text_is_stretched_to_the_whole_height() -> None:
    image = np.full((48, 160), 230, np.uint8)
    cv2.putText(image, "California", (45, 8), cv2.FONT_HERSHEY_SIMPLEX, 0.3, 120, 1, cv2.LINE_AA)
    cv2.putText(image, TEXT, (8, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 20, 2, cv2.LINE_AA)
    before, after = (np.flatnonzero((each < 90).mean(axis=1) > 0.1) for each in (image, preprocess.band(image)))
    assert np.ptp(after) > 1.4 * np.ptp(before)
    assert 2 < after[0] < after[-1] < 46
