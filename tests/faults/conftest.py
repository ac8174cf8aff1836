"""Tests that need programs of Debian run where these are installed, as they are in CI; see CONTRIBUTING."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest
from running import CLIP, Systemd

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTALLED = all(shutil.which(name) for name in ("mosquitto_passwd", "openssl")) and (
    shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()
)

collect_ignore = [] if _INSTALLED else ["test_broker.py", "test_store_kill.py"]
_PROGRAMS = ("systemd-analyze", "systemd-sysusers", "shellcheck", "nginx")
collect_ignore += [] if _INSTALLED and all(shutil.which(name) for name in _PROGRAMS) else ["test_firmware_services.py"]
collect_ignore += [] if shutil.which("minisign") else ["test_minisign.py"]
collect_ignore += (
    [] if list(Path("/usr/lib").glob("*/girepository-1.0/GstRtspServer-1.0.typelib")) else ["test_camera_streams.py"]
)


@pytest.fixture(scope="session")
def passing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures: a car passes, then the road is empty for as long."""
    folder = tmp_path_factory.mktemp("passing")
    capture = cv2.VideoCapture(str(CLIP))
    pictures = [picture for good, picture in iter(capture.read, (False, None)) if good][::2]
    empty = pictures[0].copy()
    empty[:] = cv2.blur(empty, (255, 255))
    for number, picture in enumerate([*pictures, *[empty] * 20]):
        cv2.imwrite(str(folder / f"{number:03}.jpg"), picture)
    return folder


@pytest.fixture(scope="session")
def standing(passing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one picture: a car that never goes."""
    folder = tmp_path_factory.mktemp("standing")
    (folder / "car.jpg").write_bytes((passing / "010.jpg").read_bytes())
    return folder


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    manager = Systemd(tmp_path / "notify")
    yield manager
    manager.close()
