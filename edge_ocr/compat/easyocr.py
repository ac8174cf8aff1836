"""EasyOCR's ``Reader``, as far as scripts use it to read images: the same arguments in, the same shapes out.

    from edge_ocr.compat import easyocr   # instead of: import easyocr
    reader = easyocr.Reader(["en"])
    for box, text, confidence in reader.readtext("street.jpg"): ...

What differs is documented in docs/reference/easyocr.md.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edge_ocr.bundle import shipped_bundle
from edge_ocr.compat import shapes
from edge_ocr.reader import Reader as _Reader
from edge_ocr.recognise import alphabet_of
from edge_ocr.signs import lines
from edge_ocr.types import Kind, Reading
from edge_ocr.vocabulary import NONE, language_grammar
from edge_ocr.words import open_grammar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_ocr.bundle import Bundle
    from edge_ocr.grammar import Grammar
    from edge_ocr.types import Image, Quad

LANGUAGES = frozenset(
    """
    af bs cs da de en es et fr ga hr hu id is it ku la lt lv ms nl no oc pl pt ro rs_latin sk sl sq sv sw tl tr uz
    """.split()  # noqa: SIM905 - one language a line would be forty lines
)
"""Codes of the languages in Latin letters all of whose letters the sign recogniser knows, as EasyOCR names them."""

_CONSTRUCTION = frozenset(
    """
    cudnn_benchmark detect_network detector download_enabled gpu model_storage_directory quantize recog_network
    recognizer user_network_directory verbose
    """.split()  # noqa: SIM905 - the same
)
"""Arguments of EasyOCR's constructor."""

_FINDING = frozenset(
    """
    add_margin bbox_min_score bbox_min_size canvas_size height_ths link_threshold low_text mag_ratio max_candidates
    optimal_num_chars slope_ths text_threshold threshold width_ths ycenter_ths
    """.split()  # noqa: SIM905 - the same
)
"""Arguments that tune how EasyOCR finds boxes; they change nothing."""

_READING = frozenset("adjust_contrast contrast_ths filter_ths x_ths y_ths".split())  # noqa: SIM905 - the same
"""Arguments that tune how EasyOCR reads boxes and makes paragraphs of them; they change nothing."""


