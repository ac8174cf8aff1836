"""One text read in several ways, with a recogniser that is told what to say of each strip."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge_ocr import ctc, sight
from edge_ocr.bundle import load_bundle
from edge_ocr.clock import Stopwatch
from edge_ocr.ctc import reference
from edge_ocr.grammar import word_grammar
from edge_ocr.recognise import Recogniser
from edge_ocr.sight import Sight
from edge_ocr.types import Kind, Quad, Strip, corners_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

BUNDLE = load_bundle(Path(__file__).parents[1] / "data/bundles/tiny", task="recognise")
ALPHABET = BUNDLE.settings["alphabet"]


def sure(text: str, steps: int = 10, *, doubt: float = 1e-3) -> NDArray[np.float32]:
    """Log-probabilities that say a text, a blank after each character."""
    probs = np.full((steps, len(ALPHABET) + 1), doubt / len(ALPHABET))
    classes = [ALPHABET.index(character) + 1 for character in text]
    for step in range(steps):
        spoken = step % 2 == 0 and step // 2 < len(text)
        probs[step, classes[step // 2] if spoken else 0] = 1.0
    return np.asarray(np.log(probs / probs.sum(axis=1, keepdims=True)), np.float32)


class Told(Recogniser):
    """Says of every strip what a function makes of it, and keeps the strips."""

    def __init__(self, say: Callable[[Strip], NDArray[np.float32]]) -> None:
        super().__init__(BUNDLE)
        self._say = say
        self.strips: list[Strip] = []

    def __call__(self, strip: Strip) -> NDArray[np.float32]:
        """What it was told to."""
        self.strips.append(strip)
        return self._say(strip)


def looking(recogniser: Recogniser, *words: str, free: float = 0.0) -> Sight:
    grammar = word_grammar(words, ALPHABET, length_bonus=0, free_prior=free)
    return Sight(recogniser, grammar, 3, Stopwatch())


def two_bands(width: int = 60, height: int = 40) -> NDArray[np.uint8]:
    """Upright strokes in two bands with nothing between them."""
    image = np.full((height, width), 255, np.uint8)
    image[height // 8 : height * 3 // 8, 4:-4:6] = 0
    image[height * 5 // 8 : height * 7 // 8, 4:-4:6] = 0
    return image


def around(image: NDArray[np.uint8], kind: Kind = Kind.PLATE) -> Quad:
    rows, columns = image.shape
    return Quad(corners_of([(0, 0), (columns, 0), (columns, rows), (0, rows)]), kind, 0.7)


def text(sighting: Any) -> str:
    return "".join(ALPHABET[label - 1] for label in sighting.hypotheses[0].labels)


def by_place(strip: Strip) -> NDArray[np.float32]:
    """'AB' in the upper half, 'CD' in the lower, 'B' in the whole."""
    ys = [y for _, y in strip.quad.corners]
    if max(ys) - min(ys) > 30:
        return sure("B")
    return sure("AB" if max(ys) < 30 else "CD")


def test_two_lines_are_one_text_where_that_is_likelier() -> None:
    image = two_bands()
    (sighting,) = looking(Told(by_place), "ABCD", "XX").of_quads(image, [around(image)])
    assert text(sighting) == "ABCD"
    assert sighting.strip.quad == around(image)
    assert sighting.frame == 3
    assert len(sighting.log_probs) == 21


def test_one_line_stays_one_where_that_is_likelier() -> None:
    image = two_bands()
    (sighting,) = looking(Told(by_place), "B", free=0.01).of_quads(image, [around(image)])
    assert text(sighting) == "B"
    assert len(sighting.log_probs) == 10


def block_and_number(width: int = 120, height: int = 40) -> NDArray[np.uint8]:
    """Upright strokes: two bands on the left, and one band of twice the height on the right."""
    image = np.full((height, width), 255, np.uint8)
    image[:, : width // 2 - 10] = two_bands(width // 2 - 10, height)
    image[height // 8 : height * 7 // 8, width // 2 + 5 : -4 : 6] = 0
    return image


def by_part(strip: Strip, *, doubt: float = 1e-3) -> NDArray[np.float32]:
    """'A' in the block's upper line, 'B' in its lower, 'CD' in the number, and doubtfully 'CD' in the whole."""
    xs, ys = zip(*strip.quad.corners, strict=True)
    if max(xs) - min(xs) > 80:
        return sure("CD", doubt=0.3)
    if min(xs) > 40:
        return sure("CD", doubt=doubt)
    return sure("A" if max(ys) < 30 else "B", doubt=doubt)


