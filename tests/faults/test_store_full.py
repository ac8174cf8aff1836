"""A disk without room: what gives way, and what comes back. On a real small disk: tests/soak/store_full.py."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.clock import FakeClock
from edge_ocr.config import StoreSettings
from edge_ocr.store import Database, Entry, Recorder, check, recovery
from edge_ocr.store.connection import FullError
from edge_ocr.store.retention import RESERVE
from edge_ocr.types import Event, Kind, Quad, Reading, Stamp

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from edge_ocr.store.connection import Connection


def _event(name: str) -> Event:
    quad = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)
    stamp = Stamp(5.0, 1_700_000_000.0, "boot", synced=True)
    crop = np.random.default_rng(1).integers(0, 255, (20, 50, 3), np.uint8)
    return Event(name, "gate", Reading("AB12", 0.9, Kind.PLATE, "nl", quad), 5, 0, stamp, stamp, 0, 9, crop, 4)


def _limit(store: Database, more: int | None) -> None:
    """Let the database grow by so many pages and no further, as a full disk does; None for as far as it likes."""
    used = store._connection.value("PRAGMA page_count")
    store._connection.rows(f"PRAGMA max_page_count = {1 << 30 if more is None else used + more}")


def _names(store: Database) -> list[str]:
    return [event["id"] for event in store.events(limit=10_000)]


def test_a_database_that_cannot_grow_drops_previews_and_then_sent_events(tmp_path: Path) -> None:
    with Database.open(tmp_path, FakeClock()) as store:
        store.record_all([Entry(_event(f"sent{number}")) for number in range(50)])
        _limit(store, 4)
        for number in range(300):
            store.record(replace(_event(f"new{number}"), crop=None))
        names = _names(store)
        assert names[-1] == "new299"
        assert "sent0" not in names
        assert store.dropped["previews"] == 50
    assert check.check(tmp_path, sleep=lambda _: None).faults == ()


def test_unsent_events_are_never_dropped_and_what_follows_waits_in_memory(tmp_path: Path) -> None:
    with Database.open(tmp_path, FakeClock()) as store:
        recorder = Recorder(store, batch=10, seconds=0.0)
        _limit(store, 10)
        for number in range(300):
            recorder.add(Entry(replace(_event(f"e{number}"), crop=None), None, ["mqtt"]), 1.0)
        assert recorder.trouble is not None
        assert "full" in recorder.trouble
        stored = _names(store)
        assert stored == [f"e{number}" for number in range(len(stored))]
        assert 0 < len(stored) < 300
        _limit(store, None)
        recorder.flush(9.0)
        assert recorder.trouble is None
        assert _names(store) == [f"e{number}" for number in range(300)]


def test_a_store_opens_on_a_full_disk_by_giving_up_what_may_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database.open(tmp_path, FakeClock()) as store:
        store.record_all([Entry(_event(f"e{number}"), None, ["mqtt"]) for number in range(20)])
        store.tidy()
    begin, full = recovery.begin, [True]

    def full_at_first(connection: Connection, now: Stamp) -> int:
        if full.pop() if full else False:
            raise FullError("the disk is full; free space")
        return begin(connection, now)

    monkeypatch.setattr(recovery, "begin", full_at_first)
    with Database.open(tmp_path, FakeClock(), StoreSettings(free_mb=1e9)) as store:
        assert len(_names(store)) == 20
        assert store.dropped["crops"] == 20
    assert check.check(tmp_path, sleep=lambda _: None).faults == ()


def test_a_crop_without_room_costs_the_crop_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        if data:
            real(descriptor, data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Database.open(tmp_path, FakeClock()) as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write)
            assert store.record(_event("one")).crop_file is None
        assert store.trouble is not None
        assert store.record(_event("two")).crop_file is not None
        assert store.trouble is None
        assert _names(store) == ["one", "two"]
    report = check.check(tmp_path, sleep=lambda _: None)
    assert (report.faults, report.counts["crops"]) == ((), 1)


def test_the_reserve_is_given_back_where_even_dropping_needs_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Database.open(tmp_path, FakeClock()) as store:
        store.record(_event("one"))
        store.tidy()
        assert (tmp_path / RESERVE).stat().st_size == 1 << 20
        transact = store._retention._transact

        def full_until_given_back(*arguments: object) -> int:
            if (tmp_path / RESERVE).exists():
                raise FullError("the disk is full; free space")
            return transact(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(store._retention, "_transact", full_until_given_back)
        store._retention._settings = StoreSettings(free_mb=1e9)
        assert store.record(_event("two")).crop_file is None
        assert not (tmp_path / RESERVE).exists()
        store._retention._settings = StoreSettings(free_mb=0)
        store.tidy()
        assert (tmp_path / RESERVE).exists()
