"""Any source as one thing to take frames from: cameras give their newest, recordings every one.

Whoever takes frames calls :meth:`Source.latest` again and again, which waits for a bounded time only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge_ocr.camera import Source, files, is_live, open_camera

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_ocr.clock import Clock
    from edge_ocr.tables import CameraSettings
    from edge_ocr.types import Frame


__all__ = ["Source", "open_source"]


def open_source(settings: CameraSettings, clock: Clock, *, name: str | None = None, realtime: bool = False) -> Source:
    """Open a camera, a stream, a recording, a folder or a glob.

    Args:
        settings: its ``source``, and for a camera all else.
        clock: for stamps and waits.
        name: what frames say that they come from; None for a recording's file, and for a camera its name.
        realtime: whether recordings give their frames when they are due, and not as soon as they are wanted.

    Raises:
        SourceError: it can be told at once that nothing is there.

    """
    if is_live(settings.source):
        return open_camera(settings.source, settings, name=name or settings.name, clock=clock)
    return _Recording(settings.source, clock, name=name, realtime=realtime)


class _Recording:
    live, dropped, trouble = False, 0, None
    recoveries: Mapping[str, int] = {}

    def __init__(self, path: str, clock: Clock, *, name: str | None, realtime: bool) -> None:
        self._frames: Iterator[Frame] = files.frames(path, start=clock.stamp())
        self._clock = clock
        self._name = name
        self._realtime = realtime
        self._next: Frame | None = None
        self.ended = False

    def latest(self, timeout: float) -> Frame | None:
        frame = self._next or next(self._frames, None)
        if frame is None:
            self.ended = True
            return None
        self._next = frame
        if self._realtime:
            early = frame.stamp.mono - self._clock.monotonic()
            self._clock.sleep(min(early, timeout))
            if early > timeout:
                return None
        self._next = None
        return frame if self._name is None else replace(frame, source=self._name)

    def close(self) -> None:
        self._frames = iter(())  # lets go of the generator, and that of the file
        self.ended = True
