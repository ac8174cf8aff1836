"""The store: an event with its picture and its parcels, all or nothing, and what gives way to what."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
import time
from dataclasses import replace
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge_ocr.clock import FakeClock
from edge_ocr.config import KeepSettings, StoreSettings
from edge_ocr.errors import StoreError
from edge_ocr.store import Database, Entry, Recorder, check, commands, connection, crops, damage, retention
from edge_ocr.types import Action, Attempt, Decision, Event, Kind, Quad, Reading, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WALL = 1_700_000_000.0
DAY = 86_400.0


def _event(name: str, *, clock: FakeClock | None = None, text: str = "AB12", camera: str = "gate") -> Event:
    quad = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)
    stamp = clock.stamp() if clock else Stamp(5.0, WALL, "boot", synced=True)
    crop = np.random.default_rng(1).integers(0, 255, (20, 50, 3), np.uint8)
    return Event(name, camera, Reading(text, 0.9, Kind.PLATE, "nl", quad), 5, 0, stamp, stamp, 0, 9, crop, 4)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(mono=100.0, wall=WALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "new" / "store"


@pytest.fixture
def store(folder: Path, clock: FakeClock) -> Iterator[Database]:
    with Database.open(folder, clock) as database:
        yield database


def _rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    raw = sqlite3.connect(folder / damage.DATABASE)
    try:
        return raw.execute(sql).fetchall()
    finally:
        raw.close()


def _ids(store: Database) -> list[str]:
    return [event["id"] for event in store.events(limit=1000)]


def _whole(folder: Path) -> dict[str, int]:
    report = check.check(folder, sleep=lambda _: None)
    assert report.faults == ()
    return report.counts


def test_an_event_is_a_row_the_very_pixels_of_its_crop_and_a_preview(store: Database, folder: Path) -> None:
    event = _event("one")
    stored = store.record(event)
    (row,) = store.events()
    assert row == {"seq": 1, "decision": None, **stored.as_json()}
    assert list(row)[: len(stored.as_json()) + 1] == ["seq", *stored.as_json()]
    assert row["crop"] == stored.crop_file == "crops/2023-11-14/one.png"
    assert event.crop is not None
    assert (cv2.imread(str(folder / row["crop"])) == event.crop).all()
    ((picture,),) = _rows(folder, "SELECT jpeg FROM previews")
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape == event.crop.shape


def test_a_decision_stands_in_the_event(store: Database) -> None:
    decision = Decision(Action.OPEN, "on the list 'allow'", "allow", "AB12", "the milk van")
    store.record(_event("one"), decision=decision)
    (row,) = store.events()
    assert (row["list"], row["decision"]) == ("AB12", decision.as_json())


def test_an_event_without_a_crop_has_no_file(store: Database, folder: Path) -> None:
    assert store.record(replace(_event("one"), crop=None)).crop_file is None
    assert _whole(folder)["crops"] == _whole(folder)["previews"] == 0


def test_recording_an_event_again_changes_nothing(store: Database, folder: Path) -> None:
    first = store.record(_event("one"), destinations=["mqtt"])
    again = store.record(_event("one", text="CD34"), destinations=["mqtt"])
    assert again.crop_file == first.crop_file
    assert [(row["id"], row["text"]) for row in store.events()] == [("one", "AB12")]
    assert store.outbox.depth("mqtt").pending == 1
    assert _whole(folder)["crops"] == 1


def test_a_batch_is_all_or_nothing(store: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue, calls = store.outbox.enqueue, iter(range(10))

    def trip(*arguments: Any) -> None:
        enqueue(*arguments)
        if next(calls) == 1:
            raise RuntimeError("tripped")

    monkeypatch.setattr(store.outbox, "enqueue", trip)
    with pytest.raises(RuntimeError, match="tripped"):
        store.record_all([Entry(_event(name), None, ["mqtt"]) for name in "abc"])
    assert _ids(store) == []
    assert _whole(folder)["unsent"] == 0


@pytest.mark.parametrize("name", ["../one", ".one", "a\nb"])
def test_an_id_that_is_no_file_name_is_refused(store: Database, name: str) -> None:
    with pytest.raises(ValueError, match=r"event\.id is .*, which cannot be a file's name; use a UUID"):
        store.record(_event(name))


def test_events_keep_their_order_across_starts_whatever_the_clock_does(folder: Path, clock: FakeClock) -> None:
    for name in ("a", "b", "c"):
        with Database.open(folder, clock) as store:
            store.record(_event(name, clock=clock))
        clock.step_wall(-20 * 365 * DAY)
    with Database.open(folder, clock) as store:
        assert _ids(store) == ["a", "b", "c"]
    assert _rows(folder, "SELECT count(*), count(ended) FROM starts") == [(4, 4)]


def test_a_second_writer_is_refused(store: Database, folder: Path, clock: FakeClock) -> None:
    with pytest.raises(StoreError, match="another process writes to it; stop that one or name another folder"):
        Database.open(folder, clock)
    store.close()
    Database.open(folder, clock).close()


@pytest.mark.parametrize("what", ["the folder", "the database"])
def test_a_store_that_somebody_removes_is_begun_anew_and_told(
    store: Database, folder: Path, clock: FakeClock, what: str
) -> None:
    store.record(_event("one"))
    if what == "the folder":
        shutil.rmtree(folder)
    else:
        (folder / damage.DATABASE).unlink()
    stored = store.record(_event("two"))
    store.tidy()
    assert stored.crop_file is not None
    assert [text for (text,) in _rows(folder, "SELECT id FROM events")] == ["two"]
    assert _whole(folder)["events"] == 1
    assert "set aside" in str(store.trouble)
    with pytest.raises(StoreError, match="another process writes to it"):
        Database.open(folder, clock)


def test_a_disk_that_cannot_be_asked_is_an_error_of_the_store(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    recorder = Recorder(store)
    monkeypatch.setattr(shutil, "disk_usage", gone)
    recorder.add(Entry(_event("one")), 0.0)
    assert recorder.flush(1.0) == []
    assert "Input/output error" in str(recorder.trouble)
    monkeypatch.undo()
    assert [event.id for event in recorder.flush(2.0)] == ["one"]


def test_a_folder_name_of_two_lines_does_not_make_two_of_the_error(tmp_path: Path, clock: FakeClock) -> None:
    folder = tmp_path / "two\nlines"
    messages = []
    with Database.open(folder, clock) as store:
        with pytest.raises(StoreError) as caught:
            Database.open(folder, clock)
        messages.append(str(caught.value))
        (folder / crops.FOLDER).write_text("a file where a folder should be")
        with pytest.raises(StoreError) as caught:
            store.record(_event("one"))
        messages.append(str(caught.value))
        assert _ids(store) == []  # a crop that cannot be written gives no row
    with pytest.raises(StoreError) as caught:
        check.check(folder / "none")
    for message in [*messages, str(caught.value)]:
        assert message.startswith(f"{tmp_path}/two\\nlines")
        assert "\n" not in message


def test_crops_lie_in_a_folder_a_day(folder: Path, clock: FakeClock) -> None:
    for name in ("one", "two"):
        with Database.open(folder, clock) as store:
            store.record(_event(name, clock=clock))
        clock.step_wall(DAY)
    with Database.open(folder, clock) as store:
        found = [row["crop"] for row in store.events()]
    assert found == ["crops/2023-11-14/one.png", "crops/2023-11-15/two.png"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match=r"taken: cannot be written \(.*\); free space"):
        Database.open(tmp_path / "taken", clock)


def test_a_closed_store_says_so(folder: Path, clock: FakeClock) -> None:
    store = Database.open(folder, clock)
    store.close()
    with pytest.raises(StoreError, match="is closed; open the store again"):
        store.record(_event("one"))


def test_texts_beyond_ascii_survive(store: Database) -> None:
    store.record(_event("ünï", text="Ж1"))
    assert [(row["id"], row["text"]) for row in store.events()] == [("ünï", "Ж1")]


def test_crops_are_on_the_disk_before_their_rows_are(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, run = os.fsync, connection.Connection.run
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append("fsync"), sync(descriptor))[1])

    def spy(self: connection.Connection, sql: str, values: connection.Values = ()) -> int:
        done.extend(["row"] if "INSERT INTO events" in sql else [])
        return run(self, sql, values)

    monkeypatch.setattr(connection.Connection, "run", spy)
    store.record(_event("one"))
    assert done.index("row") > done.index("fsync")
    assert done[-1] == "row"


# The outbox


def _take(store: Database, destination: str = "mqtt", now: float = 0.0) -> list[str]:
    return [parcel.key for parcel in store.outbox.pending(destination, now, 100)]


def test_parcels_come_in_order_with_what_is_needed_to_send_them(store: Database, folder: Path) -> None:
    for name in ("b", "a"):
        store.record(_event(name), destinations=["mqtt", "webhook"])
    first, second = store.outbox.pending("mqtt", 0.0, 10)
    assert (first.key, first.destination, first.camera, first.attempts) == ("b", "mqtt", "gate", 0)
    assert first.crop_path == folder / first.event["crop"]
    assert first.event["text"] == "AB12"
    assert first.id < second.id
    assert store.outbox.pending("mqtt", 0.0, 1) == [first]
    assert store.outbox.pending("nobody", 0.0, 1) == []


def test_what_was_delivered_is_not_handed_out_again_and_other_destinations_still_get_it(store: Database) -> None:
    for name in "ab":
        store.record(_event(name), destinations=["mqtt", "webhook"])
    store.outbox.delivered(store.outbox.pending("mqtt", 0.0, 1)[0])
    assert _take(store) == ["b"]
    assert _take(store, "webhook") == ["a", "b"]


def test_what_was_delivered_before_a_close_stays_delivered(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock) as store:
        store.record(_event("a"), destinations=["mqtt"])
        store.outbox.delivered(store.outbox.pending("mqtt", 0.0, 1)[0])
    with Database.open(folder, clock) as store:
        assert _take(store) == []


def test_a_camera_whose_parcel_failed_waits_and_others_do_not(store: Database) -> None:
    for name, camera in (("a", "in"), ("b", "out"), ("c", "in")):
        store.record(_event(name, camera=camera), destinations=["mqtt"])
    store.outbox.failed(store.outbox.pending("mqtt", 0.0, 1)[0], "no\nroute", 50.0)
    assert _take(store, now=49.0) == ["b"]
    assert _take(store, now=50.0) == ["a", "b", "c"]
    assert store.outbox.pending("mqtt", 50.0, 1)[0].attempts == 1


def test_a_reboot_ends_every_backoff_since_its_clock_began_anew(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock) as store:
        store.record(_event("a"), destinations=["mqtt"])
        store.outbox.failed(store.outbox.pending("mqtt", 0.0, 1)[0], "no route", 1e6)
    with Database.open(folder, clock) as store:
        assert _take(store, now=200.0) == []
    with Database.open(folder, FakeClock(mono=1.0, boot_id="another")) as store:
        assert _take(store, now=1.0) == ["a"]


def test_dead_letters_are_kept_counted_and_replayed(store: Database) -> None:
    for name in "ab":
        store.record(_event(name), destinations=["mqtt"])
    store.outbox.dead(store.outbox.pending("mqtt", 0.0, 1)[0], "410 Gone")
    assert _take(store) == ["b"]
    depth = store.outbox.depth("mqtt")
    assert (depth.pending, depth.dead) == (1, 1)
    assert store.outbox.replay("mqtt", dead=True) == 1
    assert _take(store) == ["a", "b"]
    assert store.outbox.depth("mqtt").dead == 0


def test_a_sender_that_notes_its_deliveries_does_not_disturb_who_records(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    inserting, cleared = Flag(), Flag()
    run = connection.Connection.run

    class Depths(dict[int, int]):
        def clear(self) -> None:
            inserting.wait(0.3)
            super().clear()
            cleared.set()

    def slow(self: connection.Connection, sql: str, values: Any = ()) -> int:
        if sql.startswith("INSERT INTO outbox"):
            inserting.set()
            cleared.wait(1.0)
        return run(self, sql, values)

    store.record(_event("one"), destinations=("mqtt",))
    (parcel,) = store.outbox.pending("mqtt", 0.0, 1)
    store.outbox.delivered(parcel)
    monkeypatch.setattr(store.outbox, "_depths", Depths(store.outbox._depths))
    monkeypatch.setattr(connection.Connection, "run", slow)
    sender = Thread(target=store.outbox.flush)
    sender.start()
    time.sleep(0.1)  # it waits where the counts are thrown away
    store.record(_event("two"), destinations=("mqtt",))
    sender.join()
    assert store.outbox.depth("mqtt").pending == 1


def test_replay_takes_a_span_of_time_and_nothing_twice(store: Database, clock: FakeClock) -> None:
    for name in "abc":
        store.record(_event(name, clock=clock), destinations=[])
        clock.advance(60)
    assert store.outbox.replay("mqtt", since=WALL + 60, until=WALL + 120) == 1
    assert store.outbox.replay("mqtt") == 2
    assert _take(store) == ["a", "b", "c"]


def test_the_depth_tells_how_long_the_oldest_waits(store: Database, clock: FakeClock) -> None:
    store.record(_event("a", clock=clock), destinations=["mqtt"])
    assert store.outbox.depth("mqtt", clock.boot_id).oldest_mono == 100.0
    assert store.outbox.depth("mqtt", "another boot").oldest_mono is None
    assert store.outbox.depth("nobody").pending == 0


@pytest.mark.parametrize(("full", "kept"), [("oldest", ["b", "c"]), ("newest", ["a", "b"])])
def test_a_full_outbox_makes_dead_letters_by_the_declared_policy(
    folder: Path, clock: FakeClock, full: str, kept: list[str]
) -> None:
    with Database.open(folder, clock, StoreSettings(outbox_most=2, outbox_full=full)) as store:
        for name in "abc":
            store.record(_event(name), destinations=["mqtt"])
        assert _take(store) == kept
        assert store.outbox.depth("mqtt").dead == 1
        assert _ids(store) == ["a", "b", "c"]


# Limits


def _filled(folder: Path, clock: FakeClock, settings: StoreSettings, *, destinations: tuple[str, ...] = ()) -> Database:
    store = Database.open(folder, clock, settings)
    entries = []
    for index in range(10):
        entries.append(Entry(_event(f"e{index}", clock=clock), None, destinations))
        clock.advance(DAY)
    store.record_all(entries)
    return store


def test_the_newest_are_kept_of_each_kind(folder: Path, clock: FakeClock) -> None:
    keep = StoreSettings(events=KeepSettings(most=6), crops=KeepSettings(most=2), previews=KeepSettings(most=4))
    with _filled(folder, clock, keep) as store:
        store.tidy()
        assert _ids(store) == [f"e{index}" for index in range(4, 10)]
        counts = _whole(folder)
        assert (counts["events"], counts["crops"], counts["previews"]) == (6, 2, 4)
        assert store.dropped == {"events": 4, "crops": 8, "previews": 6, "attempts": 0}
        assert sum(1 for _ in crops.listing(folder)) == 2


def test_crops_are_kept_up_to_so_many_bytes(folder: Path, clock: FakeClock) -> None:
    size = len(crops.png(np.random.default_rng(1).integers(0, 255, (20, 50, 3), np.uint8)))
    with _filled(folder, clock, StoreSettings(crops=KeepSettings(mb=3.5 * size / 1e6))) as store:
        store.tidy()
        assert _whole(folder)["crops"] == 3


def test_events_are_kept_up_to_so_many_bytes_of_the_database(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock, StoreSettings(events=KeepSettings(mb=0.3), free_mb=0)) as store:
        for first in range(0, 1000, 100):
            store.record_all([Entry(replace(_event(f"e{first + n}"), crop=None)) for n in range(100)])
        store.tidy()
        ids = _ids(store)
        assert 0 < len(ids) < 1000
        assert ids[-1] == "e999"


def test_what_is_unsent_is_never_dropped(folder: Path, clock: FakeClock) -> None:
    with _filled(folder, clock, StoreSettings(events=KeepSettings(most=1)), destinations=("mqtt",)) as store:
        store.tidy()
        assert len(_ids(store)) == 10
        for parcel in store.outbox.pending("mqtt", 0.0, 10):
            store.outbox.delivered(parcel)
        store.tidy()
        assert _ids(store) == ["e9"]


def test_the_database_itself_refuses_to_drop_what_is_unsent(store: Database, folder: Path) -> None:
    store.record(_event("a"), destinations=["mqtt"])
    with pytest.raises(sqlite3.IntegrityError, match="still to be sent"):
        _rows(folder, "DELETE FROM events")


def test_old_events_go_once_the_clock_has_been_right_for_an_hour(folder: Path, clock: FakeClock) -> None:
    with _filled(folder, clock, StoreSettings(events=KeepSettings(days=4.5))) as store:
        clock.advance(3600)
        store.tidy()
        assert _ids(store) == ["e6", "e7", "e8", "e9"]


@pytest.mark.parametrize("synced", [True, False])
def test_a_clock_that_jumps_ahead_drops_nothing(folder: Path, clock: FakeClock, *, synced: bool) -> None:
    with _filled(folder, clock, StoreSettings(events=KeepSettings(days=30), crops=KeepSettings(days=30))) as store:
        store.tidy()
        clock.synced = synced
        clock.step_wall(20 * 365 * DAY)
        for _ in range(50):
            store.tidy()
            clock.advance(60)
        clock.step_wall(-20 * 365 * DAY)
        clock.synced = True
        store.tidy()
        assert len(_ids(store)) == 10
        assert _whole(folder)["crops"] == 10


def test_below_the_floor_crops_give_way_and_events_stay(
    folder: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with _filled(folder, clock, StoreSettings(free_mb=0)) as store:
        store.miss(_attempt("short", clock))
        store._retention._settings = StoreSettings(free_mb=1e9)
        stored = store.record(_event("new"))
        assert stored.crop_file is None
        counts = _whole(folder)
        assert (counts["events"], counts["crops"], counts["attempts"]) == (11, 0, 0)
        assert store.trouble is not None
        assert "the disk is nearly full" in store.trouble
        store._retention._settings = StoreSettings(free_mb=0)
        assert store.record(_event("newer")).crop_file is not None
        assert store.trouble is None
    assert [record.getMessage()[:23] for record in caplog.records] == [
        "the disk is nearly full",
        "there is room on the di",
    ]


# Times


def test_wall_times_of_a_boot_are_put_right_once_the_clock_is(folder: Path) -> None:
    clock = FakeClock(mono=10.0, wall=0.0, synced=False)
    with Database.open(folder, clock) as store:
        for name in "ab":
            store.record(_event(name, clock=clock), destinations=["mqtt"])
            clock.advance(30)
        clock.step_wall(WALL)
        clock.synced = True
        store.record(_event("c", clock=clock))
        times = _rows(folder, "SELECT id, last_wall, last_wall_raw, last_synced FROM events ORDER BY seq")
        assert times == [("a", WALL, 0.0, 2), ("b", WALL + 30, 30.0, 2), ("c", WALL + 60, None, 1)]
        assert [row["last"].get("repaired") for row in store.events()] == [True, True, None]
        assert store.outbox.pending("mqtt", 0.0, 1)[0].event["first"]["wall"] == "2023-11-14T22:13:20.000Z"
    assert _rows(folder, "SELECT events, added_min, added_max FROM clock_corrections") == [(2, WALL, WALL)]


def test_an_event_that_was_seen_before_and_told_after_the_clock_was_right_is_put_right(folder: Path) -> None:
    clock = FakeClock(mono=10.0, wall=0.0, synced=False)
    with Database.open(folder, clock) as store:
        early = _event("a", clock=clock)
        clock.advance(5)
        clock.step_wall(WALL)
        clock.synced = True
        store.tidy()
        store.record(early)
    assert _rows(folder, "SELECT last_wall, last_synced FROM events") == [(WALL, 2)]


def test_drift_between_two_times_that_the_clock_was_right_is_shared_out(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock) as store:
        store.tidy()
        clock.synced = False
        store.tidy()
        clock.step_wall(-12.0)  # what a week without network may do, all at once at its beginning
        clock.advance(3.5 * DAY)
        store.record(_event("a", clock=clock))
        clock.advance(3.5 * DAY)
        clock.step_wall(12.0 + 8.0)
        clock.synced = True
        store.tidy()
    ((wall,),) = _rows(folder, "SELECT last_wall FROM events")
    assert wall == pytest.approx(WALL + 3.5 * DAY + 4.0, abs=0.01)


def test_a_boot_whose_clock_never_was_right_keeps_what_it_said(folder: Path) -> None:
    for boot, synced in (("first", False), ("second", True)):
        clock = FakeClock(mono=10.0, wall=1000.0, boot_id=boot, synced=synced)
        with Database.open(folder, clock) as store:
            store.record(_event(boot, clock=clock))
            store.tidy()
    assert _rows(folder, "SELECT last_wall, last_synced FROM events") == [(1000.0, 0), (1000.0, 1)]


def test_a_start_in_the_same_boot_knows_when_the_clock_was_right(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock) as store:
        store.tidy()
    with Database.open(folder, clock) as store:
        clock.advance(60)
        store.tidy()
    assert _rows(folder, "SELECT since, shift FROM clock_anchors") == [(100.0, WALL - 100), (160.0, WALL - 100)]


# Attempts, the audit, erasing


def _attempt(reason: str, clock: FakeClock, text: str = "AB1") -> Attempt:
    return Attempt("gate", reason, text, 0.4, 7, 3, clock.stamp(), np.zeros((20, 300, 3), np.uint8))


def test_attempts_are_a_ring(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock, StoreSettings(attempts=3)) as store:
        for number in range(5):
            store.miss(_attempt(f"reason {number}", clock))
        found = store.attempts.latest(10)
    assert [row["reason"] for row in found] == ["reason 4", "reason 3", "reason 2"]
    assert (found[0]["camera"], found[0]["text"], found[0]["reads"]) == ("gate", "AB1", 7)
    assert cv2.imdecode(np.frombuffer(found[0]["jpeg"], np.uint8), cv2.IMREAD_COLOR).shape == (16, 240, 3)


def test_a_smaller_ring_forgets_what_was_beyond_it(folder: Path, clock: FakeClock) -> None:
    for size in (5, 2):
        with Database.open(folder, clock, StoreSettings(attempts=size)) as store:
            for number in range(5):
                store.miss(_attempt(f"{size}/{number}", clock))
            assert len(store.attempts.latest(10)) == size


def test_a_ring_of_none_keeps_none(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock, StoreSettings(attempts=0)) as store:
        store.miss(_attempt("short", clock))
        assert store.attempts.latest(10) == []


def test_an_opening_is_written_down_with_its_reason(store: Database, folder: Path, clock: FakeClock) -> None:
    store.audit(clock.stamp(), "relay", "open", "on the list 'allow'", event="one")
    found = _rows(folder, "SELECT event, actor, action, reason, wall, synced FROM audit")
    assert found == [("one", "relay", "open", "on the list 'allow'", WALL, 1)]


def test_of_openings_the_latest_are_kept(
    store: Database, folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_MOST_NOTES", 3)
    for number in range(5):
        store.audit(clock.stamp(), "relay", "open", f"the {number}th")
    store.tidy()
    store.tidy()
    assert _rows(folder, "SELECT reason FROM audit ORDER BY id") == [("the 2th",), ("the 3th",), ("the 4th",)]


def test_a_plate_is_erased_with_all_that_was_kept_of_it(store: Database, folder: Path, clock: FakeClock) -> None:
    for name, text in (("one", "SECRET99"), ("two", "AB12"), ("three", "SECRET99")):
        store.record(_event(name, text=text), destinations=["mqtt"])
    store.miss(_attempt("short", clock, text="SECRET99"))
    store.audit(clock.stamp(), "relay", "open", "listed", event="one")
    assert store.erase(text="SECRET99") == 2
    assert _ids(store) == _take(store) == ["two"]
    assert _whole(folder)["crops"] == 1
    assert store.attempts.latest(10) == []
    assert _rows(folder, "SELECT event FROM audit") == [(None,)]
    store.close()
    for path in folder.iterdir():
        assert path.is_dir() or b"SECRET99" not in path.read_bytes()


def test_a_span_of_time_is_erased(folder: Path, clock: FakeClock) -> None:
    with _filled(folder, clock, StoreSettings()) as store:
        assert store.erase(since=WALL + DAY, until=WALL + 9 * DAY) == 8
        assert _ids(store) == ["e0", "e9"]
        with pytest.raises(ValueError, match="text, since and until are all None"):
            store.erase()


# Commands beside a program that writes


def test_a_command_replays_while_a_program_writes(store: Database, folder: Path) -> None:
    store.record(_event("a"))
    with commands.outbox(folder) as outbox:
        assert outbox.replay("mqtt") == 1
        assert outbox.depth("mqtt").pending == 1
    assert _take(store) == ["a"]


def test_a_command_erases_while_a_program_writes(store: Database, folder: Path) -> None:
    for name, text in (("a", "AB12"), ("b", "CD34")):
        store.record(_event(name, text=text), destinations=["mqtt"])
    assert commands.forget(folder, text="AB12") == 1
    assert _ids(store) == _take(store) == ["b"]
    assert _whole(folder)["crops"] == 1


def test_who_erases_is_told_of_damaged_databases_that_may_hold_the_same(
    store: Database, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.record(_event("one"))
    assert commands.forget(folder, text="AB12") == 1
    assert caplog.text == ""
    (folder / "damaged-1").mkdir()
    commands.forget(folder, text="AB12")
    assert f"{folder / 'damaged-1'}: a damaged database, in which nothing can be erased" in caplog.text


def test_a_command_on_no_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file; name the folder of a store"):
        commands.forget(tmp_path, text="AB12")


def test_an_sqlite_without_strict_tables_is_told(
    folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StoreError, match=r"but 3\.37 or newer is needed; update the system"):
        Database.open(folder, clock)


# The recorder


def test_events_are_written_when_enough_wait_or_long_enough(store: Database) -> None:
    recorder = Recorder(store, batch=3, seconds=2.0)
    assert recorder.add(Entry(_event("a")), 10.0) == []
    assert recorder.tick(11.9) == []
    assert [event.id for event in recorder.tick(12.0)] == ["a"]
    assert recorder.add(Entry(_event("b")), 20.0) == recorder.add(Entry(_event("c")), 20.0) == []
    assert [event.id for event in recorder.add(Entry(_event("d")), 20.0)] == ["b", "c", "d"]
    assert _ids(store) == ["a", "b", "c", "d"]


def test_events_wait_in_memory_while_the_store_takes_none(
    store: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(store, batch=1, seconds=0.5, backlog=2)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(store, "record_all", _broken)
        for name in "abc":
            assert recorder.add(Entry(_event(name)), 10.0) == []
        assert (recorder.trouble, recorder.lost) == ("the card is gone; look", 1)
        assert list(recorder.counted()) == [("lost", 1, {"camera": "gate"})]
    assert recorder.tick(10.9) == []
    assert [event.id for event in recorder.tick(11.0)] == ["b", "c"]
    assert recorder.trouble is None
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def _broken(_: object) -> list[Event]:
    raise StoreError("the card is gone; look")


# The schema


def test_upgrades_lead_where_the_schema_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "upgrades").mkdir(parents=True)
    (home / "schema.sql").write_text("-- one; two\nCREATE TABLE a (x INTEGER) STRICT;\n")
    path = tmp_path / "x.sqlite3"
    raw = sqlite3.connect(path, isolation_level=None)
    monkeypatch.setattr(connection, "VERSION", 1)
    connection.prepare(raw, home)
    (home / "upgrades" / "0002.sql").write_text("ALTER TABLE a ADD COLUMN y INTEGER;\n")
    (home / "upgrades" / "0003.sql").write_text("CREATE TABLE b (z INTEGER) STRICT;\nnonsense;\n")
    monkeypatch.setattr(connection, "VERSION", 3)
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        connection.prepare(raw, home)
    assert raw.execute("PRAGMA user_version").fetchone() == (2,)
    assert raw.execute("SELECT name FROM sqlite_schema").fetchall() == [("a",)]
    (home / "upgrades" / "0003.sql").write_text("CREATE TABLE b (z INTEGER) STRICT;\n")
    connection.prepare(raw, home)
    connection.prepare(raw, home)
    assert raw.execute("SELECT y FROM a").fetchall() == raw.execute("SELECT z FROM b").fetchall() == []
    assert raw.execute("PRAGMA user_version").fetchone() == (3,)
    raw.close()


def test_every_table_is_strict(store: Database, folder: Path) -> None:
    store.record(_event("one"))
    strict = dict(_rows(folder, "SELECT name, strict FROM pragma_table_list WHERE schema = 'main'"))
    assert {name for name, on in strict.items() if not on} == {"sqlite_schema"}


def test_the_way_of_a_page_to_the_disk_is_counted(store: Database) -> None:
    store.record(_event("one"))
    assert store.wear.events == 1
    assert store.wear.per_event == store.wear.bytes >= 0
