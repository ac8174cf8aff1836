"""A script that was written for EasyOCR, run with this package in its place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_ocr.bundle import load_bundle
from edge_ocr.compat import easyocr
from edge_ocr.errors import SourceError
from edge_ocr.types import Kind, Quad, corners_of

BUNDLE = replace(load_bundle(Path(__file__).parents[1] / "data/bundles/tiny", task="recognise"), kind=Kind.SIGN)


def text_of(columns: str) -> np.ndarray:
    """A picture of 8x32 on which the tiny recogniser sees '#' as A, ' ' as B and '.' as nothing."""
    shades = np.array([{"#": 0, ".": 128, " ": 255}[column] for column in columns], np.uint8)
    return np.tile(np.repeat(shades, 2), (8, 1))


AB, BA = text_of("..###......   .."), text_of("..   .....###...")
LOWER, UPPER = (70.0, 40.0), (10.0, 5.0)


def quad_at(x: float, y: float, *, drop: float = 0.0) -> Quad:
    corners = [(x, y), (x + 32, y + drop), (x + 32, y + 8 + drop), (x, y + 8)]
    return Quad(corners_of(corners), Kind.SIGN, 0.9)


@pytest.fixture
def image() -> np.ndarray:
    """Two texts far from each other, the lower one first to be found."""
    picture = np.full((60, 120, 3), 128, np.uint8)
    for text, (x, y) in ((AB, UPPER), (BA, LOWER)):
        picture[round(y) : round(y) + 8, round(x) : round(x) + 32] = text[:, :, None]
    return picture


def reader(*quads: Quad, languages: Any = ("en",), **options: Any) -> easyocr.Reader:
    found = quads or (quad_at(*LOWER), quad_at(*UPPER))
    return easyocr.Reader(list(languages), bundle=BUNDLE, find=lambda _: list(found), **options)


def test_a_script_of_easyocr_runs_as_it_stands(image: np.ndarray) -> None:
    lines = []
    for (top_left, top_right, bottom_right, bottom_left), text, confidence in reader(gpu=False).readtext(image):
        assert top_left[1] == top_right[1]
        assert bottom_left[0] == top_left[0] < bottom_right[0]
        lines.append((text, confidence >= 0.25, tuple(map(int, top_left))))
    assert lines == [("AB", True, (10, 5)), ("BA", True, (70, 40))]


def test_results_have_its_exact_shape(image: np.ndarray) -> None:
    (first, _) = reader().readtext(image)
    assert isinstance(first, tuple)
    assert first[0] == [[10, 5], [42, 5], [42, 13], [10, 13]]
    assert all(type(value) is int for corner in first[0] for value in corner)
    assert (type(first[1]), type(first[2])) == (str, float)


def test_without_detail_there_are_texts_alone(image: np.ndarray) -> None:
    assert reader().readtext(image, detail=0) == ["AB", "BA"]
    assert reader().readtext(image, detail=0, paragraph=True) == ["AB", "BA"]


def test_a_paragraph_is_a_list_of_a_box_and_its_text(image: np.ndarray) -> None:
    image[16:24, 10:42] = BA[:, :, None]
    near = reader(quad_at(10, 16), quad_at(*UPPER))
    assert near.readtext(image, paragraph=True) == [[[[10, 5], [42, 5], [42, 24], [10, 24]], "AB BA"]]


def test_a_slanted_box_has_floats_and_its_own_corners(image: np.ndarray) -> None:
    ((box, _, _),) = reader(quad_at(10.5, 5, drop=6)).readtext(image)
    assert box[1] == [42.5, 11.0]


def test_words_that_touch_are_one_line(image: np.ndarray) -> None:
    image[5:13, 46:78] = BA[:, :, None]
    ((box, text, _),) = reader(quad_at(46, 5), quad_at(*UPPER)).readtext(image)
    assert (text, box) == ("AB BA", [[10, 5], [78, 5], [78, 13], [10, 13]])


@pytest.mark.parametrize(("shape", "parse"), [("dict", lambda item: item), ("json", json.loads)])
def test_other_formats_have_its_keys(shape: str, parse: Any, image: np.ndarray) -> None:
    first = parse(reader().readtext(image, output_format=shape)[0])
    assert list(first) == ["boxes", "text", "confident"]
    assert (first["boxes"][2], first["text"]) == ([42, 13], "AB")
    joined = parse(reader().readtext(image, output_format=shape, paragraph=True)[0])
    assert list(joined) == ["boxes", "text"]


def test_only_allowed_characters_are_read(image: np.ndarray) -> None:
    assert reader().readtext(image, allowlist="A", detail=0) == ["A", "A"]
    assert reader().readtext(image, blocklist="A", detail=0) == ["B", "B"]


def test_small_boxes_are_left_out(image: np.ndarray) -> None:
    assert reader().readtext(image, min_size=40) == []


def test_an_image_comes_as_whatever_easyocr_takes(image: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "street.png"
    cv2.imwrite(str(path), image)
    grey = image[:, :, 0]
    with_alpha = np.dstack([image, np.full(grey.shape, 255, np.uint8)])
    for given in (str(path), path, path.read_bytes(), image, grey, grey[:, :, None], with_alpha, Picture(image)):
        assert reader().readtext(given, detail=0) == ["AB", "BA"]


class Picture:
    """As far as it matters, a picture of PIL's."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def convert(self, mode: str) -> np.ndarray:
        assert mode == "RGB"
        return self.pixels


def test_what_changes_nothing_need_not_be_taken_out(image: np.ndarray) -> None:
    tuned = reader(model_storage_directory="models", verbose=False, quantize=True)
    found = tuned.readtext(image, "beamsearch", 10, batch_size=4, text_threshold=0.5, mag_ratio=2.0, width_ths=0.7)
    assert [item[1] for item in found] == ["AB", "BA"]


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"rotation_info": [90, 180]}, ValueError, "rotation_info"),
        ({"output_format": "free_merge"}, ValueError, "output_format"),
        ({"detial": 0}, TypeError, "detial"),
        ({"allowlist": "\u4e2d"}, ValueError, "allowlist"),
        ({"blocklist": BUNDLE.settings["alphabet"]}, ValueError, "blocklist"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(arguments: dict[str, Any], error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        reader().readtext(AB, **arguments)


@pytest.mark.parametrize("image", [None, 3, "https://example.org/street.jpg", np.zeros((2, 2, 2, 3), np.uint8)])
def test_what_is_no_image_is_refused(image: Any) -> None:
    with pytest.raises(ValueError, match="image"):
        reader().readtext(image)


@pytest.mark.parametrize("image", ["nowhere.jpg", b"", b"no picture"])
def test_an_image_that_cannot_be_read_is_an_error_of_the_source(image: Any) -> None:
    with pytest.raises(SourceError):
        reader().readtext(image)


def test_languages_in_other_letters_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'ja'.* af, az, bs, .*, tl, tr, uz$"):
        reader(languages=("en", "ja"))
    with pytest.raises(ValueError, match="at least one"):
        reader(languages=())
    with pytest.raises(TypeError, match="graphics"):
        reader(graphics=True)


def test_english_alone_has_no_accents() -> None:
    accented = replace(BUNDLE, settings={**BUNDLE.settings, "alphabet": BUNDLE.settings["alphabet"][:-1] + "é"})
    english, french = (easyocr.Reader(codes, bundle=accented) for codes in (["en"], ["fr", "en"]))
    assert "é" not in english.lang_char
    assert "é" in french.lang_char
