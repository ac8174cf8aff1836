"""What a Raspberry Pi's firmware says of power and heat, asked seldom: its tool costs a process, and may hang."""

from __future__ import annotations

import subprocess
import time
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_EVERY_SECONDS = 5.0  # one answer is good for so long, for all cameras and pages together
_PATIENCE_SECONDS = 1.0  # it answers in milliseconds; whoever asks waits for no longer
_REST_SECONDS = 600.0  # after it hung: what waits for it are the cameras' threads


class Firmware:
    """The bits of ``get_throttled``; any thread may ask.

    Args:
        root: where ``sys`` and ``usr`` are looked for.
        now: monotonic seconds.

    """

    def __init__(self, root: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._file = root / "sys/devices/platform/soc/soc:firmware/get_throttled"
        self._tool = root / "usr/bin/vcgencmd"
        self._now = now
        self._lock = Lock()
        self._due = now()
        self._said: int | None = None
        self._stuck: subprocess.Popen[bytes] | None = None

    def throttled(self) -> int | None:
        """The bits, at most some seconds old; None on other machines.

        On some kernels the file always says 0 while the firmware's own tool does not: what either says counts.
        """
        said = [self._read(), self._asked()]
        bits = [value for value in said if value is not None]
        return None if not bits else bits[0] | bits[-1]

    def _read(self) -> int | None:
        try:
            return _hexadecimal(self._file.read_text("ascii", "replace"))
        except OSError:
            return None

    def _asked(self) -> int | None:
        """What the tool says; its last answer while another thread asks it, and nothing while it hangs."""
        if not self._lock.acquire(blocking=False):
            return self._said
        try:
            if self._now() >= self._due:
                self._due = self._now() + _EVERY_SECONDS
                self._said = self._run()
        finally:
            self._lock.release()
        return self._said

    def _run(self) -> int | None:
        if not self._tool.exists():
            return None
        if self._stuck is not None and self._stuck.poll() is None:  # not even SIGKILL ends what waits in the kernel
            self._due = self._now() + _REST_SECONDS
            return None
        self._stuck = None
        try:
            # The path is the system's own, and nothing of it comes from outside.
            asked = subprocess.Popen(  # noqa: S603
                [self._tool, "get_throttled"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return None
        try:
            said, _ = asked.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._due = self._now() + _REST_SECONDS
            self._end(asked)
            return None
        return _hexadecimal(said.decode("ascii", "replace").partition("=")[2])

    def _end(self, asked: subprocess.Popen[bytes]) -> None:
        asked.kill()
        if asked.stdout is not None:
            asked.stdout.close()
        try:
            asked.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._stuck = asked


@cache
def firmware(root: Path) -> Firmware:
    """The one of this machine, which all parts of a program share."""
    return Firmware(root)


def _hexadecimal(said: str) -> int | None:
    try:
        return int(said.strip(), 16)
    except ValueError:
        return None
