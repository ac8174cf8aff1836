"""Rendered strips are the same for the same seed, carry the labels that they show, and look like what they should."""

from __future__ import annotations

import numpy as np
import pytest

from export.synthetic import degrade, lettering, plates, strips, texts
from export.synthetic.arabic import tunis
from export.synthetic.faces import CAPS, CHARACTERS, MASK_HEIGHT, Face
from export.synthetic.lettering import Line, letter
from export.synthetic.marks import mark
from export.synthetic.strokes import stroke_face
from export.synthetic.styles import STYLES


@pytest.fixture(scope="module")
def faces() -> list[Face]:
    return [stroke_face(np.random.default_rng(seed)) for seed in range(8)]


def test_a_stroke_face_draws_every_character_differently(faces: list[Face]) -> None:
    for face in faces:
        assert set(face.masks) == set(CHARACTERS)
        assert len({mask.tobytes() for mask in face.masks.values()}) == len(CHARACTERS)


def test_capitals_fill_their_rows(faces: list[Face]) -> None:
    for face in faces:
        mask = face.masks["H"]
        rows = np.flatnonzero(mask.max(axis=1) > 128)
        assert mask.shape[0] == MASK_HEIGHT
        assert abs(rows[0] - CAPS.start) <= 2
        assert abs(rows[-1] - (CAPS.stop - 1)) <= 2


def test_a_shard_is_the_same_for_the_same_seed_and_number(faces: list[Face]) -> None:
    one, two = (strips.render_shard(faces, [], seed=3, number=5, size=12) for _ in range(2))
    assert np.array_equal(one.strips, two.strips)
    assert np.array_equal(one.labels, two.labels)


def test_another_number_gives_another_shard(faces: list[Face]) -> None:
    one, two = (strips.render_shard(faces, [], seed=3, number=number, size=6) for number in (0, 1))
    assert not np.array_equal(one.labels, two.labels)


def test_strips_have_the_recognisers_size_and_use_its_range(faces: list[Face]) -> None:
    shard = strips.render_shard(faces, [], seed=1, number=0, size=30)
    assert shard.strips.shape == (30, strips.HEIGHT, strips.WIDTH)
    assert np.median(np.ptp(shard.strips.reshape(30, -1), axis=1)) > 200


def test_labels_are_classes_without_the_blank_padded_with_zeros(faces: list[Face]) -> None:
    shard = strips.render_shard(faces, [], seed=1, number=0, size=30)
    for label in shard.labels:
        length = int((label != 0).sum())
        assert 2 <= length <= strips.LONGEST
        assert (label[:length] > 0).all()
        assert label.max() <= len(CHARACTERS)


def test_real_crops_take_their_share(faces: list[Face]) -> None:
    real = [(np.full((24, 94), 90, np.uint8), "REALXYZ")]
    shard = strips.render_shard(faces, real, seed=1, number=0, size=200)
    wanted = strips.encode("REALXYZ")
    share = np.mean([label[:7].tolist() == wanted for label in shard.labels])
    assert 0.04 < share < 0.2


def test_the_text_stands_where_the_plate_says(faces: list[Face]) -> None:
    for seed in range(20):
        plate = plates.render_plate(np.random.default_rng(seed), faces)
        left, top, right, bottom = plate.band
        height, width = plate.image.shape[:2]
        assert right - left > 0.1 * width
        assert 0.3 * height < bottom - top < height
        assert 0 < (top + bottom) / 2 < height


@pytest.mark.parametrize("pattern", sorted({pattern for style in STYLES for pattern in style.patterns}))
def test_a_pattern_gives_a_text_that_fits_the_label(pattern: str) -> None:
    groups = texts.fill(np.random.default_rng(0), pattern)
    text = texts.label(groups)
    assert 2 <= len(text) <= strips.LONGEST
    assert set(text) <= set(CHARACTERS)
    assert set("".join(groups)) - set(text) <= set(texts.MARKS + texts.BREAK)
    assert len(groups) == len(pattern.split())


def test_free_texts_keep_their_length_over_their_groups() -> None:
    for seed in range(50):
        groups = texts.free(np.random.default_rng(seed))
        assert 2 <= len("".join(groups)) <= 9
        assert 1 <= len(groups) <= 3
        assert all(groups)


def test_the_arabic_word_stands_where_a_tunisian_plate_says_t(faces: list[Face]) -> None:
    (tunisian,) = (style for style in STYLES if style.arabic)
    plate = plates.render(np.random.default_rng(2), tunisian, ["123", "T", "4567"], faces)
    assert plate.text == "123T4567"
    words = [tunis(np.random.default_rng(seed)) for seed in range(20)]
    for word in words:
        assert word.shape[0] == MASK_HEIGHT
        assert 0.05 < (word > 128).mean() < 0.6
    assert len({word.tobytes() for word in words}) == len(words)


