"""A script that was written for EasyOCR, run with this package in its place."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_ocr.bundle import load_bundle, shipped_bundle
from edge_ocr.compat import easyocr
from edge_ocr.engine import Engine
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


def test_words_of_a_language_that_is_asked_for_are_likelier() -> None:
    english = replace(BUNDLE, settings=BUNDLE.settings | {"language": "en"})
    weights = {}
    for codes in (("en",), ("de",), ("de", "en")):
        read = easyocr.Reader(list(codes), bundle=english, find=lambda _: [])
        weights[codes] = [read._reader_of(allowed, None).grammar.weight("STREET") for allowed in (None, "ESTR", "0")]
    assert weights == {("en",): [6, 6, -inf], ("de",): [0, 0, -inf], ("de", "en"): [6, 6, -inf]}


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


def test_slanted_lines_come_last_but_where_they_are_to_be_merged(image: np.ndarray) -> None:
    found = reader(quad_at(*UPPER, drop=6), quad_at(*LOWER))
    assert [item[1] for item in found.readtext(image)] == ["BA", "AB"]
    assert [item[1] for item in found.readtext(image, output_format="free_merge")] == ["AB", "BA"]
    slanted_sign = found.readtext(image, paragraph=True)[0][0]
    assert all(type(value) is int for corner in slanted_sign for value in corner)


def seeing(picture: np.ndarray, ways: dict[int, Quad]) -> easyocr.Reader:
    """A reader that finds a quad in a picture turned counterclockwise by so many quarters."""

    def find(image: np.ndarray) -> list[Quad]:
        return [quad for quarters, quad in ways.items() if np.array_equal(image, np.rot90(picture, quarters))]

    return easyocr.Reader(["en"], bundle=BUNDLE, find=find)


@pytest.mark.parametrize(
    ("quarters", "box"),
    [
        (1, [[47, 10], [55, 10], [55, 42], [47, 42]]),
        (2, [[78, 47], [110, 47], [110, 55], [78, 55]]),
        (3, [[5, 78], [13, 78], [13, 110], [5, 110]]),
    ],
)
def test_a_text_that_stands_on_its_side_is_found_where_it_is(quarters: int, box: Any, image: np.ndarray) -> None:
    standing = np.ascontiguousarray(np.rot90(image, -quarters))
    found = seeing(standing, {quarters: quad_at(*UPPER)})
    assert [item[:2] for item in found.readtext(standing, rotation_info=[90, 180, 270])] == [(box, "AB")]
    assert found.readtext(standing) == []


def test_of_what_is_read_several_ways_in_one_place_a_word_outweighs_a_letter_of_it(image: np.ndarray) -> None:
    standing = np.ascontiguousarray(np.rot90(image, 2))
    letter = Quad(corners_of([(101, 48), (105, 48), (105, 54), (101, 54)]), Kind.SIGN, 0.9)
    assert seeing(standing, {0: letter}).readtext(standing, detail=0, min_size=0) == ["A"]
    both = seeing(standing, {0: letter, 2: quad_at(*UPPER)})
    assert both.readtext(standing, detail=0, min_size=0, rotation_info=[180]) == ["AB"]


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
        ({"rotation_info": [90, 45]}, ValueError, "rotation_info.*45"),
        ({"rotation_info": 45}, ValueError, "rotation_info.*45"),
        ({"rotation_info": "90"}, ValueError, "rotation_info.*'9'"),
        ({"output_format": "xml"}, ValueError, "output_format"),
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


@pytest.mark.parametrize("shape", [(8, 32), (8, 32, 3), (8, 32, 4)])
@pytest.mark.parametrize("kind", [np.float32, np.int32, np.bool_])
def test_an_array_of_another_type_is_refused_before_anything_is_made_of_it(shape: tuple[int, ...], kind: type) -> None:
    picture = np.zeros(shape, kind)
    for ask in (reader().readtext, reader().detect, reader().recognize, reader().readtext_batched):
        with pytest.raises(TypeError, match="uint8"):
            ask(picture)
    with pytest.raises(TypeError, match="uint8"):
        reader().readtext_batched([picture], 16, 16)


@pytest.mark.parametrize("image", ["nowhere.jpg", b"", b"no picture"])
def test_an_image_that_cannot_be_read_is_an_error_of_the_source(image: Any) -> None:
    with pytest.raises(SourceError):
        reader().readtext(image)


def test_languages_in_other_letters_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'ja'.* af, bs, cs, .*, tl, tr, uz$"):
        reader(languages=("en", "ja"))
    with pytest.raises(ValueError, match="at least one"):
        reader(languages=())
    with pytest.raises(TypeError, match="graphics"):
        reader(graphics=True)


LETTERS = """
    af:áèéêëîïôöúû az:çəğıöşü bs:čćđšž cs:áčďéěíňóřšťúůýž cy:âêîïôûŵŷ da:åæø de:äöüß en: es:áéíñóúü et:äõöüšž
    fr:àâæçéèêëîïôœùûüÿ ga:áéíóú hr:čćđšž hu:áéíóöőúüű id: is:áæðéíóöúýþ it:àèéìîòù ku:çêîşû la: lt:ąčęėįšųūž
    lv:āčēģīķļņšūž mi:āēīōū ms: mt:àċèġħìòùż nl:áäéëíïóöúü no:àåæéêòóôø oc:àáçèéíïòóúü pi:āḍīḷṃñṅṇṭū pl:ąćęłńóśźż
    pt:áâãàçéêíóôõú ro:ăâîșț rs_latin:čćđšž sk:áäčďéíĺľňóôŕšťúýž sl:čšž sq:çë sv:àåäéö sw: tl:ñ tr:âçğıîöşüû uz:
    vi:ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ
