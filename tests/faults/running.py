"""`edge-ocr serve` as a process, for tests: what it watches, how it is asked, and a systemd that is a socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIP = Path(__file__).parents[2] / "docs/samples/clip.mp4"
TEXT = "B172EDG"
PATIENCE = 60.0  # seconds: as long as systemd waits for the service to stop


class Systemd:
    """The socket that sd_notify(3) writes to."""

    def __init__(self, place: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(place))
        self._socket.settimeout(0.1)
        self.heard: list[tuple[float, str]] = []
        self.place = place

    def listen(self) -> None:
        try:
            while True:
                said = self._socket.recv(4096).decode()
                self.heard += [(time.monotonic(), line) for line in said.splitlines()]
        except TimeoutError:
            return

    def count(self, line: str) -> int:
        return sum(said.startswith(line) for _, said in self.heard)

    def close(self) -> None:
        self._socket.close()


class Served:
    """A running `edge-ocr serve --json`."""

    def __init__(self, folder: Path, tables: str, environment: dict[str, str]) -> None:
        self.folder = folder
        self.config = folder / "edge-ocr.toml"
        self.tables = f'[store]\nfolder = "{folder / "store"}"\n[web]\nenabled = false\n'
        self.configure(tables)
        self.out, self.err = folder / "out", folder / "err"
        command = [sys.executable, "-m", "edge_ocr", "serve", "--json", "--config", str(self.config)]
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err, env={**os.environ, **environment})

    def configure(self, tables: str) -> None:
        self.config.write_text(tables + self.tables)

    def events(self, *, preview: bool | None = None) -> list[dict[str, Any]]:
        lines = [line for line in self.out.read_text().splitlines(keepends=True) if line.endswith("\n")]
        told = [json.loads(line) for line in lines]
        return [event for event in told if preview is None or event["preview"] is preview]

    def until(self, done: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            assert self.process.poll() is None, self.err.read_text()
            assert time.monotonic() < end, f"{what} did not come: {self.err.read_text()}"
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def serving(folder: Path, tables: str, **environment: str) -> Iterator[Served]:
    served = Served(folder, tables, environment)
    try:
        yield served
    finally:
        if served.process.poll() is None:
            served.process.kill()
            served.process.wait()


def camera(name: str, source: str, **keys: str) -> str:
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return f'[[camera]]\nname = "{name}"\nsource = "{source}"\n{more}'
