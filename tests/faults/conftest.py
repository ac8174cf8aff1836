"""Tests that need programs of Debian run where these are installed, as they are in CI; see CONTRIBUTING."""

from __future__ import annotations

import shutil
from pathlib import Path

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
