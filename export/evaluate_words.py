"""Measure a recogniser of words or signs on crops: ``python -m export evaluate-words BUNDLE FOLDER``.

What is measured is what ships: the .tflite file, the decoder and the vote's confidence, as ``edge-ocr read --crop``
runs them, with the words of the bundle's language; any text alike is measured beside it, as scene-word benchmarks have
it. Texts count as right when their letters and digits are, case ignored, as they do there.
"""

from __future__ import annotations

import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr import rectify, vote
from edge_ocr.bundle import load_bundle
from edge_ocr.clock import Stopwatch
from edge_ocr.decode import search
from edge_ocr.reader import MIN_CONFIDENCE
from edge_ocr.recognise import Recogniser, log_softmax
from edge_ocr.sight import BEAM, LISTED, Sight
from edge_ocr.types import Kind, Quad, Sighting, Strip, corners_of
from edge_ocr.vocabulary import NONE, language_grammar
from edge_ocr.words import is_number, listed_grammar, number_grammar, open_grammar
from export import photographs
from export.scoring import Calibration, Score, calibration, grouped, scored

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_ocr.bundle import Bundle
    from edge_ocr.grammar import Grammar

_LEXICON = 50
_FEWEST = 20  # numbers of which a share says something


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One labelled crop, looked at once, or again where the first look left a doubt.

    Attributes:
        strip: of the first look.
        label: what it says.
        width: of the crop, in pixels.
        shade: its mean grey level, 0..255.
        log_probs: float32 (T, C) of each look.
        first_look: milliseconds of cutting out and recognising, of a square crop both as a whole and within its rim.
        altogether: milliseconds of all looks, searching included.

    """

    strip: Strip
    label: str
    width: int
    shade: float
    log_probs: tuple[NDArray[np.float32], ...]
    first_look: float
    altogether: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A bundle on a folder: ``free`` reads, of texts that no list bounds, and ``lexicon`` reads among 50 words.

    ``groups`` has how many crops there are of each width and brightness, and the share of free reads that is right.
    ``milliseconds`` is the median of first looks at a crop, ``altogether`` the mean of all looks, searching included.
    """

    name: str
    free: Score
    lexicon: Score
    calibration: Calibration
    groups: dict[str, tuple[int, float]]
    milliseconds: float
    altogether: float

    def lines(self) -> list[str]:
        """What the command prints."""
        return [
            f"{self.name}: {self.free.count} crops, {self.milliseconds:.2f} ms for the first look at one",
            f"  {self.altogether:.2f} ms on average with second looks at what is in doubt, and the search",
            f"  free           exact {self.free.exact:6.1%}   character errors {self.free.errors:6.2%}",
            f"  of 50 words    exact {self.lexicon.exact:6.1%}",
            f"  calibration error {self.calibration.error:.1%} (by chance alone {self.calibration.chance:.1%})",
            f"  mean confidence {self.calibration.confidence:.1%}",
            *(f"  {name:18} {share:6.1%} of {count}" for name, (count, share) in self.groups.items()),
        ]


def grammars(bundle: Bundle) -> dict[str, Grammar]:
    """How a bundle may read, the last one as it ships."""
    alphabet, language = bundle.settings["alphabet"], bundle.settings.get("language", NONE)
    found = {"any text": open_grammar(alphabet)}
    return found if language == NONE else found | {f"words of {language}": language_grammar(language, alphabet)}


def look(bundle: Bundle, folder: Path, grammar: Grammar | None = None) -> list[Look]:
    """Look at every labelled crop of a folder with at least one letter or digit in its text.

    What is in doubt, and looked at again, depends on the grammar; None for any text.
    """
    recogniser = Recogniser(bundle)
    grammar = grammar or open_grammar(recogniser.alphabet)
    looks = []
    for label, image in photographs.crops(folder, margin=0):
        if scored(label.text, folded=False) and image.size:
            stopwatch = Stopwatch()
            sight = Sight(recogniser, grammar, 0, stopwatch)
            first = sight.of_crop(image, bundle.kind)
            taken = stopwatch.ms["recognise"]
            seen = tuple(each.log_probs for each in (first, *sight.again(image, first)))
            width, shade = image.shape[1], float(rectify.grey(image).mean())
            looks.append(Look(first.strip, label.text, width, shade, seen, taken, sum(stopwatch.ms.values())))
    return looks


def look_at_renders(bundle: Bundle, shard: Path) -> list[Look]:
    """Recognise every strip of a shard (see :mod:`export.synthetic.sign_strips`)."""
    from export.synthetic.sign_strips import HEIGHT, load_shard  # noqa: PLC0415 - needs the font libraries

    recogniser = Recogniser(bundle)
    looks = []
    for width, group in load_shard(shard).items():
        corners = corners_of([(0, 0), (width, 0), (width, HEIGHT), (0, HEIGHT)])
        quad = Quad(corners, bundle.kind, 1.0)
        for image, classes in zip(group.strips, group.labels.tolist(), strict=True):
            begin = time.perf_counter()
            log_probs = recogniser(strip := Strip(image, quad))
            spelling = "".join(recogniser.alphabet[number - 1] for number in classes if number)
            label, took = unicodedata.normalize("NFC", spelling), 1000 * (time.perf_counter() - begin)
            looks.append(Look(strip, label, width, float(image.mean()), (log_probs,), took, took))
    return looks


