"""Sightings over time -> tracks: which boxes of successive frames are one plate or sign.

Each track predicts where its box will be, by the velocity it had, through frames that missed it; sightings go to the
nearest prediction. Nearness is a distance in units of the box's own size, because plates are small and fast: boxes of
successive frames often do not overlap at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_ocr.types import Direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.config import TrackSettings
    from edge_ocr.types import Image, Quad, Sighting, Stamp

_SMOOTHING = 0.5  # how much of a new velocity is taken at once: detections jitter by a pixel or two
_UNHURRIED = 0.5  # a box that moved by less than half its own length went nowhere

_MOST_GROWTH = 2.0  # from one sighting to the next; nothing comes twice as near in so short a time


@dataclass(frozen=True, slots=True)
class Box:
    """The centre and size of a quad, in pixels; what the motion model works on."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def around(cls, quad: Quad) -> Box:
        """The upright box around a quad."""
        xs, ys = zip(*quad.corners, strict=True)
        return cls((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, max(xs) - min(xs), max(ys) - min(ys))

    @property
    def length(self) -> float:
        """Of the diagonal; at least 1, so that it can be divided by."""
        return max(1.0, math.hypot(self.width, self.height))

    def moved(self, dx: float, dy: float) -> Box:
        """The same box elsewhere."""
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """A sighting with what the event needs of its frame: the moment, and the picture of the text as it was."""

    sighting: Sighting
    stamp: Stamp
    crop: Image

    @property
    def score(self) -> float:
        """How well it could be read: the score of its best hypothesis that says anything, -inf without one."""
        return max((h.score for h in self.sighting.hypotheses if h.labels), default=-math.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One plate or sign while it is in the picture.

    Attributes:
        number: counts the tracks of one tracker from 0.
        start: its box when it was first seen.
        box: its box when it was last seen.
        velocity: (x, y) in pixels a frame.
        first: when it was first seen.
        last: when it was last seen.
        first_frame: the frame of ``first``.
        last_frame: the frame of ``last``.
        reads: how many frames it was read in, exactly.
        unread: how many of these gave no text.
        best: the observations that could be read best, best first; bounded, so that a parked car costs no more memory
            than a passing one.

    """

    number: int
    start: Box
    box: Box
    velocity: tuple[float, float]
    first: Stamp
    last: Stamp
    first_frame: int
    last_frame: int
    reads: int
    unread: int
    best: tuple[Observation, ...]

    @classmethod
    def begin(cls, number: int, seen: Observation) -> Track:
        """A track of one observation."""
        box, frame, stamp = Box.around(seen.sighting.strip.quad), seen.sighting.frame, seen.stamp
        legible = seen.score > -math.inf
        best = (seen,) if legible else ()
        return cls(number, box, box, (0.0, 0.0), stamp, stamp, frame, frame, 1, int(not legible), best)

    def follow(self, seen: Observation, *, keep: int) -> Track:
        """The track with one more observation, of a later frame."""
        box, frame = Box.around(seen.sighting.strip.quad), seen.sighting.frame
        frames = frame - self.last_frame
        smoothing = _SMOOTHING if self.reads > 1 else 1.0
        steps = ((box.x - self.box.x) / frames, (box.y - self.box.y) / frames)
        vx, vy = (old + smoothing * (new - old) for old, new in zip(self.velocity, steps, strict=True))
        legible = seen.score > -math.inf
        best = sorted((*self.best, seen), key=lambda known: -known.score)[:keep] if legible else self.best
        return replace(
            self,
            box=box,
            velocity=(vx, vy),
            last=seen.stamp,
            last_frame=frame,
            reads=self.reads + 1,
            unread=self.unread + int(not legible),
            best=tuple(best),
        )

    def predict(self, frame: int) -> Box:
        """Where the box should be in a later frame, had it gone on as before."""
        frames = frame - self.last_frame
        return self.box.moved(self.velocity[0] * frames, self.velocity[1] * frames)

    @property
    def direction(self) -> Direction | None:
        """Where it went from first to last; None where that is less than half of its length."""
        dx, dy = self.box.x - self.start.x, self.box.y - self.start.y
        if math.hypot(dx, dy) < _UNHURRIED * (self.start.length + self.box.length) / 2:
            return None
        if abs(dx) > abs(dy):
            return Direction.RIGHT if dx > 0 else Direction.LEFT
        return Direction.DOWN if dy > 0 else Direction.UP


class Tracker:
    """Keeps the tracks that are in the picture.

    Args:
        settings: how far and how long to follow, and how much to keep.

    """

    def __init__(self, settings: TrackSettings) -> None:
        self._settings = settings
        self._count = 0
        self.tracks: tuple[Track, ...] = ()

    def step(self, frame: int, seen: Sequence[Observation], *, width: int, height: int) -> list[Track]:
        """Take one frame's observations.

        Args:
            frame: its number, greater than every one before.
            seen: what was sighted in it, in any order.
            width: of the frame, in pixels.
            height: of the frame, in pixels.

        Returns:
            The tracks that ended: missed for too long, or predicted to have left the frame. Oldest first.

        """
        pairs = self._pairs(frame, seen)
        followed = [
            track.follow(seen[pairs[track.number]], keep=self._settings.keep) if track.number in pairs else track
            for track in self.tracks
        ]
        taken = set(pairs.values())
        begun = [Track.begin(self._next(), item) for index, item in enumerate(seen) if index not in taken]
        tracks = [*followed, *begun]
        self.tracks = tuple(track for track in tracks if self._stays(track, frame, width, height))
        return [track for track in tracks if not self._stays(track, frame, width, height)]

    def finish(self) -> list[Track]:
        """End all tracks: the source is exhausted."""
        ended, self.tracks = list(self.tracks), ()
        return ended

    def _pairs(self, frame: int, seen: Sequence[Observation]) -> dict[int, int]:
        """Track number -> index of its observation: the nearest pair first, each track and observation once."""
        boxes = [Box.around(item.sighting.strip.quad) for item in seen]
        near = sorted(
            (distance, track.number, index)
            for track in self.tracks
            for index, box in enumerate(boxes)
            if (distance := _distance(track.predict(frame), box)) <= self._reach(track)
        )
        pairs: dict[int, int] = {}
        taken: set[int] = set()
        for _, number, index in near:
            if number not in pairs and index not in taken:
                pairs[number] = index
                taken.add(index)
        return pairs

    def _reach(self, track: Track) -> float:
        # One observation says nothing about velocity: the second may be twice as far away.
        return self._settings.reach * (2.0 if track.reads == 1 else 1.0)

    def _stays(self, track: Track, frame: int, width: int, height: int) -> bool:
        if frame - track.last_frame > self._settings.max_missed_frames:
            return False
        box = track.predict(frame)
        return abs(2 * box.x - width) < width + box.width and abs(2 * box.y - height) < height + box.height

    def _next(self) -> int:
        self._count += 1
        return self._count - 1


def _distance(a: Box, b: Box) -> float:
    """How unlike two boxes are: the centres' distance in lengths, plus the logarithm of the ratio of the lengths."""
    ratio = max(a.length, b.length) / min(a.length, b.length)
    if ratio > _MOST_GROWTH:
        return math.inf
    return math.hypot(a.x - b.x, a.y - b.y) / ((a.length + b.length) / 2) + math.log(ratio)
