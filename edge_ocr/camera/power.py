"""The operator's command that takes a camera's power away and gives it back: run once, bounded, without waiting."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_ocr.clock import Clock
    from edge_ocr.tables import RecoverySettings

_KILL_SECONDS = 1.0


class Power:
    """The command, started.

    Args:
        settings: ``power_cycle`` and ``power_cycle_seconds`` count.
        clock: for the deadline.

    Attributes:
        until: monotonic seconds when it must have ended.

    """

    def __init__(self, settings: RecoverySettings, clock: Clock) -> None:
        self._clock = clock
        self._command = settings.power_cycle or ""
        self._seconds = settings.power_cycle_seconds
        self.until = clock.monotonic() + self._seconds
        self._failed: str | None = None
        self._popen: subprocess.Popen[bytes] | None = None
        try:
            # No shell: the words are the command and its arguments. Its own group, so that all of it can be ended.
            self._popen = subprocess.Popen(  # noqa: S603 -- the operator's command, from their configuration
                shlex.split(self._command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
            )
        except (OSError, ValueError) as error:
            self._failed = f"the power_cycle command {self._command!r} cannot be run ({error}); correct it"

    def done(self) -> str | None:
        """None while it runs; "" if it went well, or what was wrong. It is ended when its time is up."""
        if self._popen is None:
            return self._failed
        code = self._popen.poll()
        if code is None and self._clock.monotonic() < self.until:
            return None
        if code is None:
            self.stop()
            return f"the power_cycle command took longer than {self._seconds:g} s and was ended; correct it"
        return "" if code == 0 else f"the power_cycle command ended with status {code}; try it by hand"

    def stop(self) -> None:
        """End it."""
        if self._popen is not None and self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):  # a driver holds it; it is reaped with the next process
                self._popen.wait(_KILL_SECONDS)
