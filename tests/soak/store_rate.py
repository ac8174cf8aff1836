"""How fast and at which cost the store records, and how long an event waits for housekeeping.

    python tests/soak/store_rate.py --seconds 30

Bytes are those that the kernel counts as sent to the disk for this process, pages of the log and their way back into
the database included; the folder must lie on a disk, since file systems in memory count nothing. Events wait while a
new, narrow limit drops tens of thousands of others.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from threading import Thread

import plates

from edge_ocr.clock import SystemClock
from edge_ocr.config import KeepSettings, StoreSettings
from edge_ocr.store import Database, Entry


def main() -> None:
    """Print a line for each way to record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure (default: here)")
    args = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="store-rate-", dir=args.folder or Path.cwd()))
    print("crop  batch  destinations  events/s  bytes/event")
    for crop in (True, False):
        for batch in (1, 10, 50):
            rate, size = measure(place / f"{crop}-{batch}", batch, args.seconds, crop=crop)
            print(f"{'yes' if crop else 'no':<4}  {batch:>5}  {2:>12}  {rate:>8.0f}  {size:>11.0f}")
    for name, waits in delays(place / "narrow", 30_000, 1_000):
        print(f"an event {name:<19} waits {median(waits) * 1e3:4.0f} ms, at most {max(waits) * 1e3:4.0f} ms")
    shutil.rmtree(place)


def delays(folder: Path, count: int, most: int) -> list[tuple[str, list[float]]]:
    """Seconds that it takes to record an event, alone and while ``count`` others are brought down to ``most``."""
    clock = SystemClock()
    with Database.open(folder, clock) as store:
        for first in range(0, count, 500):
            store.record_all([Entry(plates.event(first + n, clock.stamp(), None)) for n in range(500)])
    alone: list[float] = []
    beside: list[float] = []
    with Database.open(folder, clock, StoreSettings(events=KeepSettings(most=most))) as store:

        def record(serial: int) -> float:
            begin = time.monotonic()
            store.record(plates.event(serial, clock.stamp(), None))
            return time.monotonic() - begin

        alone += [record(count + n) for n in range(50)]
        keeper = Thread(target=store.tidy)
        keeper.start()
        while keeper.is_alive():
            beside.append(record(count + 50 + len(beside)))
            time.sleep(0.005)
        keeper.join()
        dropped = store.dropped["events"]
    return [("alone", alone), (f"while {dropped} go", beside)]


def measure(folder: Path, batch: int, seconds: float, *, crop: bool) -> tuple[float, float]:
    """Record for so long, deliver everything to two destinations that take it, and close."""
    clock, pictures, count = SystemClock(), plates.crops(100), 0
    before = written()
    with Database.open(folder, clock) as store:
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            entries = [
                Entry(plates.event(number, clock.stamp(), pictures[number % 100] if crop else None), None, ("a", "b"))
                for number in range(count, count + batch)
            ]
            store.record_all(entries)
            count += batch
            if count % 50 == 0:  # a sender looks every few seconds, not after each event
                for name in ("a", "b"):
                    for parcel in store.outbox.pending(name, 0.0, 50):
                        store.outbox.delivered(parcel)
        rate = count / (time.monotonic() - begin)
        store.tidy()
    return rate, (written() - before) / count


def written() -> int:
    """Bytes that this process caused to be sent to a disk."""
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))


if __name__ == "__main__":
    main()
