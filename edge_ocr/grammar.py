"""What a text may look like: plate formats and word lists, as one automaton that the beam search walks.

The mass of a text ``y`` is the sum of ``prior(f) / |f|`` over the formats ``f`` that accept it, where ``|f|`` is the
number of texts of the format (a narrow format is worth more than a wide one), and of the free mass, ``free_prior *
exp(-free_price * len(y))``, which lets a text through that nothing lists, such as a personalised plate. Its weight is
``strength * log(mass) + length_bonus * len(y)``.

The bonus makes up for there being fewer short texts than long ones, so that each has more mass: without it a short text
would beat a long one by log(36) = 3.6 nats a character for being short. docs/design/grammar.md has the measurements
behind the defaults.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr import automata
from edge_ocr.errors import GrammarError
from edge_ocr.regions import PLATE_ALPHABET, Format, Region, load_regions, region_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from edge_ocr.types import Automaton

__all__ = [
    "PLATE_ALPHABET",
    "Format",
    "Grammar",
    "Region",
    "load_regions",
    "plate_grammar",
    "region_names",
    "word_grammar",
]


_LETTERS = np.array([c.isalpha() for c in PLATE_ALPHABET])
_EXACT_COUNTRIES = 8  # with all of them, 31,000 states in 0.9 s without the rule, 6,500 in 0.15 s with it


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """An automaton, and what its labels and its texts mean.

    Attributes:
        automaton: for :func:`edge_ocr.ctc.beam_search`.
        alphabet: the characters; character ``i`` is the recogniser's class ``classes[i]``.
        classes: int32, (A,), ascending; every class but the blank.
        regions: the regions whose formats it was made of; none for a word list.
        unlisted: a second automaton, for texts that the first does not have; None where there is no need of it (see
            :mod:`edge_ocr.words`).

    """

    automaton: Automaton
    alphabet: str
    classes: NDArray[np.int32]
    regions: tuple[Region, ...]
    unlisted: Automaton | None = None

    def weight(self, text: str) -> float:
        """What the grammar adds to a text, in nats; -inf for one that it does not accept."""
        positions = [self.alphabet.find(character) for character in text]
        if min(positions, default=0) < 0:
            return -math.inf
        return self.weigh([int(self.classes[position]) for position in positions])

    def weigh(self, labels: Sequence[int]) -> float:
        """The same for a sequence of the recogniser's classes: the better of what the automata say."""
        weight = self.automaton.weight(labels)
        return weight if self.unlisted is None else max(weight, self.unlisted.weight(labels))

    def region_of(self, text: str) -> str | None:
        """The most probable region among those with a format that accepts ``text``; None where there is none."""
        labels = [PLATE_ALPHABET.find(character) for character in text]
        priors = _priors(self.regions)
        masses = {
            region.name: priors[region.name]
            * math.fsum(f.prior / f.texts for f in region.formats if automata.accepts(f.language, labels))
            for region in self.regions
        }
        best = max(masses, key=masses.__getitem__, default=None)
        return best if best is not None and masses[best] > 0 else None


def plate_grammar(
    regions: Sequence[Region],
    alphabet: str = PLATE_ALPHABET,
    *,
    blank: int = 0,
    free_prior: float = 0.05,
    free_price: float | None = None,
    strength: float = 0.7,
    length_bonus: float | None = None,
    exact: bool | None = None,
) -> Grammar:
    """The union of all formats of some regions.

    Countries count alike; a country's states and a region's formats count by their priors.

    Args:
        regions: from :func:`load_regions`; at least one.
        alphabet: the recogniser's characters in the order of its classes; must hold 0-9 and A-Z.
        blank: the recogniser's blank class; the characters take the other classes in order.
        free_prior: the probability that a plate has no listed format, 0 to below 1; 0 admits listed formats only.
        free_price: nats that an unlisted text pays for every character, >= 0; None for log(number of characters),
            with which all texts of a length are alike.
        strength: how much masses count beside what the recogniser saw, > 0; 1 would take both at their word.
        length_bonus: nats for every character of any text; None for strength * log(number of characters) - 1, which
            puts texts of all lengths on a par, but for one nat, because recognisers add characters (a sticker, a bolt)
            more often than they miss one.
        exact: whether letters and digits that a format never uses stay forbidden. None for: with up to 8 countries.
            Beyond that such small print tells little, since another country uses what one forbids, and makes the
            automaton five times larger; :meth:`Grammar.region_of` always keeps to it.

    Raises:
        GrammarError: ``alphabet`` lacks a character that the formats use.
        ValueError: ``regions`` is empty or a number is out of its range.

    """
    if not regions:
        raise ValueError("regions is empty: pass what load_regions() returns")
    classes, terms = _classes(alphabet, blank), _terms(alphabet, free_prior, free_price, strength, length_bonus)
    missing = [c for c in PLATE_ALPHABET if c not in alphabet]
    if missing:
        raise GrammarError(f"alphabet lacks {''.join(missing)!r}; plate formats need a recogniser of 0-9 and A-Z")
    priors = _priors(regions)
    if exact is None:
        exact = len({_country(region) for region in regions}) <= _EXACT_COUNTRIES
    layers = automata.union(
        [f.language for region in regions for f in region.formats],
        np.array([priors[region.name] * f.prior for region in regions for f in region.formats]) * (1 - free_prior),
        () if exact else (_LETTERS, ~_LETTERS),
    )
    layers = automata.relabelled(layers, np.array([alphabet.index(c) for c in PLATE_ALPHABET], np.int64))
    return Grammar(automata.automaton(layers, classes, terms), alphabet, classes, tuple(regions))


