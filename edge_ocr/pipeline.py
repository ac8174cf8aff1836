"""Frames in, events out: read, track and vote, composed without threads, files or clocks.

The same frames always give the same events. Time comes with the frames, chance through a parameter.
"""

from __future__ import annotations

import math
import os
from collections import Counter, deque
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from edge_ocr import vote
from edge_ocr.bundle import shipped_bundle
from edge_ocr.detect import Detector
from edge_ocr.reader import SHORTEST, Reader
from edge_ocr.track import Box, Observation, Tracker
from edge_ocr.types import Attempt, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_ocr.config import Settings
    from edge_ocr.grammar import Grammar
    from edge_ocr.track import Track
    from edge_ocr.types import Frame, Image, Quad, Sighting, Stamp
    from edge_ocr.vote import Vote

_MOST_MISSED = 100  # tracks without an event, for whoever wants to keep them
_MARGIN = 0.25  # of the plate's height, around the crop that is kept as evidence


class FrameReader(Protocol):
    """What the pipeline needs of a :class:`edge_ocr.reader.Reader`."""

    @property
    def grammar(self) -> Grammar:
        """What its decoder was told that a text may look like."""

    def sightings(self, image: Image, /, *, frame: int) -> Sequence[Sighting]:
        """The evidence for every text in an image."""


def open_reader(settings: Settings) -> Reader:
    """The reader that settings describe, with the bundles that came with this package.

    Raises:
        BundleError: there is none for this kind.
        GrammarError: a region is not known.
        EngineError: no interpreter is installed, or it refuses the model.

    """
    threshold = settings.detect.threshold
    bundle = shipped_bundle(settings.kind, task="detect")
    return Reader(settings.kind, regions=settings.regions, detector=Detector(bundle, threshold=threshold))


class Rejection(StrEnum):
    """Why a track did not become an event."""

    UNREAD = "unread"
    FEW_READS = "few reads"
    LOW_CONFIDENCE = "low confidence"
    SHORT = "short"
    FRAGMENT = "fragment"
    REPEAT = "repeat"


