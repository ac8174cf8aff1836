"""A clock that steps by twenty years, back and forth, synchronised or not."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_ocr.clock import FakeClock
from edge_ocr.config import KeepSettings, StoreSettings
from edge_ocr.store import Database
from edge_ocr.types import Event, Kind, Quad, Reading

if TYPE_CHECKING:
    from pathlib import Path

TWENTY_YEARS = 20 * 365.25 * 86_400
TRUE = 1_700_000_000.0
KEEP = StoreSettings(
    events=KeepSettings(days=30), crops=KeepSettings(days=30), previews=KeepSettings(days=30), free_mb=0
)


def _event(name: str, clock: FakeClock) -> Event:
    quad = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)
    stamp = clock.stamp()
    return Event(name, "gate", Reading("AB12", 0.9, Kind.PLATE, "nl", quad), 5, 0, stamp, stamp, 0, 9, None, 4)


@pytest.mark.parametrize("seed", range(5))
def test_steps_back_and_forth_keep_order_and_events_and_times_become_right(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    names, true_wall = [], {}
    for boot in range(3):
        # A boot begins in 1970 or wherever the last one left it, and finds the time somewhere in between.
        clock = FakeClock(mono=20.0, wall=draw.choice((0.0, TRUE)), boot_id=f"boot {boot}", synced=False)
        begin = TRUE + boot * 10_000 - clock.monotonic()
        with Database.open(tmp_path, clock, KEEP) as store:
            for step in range(40):
                if step == 35:  # the time service has the last word
                    clock.step_wall(begin + clock.monotonic() - clock.wall())
                    clock.synced = True
                elif draw.random() < 0.3:  # setting a clock by hand says that it is not synchronised
                    clock.synced = False
                    clock.step_wall(draw.choice((-1, 1)) * TWENTY_YEARS)
                elif draw.random() < 0.1:
                    clock.step_wall(begin + clock.monotonic() - clock.wall())
                    clock.synced = True
                name = f"{boot}-{step}"
                store.record(_event(name, clock))
                names.append(name)
                true_wall[name] = begin + clock.monotonic()
                store.tidy()
                clock.advance(draw.uniform(0.1, 200))
    with Database.open(tmp_path, FakeClock(boot_id="the next"), KEEP) as store:
        assert [event["id"] for event in store.events(limit=1000)] == names
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as raw:
        told = dict(raw.execute("SELECT id, last_wall FROM events"))
    assert told == pytest.approx(true_wall, abs=1.0)


def test_a_time_service_that_lies_for_a_while_drops_nothing(tmp_path: Path) -> None:
    clock = FakeClock(wall=TRUE)
    with Database.open(tmp_path, clock, KEEP) as store:
        for hour in range(48):
            clock.step_wall((1 if hour % 2 else -1) * TWENTY_YEARS)
            for minute in range(0, 60, 10):
                store.record(_event(f"{hour}-{minute}", clock))
                store.tidy()
                clock.advance(599)
        assert len(store.events(limit=1000)) == 48 * 6