class Reader:
    """Reads lines of text in images, as EasyOCR's ``Reader`` does; its networks are loaded once.

    Args:
        lang_list: codes of languages; with ``["en"]`` alone, texts have no accented letters.
        bundle: the recogniser; None for the one that came with this package. Not an argument of EasyOCR's.
        find: what finds lines or words in an image; None for the detector that came with this package. Not an argument
            of EasyOCR's either.
        options: EasyOCR's other arguments, which concern graphics cards, downloads and network names; they change
            nothing, and need not be taken out of a script.

    Attributes:
        character: every character that the recogniser knows.
        lang_char: those of the languages.

    Raises:
        BundleError: no bundle for signs came with this version.
        ValueError: a language is not known, or written in other letters than Latin ones.

    """

    def __init__(
        self,
        lang_list: Sequence[str],
        *_: Any,
        bundle: Bundle | None = None,
        find: Callable[..., list[Quad]] | None = None,
        **options: Any,
    ) -> None:
        languages = [lang_list] if isinstance(lang_list, str) else list(lang_list)
        if unknown := sorted(set(languages) - LANGUAGES):
            known = ", ".join(sorted(LANGUAGES))
            raise ValueError(f"lang_list holds {unknown[0]!r}, which is not supported; there are {known}")
        if not languages:
            raise ValueError("lang_list must name at least one language, such as 'en'")
        _refuse(set(options) - _CONSTRUCTION, "Reader")
        bundle = bundle or shipped_bundle(Kind.SIGN, task="recognise")
        self.character = alphabet_of(bundle)
        self.lang_char = (
            "".join(c for c in self.character if c.isascii()) if set(languages) == {"en"} else self.character
        )
        spoken = bundle.settings.get("language", NONE)
        self._language = spoken if spoken in languages else NONE
        self._reader = _Reader(Kind.SIGN, bundle=bundle, detector=find, language=NONE, top=0)  # see _reader_of

    def readtext(
        self,
        image: Any,
        decoder: str = "greedy",
        beamWidth: int = 5,  # noqa: N803 - EasyOCR's names
        batch_size: int = 1,
        workers: int = 0,
        allowlist: str | None = None,
        blocklist: str | None = None,
        detail: int = 1,
        rotation_info: Sequence[int] | None = None,
        paragraph: bool = False,
        min_size: int = 20,
        *,
        output_format: str = "standard",
        **tuning: Any,
    ) -> list[Any]:
        """All lines of text in an image, from top to bottom, slanted ones last.

        Args:
            image: a file's path, an encoded image's bytes, uint8 HxW grey, HxWx3 (B, G, R) or HxWx4 (R, G, B, A), or a
                picture of PIL's.
            decoder: any name; texts are always found by beam search.
            beamWidth: changes nothing.
            batch_size: changes nothing.
            workers: changes nothing.
            allowlist: the only characters that texts may have.
            blocklist: characters that they may not have; without a say beside ``allowlist``.
            detail: 0 for texts alone.
            rotation_info: degrees counterclockwise by which the image is also turned and read, multiples of 90, for
                texts that stand on their side or head; of what was read in one place, the likelier counts.
            paragraph: put the lines of one board together.
            min_size: pixels, the longer side of a box must have more of them.
            output_format: 'standard', 'dict', 'json', or 'free_merge' for slanted lines in their place among others.
            tuning: EasyOCR's thresholds, which change nothing.

        Returns:
            With ``detail=1`` tuples of ``[[x, y], [x, y], [x, y], [x, y]]``, the text and its confidence, 0..1; whole
            pixels for a box that is level, as EasyOCR gives them, and floats for a slanted one. With ``paragraph``,
            lists of an upright box and its text. With ``detail=0``, texts.

        Raises:
            SourceError: an image cannot be read.
            TypeError: an argument is none of EasyOCR's, or an array is not of uint8.
            ValueError: ``image`` is of another type or shape, or an argument is out of its range.

        """
        del decoder, beamWidth, batch_size, workers  # how EasyOCR computes is not how this package does
        _refuse(set(tuning) - _FINDING - _READING, "readtext")
        told = shapes.Told(detail, paragraph, output_format)
        turns, reader = shapes.turns_of(rotation_info), self._reader_of(allowlist, blocklist)
        picture = shapes.picture_of(image)
        size = (picture.shape[1], picture.shape[0])
        found = _likeliest([self._lines(reader, picture, quarters) for quarters in turns])
        return told([reading for reading in found if shapes.extent(shapes.box_of(reading.quad, size)) > min_size], size)

    def readtext_batched(
        self, image: Any, n_width: int | None = None, n_height: int | None = None, *reading: Any, **options: Any
    ) -> list[list[Any]]:
        """What :meth:`readtext` gives for each of several images.

        Args:
            image: a list of what ``readtext`` takes, an array of several images (N, H, W, channels), or one image. They
                need not be of one size.
            n_width: pixels to which every image is brought first; boxes are then in these. Only with ``n_height``.
            n_height: the same for the other side.
            reading: further arguments of ``readtext``, in its order.
            options: the same by name.

        Returns:
            One list for each image, in their order.

        Raises:
            SourceError: as in ``readtext``.
            TypeError: as in ``readtext``.
            ValueError: as in ``readtext``.

        """
        pictures = shapes.pictures_of(image)
        if n_width is not None and n_height is not None:
            pictures = [shapes.resized(picture, (n_width, n_height)) for picture in pictures]
        return [self.readtext(picture, *reading, **options) for picture in pictures]

    def detect(
        self, img: Any, min_size: int = 20, *tuned: Any, reformat: bool = True, vert: bool = False, **tuning: Any
    ) -> tuple[list[list[list[int]]], list[list[list[list[float]]]]]:
        """Where lines of text are; nothing is read.

        Args:
            img: as in :meth:`readtext`, or several images as in :meth:`readtext_batched`.
            min_size: as in ``readtext``; 0 for boxes of any size.
            tuned: EasyOCR's further arguments, which change nothing.
            reformat: changes nothing.
            vert: must be False; texts that run downwards are not found.
            tuning: EasyOCR's thresholds, which change nothing.

        Returns:
            ``horizontal_list`` and ``free_list``, each with a list for every image: of level lines
            ``[x_min, x_max, y_min, y_max]`` in whole pixels, and of slanted ones ``[[x, y], [x, y], [x, y], [x, y]]``
            in floats, clockwise from the top left; both from top to bottom.

        Raises:
            SourceError: as in ``readtext``.
            TypeError: as in ``readtext``.
            ValueError: as in ``readtext``, or ``vert`` is asked for.

        """
        del tuned, reformat  # an image is known by its type
        _refuse(set(tuning) - _FINDING, "detect")
        if vert:
            raise ValueError("vert=True is not supported; turn the image, as with cv2.rotate, and detect again")
        level: list[list[list[int]]] = []
        slanted: list[list[list[list[float]]]] = []
        for picture in shapes.pictures_of(img):
            size = (picture.shape[1], picture.shape[0])
            # Lines are made of readings; what these say has no say in where they are.
            words = [Reading("", 1.0, quad.kind, None, quad) for quad in self._reader.detector(picture)]
            quads = [line.quad for line in lines(words)]
            large = [quad for quad in quads if shapes.extent(shapes.box_of(quad, size)) > min_size]
            boxes = [shapes.rectangle_of(quad, size) for quad in large if shapes.is_level(quad)]
            level.append([[left, right, top, bottom] for (left, top), _, (right, bottom), _ in boxes])
            slanted.append([shapes.box_of(quad, size) for quad in large if not shapes.is_level(quad)])
        return level, slanted

    def recognize(
        self,
        img_cv_grey: Any,
        horizontal_list: Sequence[Sequence[float]] | None = None,
        free_list: Sequence[Sequence[Sequence[float]]] | None = None,
        decoder: str = "greedy",
        beamWidth: int = 5,  # noqa: N803 - EasyOCR's names
        batch_size: int = 1,
        workers: int = 0,
        allowlist: str | None = None,
        blocklist: str | None = None,
        detail: int = 1,
        rotation_info: Sequence[int] | None = None,
        paragraph: bool = False,
        *,
        reformat: bool = True,
        output_format: str = "standard",
        **tuning: Any,
    ) -> list[Any]:
        """What stands in boxes that are known.

        A long box from end to end of which the detector finds several words is read word by word, any other one as a
        whole.

        Args:
            img_cv_grey: as in :meth:`readtext`; in colours too.
            horizontal_list: level boxes, ``[x_min, x_max, y_min, y_max]`` in pixels.
            free_list: slanted boxes, four corners ``[x, y]`` clockwise from the top left. Without either list all of
                the image is one box.
            decoder: as in ``readtext``.
            beamWidth: as in ``readtext``.
            batch_size: as in ``readtext``.
            workers: as in ``readtext``.
            allowlist: as in ``readtext``.
            blocklist: as in ``readtext``.
            detail: as in ``readtext``.
            rotation_info: as in ``readtext``; each box is read once more for every angle, and the likelier text counts.
            paragraph: as in ``readtext``.
            reformat: changes nothing.
            output_format: as in ``readtext``.
            tuning: EasyOCR's thresholds, which change nothing.

        Returns:
            As ``readtext``, with one item for each box, level ones first, in the order of the lists; one without text
            has '' and a confidence of 0.0. A paragraph leaves these out.

        Raises:
            SourceError: as in ``readtext``.
            TypeError: as in ``readtext``.
            ValueError: as in ``readtext``, or a box is none or lies outside the image.

        """
        del decoder, beamWidth, batch_size, workers, reformat  # as above
        _refuse(set(tuning) - _READING, "recognize")
        told = shapes.Told(detail, paragraph, output_format)
        turns, reader = shapes.turns_of(rotation_info), self._reader_of(allowlist, blocklist)
        picture = shapes.picture_of(img_cv_grey)
        size = (picture.shape[1], picture.shape[0])
        quads = shapes.quads_of(horizontal_list, free_list, size)
        looks = []
        for quarters in turns:
            places = [shapes.turned_quad(quad, size, quarters) for quad in quads]
            looks.append(self._read_boxes(reader, shapes.turned_picture(picture, quarters), places))
        best = [max(ways, key=lambda reading: reading.confidence) for ways in zip(*looks, strict=True)]
        return told([replace(reading, quad=quad) for reading, quad in zip(best, quads, strict=True)], size)

    def _reader_of(self, allowlist: str | None, blocklist: str | None) -> _Reader:
        """The reader for what texts may consist of."""
        allowed = set(allowlist) if allowlist else set(self.lang_char) - set(blocklist or "")
        only = "".join(character for character in self.character if character in allowed)
        if not only.strip():
            raise ValueError("allowlist and blocklist leave no character that the recogniser knows; allow others")
        return self._reader.with_grammar(_grammar_of(self._language, self.character, only))

    def _lines(self, reader: _Reader, picture: Image, quarters: int) -> list[Reading]:
        """The lines that are upright in a picture once it is turned, at their places in the picture as it is."""
        turned = shapes.turned_picture(picture, quarters)
        size = (turned.shape[1], turned.shape[0])
        found = _legible(reader.read_at(turned, self._reader.detector(turned)))
        return [replace(line, quad=shapes.turned_quad(line.quad, size, 4 - quarters)) for line in lines(found)]

    def _read_boxes(self, reader: _Reader, picture: Image, boxes: list[Quad]) -> list[Reading]:
        """What each box holds, '' for nothing."""
        words = self._reader.detector(picture) if any(map(shapes.may_hold_words, boxes)) else []
        looks = [(box, _legible(reader.read_at(picture, shapes.words_in(box, words) or [box]))) for box in boxes]
        return [_as_one(found, box) for box, found in looks]


