"""Any source as one thing to take frames from: cameras give their newest, recordings every one.

Whoever takes frames calls :meth:`Source.latest` again and again, which waits for a bounded time only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from edge_ocr.camera import files, is_live, open_camera

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_ocr.camera import Camera
    from edge_ocr.clock import Clock
    from edge_ocr.tables import CameraSettings
    from edge_ocr.types import Frame


class Source(Protocol):
    """What frames come from."""

    @property
    def live(self) -> bool:
        """Whether it goes on by itself, and what is not taken is lost."""

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""

    @property
    def dropped(self) -> int:
        """How many frames were lost because newer ones came before they were taken."""

    @property
    def recoveries(self) -> Mapping[str, int]:
        """How often each rung of a camera's recovery ladder was climbed."""

    @property
    def trouble(self) -> str | None:
        """Why a camera gives no frames at the moment, while it is helped up again; None if all is well."""

    def latest(self, timeout: float) -> Frame | None:
        """The next frame to process.

        Args:
            timeout: seconds to wait for one.

        Returns:
            The frame, or None if there was none in time, or will be none at all.

        Raises:
            SourceError: it cannot be read; CameraLost if nothing helped.

        """

    def close(self) -> None:
        """Let go of it, within seconds; a second time does nothing."""


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
        return _Live(open_camera(settings.source, settings, name=name or settings.name, clock=clock))
    return _Recording(settings.source, clock, name=name, realtime=realtime)


class _Live:
    live, ended = True, False

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    @property
    def dropped(self) -> int:
        return self._camera.dropped

    @property
    def recoveries(self) -> Mapping[str, int]:
        return self._camera.recoveries

    @property
    def trouble(self) -> str | None:
        return self._camera.trouble

    def latest(self, timeout: float) -> Frame | None:
        return self._camera.latest(timeout)

    def close(self) -> None:
        self._camera.close()


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
