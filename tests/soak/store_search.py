"""How long a page of a search takes among many events, the worst page of each kind; docs/design/web.md has figures."""

from __future__ import annotations

import argparse
import random
import string
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from edge_ocr.clock import SystemClock
from edge_ocr.config import KeepSettings, StoreSettings
from edge_ocr.decide import substitution
from edge_ocr.judge import uuid7
from edge_ocr.store import Database, Entry
from edge_ocr.store.search import Wanted, page
from edge_ocr.store.view import View
from edge_ocr.types import Action, Alternative, Decision, Direction, Event, Kind, Quad, Reading, Stamp

WALL, EVERY = 1_760_000_000.0, 30.0  # the first event, and seconds between two
BATCH = 500

SEARCHES = {
    "all, first page": Wanted(),
    "exact, one event": Wanted(texts=("RK755AJ",)),
    "exact, none": Wanted(texts=("NOTHERE",)),
    "exact, other camera": Wanted(texts=("RK755AJ",), camera="nowhere"),
    "wildcard, none": Wanted(pattern="*QQ?Q*Q"),
    "wildcard, many stars": Wanted(pattern="*A*B*C*D*E*F*G*"),
    "list, none": Wanted(list="known"),
    "list, camera, time, oldest": Wanted(list="deny", camera="gate 3", since=WALL, until=WALL + 3600),
    "time, none": Wanted(until=WALL - 1),
    "camera that is not there": Wanted(camera="nowhere"),
    "fuzzy 1, none": Wanted(like="QQQQQQQ", distance=1),
    "fuzzy 1, one event": Wanted(like="RK755A1", distance=1),
    "fuzzy 2": Wanted(like="RK7S5AJ", distance=2),
    "fuzzy 3, oldest hour": Wanted(like="RK755AJ", distance=3, until=WALL + 3600),
}


def events(count: int) -> list[Event]:
    """As they come from cameras: all texts differ, a fifth is listed, three alternatives each."""
    chance = random.Random(3)
    quad = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)
    made = []
    for number in range(count):
        text = "".join(chance.choice(string.ascii_uppercase + string.digits) for _ in range(7))
        text = "RK755AJ" if number == count // 100 else text
        others = tuple(Alternative(text[:place] + "8" + text[place + 1 :], 0.02) for place in range(3))
        stamp = Stamp(number * EVERY, WALL + number * EVERY, "boot", synced=True)
        reading = Reading(text, 0.9, Kind.PLATE, "nl", quad, others)
        name = f"gate {number % 4}"
        event = Event(
            uuid7(stamp.wall, chance.randbytes), name, reading, 9, 1, stamp, stamp, 0, 9, None, 4, Direction.DOWN
        )
        listed = chance.choice(("allow", "deny", None, None, None, None, None, None, None, None))
        decision = Decision(Action.NOTE, "on none of the lists deny, allow, known", listed, listed and text)
        made.append(replace(event, decision=decision))
    return made


def main() -> None:
    """Fill a store and search it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    count = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        limits = StoreSettings(events=KeepSettings(), free_mb=0)
        with Database.open(Path(folder), SystemClock(), limits) as store:
            made = events(count)
            for start in range(0, count, BATCH):
                store.record_all([Entry(event, event.decision) for event in made[start : start + BATCH]])
            view = View(Path(folder))
            print(f"{count} events, {(Path(folder) / 'store.sqlite3').stat().st_size / 1e6:.0f} MB")
            print(f"{'search':<28}{'found':>6}{'CPU ms':>8}{'ms':>8}   the slowest of 5 pages of 50")
            slowest = 0.0
            for name, wanted in SEARCHES.items():
                found, cpu, wall = timed(view, wanted)
                slowest = max(slowest, cpu)
                print(f"{name:<28}{found:>6}{cpu:>8.1f}{wall:>8.1f}")
            view.close()
    print(f"slowest: {slowest:.1f} ms of one core")


def timed(view: View, wanted: Wanted) -> tuple[int, float, float]:
    """What the first page holds, and the most that one of five took: of a core, and by the clock."""
    cpu = wall = 0.0
    found: list[dict[str, object]] = []
    for _ in range(5):
        begin, spent = time.perf_counter(), time.process_time()
        found = page(view, wanted, substitution)
        cpu = max(cpu, (time.process_time() - spent) * 1000)
        wall = max(wall, (time.perf_counter() - begin) * 1000)
    return len(found), cpu, wall


if __name__ == "__main__":
    main()
