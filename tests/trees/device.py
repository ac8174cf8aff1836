"""A device to try things on: a tree of Debian in which systemd runs, on a disk as small as said, to be switched off.

Needs root, and Debian's packages mmdebstrap and systemd-container. Nothing outside can be reached from it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-ocr" / "trees"
PATIENCE = 120.0
"""Seconds for anything to happen."""


class Device:
    """One, switched off at first.

    Args:
        folder: to lay it out in; gets ``console``, what it says.
        suite: of Debian, laid out by lay.sh.
        megabytes: of its disk, which is in memory.

    """

    def __init__(self, folder: Path, suite: str, megabytes: int) -> None:
        self.tree = folder / "tree"
        self.tree.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", self.tree)
        run("tar", "-xf", CACHE / f"{suite}.tar", "-C", self.tree)
        self._console = (folder / "console").open("wb")
        self._process: subprocess.Popen[bytes] | None = None

    def boot(self) -> None:
        """Switch it on."""
        words = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe"]
        self._process = subprocess.Popen(
            [*words, f"--machine=edge-ocr-{os.getpid()}", "-D", self.tree, "/lib/systemd/systemd"],
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=self._console,
        )
        until("systemd is up", lambda: self.says("systemctl", "is-system-running") in {"running", "degraded"})

    def cut(self) -> None:
        """Switch it off without a word to anybody in it."""
        process = self._on()
        os.kill(self._first(), signal.SIGKILL)
        process.wait(30)

    def do(self, *words: str | Path) -> str:
        """Run a command in it; what it says.

        Raises:
            SystemExit: it failed.

        """
        done = self._within(words)
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, words))}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def says(self, *words: str | Path) -> str:
        """Run a command in it, whether it fails or not; what it says."""
        try:
            return self._within(words).stdout.strip()
        except (LookupError, FileNotFoundError):  # not quite on, or not any more
            return ""

    def close(self) -> None:
        """Switch it off, and leave nothing of it behind."""
        if self._process is not None and self._process.poll() is None:
            self.cut()
        self._console.close()
        run("umount", self.tree)

    def _within(self, words: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", "--target", str(self._first()), "--mount", "--uts", "--ipc", "--net", "--pid"]
        return subprocess.run([*enter, *words], capture_output=True, text=True, timeout=600, check=False)

    def _first(self) -> int:
        """The process of its systemd."""
        pid = self._on().pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        if not children:
            raise LookupError("the device is not on yet")
        return int(children[0])

    def _on(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise LookupError("the device was never switched on")
        return self._process


def run(*words: str | Path) -> str:
    """A command of this machine; what it says."""
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=600).stdout


def until(what: str, ask: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for something to be so.

    Raises:
        SystemExit: it is not, after so long.

    """
    end = time.monotonic() + seconds
    while not ask():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.5)
