"""Where frames come from: one module a kind of source.

Recordings and pictures on disk (:mod:`edge_ocr.camera.files`) are read by the caller, every frame of them. A live
camera lives in a process of its own, which can be killed, and hands over its newest picture only: :func:`open_camera`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from edge_ocr.errors import SourceError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_ocr.clock import Clock
    from edge_ocr.tables import CameraSettings
    from edge_ocr.types import Frame

_SCHEMES = ("picamera2://", "rtsp://", "rtsps://", "http://", "https://", "fake://")


_DEVICES = ("/dev/video", "/dev/v4l/")


class Source(Protocol):
    """What frames come from: a camera, which gives its newest, or a recording, which gives every one."""

    @property
    def live(self) -> bool:
        """Whether it goes on by itself, and what is not taken is lost."""

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""

    @property
    def dropped(self) -> int:
        """How many frames were overwritten by newer ones before anyone took them."""

    @property
    def recoveries(self) -> Mapping[str, int]:
        """How often each rung of a camera's recovery ladder was climbed: 'reopen', 'restart', 'power_cycle'."""

    @property
    def trouble(self) -> str | None:
        """Why it gives no frames at the moment, while it is helped up again, in one line; None if all is well."""

    def latest(self, timeout: float) -> Frame | None:
        """The next frame to process: the newest that was not handed out yet, or the one after the last.

        A camera's recovery happens in here as well, so call it again and again, from one thread at a time; nothing else
        needs to be done about a camera in trouble.

        Args:
            timeout: seconds to wait for one, 0 to look only.

        Returns:
            The frame, or None if nothing new came in time, or nothing will come at all.

        Raises:
            SourceError: it cannot be read; CameraLost if the recovery ladder is exhausted.
            ValueError: timeout is negative, or the camera was closed.

        """

    def close(self) -> None:
        """Let go of it, within seconds; a second time does nothing."""


class Camera(Source, Protocol):
    """A live camera, which never ends by itself."""

    @property
    def name(self) -> str:
        """What its frames say as their ``source``."""

    def __enter__(self) -> Self:
        """The camera."""

    def __exit__(self, *_: object) -> None:
        """Close it."""


def is_live(source: str) -> bool:
    """Whether a source is a camera or a stream, and not a file, a folder or a glob."""
    return source.lower().startswith(_SCHEMES) or source.startswith(_DEVICES)


def open_camera(source: str, settings: CameraSettings, *, name: str, clock: Clock) -> Camera:
    """Start a live camera; returns at once, its first picture may take seconds.

    Args:
        source: as :func:`is_live` knows them.
        settings: of this camera; their ``name`` and ``source`` are not looked at.
        name: what its frames say as their ``source``.
        clock: for stamps and deadlines.

    Raises:
        SourceError: it is no live source.

    """
    if not is_live(source):
        raise SourceError(
            f"{printable(source)} is no camera; name a file, a folder, or one of {', '.join(_SCHEMES + _DEVICES)}"
        )
    # A camera's child imports this package too, and needs nothing of what the parent has to start children.
    from edge_ocr.camera.live import LiveCamera  # noqa: PLC0415

    return LiveCamera(source, settings, name=name, clock=clock)