"""
"""Of EasyOCR's languages in Latin letters those beyond a to z that their words need."""


def test_a_language_is_taken_where_all_its_letters_are_known_and_no_other() -> None:
    known = set(shipped_bundle(Kind.SIGN, task="recognise").settings["alphabet"])
    needed = dict(pair.split(":") for pair in LETTERS.split())
    assert {code for code, letters in needed.items() if set(letters) <= known} == easyocr.LANGUAGES


def test_english_alone_has_no_accents() -> None:
    accented = replace(BUNDLE, settings={**BUNDLE.settings, "alphabet": BUNDLE.settings["alphabet"][:-1] + "é"})
    english, french = (easyocr.Reader(codes, bundle=accented) for codes in (["en", "en"], ["fr", "en"]))
    assert "é" not in english.lang_char
    assert "é" in french.lang_char


def test_boxes_are_detected_in_its_two_lists(image: np.ndarray) -> None:
    level, slanted = reader(quad_at(*LOWER), quad_at(10.5, 5, drop=6)).detect(image)
    assert level == [[[70, 102, 40, 48]]]
    assert slanted == [[[[10.5, 5.0], [42.5, 11.0], [42.5, 19.0], [10.5, 13.0]]]]
    assert all(type(value) is int for value in level[0][0])


def test_detection_puts_words_together_and_leaves_small_boxes_out(image: np.ndarray) -> None:
    words = reader(quad_at(46, 5), quad_at(*UPPER), quad_at(*LOWER))
    assert words.detect(image)[0] == [[[10, 78, 5, 13], [70, 102, 40, 48]]]
    assert words.detect(image, min_size=40, reformat=False) == ([[[10, 78, 5, 13]]], [[]])


def test_several_images_are_detected_and_read_at_once(image: np.ndarray, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "street.png"), image)
    for batch in ([image, str(tmp_path / "street.png")], np.stack([image, image])):
        assert reader().detect(batch)[0] == [[[10, 42, 5, 13], [70, 102, 40, 48]]] * 2
        assert reader().readtext_batched(batch, detail=0) == [["AB", "BA"]] * 2
    assert reader().readtext_batched(image, None, None, "greedy", detail=0) == [["AB", "BA"]]


def test_a_batch_is_brought_to_one_size_where_both_sides_are_given(image: np.ndarray) -> None:
    sizes: list[tuple[int, ...]] = []
    seen = easyocr.Reader(["en"], bundle=BUNDLE, find=lambda picture: sizes.append(picture.shape[:2]) or [])
    assert seen.readtext_batched([image, image[:30]], n_width=60, n_height=30) == [[], []]
    assert seen.readtext_batched([image, image[:30]], n_width=60) == [[], []]
    assert sizes == [(30, 60), (30, 60), (60, 120), (30, 120)]


@pytest.mark.parametrize("size", [(0, 9), (9, -1), (9.5, 9)])
def test_a_batch_is_brought_to_no_size_that_there_is_not(image: np.ndarray, size: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match=f"n_width and n_height .* not {size[0]} and {size[1]}"):
        reader().readtext_batched([image], *size)


def test_what_was_detected_is_recognised_as_the_script_passes_it_on(image: np.ndarray) -> None:
    found = reader(quad_at(*LOWER, drop=0), quad_at(*UPPER))
    level, slanted = found.detect(image)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    assert found.recognize(grey, level[0], slanted[0]) == found.readtext(image)
    assert found.recognize(grey, level[0], slanted[0], detail=0, reformat=False) == ["AB", "BA"]


