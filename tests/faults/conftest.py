"""The tests with a real broker run where Debian's mosquitto is installed, as it is in CI; see CONTRIBUTING."""

from __future__ import annotations

import shutil
from pathlib import Path

_INSTALLED = all(shutil.which(name) for name in ("mosquitto_passwd", "openssl")) and (
    shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()
)

collect_ignore = [] if _INSTALLED else ["test_broker.py"]