def _legible(readings: Sequence[Reading | None]) -> list[Reading]:
    return [reading for reading in readings if reading and reading.text]


def _as_one(found: Sequence[Reading], box: Quad) -> Reading:
    """What stands in one box, in the order of reading."""
    text = " ".join(line.text for line in lines(found))
    sure = math.prod(reading.confidence for reading in found) if found else 0.0
    return Reading(text, sure, box.kind, None, box)


def _likeliest(ways: list[list[Reading]]) -> list[Reading]:
    """Of what was read in a picture turned several ways, the text for each place that has most characters right.

    Fragments of a text that stands on its side look like a letter each, and a sure one; a whole word weighs more.
    """
    if len(ways) == 1:
        return ways[0]
    found = [reading for way in ways for reading in way]
    kept: list[Reading] = []
    for reading in sorted(found, key=lambda reading: -reading.confidence * len(reading.text)):
        if not any(shapes.are_one(reading.quad, other.quad) for other in kept):
            kept.append(reading)
    return sorted(kept, key=lambda reading: min((y, x) for x, y in reading.quad.corners))


@lru_cache(maxsize=1)
def _grammar_of(language: str, alphabet: str, only: str) -> Grammar:
    """What texts may consist of; scripts say the same at every call."""
    if language == NONE:
        return open_grammar(alphabet, only=only)
    return language_grammar(language, alphabet, only=only)


def _refuse(unknown: set[str], where: str) -> None:
    if unknown:
        raise TypeError(f"{where}() got an unexpected keyword argument {min(unknown)!r}")
