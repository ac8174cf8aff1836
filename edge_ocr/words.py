"""What signs and words may say: anything, or a list of names with a price for what is not on it.

A list of 100,000 names is a small automaton as long as it holds the names alone; an edge for every other character at
every state would make it a hundred times larger. So the listed and the unlisted texts are two automata, searched one
after the other (:func:`edge_ocr.decode.search`), and a text's weight is the better of the two.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.errors import GrammarError, printable
from edge_ocr.grammar import Grammar, word_grammar
from edge_ocr.types import Automaton

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

UNLISTED = 0.05
"""The probability that a text is on no list, unless told otherwise."""

PRICE = 2.0
"""Nats that an unlisted text pays for each character: about what a letter of a word in its language is worth (Shannon,
'Prediction and entropy of printed English', 1951, has 1 to 3 by how much of its surroundings is known)."""

DIGITS = "0123456789 "
"""What numbers are made of; spaces part their groups."""

_REMARK = "#"


def open_grammar(alphabet: str, *, blank: int = 0, only: str | None = None) -> Grammar:
    """Any text is as good as any other: the recogniser alone decides. Spaces stand alone, and between words.

    Args:
        alphabet: the recogniser's characters in the order of its classes.
        blank: the recogniser's blank class.
        only: characters that texts are made of, where not all of the alphabet's may occur.

    Raises:
        GrammarError: the alphabet has none of those characters.

    """
    classes = np.delete(np.arange(len(alphabet) + 1, dtype=np.int32), blank)
    allowed = [place for place, known in enumerate(alphabet) if only is None or known in only]
    if not "".join(alphabet[place] for place in allowed).strip():
        raise GrammarError("the recogniser's alphabet has none of the characters that are asked for; ask for others")
    kept = "".join(alphabet[place] for place in allowed)
    return Grammar(_anything(kept, classes[allowed], character=0.0, text=0.0), alphabet, classes, ())


def number_grammar(alphabet: str, *, blank: int = 0, unlisted: float = UNLISTED, price: float = PRICE) -> Grammar:
    """Digits, with single spaces between groups of them; all else is possible at a price, and not read as a number.

    What looks like an O is then a 0 beside other digits, while a word stays a word.

    Args:
        alphabet: the recogniser's characters in the order of its classes.
        blank: the recogniser's blank class.
        unlisted: the probability that a text has other characters than digits, 0 to below 1; 0 admits digits only.
        price: nats that such a text pays for every character, >= 0.

    Raises:
        GrammarError: the alphabet has no digit.
        ValueError: a number is out of its range.

    """
    _check_price(unlisted, price)
    grammar = open_grammar(alphabet, blank=blank, only=DIGITS)
    free = _anything(alphabet, grammar.classes, character=-price, text=math.log(unlisted)) if unlisted else None
    return replace(grammar, unlisted=free)


def is_number(text: str) -> bool:
    """Whether a text is a number as houses and meters bear them: more digits than other characters, as in '12a'."""
    plain = text.replace(" ", "")
    return 2 * sum(character in DIGITS for character in plain) > len(plain)


def listed_grammar(
    names: Iterable[str],
    alphabet: str,
    *,
    blank: int = 0,
    capitals: bool = True,
    unlisted: float = UNLISTED,
    price: float = PRICE,
) -> Grammar:
    """Names that are expected, and all else at a price.

    Args:
        names: all alike; those with a character outside the alphabet are left out, as nothing could read them.
        alphabet: the recogniser's characters in the order of its classes.
        blank: the recogniser's blank class.
        capitals: whether each name may also stand in capitals.
        unlisted: the probability that a text is not on the list, 0 to below 1; 0 admits listed names only.
        price: nats that an unlisted text pays for every character, >= 0.

    Raises:
        GrammarError: no name is left.
        ValueError: a number is out of its range.

    """
    _check_price(unlisted, price)
    known = frozenset(alphabet)
    forms = (form for name in names for form in ((name, name.upper()) if capitals else (name,)))
    spellings = dict.fromkeys(spelling for form in forms if (spelling := spelt(form, known)))
    if not spellings:
        raise GrammarError("no name of the list can be written in the recogniser's alphabet; check the list's language")
    grammar = word_grammar(list(spellings), alphabet, blank=blank, free_prior=0.0, strength=1.0, length_bonus=0.0)
    if not unlisted:
        return grammar
    free = _anything(alphabet, grammar.classes, character=-price, text=math.log(unlisted))
    return Grammar(grammar.automaton, alphabet, grammar.classes, (), unlisted=free)


def spelt(text: str, known: frozenset[str]) -> str:
    """A text in the characters of an alphabet; '' where they do not suffice.

    A character that the alphabet lacks is spelt by its parts (Unicode's canonical decomposition), such as a syllable of
    Hangul by its letters; the vote puts them together again.
    """
    if known.issuperset(text):
        return text
    parts = [c if c in known else unicodedata.normalize("NFD", c) for c in unicodedata.normalize("NFC", text)]
    spelling = "".join(parts)
    return spelling if known.issuperset(spelling) else ""


def read_names(path: str | os.PathLike[str]) -> list[str]:
    """The names of a text file in UTF-8, one a line; blank lines and those that begin with '#' are passed over.

    Raises:
        GrammarError: the file cannot be read, or holds no name.

    """
    try:
        with open(path, encoding="utf-8") as stream:  # noqa: PTH123 -- any path-like, as the caller gave it
            lines = [" ".join(line.split()) for line in stream]
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise GrammarError(f"{printable(path)}: cannot be read as a word list ({cause})") from error
    names = [line for line in lines if line and not line.startswith(_REMARK)]
    if not names:
        raise GrammarError(f"{printable(path)}: holds no name; write one a line")
    return names


@dataclass(frozen=True, slots=True)
class Match:
    """A listed name that is like a text; ``distance`` counts characters that differ, are missing or too many."""

    name: str
    distance: int


class Names:
    """Names to look up what was read, with mistakes in it.

    Case is ignored. A look-up compares with every name of about the length at once: 100,000 names take some 3 ms.

    Args:
        names: what may be found, as it is to be returned.

    """

    def __init__(self, names: Sequence[str]) -> None:
        self._groups: dict[int, tuple[list[str], NDArray[np.uint32]]] = {}
        by_length: dict[int, list[str]] = {}
        for name in dict.fromkeys(names):
            by_length.setdefault(len(name.casefold()), []).append(name)
        for length, group in by_length.items():
            if length:
                folded = np.array([name.casefold() for name in group], f"U{length}")
                self._groups[length] = (group, folded.view(np.uint32).reshape(-1, length).T.copy())

    def closest(self, text: str, *, within: int = 2, most: int = 3) -> list[Match]:
        """The names nearest to a text, nearest first, then in the order of the list.

        Args:
            text: what was read.
            within: the largest distance, by Levenshtein; >= 0.
            most: how many to give at most; >= 1.

        """
        wanted = np.array([ord(character) for character in text.casefold()], np.uint32)
        found: list[Match] = []
        for length in sorted(self._groups, key=lambda size: abs(size - len(wanted))):
            if abs(length - len(wanted)) > within:
                break
            group, letters = self._groups[length]
            distances = _distances(wanted, letters)
            near = np.flatnonzero(distances <= within)
            found += [Match(group[place], int(distances[place])) for place in near]
        return sorted(found, key=lambda match: match.distance)[:most]


def _distances(wanted: NDArray[np.uint32], letters: NDArray[np.uint32]) -> NDArray[np.int16]:
    """Levenshtein's distance of one text (m,) to many of one length (length, names)."""
    length, count = letters.shape
    rows = np.repeat(np.arange(length + 1, dtype=np.int16)[:, None], count, axis=1)
    for done, letter in enumerate(wanted, start=1):
        diagonal = rows[0].copy()
        rows[0] = done
        differs = letters != letter
        for place in range(1, length + 1):
            above = rows[place].copy()
            best = np.minimum(above, rows[place - 1]) + np.int16(1)
            rows[place] = np.minimum(best, diagonal + differs[place - 1])
            diagonal = above
    return rows[length]


def _check_price(unlisted: float, price: float) -> None:
    if not 0 <= unlisted < 1:
        raise ValueError(f"unlisted is {unlisted}: it is a probability, from 0 to below 1")
    if not 0 <= price < math.inf:
        raise ValueError(f"price is {price}: it must be a finite number of nats, 0 or more")


def _anything(alphabet: str, classes: NDArray[np.int32], *, character: float, text: float) -> Automaton:
    """Any text whose spaces stand alone and between words; weights in nats.

    Its states: nothing read yet, within a word, after a space.
    """
    letters = classes[[place for place, known in enumerate(alphabet) if known != " "]]
    inside = classes if " " in alphabet else letters
    labels = np.concatenate([letters, inside, letters])
    is_space = np.isin(labels, letters, invert=True)
    return Automaton(
        offsets=np.cumsum([0, len(letters), len(inside), len(letters)]).astype(np.int32),
        labels=labels,
        targets=np.where(is_space, 2, 1).astype(np.int32),
        weights=np.full(len(labels), character, np.float32),
        accept=np.array([text, text, -np.inf], np.float32),
    )
