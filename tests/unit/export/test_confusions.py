"""Counting what a recogniser exchanges: what stands for what, and what that costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr import decide
from export import confusions

TEXTS = st.text("AB01", max_size=6)


@pytest.mark.parametrize(
    ("text", "label", "pairs"),
    [
        ("AB1", "AB1", ["AA", "BB", "11"]),
        ("A8", "AB", ["AA", "8B"]),
        ("AB", "AXB", ["AA", "BB"]),
        ("", "AB", []),
        ("0A", "OAB", ["0O", "AA"]),
    ],
)
def test_characters_that_stand_in_the_same_place_are_pairs(text: str, label: str, pairs: list[str]) -> None:
    assert ["".join(pair) for pair in confusions.aligned(text, label)] == pairs


@given(TEXTS, TEXTS)
def test_every_alignment_is_one_with_the_fewest_edits(text: str, label: str) -> None:
    pairs = confusions.aligned(text, label)
    edits = sum(ours != theirs for ours, theirs in pairs) + len(text) + len(label) - 2 * len(pairs)
    plain = pytest.MonkeyPatch()
    with plain.context() as patch:
        patch.setattr(decide, "_COST", {})
        assert edits == decide.distance(text, label)


def test_what_is_exchanged_more_often_costs_less() -> None:
    right = [("A0B8", "A0B8")] * 1000
    found = confusions.count([*right, *[("A0B8", "AOB8")] * 40, *[("A0BB", "A0B8")] * 10, ("1", "7")])
    assert found.exchanged == {("0", "O"): 40, ("8", "B"): 10, ("1", "7"): 1}
    costs = found.costs()
    assert costs["0", "O"] == 0.1
    assert 0.1 < costs["8", "B"] < 1
    assert ("1", "7") not in costs  # once is chance


def test_without_an_exchange_there_are_no_costs() -> None:
    assert confusions.count([("AB", "AB")]).costs() == {}
    assert confusions.count([]).costs() == {}


def test_the_table_is_written_as_it_is_read() -> None:
    costs = {("0", "O"): 0.1, ("8", "B"): 0.4, ("1", "I"): 0.4}
    assert confusions.table(costs) == ['    (0.1, "0O"),', '    (0.4, "1I 8B"),']


def test_strangers_and_misreads_within_reach_are_told_apart() -> None:
    reads = [("AB0", "ABO"), ("XX1", "XX1"), ("YY2", "ZZZ"), ("AB0", "AB0")]
    wrong, near, strangers = confusions.reached(reads, 0.5)
    assert (wrong, near) == (2, 1)
    assert strangers == pytest.approx(1 / 6)  # AB0 and ABO, among four labels
