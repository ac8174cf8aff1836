"""What is still to be sent: handed out in order, kept until it is taken, counted without counting."""

from __future__ import annotations

from dataclasses import replace
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from stored import WALL, an_event, filled, ids_in, keys_for, rows_in

from edge_ocr.clock import FakeClock
from edge_ocr.config import KeepSettings, StoreSettings
from edge_ocr.errors import StoreError
from edge_ocr.store import Database, Entry, commands, connection

if TYPE_CHECKING:
    from pathlib import Path


def test_parcels_come_in_order_with_what_is_needed_to_send_them(store: Database, folder: Path) -> None:
    for name in ("b", "a"):
        store.record(an_event(name), destinations=["mqtt", "webhook"])
    first, second = store.outbox.pending("mqtt", 0.0, 10)
    assert (first.key, first.destination, first.camera, first.attempts) == ("b", "mqtt", "gate", 0)
    assert first.crop_path == folder / first.event["crop"]
    assert first.event["text"] == "AB12"
    assert first.id < second.id
    assert store.outbox.pending("mqtt", 0.0, 1) == [first]
    assert store.outbox.pending("nobody", 0.0, 1) == []


def test_what_was_delivered_is_not_handed_out_again_and_other_destinations_still_get_it(store: Database) -> None:
    for name in "ab":
        store.record(an_event(name), destinations=["mqtt", "webhook"])
    store.outbox.delivered(store.outbox.pending("mqtt", 0.0, 1)[0])
    assert keys_for(store) == ["b"]
    assert keys_for(store, "webhook") == ["a", "b"]


def test_what_was_delivered_before_a_close_stays_delivered(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock) as store:
        store.record(an_event("a"), destinations=["mqtt"])
        store.outbox.delivered(store.outbox.pending("mqtt", 0.0, 1)[0])
    with Database.open(folder, clock) as store:
        assert keys_for(store) == []


def test_a_camera_whose_parcel_failed_waits_and_others_do_not(store: Database) -> None:
    for name, camera in (("a", "in"), ("b", "out"), ("c", "in")):
        store.record(an_event(name, camera=camera), destinations=["mqtt"])
    store.outbox.failed(store.outbox.pending("mqtt", 0.0, 1)[0], "no\nroute", 50.0)
    assert keys_for(store, now=49.0) == ["b"]
    assert keys_for(store, now=50.0) == ["a", "b", "c"]
    assert store.outbox.pending("mqtt", 50.0, 1)[0].attempts == 1


def test_a_reboot_ends_every_backoff_since_its_clock_began_anew(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock) as store:
        store.record(an_event("a"), destinations=["mqtt"])
        store.outbox.failed(store.outbox.pending("mqtt", 0.0, 1)[0], "no route", 1e6)
    with Database.open(folder, clock) as store:
        assert keys_for(store, now=200.0) == []
    with Database.open(folder, FakeClock(mono=1.0, boot_id="another")) as store:
        assert keys_for(store, now=1.0) == ["a"]


def test_dead_letters_are_kept_counted_and_replayed(store: Database) -> None:
    for name in "ab":
        store.record(an_event(name), destinations=["mqtt"])
    store.outbox.dead(store.outbox.pending("mqtt", 0.0, 1)[0], "410 Gone")
    assert keys_for(store) == ["b"]
    depth = store.outbox.depth("mqtt")
    assert (depth.pending, depth.dead) == (1, 1)
    assert store.outbox.replay("mqtt", dead=True) == 1
    assert keys_for(store) == ["a", "b"]
    assert store.outbox.depth("mqtt").dead == 0


def test_a_sender_that_notes_its_deliveries_does_not_disturb_who_records(store: Database) -> None:
    """Both change the counts; neither may see the other's halfway."""
    for number in range(50):
        store.record(an_event(f"a{number}"), destinations=["mqtt"])
    done = Flag()

    def send() -> None:
        while not done.is_set() or store.outbox.pending("mqtt", 0.0, 1):
            for parcel in store.outbox.pending("mqtt", 0.0, 7):
                store.outbox.delivered(parcel)
            assert store.outbox.depth("mqtt").pending >= 0

    sender = Thread(target=send)
    sender.start()
    for number in range(50):
        store.record(replace(an_event(f"b{number}"), crop=None), destinations=["mqtt"])
    done.set()
    sender.join()
    assert store.outbox.depth("mqtt").pending == 0


