"""Logs that a journal understands and that cannot fill it: a priority and one line a record, few of each kind.

systemd reads ``<N>`` at the beginning of a line as its priority (sd-daemon(3)).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge_ocr.errors import printable

if TYPE_CHECKING:
    from edge_ocr.clock import Clock

_MOST_KINDS = 1000  # that are remembered; beyond, all are forgotten


class OneLine(logging.Formatter):
    """What a record and its exception say, on one line, without the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        error = record.exc_info[1] if record.exc_info else None
        cause = "" if error is None else f" ({type(error).__name__}: {error})"
        return printable(f"edge-ocr: {record.getMessage()}{cause}")


class Journal(OneLine):
    """The same with the priority before it, and who speaks in the place of the program, whom the journal knows."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = super().format(record).removeprefix("edge-ocr: ")
        return f"<{_priority(record.levelno)}>{record.name.removeprefix('edge_ocr.')}: {said}"


class RateLimit(logging.Filter):
    """Lets a few records of each kind through and counts the rest: the next one that passes tells how many.

    Args:
        clock: for the spans.
        most: records of a kind in a span. One kind is what one line of the program says, whatever it fills in.
        seconds: of a span.

    """

    def __init__(self, clock: Clock, *, most: int = 5, seconds: float = 60.0) -> None:
        super().__init__()
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record passes."""
        now, kind = self._clock.monotonic(), (record.pathname, record.lineno)
        start, count = self._seen.get(kind, (now, 0))
        held = 0
        if now - start >= self._seconds:
            held, start, count = max(0, count - self._most), now, 0
        if len(self._seen) >= _MOST_KINDS:
            self._seen.clear()
        self._seen[kind] = start, count + 1
        if held:
            record.msg = f"{record.getMessage()} ({held} more like it were not told)"
            record.args = ()
        return count < self._most


def _priority(level: int) -> int:
    """The syslog priority of a level of Python."""
    for least, priority in ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6)):
        if level >= least:
            return priority
    return 7
