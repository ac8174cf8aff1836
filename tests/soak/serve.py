"""`edge-ocr serve` for long: two fake cameras, a car every few seconds, deaths and reloads; does anything grow?

    python tests/soak/serve.py --minutes 20

Every ten seconds the program's resident memory, open descriptors, threads and children are looked at, a camera gets a
fault, and now and then the configuration is reloaded. At the end: SIGTERM, exit code 0, a whole store with every event
that was told, no process left, and nothing in /dev/shm. Memory is judged by the slope of the second half, because the
first fills caches.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge_ocr.store.check import check

CLIP = Path(__file__).parents[2] / "docs/samples/clip.mp4"
FAULTS = ("freeze:3", "garbage:20", "unplug", "die", "slow:20")
SHARED = Path("/dev/shm")  # noqa: S108 -- it is only looked into, for what the program left there
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """The program at one moment: seconds since the start, MB, descriptors, threads and children."""

    at: float
    resident: float
    descriptors: int
    threads: int
    children: int


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    args = parser.parse_args()
    shared = set(SHARED.iterdir())
    with tempfile.TemporaryDirectory(prefix="edge-ocr-soak-") as name:
        folder = Path(name)
        _pictures(folder / "pictures")
        looks, code, told = _run(folder, args.minutes * 60)
        report = check(folder / "store")
    left = {path.name for path in set(SHARED.iterdir()) - shared if "edge" in path.name}
    half = looks[len(looks) // 2 :]
    slope = float(np.polyfit([look.at / 3600 for look in half], [look.resident for look in half], 1)[0])
    print(
        f"{len(looks)} looks; resident {looks[0].resident:.1f} MB at first, {looks[-1].resident:.1f} at last, "
        f"{max(look.resident for look in looks):.1f} at most; {slope:+.1f} MB an hour in the second half"
    )
    for what in ("descriptors", "threads", "children"):
        counts = [getattr(look, what) for look in looks]
        print(f"{what}: {min(counts)} to {max(counts)}, {counts[-1]} at last")
    print(f"{told} events told, {report.counts['events']} stored, store whole: {not report.faults}; exit code {code}")
    print(f"left in /dev/shm: {', '.join(sorted(left)) or 'nothing'}")
    good = code == 0 and told == report.counts["events"] and not report.faults and not left
    return 0 if good and max(look.descriptors for look in half) <= looks[0].descriptors + 20 else 1


def _pictures(folder: Path) -> None:
    """A car passes, and the road is empty for as long."""
    folder.mkdir()
    capture = cv2.VideoCapture(str(CLIP))
    shown = [picture for good, picture in iter(capture.read, (False, None)) if good][::2]
    road = cv2.blur(shown[0], (255, 255))
    for number, picture in enumerate([*shown, *[road] * 22]):
        cv2.imwrite(str(folder / f"{number:02}.jpg"), picture)


def _run(folder: Path, seconds: float) -> tuple[list[Look], int, int]:
    config = folder / "edge-ocr.toml"
    cameras = [
        f'[[camera]]\nname = "{name}"\nsource = "fake://{folder}/pictures?commands={folder}/{name}.fault"\n'
        "fps = 8.0\ndeadline_seconds = 2.0\n"
        for name in ("in", "out")
    ]
    head = f'[store]\nfolder = "{folder}/store"\n[web]\nenabled = false\n[vote]\nrepeat_seconds = 0\n'
    config.write_text(head + "".join(cameras))
    rng, looks, ordered = random.Random(1), [], 0
    with (folder / "out").open("w") as out:
        command = [sys.executable, "-m", "edge_ocr", "serve", "--json", "--config", str(config)]
        process = subprocess.Popen(command, stdout=out)
    begin = time.monotonic()
    time.sleep(min(20.0, seconds / 4))
    while time.monotonic() - begin < seconds and process.poll() is None:
        looks.append(_look(process.pid, time.monotonic() - begin))
        (folder / f"{rng.choice(['in', 'out'])}.fault").write_text(f"{rng.choice(FAULTS)}\n")
        ordered += 1
        if ordered % 6 == 0:
            process.send_signal(signal.SIGHUP)
        time.sleep(10)
    process.send_signal(signal.SIGTERM)
    code = process.wait(PATIENCE)
    lines = (folder / "out").read_text().splitlines()
    return looks, code, sum(not json.loads(line)["preview"] for line in lines)


def _look(pid: int, at: float) -> Look:
    place = Path(f"/proc/{pid}")
    resident = int((place / "statm").read_text().split()[1]) * 4096 / 1e6
    tasks = list((place / "task").iterdir())
    children = sum(len((task / "children").read_text().split()) for task in tasks)
    return Look(at, resident, len(list((place / "fd").iterdir())), len(tasks), children)


if __name__ == "__main__":
    sys.exit(main())