def test_a_block_of_two_lines_and_a_number_are_one_text_where_one_line_is_in_doubt() -> None:
    image = block_and_number()
    sight = looking(Told(by_part), "ABCD", free=0.01)
    (sighting,) = sight.of_quads(image, [around(image)])
    assert text(sighting) == "ABCD"
    assert sighting.lines == 3
    assert sighting.strip.quad == around(image)
    assert len(sighting.log_probs) == 32


def test_further_looks_at_a_block_take_it_apart_too() -> None:
    image = block_and_number()
    sight = looking(Told(partial(by_part, doubt=0.02)), "ABCD", free=0.01)
    (sighting,) = sight.of_quads(image, [around(image)])
    looks = sight.again(image, sighting)
    assert {text(look) for look in looks} == {"ABCD"}
    assert {look.lines for look in looks} == {3}


def test_a_clear_line_is_not_taken_apart() -> None:
    image = block_and_number()
    told = Told(lambda _: sure("CD"))
    (sighting,) = looking(told, "CD").of_quads(image, [around(image)])
    assert text(sighting) == "CD"
    assert len(told.strips) == 3  # as one line and as two, not as a block


def test_a_crop_is_read_in_the_same_ways() -> None:
    assert text(looking(Told(by_place), "ABCD").of_crop(two_bands(), Kind.PLATE)) == "ABCD"


def test_words_and_digits_have_one_line() -> None:
    told = Told(by_place)
    looking(told, "ABCD").of_crop(two_bands(), Kind.WORD)
    assert len(told.strips) == 1


@pytest.mark.parametrize("within", [(0.05, 0.15), (0.08, 0.2)])
def test_a_square_crop_of_a_sign_is_read_within_its_rim_too_where_that_is_likelier(within: tuple[float, float]) -> None:
    across, down = within
    corner = pytest.approx((44 * across, 40 * down))

    def by_place(strip: Strip) -> NDArray[np.float32]:
        return sure("CD", doubt=1e-3) if strip.quad.corners[0] == corner else sure("AB", doubt=0.5)

    square = np.zeros((40, 44), np.uint8)
    sighting = looking(Told(by_place), "AB", "CD").of_crop(square, Kind.SIGN)
    assert text(sighting) == "CD"
    assert sighting.strip.quad.corners[0] == corner
    assert text(looking(Told(lambda _: sure("AB", doubt=0.01)), "AB").of_crop(square, Kind.SIGN)) == "AB"
    told = Told(by_place)
    looking(told, "AB").of_crop(square, Kind.PLATE)
    looking(told, "AB").of_crop(np.zeros((40, 60), np.uint8), Kind.SIGN)
    assert not any(strip.quad.corners[0] == corner for strip in told.strips)


def test_a_word_is_cut_out_by_its_own_height_however_long_it_is() -> None:
    for width in (60, 300):
        told = Told(lambda _: sure("AB"))
        quad = Quad(corners_of([(50, 50), (50 + width, 50), (50 + width, 90), (50, 90)]), Kind.WORD, 0.9)
        (sighting,) = looking(told, "AB").of_quads(np.zeros((200, 400), np.uint8), [quad])
        assert sighting.strip.quad == quad
        assert told.strips[0].quad.corners[0] == pytest.approx((50 - 0.05 * 40, 50 - 0.1 * 40), abs=1e-3)


