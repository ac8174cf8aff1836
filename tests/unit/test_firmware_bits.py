"""The firmware's tool: its answer counts, it is asked seldom, and where it hangs hardly anybody waits for it."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from edge_ocr import firmware as module
from edge_ocr.clock import FakeClock
from edge_ocr.firmware import Firmware, firmware

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is enough for the tool, and not for a shell on a machine that has other work."""
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 60.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("sys/devices/platform/soc/soc:firmware", "usr/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled").write_text("50000\n")
    return tmp_path


def _tool(root: Path, script: str) -> Path:
    """A tool that writes a line into 'asked' whenever it is started."""
    path = root / "usr/bin/vcgencmd"
    path.write_text(f"#!/bin/sh\necho >> {root}/asked\n{script}\n")
    path.chmod(0o755)
    return path


def _until_asked(root: Path) -> None:
    end = time.monotonic() + 60
    while not (root / "asked").exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def _asked(root: Path) -> int:
    return len((root / "asked").read_text().splitlines())


def test_what_either_says_counts(root: Path) -> None:
    _tool(root, "echo throttled=0x1")
    assert Firmware(root).throttled() == 0x50001
    _tool(root, "exit 1")
    assert Firmware(root).throttled() == 0x50000
    _tool(root, "echo nonsense").chmod(0o644)
    assert Firmware(root).throttled() == 0x50000


def test_a_machine_without_both_says_nothing(tmp_path: Path) -> None:
    assert Firmware(tmp_path).throttled() is None


def test_it_is_asked_once_in_a_while_whoever_wants_to_know(root: Path) -> None:
    clock = FakeClock()
    asked = Firmware(root, clock.monotonic)
    _tool(root, "echo throttled=0x4")
    assert {asked.throttled() for _ in range(10)} == {0x50004}
    assert _asked(root) == 1
    clock.advance(module._EVERY_SECONDS)
    asked.throttled()
    assert _asked(root) == 2
    assert firmware(root) is firmware(root)


def test_a_tool_that_hangs_is_waited_for_once_and_not_asked_again_for_long(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, wait, waited = FakeClock(), subprocess.Popen.communicate, []

    def wait_for_what_hangs(process: subprocess.Popen[bytes], **how: float) -> tuple[bytes, bytes]:
        waited.append(how)
        _until_asked(root)
        return wait(process, timeout=0.1)

    asked = Firmware(root, clock.monotonic)
    _tool(root, "exec sleep 600")
    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "communicate", wait_for_what_hangs)
        for _ in range(50):
            assert asked.throttled() == 0x50000
            clock.advance(module._EVERY_SECONDS)
    assert waited == [{"timeout": module._PATIENCE_SECONDS}]
    assert _asked(root) == 1
    _tool(root, "echo throttled=0x1")
    clock.advance(module._REST_SECONDS)
    assert asked.throttled() == 0x50001


def test_a_tool_that_cannot_even_be_killed_is_left_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.2)
    clock = FakeClock()
    asked = Firmware(root, clock.monotonic)
    _tool(root, "exec sleep 600")
    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "kill", lambda _: None)
        asked.throttled()
    _until_asked(root)
    for _ in range(3):
        clock.advance(module._REST_SECONDS)
        assert asked.throttled() == 0x50000
    assert _asked(root) == 1
    assert asked._stuck is not None
    asked._stuck.kill()
    asked._stuck.wait()
