"""The last hour of some figures, for small plots: as many numbers as a plot has pixels."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.health import Snapshot
    from edge_ocr.live import Seen

EVERY = 15.0
"""Seconds between two points."""

_POINTS = 240  # an hour


@dataclass(frozen=True, slots=True)
class Point:
    """Some figures at one moment; None where nobody knows.

    Attributes:
        frames: a second, of all cameras, since the point before.
        latency: of the slowest camera, in seconds.
        temperature: degrees Celsius.
        memory: of this process, in MB.
        disk: free, in GB.

    """

    frames: float | None
    latency: float | None
    temperature: float | None
    memory: float | None
    disk: float | None


class History:
    """Takes a point now and then."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=_POINTS)
        self._before: tuple[float, dict[str, int]] | None = None

    @property
    def points(self) -> Sequence[Point]:
        """The oldest first."""
        return tuple(self._points)

    def take(self, snapshot: Snapshot, cameras: dict[str, Seen], now: float) -> None:
        """Add a point.

        Args:
            snapshot: how everything is.
            cameras: what is seen of each.
            now: monotonic seconds.

        """
        figures = {sample.name: sample.value for sample in snapshot.samples if not sample.labels}
        frames = {name: seen.frames for name, seen in cameras.items()}
        rate = None
        if self._before is not None and now > self._before[0]:
            then, counted = self._before
            rate = sum(max(0, count - counted.get(name, 0)) for name, count in frames.items()) / (now - then)
        self._before = now, frames
        memory, disk = figures.get("resident_bytes"), figures.get("disk_free_bytes")
        self._points.append(
            Point(
                frames=rate,
                latency=max((seen.latency for seen in cameras.values()), default=None),
                temperature=figures.get("temperature_celsius"),
                memory=None if memory is None else memory / 1e6,
                disk=None if disk is None else disk / 1e9,
            )
        )


def plot(values: Sequence[float | None], width: int = 240, height: int = 48) -> str:
    """The ``points`` of SVG polylines, parted by '|' where values are missing.

    Time runs to the right and fills the width, 0 is below.
    """
    known = [value for value in values if value is not None]
    top = max([*known, 0.0]) * 1.1 or 1.0
    parts: list[list[str]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            parts.append([])
            continue
        x, y = width * number / max(1, len(values) - 1), height * (1 - max(0.0, value) / top)
        parts[-1].append(f"{x:.1f},{y:.1f}")
    return "|".join(" ".join(part) for part in parts if part)
