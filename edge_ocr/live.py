"""What is going on right now, for whoever looks: the latest picture of each camera, and what was read in it.

The pipeline shows and tells; pages, which live in other threads, look and listen. Where nobody looks nothing is kept,
drawn or compressed: :meth:`Board.show` then counts the frame and returns.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from edge_ocr import labels
from edge_ocr.privacy import blurred
from edge_ocr.types import corners_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge_ocr.clock import Clock
    from edge_ocr.types import Decision, Event, Frame, Image, Reading

_QUALITY = 70  # of JPEG: plates can be read, 640 pixels across take some 40 KB

_EAGERNESS = 0.1  # how much of a new latency is taken at once


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One frame of a camera with what was read in it."""

    camera: str
    frame: Frame
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a camera seems to see before it is certain; it may be followed by an event that says something else."""

    camera: str
    reading: Reading
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a camera without looking.

    Attributes:
        frames: how many were shown.
        at: when the latest was, monotonic seconds.
        latency: from a frame's own stamp until it was shown, in seconds, smoothed; of a recording, whose frames carry
            the recording's own time, it says nothing.

    """

    frames: int
    at: float
    latency: float


Looker: TypeAlias = "Callable[[Look], None]"
"""Is called in the camera's thread; returns at once and does not raise."""

Listener: TypeAlias = "Callable[[Event | Glimpse], None]"
"""Is called in the thread that told; returns at once and does not raise."""


@dataclass(slots=True, eq=False)
class Place:
    """Somebody who looks: at most one frame in ``every`` seconds, which may change; the next one from ``due`` on."""

    looker: Looker
    every: float
    due: float = -math.inf


class Board:
    """Hands on what is shown and told to those who look and listen at this moment; any thread may use it.

    Args:
        clock: for latencies.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._lookers: dict[str, tuple[Place, ...]] = {}  # replaced as a whole, so that show() needs no lock
        self._listeners: tuple[Listener, ...] = ()
        self._seen: dict[str, Seen] = {}

    def show(self, camera: str, frame: Frame, readings: Callable[[], Sequence[Reading]] = tuple) -> None:
        """A frame was processed, or was found to hold nothing new.

        Args:
            camera: its name; one thread shows the frames of one camera.
            frame: as it came; is not kept unless somebody looks.
            readings: what was read in it, as privacy allows it; asked only if somebody looks.

        """
        now = self._clock.monotonic()
        late, before = now - frame.stamp.mono, self._seen.get(camera)
        if before is None:
            self._seen[camera] = Seen(1, now, late)
        else:
            smooth = before.latency + _EAGERNESS * (late - before.latency)
            self._seen[camera] = Seen(before.frames + 1, now, smooth)
        due = [place for place in self._lookers.get(camera, ()) if place.due <= now]
        if due:
            look = Look(camera, frame, tuple(readings()))
            for place in due:
                place.due = now + place.every
                place.looker(look)

    def tell(self, event: Event) -> None:
        """An event happened and was stored: to be called after the store has it, with what privacy left of it."""
        for listener in self._listeners:
            listener(event)

    def preview(self, camera: str, reading: Reading, decision: Decision | None = None) -> None:
        """Something is likely, and not an event yet; as privacy allows it."""
        for listener in self._listeners:
            listener(Glimpse(camera, reading, decision))

    def ended(self, camera: str) -> None:
        """A camera shows nothing any more."""
        self._seen.pop(camera, None)

    @property
    def cameras(self) -> dict[str, Seen]:
        """Those that showed something, by name."""
        return dict(self._seen)

    @contextmanager
    def looking(self, camera: str, looker: Looker, *, every: float = 0.0) -> Iterator[Place]:
        """Call somebody with frames of a camera, which need not be there yet, at most one in so many seconds."""
        place = Place(looker, every)
        with self._lock:
            self._lookers = {**self._lookers, camera: (*self._lookers.get(camera, ()), place)}
        try:
            yield place
        finally:
            with self._lock:
                rest = tuple(other for other in self._lookers[camera] if other is not place)
                self._lookers = {**self._lookers, camera: rest}
                if not rest:
                    del self._lookers[camera]

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Call somebody with every event and every glimpse."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not listener)


def jpeg(look: Look, *, width: int, private: bool) -> bytes:
    """A look as a picture: not wider than asked for, with a frame and the text around what was read.

    Args:
        look: at a camera.
        width: in pixels.
        private: whether plates are blurred and texts left out.

    """
    image = look.frame.image
    columns = image.shape[1]
    scale = min(1.0, width / columns)
    # The mean of an area has a fast way for halves alone; of other factors it takes three times as long as lines.
    way = cv2.INTER_AREA if scale == 0.5 else cv2.INTER_LINEAR
    small = image if scale == 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=way).astype(np.uint8)
    readings = [_scaled(reading, scale) for reading in look.readings]
    if readings:
        drawn = np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), np.uint8) if small.ndim == 2 else small
        drawn = drawn.copy() if drawn is image else drawn  # the frame is others' as well
        if private:
            _hide(drawn, readings)
            readings = [replace(reading, text="") for reading in readings]
        labels.draw(drawn, readings)
        small = drawn
    return bytes(cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))[1])


def _scaled(reading: Reading, scale: float) -> Reading:
    corners = corners_of([(x * scale, y * scale) for x, y in reading.quad.corners])
    return replace(reading, quad=replace(reading.quad, corners=corners))


def _hide(image: Image, readings: Sequence[Reading]) -> None:
    """Blur everything around readings beyond reading."""
    rows, columns = image.shape[:2]
    for reading in readings:
        xs, ys = zip(*reading.quad.corners, strict=True)
        left, right = max(0, int(min(xs)) - 4), min(columns, int(max(xs)) + 5)
        top, bottom = max(0, int(min(ys)) - 4), min(rows, int(max(ys)) + 5)
        if left < right and top < bottom:
            image[top:bottom, left:right] = blurred(image[top:bottom, left:right])
