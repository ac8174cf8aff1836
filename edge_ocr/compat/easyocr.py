"""EasyOCR's ``Reader``, as far as scripts use it to read images: the same arguments in, the same shapes out.

    from edge_ocr.compat import easyocr   # instead of: import easyocr
    reader = easyocr.Reader(["en"])
    for box, text, confidence in reader.readtext("street.jpg"): ...

What differs is documented in docs/reference/easyocr.md.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_ocr.bundle import shipped_bundle
from edge_ocr.camera import files
from edge_ocr.errors import SourceError
from edge_ocr.reader import Reader as _Reader
from edge_ocr.recognise import alphabet_of
from edge_ocr.signs import lines, signs
from edge_ocr.types import Kind
from edge_ocr.words import open_grammar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_ocr.bundle import Bundle
    from edge_ocr.types import Image, Quad, Reading

LANGUAGES = frozenset(
    """
    af az bs cs cy da de en es et fr ga hr hu id is it ku la lt lv mi ms mt nl no oc pi pl pt ro rs_latin sk sl sq sv sw
    tl tr uz
    """.split()  # noqa: SIM905 - one language a line would be forty lines
)
"""Codes of the languages in Latin letters whose characters the sign recogniser knows, as EasyOCR names them."""

_LEVEL = 0.1  # slope up to which EasyOCR gives a box's upright rectangle in whole pixels
_FORMATS = ("standard", "dict", "json")
_IGNORED = frozenset(
    """
    add_margin adjust_contrast bbox_min_score bbox_min_size canvas_size contrast_ths filter_ths height_ths
    link_threshold low_text mag_ratio max_candidates slope_ths text_threshold threshold width_ths x_ths y_ths
    ycenter_ths
    """.split()  # noqa: SIM905 - the same
)
"""Arguments that tune parts which this package does not have; they change nothing."""


class Reader:
    """Reads lines of text in images, as EasyOCR's ``Reader`` does.

    Args:
        lang_list: codes of languages; with ``["en"]`` alone, texts have no accented letters.
        bundle: the recogniser; None for the one that came with this package. Not an argument of EasyOCR's.
        find: what finds lines or words in an image; None for the detector that came with this package. Not an argument
            of EasyOCR's either.
        options: EasyOCR's other arguments, which concern graphics cards, downloads and network names; they change
            nothing, and need not be taken out of a script.

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
        self._bundle = bundle or shipped_bundle(Kind.SIGN, task="recognise")
        self._find = find
        alphabet = alphabet_of(self._bundle)
        self.lang_char = "".join(c for c in alphabet if c.isascii()) if languages == ["en"] else alphabet
        self._readers: dict[str, _Reader] = {}

    def readtext(
        self,
        image: str | bytes | Path | Image | Any,
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
        """All lines of text in an image, from top to bottom.

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
            rotation_info: must be empty; turn the image before, where its text stands on its side or on its head.
            paragraph: put the lines of one board together.
            min_size: pixels, the longer side of a box must have more of them.
            output_format: 'standard', 'dict' or 'json'.
            tuning: EasyOCR's thresholds, which change nothing.

        Returns:
            With ``detail=1`` tuples of ``[[x, y], [x, y], [x, y], [x, y]]``, the text and its confidence, 0..1; whole
            pixels for a box that is level, as EasyOCR gives them, and floats for a slanted one. With ``paragraph``,
            lists of a box and its text. With ``detail=0``, texts.

        Raises:
            SourceError: an image cannot be read.
            TypeError: an argument is none of EasyOCR's, or an array is not of uint8.
            ValueError: ``image`` is of another type or shape, or an argument is out of its range.

        """
        del decoder, beamWidth, batch_size, workers  # how EasyOCR computes is not how this package does
        _refuse(set(tuning) - _IGNORED, "readtext")
        if rotation_info:
            raise ValueError("rotation_info is not supported; turn the image, as with cv2.rotate, and read it again")
        if output_format not in _FORMATS:
            raise ValueError(f"output_format must be one of {', '.join(_FORMATS)}, not {output_format!r}")
        picture = _picture(image)
        readings = self._reader(allowlist, blocklist).read(picture)
        size = (picture.shape[1], picture.shape[0])
        found = [(_box(reading.quad, size), reading) for reading in lines(readings)]
        found = [(box, reading) for box, reading in found if _extent(box) > min_size]
        if paragraph:
            kept: list[Reading] = [reading for _, reading in found]
            items: list[Any] = [[_box(sign.quad, size), sign.text] for sign in signs(kept)]
        else:
            items = [(box, reading.text, reading.confidence) for box, reading in found]
        if detail == 0:
            return [item[1] for item in items]
        return items if output_format == "standard" else [_shaped(item, output_format) for item in items]

    def _reader(self, allowlist: str | None, blocklist: str | None) -> _Reader:
        """The reader for what texts may consist of; making one takes longer than reading."""
        alphabet = alphabet_of(self._bundle)
        allowed = set(allowlist) if allowlist else set(self.lang_char) - set(blocklist or "")
        only = "".join(character for character in alphabet if character in allowed)
        if not only.strip():
            raise ValueError("allowlist and blocklist leave no character that the recogniser knows; allow others")
        if only not in self._readers:
            grammar = open_grammar(alphabet, blank=int(self._bundle.settings["blank"]), only=only)
            options: dict[str, Any] = {"detector": self._find, "grammar": grammar, "top": 0, "min_confidence": 0.0}
            self._readers[only] = _Reader(Kind.SIGN, bundle=self._bundle, **options)
        return self._readers[only]


_CONSTRUCTION = frozenset(
    """
    cudnn_benchmark detect_network detector download_enabled gpu model_storage_directory quantize recog_network
    recognizer user_network_directory verbose
    """.split()  # noqa: SIM905 - the same
)
"""Arguments of EasyOCR's constructor."""


def _refuse(unknown: set[str], where: str) -> None:
    if unknown:
        raise TypeError(f"{where}() got an unexpected keyword argument {min(unknown)!r}")


def _picture(image: Any) -> Image:
    """Whatever EasyOCR takes as an image, as B, G, R or grey."""
    if isinstance(image, str | os.PathLike):
        if str(image).startswith(("http://", "https://")):
            raise ValueError(f"image is the address {image!r}: fetch it yourself and give its bytes")
        return files.load(Path(image))
    if isinstance(image, bytes | bytearray):
        decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR) if image else None
        if decoded is None:
            raise SourceError("image: these bytes are no image; give a JPEG, PNG, WebP, TIFF, BMP or GIF file's")
        return np.asarray(decoded, np.uint8)
    if not isinstance(image, np.ndarray):
        if not hasattr(image, "convert"):
            raise ValueError(f"image is a {type(image).__name__}; give a path, bytes, an array, or a picture of PIL's")
        return np.asarray(cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR), np.uint8)
    if image.ndim == 3 and image.shape[2] == 1:
        return image[:, :, 0]
    if image.ndim == 3 and image.shape[2] == 4:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGBA2BGR), np.uint8)
    return image


