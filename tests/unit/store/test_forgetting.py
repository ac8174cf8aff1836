"""The audit, erasing, and commands beside a program that writes."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import pytest
from stored import DAY, WALL, an_attempt, an_event, counts_of, filled, ids_in, keys_for, rows_in

from edge_ocr.config import KeepSettings, StoreSettings
from edge_ocr.errors import StoreError
from edge_ocr.store import Database, commands, damage, retention

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.clock import FakeClock


def test_an_opening_is_written_down_with_its_reason(store: Database, folder: Path, clock: FakeClock) -> None:
    store.audit(clock.stamp(), "relay", "open", "on the list 'allow'", event="one")
    found = rows_in(folder, "SELECT event, actor, action, reason, wall, synced FROM audit")
    assert found == [("one", "relay", "open", "on the list 'allow'", WALL, 1)]


def test_of_openings_the_latest_are_kept(
    store: Database, folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_MOST_NOTES", 3)
    for number in range(5):
        store.audit(clock.stamp(), "relay", "open", f"the {number}th")
    store.tidy()
    store.tidy()
    assert rows_in(folder, "SELECT reason FROM audit ORDER BY id") == [("the 2th",), ("the 3th",), ("the 4th",)]


def test_a_plate_is_erased_with_all_that_was_kept_of_it(store: Database, folder: Path, clock: FakeClock) -> None:
    for name, text in (("one", "SECRET99"), ("two", "AB12"), ("three", "SECRET99")):
        store.record(an_event(name, text=text), destinations=["mqtt"])
    store.miss(an_attempt("short", clock, text="SECRET99"))
    store.audit(clock.stamp(), "relay", "open", "listed", event="one")
    assert store.erase(text="SECRET99") == 2
    assert ids_in(store) == keys_for(store) == ["two"]
    assert counts_of(folder)["crops"] == 1
    assert store.attempts.latest(10) == []
    assert rows_in(folder, "SELECT event FROM audit") == [(None,)]
    store.close()
    for path in folder.iterdir():
        assert path.is_dir() or b"SECRET99" not in path.read_bytes()


def test_a_span_of_time_is_erased(folder: Path, clock: FakeClock) -> None:
    with filled(folder, clock, StoreSettings()) as store:
        assert store.erase(since=WALL + DAY, until=WALL + 9 * DAY) == 8
        assert ids_in(store) == ["e0", "e9"]
        with pytest.raises(ValueError, match="text, since and until are all None"):
            store.erase()


def test_a_command_replays_while_a_program_writes(store: Database, folder: Path) -> None:
    store.record(an_event("a"))
    with commands.outbox(folder) as outbox:
        assert outbox.replay("mqtt") == 1
        assert outbox.depth("mqtt").pending == 1
    assert keys_for(store) == ["a"]


def test_a_command_erases_while_a_program_writes(store: Database, folder: Path) -> None:
    for name, text in (("a", "AB12"), ("b", "CD34")):
        store.record(an_event(name, text=text), destinations=["mqtt"])
    assert commands.forget(folder, text="AB12") == 1
    assert ids_in(store) == keys_for(store) == ["b"]
    assert counts_of(folder)["crops"] == 1


def test_who_erases_is_told_of_damaged_databases_that_may_hold_the_same(
    store: Database, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.record(an_event("one"))
    assert commands.forget(folder, text="AB12") == 1
    assert caplog.text == ""
    (folder / "damaged-1").mkdir()
    commands.forget(folder, text="AB12")
    assert f"{folder / 'damaged-1'}: a damaged database, in which nothing can be erased; give --damaged" in caplog.text


def test_damaged_databases_are_removed_by_command_with_the_crops_beside_them(store: Database, folder: Path) -> None:
    store.record(an_event("one"))
    for number in (1, 2):
        (folder / f"damaged-{number}" / "crops").mkdir(parents=True)
        (folder / f"damaged-{number}" / "crops" / "a.png").write_bytes(b"a plate")
    assert commands.forget_damaged(folder) == 2
    assert list(folder.glob("damaged-*")) == []
    assert counts_of(folder)["events"] == 1
    assert commands.forget_damaged(folder) == 0


def test_damaged_databases_grow_old_as_events_do(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock, StoreSettings(events=KeepSettings(days=30))) as store:
        for number, age in ((1, 31), (2, 29)):
            (folder / f"damaged-{number}").mkdir()
            os.utime(folder / f"damaged-{number}", (WALL - age * DAY, WALL - age * DAY))
        store.tidy()
        assert len(list(folder.glob("damaged-*"))) == 2  # nobody vouches for the clock yet
        clock.advance(3600)
        store.tidy()
        assert [place.name for place in folder.glob("damaged-*")] == ["damaged-2"]


def test_a_command_on_no_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file; name the folder of a store"):
        commands.forget(tmp_path, text="AB12")


def test_damaged_databases_may_be_removed_by_two_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, here = folder / "damaged-1", folder / "damaged-2"
    here.mkdir(parents=True)
    monkeypatch.setattr(damage, "aside", lambda _: [gone, here])
    assert damage.drop_aside(folder, math.inf) == 1
    assert not here.exists()
