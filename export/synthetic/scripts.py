"""Scripts by recipe: an alphabet of any letters written from left to right, and texts and typefaces for it.

An alphabet names the classes of a recogniser. A character that it lacks is spelt by its parts where it has those
(Unicode's canonical decomposition): the 67 letters of Hangul stand for its 11,172 syllables, and the runtime puts them
together again. Texts are in logical order throughout; HarfBuzz puts the signs of Devanagari where they are seen.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from edge_ocr.words import spelt
from export.synthetic.sign_texts import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np

_MARKS = frozenset({"Mn", "Mc"})
_BACKWARDS = frozenset({"R", "AL"})
_TRIES = 200
_MARKED = 0.45  # of letters in made-up words carry a mark, where the script has some
_WIDENED = 2.0  # times as wide as it is: how a line is drawn whose marks are characters without a width of their own
_LISTED = 0.9  # of letters and syllables are taken out of listed words, with their marks, where there are some


@dataclass(frozen=True)
class Alphabet:
    """The characters of a recogniser in the order of its classes, from class 1; the first is the space."""

    characters: str

    @cached_property
    def marks(self) -> str:
        """Those that are written on or around the letter before them."""
        return "".join(c for c in self.characters if unicodedata.category(c) in _MARKS)

    @cached_property
    def syllables(self) -> tuple[str, str, str] | None:
        """First, middle and last letters of Hangul, where the alphabet has them."""
        bounds = ((0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11C2))
        first, middle, last = ("".join(c for c in self.characters if low <= ord(c) <= high) for low, high in bounds)
        return (first, middle, last) if first and middle else None

    @cached_property
    def letters(self) -> str:
        """Letters that can stand alone."""
        parts = set("".join(self.syllables or ()))
        return "".join(c for c in self.characters if unicodedata.category(c)[0] == "L" and c not in parts)

    @property
    def widening(self) -> float:
        """How many times as wide as it is a line is drawn onto its strip, for CTC to have a time step a character."""
        return _WIDENED if self.marks else 1.0

    @cached_property
    def digits(self) -> tuple[str, ...]:
        """Decimal digits of each kind: those of one script in one string."""
        kinds: dict[int, str] = {}
        for character in self.characters:
            if unicodedata.category(character) == "Nd":
                zero = ord(character) - unicodedata.decimal(character)
                kinds[zero] = kinds.get(zero, "") + character
        return tuple(kinds.values())


def load_alphabet(path: Path) -> Alphabet:
    """Read the characters of a text file in UTF-8; their order is that of the classes, line breaks do not count.

    Raises:
        ValueError: there is no letter or digit, or the script runs from right to left.

    """
    found = dict.fromkeys(c for c in path.read_text("utf-8") if c.isprintable() and c != "\ufeff")
    backwards = next((c for c in found if unicodedata.bidirectional(c) in _BACKWARDS), None)
    if backwards is not None:
        raise ValueError(f"{path}: {backwards!r} is written from right to left, which the recogniser cannot read")
    alphabet = Alphabet(" " + "".join(c for c in found if c != " "))
    if not (alphabet.letters or alphabet.digits or alphabet.syllables):
        raise ValueError(f"{path}: holds no letter or digit; write the alphabet's characters into it, in any order")
    return alphabet


def load_names(path: Path) -> list[str]:
    """The words of a list, one a line: what follows a slash or a tab, as in dictionaries of spellers, is left out."""
    lines = path.read_text("utf-8").splitlines()
    return [name for line in lines if (name := line.split("/")[0].split("\t")[0].strip()) and not name.isdecimal()]


class ScriptWriter:
    """Texts of a script at random: listed words, made-up ones, numbers, and pairs of them.

    Args:
        alphabet: what texts are made of.
        words: a list; those that the alphabet cannot spell are left out. May be empty.

    """

    def __init__(self, alphabet: Alphabet, words: Sequence[str] = ()) -> None:
        self._alphabet = alphabet
        self._known = frozenset(alphabet.characters)
        self._words = [word for word in words if 0 < len(spelt(word, self._known)) <= LONGEST]
        composed = (unicodedata.normalize("NFC", word) for word in self._words)
        self._clusters = sorted({cluster for word in composed for cluster in self._letters_of(word)})
        kinds: list[tuple[float, Callable[[np.random.Generator], str]]] = []
        if self._words:
            kinds += [(0.45, self._word), (0.2, self._pair)]
        if alphabet.letters or alphabet.syllables:
            kinds.append((0.25, self._made_up))
        if alphabet.digits:
            kinds += [(0.06, self._number), (0.04, self._numbered)]
        whole = sum(share for share, _ in kinds)
        self._shares, self._kinds = [share / whole for share, _ in kinds], [write for _, write in kinds]

    def __call__(self, rng: np.random.Generator) -> str:
        """A text, composed as Unicode prefers it (NFC), which the alphabet spells in 1 to :data:`LONGEST` characters.

        Raises:
            ValueError: the alphabet cannot spell what is written in it.

        """
        for _ in range(_TRIES):
            text = " ".join(self._kinds[int(rng.choice(len(self._kinds), p=self._shares))](rng).split())
            if 0 < len(spelt(text, self._known)) <= LONGEST:
                return unicodedata.normalize("NFC", text)
        raise ValueError("the alphabet cannot spell its own texts: has it letters that are no combining marks?")

    def _word(self, rng: np.random.Generator) -> str:
        return self._words[int(rng.integers(len(self._words)))]

    def _pair(self, rng: np.random.Generator) -> str:
        return f"{self._word(rng)} {self._word(rng)}"

    def _made_up(self, rng: np.random.Generator) -> str:
        return "".join(self._syllable(rng) for _ in range(int(rng.integers(1, 7))))

    def _syllable(self, rng: np.random.Generator) -> str:
        """A letter, perhaps with a mark; of Hangul, a syllable; mostly such as listed words have."""
        if self._clusters and rng.random() < _LISTED:
            return self._clusters[int(rng.integers(len(self._clusters)))]
        alphabet = self._alphabet
        if alphabet.syllables is not None:
            first, middle, last = alphabet.syllables
            return _one(rng, first) + _one(rng, middle) + (_one(rng, last) if last and rng.random() < 0.45 else "")
        mark = _one(rng, alphabet.marks) if alphabet.marks and rng.random() < _MARKED else ""
        return _one(rng, alphabet.letters) + mark

    def _letters_of(self, word: str) -> Iterator[str]:
        """The letters of a listed word with the marks that follow each: not every pair is one that people write."""
        start = 0
        for end in range(1, len(word) + 1):
            if end == len(word) or word[end] not in self._alphabet.marks:
                if unicodedata.category(word[start])[0] == "L":
                    yield word[start:end]
                start = end

    def _number(self, rng: np.random.Generator) -> str:
        """Of digits of one kind: a nought looks alike in several."""
        digits = self._alphabet.digits[int(rng.integers(len(self._alphabet.digits)))]
        return "".join(_one(rng, digits) for _ in range(int(rng.integers(1, 5))))

    def _numbered(self, rng: np.random.Generator) -> str:
        name = self._word(rng) if self._words else self._made_up(rng)
        return f"{name} {self._number(rng)}"


def _one(rng: np.random.Generator, characters: str) -> str:
    return characters[int(rng.integers(len(characters)))]