def _box(quad: Quad, size: tuple[int, int]) -> list[list[Any]]:
    """A quad as EasyOCR has it, within an image of a size (width, height)."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad.corners
    slopes = ((by - ay) / max(10.0, bx - ax), (cy - dy) / max(10.0, cx - dx))
    if max(abs(slope) for slope in slopes) >= _LEVEL:
        return [[x, y] for x, y in quad.corners]
    left, top = (max(0, round(min(values))) for values in ((ax, bx, cx, dx), (ay, by, cy, dy)))
    right, bottom = min(size[0], round(max(ax, bx, cx, dx))), min(size[1], round(max(ay, by, cy, dy)))
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def _extent(box: list[list[Any]]) -> float:
    xs, ys = zip(*box, strict=True)
    return float(max(max(xs) - min(xs), max(ys) - min(ys)))


def _shaped(item: Sequence[Any], shape: str) -> Any:
    """An item as a dictionary, or as that in JSON with whole pixels."""
    keys = ("boxes", "text", "confident")  # EasyOCR spells it so
    if shape == "dict":
        return dict(zip(keys, item, strict=False))
    whole = [[[int(value) for value in corner] for corner in item[0]], *item[1:]]
    return json.dumps(dict(zip(keys, whole, strict=False)), ensure_ascii=False)
