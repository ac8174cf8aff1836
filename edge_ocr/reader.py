"""One image -> readings: detect, rectify, recognise, decode, and the vote of a single sighting, composed.

>>> from edge_ocr import Reader
>>> readings = Reader("plate", regions=["eu"]).read(image)  # doctest: +SKIP
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr import heap, spaces, vote
from edge_ocr.bundle import named_bundle, shipped_bundle
from edge_ocr.clock import Stopwatch
from edge_ocr.decode import search
from edge_ocr.detect import Detector, check_image
from edge_ocr.errors import BundleError
from edge_ocr.grammar import Grammar, load_regions, plate_grammar
from edge_ocr.join import joined
from edge_ocr.recognise import Recogniser, alphabet_of
from edge_ocr.sight import Sight
from edge_ocr.types import Kind
from edge_ocr.vocabulary import NONE, language_grammar, languages
from edge_ocr.words import is_number, listed_grammar, number_grammar, open_grammar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edge_ocr.bundle import Bundle
    from edge_ocr.types import Image, Quad, Reading, Region, Sighting

MOST_ALTERNATIVES = 5
"""That a reading can list."""

MIN_CONFIDENCE = {Kind.PLATE: 0.3, Kind.SIGN: 0.45, Kind.WORD: 0.45, Kind.DIGITS: 0.3}
"""Below it a reading of something detected is more often a lamp or lettering than a plate, or leaves than a word."""

SHORTEST = {Kind.PLATE: 4, Kind.SIGN: 1, Kind.WORD: 1, Kind.DIGITS: 1}
"""Characters; what is read in fewer where a text was detected is more often a fragment, a lamp or lettering. A few
personalised plates have less."""


class Reader:
    """Reads images; make one and use it for many.

    Args:
        kind: what to read: 'plate', 'sign', 'word' or 'digits'.
        regions: whose plate formats to expect: names ("sk", "us-ca"), groups ("eu") or paths of region files; None for
            all that come with this package. For plates only.
        bundle: the recogniser, its folder, or the name of one that came with this package ('sign-hangul'); None for the
            one of the kind.
        detector: finds the quads in an image, best first, and is told ``regions`` where only those are worth a look;
            None for the one that came with this package, which is loaded when first needed.
        grammar: what a text may look like, over the recogniser's alphabet with blank 0, in the place of ``regions``;
            None for anything where no plates are read.
        words: names that are expected, such as a town's streets; any other text is possible, at a price (see
            :mod:`edge_ocr.words`). Not for plates, and in the place of ``grammar``.
        language: whose words are likelier than other texts: one of :func:`edge_ocr.vocabulary.languages`, a file of
            words, or 'none'; None for what the bundle says. For kinds 'sign' and 'word', and in the place of ``words``.
        top: the most alternatives that a reading lists, 0 to 5; a text's confidence does not depend on it.
        min_confidence: 0..1, the least of a reading where texts are detected, None for that of the kind in
            :data:`MIN_CONFIDENCE`; a whole crop is read whatever comes.
        min_characters: >= 1, the shortest text of a reading where texts are detected; None for that of the kind in
            :data:`SHORTEST`, whatever ``min_confidence`` says.
        threads: how many cores one inference may use; >= 1.
        preprocess: steps of :mod:`edge_ocr.preprocess` that every strip goes through, by name and in this order.

    Raises:
        BundleError: no bundle came with this package for the kind, or the one given is for another.
        GrammarError: a region or language is not known, or no word can be written in the recogniser's alphabet.
        EngineError: no interpreter is installed, or it refuses the model.
        TypeError: another argument is of the wrong type.
        ValueError: another argument is out of its range.

    """

    def __init__(
        self,
        kind: Kind | str = Kind.PLATE,
        *,
        regions: Sequence[str] | None = None,
        bundle: Bundle | str | None = None,
        detector: Callable[..., list[Quad]] | None = None,
        grammar: Grammar | None = None,
        words: Iterable[str] | None = None,
        language: str | None = None,
        top: int = 5,
        min_confidence: float | None = None,
        min_characters: int | None = None,
        threads: int = 1,
        preprocess: Sequence[str] = (),
    ) -> None:
        if kind not in list(Kind):
            raise ValueError(f"kind must be one of {', '.join(Kind)}, not {kind!r}")
        least = MIN_CONFIDENCE[Kind(kind)] if min_confidence is None else min_confidence
        _check_numbers(top, least, min_characters, threads)
        if regions is not None:
            _check_regions(regions)
        self.kind = Kind(kind)
        if grammar is not None and regions is not None:
            raise ValueError("regions and grammar exclude each other: a grammar is already made of its regions")
        if self.kind is not Kind.PLATE and regions is not None:
            raise ValueError(f"regions are for plates, not for kind {self.kind}")
        if words is not None and (grammar is not None or self.kind is Kind.PLATE):
            raise ValueError("words are for other kinds than plates, and in the place of a grammar")
        free = self.kind in {Kind.SIGN, Kind.WORD} and words is None and grammar is None
        if language is not None and not free:
            raise ValueError("a language is for kinds sign and word, and not beside words or a grammar")
        bundle = _bundle_of(bundle, self.kind)
        self._apart = free  # names on a list may have spaces
        if free:
            grammar = _any_text(bundle, language)
        self.grammar = grammar or _expected(self.kind, alphabet_of(bundle), regions, words)
        self.recogniser = Recogniser(bundle, threads=threads, preprocess=preprocess)
        self._detector = detector
        self._top = top
        self._min_confidence = least
        self._min_characters = min_characters or SHORTEST[self.kind]
        self._threads = threads

    @cached_property
    def detector(self) -> Callable[..., list[Quad]]:
        """What finds the quads in an image; loading the one that came with this package may raise BundleError."""
        if self._detector is not None:
            return self._detector
        return Detector(shipped_bundle(self.kind, task="detect"), threads=self._threads, kind=self.kind)

    def read(self, image: Image, *, crop: bool = False, stopwatch: Stopwatch | None = None) -> list[Reading]:
        """All texts in an image.

        Args:
            image: uint8, HxWx3 (B, G, R) or HxW grey.
            crop: the image already is one plate or one line of text; nothing is detected.
            stopwatch: gets the time that each stage takes.

        Returns:
            Most confident first; at most one if ``crop``. Words that were found as one are told one by one, but for
            those that ``words`` or a grammar expects together.

        Raises:
            TypeError: image is no array of uint8.
            ValueError: image has another shape, or no pixels.

        """
        stopwatch = stopwatch or Stopwatch()
        sightings = self.sightings(image, crop=crop, stopwatch=stopwatch)
        readings = self._readings(image, sightings, stopwatch, crop=crop)
        pairs = [(reading, first) for reading, first in zip(readings, sightings, strict=True) if reading]
        if self._apart and not crop:
            alphabet = self.recogniser.alphabet
            found = [word for reading, first in pairs for word in spaces.words(reading, first.log_probs, alphabet)]
        else:
            found = [reading for reading, _ in pairs]
        sure = found if crop else [reading for reading in found if self._is_credible(reading)]
        return [self._listed(reading) for reading in sorted(sure, key=lambda reading: -reading.confidence)]

    def read_at(self, image: Image, quads: Sequence[Quad]) -> list[Reading | None]:
        """The texts at places that are known already, each read by itself; nothing is detected.

        Args:
            image: as in :meth:`read`.
            quads: in pixels of the image; each of them one line of text.

        Returns:
            One for each quad, in their order, however doubtful; None where no text is.

        Raises:
            TypeError: image is no array of uint8.
            ValueError: image has another shape, or no pixels.

        """
        check_image(image)
        stopwatch = Stopwatch()
        sight = Sight(self.recogniser, self.grammar, 0, stopwatch)
        found = self._readings(image, [sight.of_quads(image, [quad])[0] for quad in quads], stopwatch)
        return [reading and self._listed(reading) for reading in found]

    def with_grammar(self, grammar: Grammar) -> Reader:
        """The same reader for other texts; both have one recogniser.

        Args:
            grammar: what a text may look like, over the recogniser's alphabet with blank 0.

        """
        other = copy(self)
        other.grammar = grammar
        other._apart = False  # noqa: SLF001 -- of this class
        return other

    def sightings(
        self,
        image: Image,
        *,
        crop: bool = False,
        frame: int = 0,
        regions: Sequence[Region] | None = None,
        choose: Callable[[list[Quad]], list[Quad]] | None = None,
        stopwatch: Stopwatch | None = None,
    ) -> list[Sighting]:
        """The evidence for every text in an image, for a vote over many frames.

        Args:
            image: as in :meth:`read`.
            crop: as in :meth:`read`.
            frame: the number of the frame, for the sightings.
            regions: the only parts of the image that are worth a look; None for all of it, and no concern of a crop.
            choose: takes the quads that were found and gives those that are read; None for all.
            stopwatch: as in :meth:`read`.

        Returns:
            One for each quad of the detector, pieces and lines of one plate joined, in its order, those without a
            legible text included.

        Raises:
            TypeError: image is no array of uint8.
            ValueError: image has another shape, or no pixels.

        """
        check_image(image)
        stopwatch = stopwatch or Stopwatch()
        sight = Sight(self.recogniser, self.grammar, frame, stopwatch, loose=crop)
        if crop:
            return [sight.of_crop(image, self.kind)]
        detector = self.detector
        with stopwatch.lap("detect"):
            found = detector(image) if regions is None else detector(image, regions=regions)
            quads = joined(found, word_gap=self.recogniser.gap, longest=self.recogniser.longest)
        quads = quads if choose is None else choose(quads)
        return sight.of_quads(image, quads)

    def _readings(
        self, image: Image, sightings: Sequence[Sighting], stopwatch: Stopwatch, *, crop: bool = False
    ) -> list[Reading | None]:
        """What each sighting says with further looks at those in doubt; None for one without a legible text."""
        sight = Sight(self.recogniser, self.grammar, 0, stopwatch, loose=crop)
        looks = [[sighting, *sight.again(image, sighting)] for sighting in sightings]
        with stopwatch.lap("decode"):
            votes = [vote.fuse(each, self.grammar, kind=self.kind) for each in looks]
        pairs = zip(sightings, votes, strict=True)
        return [replace(ballot.reading, quad=first.strip.quad) if ballot else None for first, ballot in pairs]

    def _listed(self, reading: Reading) -> Reading:
        """A reading with as many alternatives as were asked for; a part of one is judged by all of them first."""
        return replace(reading, alternatives=reading.alternatives[: self._top])

    def _is_credible(self, reading: Reading) -> bool:
        """Whether what stands where something was detected is a text of the kind."""
        if self.kind is Kind.DIGITS and not is_number(reading.text):
            return False
        return reading.confidence >= self._min_confidence and len(reading.text) >= self._min_characters


def _any_text(bundle: Bundle, language: str | None) -> Grammar:
    """Of signs and words; what stands in a language's vocabulary is likelier."""
    alphabet = alphabet_of(bundle)
    if language is None:
        language = bundle.settings.get("language", NONE)
        if language not in (*languages(), NONE):
            raise BundleError(f"{bundle.name}: its language is {language!r}, which did not come with this version")
    if not isinstance(language, str):
        raise TypeError(f"language must be a name or a file's path as a string, not {language!r}")
    return open_grammar(alphabet) if language == NONE else _warmed(language_grammar(language, alphabet), alphabet)


