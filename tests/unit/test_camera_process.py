"""Real processes with the fake camera: they come, they go, and nothing of them stays."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_ocr.camera import is_live, open_camera, process
from edge_ocr.camera.live import LiveCamera
from edge_ocr.camera.process import Process
from edge_ocr.clock import SystemClock
from edge_ocr.errors import CameraLost, SourceError
from edge_ocr.tables import CameraSettings, RecoverySettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_ocr.camera import Camera
    from edge_ocr.types import Frame

CLOCK = SystemClock()
PATIENCE = 60.0
"""Seconds that nobody waits unless something is wrong: a machine that has other work is slow."""

SETTINGS = CameraSettings(
    width=64,
    height=48,
    fps=50,
    deadline_seconds=PATIENCE,
    open_seconds=PATIENCE,
    recovery=RecoverySettings(settle_seconds=0.1, pause_seconds=0.01, pause_most_seconds=0.1),
)
HASTY = replace(SETTINGS, deadline_seconds=3)
"""For cameras that are to stand still; long enough for those that do not."""


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(process, "_KILL_SECONDS", PATIENCE)
    before = descriptors()
    yield
    assert not children()
    assert descriptors() == before


def descriptors() -> dict[str, str]:
    links = {item.name: item for item in Path("/proc/self/fd").iterdir()}
    return {name: str(link.readlink()) for name, link in links.items() if link.is_symlink()}


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def opened(source: str, settings: CameraSettings = SETTINGS) -> LiveCamera:
    return LiveCamera(source, settings, name="gate", clock=CLOCK)


def frames(camera: Camera, count: int) -> list[Frame]:
    got: list[Frame] = []
    end = time.monotonic() + PATIENCE
    while len(got) < count:
        assert time.monotonic() < end, f"{len(got)} of {count}; {camera.trouble}"
        frame = camera.latest(0.5)
        if frame is not None:
            got.append(frame)
    return got


def until(camera: Camera, what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, camera.trouble
        camera.latest(0.05)


def pid(camera: LiveCamera) -> int:
    child = camera._child
    assert isinstance(child, Process)
    return child.pid


def test_frames_come_at_once_and_young() -> None:
    with opened("fake://") as camera:
        taken = frames(camera, 20)
        ages = [CLOCK.monotonic() - frame.stamp.mono for frame in taken]
    assert taken[-1].image.shape == (48, 64, 3)
    assert taken[-1].luma is not None
    assert all(0 <= age < PATIENCE for age in ages)
    assert [frame.number for frame in taken] == sorted({frame.number for frame in taken})
    assert camera.dropped == taken[-1].number + 1 - len(taken)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_dies_is_replaced(sent: signal.Signals, caplog: pytest.LogCaptureFixture) -> None:
    with opened("fake://") as camera:
        last = frames(camera, 3)[-1]
        os.kill(pid(camera), sent)
        until(camera, lambda: camera.recoveries["restart"] == 1)
        assert frames(camera, 3)[0].number > last.number
    assert f"the camera's process was killed by signal {sent.value}" in caplog.text


def test_a_process_that_stands_still_is_killed_and_replaced() -> None:
    with opened("fake://", HASTY) as camera:
        frames(camera, 3)
        stopped = pid(camera)
        os.kill(stopped, signal.SIGSTOP)
        until(camera, lambda: camera.recoveries["restart"] == 1)
        frames(camera, 3)
        assert not Path(f"/proc/{stopped}").exists()


def test_a_library_that_never_returns_to_python_is_killed() -> None:
    with opened("fake://?script=run:3,deaf:60", HASTY) as camera:
        frames(camera, 3)
        until(camera, lambda: camera.recoveries["restart"] == 1)


def test_a_camera_that_freezes_is_opened_again_by_the_same_process() -> None:
    with opened("fake://?script=run:3,freeze", HASTY) as camera:
        frames(camera, 3)
        first = pid(camera)
        until(camera, lambda: camera.recoveries["reopen"] == 1)
        frames(camera, 1)
        assert pid(camera) == first


def test_signals_for_the_whole_service_do_not_end_the_child_before_its_parent() -> None:
    with opened("fake://") as camera:
        frames(camera, 1)
        for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid(camera), sent)
        frames(camera, 10)
        assert sum(camera.recoveries.values()) == 0


def test_closing_is_quick_even_where_the_child_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_ocr.camera.live._CLOSE_SECONDS", 0.3)
    camera = opened("fake://?script=run:3,deaf:60")
    frames(camera, 3)
    time.sleep(0.1)
    began = time.monotonic()
    camera.close()
    assert time.monotonic() - began < 20, "the child hangs for 60 s"


def test_closing_before_the_first_picture_is_quick_too() -> None:
    camera = opened("fake://")
    camera.latest(0)
    camera.close()


PARENT = """
import sys
from edge_ocr.camera import open_camera
from edge_ocr.clock import SystemClock
from edge_ocr.tables import CameraSettings
camera = open_camera(sys.argv[1], CameraSettings(), name="x", clock=SystemClock())
while camera.latest(1) is None: pass
print(camera._child.pid, flush=True)
while True: camera.latest(1)
"""


@pytest.mark.parametrize("script", ["run:1", "run:3,deaf:60", "run:1,freeze"])
def test_a_parent_that_is_killed_takes_its_children_along(script: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, f"fake://?script={script}"], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    end = time.monotonic() + PATIENCE
    while alive(child):
        assert time.monotonic() < end
        time.sleep(0.01)


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_loads_only_what_its_camera_needs() -> None:
    code = "import sys; from edge_ocr.camera import child, fake; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {
        "cv2",
        "ai_edge_litert",
        "tflite_runtime",
        "edge_ocr.config",
        "edge_ocr.pipeline",
        "subprocess",
    }


def test_a_child_that_cannot_start_says_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_environment", lambda: {"PYTHONHOME": "/nowhere", "PATH": os.environ["PATH"]})
    settings = CameraSettings(recovery=RecoverySettings(restarts=0))
    with (
        opened("fake://", settings) as camera,
        pytest.raises(CameraLost, match=r"ended with status 1; its last words: .*encodings"),
    ):
        camera.latest(PATIENCE)


def test_a_login_in_an_address_is_never_told(caplog: pytest.LogCaptureFixture) -> None:
    settings = CameraSettings(open_seconds=PATIENCE, recovery=RecoverySettings(reopens=0, restarts=0))
    with (
        caplog.at_level(logging.DEBUG),
        opened("rtsp://user:secret@127.0.0.1:9/x", settings) as camera,
        pytest.raises(
            CameraLost, match=r"rtsp://\*\*\*@127.0.0.1:9/x: nothing answers at port 9; check the port"
        ) as lost,
    ):
        camera.latest(PATIENCE)
    assert "secret" not in caplog.text + str(lost.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("fake://?script=jump", "the fake camera's script says 'jump'; its steps are run:N"),
        ("fake://?speed=2", "a fake camera knows no 'speed'; give script, commands or pace=off"),
        ("picamera2://left", "'picamera2://left' names no camera; write it as 'picamera2://0'"),
        ("rtsp://", "rtsp:// names no host; write it as 'rtsp://host:554/path'"),
        ("rtsp://host:99999/", "rtsp://host:99999/ is no address"),
    ],
)
def test_what_can_never_work_is_lost_at_once(source: str, message: str) -> None:
    with opened(source) as camera, pytest.raises(CameraLost) as lost:
        camera.latest(PATIENCE)
    assert str(lost.value).startswith(f"camera gate is lost: {message}")


@pytest.mark.parametrize(
    ("source", "live"),
    [
        ("/dev/video0", True),
        ("/dev/v4l/by-id/usb-046d_HD_Webcam-video-index0", True),
        ("RTSP://host/x", True),
        ("http://host/x.mjpg", True),
        ("picamera2://0", True),
        ("fake://", True),
        ("clip.mp4", False),
        ("/srv/pictures", False),
        ("*.jpg", False),
        ("https", False),
    ],
)
def test_live_sources_are_told_from_files(source: str, live: bool) -> None:
    assert is_live(source) is live


def test_a_file_is_no_camera() -> None:
    with pytest.raises(SourceError, match=r"^clip\.mp4 is no camera; name a file, a folder, or one of picamera2://"):
        open_camera("clip.mp4", SETTINGS, name="gate", clock=CLOCK)


@pytest.mark.parametrize("after", range(5))
def test_a_machine_without_descriptors_left_leaks_none(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = os.pipe, []

    def pipe() -> tuple[int, int]:
        if len(made) == after:
            raise OSError(24, "Too many open files")
        made.append(1)
        return real()

    monkeypatch.setattr(os, "pipe", pipe)
    settings = CameraSettings(recovery=RecoverySettings(restarts=0))
    with (
        opened("fake://", settings) as camera,
        pytest.raises(
            CameraLost, match=r"no process can be started \(Too many open files\); see free memory and limits"
        ),
    ):
        camera.latest(PATIENCE)
