"""Typefaces of signs: those of plates and many more, serifs, scripts and display cuts, opened as outlines.

Fetched from packages by their ordinary clients (see :mod:`export.synthetic.fonts`), all under open licences, as are the
two dictionaries.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from fontTools.ttLib import TTCollection, TTFont, TTLibError
from PIL import Image, ImageDraw, ImageFont, features

from export.synthetic import fonts
from export.synthetic.sign_texts import ALPHABET

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_DEBIAN = """
    fonts-adf-accanthis fonts-adf-berenis fonts-adf-gillius fonts-adf-ikarius fonts-adf-libris fonts-adf-romande
    fonts-adf-universalis fonts-adf-verana fonts-averia-sans-gwf fonts-averia-serif-gwf fonts-breip fonts-cabin
    fonts-cantarell fonts-comfortaa fonts-crosextra-carlito fonts-dosis fonts-dustin fonts-ebgaramond
    fonts-femkeklaver fonts-freefont-ttf fonts-gfs-didot fonts-goudybookletter fonts-junction fonts-lato
    fonts-linuxlibertine fonts-lobster fonts-lobstertwo fonts-oldstandard fonts-open-sans fonts-play fonts-prociono
    fonts-quicksand fonts-rufscript fonts-sil-gentium-basic fonts-vollkorn wamerican wngerman
""".split()  # noqa: SIM905 one package a line would be forty lines
_NPM = """
    playfair-display merriweather lora cinzel bitter arvo roboto-slab crimson-text alegreya rokkitt abril-fatface
    bodoni-moda bangers lobster pacifico righteous bungee alfa-slab-one limelight fredoka luckiest-guy titan-one
    carter-one passion-one bowlby-one shrikhand racing-sans-one orbitron audiowide special-elite rye sancreek
    germania-one new-rocker metamorphous uncial-antiqua pirata-one grenze-gotisch poiret-one federo gruppo marcellus
    forum playball kaushan-script dancing-script satisfy courgette cookie great-vibes yellowtail permanent-marker
    caveat patrick-hand amatic-sc architects-daughter rock-salt londrina-solid stardos-stencil montserrat poppins
    raleway josefin-sans ubuntu titillium-web oleo-script bree-serif patua-one graduate boogaloo chewy sigmar-one
    zilla-slab libre-baskerville rubik
""".split()  # noqa: SIM905 the same
_LEFT_OUT = (
    "Math",
    "Symbol",
    "initials",
    "Initials",
    "DisplayInitials",
    "Bullets",
    "Dingbat",
    "Keyboard",
    "LastResort",
    "Mono-",
)
_DICTIONARIES = ("wamerican/usr/share/dict/american-english", "wngerman/usr/share/dict/ngerman")
_SIZE = 52
_ENGLISH_SHARE = 3
_INK = 24


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """One character's ``ink`` 0..255, uint8 (h, w), its ``origin`` in it (column, base row), and its ``advance``."""

    ink: NDArray[np.uint8]
    origin: tuple[float, float]
    advance: float


@dataclass(frozen=True)
class Typeface:
    """One font of a file, opened when first drawn with.

    Attributes:
        path: of the file.
        characters: those that it has, of the alphabet or of all.
        shaped: whether letters change with their neighbours, or change places: HarfBuzz then sets them (Pillow's raqm).
        number: of the font in a collection.

    """

    path: Path
    characters: frozenset[str]
    shaped: bool = False
    number: int = 0

    @cached_property
    def _font(self) -> Any:
        engine = ImageFont.Layout.RAQM if self.shaped else ImageFont.Layout.BASIC
        return ImageFont.truetype(str(self.path), _SIZE, index=self.number, layout_engine=engine)

    def draw(self, text: str, *, spread: float = 0.0) -> NDArray[np.uint8]:
        """The text as ink 0..255 on one line, cut to the ink: uint8 (h, w); of no size where it has no ink.

        Args:
            text: of ``characters``.
            spread: more room between characters, in ems; letters that touch each other take 0, and shaped ones have 0.

        """
        if self.shaped:
            spread = 0.0
        return _cut(self._written(text, spread)[0])

    def words(self, text: str, *, spread: float = 0.0) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """The same with the box of each word's ink in it, float32 (words, 4): x0, y0, x1, y1; words without ink lack.

        Args:
            text: of ``characters``, with single spaces between words.
            spread: as in :meth:`draw`.

        """
        picture, origin = self._written(text, spread)
        font, boxes, start = self._font, [], 0
        around = font.getlength(" ") / 2 + spread * _SIZE
        for word in text.split(" "):
            ends = (text[:start], text[: start + len(word)])
            first, last = (origin + font.getlength(part) + spread * _SIZE * len(part) for part in ends)
            low, high = max(0, round(first - around)), max(0, round(last - spread * _SIZE + around))
            rows, columns = _inked(picture[:, low:high])
            if len(rows):
                boxes.append((low + columns[0], rows[0], low + columns[-1] + 1, rows[-1] + 1))
            start += len(word) + 1
        rows, columns = _inked(picture)
        if not boxes:
            return picture[:0, :0], np.zeros((0, 4), np.float32)
        away = np.array([columns[0], rows[0]] * 2, np.float32)
        return _cut(picture), np.array(boxes, np.float32) - away

    @property
    def em(self) -> int:
        """The size that is drawn at, in pixels."""
        return _SIZE

    def letters(self, text: str) -> list[Letter]:
        """The characters of a text one by one, in the order of writing."""
        font = self._font
        made = []
        for character in text:
            left, top, right, bottom = font.getbbox(character, anchor="ls")
            picture = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))))
            ImageDraw.Draw(picture).text((-left, -top), character, fill=255, font=font, anchor="ls")
            made.append(Letter(np.asarray(picture), (-left, -top), font.getlength(character)))
        return made

    def _written(self, text: str, spread: float) -> tuple[NDArray[np.uint8], float]:
        """A picture with the text in it, and the column at which the first character begins."""
        font = self._font
        if not spread:
            left, top, right, bottom = font.getbbox(text)
            picture = Image.new("L", (max(1, right - left), max(1, bottom - top)))
            ImageDraw.Draw(picture).text((-left, -top), text, fill=255, font=font)
            return np.asarray(picture), -left
        step = spread * _SIZE
        width = font.getlength(text) + abs(step) * len(text) + _SIZE
        picture = Image.new("L", (int(width), 3 * _SIZE))
        pen, column = ImageDraw.Draw(picture), _SIZE / 2
        for character in text:
            pen.text((column, _SIZE), character, fill=255, font=font)
            column += font.getlength(character) + step
        return np.asarray(picture), _SIZE / 2


