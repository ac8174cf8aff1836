"""What systemd hears, through a real socket."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from edge_ocr.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@edge-ocr-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        listening.settimeout(60)
        yield listening, name


def test_every_word_arrives(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready()
    notifier.alive()
    notifier.stopping()
    assert [listening.recv(4096) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_reload_tells_when_it_began(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    Notifier({"NOTIFY_SOCKET": name}).reloading()
    first, second = listening.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


def test_a_status_is_one_line_and_is_told_when_it_changes(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    for text in ("well", "well", "not\nwell"):
        notifier.status(text)
    notifier.alive()
    assert [listening.recv(4096) for _ in range(3)] == [b"STATUS=well", b"STATUS=not well", b"WATCHDOG=1"]


def test_frames_are_counted_in_the_folder_that_systemd_gave(tmp_path: Path) -> None:
    notifier = Notifier({"RUNTIME_DIRECTORY": f"{tmp_path}:/nowhere"})
    for count in (3, 21):
        notifier.frames(count)
        assert [path.name for path in tmp_path.iterdir()] == ["frames"]
        assert (tmp_path / "frames").read_text("ascii") == str(count)
    Notifier({"RUNTIME_DIRECTORY": str(tmp_path / "gone")}).frames(1)
    Notifier({}).frames(1)


def test_what_takes_long_asks_for_time_once_a_second_and_is_a_sign_of_life(
    manager: tuple[socket.socket, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listening, name = manager
    notifier, now = Notifier({"NOTIFY_SOCKET": name}), [100.0]
    monkeypatch.setattr("edge_ocr.notify.time.monotonic", lambda: now[0])
    for moment in (100.0, 100.5, 101.0):
        now[0] = moment
        notifier.busy("checking\nthe database", 90.5)
    notifier.ready()
    said = b"STATUS=checking the database\nEXTEND_TIMEOUT_USEC=90500000\nWATCHDOG=1"
    assert [listening.recv(4096) for _ in range(3)] == [said, said, b"READY=1"]


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_systemd_nothing_happens(environment: dict[str, str]) -> None:
    notifier = Notifier(environment)
    notifier.ready()
    notifier.status("well")
    assert notifier.watchdog_seconds is None


def test_a_manager_that_has_gone_is_no_error(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_that_of_this_process(environment: dict[str, str], seconds: float | None) -> None:
    assert Notifier(environment).watchdog_seconds == seconds
