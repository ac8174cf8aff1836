"""Events on their way to the store, in batches."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from stored import an_attempt, an_event, ids_in

from edge_ocr.errors import StoreError
from edge_ocr.store import Database, Entry, Recorder
from edge_ocr.store.connection import FullError

if TYPE_CHECKING:
    import pytest

    from edge_ocr.clock import FakeClock
    from edge_ocr.types import Event


def test_events_are_written_when_enough_wait_or_long_enough(store: Database) -> None:
    recorder = Recorder(store, batch=3, seconds=2.0)
    assert recorder.add(Entry(an_event("a")), 10.0) == []
    assert recorder.tick(11.9) == []
    assert [event.id for event in recorder.tick(12.0)] == ["a"]
    assert recorder.add(Entry(an_event("b")), 20.0) == recorder.add(Entry(an_event("c")), 20.0) == []
    assert [event.id for event in recorder.add(Entry(an_event("d")), 20.0)] == ["b", "c", "d"]
    assert ids_in(store) == ["a", "b", "c", "d"]


def test_events_wait_in_memory_while_the_store_takes_none(
    store: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(store, batch=1, seconds=0.5, backlog=2)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(store, "record_all", _broken)
        for name in "abc":
            assert recorder.add(Entry(an_event(name)), 10.0) == []
        assert (recorder.trouble, recorder.lost) == ("the card is gone; look", 1)
        assert list(recorder.counted()) == [("lost", 1, {"camera": "gate"})]
    assert recorder.tick(10.9) == []
    assert [event.id for event in recorder.tick(11.0)] == ["b", "c"]
    assert recorder.trouble is None
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def _broken(_: object, **__: object) -> list[Event]:
    raise StoreError("the card is gone; look")


def test_what_became_no_event_goes_along_with_the_next_one_or_once_a_second(store: Database, clock: FakeClock) -> None:
    recorder, statements = Recorder(store, batch=50, seconds=0.5), []
    store._connection._connected().set_trace_callback(statements.append)
    for number in range(20):
        recorder.miss(an_attempt(f"reason {number}", clock), 10.0 + number / 100)
        recorder.tick(10.0 + number / 100)
    assert store.attempts.latest(100) == []
    recorder.tick(11.0)
    assert statements.count("COMMIT") == 1
    assert [row["reason"] for row in store.attempts.latest(100)] == [f"reason {number}" for number in range(19, -1, -1)]
    recorder.miss(an_attempt("later", clock), 20.0)
    recorder.add(Entry(an_event("a")), 20.0)
    assert [event.id for event in recorder.tick(20.5)] == ["a"]
    assert store.attempts.latest(1)[0]["reason"] == "later"
    recorder.miss(an_attempt("last", clock), 30.0)
    recorder.flush(30.1)
    assert store.attempts.latest(1)[0]["reason"] == "last"


def test_attempts_are_the_first_to_give_way(store: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(store, batch=1)

    def full(attempts: object) -> None:
        if attempts:
            raise FullError("the disk is full; free space")

    recorder.miss(an_attempt("short", clock), 10.0)
    monkeypatch.setattr(store.attempts, "add", full)
    monkeypatch.setattr(store._retention, "make_room", lambda: True)
    assert [event.id for event in recorder.add(Entry(an_event("a")), 10.0)] == ["a"]


def test_attempts_that_cannot_be_kept_are_told_once_and_disturb_nobody(
    store: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise StoreError("the card is gone; look")

    recorder = Recorder(store)
    with monkeypatch.context() as patch:
        patch.setattr(store.attempts, "add", broken)
        for second in range(5):
            recorder.miss(an_attempt("short", clock), 10.0 + second)
            recorder.tick(12.0 + second)
        assert recorder.trouble is None
    recorder.miss(an_attempt("well again", clock), 20.0)
    recorder.tick(21.0)
    assert [row["reason"] for row in store.attempts.latest(9)] == ["well again"]
    assert [record.getMessage() for record in caplog.records] == ["attempts cannot be kept: the card is gone; look"]
