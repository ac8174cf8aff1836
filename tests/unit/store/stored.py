"""What the tests of the store share: events, and what is asked of a store from outside."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr.store import Database, Entry, check, damage
from edge_ocr.types import Attempt, Event, Kind, Quad, Reading, Stamp

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.clock import FakeClock
    from edge_ocr.config import StoreSettings

WALL = 1_700_000_000.0
DAY = 86_400.0


def an_event(name: str, *, clock: FakeClock | None = None, text: str = "AB12", camera: str = "gate") -> Event:
    quad = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)
    stamp = clock.stamp() if clock else Stamp(5.0, WALL, "boot", synced=True)
    crop = np.random.default_rng(1).integers(0, 255, (20, 50, 3), np.uint8)
    return Event(name, camera, Reading(text, 0.9, Kind.PLATE, "nl", quad), 5, 0, stamp, stamp, 0, 9, crop, 4)


def an_attempt(reason: str, clock: FakeClock, text: str = "AB1") -> Attempt:
    return Attempt("gate", reason, text, 0.4, 7, 3, clock.stamp(), np.zeros((20, 300, 3), np.uint8))


def rows_in(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    raw = sqlite3.connect(folder / damage.DATABASE)
    try:
        return raw.execute(sql).fetchall()
    finally:
        raw.close()


def ids_in(store: Database) -> list[str]:
    return [event["id"] for event in store.events(limit=1000)]


def keys_for(store: Database, destination: str = "mqtt", now: float = 0.0) -> list[str]:
    """What is handed out for a destination."""
    return [parcel.key for parcel in store.outbox.pending(destination, now, 100)]


def counts_of(folder: Path) -> dict[str, int]:
    """What a check counts in a store that is whole."""
    report = check.check(folder, sleep=lambda _: None)
    assert report.faults == ()
    return report.counts


def filled(folder: Path, clock: FakeClock, settings: StoreSettings, *, destinations: tuple[str, ...] = ()) -> Database:
    """A store with an event on each of ten days."""
    store = Database.open(folder, clock, settings)
    entries = []
    for index in range(10):
        entries.append(Entry(an_event(f"e{index}", clock=clock), None, destinations))
        clock.advance(DAY)
    store.record_all(entries)
    return store
