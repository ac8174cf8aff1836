"""What systemd is told of this program: that it is ready, alive, reloading, stopping, and how it goes.

The protocol of sd_notify(3): datagrams of ``NAME=value`` lines to the socket in ``NOTIFY_SOCKET``. It is so small that
no library is needed for it.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_BUSY_SECONDS = 1.0
_SEND_SECONDS = 0.5  # systemd reads at once; a manager that hangs must not make a camera wait


class Notifier:
    """Tells systemd, where it listens; elsewhere every call does nothing.

    Args:
        environment: of the process; it may hold ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``RUNTIME_DIRECTORY``.

    Attributes:
        watchdog_seconds: after so long without :meth:`alive` systemd ends this program; None where it does not watch.

    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        place = environment.get("NOTIFY_SOCKET", "")
        # '@' stands for the null byte of Linux's abstract names; other families than AF_UNIX are for containers.
        self._address = "\0" + place[1:] if place.startswith("@") else place if place.startswith("/") else ""
        self._status = ""
        self._quiet = 0.0
        folder = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        self._frames = Path(folder) / "frames" if folder else None
        microseconds = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watched = ours and microseconds.isascii() and microseconds.isdecimal() and int(microseconds) > 0
        self.watchdog_seconds: float | None = int(microseconds) / 1e6 if watched else None

    def ready(self) -> None:
        """The start, or a reload, is over."""
        self._send("READY=1")

    def alive(self) -> None:
        """All is going on; to be told at least twice in ``watchdog_seconds``."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """The configuration is being read again; :meth:`ready` follows."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """How it goes, in one line, for ``systemctl status``; said once until it changes."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={' '.join(text.split())}")

    def frames(self, count: int) -> None:
        """How many frames were processed since the start: the proof that an update is waiting for.

        systemd has no place for figures, so it is a file in the memory that it gave this service.
        """
        if self._frames is None:
            return
        part = self._frames.with_name(".frames.part")
        with suppress(OSError):  # likewise
            part.write_text(str(count), "ascii")
            part.replace(self._frames)

    def busy(self, what: str, seconds: float) -> None:
        """Something takes long, and goes on: it is no reason to end this program; said once a second at most.

        Args:
            what: goes on.
            seconds: that it may take until it is told again.

        """
        now = time.monotonic()
        if now < self._quiet:
            return
        self._quiet = now + _BUSY_SECONDS
        self._status = what
        self._send(f"STATUS={' '.join(what.split())}\nEXTEND_TIMEOUT_USEC={round(seconds * 1e6)}\nWATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.settimeout(_SEND_SECONDS)
                line.connect(self._address)
                line.send(message.encode("utf-8", "replace"))
        except OSError:  # whoever watches has gone; that is no reason to stop reading
            return
