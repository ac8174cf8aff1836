"""Tests that need programs of Debian run where these are installed, as they are in CI; see CONTRIBUTING."""

from __future__ import annotations

import shutil
from pathlib import Path

_INSTALLED = all(shutil.which(name) for name in ("mosquitto_passwd", "openssl")) and (
    shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()
)

collect_ignore = [] if _INSTALLED else ["test_broker.py"]
collect_ignore += [] if shutil.which("minisign") else ["test_minisign.py"]