def word_grammar(
    words: Iterable[str] | Mapping[str, float],
    alphabet: str,
    *,
    blank: int = 0,
    free_prior: float = 0.0,
    free_price: float | None = None,
    strength: float = 1.0,
    length_bonus: float | None = None,
) -> Grammar:
    """A word list as a minimal automaton.

    With a free branch every state has an edge for every character; without one a state has those that its words need.

    Args:
        words: words that count alike, duplicates once; or words with their relative frequencies, each above 0.
        alphabet: the recogniser's characters in the order of its classes.
        blank: the recogniser's blank class; the characters take the other classes in order.
        free_prior: the probability that a text is not in the list, 0 to below 1.
        free_price: as in :func:`plate_grammar`.
        strength: as in :func:`plate_grammar`.
        length_bonus: as in :func:`plate_grammar`.

    Raises:
        GrammarError: the list is empty, or a word is empty, too long, or holds a character not in ``alphabet``.
        ValueError: a number is out of its range.

    """
    classes, terms = _classes(alphabet, blank), _terms(alphabet, free_prior, free_price, strength, length_bonus)
    if isinstance(words, str):
        raise TypeError(f"words is the string {words!r}: pass a list of words, for one word [{words!r}]")
    frequencies = dict(words) if isinstance(words, Mapping) else dict.fromkeys(words, 1.0)
    if not frequencies:
        raise GrammarError("the word list is empty; give at least one word, or decode without a grammar")
    if "" in frequencies:
        raise GrammarError("the word list holds an empty word; leave out blank lines")
    masses = np.array(list(frequencies.values()), np.float64)
    if not (np.isfinite(masses) & (masses > 0)).all():
        word = list(frequencies)[int(np.argmin(np.isfinite(masses) & (masses > 0)))]
        raise GrammarError(f"word {word!r} has the frequency {frequencies[word]}; give a number above 0")
    masses = np.log(masses / masses.sum()) + math.log1p(-free_prior)
    layers = automata.layers_of_words(list(frequencies), masses, alphabet)
    return Grammar(automata.automaton(layers, classes, terms), alphabet, classes, ())


def _classes(alphabet: str, blank: int) -> NDArray[np.int32]:
    if not alphabet or len(set(alphabet)) < len(alphabet):
        raise ValueError(f"alphabet {alphabet!r} is empty or names a character twice")
    if not 0 <= blank <= len(alphabet):
        raise ValueError(f"blank is {blank}: with {len(alphabet)} characters classes go from 0 to {len(alphabet)}")
    return np.delete(np.arange(len(alphabet) + 1, dtype=np.int32), blank)


def _terms(
    alphabet: str, free_prior: float, free_price: float | None, strength: float, length_bonus: float | None
) -> automata.Terms:
    """The defaults filled in and everything checked."""
    even = math.log(len(alphabet))
    price = even if free_price is None else free_price
    bonus = strength * even - 1 if length_bonus is None else length_bonus
    if not 0 <= free_prior < 1:
        raise ValueError(f"free_prior is {free_prior}: it is a probability, from 0 to below 1")
    if not 0 <= price < math.inf:
        raise ValueError(f"free_price is {price}: it must be a finite number of nats, 0 or more")
    if not 0 < strength < math.inf:
        raise ValueError(f"strength is {strength}: it must be a finite number above 0")
    if not math.isfinite(bonus):
        raise ValueError(f"length_bonus is {bonus}: it must be a finite number of nats")
    return automata.Terms(math.log(free_prior) if free_prior else -math.inf, price, strength, bonus)


def _priors(regions: Sequence[Region]) -> dict[str, float]:
    """By region's name; countries count alike, whatever part of one is there."""
    countries: dict[str, float] = {}
    for region in regions:
        countries[_country(region)] = countries.get(_country(region), 0.0) + region.prior
    return {region.name: region.prior / countries[_country(region)] / len(countries) for region in regions}


def _country(region: Region) -> str:
    return region.name.split("-", maxsplit=1)[0]
