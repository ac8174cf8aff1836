"""The decision: the nearest entry, who wins, and the reasons in words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr.config import parse
from edge_ocr.decide import decide, distance, nearest
from edge_ocr.lists import Entry, Lists
from edge_ocr.tables import ListRule, ListSettings
from edge_ocr.types import Action, Alternative, Kind, Quad, Reading, Stamp

QUAD = Quad(((0, 0), (1, 0), (1, 1), (0, 1)), Kind.PLATE, 1.0)
NOW = Stamp(100.0, 1_800_000_000.0, "boot", synced=True)
PLATES = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_size=8)


def reading(text: str, confidence: float = 0.95, **others: float) -> Reading:
    alternatives = tuple(Alternative(name, sure) for name, sure in others.items())
    return Reading(text, confidence, Kind.PLATE, None, QUAD, alternatives)


def lists(**plates: str) -> Lists:
    return Lists(tuple(Entry(name, plate) for name, all_of in plates.items() for plate in all_of.split()))


def test_an_allowed_plate_opens_and_says_why() -> None:
    decision = decide(reading("AB123"), Lists((Entry("allow", "AB123", "Ann"),)), ListSettings(), NOW)
    assert (decision.action, decision.list, decision.entry, decision.name) == (Action.OPEN, "allow", "AB123", "Ann")
    assert decision.explanation == "allow: an entry says exactly this"


def test_an_unknown_plate_gets_the_action_for_the_unlisted() -> None:
    decision = decide(reading("AB123"), Lists(), ListSettings(unlisted=Action.REFUSE), NOW)
    assert (decision.action, decision.list) == (Action.REFUSE, None)
    assert decision.explanation == "on none of the lists deny, allow, known"


def test_the_first_list_of_the_order_wins() -> None:
    both = lists(allow="AB123", deny="AB123")
    assert decide(reading("AB123"), both, ListSettings(), NOW).list == "deny"
    assert decide(reading("AB123"), both, ListSettings(order=("allow", "deny")), NOW).list == "allow"


def test_an_exact_match_comes_before_a_similar_one_of_an_earlier_list_unless_told_otherwise() -> None:
    both = lists(allow="AB128", deny="AB12B")
    assert decide(reading("AB128"), both, ListSettings(), NOW).list == "allow"
    assert decide(reading("AB128"), both, ListSettings(exact_first=False), NOW).list == "deny"


def test_a_doubtful_reading_opens_nothing_and_says_so() -> None:
    decision = decide(reading("AB123", 0.85), lists(allow="AB123"), ListSettings(), NOW)
    assert (decision.action, decision.list) == (Action.NOTE, None)
    assert decision.explanation == "allow: an entry says exactly this, but confidence 0.85 is below 0.9"


def test_an_allow_list_takes_no_similar_plates_by_default() -> None:
    assert decide(reading("AB128"), lists(allow="AB12B"), ListSettings(), NOW).action is Action.NOTE


def test_a_similar_plate_matches_and_the_reading_stays_what_it_was() -> None:
    seen = reading("AB128")
    decision = decide(seen, lists(deny="AB12B"), ListSettings(), NOW)
    assert (decision.entry, decision.distance, seen.text) == ("AB12B", 0.2, "AB128")
    assert decision.explanation == "deny: an entry is similar (distance 0.20 of at most 0.5)"


def test_what_the_recogniser_held_possible_is_near() -> None:
    seen = reading("AB723", 0.6, AB123=0.3)
    match = nearest(seen, lists(known="AB123 AB923"), "known", most=1)
    assert match is not None
    assert match.entry.plate == "AB123"
    assert match.distance == pytest.approx(math.log(2) / math.log(100))


def test_of_equally_near_entries_the_first_by_plate_is_taken() -> None:
    match = nearest(reading("AB123"), lists(known="AB923 AB423"), "known", most=1)
    assert match is not None
    assert match.entry.plate == "AB423"


@pytest.mark.parametrize(("wall", "action"), [(5.0, "note"), (10.0, "open"), (19.9, "open"), (20.0, "note")])
def test_an_entry_counts_from_its_start_until_its_end(wall: float, action: str) -> None:
    bounded = Lists((Entry("allow", "AB123", "", 10.0, 20.0),))
    assert decide(reading("AB123"), bounded, ListSettings(), replace(NOW, wall=wall)).action == action


def test_with_an_unsynchronised_clock_an_entry_for_a_time_does_not_open_but_still_denies() -> None:
    bounded = Lists((Entry("allow", "AB123", "", 10.0, 2e9), Entry("deny", "CD456", "", 10.0, 2e9)))
    now = replace(NOW, synced=False)
    decision = decide(reading("AB123"), bounded, ListSettings(), now)
    assert decision.action is Action.NOTE
    assert "the clock is not synchronised" in decision.explanation
    assert decide(reading("CD456"), bounded, ListSettings(), now).action is Action.REFUSE


def test_an_expired_allow_entry_lets_later_lists_speak() -> None:
    mixed = Lists((Entry("allow", "AB123", "", None, 20.0), Entry("known", "AB123", "Ann")))
    decision = decide(reading("AB123"), mixed, ListSettings(), NOW)
    assert (decision.list, decision.action) == ("known", Action.NOTE)
    assert (
        decision.explanation
        == "known: an entry says exactly this; allow: an entry says exactly this, but it has expired"
    )


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [
        ("AB123", "AB123", 0),
        ("AB0", "ABO", 0.1),
        ("AB1", "ABX", 1),
        ("AB12", "AB2", 1),
        ("", "ABC", 3),
        ("88", "BB", 0.4),
    ],
)
def test_distances_are_in_characters(one: str, other: str, far: float) -> None:
    assert distance(one, other) == pytest.approx(far)


@given(PLATES, PLATES, PLATES)
def test_the_distance_is_symmetric_and_zero_for_the_same_text_alone(one: str, other: str, third: str) -> None:
    assert distance(one, other) == pytest.approx(distance(other, one))
    assert (distance(one, other) == 0) == (one == other)
    assert distance(one, third) <= len(one) + len(third)


@given(PLATES, PLATES, st.floats(0, 3))
def test_a_limit_changes_nothing_below_it(one: str, other: str, most: float) -> None:
    exact = distance(one, other)
    assert distance(one, other, most=most) == (pytest.approx(exact) if exact <= most else math.inf)


def test_the_rule_comes_from_the_configuration() -> None:
    tables = {"lists": {"order": ["allow"], "allow": {"max_distance": 0.5, "min_confidence": 0.5}}}
    settings = parse(tables, origin="test").lists
    assert settings.allow == ListRule(Action.OPEN, 0.5, 0.5)
    assert decide(reading("AB128", 0.6), lists(allow="AB12B", deny="AB128"), settings, NOW).action is Action.OPEN
