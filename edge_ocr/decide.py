"""What the lists say of a reading: the nearest entry by a distance that knows what recognisers confuse, and the rule.

Distances are in characters: 0 is the same text, a wrong character costs 1, one that looks like the right one less. A
text that the recogniser itself held possible costs by how much less probable it was. What was read is never changed: a
decision stands beside the reading, in fields of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_ocr.lists import normalise
from edge_ocr.types import Decision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_ocr.lists import Entry, Lists
    from edge_ocr.tables import ListRule, ListSettings
    from edge_ocr.types import Reading, Stamp

# What the recogniser exchanges, measured on 9,000 strips rendered from another seed than its training's, read without
# formats: 4,262 exchanges in 57,286 characters (`python -m export confusions` counts anew; docs/design/publish.md tells
# what the costs do). The most frequent pair costs a tenth of a character, one that is exchanged no more often than any
# two a whole one, and in between the square of the rate's logarithm decides.
_CONFUSIONS = (
    (0.1, "0O"),
    (0.2, "1I 8B"),
    (0.25, "MW"),
    (0.3, "0D 0Q CG DO NW OQ"),
    (0.35, "0G 5S HM MN"),
    (0.45, "68 AM IJ JT JU VW VY"),
    (0.5, "08 56 6G 7Z EF KX"),
    (0.55, "17 89 DQ HW"),
    (0.6, "IT"),
    (0.65, "06 3J HR KM LU TY"),
    (0.7, "09 0U 1L 1T 2Z 35 CE EL HN KW UV"),
    (0.75, "38 39 46 4A 9Q GQ HI LZ NV PR XY"),
    (0.8, "1J 3B 7T AH BE CL IO"),
    (0.85, "01 59 9D AN AW IL IU KN"),
    (0.9, "13 2Q 4H 6B 9O BR CO DU EG FI GO IV JM MU MV UW"),
    (0.95, "14 1V 27 4W 79 9S BP CD DJ FP FR HK MX OU"),
)
_COST = {
    pair: cost for cost, pairs in _CONFUSIONS for two in pairs.split() for pair in ((two[0], two[1]), (two[1], two[0]))
}

_ONE_CHARACTER = math.log(100)
"""How much less probable, in nats, an alternative must be to cost as much as one wrong character."""


@dataclass(frozen=True, slots=True)
class Match:
    """An entry and how far a reading is from it, in characters."""

    entry: Entry
    distance: float


def decide(reading: Reading, lists: Lists, rule: ListSettings, now: Stamp) -> Decision:
    """What is done about a reading.

    Args:
        reading: as the vote gave it.
        lists: allow, deny and known.
        rule: which list comes first, and what it asks of a reading.
        now: entries count for a time; where the clock is not synchronised, one that counts for a time only does not
            open, and still does everything else.

    Returns:
        The decision. Its explanation tells what every list that was asked said.

    """
    text = normalise(reading.text)
    told: list[str] = []
    passes = ("exact", "similar") if rule.exact_first else ("any",)
    for which in passes:
        for name in rule.order:
            asked: ListRule = getattr(rule, name)
            for match, why in _matches(reading, text, lists, name, asked, which):
                refusal = _refusal(match.entry, asked, reading, now)
                if refusal is None:
                    explanation = "; ".join([f"{name}: {why}", *told])
                    entry = match.entry
                    return Decision(asked.action, explanation, name, entry.plate, entry.name, match.distance)
                told.append(f"{name}: {why}, but {refusal}")
                break  # the nearest entry of a list speaks for it
    return Decision(rule.unlisted, "; ".join(told) or f"on none of the lists {', '.join(rule.order)}")


def _matches(
    reading: Reading, text: str, lists: Lists, name: str, asked: ListRule, which: str
) -> Iterator[tuple[Match, str]]:
    """The nearest entry of a list, if it is near enough, and in words how near it is."""
    exact = lists.find(name, text)
    if exact is not None:
        if which != "similar":
            yield Match(exact, 0.0), "an entry says exactly this"
    elif which != "exact" and asked.max_distance > 0:
        match = nearest(reading, lists, name, most=asked.max_distance)
        if match is not None:
            yield match, f"an entry is similar (distance {match.distance:.2f} of at most {asked.max_distance:g})"


def _refusal(entry: Entry, asked: ListRule, reading: Reading, now: Stamp) -> str | None:
    """Why an entry does not count now, or None if it does."""
    if reading.confidence < asked.min_confidence:
        return f"confidence {reading.confidence:.2f} is below {asked.min_confidence:g}"
    if not entry.bounded:
        return None
    if not now.synced:
        return "it counts for a time and the clock is not synchronised" if asked.action == "open" else None
    if not entry.valid(now.wall):
        return "it is not valid yet" if entry.start is not None and now.wall < entry.start else "it has expired"
    return None


def nearest(reading: Reading, lists: Lists, name: str, *, most: float) -> Match | None:
    """The entry of a list that is nearest to a reading.

    Args:
        reading: its text and alternatives are candidates; an alternative costs by its confidence beside the text's.
        lists: all lists.
        name: of the list.
        most: how far an entry may be, in characters.

    Returns:
        The nearest entry, the first of equally near ones by plate; None if none is near enough.

    """
    candidates: dict[str, float] = {}
    for text, cost in _candidates(reading):
        if text and cost <= most:
            candidates[text] = min(cost, candidates.get(text, math.inf))
    best: Match | None = None
    for entry in lists.of(name):
        for text, cost in candidates.items():
            limit = most if best is None else best.distance
            total = cost + distance(text, entry.plate, most=limit - cost)
            if total <= limit and (best is None or (total, entry.plate) < (best.distance, best.entry.plate)):
                best = Match(entry, total)
    return best


def _candidates(reading: Reading) -> Iterator[tuple[str, float]]:
    """What the recogniser held possible, normalised, each with its cost in characters."""
    yield normalise(reading.text), 0.0
    for other in reading.alternatives:
        if other.confidence > 0 and reading.confidence > 0:
            yield normalise(other.text), max(0.0, math.log(reading.confidence / other.confidence) / _ONE_CHARACTER)


def substitution(ours: str, theirs: str) -> float:
    """What one character in the place of another costs, in characters: 0 for itself, less than 1 for a look-alike."""
    return 0.0 if ours == theirs else _COST.get((ours, theirs), 1.0)


def distance(text: str, other: str, *, most: float = math.inf) -> float:
    """The least cost of making one text of the other (Levenshtein, weighted).

    Args:
        text: normalised.
        other: normalised.
        most: beyond this it does not matter how far.

    Returns:
        In characters; inf if it is above ``most``. A character too many or too few costs 1, a wrong one at most 1.

    """
    if abs(len(text) - len(other)) > most:
        return math.inf
    if most < 1:  # no room for a character too many or too few: the common case, and linear
        total = 0.0
        for ours, theirs in zip(text, other, strict=True):
            if ours != theirs:
                total += _COST.get((ours, theirs), 1.0)
                if total > most:
                    return math.inf
        return total
    row = [float(column) for column in range(len(other) + 1)]
    for number, ours in enumerate(text, 1):
        above, row = row, [float(number)]
        for column, theirs in enumerate(other):
            change = 0.0 if ours == theirs else _COST.get((ours, theirs), 1.0)
            row.append(min(above[column] + change, above[column + 1] + 1, row[column] + 1))
        if min(row) > most:
            return math.inf
    return row[-1] if row[-1] <= most else math.inf
