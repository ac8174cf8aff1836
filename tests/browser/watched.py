"""`edge-ocr serve` while it watches the sample clip, for whoever looks at its pages."""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

CLIP = Path(__file__).parents[2] / "docs" / "samples" / "clip.mp4"
PASSWORD = "correct horse battery"  # noqa: S105 -- of a device that lives for a minute

CONFIG = """
[store]
folder = "{folder}/store"
free_mb = 0
[lists]
file = "{folder}/lists.csv"
[vote]
repeat_seconds = 0
[[camera]]
name = "gate"
source = "fake://{folder}/frames"
[publish.files]
folder = "{folder}/days"
[publish.relay]
pin = 4
dry_run = true
[web]
port = {port}
requests_per_second = 200
"""


class Served:
    """`edge-ocr serve` on the sample clip, over and over; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.code: str | None = None
        self._config, self._log = folder / "edge-ocr.toml", folder / "log"
        write_frames(folder / "frames")
        (folder / "lists.csv").write_text("list,plate,name,from,until,note\n")
        self._config.write_text(CONFIG.format(folder=folder, port=free_port()))
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "edge_ocr", "serve", "--config", str(self._config)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + 120
        while (found := re.search(r"pages at (http\S+)/", self._log.read_text())) is None:
            if self._process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"serve did not start: {self._log.read_text()}")
            time.sleep(0.1)
        self.address = found[1]
        code = re.search(r"give the code (\S+)", self._log.read_text())
        self.code = code and code[1]

    def stop(self) -> None:
        self._process.terminate()
        if self._process.wait(60):
            raise SystemExit(f"serve did not end in good order: {self._log.read_text()}")


def write_frames(folder: Path) -> None:
    """The clip as pictures, and a second of nothing at its end, so that the next round is another vehicle."""
    folder.mkdir()
    clip, number = cv2.VideoCapture(str(CLIP)), 0
    while True:
        there, image = clip.read()
        if not there:
            break
        cv2.imwrite(str(folder / f"{number:04}.jpg"), image, (cv2.IMWRITE_JPEG_QUALITY, 92))
        size, number = image.shape, number + 1
    for _ in range(30):
        cv2.imwrite(str(folder / f"{number:04}.jpg"), np.full(size, 90, np.uint8))
        number += 1


def free_port() -> int:
    """One that no connection is given while the server is away: Linux takes the near end of these from 32768 on."""
    for port in random.sample(range(20_000, 32_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no port is free")
