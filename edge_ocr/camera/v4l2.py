"""USB cameras, and others that the kernel knows as /dev/videoN, through OpenCV's V4L2 backend."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_ocr.camera.holders import holders
from edge_ocr.camera.slot import boot_nanoseconds
from edge_ocr.errors import SourceError, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_ocr.camera.grab import Take
    from edge_ocr.tables import CameraSettings

_QUERYCAP = 0x80685600  # VIDIOC_QUERYCAP (linux/videodev2.h)
_CAPABILITY = struct.Struct("16s32s32s3I12x")  # struct v4l2_capability: driver, card, bus, version, what it can do (2)
_CAPTURE = 0x00000001 | 0x00001000  # V4L2_CAP_VIDEO_CAPTURE, with one plane or several
_DEVICE_CAPS = 0x80000000  # V4L2_CAP_DEVICE_CAPS: the last field says what this node does, not the whole device
_SHARE = 0.6  # of the deadline: what is left lets the camera be opened again before the parent loses patience
_TIMEOUT = "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"  # whole seconds; OpenCV reads it when it is loaded


class V4l2Grabber:
    """One such camera.

    Args:
        source: the device, such as "/dev/video0".
        settings: ``width``, ``height`` and ``fps`` are wishes; the driver takes what is nearest.
        capture: (path, timeout in seconds) -> an open cv2.VideoCapture; None for the real one.

    Raises:
        SourceError: there is no such camera, it may not be opened, or somebody else has it.

    """

    upright = False

    def __init__(
        self, source: str, settings: CameraSettings, *, capture: Callable[[str, float], Any] | None = None
    ) -> None:
        self._source = printable(source)
        card = _card(source)
        self._capture = (capture or _opened)(source, settings.deadline_seconds)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(_refused(source))
        import cv2  # noqa: PLC0415 -- after its timeout is set

        if settings.width and settings.height and settings.width * settings.height >= 640 * 480:
            # Uncompressed, USB 2 carries no more than a few pictures of that size a second.
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        wishes = {
            cv2.CAP_PROP_FRAME_WIDTH: settings.width,
            cv2.CAP_PROP_FRAME_HEIGHT: settings.height,
            cv2.CAP_PROP_FPS: settings.fps,
        }
        for wish, value in wishes.items():
            if value is not None:
                self._capture.set(wish, value)
        width, height, fps, code = (self._capture.get(key) for key in (*wishes, cv2.CAP_PROP_FOURCC))
        self._when = cv2.CAP_PROP_POS_MSEC
        letters = int(code).to_bytes(4, "little", signed=False).decode("ascii", "replace").strip("\0 ")
        self.told = f"{card}: {width:.0f}x{height:.0f} {letters}, {fps:g} a second"

    def read(self, seconds: float, take: Take) -> None:  # noqa: ARG002 -- OpenCV has its timeout from the environment
        """The next picture."""
        began = time.monotonic()
        if not self._capture.grab():
            gone = not Path(self._source).exists()
            what = "was unplugged" if gone else f"gave no picture for {time.monotonic() - began:.1f} s"
            raise SourceError(f"{self._source} {what}; check the cable and the power of the USB port")
        taken_at = _boot_time(self._capture.get(self._when))
        good, image = self._capture.retrieve()
        if not good or image is None:
            raise ValueError("the picture cannot be decoded")
        take(image, None, taken_at)

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


def _opened(source: str, seconds: float) -> Any:
    os.environ[_TIMEOUT] = str(max(1, int(_SHARE * seconds)))
    import cv2  # noqa: PLC0415 -- after its timeout is set

    cv2.setNumThreads(1)
    return cv2.VideoCapture(source, cv2.CAP_V4L2)


def _card(source: str) -> str:
    """What the camera calls itself; OpenCV would only say that it does not open."""
    try:
        file = os.open(source, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(_unopened(source, error)) from error
    try:
        told = _CAPABILITY.unpack(fcntl.ioctl(file, _QUERYCAP, bytes(_CAPABILITY.size)))
    except OSError as error:
        raise SourceError(f"{printable(source)} is no camera; {_known()}") from error
    finally:
        os.close(file)
    does = told[5] if told[4] & _DEVICE_CAPS else told[4]
    if not does & _CAPTURE:
        raise SourceError(f"{printable(source)} is no camera but another part of one, or a codec; {_known()}")
    return printable(told[1].split(b"\0")[0].decode("utf-8", "replace"))


def _unopened(source: str, error: OSError) -> str:
    cures = {
        errno.ENOENT: f"no such device; {_known()}",
        errno.ENODEV: "the device was unplugged; plug it in again",
        errno.ENXIO: "the device was unplugged; plug it in again",
        errno.EACCES: "no permission; add the user to the group video ('sudo usermod -aG video NAME'), log in anew",
        errno.EPERM: "no permission; the service's DeviceAllow= must have it",
        errno.EBUSY: f"it is in use{holders(source)}; close the other program",
    }
    return f"{printable(source)}: {cures.get(error.errno or 0, f'{error.strerror}; check the camera')}"


def _refused(source: str) -> str:
    return f"{printable(source)} does not open: it is in use{holders(source)}, or not ready; close the other program"


def _known() -> str:
    names = sorted(str(path) for path in Path("/dev").glob("video*"))
    if not names:
        return "this machine has no /dev/video*; plug a camera in, and see 'dmesg'"
    return f"there are {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"


def _boot_time(milliseconds: float) -> int | None:
    """A buffer's time, which V4L2 takes from CLOCK_MONOTONIC, by CLOCK_BOOTTIME; None if there is none."""
    if milliseconds <= 0:
        return None
    return int(milliseconds * 1e6) + boot_nanoseconds() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
