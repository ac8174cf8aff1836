"""Quads over time -> tracks: which boxes of successive frames are one plate or sign.

Each track predicts where its box will be, by the velocity it had, through frames that missed it; observations go to the
nearest prediction. Nearness is a distance in units of the box's own size, because plates are small and fast: boxes of
successive frames often do not overlap at all. Where two tracks cross, what they say keeps them apart.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_ocr.types import Direction, Region, Side

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_ocr.config import TrackSettings
    from edge_ocr.types import Image, Quad, Sighting, Stamp

_SMOOTHING = 0.5  # how much of a new velocity is taken at once: detections jitter by a pixel or two
_UNHURRIED = 0.5  # a box that moved by less than half its own length went nowhere
_STILL = 0.02  # of its length that a box which stands may seem to move, a frame

_MOST_GROWTH = 2.0  # from one sighting to the next; nothing comes twice as near in so short a time
_STRANGER = 0.7  # lengths that are added where what is read has nothing in common with what the track said
_BESIDE = 1.5  # lengths; plates of two vehicles that move together are further apart
_REMEMBERED = 256  # tracks that began lately: whether one was beside another is known after both ended, too
_EDGE = 0.1  # of the picture; what is first or last seen nearer to a side came or went by it


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

    def region(self, reach: float) -> Region:
        """The box with so many of its lengths around it."""
        across, down = self.width / 2 + reach * self.length, self.height / 2 + reach * self.length
        return Region(
            math.floor(self.x - across),
            math.floor(self.y - down),
            math.ceil(self.x + across),
            math.ceil(self.y + down),
        )

    def side(self, picture: Region) -> Side | None:
        """The edge of a picture that it is at, the nearest one; None in the middle."""
        width, height = picture.right - picture.left, picture.bottom - picture.top
        away = {
            Side.LEFT: (self.x - self.width / 2 - picture.left, width),
            Side.RIGHT: (picture.right - self.x - self.width / 2, width),
            Side.TOP: (self.y - self.height / 2 - picture.top, height),
            Side.BOTTOM: (picture.bottom - self.y - self.height / 2, height),
        }
        side = min(away, key=lambda name: away[name][0] / away[name][1])
        return side if away[side][0] <= _EDGE * away[side][1] else None


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """A quad with what the event needs of its frame.

    Attributes:
        quad: where it is, in pixels.
        frame: the frame's number.
        stamp: the moment.
        sighting: the evidence; None if it was seen but not read.
        crop: the picture of the text as it was; None with ``sighting``.

    """

    quad: Quad
    frame: int
    stamp: Stamp
    sighting: Sighting | None = None
    crop: Image | None = None

    @property
    def score(self) -> float:
        """How well it could be read: the score of its best hypothesis that says anything, -inf without one."""
        hypotheses = self.sighting.hypotheses if self.sighting else ()
        return max((h.score for h in hypotheses if h.labels), default=-math.inf)

    @property
    def texts(self) -> frozenset[tuple[int, ...]]:
        """What it may say."""
        return frozenset(h.labels for h in self.sighting.hypotheses if h.labels) if self.sighting else frozenset()


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
        seen: how many frames it was seen in.
        reads: how many of these were read, exactly.
        unread: how many of the reads gave no text.
        best: the observations that could be read best, best first; bounded, so that a parked car costs no more memory
            than a passing one.
        missed: for how many frames it was looked for in vain, since it was last seen.

    """

    number: int
    start: Box
    box: Box
    velocity: tuple[float, float]
    first: Stamp
    last: Stamp
    first_frame: int
    last_frame: int
    seen: int
    reads: int
    unread: int
    best: tuple[Observation, ...]
    missed: int = 0

    @classmethod
    def begin(cls, number: int, seen: Observation) -> Track:
        """A track of one observation."""
        box, stamp = Box.around(seen.quad), seen.stamp
        track = cls(number, box, box, (0.0, 0.0), stamp, stamp, seen.frame, seen.frame, 1, 0, 0, ())
        return track.read(seen, keep=1)

    def follow(self, seen: Observation, *, keep: int) -> Track:
        """The track with one more observation, of a later frame."""
        box = Box.around(seen.quad)
        frames = seen.frame - self.last_frame
        smoothing = _SMOOTHING if self.seen > 1 else 1.0
        steps = ((box.x - self.box.x) / frames, (box.y - self.box.y) / frames)
        vx, vy = (old + smoothing * (new - old) for old, new in zip(self.velocity, steps, strict=True))
        place = replace(
            self, box=box, velocity=(vx, vy), last=seen.stamp, last_frame=seen.frame, seen=self.seen + 1, missed=0
        )
        return place.read(seen, keep=keep)

    def read(self, seen: Observation, *, keep: int) -> Track:
        """The track with what an observation of its last frame says, if it was read."""
        if seen.sighting is None:
            return self
        if seen.score == -math.inf:
            return replace(self, reads=self.reads + 1, unread=self.unread + 1)
        best = sorted((*self.best, seen), key=lambda known: -known.score)[:keep]
        return replace(self, reads=self.reads + 1, best=tuple(best))

    def miss(self, frames: int) -> Track:
        """The track after frames in which it was looked for and not seen."""
        return replace(self, missed=self.missed + frames)

    def rest(self) -> Track:
        """The track after a frame in which nobody looked, because nothing moved where it is: so it stands."""
        return replace(self, velocity=(0.0, 0.0))

    def predict(self, frame: int) -> Box:
        """Where the box should be in a later frame, had it gone on as before."""
        frames = frame - self.last_frame
        return self.box.moved(self.velocity[0] * frames, self.velocity[1] * frames)

    @property
    def legible(self) -> int:
        """How many reads gave a text."""
        return self.reads - self.unread

    @property
    def evidence(self) -> list[Sighting]:
        """What can be voted on, best first."""
        return [seen.sighting for seen in self.best if seen.sighting]

    @property
    def standing(self) -> bool:
        """Whether it does not move at the moment; what was seen once may do either, and counts as moving."""
        return self.seen > 1 and math.hypot(*self.velocity) < _STILL * self.box.length

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

    Attributes:
        settings: as given; may be changed.
        tracks: those in the picture, oldest first.

    """

    def __init__(self, settings: TrackSettings) -> None:
        self.settings = settings
        self._count = 0
        self._frame = -1
        self._beside: Counter[tuple[int, int]] = Counter()
        self.tracks: tuple[Track, ...] = ()

    def match(self, frame: int, quads: Sequence[Quad]) -> list[Track | None]:
        """Which track each quad of a frame most likely belongs to, by its place alone; None for a new one."""
        boxes = [Box.around(quad) for quad in quads]
        pairs = self._pairs(frame, boxes, lambda _track, _index: 0.0)
        known = {index: track for track in self.tracks for index in [pairs.get(track.number)] if index is not None}
        return [known.get(index) for index in range(len(quads))]

    def step(
        self,
        frame: int,
        seen: Sequence[Observation],
        *,
        width: int,
        height: int,
        looked: Sequence[Region] | None = None,
    ) -> list[Track]:
        """Take one frame's observations.

        Args:
            frame: its number, greater than every one before.
            seen: what was seen in it, in any order.
            width: of the frame, in pixels.
            height: of the frame, in pixels.
            looked: the parts of the frame that were looked at; None for all of it. A track elsewhere is not missed.

        Returns:
            The tracks that ended: missed for too long, or predicted to have left the frame. Oldest first.

        """
        pairs = self._pairs(frame, [Box.around(item.quad) for item in seen], lambda t, i: _strangeness(t, seen[i]))
        frames, self._frame = frame - max(self._frame, 0), frame
        followed: list[Track] = []
        for track in self.tracks:
            if track.number in pairs:
                followed.append(track.follow(seen[pairs[track.number]], keep=self.settings.keep))
            elif looked is None or not _unseen(track.predict(frame), looked, Region(0, 0, width, height)):
                followed.append(track.miss(frames))
            else:
                followed.append(track.rest())
        taken = set(pairs.values())
        begun = [Track.begin(self._next(), item) for index, item in enumerate(seen) if index not in taken]
        tracks = [*followed, *begun]
        self._note_beside([track for track in tracks if track.last_frame == frame])
        self.tracks = tuple(track for track in tracks if self._stays(track, frame, width, height))
        return [track for track in tracks if not self._stays(track, frame, width, height)]

    def finish(self) -> list[Track]:
        """End all tracks: the source is exhausted."""
        ended, self.tracks = list(self.tracks), ()
        return ended

    def part(self, track: Track, seen: Sequence[Observation]) -> None:
        """Something else is where a track was: it ends, and one begins with these observations, oldest first."""
        begun = Track.begin(self._next(), seen[0])
        for item in seen[1:]:
            begun = begun.follow(item, keep=self.settings.keep)
        self.tracks = (*(other for other in self.tracks if other.number != track.number), begun)

    def beside(self, track: Track) -> set[int]:
        """The numbers of the tracks that were next to it for half of the frames it was seen in: of the same vehicle.

        Args:
            track: in the picture, or ended with the latest step; the others may have ended before.

        """
        near = ((sum(pair) - track.number, count) for pair, count in self._beside.items() if track.number in pair)
        return {number for number, count in near if 2 * count >= track.seen}

    def _note_beside(self, tracks: Sequence[Track]) -> None:
        alive = {track.number for track in self.tracks}
        # Where something stands for ever, thousands pass: who passed long ago is not asked for any more.
        known = alive | set(range(self._count - _REMEMBERED, self._count))
        for pair in [pair for pair in self._beside if alive.isdisjoint(pair) or not known.issuperset(pair)]:
            del self._beside[pair]
        for index, a in enumerate(tracks):
            for b in tracks[index + 1 :]:
                apart = math.hypot(a.box.x - b.box.x, a.box.y - b.box.y)
                if apart <= _BESIDE * max(a.box.length, b.box.length):
                    self._beside[min(a.number, b.number), max(a.number, b.number)] += 1

    def _pairs(self, frame: int, boxes: Sequence[Box], extra: Callable[[Track, int], float]) -> dict[int, int]:
        """Track number -> index of its observation: the nearest pair first, each track and observation once."""
        near = sorted(
            (distance + extra(track, index), track.number, index)
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
        return self.settings.reach * (2.0 if track.seen == 1 else 1.0)

    def _stays(self, track: Track, frame: int, width: int, height: int) -> bool:
        if track.missed > self.settings.max_missed_frames:
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


def _strangeness(track: Track, seen: Observation) -> float:
    """How much an observation's text speaks against a track, in lengths; it only orders, and excludes nothing."""
    said = seen.texts
    if not said or not track.best:
        return 0.0
    return 0.0 if any(said & known.texts for known in track.best) else _STRANGER


def _unseen(box: Box, looked: Sequence[Region], frame: Region) -> bool:
    """Whether a box may be where it is expected, because nobody looked there; beyond the frame there is nothing."""
    return _holds(frame, box) and not any(_holds(region, box) for region in looked)


def _holds(region: Region, box: Box) -> bool:
    return region.left <= box.x < region.right and region.top <= box.y < region.bottom
