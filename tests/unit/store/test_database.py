"""The store: an event with its picture and its parcels, all or nothing."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from stored import DAY, an_event, counts_of, ids_in, rows_in

from edge_ocr.errors import StoreError
from edge_ocr.store import Database, Entry, Recorder, check, connection, crops, damage
from edge_ocr.types import Action, Decision

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.clock import FakeClock


def test_an_event_is_a_row_the_very_pixels_of_its_crop_and_a_preview(store: Database, folder: Path) -> None:
    event = an_event("one")
    stored = store.record(event)
    (row,) = store.events()
    assert row == {"seq": 1, "decision": None, **stored.as_json()}
    assert list(row)[: len(stored.as_json()) + 1] == ["seq", *stored.as_json()]
    assert row["crop"] == stored.crop_file == "crops/2023-11-14/one.png"
    assert event.crop is not None
    assert (cv2.imread(str(folder / row["crop"])) == event.crop).all()
    ((picture,),) = rows_in(folder, "SELECT jpeg FROM previews")
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape == event.crop.shape


def test_a_decision_stands_in_the_event(store: Database) -> None:
    decision = Decision(Action.OPEN, "on the list 'allow'", "allow", "AB12", "the milk van")
    store.record(an_event("one"), decision=decision)
    (row,) = store.events()
    assert (row["list"], row["decision"]) == ("AB12", decision.as_json())


def test_an_event_without_a_crop_has_no_file(store: Database, folder: Path) -> None:
    assert store.record(replace(an_event("one"), crop=None)).crop_file is None
    assert counts_of(folder)["crops"] == counts_of(folder)["previews"] == 0


def test_recording_an_event_again_changes_nothing(store: Database, folder: Path) -> None:
    first = store.record(an_event("one"), destinations=["mqtt"])
    again = store.record(an_event("one", text="CD34"), destinations=["mqtt"])
    assert again.crop_file == first.crop_file
    assert [(row["id"], row["text"]) for row in store.events()] == [("one", "AB12")]
    assert store.outbox.depth("mqtt").pending == 1
    assert counts_of(folder)["crops"] == 1


def test_a_batch_is_all_or_nothing(store: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue, calls = store.outbox.enqueue, iter(range(10))

    def trip(*arguments: Any) -> None:
        enqueue(*arguments)
        if next(calls) == 1:
            raise RuntimeError("tripped")

    monkeypatch.setattr(store.outbox, "enqueue", trip)
    with pytest.raises(RuntimeError, match="tripped"):
        store.record_all([Entry(an_event(name), None, ["mqtt"]) for name in "abc"])
    assert ids_in(store) == []
    assert counts_of(folder)["unsent"] == 0


@pytest.mark.parametrize("name", ["../one", ".one", "a\nb"])
def test_an_id_that_is_no_file_name_is_refused(store: Database, name: str) -> None:
    with pytest.raises(ValueError, match=r"event\.id is .*, which cannot be a file's name; use a UUID"):
        store.record(an_event(name))


def test_events_keep_their_order_across_starts_whatever_the_clock_does(folder: Path, clock: FakeClock) -> None:
    for name in ("a", "b", "c"):
        with Database.open(folder, clock) as store:
            store.record(an_event(name, clock=clock))
        clock.step_wall(-20 * 365 * DAY)
    with Database.open(folder, clock) as store:
        assert ids_in(store) == ["a", "b", "c"]
    assert rows_in(folder, "SELECT count(*), count(ended) FROM starts") == [(4, 4)]


def test_a_second_writer_is_refused(store: Database, folder: Path, clock: FakeClock) -> None:
    with pytest.raises(StoreError, match="another process writes to it; stop that one or name another folder"):
        Database.open(folder, clock)
    store.close()
    Database.open(folder, clock).close()


@pytest.mark.parametrize("what", ["the folder", "the database"])
def test_a_store_that_somebody_removes_is_begun_anew_and_told(
    store: Database, folder: Path, clock: FakeClock, what: str
) -> None:
    store.record(an_event("one"))
    if what == "the folder":
        shutil.rmtree(folder)
    else:
        (folder / damage.DATABASE).unlink()
    stored = store.record(an_event("two"))
    store.tidy()
    assert stored.crop_file is not None
    assert [text for (text,) in rows_in(folder, "SELECT id FROM events")] == ["two"]
    assert counts_of(folder)["events"] == 1
    assert "set aside" in str(store.trouble)
    with pytest.raises(StoreError, match="another process writes to it"):
        Database.open(folder, clock)


def test_a_disk_that_cannot_be_asked_is_an_error_of_the_store(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    recorder = Recorder(store)
    monkeypatch.setattr(shutil, "disk_usage", gone)
    recorder.add(Entry(an_event("one")), 0.0)
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
            store.record(an_event("one"))
        messages.append(str(caught.value))
        assert ids_in(store) == []  # a crop that cannot be written gives no row
    with pytest.raises(StoreError) as caught:
        check.check(folder / "none")
    for message in [*messages, str(caught.value)]:
        assert message.startswith(f"{tmp_path}/two\\nlines")
        assert "\n" not in message


def test_crops_lie_in_a_folder_a_day(folder: Path, clock: FakeClock) -> None:
    for name in ("one", "two"):
        with Database.open(folder, clock) as store:
            store.record(an_event(name, clock=clock))
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
        store.record(an_event("one"))


def test_texts_beyond_ascii_survive(store: Database) -> None:
    store.record(an_event("ünï", text="Ж1"))
    assert [(row["id"], row["text"]) for row in store.events()] == [("ünï", "Ж1")]


def test_crops_are_on_the_disk_before_their_rows_are(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, run = os.fsync, connection.Connection.run
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append("fsync"), sync(descriptor))[1])

    def spy(self: connection.Connection, sql: str, values: connection.Values = ()) -> int:
        done.extend(["row"] if "INSERT INTO events" in sql else [])
        return run(self, sql, values)

    monkeypatch.setattr(connection.Connection, "run", spy)
    store.record(an_event("one"))
    assert done.index("row") > done.index("fsync")
    assert done[-1] == "row"


def test_the_way_of_a_page_to_the_disk_is_counted(store: Database) -> None:
    store.record(an_event("one"))
    assert store.wear.events == 1
    assert store.wear.per_event == store.wear.bytes >= 0
