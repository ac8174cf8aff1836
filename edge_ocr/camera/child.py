"""The program that has a camera: opens it, writes every picture into the slot, says what happens, obeys.

    python -m edge_ocr.camera.child NAME MEMORY BELL MOUTH LIFELINE

The arguments are descriptors that it inherits from :mod:`edge_ocr.camera.process`; the job comes as the first line of
the standard input, commands after it. It never decides what to try next: after a fault it lets go of the camera, says
so, and waits to be told, or killed.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NoReturn, Protocol

from edge_ocr.camera.grab import HopelessError
from edge_ocr.camera.job import CLOSE, REOPEN, Job, Word
from edge_ocr.camera.slot import Slot, boot_nanoseconds
from edge_ocr.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from edge_ocr.camera.grab import Grabber
    from edge_ocr.tables import CameraSettings
    from edge_ocr.types import Image

_SHARE = 0.7
"""Of the deadline: what is left lets a camera be opened again here before the parent loses patience."""

_OLDEST, _NEWEST = 10_000_000_000, -50_000_000
"""Nanoseconds ago that a sensor's time may lie; beyond, its clock is another one, and the arrival counts."""


class Port(Protocol):
    """The way to the parent."""

    def write(self, image: Image, luma: NDArray[np.uint8] | None, taken_at: int) -> None:
        """Hand over a picture; ValueError if it is none."""

    def say(self, word: Word) -> None:
        """Tell something."""

    def command(self) -> bytes:
        """Wait for the next command; empty when the parent has gone."""


class Pipes:
    """The real way.

    Args:
        memory: descriptor of the slot.
        bell: eventfd that wakes the parent.
        mouth: pipe for words.

    """

    def __init__(self, memory: int, bell: int, mouth: int) -> None:
        self._slot = Slot(memory)
        self._bell = bell
        self._mouth = mouth

    def write(self, image: Image, luma: NDArray[np.uint8] | None, taken_at: int) -> None:
        """Hand over a picture; ValueError if it is none."""
        self._slot.write(image, luma, taken_at)
        with suppress(BlockingIOError):  # it has rung 2^64 times and was not heard
            os.eventfd_write(self._bell, 1)

    def say(self, word: Word) -> None:
        """Tell something."""
        os.write(self._mouth, word.line())

    def command(self) -> bytes:
        """Wait for the next command; empty when the parent has gone."""
        return sys.stdin.buffer.readline()


def main(arguments: list[str]) -> None:
    """Serve the parent until it has had enough, or has gone."""
    files = [int(argument) for argument in arguments[1:]]
    for file in files:
        os.set_inheritable(file, False)  # noqa: FBT003 -- takes nothing by name
    memory, bell, mouth, life = files
    _end_with(life)
    for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sent, signal.SIG_IGN)  # sent to all of a service; the parent has it too, and ends this in order
    signal.signal(CLOSE, _end)
    serve(Job.parse(sys.stdin.buffer.readline().decode()), Pipes(memory, bell, mouth), open_grabber)


def serve(job: Job, port: Port, opener: Callable[[Job], Grabber]) -> None:
    """Open the camera and write its pictures; after a fault, wait to be told to open it again."""
    while True:
        try:
            with closing(opener(job)) as grabber:
                port.say(Word("opened", grabber.told))
                _pictures(grabber, job.settings, port)
        except HopelessError as error:
            port.say(Word("hopeless", str(error)))
        except SourceError as error:
            port.say(Word("fault", str(error)))
        except Exception as error:  # noqa: BLE001 -- whatever a camera's library raises, the parent decides what follows
            said = " ".join(str(error).split())
            port.say(Word("fault", f"{type(error).__name__}: {said}; see whether another program can use the camera"))
        if port.command() != REOPEN:
            return


def open_grabber(job: Job) -> Grabber:
    """The camera that a source names.

    Raises:
        SourceError: it cannot be opened; the message says why, and the cure.

    """
    # Each kind brings its own library, and some take seconds to load on a small board.
    scheme = job.source.partition("://")[0].lower()
    if scheme == "picamera2":
        from edge_ocr.camera.picamera import PicameraGrabber  # noqa: PLC0415

        return PicameraGrabber(job.source, job.settings)
    if scheme == "fake":
        from edge_ocr.camera.fake import FakeGrabber  # noqa: PLC0415

        return FakeGrabber(job.source, job.settings)
    if scheme in {"rtsp", "rtsps", "http", "https"}:
        from edge_ocr.camera.stream import StreamGrabber  # noqa: PLC0415

        return StreamGrabber(job.source, job.settings)
    from edge_ocr.camera.v4l2 import V4l2Grabber  # noqa: PLC0415

    return V4l2Grabber(job.source, job.settings)


def _pictures(grabber: Grabber, settings: CameraSettings, port: Port) -> NoReturn:
    patience = _SHARE * settings.deadline_seconds
    turn = _straight if grabber.upright else _turned(settings)
    garbage = 0  # in a row
    told = False
    good = time.monotonic()

    def take(image: Image, luma: NDArray[np.uint8] | None, taken_at: int | None) -> None:
        nonlocal good
        port.write(turn(image), None if luma is None else turn(luma), _plausible(taken_at))
        good = time.monotonic()

    while True:
        try:
            grabber.read(patience, take)
        except ValueError as error:
            garbage += 1
            if not told:
                told = True
                port.say(Word("note", f"sends garbage ({error}); such pictures are left out"))
        else:
            garbage = 0
        if time.monotonic() - good > patience:
            what = f"{garbage} pictures in a row were garbage" if garbage else "no picture"
            raise SourceError(f"{what} for {patience:.1f} s; check the cable and the camera")


def _plausible(taken_at: int | None) -> int:
    now = boot_nanoseconds()
    return now if taken_at is None or not _NEWEST <= now - taken_at <= _OLDEST else taken_at


def _straight(image: Image) -> Image:
    return image


def _turned(settings: CameraSettings) -> Callable[[Image], Image]:
    """What brings a picture upright."""
    if not settings.rotate and settings.flip == "none":
        return _straight
    import cv2  # noqa: PLC0415 -- a camera that hangs straight does not need it
    import numpy as np  # noqa: PLC0415

    rotation = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
    code = rotation.get(settings.rotate)
    flip = {"horizontal": 1, "vertical": 0, "both": -1}.get(settings.flip)

    def turn(image: Image) -> Image:
        turned = image if code is None else np.asarray(cv2.rotate(image, code), np.uint8)
        return turned if flip is None else np.asarray(cv2.flip(turned, flip), np.uint8)

    return turn


def _end_with(life: int) -> None:
    """Die with the parent: when the other end of this pipe is closed, SIGIO comes, whose default is death (fcntl(2)).

    The kernel does that even while a driver or library never returns to Python.
    """
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([life], [], [], 0)[0]:  # it had gone before
        raise SystemExit


def _end(*_: object) -> NoReturn:
    raise SystemExit


if __name__ == "__main__":
    main(sys.argv[1:])