def measure(bundle: Bundle, folder: Path) -> list[Evaluation]:
    """A bundle on a folder, read in each of the ways of :func:`grammars`."""
    return [
        evaluate(
            look(bundle, folder, grammar), bundle.settings["alphabet"], name=f"{folder.name}, {way}", grammar=grammar
        )
        for way, grammar in grammars(bundle).items()
    ]


def exact(looks: Sequence[Look], alphabet: str) -> float:
    """The share of texts that are right in every character, case, spaces and marks included."""
    reads = _reads(looks, open_grammar(alphabet))
    return float(np.mean([text == item.label for (text, _), item in zip(reads, looks, strict=True)]))


def evaluate(looks: Sequence[Look], alphabet: str, *, name: str, grammar: Grammar | None = None) -> Evaluation:
    """Decode and compare with the labels.

    Args:
        looks: at least one.
        alphabet: the recogniser's.
        name: of the folder.
        grammar: of free reads, with which the looks were taken; None for any text.

    """
    labels = [item.label for item in looks]
    reads = _reads(looks, grammar or open_grammar(alphabet))
    chosen = [_read(item, _lexicon(labels, place, alphabet))[0] for place, item in enumerate(looks)]
    return Evaluation(
        name,
        Score.of([text for text, _ in reads], labels, folded=False),
        Score.of(chosen, labels, folded=False),
        _kept(reads, labels),
        grouped([item.width for item in looks], [item.shade for item in looks], _right(reads, labels)),
        float(np.median([item.first_look for item in looks])),
        float(np.mean([item.altogether for item in looks])),
    )


def confidences(looks: Sequence[Look], alphabet: str, temperature: float) -> Calibration:
    """Whether confidences of free reads keep their word at a further temperature."""
    return _kept(_reads(looks, open_grammar(alphabet), temperature), [item.label for item in looks])


def numbers(looks: Sequence[Look], alphabet: str) -> list[str]:
    """How numbers are read by each grammar that may, and how many words each takes for numbers, as lines to print."""
    shown = [item for item in looks if (plain := item.label.replace(" ", "")) and plain.isdecimal()]
    words = [item for item in looks if not any(character.isdecimal() for character in item.label)]
    if len(shown) < _FEWEST:
        return []
    grammars = {
        "any text": open_grammar(alphabet),
        "kind digits": number_grammar(alphabet),
        "digits alone": number_grammar(alphabet, unlisted=0.0),
    }
    made = []
    for name, grammar in grammars.items():
        texts = [_read(item, grammar)[0].replace(" ", "") for item in shown]
        right = np.mean([text == item.label.replace(" ", "") for text, item in zip(texts, shown, strict=True)])
        reads = [_read(item, grammar) for item in words]
        wrong = sum(is_number(text) and sure >= MIN_CONFIDENCE[Kind.DIGITS] for text, sure in reads)
        made.append(f"  {len(shown)} numbers as {name:13} {right:6.1%} right, {wrong} of {len(words)} words as numbers")
    return made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    parser.add_argument("folders", type=Path, nargs="+", help="of labelled crops: labels.csv and images/")


def run(args: argparse.Namespace) -> int:
    """Print what a bundle reads of each folder."""
    bundle = load_bundle(args.bundle, task="recognise")
    for folder in args.folders:
        told = [line for made in measure(bundle, folder) for line in made.lines()]
        print("\n".join([*told, *numbers(look(bundle, folder), bundle.settings["alphabet"])]), flush=True)
    return 0


def _reads(looks: Sequence[Look], grammar: Grammar, temperature: float = 1.0) -> list[tuple[str, float]]:
    return [_read(item, grammar, temperature) for item in looks]


def _right(reads: Sequence[tuple[str, float]], labels: Sequence[str]) -> list[bool]:
    pairs = zip(reads, labels, strict=True)
    return [scored(text, folded=False) == scored(label, folded=False) for (text, _), label in pairs]


def _kept(reads: Sequence[tuple[str, float]], labels: Sequence[str]) -> Calibration:
    return calibration([sure for _, sure in reads], _right(reads, labels))


def _read(item: Look, grammar: Grammar, temperature: float = 1.0) -> tuple[str, float]:
    sightings = []
    for cold in item.log_probs:
        log_probs = cold if temperature == 1 else log_softmax(cold / np.float32(temperature))
        sightings.append(Sighting(0, item.strip, log_probs, tuple(search(log_probs, grammar, BEAM, LISTED))))
    ballot = vote.fuse(sightings, grammar, kind=Kind.WORD)
    return ("", 0.0) if ballot is None else (ballot.reading.text, ballot.reading.confidence)


def _lexicon(labels: Sequence[str], place: int, alphabet: str) -> Grammar:
    """The label and 49 others of the folder, the same every time, each as written, in lower case and in capitals."""
    others = np.random.default_rng(place).permutation(len(labels))[: _LEXICON - 1]
    words = [labels[place], *(labels[number] for number in others)]
    kept = ["".join(character for character in word if character in alphabet) for word in words]
    forms = [form for word in kept for form in (word, word.lower(), word.upper(), word.capitalize())]
    return listed_grammar(forms, alphabet, capitals=False, unlisted=0.0)
