"""What becomes of a track: an event, early or at last, or a reason why it is none."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from edge_ocr import vote
from edge_ocr.lately import Lately, is_part
from edge_ocr.reader import SHORTEST
from edge_ocr.types import Attempt, Event, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_ocr.config import Settings
    from edge_ocr.grammar import Grammar
    from edge_ocr.track import Track, Tracker
    from edge_ocr.types import Region, Sighting, Stamp
    from edge_ocr.vote import Vote

_MOST_MISSED = 100  # tracks without an event, for whoever wants to keep them
_MOST_TOLD = 64  # tracks that are remembered to have been told


class Rejection(StrEnum):
    """Why a track did not become an event."""

    UNREAD = "unread"
    FEW_READS = "few reads"
    LOW_CONFIDENCE = "low confidence"
    SHORT = "short"
    FRAGMENT = "fragment"
    BESIDE = "beside"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where tracks are: the camera's name, and the part of its picture in which texts are read."""

    source: str
    picture: Region


class Judge:
    """Decides on the tracks of one camera, and remembers what was told.

    Args:
        settings: what is evidence enough.
        grammar: what a text may look like.
        tracker: has the tracks that are in the picture, which one track is compared with.
        random: n -> n random bytes, for the events' ids.

    Attributes:
        rejected: how many tracks did not become an event, by reason.
        missed: the latest of them, but for repetitions; whoever keeps them takes them away.

    """

    def __init__(self, settings: Settings, grammar: Grammar, tracker: Tracker, random: Callable[[int], bytes]) -> None:
        self._tracker, self._random = tracker, random
        self._lately = Lately(settings.vote)
        self._legible: dict[int, int] = {}  # tracks that were told lately, and how many of their reads gave a text
        self._previews: dict[int, str] = {}  # the ids of tracks that were told early
        self.rejected: Counter[Rejection] = Counter()
        self.missed: deque[Attempt] = deque(maxlen=_MOST_MISSED)
        self.configure(settings, grammar)

    def configure(self, settings: Settings, grammar: Grammar) -> None:
        """Go on with other settings; what was told stays known."""
        self._settings, self._grammar = settings, grammar
        self._shortest = settings.vote.min_characters or SHORTEST[settings.kind]
        self._lately.settings = settings.vote

    def preview(self, track: Track, scene: Scene, now: Stamp) -> Event | None:
        """The event of a track that is certain already, once: Wald's sequential test with the vote's odds."""
        need = self._settings.vote
        if track.number in self._previews or need.preview_confidence >= 1:
            return None
        if track.legible < max(need.preview_reads, need.min_reads):
            return None
        result = self._vote(track)
        if result is None or result.reading.confidence < max(need.preview_confidence, need.min_confidence):
            return None
        if len(result.reading.text) < self._shortest or self._against(track, result) is not None:
            return None
        event = self._event(track, result, scene, now, preview=True)
        self._previews[track.number] = event.id
        return event

    def verdict(self, track: Track) -> Vote | Rejection:
        """What a track says, if there is evidence enough; one that was told early is told whatever came then."""
        need = self._settings.vote
        if track.reads == track.unread:
            return Rejection.UNREAD
        told = track.number in self._previews
        if track.legible < need.min_reads and not told:
            return Rejection.FEW_READS
        result = self._vote(track)
        if result is None:
            return Rejection.UNREAD
        if result.reading.confidence < need.min_confidence and not told:
            return Rejection.LOW_CONFIDENCE
        return result if len(result.reading.text) >= self._shortest else Rejection.SHORT

    def tell(self, track: Track, result: Vote, scene: Scene, now: Stamp) -> Event | Rejection:
        """The event, unless something is against it."""
        against = self._against(track, result)
        if against is not None and track.number not in self._previews:
            return against
        self._lately.remember(result.reading.text, track.evidence, track.last.mono)
        self._legible = dict([*self._legible.items(), (track.number, track.legible)][-_MOST_TOLD:])
        return self._event(track, result, scene, now, preview=False)

    def reject(self, track: Track, reason: Rejection, scene: Scene) -> None:
        """Count a track that does not become an event, and keep what is known of it, but for repetitions."""
        self.rejected[reason] += 1
        if reason is Rejection.REPEAT:
            return
        guess = self._vote(track)
        self.missed.append(
            Attempt(
                source=scene.source,
                reason=str(reason),
                text=guess.reading.text if guess else "",
                confidence=guess.reading.confidence if guess else 0.0,
                reads=track.reads,
                unread=track.unread,
                last=track.last,
                crop=track.best[guess.best if guess else 0].crop if track.best else None,
            )
        )

    def see(self, text: str, at: float) -> None:
        """What was told is still there, at so many monotonic seconds."""
        self._lately.see(text, at)

    def speaks_against(self, text: str, item: Sighting) -> float:
        """How much a sighting says against showing what was told as a text, in nats."""
        return self._lately.contradiction(text, [item], self._grammar)

    def forget(self, track: Track) -> None:
        """A track has ended: its number comes no more."""
        self._previews.pop(track.number, None)

    def _vote(self, track: Track) -> Vote | None:
        return vote.fuse(track.evidence, self._grammar, kind=self._settings.kind) if track.best else None

    def _against(self, track: Track, result: Vote) -> Rejection | None:
        """Why a text is no event: it was told a short while ago, is a part of what is known, or of the same vehicle."""
        text = result.reading.text
        self._lately.forget(track.first.mono)
        known = self._lately.repeated(text, track.evidence, self._grammar)
        if known is not None:
            self._lately.see(known, track.last.mono)
            return Rejection.REPEAT
        others = {track.number: track for track in self._tracker.tracks}
        said = {number: self.verdict(other) for number, other in others.items() if number != track.number}
        read = {number: ballot.reading.text for number, ballot in said.items() if not isinstance(ballot, Rejection)}
        if self._lately.holds_part(text) or any(is_part(text, other) for other in read.values()):
            return Rejection.FRAGMENT
        if self._settings.kind is Kind.PLATE:
            legible = self._legible | {number: others[number].legible for number in read}
            if any(legible.get(number, 0) > track.legible for number in self._tracker.beside(track)):
                return Rejection.BESIDE
        return None

    def _event(self, track: Track, result: Vote, scene: Scene, now: Stamp, *, preview: bool) -> Event:
        evidence = track.best[result.best]
        stays = any(track.number == other.number for other in self._tracker.tracks)
        counts = {
            "unread": track.unread,
            "outvoted": result.outvoted,
            "surplus": track.legible - len(track.best),
            "skipped": track.seen - track.reads,
        }
        crop = evidence.crop
        return Event(
            id=self._previews.get(track.number) or uuid7(now.wall, self._random),
            source=scene.source,
            reading=result.reading,
            reads=track.reads,
            unread=track.unread,
            first=track.first,
            last=track.last,
            first_frame=track.first_frame,
            last_frame=track.last_frame,
            crop=crop,
            crop_frame=evidence.frame,
            direction=track.direction,
            entry=track.start.side(scene.picture),
            exit=None if stays else track.box.side(scene.picture),
            standing=track.standing,
            rejected={reason: count for reason, count in counts.items() if count},
            preview=preview,
            votes=result.ballots,
        )


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