def test_each_box_of_a_script_has_one_item_in_its_order(image: np.ndarray) -> None:
    level = [[70, 102, 40, 48], [50, 60, 20, 30], [10, 42, 5, 13]]
    first, second, third = reader().recognize(image, level, [])
    assert (first[1], second[1:], third[1]) == ("BA", ("", 0.0), "AB")
    assert second[0] == [[50, 20], [60, 20], [60, 30], [50, 30]]
    assert reader().recognize(image, level, None, paragraph=True, detail=0) == ["AB", "BA"]
    free = [[[10, 5], [42, 5], [42, 13], [10, 13]]]
    assert reader().recognize(image, free_list=np.array(free), allowlist="A", detail=0) == ["A"]
    assert reader().recognize(image, [], []) == []


def test_without_boxes_all_of_the_image_is_one() -> None:
    ((box, text, _),) = reader().recognize(AB)
    assert (box, text) == ([[0, 0], [32, 0], [32, 8], [0, 8]], "AB")


def test_a_box_of_several_words_is_read_word_by_word(image: np.ndarray) -> None:
    image[5:13, 46:78] = BA[:, :, None]
    words = reader(quad_at(46, 5), quad_at(*UPPER))
    assert words.recognize(image, [[10, 78, 5, 13]], detail=0) == ["AB BA"]
    alone = reader(quad_at(*UPPER), quad_at(*UPPER))
    assert alone.recognize(image, [[10, 78, 5, 13]], detail=0) != ["AB AB"]  # they do not reach to the box's end


def test_short_boxes_are_read_without_a_look_for_words() -> None:
    def find(_: np.ndarray) -> list[Quad]:
        raise AssertionError

    assert easyocr.Reader(["en"], bundle=BUNDLE, find=find).recognize(AB.repeat(2, axis=0), detail=0) == ["AB"]


def test_a_box_is_also_read_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_ocr.sight._UPRIGHT", 0.0)  # or what is higher than wide would be turned in any case
    standing = np.ascontiguousarray(np.rot90(AB, -1))
    both = [reader().recognize(standing, rotation_info=angles) for angles in (None, [90, 180, 270])]
    assert both[0][0][1] != "AB"
    assert both[1][0][:2] == ([[0, 0], [8, 0], [8, 32], [0, 32]], "AB")


def test_a_box_that_is_higher_than_wide_needs_no_rotation_info() -> None:
    standing = np.ascontiguousarray(np.rot90(AB, -1))
    assert reader().recognize(standing)[0][:2] == ([[0, 0], [8, 0], [8, 32], [0, 32]], "AB")


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ({"horizontal_list": [[[10, 42, 5, 13]]]}, r"horizontal_list\[0\].*take \[0\]"),
        ({"horizontal_list": [[10, 42, 5]]}, r"horizontal_list\[0\]"),
        ({"horizontal_list": [[0, 9, 0, 9], [500, 600, 5, 13]]}, r"horizontal_list\[1\] has no pixel"),
        ({"horizontal_list": [["a", 42, 5, 13]]}, r"horizontal_list\[0\]"),
        ({"free_list": [[[0, 0], [9, 0], [9, float("nan")], [0, 9]]]}, r"free_list\[0\]"),
        ({"free_list": [[[0, 0], [9, 0], [18, 0], [27, 0]]]}, r"free_list\[0\] has no area"),
        ({"free_list": [[[200, 0], [209, 0], [209, 9], [200, 9]]]}, r"free_list\[0\] has no pixel"),
    ],
)
def test_a_box_that_is_none_is_refused_by_its_place(boxes: dict[str, Any], says: str, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=says):
        reader().recognize(image, **boxes)


def test_columns_are_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="vert"):
        reader().detect(image, vert=True)
    with pytest.raises(TypeError, match="allowlist"):
        reader().detect(image, allowlist="A")
    with pytest.raises(TypeError, match="min_size"):
        reader().recognize(image, min_size=3)


def test_networks_are_loaded_once_whatever_is_allowed(image: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    real = Engine.__init__
    monkeypatch.setattr(Engine, "__init__", lambda self, *a, **k: loaded.append(k["name"]) or real(self, *a, **k))
    shipped = easyocr.Reader(["en"])
    for allowed in (None, "A", "0123456789"):
        shipped.readtext(image, allowlist=allowed)
        shipped.recognize(image, allowlist=allowed)
    assert loaded.count("text-detector") == 1
    assert loaded.count("sign") == len(shipped_bundle(Kind.SIGN, task="recognise").settings["widths"])
