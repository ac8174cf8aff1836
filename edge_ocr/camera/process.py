"""A camera's process, as its parent sees it: started, listened to, killed; every step bounded.

It is a new program, not a fork: it has none of the parent's memory and threads, and imports what its camera needs and
nothing else. What connects the two has no name in the file system (a memfd, an eventfd, pipes), and one pipe is there
for its end alone: when the parent dies, however it dies, the kernel sends the child SIGIO, which ends it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import select
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from edge_ocr.camera.job import CLOSE, REOPEN, Job, Word, shown
from edge_ocr.camera.slot import Slot

if TYPE_CHECKING:
    from edge_ocr.camera.slot import Picture

_KILL_SECONDS = 1.0
"""A killed process is gone at once, unless a driver holds it; then it is left behind and reaped later."""

_LAST_WORDS = 5  # lines of its standard error that are kept
_READ_AT_ONCE = 65_536
_ROOT = str(Path(__file__).parents[2])

_log = logging.getLogger(__name__)
_unreaped: list[subprocess.Popen[bytes]] = []
_reaping = Lock()  # each camera may have a thread


class Child(Protocol):
    """What :mod:`edge_ocr.camera.live` needs of a camera's process; for tests, something that plays one."""

    def take(self, after: int) -> Picture | None:
        """The newest picture with a number above ``after``, if there is one."""

    def words(self) -> list[Word]:
        """What it has said since it was last asked; the last word of all is "ended"."""

    def wait(self, seconds: float) -> None:
        """Sleep until there is a picture or a word, at most so long."""

    def reopen(self) -> None:
        """Have it open the camera again, after a "fault"."""

    def kill(self) -> None:
        """End it at once."""

    def close(self, seconds: float) -> None:
        """Have it close the camera and end; kill it if that takes longer."""


class Process:
    """A real one.

    Args:
        job: what it is to open.
        name: shown in lists of processes.

    Raises:
        OSError: the machine has no room for another process.

    """

    def __init__(self, job: Job, name: str) -> None:
        _reap()
        self._said = b""
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._heard_all = self._ended = False
        theirs: list[int] = []
        self._files: list[int] = []
        self._slot, memory = Slot.make()
        theirs.append(memory)
        try:
            self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._files.append(self._bell)
            self._ears, mouth = self._pipe(theirs)
            life, self._lifeline = os.pipe()
            theirs.append(life)
            self._files.append(self._lifeline)
            self._errors, errors = self._pipe(theirs)
            _never_blocks(errors)
            orders, self._orders = os.pipe()
            theirs.append(orders)
            self._files.append(self._orders)
            passed = (memory, self._bell, mouth, life)
            self._popen = subprocess.Popen(  # noqa: S603 -- this program itself, with arguments of its own
                [sys.executable, "-m", "edge_ocr.camera.child", name, *map(str, passed)],
                stdin=orders,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=passed,
                env=_environment(),
            )
        except BaseException:
            self._let_go()
            raise
        finally:
            for file in theirs:
                os.close(file)
        self._tell(f"{job.line()}\n".encode())
        self._poll = select.poll()
        for file in (self._bell, self._ears):
            self._poll.register(file, select.POLLIN)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._popen.pid

    def take(self, after: int) -> Picture | None:
        """The newest picture with a number above ``after``, if there is one."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        return self._slot.read(after)

    def words(self) -> list[Word]:
        """What it has said since it was last asked; the last word of all is "ended"."""
        self._listen()
        lines = self._said.split(b"\n")
        self._said = lines.pop()[-_READ_AT_ONCE:]
        words = [word for word in map(Word.parse, lines) if word is not None]
        if not self._ended and self._heard_all:
            self._ended = True
            self._poll.unregister(self._ears)
            words.append(Word("ended", self._obituary()))
        return words

    def wait(self, seconds: float) -> None:
        """Sleep until there is a picture or a word, at most so long."""
        self._poll.poll(max(0.0, seconds) * 1000)

    def reopen(self) -> None:
        """Have it open the camera again, after a "fault"."""
        self._tell(REOPEN)

    def kill(self) -> None:
        """End it at once."""
        self._popen.kill()
        self._wait_for_end(_KILL_SECONDS)
        self._bury()

    def close(self, seconds: float) -> None:
        """Have it close the camera and end; kill it if that takes longer."""
        self._popen.send_signal(CLOSE)
        if not self._wait_for_end(seconds):
            _log.info("process %d does not close its camera within %g s and is killed", self.pid, seconds)
            self._popen.kill()
            self._wait_for_end(_KILL_SECONDS)
        self._bury()

    def _pipe(self, theirs: list[int]) -> tuple[int, int]:
        """A pipe from the child: our end, which never blocks, and theirs."""
        ours, other = os.pipe()
        self._files.append(ours)
        theirs.append(other)
        _never_blocks(ours)
        return ours, other

    def _tell(self, line: bytes) -> None:
        with suppress(BrokenPipeError):  # it is gone; its last word says so
            os.write(self._orders, line)

    def _listen(self) -> None:
        """Read what there is on both pipes."""
        heard = _read(self._ears)
        self._said += heard or b""
        self._heard_all = heard is None
        cried = (_read(self._errors) or b"").decode("utf-8", "replace")
        self._last_words.extend(shown(line.strip()) for line in cried.splitlines() if line.strip())

    def _obituary(self) -> str:
        self._wait_for_end(_KILL_SECONDS)
        code = self._popen.returncode
        how = "hangs" if code is None else f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        last = f"; its last words: {' / '.join(self._last_words)}" if self._last_words else ""
        return f"the camera's process {how}{last}"

    def _wait_for_end(self, seconds: float) -> bool:
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _bury(self) -> None:
        """Let go of everything that was shared with it; what cannot be reaped yet is remembered."""
        if self._popen.poll() is None:
            _log.warning(
                "process %d was killed and does not end; a driver holds it, or the machine has no time", self.pid
            )
            with _reaping:
                _unreaped.append(self._popen)
        self._let_go()

    def _let_go(self) -> None:
        self._slot.close()
        while self._files:
            os.close(self._files.pop())


def _reap() -> None:
    with _reaping:
        _unreaped[:] = [popen for popen in _unreaped if popen.poll() is None]


def _never_blocks(file: int) -> None:
    fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_NONBLOCK)


def _read(file: int) -> bytes | None:
    """What a pipe holds; None at its end."""
    try:
        return os.read(file, _READ_AT_ONCE) or None
    except BlockingIOError:
        return b""


def _environment() -> dict[str, str]:
    """The parent's, with this package where the child looks for packages, and one thread for each library."""
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