def _expected(kind: Kind, alphabet: str, regions: Sequence[str] | None, words: Iterable[str] | None) -> Grammar:
    """What is expected of a kind: names, numbers, formats."""
    if words is not None:
        return listed_grammar(words, alphabet)
    return number_grammar(alphabet) if kind is Kind.DIGITS else _formats(regions, alphabet)


def _bundle_of(bundle: Bundle | str | None, kind: Kind) -> Bundle:
    """The recogniser that is meant, which must be one for the kind."""
    if isinstance(bundle, str):
        bundle = named_bundle(bundle, task="recognise")
    bundle = bundle or shipped_bundle(kind, task="recognise")
    if bundle.task != "recognise" or not bundle.serves(kind):
        raise BundleError(f"{bundle.name}: is to {bundle.task} kind {bundle.kind}, not to recognise {kind}")
    return bundle


def _formats(regions: Sequence[str] | None, alphabet: str) -> Grammar:
    """The formats of regions, ready to be searched.

    Joining all of them takes 25 MB for a moment, and the decoder's own form of them another 4: both while the
    interpreter is not loaded yet, and given back before it is.
    """
    return _warmed(plate_grammar(load_regions(regions), alphabet), alphabet)


def _warmed(grammar: Grammar, alphabet: str) -> Grammar:
    """The grammar, compiled by the kernel, and what that took given back."""
    classes = len(alphabet) + 1
    search(np.full((1, classes), -np.log(classes), np.float32), grammar, 1, 1)
    heap.give_back()
    return grammar


def _check_numbers(top: int, min_confidence: float, min_characters: int | None, threads: int) -> None:
    if not 0 <= _whole("top", top) <= MOST_ALTERNATIVES:
        raise ValueError(f"top must be 0 to {MOST_ALTERNATIVES}, not {top}")
    if isinstance(min_confidence, bool) or not isinstance(min_confidence, int | float):
        raise TypeError(f"min_confidence must be a number, not {min_confidence!r}")
    if not 0 <= min_confidence <= 1:
        raise ValueError(f"min_confidence must be 0 to 1, not {min_confidence}")
    if min_characters is not None and _whole("min_characters", min_characters) < 1:
        raise ValueError(f"min_characters must be at least 1, not {min_characters}")
    if _whole("threads", threads) < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")


def _whole(name: str, value: object) -> int:
    """The value of an argument that counts something."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    return value


def _check_regions(regions: Sequence[str]) -> None:
    if isinstance(regions, str) or not all(isinstance(name, str) for name in regions):
        raise TypeError(f"regions must be a sequence of names, such as ['eu'], not {regions!r}")
    if not regions:
        raise ValueError("regions must hold at least one name; None stands for all that come with this package")
