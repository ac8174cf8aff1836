"""How much was written to the disk, as the kernel counts it: what flash memory dies of."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_COUNTERS = Path("/proc/thread-self/io")


class Wear:
    """What the store has written since it was opened.

    Attributes:
        events: recorded.
        bytes: sent to the disk, in whole pages; 0 where the kernel does not count, and on file systems in memory.

    """

    def __init__(self) -> None:
        self.events = 0
        self.bytes = 0

    @property
    def per_event(self) -> float:
        """Bytes an event; 0 before the first."""
        return self.bytes / self.events if self.events else 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Count what this thread writes inside."""
        before = written()
        try:
            yield
        finally:
            self.bytes += written() - before


def written() -> int:
    """Bytes that this thread caused to be sent to a disk, since it began; 0 where the kernel does not say."""
    try:
        lines = _COUNTERS.read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("write_bytes:")), 0)
