"""Housekeeping: done again and again while others record, never in their way, and never ended by a fault."""

from __future__ import annotations

import logging
from threading import Event as Flag
from typing import TYPE_CHECKING

import pytest

from edge_ocr.clock import FakeClock
from edge_ocr.config import KeepSettings, StoreSettings
from edge_ocr.errors import StoreError
from edge_ocr.store import Database, Entry, Keeper
from edge_ocr.types import Event, Kind, Quad, Reading

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 60.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(mono=100.0, wall=1_700_000_000.0)


def event(name: str, clock: FakeClock) -> Event:
    quad = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)
    stamp = clock.stamp()
    return Event(name, "gate", Reading("AB12", 0.9, Kind.PLATE, "nl", quad), 5, 0, stamp, stamp, 0, 9, None, 4)


def counted(store: Database) -> dict[str, float]:
    return {"/".join([name, *labels.values()]): amount for name, amount, labels in store.counted()}


def test_limits_are_kept_while_others_record(tmp_path: Path, clock: FakeClock) -> None:
    settings = StoreSettings(events=KeepSettings(most=5), free_mb=0)
    with Database(tmp_path / "store", clock, settings) as store, Keeper(store, seconds=0.01):
        for number in range(50):
            store.record(event(f"e{number}", clock))
        done = Flag()
        for _ in range(int(PATIENCE / 0.05)):
            if len(store.events()) == 5:
                break
            done.wait(0.05)
        assert [told["id"] for told in store.events()] == [f"e{number}" for number in range(45, 50)]
    assert counted(store)["shed/events"] == 45  # counted after they went, and known for certain at the end


def test_times_are_put_right_though_no_event_comes(tmp_path: Path, clock: FakeClock) -> None:
    clock.synced = False
    with Database(tmp_path / "store", clock) as store:
        store.record(event("early", clock))
        clock.step_wall(20 * 365 * 86_400.0)
        clock.synced = True
        with Keeper(store, seconds=0.01):
            done = Flag()
            for _ in range(int(PATIENCE / 0.05)):
                if store.events()[0]["last"].get("repaired"):
                    break
                done.wait(0.05)
        assert store.events()[0]["last"]["repaired"]


def test_the_store_is_tidied_at_the_end_as_well(tmp_path: Path, clock: FakeClock) -> None:
    settings = StoreSettings(events=KeepSettings(most=1), free_mb=0)
    with Database(tmp_path / "store", clock, settings) as store:
        with Keeper(store, seconds=3600.0):
            store.record_all([Entry(event(name, clock)) for name in "abc"])
        assert [told["id"] for told in store.events()] == ["c"]


def test_a_store_that_cannot_be_tidied_is_told_once_and_tried_again(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[Exception] = [StoreError("no room"), StoreError("no room"), KeyError("a mistake")]
    well = Flag()

    def tidy() -> None:
        if faults:
            raise faults.pop(0)
        well.set()

    with Database(tmp_path / "store", clock) as store:
        monkeypatch.setattr(store, "tidy", tidy)
        with caplog.at_level(logging.WARNING), Keeper(store, seconds=0.01):
            assert well.wait(PATIENCE)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "the store could not be tidied, which is tried again: no room",
        "the store could not be tidied",
    ]


def test_tidying_lets_others_in_between_its_steps(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = StoreSettings(events=KeepSettings(most=1), free_mb=0)
    with Database(tmp_path / "store", clock, settings) as store:
        store.record_all([Entry(event(f"e{number}", clock)) for number in range(1000)])
        seen = []
        monkeypatch.setattr(store._turn, "wait", lambda _: seen.append(len(store.events(limit=2000))))
        store.tidy()
        assert [count for count in seen if count > 1] == [1000, 1000, 1000, 800, 600, 400, 200]
        assert len(store.events()) == 1


def test_one_tidying_ends_after_so_many_steps(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_ocr.store.database._MOST_STEPS", 5)
    settings = StoreSettings(events=KeepSettings(most=1), free_mb=0)
    with Database(tmp_path / "store", clock, settings) as store:
        store.record_all([Entry(event(f"e{number}", clock)) for number in range(1000)])
        store.tidy()
        assert len(store.events(limit=2000)) == 600
        store.tidy()
        store.tidy()
        assert len(store.events(limit=2000)) == 1


def test_bytes_and_what_gave_way_are_counted(tmp_path: Path, clock: FakeClock) -> None:
    settings = StoreSettings(outbox_most=2, free_mb=0)
    with Database(tmp_path / "store", clock, settings) as store:
        for number in range(5):
            store.record(event(f"e{number}", clock), destinations=["mqtt"])
        told = counted(store)
        assert told["shed/parcels"] == 3
        assert told["stored_bytes"] == store.wear.bytes
        assert {name for name in told if name.startswith("shed")} == {
            f"shed/{kind}" for kind in ("events", "crops", "previews", "attempts", "parcels")
        }
