"""What stands on signs: words of several languages, street names, distances, numbers, prices, and plain nonsense.

Nonsense is there so that the recurrence learns letters and not only words.
"""

from __future__ import annotations

import string
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

_ACCENTED = (
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ"
    "ĀāĂăĄąĆćČčĎďĐđĒēĖėĘęĚěĞğĢģĪīĮįİıĶķĹĺĻļĽľŁłŃńŅņŇňŐőŒœŔŕŘřŚśŞşŠšŤťŪūŮůŰűŲųŹźŻżŽžȘșȚț"
)
ALPHABET = " " + string.digits + string.ascii_uppercase + string.ascii_lowercase + _ACCENTED + "!\"#$%&'()*+,-./:;?@€°"
"""The characters of the sign recogniser in the order of its classes, from class 1."""

LONGEST = 28
"""Characters of a text, at most."""

_FREQUENT = """
    the of and to in is for on that by with at from not no or be are was this have all new more if an we can us our free
    one out up so what time other only do may any home find back top people over than best first two three old big sale
    open closed exit entry stop shop store bank cafe bar hotel pizza food city center street road park house museum
    school church station bus taxi police fire water parking private welcome danger caution slow push pull men women
    toilet pharmacy books music news world life love king queen royal national university company service office market
    restaurant coffee tea beer wine bread fish meat fresh hot cold ice cream super star gold silver red blue green black
    white north south east west upper lower great little saint mount river lake bridge tower castle hill beach island
""".split()  # noqa: SIM905 one word a line would be a hundred lines
_STREETS = (
    ("{}straße", "{}str.", "{}weg", "{}platz", "{}allee", "{}gasse", "Am {}", "An der {}", "{}ring", "{}ufer"),
    ("Rue de {}", "Rue {}", "Avenue {}", "Place {}", "Boulevard {}", "Allée {}", "Chemin de {}"),
    ("Via {}", "Piazza {}", "Corso {}", "Viale {}", "Vicolo {}"),
    ("Calle {}", "Plaza {}", "Avenida {}", "Paseo {}", "Camino {}", "C/ {}"),
    ("Rua {}", "Praça {}", "Avenida {}", "Largo {}", "Travessa {}"),
    ("{} Street", "{} St", "{} Road", "{} Rd", "{} Ave", "{} Lane", "{} Hill", "{} Close", "{} Blvd"),
    ("{}straat", "{}laan", "{}plein", "{}weg", "{}gracht", "{}kade"),
    ("{}gatan", "{}vägen", "{}vej", "{}gade", "{}gata", "{}katu", "{}tie"),
    ("ul. {}", "aleja {}", "plac {}", "{} ulica", "náměstí {}", "{} utca", "{} tér", "Strada {}", "{} Cad.", "{} Sok."),
)
_SYLLABLES = """
    ba be bra cha cor da del dor el fal fen fried gar ger gra hal her hof holz ing kar kir klo lan len lin lo mar men
    mi mon mühl nau neu nor öl os pa per pe pont ra rei rich ro ros sal sar schul sel ser sta stein ta tal ten to tri
    ul val var ver vil wald wei win za zel zin é è ça ñ å ø ü ä ö č š ž ł ń ő ű ğ \u0131 ș ț ą ę ū ė
""".split()  # noqa: SIM905 one syllable a line would be a hundred lines
_COMMON_WORDS = 0.16


class Writer:
    """Texts at random.

    Args:
        words: dictionary words, of any languages; characters outside of :data:`ALPHABET` lose their accents, or the
            word is left out.

    """

    def __init__(self, words: Sequence[str]) -> None:
        plain = (readable(word) for word in words)
        kept = [word for word in plain if word and 2 <= len(word) <= LONGEST - 4]
        self._words = kept or _FREQUENT
        self._kinds: tuple[tuple[float, Callable[[np.random.Generator], str]], ...] = (
            (0.50, self._word),
            (0.15, _number),
            (0.10, _nonsense),
            (0.09, street),
            (0.05, self._pair),
            (0.04, self._address),
            (0.04, _distance),
            (0.03, self._accented),
        )
        self._shares = [share for share, _ in self._kinds]  # they add up to 1

    def __call__(self, rng: np.random.Generator) -> str:
        """A text of 1 to :data:`LONGEST` characters of :data:`ALPHABET`, single spaces inside, none at its ends."""
        while True:
            write = self._kinds[int(rng.choice(len(self._kinds), p=self._shares))][1]
            text = " ".join(write(rng).split())
            if 0 < len(text) <= LONGEST and set(text) <= _KNOWN:
                return text

    def _word(self, rng: np.random.Generator) -> str:
        common = rng.random() < _COMMON_WORDS
        source = _FREQUENT if common else self._words
        # The shortest of a few: dictionaries hold long words, signs short ones.
        several = [source[int(rng.integers(len(source)))] for _ in range(1 if common else int(rng.integers(1, 5)))]
        word = _cased(rng, min(several, key=len))
        return _marked(rng, word) if rng.random() < 0.1 else word

    def _pair(self, rng: np.random.Generator) -> str:
        words = [self._word(rng) for _ in range(int(rng.integers(2, 4)))]
        text = (" & " if rng.random() < 0.1 else " ").join(words)
        return text.upper() if rng.random() < 0.5 else text

    def _address(self, rng: np.random.Generator) -> str:
        name = "".join(
            character for character in self._word(rng).lower() if character.isascii() and character.isalnum()
        )
        end = ("com", "de", "org", "net", "co.uk", "nl", "fr", "it", "eu")[int(rng.integers(9))]
        shape = ("www.{0}.{1}", "{0}.{1}", "info@{0}.{1}", "@{0}", ".{1}", "{0}:{1}")[int(rng.integers(6))]
        return shape.format(name, end)

    def _accented(self, rng: np.random.Generator) -> str:
        """A word in which some letters carry marks, whatever the language, so that rare ones are seen at all."""
        made = []
        for character in self._word(rng):
            marked = _MARKED.get(character, "")
            made.append(marked[int(rng.integers(len(marked)))] if marked and rng.random() < 0.35 else character)
        return "".join(made)


