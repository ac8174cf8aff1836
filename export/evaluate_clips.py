"""What `edge-ocr watch` makes of labelled clips: events against labels, the vote beside the best single frame."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.clock import FakeClock
from edge_ocr.config import Settings, load
from edge_ocr.pipeline import open_reader
from edge_ocr.runtime import watch
from export.photographs import labels
from export.scoring import scored

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from edge_ocr.grammar import Grammar
    from edge_ocr.pipeline import FrameReader
    from edge_ocr.types import Event, Image, Quad, Region, Sighting


class Outcome(StrEnum):
    """Of one clip."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class ClipResult:
    """One clip of one car: what it should have told, and what it told."""

    name: str
    label: str
    events: tuple[Event, ...]
    rejected: Counter[str]

    @property
    def outcome(self) -> Outcome:
        """Right if any event says exactly what the label says."""
        if not self.events:
            return Outcome.MISSED
        return Outcome.RIGHT if any(event.reading.text == self.label for event in self.events) else Outcome.WRONG

    @property
    def extra(self) -> int:
        """Events that should not be there: all but one that is right."""
        return len(self.events) - int(self.outcome is Outcome.RIGHT)

    def line(self) -> str:
        """For people: the outcome, the label, and every event with its confidence and reads."""
        told = ", ".join(f"{e.reading.text} {e.reading.confidence:.2f} ({e.reads} reads)" for e in self.events)
        rejected = ", ".join(f"{count} {reason}" for reason, count in self.rejected.items())
        return f"{self.name:<18} {self.outcome:<6} {self.label:<9} {told or '-'}{f'; {rejected}' if rejected else ''}"


class Remembering:
    """A frame reader that reads each quad of a frame once, however often a clip is watched.

    Args:
        reader: the real one.

    """

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader
        self._quads: dict[tuple[int, object], list[Quad]] = {}
        self._known: dict[tuple[int, tuple[Quad, ...]], Sequence[Sighting]] = {}

    @property
    def grammar(self) -> Grammar:
        """Of the real reader."""
        return self._reader.grammar

    def sightings(
        self,
        image: Image,
        /,
        *,
        frame: int,
        regions: Sequence[Region] | None = None,
        choose: Callable[[list[Quad]], list[Quad]] | None = None,
    ) -> Sequence[Sighting]:
        """Of the real reader, or as remembered from the same quads of the same frame."""
        place = (frame, None if regions is None else tuple(regions))
        if place not in self._quads:

            def note(quads: list[Quad]) -> list[Quad]:
                self._quads[place] = quads
                return []

            self._quads[place] = []
            self._reader.sightings(image, frame=frame, regions=regions, choose=note)
        chosen = (choose or list)(list(self._quads[place]))
        key = (frame, tuple(chosen))
        if key not in self._known:
            self._known[key] = self._reader.sightings(image, frame=frame, regions=regions, choose=lambda _: chosen)
        return self._known[key]


class Degraded:
    """A frame reader that sees worse: fewer pixels, and noise.

    Args:
        reader: the real one.
        scale: 0..1, of the frame's pixels across and down; it is enlarged again, so that places stay what they are.
        noise: standard deviation in grey levels, added where the frame is small.

    """

    def __init__(self, reader: FrameReader, *, scale: float = 1.0, noise: float = 0.0) -> None:
        self._reader = reader
        self._scale, self._noise = scale, noise

    @property
    def grammar(self) -> Grammar:
        """Of the real reader."""
        return self._reader.grammar

    def sightings(
        self,
        image: Image,
        /,
        *,
        frame: int,
        regions: Sequence[Region] | None = None,
        choose: Callable[[list[Quad]], list[Quad]] | None = None,
    ) -> Sequence[Sighting]:
        """Of the real reader, in the degraded frame; the same frame is degraded alike every time."""
        small = cv2.resize(image, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA)
        rough = small + np.random.default_rng(frame).normal(0, self._noise, small.shape)
        worse = cv2.resize(np.clip(rough, 0, 255).astype(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return self._reader.sightings(np.asarray(worse, np.uint8), frame=frame, regions=regions, choose=choose)


def evaluate_clips(folder: Path, settings: Settings | None = None, *, reader: FrameReader | None = None) -> float:
    """Watch every labelled clip and print what came of it.

    Args:
        folder: holds labels.csv (columns image and text) and the clips in images/.
        settings: as for `edge-ocr watch`; the defaults by default.
        reader: None for the one that the settings describe.

    Returns:
        The share of clips, 0..1, that gave exactly the right text as an event.

    """
    settings = settings or Settings()
    single = replace(settings, track=replace(settings.track, keep=1))
    reader = reader or open_reader(settings)
    fused: list[ClipResult] = []
    best: list[ClipResult] = []
    clips = labels(folder)
    if not clips:
        raise ValueError(f"{folder}/labels.csv lists no clips; name a folder with labels.csv and images/")
    for clip in clips:
        remembering, label = Remembering(reader), scored(clip.text, folded=False)
        fused.append(_watch(clip.image, label, settings, remembering))
        best.append(_watch(clip.image, label, single, remembering))
        print(fused[-1].line(), flush=True)
    print(summary("all frames fused", fused))
    print(summary("best frame alone", best))
    gain = sum(r.outcome is Outcome.RIGHT for r in fused) - sum(r.outcome is Outcome.RIGHT for r in best)
    print(f"the vote gains {gain / len(fused):+.1%}")
    return sum(result.outcome is Outcome.RIGHT for result in fused) / len(fused)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", type=Path, help="of labelled clips: labels.csv and images/")
    parser.add_argument("--config", type=Path, help="settings, as for 'edge-ocr watch'")
    parser.add_argument("--scale", type=float, default=1.0, help="reduce the frames to this share across and down")
    parser.add_argument("--noise", type=float, default=0.0, help="add noise of this many grey levels to them")
    parser.add_argument("--region", help="formats in the search, separated by commas; all by default")


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    settings = load(args.config) if args.config else Settings()
    if args.region:
        settings = replace(settings, regions=tuple(args.region.split(",")))
    reader: FrameReader = open_reader(settings)
    if (args.scale, args.noise) != (1.0, 0.0):
        reader = Degraded(reader, scale=args.scale, noise=args.noise)
    evaluate_clips(args.folder, settings, reader=reader)
    return 0


def summary(name: str, results: Sequence[ClipResult]) -> str:
    """One line on many clips."""
    outcomes = Counter(result.outcome for result in results)
    shares = ", ".join(f"{outcome} {outcomes[outcome]} ({outcomes[outcome] / len(results):.0%})" for outcome in Outcome)
    extra = sum(result.extra for result in results)
    return f"{name}: {shares}, extra events {extra} ({extra / len(results):.0%}) of {len(results)} clips"


def _watch(clip: Path, label: str, settings: Settings, reader: FrameReader) -> ClipResult:
    counts: Counter[str] = Counter()
    events = tuple(watch(str(clip), settings, reader=reader, clock=FakeClock(), counts=counts))
    rejected = Counter({reason: n for reason, n in counts.items() if reason not in ("frames", "looks", "events")})
    return ClipResult(clip.name, label, events, rejected)
