"""The stages composed, with a detector that is told where to look and a recogniser that reads columns of shades."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge_ocr import vote
from edge_ocr.bundle import load_bundle, shipped_bundle
from edge_ocr.detect import Detector
from edge_ocr.errors import BundleError, GrammarError
from edge_ocr.grammar import word_grammar
from edge_ocr.reader import MOST_ALTERNATIVES, Reader, Stopwatch
from edge_ocr.types import Kind, Quad, Region, Strip, corners_of
from edge_ocr.words import open_grammar

if TYPE_CHECKING:
    from collections.abc import Callable

BUNDLE = load_bundle(Path(__file__).parents[1] / "data/bundles/tiny", task="recognise")
ALPHABET = BUNDLE.settings["alphabet"]
WORDS = word_grammar(["AB", "BA", "ABBA", "A", "B"], ALPHABET, length_bonus=0)


def text_of(columns: str) -> np.ndarray:
    """A picture of 8x32 on which the tiny recogniser sees '#' as A, ' ' as B and '.' as nothing."""
    shades = np.array([{"#": 0, ".": 128, " ": 255}[column] for column in columns], np.uint8)
    return np.tile(np.repeat(shades, 2), (8, 1))


AB, BA = text_of("..###......   .."), text_of("..   .....###...")


def looking_at(*places: tuple[int, int]) -> Callable[[np.ndarray], list[Quad]]:
    """A detector that finds an 8x32 quad at each place."""
    corners = [corners_of([(x, y), (x + 32, y), (x + 32, y + 8), (x, y + 8)]) for x, y in places]
    return lambda _: [Quad(corner, Kind.PLATE, 0.9) for corner in corners]


def reader_with(detector: Any = None, **options: Any) -> Reader:
    return Reader(
        detector=detector or looking_at(), **{"bundle": BUNDLE, "grammar": WORDS, "min_characters": 1, **options}
    )


def scene(*texts: tuple[np.ndarray, int, int]) -> np.ndarray:
    image = np.full((60, 120, 3), 128, np.uint8)
    for text, x, y in texts:
        image[y : y + 8, x : x + 32] = text[:, :, None]
    return image


def test_a_crop_is_read_whole_and_without_a_detector() -> None:
    (reading,) = reader_with().read(AB, crop=True)
    assert (reading.text, reading.kind, reading.region) == ("AB", Kind.PLATE, None)
    assert reading.confidence > 0.9
    assert reading.quad.corners == ((0, 0), (32, 0), (32, 8), (0, 8))


def test_every_text_of_a_frame_is_read_where_the_detector_found_it() -> None:
    reader = reader_with(looking_at((10, 5), (70, 40)))
    readings = reader.read(scene((AB, 10, 5), (BA, 70, 40)))
    assert {(reading.text, reading.quad.corners[0]) for reading in readings} == {("AB", (10, 5)), ("BA", (70, 40))}


def test_regions_worth_a_look_reach_the_detector_and_none_are_named_without_them() -> None:
    told: list[dict[str, Any]] = []
    reader = reader_with(lambda _, **options: told.append(options) or [])
    regions = [Region(0, 0, 10, 10)]
    reader.sightings(scene(), regions=regions)
    reader.sightings(scene())
    assert told == [{"regions": regions}, {}]


def test_every_look_is_as_wide_as_the_recogniser_wants_it() -> None:
    seen: list[Strip] = []
    reader = reader_with(looking_at((10, 5)))
    reader.recogniser = Noting(seen, doubt=0.4)  # type: ignore[assignment]
    reader.recogniser.widths, reader.recogniser.widening = (32, 64), 2.0
    reader.read(scene((AB, 10, 5)))
    reader.read(AB, crop=True)
    assert {strip.image.shape for strip in seen} == {(8, 64)}


def test_pieces_of_a_line_are_put_together_as_the_script_wants_it() -> None:
    found = [replace(quad, kind=Kind.SIGN) for quad in looking_at((10, 5), (46, 5))(AB)]
    for settings, lines in (({}, 2), ({"gap": 1.0}, 2), ({"gap": 1.0, "widening": 0.4}, 1)):
        told = replace(BUNDLE, kind=Kind.SIGN, settings=BUNDLE.settings | settings)
        reader = Reader("sign", bundle=told, detector=lambda _: found)
        assert len(reader.sightings(scene((AB, 10, 5), (BA, 46, 5)))) == lines


def test_a_text_in_doubt_is_looked_at_again_and_told_where_it_was_detected() -> None:
    seen: list[Strip] = []
    image = scene((AB, 10, 5))
    reader = reader_with(looking_at((10, 5)))
    reader.recogniser = Noting(seen, doubt=0.4)  # type: ignore[assignment]
    (reading,) = reader.read(image)
    assert len(seen) == 6  # as it was found, upside down, and four times with another quad
    assert len({strip.quad.corners for strip in seen}) == 6
    assert reading.quad.corners == corners_of([(10, 5), (42, 5), (42, 13), (10, 13)])
    reader.recogniser = Noting(seen, doubt=1e-9)  # type: ignore[assignment]
    reader.read(image)
    assert len(seen) == 7
    assert len(reader.sightings(image)) == 1


def test_readings_come_most_confident_first() -> None:
    faint = text_of("..#.........   .")
    faint[:, 4:6] = 100
    readings = reader_with(looking_at((70, 40), (10, 5))).read(scene((AB, 10, 5), (faint, 70, 40)))
    confidences = [reading.confidence for reading in readings]
    assert len(confidences) == 2
    assert confidences == sorted(confidences, reverse=True)


def test_what_is_less_sure_than_asked_for_is_left_out_where_it_was_detected() -> None:
    faint = text_of("..#.........   .")
    faint[:, 4:6] = 100
    image = scene((AB, 10, 5), (faint, 70, 40))
    both = reader_with(looking_at((10, 5), (70, 40)), min_confidence=0).read(image)
    between = (both[0].confidence + both[1].confidence) / 2
    assert reader_with(looking_at((10, 5), (70, 40)), min_confidence=between).read(image) == both[:1]
    assert len(reader_with(min_confidence=1.0).read(faint, crop=True)) == 1


def test_a_plate_of_fewer_than_four_characters_is_left_out_where_it_was_detected_unless_asked_for() -> None:
    image, place = scene((AB, 10, 5)), looking_at((10, 5))
    assert reader_with(place, min_characters=None, min_confidence=0).read(image) == []
    assert reader_with(place, min_characters=3).read(image) == []
    assert [reading.text for reading in reader_with(place, min_characters=2).read(image)] == ["AB"]
    assert [reading.text for reading in reader_with(min_characters=None).read(AB, crop=True)] == ["AB"]
    word = reader_with(place, kind="word", min_characters=None, bundle=replace(BUNDLE, kind=Kind.WORD))
    assert [reading.text for reading in word.read(image)] == ["AB"]


def test_a_place_without_a_text_gives_no_reading_but_stays_a_sighting() -> None:
    reader = reader_with(looking_at((10, 5)))
    assert reader.read(scene()) == []
    (sighting,) = reader.sightings(scene(), frame=7)
    assert sighting.frame == 7


def test_a_frame_in_which_nothing_is_found_gives_nothing() -> None:
    assert reader_with().read(scene((AB, 10, 5))) == []


def test_only_what_the_grammar_accepts_is_read() -> None:
    (reading,) = reader_with(grammar=word_grammar(["BA", "BBB"], ALPHABET)).read(AB, crop=True)
    assert reading.text in {"BA", "BBB"}


def test_plates_are_read_within_the_formats_of_the_regions() -> None:
    reader = Reader(bundle=BUNDLE, regions=["sk"])
    assert {region.name for region in reader.grammar.regions} == {"sk"}
    assert reader.read(AB, crop=True)[0].text  # nothing listed has two letters, the free branch does


@pytest.mark.parametrize("top", [0, 1, 3])
def test_top_limits_the_alternatives_and_leaves_the_confidence_alone(top: int) -> None:
    few, many = reader_with(top=top).read(AB, crop=True)[0], reader_with().read(AB, crop=True)[0]
    assert few.alternatives == many.alternatives[:top]
    assert few.confidence == many.confidence


def test_colour_grey_and_views_are_read_alike() -> None:
    reader = reader_with(looking_at((10, 5)))
    colour = scene((AB, 10, 5))
    view = np.repeat(np.repeat(colour, 2, axis=0), 2, axis=1)[::2, ::2]
    texts = [reader.read(image)[0].text for image in (colour, np.ascontiguousarray(colour[:, :, 0]), view)]
    assert texts == ["AB"] * 3


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (2, 3)])
def test_the_smallest_images_are_read_without_complaint(size: tuple[int, int]) -> None:
    reader = reader_with(looking_at((0, 0)))
    assert isinstance(reader.read(np.zeros((*size, 3), np.uint8)), list)
    assert isinstance(reader.read(np.zeros(size, np.uint8), crop=True), list)


def test_the_stopwatch_gets_the_time_of_every_stage() -> None:
    ticks = count()
    stopwatch = Stopwatch(now=lambda: float(next(ticks)))
    reader = reader_with(looking_at((10, 5), (70, 40)))
    reader.recogniser = Noting([], doubt=1e-9)  # type: ignore[assignment]
    reader.sightings(scene((AB, 10, 5), (BA, 70, 40)), stopwatch=stopwatch)
    assert stopwatch.ms == {"detect": 1000, "recognise": 2000, "decode": 2000}


def test_a_crop_takes_no_time_to_detect() -> None:
    stopwatch = Stopwatch()
    reader_with().read(AB, crop=True, stopwatch=stopwatch)
    assert set(stopwatch.ms) == {"recognise", "decode"}


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.zeros((4, 4), np.float32), TypeError),
        ("a.jpg", TypeError),
        (None, TypeError),
        (np.zeros((4, 4, 4), np.uint8), ValueError),
        (np.zeros((4, 4, 1), np.uint8), ValueError),
        (np.zeros(4, np.uint8), ValueError),
        (np.zeros((0, 4, 3), np.uint8), ValueError),
    ],
)
def test_what_is_no_image_is_refused_by_name(image: Any, error: type[Exception]) -> None:
    messages = set()
    detector = Detector(shipped_bundle(Kind.PLATE, task="detect"))
    for reads in (detector, reader_with().read, partial(reader_with().read, crop=True)):
        with pytest.raises(error, match=r"^image must be ") as caught:
            reads(image)
        messages.add(str(caught.value))
    assert len(messages) == 1, "the detector and the reader tell the same of it"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"kind": "car"}, "kind must be one of plate, sign, word, digits, not 'car'"),
        ({"top": MOST_ALTERNATIVES + 1}, "top must be 0 to 5"),
        ({"top": -1}, "top must be 0 to 5"),
        ({"min_confidence": 1.5}, "min_confidence must be 0 to 1, not 1.5"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"min_characters": 0}, "min_characters must be at least 1"),
        ({"grammar": None, "regions": []}, "regions must hold at least one name"),
        ({"regions": ["sk"]}, "regions and grammar exclude each other"),
    ],
)
def test_impossible_options_are_refused_by_name(options: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        reader_with(**options)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top", "3"),
        ("top", 2.5),
        ("top", True),
        ("threads", "a"),
        ("min_confidence", "0.3"),
        ("min_characters", 2.5),
        ("regions", "eu"),
        ("regions", [1]),
    ],
)
def test_options_of_another_type_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"^{name} must be a "):
        reader_with(**{"grammar": None, name: value})


def test_regions_are_for_plates() -> None:
    with pytest.raises(ValueError, match="regions are for plates"):
        Reader("word", bundle=replace(BUNDLE, kind=Kind.WORD), regions=["sk"])


def test_other_kinds_read_anything_unless_a_grammar_says_what() -> None:
    bundle = replace(BUNDLE, kind=Kind.WORD)
    assert Reader("word", bundle=bundle).read(AB, crop=True)[0].text == "AB"
    assert Reader("word", bundle=bundle, grammar=WORDS).read(AB, crop=True)[0].kind is Kind.WORD


def test_expected_words_win_over_what_is_nearly_the_same() -> None:
    bundle = replace(BUNDLE, kind=Kind.WORD)
    assert Reader("word", bundle=bundle, words=["AB", "BA"]).read(AB, crop=True)[0].text == "AB"
    with pytest.raises(GrammarError, match="alphabet"):
        Reader("word", bundle=bundle, words=["-"])


@pytest.mark.parametrize("options", [{"kind": "plate"}, {"kind": "word", "grammar": WORDS}])
def test_words_are_for_other_kinds_than_plates_and_in_the_place_of_a_grammar(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="words are for other kinds"):
        Reader(**options, words=["AB"])


def test_words_of_the_bundles_language_are_likelier_unless_told_otherwise() -> None:
    english = replace(BUNDLE, kind=Kind.SIGN, settings=BUNDLE.settings | {"language": "en"})
    silent = replace(BUNDLE, kind=Kind.SIGN)
    told = {
        "of the bundle": Reader("word", bundle=english),
        "asked for": Reader("sign", bundle=silent, language="en"),
        "refused": Reader("sign", bundle=english, language="none"),
        "not told": Reader("sign", bundle=silent),
        "of numbers": Reader("digits", bundle=english),
    }
    gains = {name: reader.grammar.weight("STREET") > reader.grammar.weight("STREXT") for name, reader in told.items()}
    assert gains == dict.fromkeys(told, False) | {"of the bundle": True, "asked for": True}
    assert {reader.grammar.weight("STREXT") for name, reader in told.items() if name != "of numbers"} == {0.0}


@pytest.mark.parametrize(
    "options", [{}, {"kind": "digits"}, {"kind": "sign", "words": ["AB"]}, {"kind": "sign", "grammar": WORDS}]
)
def test_a_language_is_for_signs_and_words_and_not_beside_a_list(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a language is for kinds sign and word"):
        Reader(**options, language="en")


def test_a_language_that_is_none_is_an_error_of_whoever_named_it() -> None:
    bundle = replace(BUNDLE, kind=Kind.SIGN)
    with pytest.raises(GrammarError, match="no language is called 'xx'"):
        Reader("sign", bundle=bundle, language="xx")
    for wrong in (3, "xx", "de.npz"):
        with pytest.raises(BundleError, match=f"tiny: its language is {wrong!r}"):
            Reader("sign", bundle=replace(bundle, settings=bundle.settings | {"language": wrong}))
    with pytest.raises(TypeError, match="language must be a name"):
        Reader("sign", bundle=bundle, language=Path("de.npz"))  # type: ignore[arg-type]


def test_an_unknown_region_is_an_error() -> None:
    with pytest.raises(GrammarError, match="atlantis"):
        Reader(bundle=BUNDLE, regions=["atlantis"])


def test_a_folder_name_of_two_lines_does_not_make_two_of_a_bundles_error(tmp_path: Path) -> None:
    source, folder = Path(__file__).parents[1] / "data/bundles/tiny", tmp_path / "two\nlines"
    folder.mkdir()
    card = (source / "model.toml").read_text()
    for text in (None, "format = ", card.replace("format = 1", "format = 2"), "format = 1\ntask = 'recognise'", card):
        if text is not None:
            (folder / "model.toml").write_text(text)
        with pytest.raises(BundleError) as caught:
            load_bundle(folder, task="recognise")
        assert str(caught.value).startswith(f"{tmp_path}/two\\nlines/model.t")
        assert "\n" not in str(caught.value)


def test_a_bundle_loads_from_a_folder_that_is_named_by_a_string() -> None:
    folder = Path(__file__).parents[1] / "data/bundles/tiny"
    assert load_bundle(str(folder), task="recognise") == BUNDLE


@pytest.mark.parametrize("kind", ["sign", "word", "digits"])
def test_a_kind_without_a_bundle_is_an_error_of_one_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plate").mkdir()
    monkeypatch.setattr("edge_ocr.bundle._SHIPPED", tmp_path)
    message = f"^no bundle to recognise kind {kind} came with this version; choose a kind that it has: plate$"
    with pytest.raises(BundleError, match=message):
        Reader(kind)


def test_a_bundle_for_another_kind_is_an_error() -> None:
    with pytest.raises(BundleError, match="recognise"):
        Reader("plate", bundle=replace(BUNDLE, kind=Kind.SIGN))


def test_a_bundle_for_signs_reads_words_and_numbers_as_well() -> None:
    for kind in ("word", "digits"):
        (reading,) = Reader(kind, bundle=replace(BUNDLE, kind=Kind.SIGN)).read(AB, crop=True)
        assert (reading.text, reading.kind) == ("AB", Kind(kind))


def test_what_is_detected_and_no_number_is_none_for_kind_digits() -> None:
    options: dict[str, Any] = {"bundle": replace(BUNDLE, kind=Kind.SIGN), "detector": looking_at((10, 5))}
    assert Reader("digits", **options).read(scene((AB, 10, 5))) == []
    assert [reading.text for reading in Reader("word", **options).read(scene((AB, 10, 5)))] == ["AB"]


class Scripted:
    """In the place of a recogniser: says what it was told to, one crop after the other.

    Each is doubtful, so each is read twice: as it is, and upside down.
    """

    widths, height, widening, gap, longest = (32,), 8, 1.0, None, 4.0
    steps: tuple[str, ...] = ()

    def __init__(self, *log_probs: np.ndarray) -> None:
        self._left = [each for each in log_probs for _ in range(2)]

    def __call__(self, _: Any) -> np.ndarray:
        """The next."""
        return self._left.pop(0)


class Noting:
    """In the place of a recogniser: keeps the strips, and says 'A', or 'B' with the probability ``doubt``."""

    widths, height, widening, gap, longest = (32,), 8, 1.0, None, 4.0
    steps: tuple[str, ...] = ()

    def __init__(self, seen: list[Strip], doubt: float) -> None:
        self._seen = seen
        self._doubt = doubt

    def __call__(self, strip: Strip) -> np.ndarray:
        """The same of every strip."""
        self._seen.append(strip)
        return said({"A": 1 - self._doubt, "B": self._doubt}, {"A": 1.0})[:2]


def said(first: dict[str, float], second: dict[str, float]) -> np.ndarray:
    """Log-probabilities of two characters with a sure blank after each; what is not named has none to speak of."""
    probs = np.full((4, len(ALPHABET) + 1), 1e-12)
    for row, chances in ((0, first), (2, second)):
        for character, chance in chances.items():
            probs[row, 1 + ALPHABET.index(character)] = chance
        probs[row + 1, 0] = 1.0
    return np.log(probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)


def test_two_halves_of_a_plate_are_read_as_one() -> None:
    reader = reader_with(looking_at((10, 5), (42, 5)))
    (sighting,) = reader.sightings(scene((AB, 10, 5), (BA, 42, 5)))
    assert sighting.strip.quad.corners == ((10, 5), (74, 5), (74, 13), (10, 13))


def test_a_text_that_begins_as_the_twelfth_best_is_still_found() -> None:
    begins = {letter: 0.1 - 0.004 * place for place, letter in enumerate("ABCDEFGHIJKL")}
    grammar = word_grammar([*(letter + "0" for letter in "ABCDEFGHIJK"), "L1"], ALPHABET)
    reader = reader_with(grammar=grammar)
    reader.recogniser = Scripted(said(begins, {"1": 1.0}))  # type: ignore[assignment]
    (sighting,) = reader.sightings(AB, crop=True)
    assert sighting.hypotheses[0].labels == (1 + ALPHABET.index("L"), 1 + ALPHABET.index("1"))


def test_a_text_that_is_eighth_in_each_of_two_frames_can_still_win_both() -> None:
    words = [letter + "0" for letter in "ABCDEFGHIJKLMNO"]
    reader = reader_with(grammar=word_grammar(words, ALPHABET))
    likes = [{**dict.fromkeys(best, 0.13), "O": 0.09} for best in ("ABCDEFG", "HIJKLMN")]
    reader.recogniser = Scripted(*(said(first, {"0": 1.0}) for first in likes))  # type: ignore[assignment]
    sightings = [reader.sightings(AB, crop=True, frame=frame)[0] for frame in range(2)]
    result = vote.fuse(sightings, reader.grammar, kind=Kind.PLATE)
    assert result is not None
    assert result.reading.text == "O0"


def test_what_stands_at_known_places_is_read_in_their_order() -> None:
    quads = looking_at((70, 40), (50, 20), (10, 5))(AB)
    found = reader_with().read_at(scene((AB, 10, 5), (BA, 70, 40)), quads)
    assert [reading and (reading.text, reading.quad) for reading in found] == [("BA", quads[0]), None, ("AB", quads[2])]
    assert reader_with().read_at(AB, []) == []
    with pytest.raises(TypeError, match="image"):
        reader_with().read_at(None, quads)


def test_a_reader_for_other_texts_shares_the_recogniser() -> None:
    first = reader_with()
    other = first.with_grammar(word_grammar(["BA"], ALPHABET, length_bonus=0))
    assert other.recogniser is first.recogniser
    assert (first.read(AB, crop=True)[0].text, other.read(AB, crop=True)[0].text) == ("AB", "BA")


class Spaced:
    """In the place of a recogniser: sees 'AA BB' with a doubt about the first letter, whatever it is shown."""

    widths, height, widening, gap, longest, alphabet = (32,), 8, 1.0, None, 4.0, "ABC "

    def __call__(self, _: Any) -> np.ndarray:
        """The same of every strip."""
        probs = np.full((11, 5), 1e-9)
        for step, column in enumerate("_A_A_ _B_B_"):
            probs[step, self.alphabet.find(column) + 1] = 1.0
        probs[1, 1:4] = 0.4, 0.25, 0.35
        return np.log(probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)


def spaced(top: int) -> Reader:
    """A reader of signs that finds one quad with two words in it."""
    bundle = replace(BUNDLE, kind=Kind.SIGN)
    quads = [replace(quad, kind=Kind.SIGN) for quad in looking_at((10, 5))(AB)]
    reader = Reader(Kind.SIGN, bundle=bundle, detector=lambda _: quads, min_confidence=0, min_characters=1, top=top)
    reader.recogniser, reader.grammar = Spaced(), open_grammar(Spaced.alphabet)  # type: ignore[assignment]
    return reader


def test_a_words_confidence_does_not_depend_on_how_many_alternatives_are_listed() -> None:
    every, none = ({word.text: word for word in spaced(top).read(scene((AB, 10, 5)))} for top in (5, 0))
    assert set(every) == {"AA", "BB"}
    assert every["BB"].confidence > 0.9 > every["AA"].confidence
    assert none == {text: replace(word, alternatives=()) for text, word in every.items()}


def test_what_a_grammar_expects_together_is_told_together_whenever_it_came() -> None:
    names = spaced(5).with_grammar(word_grammar(["AA BB", "CC BB"], Spaced.alphabet))
    assert [reading.text for reading in names.read(scene((AB, 10, 5)))] == ["AA BB"]