class Pipeline:
    """The stages of one camera.

    Args:
        reader: finds and reads the texts of a frame.
        settings: what to follow, and what is evidence enough.
        random: n -> n random bytes, for the events' ids.

    Attributes:
        rejected: how many tracks did not become an event, by reason.
        missed: the latest of them, but for repetitions; whoever keeps them takes them away.

    """

    def __init__(self, reader: FrameReader, settings: Settings, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._reader = reader
        self._settings = settings
        self._random = random
        self._shortest = settings.vote.min_characters or SHORTEST[settings.kind]
        self._tracker = Tracker(settings.track)
        self._source = ""
        self._now: Stamp | None = None
        self._decided: dict[int, str] = {}  # tracks in the picture that already were told or repeat what was
        self._due: dict[int, float] = {}  # when each other track in the picture is to be decided, monotonic
        self._told: dict[str, float] = {}  # when each text was last seen, monotonic
        self.rejected: Counter[Rejection] = Counter()
        self.missed: deque[Attempt] = deque(maxlen=_MOST_MISSED)

    def step(self, frame: Frame) -> list[Event]:
        """Take one frame.

        Args:
            frame: later than every one before. A frame of another source ends all tracks first.

        Returns:
            What can be told now: tracks that ended, and tracks that have been in the picture for long enough.

        """
        # First what may fail: a frame that raises leaves everything as it was.
        sightings = self._reader.sightings(frame.image, frame=frame.number)
        seen = [Observation(item, frame.stamp, _crop(frame.image, item.strip.quad)) for item in sightings]
        events = [] if frame.source == self._source else self.finish()
        self._source, self._now = frame.source, frame.stamp
        height, width = frame.image.shape[:2]
        ended = self._tracker.step(frame.number, seen, width=width, height=height)
        stay = (self._decide_early(track, frame.stamp) for track in self._tracker.tracks)
        return [*events, *self._end(ended, frame.stamp), *(event for event in stay if event)]

    def finish(self) -> list[Event]:
        """End all tracks: no frame follows."""
        return self._end(self._tracker.finish(), self._now) if self._now else []

    def _end(self, tracks: Sequence[Track], now: Stamp) -> list[Event]:
        """The last word on tracks that ended; whatever does not become an event is counted."""
        read: list[tuple[Track, Vote]] = []
        for track in tracks:
            self._due.pop(track.number, None)
            if self._decided.pop(track.number, None) is None:
                verdict = self._judge(track)
                if isinstance(verdict, Rejection):
                    self._reject(track, verdict)
                else:
                    read.append((track, verdict))
        # The longest first: what ends together with the whole of it is known to be a fragment.
        told = [(self._tell(*item, now), item[0]) for item in sorted(read, key=_longest)]
        for said, track in told:
            if isinstance(said, Rejection):
                self._reject(track, said)
        return [said for said, _ in sorted(told, key=_oldest) if isinstance(said, Event)]

    def _reject(self, track: Track, reason: Rejection) -> None:
        self.rejected[reason] += 1
        if reason is Rejection.REPEAT:
            return
        evidence = [seen.sighting for seen in track.best]
        guess = vote.fuse(evidence, self._reader.grammar, kind=self._settings.kind) if evidence else None
        self.missed.append(
            Attempt(
                source=self._source,
                reason=str(reason),
                text=guess.reading.text if guess else "",
                confidence=guess.reading.confidence if guess else 0.0,
                reads=track.reads,
                unread=track.unread,
                last=track.last,
                crop=track.best[guess.best if guess else 0].crop if track.best else None,
            )
        )

    def _decide_early(self, track: Track, now: Stamp) -> Event | None:
        """An event of a track that stays, if it is due and there is evidence enough."""
        wait = self._settings.vote.decide_after_seconds
        if track.number in self._decided:
            self._told[self._decided[track.number]] = track.last.mono
            return None
        if now.mono < self._due.setdefault(track.number, track.first.mono + wait):
            return None
        self._due[track.number] = now.mono + wait
        verdict = self._judge(track)
        told = verdict if isinstance(verdict, Rejection) else self._tell(track, verdict, now)
        if isinstance(told, Rejection):
            return None  # not the last word yet
        self._decided[track.number] = told.reading.text
        return told

    def _judge(self, track: Track) -> Vote | Rejection:
        """What a track says, if there is evidence enough."""
        need = self._settings.vote
        if track.reads == track.unread:
            return Rejection.UNREAD
        if track.reads - track.unread < need.min_reads:
            return Rejection.FEW_READS
        result = vote.fuse([seen.sighting for seen in track.best], self._reader.grammar, kind=self._settings.kind)
        if result is None:
            return Rejection.UNREAD
        if result.reading.confidence < need.min_confidence:
            return Rejection.LOW_CONFIDENCE
        return result if len(result.reading.text) >= self._shortest else Rejection.SHORT

    def _tell(self, track: Track, result: Vote, now: Stamp) -> Event | Rejection:
        """The event, unless it was told a short while ago, or is a part of what was told or is in sight."""
        text = result.reading.text
        self._told = {known: at for known, at in self._told.items() if self._recent(at, track)}
        if text in self._told:
            self._told[text] = track.last.mono
            return Rejection.REPEAT
        if any(_is_part(text, known) for known in self._told) or self._is_part_of_another(track, text):
            return Rejection.FRAGMENT
        self._told[text] = track.last.mono
        evidence = track.best[result.best]
        return Event(
            id=uuid7(now.wall, self._random),
            source=self._source,
            reading=result.reading,
            reads=track.reads,
            unread=track.unread,
            first=track.first,
            last=track.last,
            first_frame=track.first_frame,
            last_frame=track.last_frame,
            crop=evidence.crop,
            crop_frame=evidence.sighting.frame,
            direction=track.direction,
        )

    def _is_part_of_another(self, track: Track, text: str) -> bool:
        """Whether a track in the picture says more: a detector cuts plates in two, and halves leave before wholes."""
        others = (self._judge(other) for other in self._tracker.tracks if other.number != track.number)
        return any(not isinstance(said, Rejection) and _is_part(text, said.reading.text) for said in others)

    def _recent(self, at: float, track: Track) -> bool:
        return track.first.mono - at <= self._settings.vote.repeat_seconds


def _longest(item: tuple[Track, Vote]) -> tuple[int, int]:
    return -len(item[1].reading.text), item[0].number


def _oldest(item: tuple[Event | Rejection, Track]) -> int:
    return item[1].number


def _is_part(text: str, whole: str) -> bool:
    return text != whole and text in whole


def uuid7(wall: float, random: Callable[[int], bytes]) -> str:
    """An identifier that sorts by time: UUID version 7 (RFC 9562, section 5.7).

    Args:
        wall: seconds since 1970; before 1970 counts as 1970.
        random: n -> n random bytes.

    """
    moment = int(max(0.0, wall) * 1000).to_bytes(6, "big")
    data = bytearray(moment + random(10))
    data[6] = data[6] & 0x0F | 0x70  # the version
    data[8] = data[8] & 0x3F | 0x80  # the variant
    return str(UUID(bytes=bytes(data)))


def _crop(image: Image, quad: Quad) -> Image:
    """A copy of the frame around a quad, with a margin, as far as the frame goes."""
    box = Box.around(quad)
    margin = _MARGIN * box.height
    rows, columns = image.shape[:2]
    top, bottom = _span(box.y, box.height / 2 + margin, rows)
    left, right = _span(box.x, box.width / 2 + margin, columns)
    return image[top:bottom, left:right].copy()


def _span(centre: float, reach: float, end: int) -> tuple[int, int]:
    """The pixels from ``centre - reach`` to ``centre + reach``, at least one of 0..end."""
    first = min(max(0, math.floor(centre - reach)), end - 1)
    return first, min(max(first + 1, math.ceil(centre + reach)), end)