def test_a_word_in_doubt_is_looked_at_again_around_its_own_quad() -> None:
    told = Told(lambda _: sure("AB", doubt=0.5))
    told.widths = (64, 128)
    quad = Quad(corners_of([(50, 50), (350, 50), (350, 90), (50, 90)]), Kind.WORD, 0.9)
    sight_ = looking(told, "AB")
    image = np.zeros((200, 400), np.uint8)
    (sighting,) = sight_.of_quads(image, [quad])
    told.strips.clear()
    assert len(sight_.again(image, sighting)) == 4
    starts = [strip.quad.corners[0] for strip in told.strips]
    assert [round((50 - x) / 40, 2) for x, _ in starts] == [0.2, -0.1, 0.0, 0.0]
    assert [round((50 - y) / 40, 2) for _, y in starts] == [0.15, 0.05, 0.0, -0.04]
    assert [strip.image.shape[1] for strip in told.strips] == [64, 64, 128, 64]


def test_the_same_character_at_the_end_of_one_line_and_the_beginning_of_the_next_is_two() -> None:
    log_probs = sight.one_after_the_other([sure("A", 1), sure("A", 1)])
    assert ctc.greedy(log_probs).labels == (ALPHABET.index("A") + 1,) * 2


def test_lines_in_one_sequence_sum_over_every_place_where_the_text_can_break() -> None:
    rng = np.random.default_rng(2)
    parts = [np.log(rng.dirichlet(np.ones(4), 4)).astype(np.float32) for _ in range(2)]
    labels = (1, 2, 2, 3)
    apart = [
        reference.score(parts[0], labels[:cut]) + reference.score(parts[1], labels[cut:])
        for cut in range(len(labels) + 1)
    ]
    together = ctc.score(sight.one_after_the_other(parts), labels)
    assert together == pytest.approx(np.logaddexp.reduce(apart), abs=1e-5)


def test_lines_that_were_found_one_by_one_become_one_plate_if_they_say_more_together() -> None:
    image = np.pad(two_bands(), 10, constant_values=90)
    upper = Quad(corners_of([(10, 10), (70, 10), (70, 29), (10, 29)]), Kind.PLATE, 0.6)
    lower = Quad(corners_of([(10, 31), (70, 31), (70, 50), (10, 50)]), Kind.PLATE, 0.9)

    def say(strip: Strip) -> NDArray[np.float32]:
        return sure("AB" if np.mean(strip.quad.corners, axis=0)[1] < 30 else "CD")

    seen = looking(Told(say), "ABCD", free=0.001).of_quads(image, [lower, upper])
    assert [text(sighting) for sighting in seen] == ["ABCD"]
    assert seen[0].strip.quad.score == 0.9
    apart = looking(Told(say), "AB", "CD", free=0.001).of_quads(image, [lower, upper])
    assert [text(sighting) for sighting in apart] == ["CD", "AB"]


def upright_only(strip: Strip) -> NDArray[np.float32]:
    """'AB' where the text's own top left corner is the picture's lower right one, mumbling elsewhere."""
    return sure("AB") if strip.quad.corners[0] == (60, 12) else sure("X", doubt=2.0)


def test_a_plate_that_hangs_upside_down_is_turned() -> None:
    image = np.zeros((12, 60), np.uint8)
    (sighting,) = looking(Told(upright_only), "AB", "X").of_quads(image, [around(image)])
    assert text(sighting) == "AB"
    assert sighting.strip.quad.corners == ((60, 12), (0, 12), (0, 0), (60, 0))


def test_a_clear_reading_is_not_turned() -> None:
    image, told = np.zeros((12, 60), np.uint8), Told(lambda _: sure("AB"))
    looking(told, "AB").of_quads(image, [around(image)])
    assert len(told.strips) == 1


