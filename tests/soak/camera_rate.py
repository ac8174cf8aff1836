"""How old a frame is when the parent has it, and what carrying it costs.

    python tests/soak/camera_rate.py [--seconds 10] [--rtsp]

Each size and rate once through the product's way (a memfd and locks) and once, as a peer in the same minute, through
multiprocessing.Queue, which most programs use. The camera gives one given picture again and again, so that what is
measured is the way and not the making. With --rtsp also from a real server on loopback, whose pictures show when they
were made: encoding, network and decoding included.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.camera.live import LiveCamera
from edge_ocr.camera.slot import boot_nanoseconds
from edge_ocr.clock import SystemClock
from edge_ocr.tables import CameraSettings

if TYPE_CHECKING:
    from edge_ocr.types import Frame

CASES = [(640, 480, 15), (640, 480, 30), (1280, 720, 15), (1280, 720, 30)]
RTSP = Path(__file__).parents[1] / "faults/rtsp_server.py"
CLOCK = SystemClock()


class Figures:
    """Ages of frames, and the processor time of this process and of its child meanwhile."""

    def __init__(self, child: int) -> None:
        self._child = child
        self._ages: list[float] = []
        self._start = self._used()

    def add(self, age: float) -> None:
        """A frame was so many seconds old."""
        self._ages.append(age * 1000)

    def told(self) -> str:
        """One line."""
        ours, theirs = (
            1e6 * (now - then) / len(self._ages) for now, then in zip(self._used(), self._start, strict=True)
        )
        ages = f"{np.median(self._ages):6.2f} ms median {np.percentile(self._ages, 99):7.2f} ms p99"
        return f"{ages}   {ours:6.0f} us parent {theirs:6.0f} us child   {len(self._ages)} frames"

    def _used(self) -> tuple[float, float]:
        ours = resource.getrusage(resource.RUSAGE_SELF)
        fields = Path(f"/proc/{self._child}/stat").read_text().rpartition(")")[2].split()
        return ours.ru_utime + ours.ru_stime, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def product(picture: Path, fps: float, seconds: float) -> str:
    """Through the slot."""
    settings = CameraSettings(fps=fps)
    with LiveCamera(f"fake://{picture}", settings, name="x", clock=CLOCK) as camera:
        while camera.latest(5) is None:
            pass
        assert camera._child is not None
        figures = Figures(camera._child.pid)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame = camera.latest(1)
            if frame is not None:
                figures.add(CLOCK.monotonic() - frame.stamp.mono)
        return figures.told()


def peer(image: np.ndarray, fps: float, seconds: float) -> str:
    """Through multiprocessing.Queue."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(2)
    child = context.Process(target=put, args=(queue, image, fps), daemon=True)
    child.start()
    queue.get()
    assert child.pid is not None
    figures = Figures(child.pid)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            taken_at, _ = queue.get(timeout=1)
        except Empty:
            continue
        figures.add((boot_nanoseconds() - taken_at) / 1e9)
    told = figures.told()
    child.kill()
    child.join()
    queue.close()
    return told


def put(queue: multiprocessing.Queue[object], image: np.ndarray, fps: float) -> None:
    """The peer's child."""
    due = time.monotonic()
    while True:
        due += 1 / fps
        time.sleep(max(0.0, due - time.monotonic()))
        queue.put((boot_nanoseconds(), image))


def rtsp(seconds: float) -> str:
    """From the moment that a picture shows to the parent's hand."""
    port = "8559"
    with subprocess.Popen(["/usr/bin/python3", str(RTSP), port], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        with LiveCamera(f"rtsp://127.0.0.1:{port}/cam", CameraSettings(), name="x", clock=CLOCK) as camera:
            end = time.monotonic() + 20
            while camera.latest(1) is None and time.monotonic() < end:
                pass
            for _ in range(50):  # what was buffered while it was opened
                camera.latest(1)
            assert camera._child is not None
            figures = Figures(camera._child.pid)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                frame = camera.latest(1)
                if frame is not None:
                    figures.add((boot_nanoseconds() // 1_000_000 - shown(frame)) % (1 << 24) / 1000)
            told = figures.told()
        server.kill()
    return told


def shown(frame: Frame) -> int:
    """The milliseconds since boot, modulo 2^24, that the server's picture shows."""
    return sum(int(frame.image[30, 26 * bit + 13, 1] > 125) << bit for bit in range(24))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="of each case")
    parser.add_argument("--rtsp", action="store_true", help="needs GStreamer's RTSP server (see CONTRIBUTING)")
    arguments = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as folder:
        for width, height, fps in CASES:
            image = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
            path = Path(folder) / f"{width}.png"
            cv2.imwrite(str(path), image)
            print(f"{width}x{height} at {fps:2}  slot   {product(path, fps, arguments.seconds)}", flush=True)
            print(f"{width}x{height} at {fps:2}  queue  {peer(image, fps, arguments.seconds)}", flush=True)
    if arguments.rtsp:
        print(f"640x480 at 25  rtsp   {rtsp(arguments.seconds)}", flush=True)


if __name__ == "__main__":
    main()
