"""Recordings at the pace at which they were made, as a camera would give them, but without losing a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_ocr.clock import Clock
    from edge_ocr.types import Frame


def realtime(frames: Iterable[Frame], clock: Clock) -> Iterator[Frame]:
    """Hold each frame back until its time has come.

    Whoever is too slow gets frames late, but all of them; their stamps go on telling when they were due, so how late a
    result is can be seen.

    Args:
        frames: stamped by ``clock``'s monotonic time, as :func:`edge_ocr.camera.files.frames` does from a start of now.
        clock: is asked for the time, and sleeps.

    """
    for frame in frames:
        clock.sleep(frame.stamp.mono - clock.monotonic())
        yield frame
