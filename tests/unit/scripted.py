"""A reader that sees what a script says, for the tests of what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr import ctc
from edge_ocr.clock import FakeClock
from edge_ocr.config import parse
from edge_ocr.grammar import word_grammar
from edge_ocr.pipeline import Pipeline
from edge_ocr.types import Frame, Kind, Quad, Sighting, Strip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_ocr.types import Event, Image, Region

_ALPHABET = "ABCDEF"
GRAMMAR = word_grammar(["ABBA", "ABBC", "CAFE", "DEAF", "CAFEBABE", "FAD"], _ALPHABET)


@dataclass(frozen=True)
class Text:
    """What the scripted reader sees in a frame; ``sure`` is the probability of every character."""

    text: str
    x: float
    y: float = 100.0
    sure: float = 0.98


@dataclass
class ScriptedReader:
    """Answers each frame from a script; frame numbers that are not in it show nothing."""

    script: dict[int, Sequence[Text]]
    grammar: Any = GRAMMAR
    broken: set[int] = field(default_factory=set)
    looked: list[Sequence[Region] | None] = field(default_factory=list)

    def sightings(
        self,
        _image: Image,
        /,
        *,
        frame: int,
        regions: Sequence[Region] | None = None,
        choose: Callable[[list[Quad]], list[Quad]] | None = None,
    ) -> list[Sighting]:
        if frame in self.broken:
            raise RuntimeError("the frame is broken")
        shown = [sighting(item, frame) for item in self.script.get(frame, ())]
        self.looked.append(regions)
        found = {item.strip.quad: item for item in shown if regions is None or _is_in(item.strip.quad, regions)}
        return [found[quad] for quad in (choose or list)(list(found))]


def _is_in(quad: Quad, regions: Sequence[Region]) -> bool:
    x, y = (quad.corners[0][0] + quad.corners[2][0]) / 2, (quad.corners[0][1] + quad.corners[2][1]) / 2
    return any(region.left <= x < region.right and region.top <= y < region.bottom for region in regions)


def sighting(item: Text, frame: int) -> Sighting:
    x, y = item.x, item.y
    quad = Quad(((x - 30, y - 10), (x + 30, y - 10), (x + 30, y + 10), (x - 30, y + 10)), Kind.PLATE, 0.9)
    probs = np.full((2 * max(1, len(item.text)), len(_ALPHABET) + 1), (1 - item.sure) / len(_ALPHABET))
    for place, character in enumerate(item.text):
        probs[2 * place, 1 + _ALPHABET.index(character)] = item.sure
        probs[2 * place + 1, 0] = item.sure
    log_probs = np.log(probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)
    found = ctc.beam_search(log_probs, 16, 4, GRAMMAR.automaton) if item.text else ()
    return Sighting(frame, Strip(np.zeros((48, 160), np.uint8), quad), log_probs, tuple(found))


def frame_of(number: int, *, source: str = "gate", fps: float = 10.0) -> Frame:
    clock = FakeClock(mono=number / fps, wall=1_700_000_000 + number / fps)
    image = np.zeros((200, 400, 3), np.uint8)
    image[...] = number % 256
    return Frame(image, clock.stamp(), number, source)


def pipeline_of(script: dict[int, Sequence[Text]], *, track: Any = None, **vote: Any) -> Pipeline:
    """A pipeline that looks at every frame and tells no previews, unless told to."""
    tables = {"gate": {"on": False}, "track": track or {}, "vote": {"preview_confidence": 1, **vote}}
    settings = parse(tables, origin="test")
    return Pipeline(ScriptedReader(script), settings, random=bytes)


def run(pipeline: Pipeline, frames: int, **more: Any) -> list[Event]:
    events = [event for number in range(frames) for event in pipeline.step(frame_of(number, **more))]
    return [*events, *pipeline.finish()]


def passing(text: str, first: int, frames: int, **more: Any) -> dict[int, list[Text]]:
    return {first + i: [Text(text, 40 + 40 * i, **more)] for i in range(frames)}


def standing(text: str, frames: range, **more: Any) -> dict[int, list[Text]]:
    return {number: [Text(text, 200, **more)] for number in frames}
