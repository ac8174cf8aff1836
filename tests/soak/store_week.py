"""Seven days without network at 20,000 events a day: how large the outbox becomes, how fast it drains and starts.

    python tests/soak/store_week.py

Events have no crops, which have a budget of their own, but for the last ones, so that the previews fill theirs. The
drain is into nothing: what is measured is the store's share of it.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import plates

from edge_ocr.clock import FakeClock
from edge_ocr.config import StoreSettings
from edge_ocr.store import Database, Entry
from edge_ocr.store.damage import DATABASE

_BATCH = 100


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--events", type=int, default=20_000, help="a day")
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure (default: here)")
    args = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="store-week-", dir=args.folder or Path.cwd()))
    clock, pictures, total = FakeClock(), plates.crops(100), args.days * args.events
    with Database.open(place, clock, StoreSettings(free_mb=0)) as store:
        begin = time.monotonic()
        for first in range(0, total, _BATCH):
            store.record_all(
                [
                    Entry(
                        plates.event(
                            number, clock.stamp(), pictures[number % 100] if number > total - 14_000 else None
                        ),
                        None,
                        ("broker",),
                    )
                    for number in range(first, first + _BATCH)
                ]
            )
            clock.advance(_BATCH * 86_400 / args.events)
        print(f"recorded {total} events, {total / (time.monotonic() - begin):.0f} a second")
        begin = time.monotonic()
        store.tidy()
        print(f"limits enforced in {time.monotonic() - begin:.2f} s, dropped {store.dropped}")
        size = sum(path.stat().st_size for path in place.glob(f"{DATABASE}*"))
        print(f"database and log: {size / 1e6:.1f} MB, {size / total:.0f} bytes an event")
        killed = place.with_name(f"{place.name}-killed")
        shutil.copytree(place, killed)
        begin, count, slowest = time.monotonic(), 0, 0.0
        while True:
            look = time.monotonic()
            parcels = store.outbox.pending("broker", clock.monotonic(), _BATCH)
            slowest = max(slowest, time.monotonic() - look)
            if not parcels:
                break
            for parcel in parcels:
                store.outbox.delivered(parcel)
            count += len(parcels)
        seconds = time.monotonic() - begin
        print(f"drained {count} events, {count / seconds:.0f} a second; the slowest look took {1000 * slowest:.0f} ms")
        begin = time.monotonic()
    with Database.open(place, clock, StoreSettings(free_mb=0)):
        print(f"closed and opened in {time.monotonic() - begin:.2f} s")
    for what, page in (("a kill", None), ("a torn page", 20_000)):
        if page is not None:
            with (killed / DATABASE).open("r+b") as file:
                file.seek(page * 4096)
                file.write(b"\xa5" * 2048)
        # The next start finds no end of the last one, as after a kill.
        with closing(sqlite3.connect(killed / DATABASE, isolation_level=None)) as raw:
            raw.execute("UPDATE starts SET ended = NULL")
        begin = time.monotonic()
        with Database.open(killed, clock, StoreSettings(free_mb=0)) as store:
            seconds = time.monotonic() - begin
            kept = store.outbox.depth("broker").pending
        print(f"opened after {what} in {seconds:.2f} s with {kept} events to send")
    shutil.rmtree(killed)
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
