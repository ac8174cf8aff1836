"""Cameras that die again and again, and a million frames: does anything grow, and is anything left behind?

    python tests/soak/camera_deaths.py                 1,000 deaths, then 1,000,000 frames, ten minutes each at least
    python tests/soak/camera_deaths.py --minutes 20    as many as fit

Three cameras are watched from one thread. Each death is one of ten: killed from outside, stopped (SIGSTOP), killed by
itself, frozen, hung with Python's lock held, garbage only, too slow, unplugged; or its size changes or a row of
garbage comes, which it must survive. Every frame is of one shade, so half a frame would show. What is measured is the
parent's own memory, its descriptors and children, and what is in /dev/shm; at the end parents are killed as well.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.camera.live import LiveCamera
from edge_ocr.clock import SystemClock
from edge_ocr.tables import CameraSettings, RecoverySettings

if TYPE_CHECKING:
    from edge_ocr.types import Frame

CLOCK = SystemClock()
SETTINGS = CameraSettings(
    width=320,
    height=240,
    fps=30,
    deadline_seconds=0.4,
    open_seconds=20,
    recovery=RecoverySettings(settle_seconds=0.1, pause_seconds=0.01, pause_most_seconds=0.1, restarts=1000),
)
FAST = CameraSettings(deadline_seconds=5, open_seconds=20)
ORDERS = {
    "die": "die",
    "freeze": "freeze",
    "deaf": "deaf:2",
    "garbage only": "garbage:1000000",
    "garbage row": "garbage:5",
    "slow": "slow:100000",
    "unplug": "unplug",
}
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
KINDS = (*ORDERS, *SIGNALS, "size")
SURVIVED = {"garbage row", "size"}
LEAST = 600.0  # seconds of each half: a slope needs time, since memory grows by whole pages
PATIENCE = 60.0  # seconds for a death to be noticed and cured on a machine that does other things too


@dataclass
class Tally:
    """What happened."""

    deaths: Counter[str] = field(default_factory=Counter)
    cures: array[float] = field(default_factory=lambda: array("d"))  # small: this process's memory is what is measured
    frames: int = 0
    torn: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)

    def check(self, frame: Frame) -> None:
        """Every frame is of one shade, and so is its luma."""
        self.frames += 1
        whole = frame.image.min() == frame.image.max()
        if frame.luma is not None:
            whole &= frame.luma.min() == frame.luma.max() == frame.image[0, 0, 1]
        self.torn += not whole


class Victim:
    """A camera, and the death that it is dying."""

    def __init__(self, name: str, pictures: Path, folder: Path, dice: random.Random) -> None:
        self._orders = folder / f"{name}.order"
        self._dice = dice
        source = f"fake://{pictures}?commands={self._orders}"
        self.camera = LiveCamera(source, SETTINGS, name=name, clock=CLOCK)
        self._kind = ""
        self._since = 0.0
        self._before = 0
        self._number = -1
        self._good = 0

    def step(self, tally: Tally, *, more: bool) -> bool:
        """Take a frame if there is one, and go on dying; False when nothing goes on and nothing more is wanted."""
        frame = self.camera.latest(0.01)
        now = CLOCK.monotonic()
        if frame is not None:
            tally.check(frame)
            assert frame.number > self._number, f"{self.camera.name}: {frame.number} after {self._number}"
            self._number = frame.number
            self._good += 1
        climbed = sum(self.camera.recoveries.values())
        if not self._kind:
            if not more:
                return False
            if self._good >= 3 and self.camera.trouble is None:
                self._kind, self._since, self._before = self._dice.choice(KINDS), now, climbed
                self._good = 0
                self._wound()
        elif (climbed > self._before or self._kind in SURVIVED) and self._good >= 8:
            tally.deaths[self._kind] += 1
            tally.cures.append(now - self._since)
            self._kind, self._good = "", 0
        elif climbed > self._before and self.camera.trouble is not None and frame is None:
            self._good = 0
        assert not self._kind or now - self._since < PATIENCE, f"not cured of {self._kind}: {self.camera.trouble}"
        return True

    def _wound(self) -> None:
        child = self.camera._child
        if self._kind in SIGNALS and child is not None:
            os.kill(child.pid, SIGNALS[self._kind])
        elif self._kind == "size":
            width, height = self._dice.choice([(64, 48), (640, 480), (1280, 720), (320, 240)])
            self._write(f"size:{width}x{height}")
        else:
            self._write(ORDERS[self._kind])

    def _write(self, order: str) -> None:
        part = self._orders.with_suffix(".part")
        part.write_text(f"{order}\n")
        part.rename(self._orders)


def main() -> None:
    """Run, print, and fail if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deaths", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, help="so long, half of it for deaths")
    parser.add_argument("--parents", type=int, default=20, help="parents that are killed at the end")
    arguments = parser.parse_args()
    seconds = arguments.minutes * 30 if arguments.minutes else LEAST
    shared, files = names("/dev/shm"), len(names("/proc/self/fd"))  # noqa: S108 -- to look whether it stays as it is
    tally = Tally()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = shades(folder / "pictures")
        die(tally, pictures, folder, 0 if arguments.minutes else arguments.deaths, seconds)
        dying = time.monotonic() - began
        made, taken, dropped = flow(tally, pictures, 0 if arguments.minutes else arguments.frames, seconds)
        orphans = sum(orphaned(pictures) for _ in range(arguments.parents))
    lasted = time.monotonic() - began
    left = names("/dev/shm") - shared  # noqa: S108 -- as above
    grown = len(names("/proc/self/fd")) - files
    slope, bend = slopes(tally.memory)
    cures = sorted(tally.cures)
    print(f"{tally.deaths.total()} deaths in {dying:.0f} s: {dict(sorted(tally.deaths.items()))}")
    print(f"cured after: median {cures[len(cures) // 2]:.2f} s, worst {cures[-1]:.2f} s")
    print(f"{made} frames made, {taken} taken, {dropped} overwritten; {tally.frames} looked at, torn: {tally.torn}")
    print(f"memory of the parent: {slope:+.2f} MB an hour while dying, {bend:+.2f} while frames flow, {lasted:.0f} s")
    print(f"left behind: {grown} descriptors, {len(children())} children, {orphans} orphans, {len(left)} in /dev/shm")
    assert taken + dropped == made, "every frame is counted"
    assert not tally.torn
    assert not grown
    assert not children()
    assert not orphans
    assert not left
    assert max(slope, bend) < 1


