"""What gives way to what, and what never does."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from stored import DAY, an_attempt, an_event, counts_of, filled, ids_in, rows_in

from edge_ocr.config import KeepSettings, StoreSettings
from edge_ocr.store import Database, Entry, crops

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.clock import FakeClock


def test_the_newest_are_kept_of_each_kind(folder: Path, clock: FakeClock) -> None:
    keep = StoreSettings(events=KeepSettings(most=6), crops=KeepSettings(most=2), previews=KeepSettings(most=4))
    with filled(folder, clock, keep) as store:
        store.tidy()
        assert ids_in(store) == [f"e{index}" for index in range(4, 10)]
        counts = counts_of(folder)
        assert (counts["events"], counts["crops"], counts["previews"]) == (6, 2, 4)
        assert store.dropped == {"events": 4, "crops": 8, "previews": 6, "attempts": 0}
        assert sum(1 for _ in crops.listing(folder)) == 2


def test_crops_are_kept_up_to_so_many_bytes(folder: Path, clock: FakeClock) -> None:
    size = len(crops.png(np.random.default_rng(1).integers(0, 255, (20, 50, 3), np.uint8)))
    with filled(folder, clock, StoreSettings(crops=KeepSettings(mb=3.5 * size / 1e6))) as store:
        store.tidy()
        assert counts_of(folder)["crops"] == 3


def test_events_are_kept_up_to_so_many_bytes_of_the_database(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock, StoreSettings(events=KeepSettings(mb=0.3), free_mb=0)) as store:
        for first in range(0, 1000, 100):
            store.record_all([Entry(replace(an_event(f"e{first + n}"), crop=None)) for n in range(100)])
        store.tidy()
        ids = ids_in(store)
        assert 0 < len(ids) < 1000
        assert ids[-1] == "e999"


def test_what_is_unsent_is_never_dropped(folder: Path, clock: FakeClock) -> None:
    with filled(folder, clock, StoreSettings(events=KeepSettings(most=1)), destinations=("mqtt",)) as store:
        store.tidy()
        assert len(ids_in(store)) == 10
        for parcel in store.outbox.pending("mqtt", 0.0, 10):
            store.outbox.delivered(parcel)
        store.tidy()
        assert ids_in(store) == ["e9"]


def test_the_database_itself_refuses_to_drop_what_is_unsent(store: Database, folder: Path) -> None:
    store.record(an_event("a"), destinations=["mqtt"])
    with pytest.raises(sqlite3.IntegrityError, match="still to be sent"):
        rows_in(folder, "DELETE FROM events")


def test_old_events_go_once_the_clock_has_been_right_for_an_hour(folder: Path, clock: FakeClock) -> None:
    with filled(folder, clock, StoreSettings(events=KeepSettings(days=4.5))) as store:
        clock.advance(3600)
        store.tidy()
        assert ids_in(store) == ["e6", "e7", "e8", "e9"]


@pytest.mark.parametrize("synced", [True, False])
def test_a_clock_that_jumps_ahead_drops_nothing(folder: Path, clock: FakeClock, *, synced: bool) -> None:
    with filled(folder, clock, StoreSettings(events=KeepSettings(days=30), crops=KeepSettings(days=30))) as store:
        store.tidy()
        clock.synced = synced
        clock.step_wall(20 * 365 * DAY)
        for _ in range(50):
            store.tidy()
            clock.advance(60)
        clock.step_wall(-20 * 365 * DAY)
        clock.synced = True
        store.tidy()
        assert len(ids_in(store)) == 10
        assert counts_of(folder)["crops"] == 10


def test_below_the_floor_crops_give_way_and_events_stay(
    folder: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with filled(folder, clock, StoreSettings(free_mb=0)) as store:
        store.miss(an_attempt("short", clock))
        store._retention._settings = StoreSettings(free_mb=1e9)
        stored = store.record(an_event("new"))
        assert stored.crop_file is None
        counts = counts_of(folder)
        assert (counts["events"], counts["crops"], counts["attempts"]) == (11, 0, 0)
        assert store.trouble is not None
        assert "the disk is nearly full" in store.trouble
        store._retention._settings = StoreSettings(free_mb=0)
        assert store.record(an_event("newer")).crop_file is not None
        assert store.trouble is None
    assert [record.getMessage()[:23] for record in caplog.records] == [
        "the disk is nearly full",
        "there is room on the di",
    ]
