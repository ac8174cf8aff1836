"""Wall times that are put right once the clock is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from stored import DAY, WALL, an_event, rows_in

from edge_ocr.clock import FakeClock
from edge_ocr.store import Database, retention

if TYPE_CHECKING:
    from pathlib import Path


def test_wall_times_of_a_boot_are_put_right_once_the_clock_is(folder: Path) -> None:
    clock = FakeClock(mono=10.0, wall=0.0, synced=False)
    with Database.open(folder, clock) as store:
        for name in "ab":
            store.record(an_event(name, clock=clock), destinations=["mqtt"])
            clock.advance(30)
        clock.step_wall(WALL)
        clock.synced = True
        store.record(an_event("c", clock=clock))
        times = rows_in(folder, "SELECT id, last_wall, last_wall_raw, last_synced FROM events ORDER BY seq")
        assert times == [("a", WALL, 0.0, 2), ("b", WALL + 30, 30.0, 2), ("c", WALL + 60, None, 1)]
        assert [row["last"].get("repaired") for row in store.events()] == [True, True, None]
        assert store.outbox.pending("mqtt", 0.0, 1)[0].event["first"]["wall"] == "2023-11-14T22:13:20.000Z"
    assert rows_in(folder, "SELECT events, added_min, added_max FROM clock_corrections") == [(2, WALL, WALL)]


def test_an_event_that_was_seen_before_and_told_after_the_clock_was_right_is_put_right(folder: Path) -> None:
    clock = FakeClock(mono=10.0, wall=0.0, synced=False)
    with Database.open(folder, clock) as store:
        early = an_event("a", clock=clock)
        clock.advance(5)
        clock.step_wall(WALL)
        clock.synced = True
        store.tidy()
        store.record(early)
    assert rows_in(folder, "SELECT last_wall, last_synced FROM events") == [(WALL, 2)]


def test_drift_between_two_times_that_the_clock_was_right_is_shared_out(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock) as store:
        store.tidy()
        clock.synced = False
        store.tidy()
        clock.step_wall(-12.0)  # what a week without network may do, all at once at its beginning
        clock.advance(3.5 * DAY)
        store.record(an_event("a", clock=clock))
        clock.advance(3.5 * DAY)
        clock.step_wall(12.0 + 8.0)
        clock.synced = True
        store.tidy()
    ((wall,),) = rows_in(folder, "SELECT last_wall FROM events")
    assert wall == pytest.approx(WALL + 3.5 * DAY + 4.0, abs=0.01)


def test_a_boot_whose_clock_never_was_right_keeps_what_it_said(folder: Path) -> None:
    for boot, synced in (("first", False), ("second", True)):
        clock = FakeClock(mono=10.0, wall=1000.0, boot_id=boot, synced=synced)
        with Database.open(folder, clock) as store:
            store.record(an_event(boot, clock=clock))
            store.tidy()
    assert rows_in(folder, "SELECT last_wall, last_synced FROM events") == [(1000.0, 0), (1000.0, 1)]


def test_a_start_in_the_same_boot_knows_when_the_clock_was_right(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock) as store:
        store.tidy()
    with Database.open(folder, clock) as store:
        clock.advance(60)
        store.tidy()
    assert rows_in(folder, "SELECT since, shift FROM clock_anchors") == [(100.0, WALL - 100), (160.0, WALL - 100)]


def test_of_the_times_at_which_the_clock_was_right_the_latest_are_kept(
    store: Database, folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_MOST_ANCHORS", 3)
    for _ in range(6):
        clock.advance(60)
        clock.step_wall(10)
        store.tidy()
    store.tidy()
    assert [since for (since,) in rows_in(folder, "SELECT since FROM clock_anchors")] == [340.0, 400.0, 460.0]
