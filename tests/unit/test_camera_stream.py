"""Streams, with OpenCV played by a fake; why they do not open, with small servers on loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge_ocr.camera import stream
from edge_ocr.camera.grab import HopelessError
from edge_ocr.camera.inquiry import reason
from edge_ocr.camera.stream import StreamGrabber, address
from edge_ocr.clock import FakeClock
from edge_ocr.errors import SourceError
from edge_ocr.tables import CameraSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Capture:
    """Plays cv2.VideoCapture: so many pictures, one in a hundredth of a second of its own clock."""

    def __init__(self, grabs: int = 1000, *, opens: bool = True) -> None:
        self.grabs, self.opens, self.released = grabs, opens, False
        self.clock = FakeClock(mono=100.0)

    def isOpened(self) -> bool:  # noqa: N802 -- OpenCV's name
        return self.opens

    def get(self, _: int) -> float:
        return 30.0

    def grab(self) -> bool:
        self.grabs -= 1
        self.clock.advance(0.01)
        return self.grabs >= 0

    def retrieve(self) -> tuple[bool, Any]:
        return True, np.zeros((4, 4, 3), np.uint8)

    def release(self) -> None:
        self.released = True


def opened(monkeypatch: pytest.MonkeyPatch, capture: Capture, **settings: Any) -> StreamGrabber:
    monkeypatch.setattr(stream, "_opened", lambda *_: capture)
    return StreamGrabber("rtsp://u:p@host/x", CameraSettings(**settings))


def test_a_stream_is_thinned_to_the_wanted_rate_and_read_on_between(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = Capture()
    monkeypatch.setattr(stream, "time", capture.clock)
    camera = opened(monkeypatch, capture, fps=5.0)
    taken: list[int] = []
    for _ in range(3):
        camera.read(1.0, lambda *_: taken.append(1000 - capture.grabs))
    assert taken == [1, 19, 37], "those between were grabbed; a tenth early"


def test_every_picture_is_taken_where_no_rate_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = Capture(3)
    camera = opened(monkeypatch, capture)
    taken: list[object] = []
    for _ in range(3):
        camera.read(1.0, lambda *took: taken.append(took))
    assert len(taken) == 3
    with pytest.raises(
        SourceError, match=r"rtsp://\*\*\*@host/x: the stream has ended or stands still; see the camera"
    ):
        camera.read(1.0, lambda *_: None)
    camera.close()
    assert capture.released


def test_a_stream_that_does_not_open_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "reason", lambda *_: "unknown host")
    with pytest.raises(SourceError, match=r"^rtsp://\*\*\*@host/x: unknown host$"):
        opened(monkeypatch, Capture(opens=False))


def test_the_login_of_the_settings_goes_into_the_address(tmp_path: Path) -> None:
    secret = tmp_path / "p"
    secret.write_text("a@b:c/d é\n")
    settings = CameraSettings(username="me@home", password_file=secret)
    assert address("rtsp://old:login@h:8554/x?y=1", settings) == "rtsp://me%40home:a%40b%3Ac%2Fd%20%C3%A9@h:8554/x?y=1"
    assert address("http://h/x", CameraSettings(username="me")) == "http://me:@h/x"
    assert address("http://u:p@h/x", CameraSettings()) == "http://u:p@h/x"


def test_a_password_file_that_is_not_there_is_hopeless(tmp_path: Path) -> None:
    settings = CameraSettings(username="me", password_file=tmp_path / "none")
    with pytest.raises(HopelessError, match="none: No such file or directory; see its name and rights"):
        address("http://h/x", settings)


@contextmanager
def answering(answer: bytes | None) -> Iterator[int]:
    """A server that gives one answer to whatever it is asked; None for no answer at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                if answer is not None:
                    connection.sendall(answer)
                else:
                    connection.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join(60)


@pytest.mark.parametrize(
    ("scheme", "login", "answer", "why"),
    [
        ("rtsp", "", b"RTSP/1.0 401 Unauthorized\r\n\r\n", "the server wants a login; set username and password_file"),
        ("rtsp", "a:b@", b"RTSP/1.0 401 Unauthorized\r\n\r\n", "the server refuses the login; check username and pass"),
        ("rtsp", "", b"RTSP/1.0 404 Not Found\r\n\r\n", "the server knows no such stream (404); check the path"),
        ("http", "", b"HTTP/1.1 403 Forbidden\r\n\r\n", "the server refuses (403); check what this user may see"),
        ("http", "", b"HTTP/1.1 503 Busy\r\n\r\n", "the server is too busy (503); check how many viewers"),
        ("http", "", b"HTTP/1.1 302 Found\r\n\r\n", "the server answers 302; check the address"),
        (
            "http",
            "",
            b"HTTP/1.1 200 OK\r\n\r\n",
            "the server answers, but its pictures cannot be decoded; choose H.264",
        ),
        ("http", "", b"SSH-2.0-OpenSSH\r\n", "the server answers nonsense; check the address"),
        ("https", "", b"HTTP/1.1 200 OK\r\n\r\n", "TLS fails ("),
    ],
)
def test_the_server_is_asked_why(scheme: str, login: str, answer: bytes, why: str) -> None:
    with answering(answer) as port:
        assert reason(f"{scheme}://{login}127.0.0.1:{port}/x?y", 60).startswith(why)


def test_a_server_that_says_nothing_is_told() -> None:
    with answering(None) as port:
        assert reason(f"http://127.0.0.1:{port}/", 0.2).startswith("no answer within 0.2 s; check the network")


def test_a_port_that_nobody_has_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        port = taken.getsockname()[1]
        assert reason(f"rtsp://127.0.0.1:{port}/", 60).startswith(f"nothing answers at port {port}; check the port")


def test_a_name_that_nobody_knows_is_told() -> None:
    assert reason("rtsp://no-such-camera.invalid/", 60).startswith(
        "unknown host 'no-such-camera.invalid'; check the name"
    )