def test_the_text_of_half_a_plate_may_fill_its_width(faces: list[Face]) -> None:
    (half,) = (style for style in STYLES if style.stretched)
    plates_of_three = [plates.render(np.random.default_rng(seed), half, ["123"], faces) for seed in range(40)]
    shares = [(plate.band[2] - plate.band[0]) / plate.image.shape[1] for plate in plates_of_three]
    heights = [plate.band[3] - plate.band[1] for plate in plates_of_three]
    assert max(shares) > 0.75
    assert max(s * p.image.shape[1] / h for s, p, h in zip(shares, plates_of_three, heights, strict=True)) > 4


def test_some_zeros_have_a_slit_and_no_other_character_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "_ITALIC_SHARE", 0.0)

    def inks(text: str) -> set[int]:
        found = set()
        for seed in range(60):
            line = Line(Face("", {c: np.full((MASK_HEIGHT, 40), 255, np.uint8) for c in "0O"}), [text])
            mask = letter(np.random.default_rng(seed), line, gap=0.3, space=0.1).mask
            found.add(int((mask[CAPS] < 32).any(axis=0)[mask.shape[1] // 2 + 4 : mask.shape[1] // 2 + 8].sum()))
        return found

    assert len(inks("O")) == 1
    assert len(inks("0")) > 1


def test_marks_are_written_and_not_read(faces: list[Face]) -> None:
    seen = set()
    for seed in range(200):
        rng = np.random.default_rng(seed)
        groups = texts.marked(rng, ["MH", "14", "TC", "947"])
        assert texts.label(groups) == "MH14TC947"
        seen |= set("".join(groups)) & set(texts.MARKS)
    assert seen == set(texts.MARKS)
    assert plates.render(np.random.default_rng(1), STYLES[0], ["(TC)", "12-34"], faces).text == "TC1234"


def test_brackets_close_what_they_open() -> None:
    for seed in range(200):
        written = "".join(texts.marked(np.random.default_rng(seed), ["AB", "12", "CD"]))
        assert written.count("(") == written.count(")")
        assert written.count("[") == written.count("]")


def test_texts_that_have_marks_get_no_more() -> None:
    for groups in (["A.", "123"], ["AB|12", "345"], ["ABC"]):
        assert texts.marked(np.random.default_rng(0), groups) == groups


@pytest.mark.parametrize("sort", texts.MARKS)
def test_a_mark_is_as_strong_as_the_letters_and_lies_within_their_rows(sort: str, faces: list[Face]) -> None:
    for face in faces:
        mask = mark(np.random.default_rng(3), face, sort)
        rows = np.flatnonzero(mask.max(axis=1) > 128)
        assert mask.shape[0] == MASK_HEIGHT
        assert (mask.max(axis=0) > 0).all()
        assert CAPS.start - 12 <= rows[0] <= rows[-1] <= CAPS.stop + 12


def test_a_block_sets_two_small_lines_above_each_other(faces: list[Face]) -> None:
    for seed in range(10):
        block = letter(np.random.default_rng(seed), Line(faces[0], ["AB|12"]), gap=0.3, space=0.1).mask
        wide = letter(np.random.default_rng(seed), Line(faces[0], ["AB12"]), gap=0.3, space=0.1).mask
        inked = np.convolve((block > 128).any(axis=1), [1, 1, 1, 1, 1], "same") > 0
        assert block.shape[1] < 0.6 * wide.shape[1]
        assert inked[CAPS.start + 10]
        assert inked[CAPS.stop - 10]


def test_small_letters_are_not_seen_from_as_far_away(faces: list[Face]) -> None:
    def fine(groups: list[str]) -> float:
        return float(
            np.median([plates.render(np.random.default_rng(s), STYLES[2], groups, faces).fine for s in range(20)])
        )

    assert fine(["AB|12", "3456"]) < 0.7 * fine(["AB", "3456"])


def test_every_way_of_damage_leaves_a_strip(faces: list[Face], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(degrade, "_ENLARGED_SHARE", 1.0)
    plate = plates.render(np.random.default_rng(5), STYLES[1], ["ABC", "123"], faces)
    for seed in range(60):
        strip = degrade.see(np.random.default_rng(seed), plate, width=strips.WIDTH, height=strips.HEIGHT)
        assert strip.shape == (strips.HEIGHT, strips.WIDTH)
        assert strip.dtype == np.uint8
