"""Cameras on the network: RTSP, and MJPEG over HTTP, through OpenCV's FFmpeg backend.

What arrives is read at once, whoever is slow further on: the process has nothing else to do, so a stream never falls
behind. FFmpeg says only that it failed; :mod:`edge_ocr.camera.inquiry` finds out why.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from edge_ocr.camera.grab import HopelessError
from edge_ocr.camera.inquiry import reason
from edge_ocr.camera.job import shown
from edge_ocr.camera.slot import boot_nanoseconds
from edge_ocr.errors import SourceError

if TYPE_CHECKING:
    from edge_ocr.camera.grab import Take
    from edge_ocr.tables import CameraSettings

_MOST_OPEN_SECONDS, _MOST_INQUIRY_SECONDS = 10.0, 3.0
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


class StreamGrabber:
    """One such camera.

    Args:
        source: "rtsp://...", "rtsps://...", "http://..." or "https://...".
        settings: ``fps`` thins the stream; ``username``, ``password_file`` and ``transport`` count.

    Raises:
        HopelessError: the address makes no sense, or the file of the password cannot be read.
        SourceError: the stream cannot be opened; the message says why.

    """

    upright = False

    def __init__(self, source: str, settings: CameraSettings) -> None:
        self._address = address(source, settings)
        open_seconds = min(_MOST_OPEN_SECONDS, settings.open_seconds)
        self._capture = _opened(self._address, settings, open_seconds)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(f"{shown(source)}: {reason(self._address, min(_MOST_INQUIRY_SECONDS, open_seconds))}")
        import cv2  # noqa: PLC0415 -- after its options are set

        width, height, fps, code = (
            self._capture.get(key)
            for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FOURCC)
        )
        letters = int(code).to_bytes(4, "little").decode("ascii", "replace").strip("\0 ")
        self.told = f"{width:.0f}x{height:.0f} {letters}, {fps:g} a second"
        # A little early, or a stream of nearly the wanted rate would lose every second picture.
        self._period = 0.9 / settings.fps if settings.fps else 0.0
        self._due = 0.0

    def read(self, seconds: float, take: Take) -> None:
        """The next picture that is wanted; those between are read and left out."""
        end = time.monotonic() + seconds
        while True:
            if not self._capture.grab():
                raise SourceError(f"{shown(self._address)}: the stream has ended or stands still; see the camera")
            now = time.monotonic()
            if now >= self._due:
                break
            if now > end:
                raise SourceError(f"{shown(self._address)}: no picture for {seconds:.1f} s; see the camera")
        arrived = boot_nanoseconds()
        self._due = now + self._period
        good, image = self._capture.retrieve()
        if not good or image is None:
            raise ValueError("the picture cannot be decoded")
        take(image, None, arrived)

    def close(self) -> None:
        """Let go of the connection."""
        self._capture.release()


def address(source: str, settings: CameraSettings) -> str:
    """The source with the login of the settings in it, as FFmpeg wants it.

    Raises:
        HopelessError: the address makes no sense, or the file of the password cannot be read.

    """
    try:
        parts = urlsplit(source)
        port = parts.port
    except ValueError as error:
        raise HopelessError(f"{shown(source)} is no address ({error}); write it as 'rtsp://host:554/path'") from error
    if not parts.hostname or port == 0:
        raise HopelessError(f"{shown(source)} names no host; write it as 'rtsp://host:554/path'")
    if settings.username is None:
        return source
    password = ""
    if settings.password_file is not None:
        try:
            password = settings.password_file.read_text("utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not UTF-8"
            what = f"the password file {settings.password_file}: {why}"
            raise HopelessError(f"{what}; see its name and rights") from error
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(settings.username, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{place}"))


def _opened(where: str, settings: CameraSettings, open_seconds: float) -> Any:
    options = {"fflags": "nobuffer", "flags": "low_delay"}
    if where.startswith("rtsp"):
        options["rtsp_transport"] = settings.transport
    os.environ[_OPTIONS] = "|".join(f"{key};{value}" for key, value in options.items())
    import cv2  # noqa: PLC0415 -- after its options are set

    cv2.setNumThreads(1)
    limits = {
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: int(open_seconds * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC: max(100, int(settings.deadline_seconds * 500)),
        cv2.CAP_PROP_N_THREADS: 1,  # each further one holds a picture back
    }
    return cv2.VideoCapture(where, cv2.CAP_FFMPEG, [number for limit in limits.items() for number in limit])