def fetch(folder: Path) -> None:
    """Download every package into a folder that lacks it; needs ``apt-get`` with its lists, ``dpkg`` and ``npm``."""
    fonts.fetch(folder)
    missing = [name for name in _DEBIAN if not (folder / name).is_dir()]
    if missing:
        subprocess.run(["apt-get", "download", "-q", *missing], cwd=folder, check=True, timeout=600)
        for archive in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", archive, folder / archive.name.split("_")[0]], check=True, timeout=60)
            archive.unlink()
    missing = [name for name in _NPM if not (folder / name).is_dir()]
    if missing:
        packages = [f"@fontsource/{name}" for name in missing]
        subprocess.run(["npm", "pack", "--silent", *packages], cwd=folder, check=True, timeout=900)
        for name in missing:
            (archive,) = folder.glob(f"fontsource-{name}-[0-9]*.tgz")
            fonts.unpack(archive, folder / name)
            archive.unlink()


def load_typefaces(folder: Path) -> list[Typeface]:
    """Every typeface below a folder that has at least the letters and digits, in a fixed order."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".ttf", ".otf"} and not any(part in path.name for part in _LEFT_OUT):
            characters = _characters(path)
            if characters:
                found.append(Typeface(path, characters))
    return found


def load_script_typefaces(folder: Path, texts: Sequence[str], *, shaped: bool) -> list[Typeface]:
    """Every typeface below a folder that can draw most of some texts, those of collections included, in a fixed order.

    Args:
        folder: with .ttf, .otf, .ttc files.
        texts: of a script.
        shaped: whether the script's letters are to be shaped.

    Raises:
        RuntimeError: they are, and Pillow was built without raqm.

    """
    if shaped and not features.check("raqm"):
        raise RuntimeError("this Pillow shapes no letters; install one with raqm, as pip's wheels have")
    found = []
    for path in sorted(folder.rglob("*")):
        for number, characters in enumerate(_all_characters(path)):
            drawn = sum(characters.issuperset(text) for text in texts)
            if 2 * drawn >= len(texts):
                found.append(Typeface(path, characters, shaped, number))
    return found


def load_words(folder: Path) -> list[str]:
    """Dictionary words; English ones count three times, since most signs that are measured on are English."""
    english, german = ((folder / name).read_text("utf-8").split() for name in _DICTIONARIES)
    return english * _ENGLISH_SHARE + german


def _characters(path: Path) -> frozenset[str]:
    """Those of the alphabet with a glyph; none where letters or digits are missing, or the file is no font."""
    try:
        with TTFont(path, lazy=True) as font:
            codes = font.getBestCmap() or {}
    except (TTLibError, OSError):
        return frozenset()
    have = frozenset(character for character in ALPHABET if ord(character) in codes)
    plain = {character for character in ALPHABET if character.isascii() and character.isalnum()}
    return have | {" "} if plain <= have else frozenset()


def _all_characters(path: Path) -> list[frozenset[str]]:
    """What each font of a file has; none where it is no font."""
    if path.suffix not in {".ttf", ".otf", ".ttc"} or any(part in path.name for part in _LEFT_OUT):
        return []
    try:
        if path.suffix != ".ttc":
            with TTFont(path, lazy=True) as font:
                return [frozenset(map(chr, font.getBestCmap() or {}))]
        with TTCollection(str(path), lazy=True) as collection:
            return [frozenset(map(chr, font.getBestCmap() or {})) for font in collection.fonts]
    except (TTLibError, OSError):
        return []


def _cut(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = _inked(picture)
    if not len(rows):
        return picture[:0, :0]
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _inked(picture: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows and the columns that have ink."""
    if not picture.size:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    return np.flatnonzero(picture.max(axis=1) > _INK), np.flatnonzero(picture.max(axis=0) > _INK)