def test_replay_takes_a_span_of_time_and_nothing_twice(store: Database, clock: FakeClock) -> None:
    for name in "abc":
        store.record(an_event(name, clock=clock), destinations=[])
        clock.advance(60)
    assert store.outbox.replay("mqtt", since=WALL + 60, until=WALL + 120) == 1
    assert store.outbox.replay("mqtt") == 2
    assert keys_for(store) == ["a", "b", "c"]


def test_the_depth_tells_how_long_the_oldest_waits(store: Database, clock: FakeClock) -> None:
    store.record(an_event("a", clock=clock), destinations=["mqtt"])
    assert store.outbox.depth("mqtt", clock.boot_id).oldest_mono == 100.0
    assert store.outbox.depth("mqtt", "another boot").oldest_mono is None
    assert store.outbox.depth("nobody").pending == 0


@pytest.mark.parametrize(("full", "kept"), [("oldest", ["b", "c"]), ("newest", ["a", "b"])])
def test_a_full_outbox_makes_dead_letters_by_the_declared_policy(
    folder: Path, clock: FakeClock, full: str, kept: list[str]
) -> None:
    with Database.open(folder, clock, StoreSettings(outbox_most=2, outbox_full=full)) as store:
        for name in "abc":
            store.record(an_event(name), destinations=["mqtt"])
        assert keys_for(store) == kept
        assert store.outbox.depth("mqtt").dead == 1
        assert ids_in(store) == ["a", "b", "c"]


def _counted(store: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that count, from now on."""
    counted: list[str] = []
    rows = connection.Connection.rows

    def spy(self: connection.Connection, sql: str, values: connection.Values = ()) -> list[tuple[Any, ...]]:
        counted.extend([sql] if "count(*) FROM outbox" in sql else [])
        return rows(self, sql, values)

    monkeypatch.setattr(connection.Connection, "rows", spy)
    store.outbox.depth("mqtt")
    counted.clear()
    return counted


def test_the_depth_is_known_without_counting(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store.record_all([Entry(an_event(f"e{number}"), None, ["mqtt", "webhook"]) for number in range(9)])
    counted = _counted(store, monkeypatch)
    one, two, three, *_ = store.outbox.pending("mqtt", 0.0, 10)
    store.outbox.delivered(one)
    store.outbox.dead(two, "410 Gone")
    store.outbox.failed(three, "no route", 50.0)
    store.outbox.flush()
    store.record(an_event("more"), destinations=["mqtt"])
    assert (store.outbox.depth("mqtt").pending, store.outbox.depth("mqtt").dead) == (8, 1)
    store.outbox.replay("mqtt", dead=True)
    assert (store.outbox.depth("mqtt").pending, store.outbox.depth("mqtt").dead) == (9, 0)
    assert counted == []


def test_it_is_counted_again_after_what_this_process_did_not_do_itself(
    store: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        store.record(an_event(name), destinations=["mqtt"])
    counted = _counted(store, monkeypatch)
    rows_in(folder, "DELETE FROM outbox WHERE event = 1 RETURNING 1")  # its transaction is taken back at the close
    assert store.outbox.depth("mqtt").pending == 3
    with commands.outbox(folder) as beside:
        assert beside.replay("mqtt") == 0
        beside.dead(beside.pending("mqtt", 0.0, 1)[0], "by hand")
        beside.flush()
    assert (store.outbox.depth("mqtt").pending, store.outbox.depth("mqtt").dead) == (2, 1)
    assert len(counted) >= 1
    with pytest.raises(StoreError, match="UNIQUE"), store._connection.transaction():
        store.outbox.enqueue(1, 1, ["mqtt", "mqtt"])
    assert store.outbox.depth("mqtt").pending == 2


def test_dead_letters_that_go_with_their_events_are_not_counted_any_more(folder: Path, clock: FakeClock) -> None:
    with filled(folder, clock, StoreSettings(events=KeepSettings(most=4)), destinations=("mqtt",)) as store:
        for parcel in store.outbox.pending("mqtt", 0.0, 10):
            store.outbox.dead(parcel, "410 Gone")
        store.outbox.flush()
        assert store.outbox.depth("mqtt").dead == 10
        store.tidy()
        assert store.outbox.depth("mqtt").dead == 4
        store.erase(since=0.0)
        assert store.outbox.depth("mqtt").dead == 0