def readable(text: str) -> str:
    """The text in the alphabet: marks that it does not know are dropped; '' where a character cannot be had at all."""
    made = []
    for character in unicodedata.normalize("NFC", text):
        base = character if character in _KNOWN else unicodedata.normalize("NFD", character)[0]
        if base not in _KNOWN:
            return ""
        made.append(base)
    return "".join(made)


def _cased(rng: np.random.Generator, word: str) -> str:
    kind = rng.random()
    if kind < 0.45:
        upper = word.upper()
        return upper if len(upper) == len(word) else word  # ß has no capital that signs use
    return word.lower() if kind < 0.7 else word[:1].upper() + word[1:]


def _marked(rng: np.random.Generator, word: str) -> str:
    shape = (
        "{}!",
        "{}?",
        "{}.",
        "{},",
        "{}:",
        '"{}"',
        "({})",
        "{}'s",
        "-{}",
        "{}-",
        "'{}'",
        "{};",
        "*{}",
        "{}...",
        "#{}",
    )
    return shape[int(rng.integers(len(shape)))].format(word)


def _nonsense(rng: np.random.Generator) -> str:
    kind = rng.random()
    letters = string.ascii_uppercase if kind < 0.5 else string.ascii_lowercase if kind < 0.75 else _LETTERS_AND_DIGITS
    length = 1 if rng.random() < 0.15 else int(rng.integers(2, 9))
    text = "".join(letters[int(rng.integers(len(letters)))] for _ in range(length))
    if rng.random() < 0.1:
        signs = "!\"#$%&'()*+,-./:;?@€°"
        place = int(rng.integers(len(text) + 1))
        text = text[:place] + signs[int(rng.integers(len(signs)))] + text[place:]
    return text


def _digits(rng: np.random.Generator, low: int, high: int) -> str:
    return "".join(str(int(rng.integers(10))) for _ in range(int(rng.integers(low, high + 1))))


def _number(rng: np.random.Generator) -> str:
    write = (_plain, _plain, _plain, _long, _house, _price, _time, _range, _share, _phone)[int(rng.integers(10))]
    return write(rng)


def _plain(rng: np.random.Generator) -> str:
    return _digits(rng, 1, 4)


def _long(rng: np.random.Generator) -> str:
    return _digits(rng, 1, 10)


def _house(rng: np.random.Generator) -> str:
    return _digits(rng, 1, 3) + "ABCDEFabcdef"[int(rng.integers(12))]


def _price(rng: np.random.Generator) -> str:
    price = f"{_digits(rng, 1, 4)}{'.,'[int(rng.integers(2))]}{_digits(rng, 2, 2)}"
    return (f"${price}", f"€{price}", f"{price}€", price)[int(rng.integers(4))]


def _time(rng: np.random.Generator) -> str:
    time = f"{int(rng.integers(24))}{':.'[int(rng.integers(2))]}{int(rng.integers(60)):02d}"
    return time + ("", "", "am", "pm", " h")[int(rng.integers(5))]


def _range(rng: np.random.Generator) -> str:
    return f"{_digits(rng, 1, 4)}{'-/'[int(rng.integers(2))]}{_digits(rng, 1, 4)}"


def _share(rng: np.random.Generator) -> str:
    """A share, or a year."""
    return f"{_digits(rng, 1, 3)}%" if rng.random() < 0.5 else f"{int(rng.integers(1900, 2030))}"


def _phone(rng: np.random.Generator) -> str:
    return (" ", "-", ".")[int(rng.integers(3))].join(_digits(rng, 2, 4) for _ in range(int(rng.integers(2, 4))))


def _distance(rng: np.random.Generator) -> str:
    unit = ("km", "m", "mi", "KM", "min", "t", "km/h", "MPH", "ft", "kg", "cm", "h")[int(rng.integers(12))]
    amount = _digits(rng, 1, 3)
    if rng.random() < 0.2:
        amount += "." + _digits(rng, 1, 1)
    return amount + ("" if rng.random() < 0.4 else " ") + unit


def street(rng: np.random.Generator) -> str:
    """A street's name that may be, of some European language, now and then with a number or without its kind."""
    forms = _STREETS[int(rng.integers(len(_STREETS)))]
    name = "".join(_SYLLABLES[int(rng.integers(len(_SYLLABLES)))] for _ in range(int(rng.integers(1, 4))))
    text = forms[int(rng.integers(len(forms)))].format(name[:1].upper() + name[1:])
    if rng.random() < 0.35:
        text = next((part for part in text.split() if len(part) > 3), text)
    if rng.random() < 0.15:
        text += " " + str(int(rng.integers(1, 200)))
    return text.upper() if rng.random() < 0.3 and "ß" not in text else text


_KNOWN = frozenset(ALPHABET)
_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_MARKED = {
    base: "".join(mark for mark in _ACCENTED if unicodedata.normalize("NFD", mark)[0] == base)
    for base in string.ascii_letters
}
