"""Rendered strips are the same for the same seed, carry the labels that they show, and look like what they should."""

from __future__ import annotations

import numpy as np
import pytest

from export.synthetic import plates, strips, texts
from export.synthetic.faces import CAPS, CHARACTERS, MASK_HEIGHT, Face
from export.synthetic.strokes import stroke_face


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


@pytest.mark.parametrize("pattern", texts.AMERICAN + texts.EUROPEAN + texts.INDIAN + texts.LATIN + texts.CHINESE)
def test_a_pattern_gives_a_text_that_fits_the_label(pattern: str) -> None:
    groups = texts.fill(np.random.default_rng(0), pattern)
    text = "".join(groups)
    assert 2 <= len(text) <= strips.LONGEST
    assert set(text) <= set(CHARACTERS)
    assert len(groups) == len(pattern.split())


def test_free_texts_keep_their_length_over_their_groups() -> None:
    for seed in range(50):
        groups = texts.free(np.random.default_rng(seed))
        assert 2 <= len("".join(groups)) <= 9
        assert 1 <= len(groups) <= 3
        assert all(groups)
