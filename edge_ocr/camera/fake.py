"""A camera that is none: moving pictures and faults on command, to try out what a program does when a camera fails.

    fake://                                   something that moves over noise
    fake:///srv/pictures                      the pictures of a folder, in turn (or one file, or a glob)
    fake://?script=run:100,freeze             a hundred good pictures, then nothing any more
    fake://?commands=/run/edge-ocr/fault      write a step such as "garbage:20" into that file, and it happens
    fake://?pace=off                          as fast as they can be made

A script is a list of steps, repeated from its beginning:

    run:N          N good pictures            freeze:S     hangs for S seconds; without S for ever
    garbage:N      N pictures that are none   slow:N       N pictures at a tenth of the rate
    size:WxH       another size from now on   unplug       fails, and can be opened again
    die            the process kills itself   deaf:S       hangs without letting Python run, for S seconds
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from edge_ocr.camera.grab import HopelessError
from edge_ocr.camera.slot import boot_nanoseconds
from edge_ocr.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_ocr.camera.grab import Take
    from edge_ocr.tables import CameraSettings
    from edge_ocr.types import Image

_WIDTH, _HEIGHT, _FPS = 640, 480, 15.0
_SLOWNESS = 10
_FOR_EVER = 1e9  # seconds
_COUNTED = {"run", "garbage", "slow"}
_LASTING = {"freeze", "deaf"}
_PLAIN = {"unplug", "die"}
_STEPS = "run:N, garbage:N, slow:N, size:WxH, freeze:S, deaf:S, unplug, die"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a script: what happens, and how often (pictures), how long (seconds) or how large (pixels)."""

    what: str
    count: int = 0
    seconds: float = 0.0
    size: tuple[int, int] = (0, 0)

    @classmethod
    def parse(cls, text: str) -> Step:
        """What a step such as "garbage:20" says.

        Raises:
            ValueError: nothing that is known.

        """
        what, _, argument = text.strip().partition(":")
        if what in _COUNTED and int(argument or 1) > 0:
            return cls(what, count=int(argument or 1))
        if what in _LASTING and float(argument or _FOR_EVER) > 0:
            return cls(what, seconds=float(argument or _FOR_EVER))
        if what == "size":
            width, height = map(int, argument.split("x"))
            if min(width, height) < 16 or max(width, height) > 8192:
                raise ValueError(argument)
            return cls(what, size=(width, height))
        if what in _PLAIN and not argument:
            return cls(what)
        raise ValueError(text)


class FakeGrabber:
    """The camera.

    Args:
        source: as above.
        settings: ``width``, ``height``, ``fps`` and ``luma_width`` count.

    Raises:
        HopelessError: the address or its script makes no sense.
        SourceError: the pictures cannot be read.

    """

    upright = False

    def __init__(self, source: str, settings: CameraSettings) -> None:
        parts = urlsplit(source)
        query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if unknown := query.keys() - {"script", "commands", "pace"}:
            raise HopelessError(
                f"a fake camera knows no {', '.join(sorted(unknown))!r}; give script, commands or pace=off"
            )
        self._size = settings.width or _WIDTH, settings.height or _HEIGHT
        self._luma_width = settings.luma_width
        self._period = 0.0 if query.get("pace") == "off" else 1 / (settings.fps or _FPS)
        self._script = _steps(query["script"]) if "script" in query else None
        self._commands = Path(query["commands"]) if "commands" in query else None
        self._pictures = _loaded(unquote(parts.netloc + parts.path))
        self._scene = _scene(self._size)
        self._number = 0
        self._step = Step("run", 0)
        self._left = 0
        self._due = time.monotonic()

    @property
    def told(self) -> str:
        """What it gives."""
        rate = f"{1 / self._period:g} a second" if self._period else "as fast as can be"
        return f"{self._size[0]}x{self._size[1]}, {rate}, made up"

    def read(self, seconds: float, take: Take) -> None:
        """The next picture, or the next fault."""
        step = self._next()
        if step.what in _LASTING:
            self._hang(step, seconds)
        elif step.what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif step.what == "unplug":
            raise SourceError("the fake camera was unplugged; its script says so")
        self._pace(_SLOWNESS if step.what == "slow" else 1, seconds)
        image = self._image()
        if step.what == "garbage":
            image = image.reshape(-1)[: image.size // 2]
        k = max(1, self._size[0] // self._luma_width)
        take(image, image[::k, ::k, 1] if image.ndim == 3 else None, boot_nanoseconds())

    def close(self) -> None:
        """Nothing to let go of."""

    def _next(self) -> Step:
        """The step that the next picture belongs to; those of no picture happen on the way."""
        while True:
            if self._commands is not None and (ordered := _ordered(self._commands)) is not None:
                self._step, self._left = ordered, max(1, ordered.count)
            while not self._left:
                self._step = next(self._script) if self._script else Step("run", 1)
                self._left = max(1, self._step.count)
            self._left -= 1
            if self._step.what != "size":
                return self._step
            self._size = self._step.size
            self._scene = _scene(self._size)
            self._pictures = [_resized(picture, self._size) for picture in self._pictures]

    def _hang(self, step: Step, seconds: float) -> None:
        if step.what == "deaf":
            ctypes.PyDLL(None).usleep(ctypes.c_uint(int(min(step.seconds, 4000) * 1e6)))  # PyDLL keeps the lock
            return
        time.sleep(min(step.seconds, seconds))
        if step.seconds > seconds:
            raise SourceError(f"no picture for {seconds:.1f} s; the fake camera's script says so")

    def _pace(self, slowness: int, seconds: float) -> None:
        self._due += self._period * slowness
        wait = self._due - time.monotonic()
        if wait < -1:  # it was late for longer than anyone would catch up
            self._due = time.monotonic()
        if wait > seconds:
            time.sleep(seconds)
            raise SourceError(f"no picture for {seconds:.1f} s; the fake camera's script says so")
        if wait > 0:
            time.sleep(wait)

    def _image(self) -> Image:
        self._number += 1
        if self._pictures:
            return self._pictures[self._number % len(self._pictures)]
        height, width = self._scene.shape[:2]
        side = height // 4
        left = self._number * 8 % (width - side)
        image = self._scene.copy()
        image[height // 3 : height // 3 + side, left : left + side] = (40, 200, 240)
        return image


def _steps(text: str) -> Iterator[Step]:
    """The steps of a script, for ever."""
    try:
        steps = [Step.parse(part) for part in text.split(",")]
    except ValueError as error:
        raise HopelessError(f"the fake camera's script says {text!r}; its steps are {_STEPS}") from error
    return _again(steps)


def _again(steps: list[Step]) -> Iterator[Step]:
    while True:
        yield from steps


def _ordered(commands: Path) -> Step | None:
    """The step that somebody wrote into the file, which is removed: an order is carried out once."""
    try:
        text = commands.read_text("utf-8")
        if not text.endswith("\n"):
            return None  # it is still being written
        commands.unlink()
        return Step.parse(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SourceError(f"{commands} cannot be obeyed ({error}); its steps are {_STEPS}") from error


def _loaded(path: str) -> list[Image]:
    if not path:
        return []
    from edge_ocr.camera.files import images, load  # noqa: PLC0415 -- brings OpenCV, for given pictures alone

    return [load(item) for item in images(path)]


def _resized(image: Image, size: tuple[int, int]) -> Image:
    import cv2  # noqa: PLC0415 -- as above

    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _scene(size: tuple[int, int]) -> Image:
    """A grey, noisy place, always the same."""
    width, height = size
    return np.random.default_rng(0).integers(90, 130, (height, width, 3), np.uint8)