def test_what_reads_no_clearer_upside_down_is_left_as_it_is() -> None:
    image = np.zeros((12, 60), np.uint8)
    (sighting,) = looking(Told(lambda _: sure("X", doubt=2.0)), "AB", "X").of_quads(image, [around(image)])
    assert sighting.strip.quad == around(image)


@pytest.mark.parametrize(("first", "place"), [((0, 60), 3), ((12, 0), 1)])
def test_a_plate_that_stands_on_its_side_is_turned_either_way(first: tuple[int, int], place: int) -> None:
    image = np.zeros((60, 12), np.uint8)
    told = Told(lambda strip: sure("AB") if strip.quad.corners[0] == first else sure("X", doubt=2.0))
    (sighting,) = looking(told, "AB", "X").of_quads(image, [around(image)])
    assert text(sighting) == "AB"
    assert sighting.strip.quad == sight.turned(around(image), place)


@pytest.mark.parametrize(("first", "place"), [((0, 60), 3), ((12, 0), 1)])
def test_a_word_on_its_side_is_turned_either_way(first: tuple[int, int], place: int) -> None:
    """The quad's first corner tells which way up a strip was cut; a little beyond the word, so the nearest counts."""
    image = np.zeros((60, 12), np.uint8)

    def say(strip: Strip) -> NDArray[np.float32]:
        return sure("AB") if np.hypot(*np.subtract(strip.quad.corners[0], first)) < 12 else sure("X", doubt=2.0)

    for sighting in (
        *looking(Told(say), "AB", "X").of_quads(image, [around(image, Kind.WORD)]),
        looking(Told(say), "AB", "X").of_crop(image, Kind.WORD),
    ):
        assert text(sighting) == "AB"
        assert sighting.strip.quad == replace(
            sight.turned(around(image, Kind.WORD), place), score=sighting.strip.quad.score
        )


def test_a_single_character_does_not_stand_on_its_side() -> None:
    image = np.zeros((60, 30), np.uint8)

    def say(strip: Strip) -> NDArray[np.float32]:
        return sure("A", doubt=0.5) if np.hypot(*strip.quad.corners[0]) < 12 else sure("B")

    found = [
        *looking(Told(say), "A", "B").of_quads(image, [around(image, Kind.WORD)]),
        looking(Told(say), "A", "B").of_crop(image, Kind.WORD),
    ]
    assert [text(sighting) for sighting in found] == ["A", "A"]


def test_a_narrow_word_that_is_sure_is_not_turned() -> None:
    image, told = np.zeros((60, 12), np.uint8), Told(lambda _: sure("A"))
    looking(told, "A").of_quads(image, [around(image, Kind.DIGITS)])
    assert len(told.strips) == 1


@pytest.mark.parametrize(
    ("kind", "loose", "cut"), [(Kind.PLATE, True, True), (Kind.PLATE, False, False), (Kind.WORD, True, False)]
)
def test_of_a_plate_that_was_cut_out_loosely_the_texts_band_is_looked_at(kind: Kind, loose: bool, cut: bool) -> None:
    image = np.full((80, 160), 225, np.uint8)
    image[8:14, 40:120:8] = 110
    image[30:62, 16:144:12] = 20
    told = Told(lambda _: sure("AB"))
    grammar = word_grammar(["AB"], ALPHABET, length_bonus=0, free_prior=0.0)
    Sight(told, grammar, 0, Stopwatch(), loose=loose).of_crop(image, kind)
    dark = (told.strips[0].image < 80).any(axis=1)
    assert (np.count_nonzero(dark) > 0.7 * len(dark)) == cut


def test_nothing_says_nothing() -> None:
    image = np.zeros((12, 60), np.uint8)
    (sighting,) = looking(Told(lambda _: sure("")), "AB").of_quads(image, [around(image)])
    assert sighting.hypotheses == ()
    assert sight.likelihood(sighting) == -np.inf
