"""A disk that fills up, by itself and by others, and becomes free again; needs the right to mount.

    unshare --user --map-root-user --mount python tests/soak/store_full.py

On a file system of 28 MB the store records without a pause, with a floor of 4 MB. Another program then takes all that
is left, again and again, whatever the store gives up, and later gives it back.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import plates

from edge_ocr.clock import FakeClock
from edge_ocr.config import StoreSettings
from edge_ocr.store import Database, Entry, Recorder, check
from edge_ocr.store.crops import listing

_MB = 1 << 20


def main() -> int:
    """Run the story; returns 0 if it ended well."""
    with tempfile.TemporaryDirectory(prefix="store-full-") as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=28m", "tmpfs", name], check=True)
        try:
            return story(Path(name))
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def story(disk: Path) -> int:
    """Three acts, a line each; returns 0 if nothing but crops was lost."""
    folder, clock, pictures, serial = disk / "store", FakeClock(), plates.crops(50), 0
    with Database.open(folder, clock, StoreSettings(free_mb=4)) as store:
        recorder = Recorder(store, batch=10, backlog=5000)
        for act, rounds in (("filling it itself", 300), ("filled by another", 400), ("free again", 100)):
            if act == "free again":
                (disk / "hog").unlink()
            red = 0
            for _ in range(rounds):
                if act == "filled by another":
                    hog(disk / "hog")
                for _ in range(10):
                    serial += 1
                    recorder.add(
                        Entry(plates.event(serial, clock.stamp(), pictures[serial % 50]), None, ("a",)),
                        clock.monotonic(),
                    )
                    clock.advance(0.5)
                red += store.trouble is not None or recorder.trouble is not None
                with suppress(OSError):
                    store.tidy()
            recorder.flush(clock.monotonic())
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            now = recorder.trouble or store.trouble or "well"
            kept, files = len(store.events(limit=10**6)), sum(1 for _ in listing(folder))
            print(f"{act:<18} events {kept:>5} of {serial:>5}, crops {files:>4}, free {free / _MB:4.1f} MB")
            print(f"{'':<18} red in {red:>3} of {rounds} looks, now: {now}")
        kept, lost = len(store.events(limit=10**6)), recorder.lost
        unsent = store.outbox.depth("a").pending
        well = store.trouble is None and recorder.trouble is None
    faults = check.check(folder, sleep=lambda _: None).faults
    print(f"events kept {kept} of {serial}, unsent {unsent}, lost {lost}, faults {len(faults)}, recovered {well}")
    return 0 if kept == unsent == serial and not faults and well else 1


def hog(path: Path) -> None:
    """Take all that is left."""
    with suppress(OSError), path.open("ab", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


if __name__ == "__main__":
    sys.exit(main())
