"""Frames in, events out: gate, read, track and vote, composed without threads, files or clocks.

The same frames always give the same events. Time comes with the frames, chance and the budget through parameters.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Protocol

from edge_ocr import vote
from edge_ocr.bundle import shipped_bundle
from edge_ocr.detect import Detector
from edge_ocr.gate import Gate
from edge_ocr.judge import Judge, Rejection, Scene
from edge_ocr.reader import Reader
from edge_ocr.track import Box, Observation, Tracker
from edge_ocr.types import Event, Region
from edge_ocr.zones import Zones

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_ocr.config import Settings
    from edge_ocr.grammar import Grammar
    from edge_ocr.track import Track
    from edge_ocr.types import Frame, Image, Quad, Reading, Sighting, Stamp
    from edge_ocr.vote import Vote

_CLEAR = -1.0  # log-probability of a read that may speak against what was told
_STRANGE, _STRANGERS = 6.0, 3  # nats, and reads in a row: from here on something else stands there
_GAP_SECONDS = 10.0  # without a frame: whatever stands where something stood before may be something else
_GAP_FRAMES = 5  # the same in usual intervals, for cameras that give a frame every ten seconds
_AGAIN_SECONDS = 0.5  # what was told is read again so often, to see whether something else stands there now
_MARGIN = 0.25  # of the plate's height, around the crop that is kept as evidence


class FrameReader(Protocol):
    """What the pipeline needs of a :class:`edge_ocr.reader.Reader`."""

    @property
    def grammar(self) -> Grammar:
        """What its decoder was told that a text may look like."""

    def sightings(
        self,
        image: Image,
        /,
        *,
        frame: int,
        regions: Sequence[Region] | None = None,
        choose: Callable[[list[Quad]], list[Quad]] | None = None,
    ) -> Sequence[Sighting]:
        """The evidence for the texts in regions of an image that are chosen, each where it was found."""


def open_reader(settings: Settings, *, like: Reader | None = None) -> Reader:
    """The reader that settings describe, with the bundles that came with this package.

    Args:
        settings: what to read.
        like: a reader of the same kind, regions and language, whose grammar is shared: most of what a reader weighs.

    Raises:
        BundleError: there is none for this kind.
        GrammarError: a region is not known.
        EngineError: no interpreter is installed, or it refuses the model.

    """
    threshold = settings.detect.threshold
    bundle = shipped_bundle(settings.kind, task="detect")
    detector = Detector(bundle, threshold=threshold)
    steps = settings.detect.preprocess
    if like is not None:
        return Reader(settings.kind, grammar=like.grammar, detector=detector, preprocess=steps)
    return Reader(
        settings.kind, regions=settings.regions, language=settings.language, detector=detector, preprocess=steps
    )


class Pipeline:
    """The stages of one camera.

    Args:
        reader: finds and reads the texts of a frame.
        settings: what to follow, and what is evidence enough.
        zones: where texts are read; None for everywhere.
        random: n -> n random bytes, for the events' ids.

    Attributes:
        rejected: how many tracks did not become an event, by reason.
        missed: the latest of them, but for repetitions; whoever keeps them takes them away.
        reads: how many texts were read.
        looks: how many frames were looked at, in part or as a whole.

    """

    def __init__(
        self,
        reader: FrameReader,
        settings: Settings,
        *,
        zones: Zones | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._reader = reader
        self._tracker = Tracker(settings.track)
        self._judge = Judge(settings, reader.grammar, self._tracker, random)
        self.rejected, self.missed = self._judge.rejected, self._judge.missed
        self._gate = Gate(settings.gate)
        self._scene = Scene("", Region(0, 0, 0, 0))
        self._now: Stamp | None = None
        self._number, self._interval = -1, 0.0  # of the latest frame, and seconds from the one before it
        self._decided: dict[int, str] = {}  # tracks in the picture that already were told or repeat what was
        self._asked: dict[int, float] = {}  # when each other track was last asked whether it can be told, monotonic
        self._read_at: dict[int, float] = {}  # when each track in the picture was last read, monotonic
        self._strangers: dict[int, list[Observation]] = {}  # clear reads in a row that contradict what was told
        self.reads = self.looks = 0
        self._sightings: Sequence[Sighting] = ()
        self.configure(reader, settings, zones=zones)

    def configure(self, reader: FrameReader | None, settings: Settings, *, zones: Zones | None = None) -> None:
        """Go on with other settings; tracks, and what was told, stay as they are.

        Args:
            reader: with the same recogniser as before; None for the one that there is.
            settings: of the same kind as before.
            zones: where texts are read; None for everywhere.

        """
        self._reader = reader or self._reader
        self._settings, self._zones = settings, zones or Zones()
        self._tracker.settings = settings.track
        self._judge.configure(settings, self._reader.grammar)
        self._gate.settings = settings.gate

    def step(self, frame: Frame, *, most_reads: int | None = None) -> list[Event]:
        """Take one frame.

        Args:
            frame: later than every one before. A frame of another source ends all tracks first, and so does one that
                comes 10 s (and five intervals) after the one before, or whose number is not above that: the camera
                was away meanwhile, or began anew.
            most_reads: so many texts are read at most, those that were read least first, but every one that was not
                read at all; None for all.

        Returns:
            What can be told now: previews of tracks that are certain, tracks that ended, and tracks that have been in
            the picture for long enough.

        """
        # First what may fail: a frame that raises leaves all tracks as they were.
        height, width = frame.image.shape[:2]
        goes_on = self._goes_on(frame)
        regions = self._regions(frame, goes_on=goes_on)
        passed: list[Quad] = []

        def choose(quads: list[Quad]) -> list[Quad]:
            held = [quad for quad in quads if self._zones.hold(quad, width, height)]
            chosen = self._chosen(frame, held, most_reads, goes_on=goes_on)
            passed.extend(quad for quad in held if quad not in chosen)
            return chosen

        sightings: Sequence[Sighting] = ()
        if regions is None or regions:
            sightings = self._reader.sightings(frame.image, frame=frame.number, regions=regions, choose=choose)
            self.looks += 1
        self._sightings = sightings
        self.reads += len(sightings)
        seen = [
            Observation(item.strip.quad, frame.number, frame.stamp, item, _crop(frame.image, item.strip.quad))
            for item in sightings
        ]
        seen += [Observation(quad, frame.number, frame.stamp) for quad in passed]
        events = [] if goes_on else self.finish()
        self._interval = 0.0 if self._now is None else frame.stamp.mono - self._now.mono
        self._scene = Scene(frame.source, self._zones.bounds(width, height))
        self._now, self._number = frame.stamp, frame.number
        ended = self._tracker.step(frame.number, seen, width=width, height=height, looked=regions)
        events += self._end(ended, frame.stamp)
        for track in self._tracker.tracks:
            here = [item for item in seen if item.sighting and Box.around(item.quad) == track.box]
            if here:
                self._read_at[track.number] = frame.stamp.mono
            if track.number in self._decided and self._is_another(track, here):
                continue
            events += self._follow(track, frame)
        return events

    def readings(self) -> list[Reading]:
        """What was read in the latest frame, each by itself: for pictures that people look at."""
        said = (vote.fuse([item], self._reader.grammar, kind=self._settings.kind) for item in self._sightings)
        return [ballot.reading for ballot in said if ballot]

    def finish(self) -> list[Event]:
        """End all tracks: no frame follows."""
        return self._end(self._tracker.finish(), self._now) if self._now else []

    def _goes_on(self, frame: Frame) -> bool:
        """Whether what is in a frame may be what was in the one before."""
        if self._now is None or frame.source != self._scene.source or frame.number <= self._number:
            return False
        return frame.stamp.mono - self._now.mono < max(_GAP_SECONDS, _GAP_FRAMES * self._interval)

    def _regions(self, frame: Frame, *, goes_on: bool) -> tuple[Region, ...] | None:
        """Where to look in a frame; None for everywhere."""
        height, width = frame.image.shape[:2]
        if not self._settings.gate.on:
            whole = self._zones.bounds(width, height)
            return None if whole == Region(0, 0, width, height) else (whole,)
        moving = self._gate.look(frame)
        if goes_on:
            wanted = (track for track in self._tracker.tracks if track.number not in self._decided or track.missed)
            around = (track.predict(frame.number).region(self._settings.track.reach) for track in wanted)
            moving += tuple(part for region in around if (part := region.within(width, height)))
        return self._zones.within(moving, width, height)

    def _chosen(self, frame: Frame, quads: list[Quad], most_reads: int | None, *, goes_on: bool) -> list[Quad]:
        """Which quads are read: new ones first, then those that were read least; what was told, only now and then."""
        tracks = self._tracker.match(frame.number, quads) if goes_on else [None] * len(quads)
        now = frame.stamp.mono
        ranked = sorted(
            (track.reads if track else 0, index)
            for index, track in enumerate(tracks)
            if not (track and track.number in self._decided)
            or now - self._read_at.get(track.number, -math.inf) >= _AGAIN_SECONDS
        )
        chosen = [
            index
            for place, (reads, index) in enumerate(ranked)
            if most_reads is None or reads == 0 or place < most_reads
        ]
        return [quads[index] for index in sorted(chosen)]

    def _follow(self, track: Track, frame: Frame) -> list[Event]:
        """What can be told of a track that is in the picture."""
        now = frame.stamp
        if track.number in self._decided:
            if not track.missed:
                self._judge.see(self._decided[track.number], now.mono)
            return []
        early = self._judge.preview(track, self._scene, now) if track.last_frame == frame.number else None
        final = self._decide_early(track, now)
        return [event for event in (early, final) if event]

    def _is_another(self, track: Track, seen: Sequence[Observation]) -> bool:
        """Whether what was told is not what stands there any more: another car took its place unseen."""
        strangers = self._strangers.setdefault(track.number, [])
        for item in seen:
            said = item.sighting.hypotheses if item.sighting else ()
            if item.sighting is None or not said:
                continue
            against = self._judge.speaks_against(self._decided[track.number], item.sighting)
            if against < _STRANGE:
                strangers.clear()
            elif said[0].log_prob >= _CLEAR:
                strangers.append(item)
        if len(strangers) < _STRANGERS:
            return False
        self._tracker.part(track, strangers)
        self._judge.forget(track)
        for known in (self._strangers, self._decided, self._asked, self._read_at):
            known.pop(track.number, None)
        return True

    def _end(self, tracks: Sequence[Track], now: Stamp) -> list[Event]:
        """The last word on tracks that ended; whatever does not become an event is counted."""
        read: list[tuple[Track, Vote]] = []
        scene = self._scene
        for track in tracks:
            self._asked.pop(track.number, None)
            self._read_at.pop(track.number, None)
            self._strangers.pop(track.number, None)
            if self._decided.pop(track.number, None) is None:
                verdict = self._judge.verdict(track)
                if isinstance(verdict, Rejection):
                    self._judge.reject(track, verdict, scene)
                else:
                    read.append((track, verdict))
        # The longest first: what ends together with the whole of it is known to be a fragment.
        told = [(self._judge.tell(*item, scene, now), item[0]) for item in sorted(read, key=_longest)]
        for said, track in told:
            if isinstance(said, Rejection):
                self._judge.reject(track, said, scene)
        for track in tracks:
            self._judge.forget(track)
        return [said for said, _ in sorted(told, key=_oldest) if isinstance(said, Event)]

    def _decide_early(self, track: Track, now: Stamp) -> Event | None:
        """An event of a track that stays, if it is due and there is evidence enough."""
        asked = self._asked.setdefault(track.number, track.first.mono)
        if now.mono < asked + self._settings.vote.decide_after_seconds:
            return None
        self._asked[track.number] = now.mono
        verdict = self._judge.verdict(track)
        told = verdict if isinstance(verdict, Rejection) else self._judge.tell(track, verdict, self._scene, now)
        if isinstance(told, Event):
            self._decided[track.number] = told.reading.text
            return told
        if told is Rejection.REPEAT and not isinstance(verdict, Rejection):
            self._judge.reject(track, told, self._scene)
            self._decided[track.number] = verdict.reading.text
        return None  # not the last word yet


def _longest(item: tuple[Track, Vote]) -> tuple[int, int]:
    return -len(item[1].reading.text), item[0].number


def _oldest(item: tuple[Event | Rejection, Track]) -> int:
    return item[1].number


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
