"""Streams from real servers on loopback, which are killed, stopped, and come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from servers import free_port

from edge_ocr.camera.live import LiveCamera
from edge_ocr.clock import SystemClock
from edge_ocr.errors import CameraLost
from edge_ocr.tables import CameraSettings, RecoverySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_ocr.types import Frame

HERE = Path(__file__).parent
CLOCK = SystemClock()
SETTINGS = CameraSettings()  # as they ship: what is promised must hold for them
ONCE = CameraSettings(open_seconds=60, recovery=RecoverySettings(reopens=0, restarts=0))
_SOON = 10  # seconds
KINDS = {
    "rtsp": ("/usr/bin/python3", HERE / "rtsp_server.py"),
    "http": (sys.executable, HERE / "mjpeg_server.py"),
}


class Server:
    """One that can be started again at the same port."""

    def __init__(self, kind: str, login: str = "") -> None:
        self.port = free_port()
        self.kind = kind
        self.login = login
        self.url = f"{kind}://127.0.0.1:{self.port}/cam"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [*map(str, KINDS[self.kind]), str(self.port), *filter(None, [self.login])]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def send(self, sent: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, sent)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@contextmanager
def served(kind: str, login: str = "") -> Iterator[Server]:
    server = Server(kind, login)
    try:
        server.start()
        yield server
    finally:
        server.end()


@contextmanager
def watched(url: str, settings: CameraSettings = SETTINGS) -> Iterator[LiveCamera]:
    with LiveCamera(url, settings, name="gate", clock=CLOCK) as camera:
        yield camera


def first(camera: LiveCamera, seconds: float = 60) -> Frame:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        frame = camera.latest(0.2)
        if frame is not None:
            return frame
    raise AssertionError(f"no frame in {seconds} s: {camera.trouble}")


def quiet(camera: LiveCamera, seconds: float) -> None:
    """Wait until the camera is in trouble."""
    end = time.monotonic() + seconds
    while camera.trouble is None:
        assert time.monotonic() < end, f"nothing noticed in {seconds} s"
        camera.latest(0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_read(kind: str) -> None:
    with served(kind) as server, watched(server.url) as camera:
        taken = [first(camera) for _ in range(30)]
    assert taken[-1].image.ndim == 3
    assert taken[-1].image.dtype == np.uint8
    assert all(0 <= CLOCK.monotonic() - frame.stamp.mono < 60 for frame in taken)


def test_the_newest_picture_is_handed_out_however_slow_the_reader() -> None:
    with served("rtsp") as server, watched(server.url) as camera:
        first(camera)
        lags: list[int] = []
        while len(lags) < 5 or (camera.dropped <= 50 and len(lags) < 60):
            time.sleep(1.0)  # a reader far slower than the stream
            frame = first(camera)
            lags.append((round(CLOCK.monotonic() * 1000) - shown(frame)) % (1 << 24))
        assert camera.dropped > 50
    assert min(lags) < 1000, f"{lags} ms behind"
    assert lags[-1] < lags[0] + 1000, f"{lags} ms: it falls behind"


def shown(frame: Frame) -> int:
    """The milliseconds that the picture itself tells."""
    row = frame.image[30, :, 1]
    return sum(int(row[26 * bit + 13] > 125) << bit for bit in range(24))


def test_a_server_that_was_away_is_read_again_within_ten_seconds_of_its_return(
    record_property: Callable[[str, object], None],
) -> None:
    """Each kind killed and each kind frozen, side by side: it is mostly waiting for pauses to grow to their most."""
    with ThreadPoolExecutor() as pool:
        ways = [(kind, way) for kind in KINDS for way in ("killed", "frozen")]
        took = dict(zip(ways, pool.map(lambda case: _away(*case), ways), strict=True))
    for (kind, way), (noticed, back) in took.items():
        record_property(f"{kind} {way}", back)
        print(f"{kind}: {way} server noticed after {noticed:.1f} s, read again {back:.1f} s after its return")  # noqa: T201 -- the measured figures
    assert max(back for _, back in took.values()) < _SOON


def _away(kind: str, way: str) -> tuple[float, float]:
    """Seconds until a server that goes away is noticed, and from its return to the first picture."""
    with served(kind) as server, watched(server.url) as camera:
        first(camera)
        began = time.monotonic()
        if way == "killed":
            server.end()
        else:
            server.send(signal.SIGSTOP)
        quiet(camera, 15)
        noticed = time.monotonic() - began
        for _ in range(60):  # long enough for the pauses to have grown to their most
            camera.latest(0.2)
        if way == "killed":
            server.start()
        else:
            server.send(signal.SIGCONT)
        began = time.monotonic()
        first(camera)
        return noticed, time.monotonic() - began


def test_a_camera_that_is_switched_on_later_is_read() -> None:
    server = Server("http")
    with watched(server.url) as camera:
        quiet(camera, 60)
        server.start()
        try:
            first(camera)
        finally:
            server.end()


@pytest.mark.parametrize("kind", KINDS)
def test_a_login_from_the_settings_opens_the_stream(kind: str, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("p:ss/w@rd".replace(":", "%") + "\n")
    with served(kind, "viewer:p%ss/w@rd") as server:
        with watched(server.url, CameraSettings(username="viewer", password_file=secret)) as camera:
            first(camera)
        secret.write_text("wrong\n")
        wrong = replace(ONCE, username="viewer", password_file=secret)
        with (
            watched(server.url, wrong) as camera,
            pytest.raises(CameraLost, match="the server refuses the login; check"),
        ):
            first(camera)
        with (
            watched(server.url, ONCE) as camera,
            pytest.raises(CameraLost, match="the server wants a login; set username"),
        ):
            first(camera)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_path_is_told(kind: str) -> None:
    with (
        served(kind) as server,
        watched(f"{server.url}era", ONCE) as camera,
        pytest.raises(CameraLost, match=r"the server knows no such stream \(404\); check the path of the address"),
    ):
        first(camera)


def test_an_unknown_host_is_told() -> None:
    with (
        watched("rtsp://no-such-camera.invalid/", ONCE) as camera,
        pytest.raises(CameraLost, match="unknown host 'no-such"),
    ):
        first(camera)