def die(tally: Tally, pictures: Path, folder: Path, deaths: int, seconds: float) -> None:
    """Let three cameras die until there were enough deaths and the time is over."""
    dice = random.Random(6)
    victims = [Victim(name, pictures, folder, dice) for name in ("in", "out", "yard")]
    end, sample, told = time.monotonic() + seconds, 0.0, 0
    more = going = True
    try:
        while going:
            more = more and (tally.deaths.total() < deaths or time.monotonic() < end)
            going = sum(victim.step(tally, more=more) for victim in victims) > 0
            if time.monotonic() > sample:
                sample = time.monotonic() + 5
                tally.memory.append((time.monotonic(), resident()))
            if tally.deaths.total() >= told + 100:
                told = tally.deaths.total()
                print(f"{told} deaths, {resident():.1f} MB, {len(names('/proc/self/fd'))} descriptors", flush=True)
    finally:
        for victim in victims:
            victim.camera.close()
    tally.memory.append((-1, 0))  # the second half begins


def flow(tally: Tally, pictures: Path, frames: int, seconds: float) -> tuple[int, int, int]:
    """Take frames that come as fast as they can be made; how many were made, taken, and overwritten."""
    end, sample, number, taken = time.monotonic() + seconds, 0.0, -1, 0
    with LiveCamera(f"fake://{pictures}?pace=off", FAST, name="flood", clock=CLOCK) as camera:
        while number + 1 < frames or time.monotonic() < end:
            frame = camera.latest(1.0)
            if frame is None:
                continue
            tally.check(frame)
            taken += 1
            assert frame.number > number
            if max(0, number) // 100_000 < frame.number // 100_000:
                print(f"{frame.number} frames, {resident():.1f} MB", flush=True)
            number = frame.number
            if time.monotonic() > sample:
                sample = time.monotonic() + 5
                tally.memory.append((time.monotonic(), resident()))
        return number + 1, taken, camera.dropped


def orphaned(pictures: Path) -> int:
    """Kill a parent with SIGKILL; how many of its children live on."""
    code = f"""
from edge_ocr.camera import open_camera
from edge_ocr.clock import SystemClock
from edge_ocr.tables import CameraSettings
camera = open_camera("fake://{pictures}", CameraSettings(), name="x", clock=SystemClock())
while camera.latest(1) is None: pass
print(camera._child.pid, flush=True)
while True: camera.latest(1)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not alive(child):
            return 0
        time.sleep(0.02)
    return 1


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def names(folder: str) -> set[str]:
    return {item.name for item in Path(folder).iterdir()}


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def resident() -> float:
    """Megabytes of this process's own memory; what it shares would show as a descriptor."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def slopes(memory: list[tuple[float, float]]) -> tuple[float, float]:
    """Megabytes an hour of both halves, by least squares over the least of every five samples, without the first tenth.

    The least, since a frame that happens to be held is up to 3 MB.
    """
    middle = memory.index((-1, 0))
    found = []
    for half in (memory[:middle], memory[middle + 1 :]):
        first = len(half) // 10
        least = [min(half[at : at + 5], key=lambda sample: sample[1]) for at in range(first, len(half), 5)]
        points = np.array(least)
        found.append(3600 * np.polyfit(points[:, 0] - points[0, 0], points[:, 1], 1)[0] if len(points) > 2 else 0.0)
    return found[0], found[1]


def shades(folder: Path) -> Path:
    """Pictures of one shade each."""
    folder.mkdir()
    for shade in (10, 90, 170, 250):
        cv2.imwrite(str(folder / f"{shade}.png"), np.full((240, 320, 3), shade, np.uint8))
    return folder


if __name__ == "__main__":
    main()
