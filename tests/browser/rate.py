"""What the pages cost: resident memory, CPU a picture, and the rate at which frames are read while four people look.

    python tests/browser/rate.py

`edge-ocr serve` reads the sample clip as fast as it can, with and without pages; four browsers look at live pictures
and four listen to events. Spans with and without them alternate, so that whatever else the machine does evens out. What
is measured has the machine's last core, before all others if root asks; whoever looks has the other ones.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parent))

import watched

from edge_ocr.clock import SystemClock
from edge_ocr.types import Frame, Kind, Quad, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEWERS = 4
_CORES = os.cpu_count() or 1
PACED = '[[camera]]\nname = "gate"\nsource = "fake://{folder}/frames"\nfps = 10\n'
FLAT_OUT = '[[camera]]\nname = "gate"\nsource = "fake://{folder}/frames"\nfps = 240\n'
SERVE = '[store]\nfolder = "{store}"\nfree_mb = 0\n[gate]\non = false\n'
WEB = "[web]\nport = {port}\nrequests_per_second = 1000\n"
NO_WEB = "[web]\nenabled = false\n"


def first(pid: int) -> None:
    """Give a process and all that it begins the last core, before all others where that is allowed."""
    _place(pid, {_CORES - 1}, 5)


def aside(pid: int = 0) -> None:
    """Have a process, or this one, leave the last core alone."""
    _place(pid, set(range(_CORES - 1)) or {0}, 2)


def _place(pid: int, cores: set[int], priority: int) -> None:
    os.sched_setaffinity(pid, cores)
    with suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(priority))


class Serve:
    """`edge-ocr serve` with a configuration, from entry to exit."""

    def __init__(self, folder: Path, tables: str) -> None:
        self.port = watched.free_port()
        self._log = folder / "log"
        config = folder / "edge-ocr.toml"
        config.write_text(tables.format(folder=folder, store=folder / f"store-{self.port}", port=self.port))
        with self._log.open("w") as log:
            command = [sys.executable, "-m", "edge_ocr", "serve", "--config", str(config)]
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        first(self._process.pid)
        self.token = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)

    def log_in(self) -> None:
        """Make an admin and a token."""
        end = time.monotonic() + 60
        while (code := re.search(r"give the code (\S+)", self._log.read_text())) is None:
            if time.monotonic() > end:
                raise SystemExit(self._log.read_text())
            time.sleep(0.2)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({"code": code[1], "name": "ann", "password": watched.PASSWORD})
        cookie = self.ask("POST", "/setup", body, form)[1]["Set-Cookie"].partition(";")[0]
        page = self.ask("GET", "/account", None, {"Cookie": cookie})[2].decode()
        csrf = re.search(r'name="csrf" content="([^"]+)"', page)
        headers = {"Cookie": cookie, "X-CSRF-Token": csrf[1] if csrf else "", "Content-Type": "application/json"}
        told = self.ask("POST", "/api/me/tokens", json.dumps({"name": "x", "role": "viewer"}), headers)[2]
        self.token = json.loads(told)["secret"]

    def alone(self) -> None:
        """Have what gives frames leave the core of what reads them."""
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                aside(int(child))

    def ask(self, method: str, path: str, body: str | None = None, headers: Any = None) -> tuple[int, Any, bytes]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        line.request(method, path, body, headers or {"Authorization": f"Bearer {self.token}"})
        answer = line.getresponse()
        said = answer.status, answer.headers, answer.read()
        line.close()
        return said

    def resident(self) -> float:
        """MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000  # type: ignore[index]  # Linux says it

    def settled(self, seconds: float) -> float:
        """MB, once it has not grown by half a MB for so long, or after ten times as long."""
        most, end = 0.0, time.monotonic() + 10 * seconds
        quiet = time.monotonic() + 3 * seconds
        while time.monotonic() < min(quiet, end):
            time.sleep(0.5)
            if self.resident() > most + 0.5:
                most, quiet = self.resident(), time.monotonic() + seconds
        return self.resident()

    def frames(self) -> float:
        found = re.search(r'edge_ocr_frames_total\{camera="gate"\} (\S+)', self.ask("GET", "/metrics")[2].decode())
        return float(found[1]) if found else 0.0

    def spent(self) -> float:
        """Seconds of CPU."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rate(self, seconds: float) -> tuple[float, float]:
        """Frames a second, and frames a second of CPU."""
        before, spent, begin = self.frames(), self.spent(), time.monotonic()
        time.sleep(seconds)
        frames, spent = self.frames() - before, self.spent() - spent
        return frames / (time.monotonic() - begin), frames / spent


@contextmanager
def looking(port: int, token: str, count: int) -> Iterator[list[int]]:
    """So many who look and so many who listen, in threads that only read; counts what came in pictures."""
    stop, pictures = threading.Event(), [0]

    def read(path: str) -> None:
        with suppress(TimeoutError), socket.create_connection(("127.0.0.1", port), 20) as line:
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            while not stop.is_set():
                data = line.recv(1 << 20)
                if not data:
                    raise SystemExit(f"{path} ended")
                pictures[0] += data.count(b"Content-Type: image/jpeg")

    paths = ["/api/cameras/gate/live"] * count + ["/api/events/stream"] * count
    threads = [threading.Thread(target=read, args=(path,), daemon=True) for path in paths]
    for thread in threads:
        thread.start()
    time.sleep(1)
    pictures[0] = 0
    yield pictures
    stop.set()
    for thread in threads:
        thread.join(30)


def memory(folder: Path, seconds: float) -> None:
    """Resident memory without pages, with pages, and with everybody looking at them."""
    with Serve(folder, SERVE + PACED + NO_WEB) as without:
        base = without.settled(seconds)
    with Serve(folder, SERVE + PACED + WEB) as serve:
        serve.log_in()
        idle = serve.settled(seconds)
        with looking(serve.port, serve.token, VIEWERS):
            serve.settled(seconds)
            for path in ("/api/events", "/api/events.csv", "/api/health", "/api/openapi.json"):
                serve.ask("GET", path)
            busy = serve.resident()
    print(f"resident: {base:.1f} MB without pages, {idle:.1f} with, {busy:.1f} with {VIEWERS} + {VIEWERS} looking")
    print(f"added: {idle - base:.1f} MB by pages, {busy - base:.1f} with all that look")


def reading_rate(folder: Path, seconds: float, rounds: int) -> None:
    """Frames a second on one core that has nothing else to do, with and without those who look, in turns.

    Whatever the pages take of that core reading lacks, so that frames a second of CPU tell the same while the machine
    has other work.
    """
    alone, together, ratios = [], [], []
    with Serve(folder, SERVE + FLAT_OUT + WEB) as serve:
        serve.log_in()
        serve.alone()
        time.sleep(5)
        for _ in range(rounds):
            before = serve.rate(seconds)
            with looking(serve.port, serve.token, VIEWERS):
                during = serve.rate(seconds)
            after = serve.rate(seconds)
            alone += [before, after]
            together.append(during)
            ratios.append([2 * during[unit] / (before[unit] + after[unit]) for unit in range(2)])
    for unit, name in enumerate(("frames/s", "frames/s of CPU")):
        one, other = (statistics.median(rate[unit] for rate in rates) for rates in (alone, together))
        said = ", ".join(f"{ratio[unit]:.3f}" for ratio in ratios)
        middle = statistics.median(ratio[unit] for ratio in ratios)
        print(f"{name}: {one:.1f} alone, {other:.1f} with {VIEWERS} + {VIEWERS} looking; {middle:.3f} of it ({said})")


def picture_cost(folder: Path, seconds: float) -> None:
    """CPU of this process, which serves pages and shows frames of 1280 x 720 that nobody reads."""
    import cv2  # noqa: PLC0415 -- the only part that needs it
    from web_served import served  # noqa: PLC0415

    image = cv2.imread(str(sorted((folder / "frames").iterdir())[10]))
    image = cv2.resize(image, (1280, 720))
    corners = ((500.0, 400.0), (700.0, 400.0), (700.0, 450.0), (500.0, 450.0))
    reading = Reading("RK755AJ", 0.97, Kind.PLATE, "sk", Quad(corners, Kind.PLATE, 0.9))
    with served(folder / "pages") as one:
        admin = one.first()
        token = admin.ask("POST", "/api/me/tokens", {"name": "x", "role": "viewer"}).json["secret"]
        clock = SystemClock()
        one.board._clock = clock  # frames come by the real one
        begin = time.process_time()
        shown = 10_000
        for number in range(shown):
            one.board.show("gate", Frame(image, clock.stamp(), number, "gate"), lambda: [reading])
        print(f"nobody looks: {(time.process_time() - begin) / shown * 1e6:.1f} microseconds a frame")
        watcher = subprocess.Popen([sys.executable, __file__, "--look", f"{one.port},{token},{seconds}"])
        frames, begin = 0, time.process_time()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            one.board.show("gate", Frame(image, clock.stamp(), frames, "gate"), lambda: [reading])
            frames += 1
            time.sleep(1 / 15)
        spent = time.process_time() - begin
        watcher.wait(60)
    pictures = seconds * 5
    print(
        f"{VIEWERS} + {VIEWERS} look at 15 frames/s for {seconds:g} s: {spent / pictures * 1000:.2f} ms of CPU "
        f"a picture at 5/s, {spent / frames * 1000:.2f} ms a frame, the loop that shows them included"
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--look", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.look:
        aside()
        port, token, seconds = args.look.split(",")
        with looking(int(port), token, VIEWERS):
            time.sleep(float(seconds))
        return
    sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        watched.write_frames(folder / "frames")
        picture_cost(folder, args.seconds)
        aside()
        memory(folder, args.seconds)
        reading_rate(folder, args.seconds, args.rounds)


if __name__ == "__main__":
    main()
