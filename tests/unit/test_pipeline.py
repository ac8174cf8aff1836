"""The pipeline on scripted sightings: what becomes an event, when, and what is only counted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge_ocr import ctc
from edge_ocr.clock import FakeClock
from edge_ocr.config import parse
from edge_ocr.grammar import word_grammar
from edge_ocr.pipeline import Pipeline, Rejection, open_reader, uuid7
from edge_ocr.types import Direction, Frame, Kind, Quad, Sighting, Strip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_ocr.types import Event, Image, Region, Stamp

_ALPHABET = "ABCDEF"
_GRAMMAR = word_grammar(["ABBA", "ABBC", "CAFE", "DEAF", "CAFEBABE", "FAD"], _ALPHABET)


@dataclass(frozen=True)
class _Text:
    """What the scripted reader sees in a frame; ``sure`` is the probability of every character."""

    text: str
    x: float
    y: float = 100.0
    sure: float = 0.98


@dataclass
class _ScriptedReader:
    """Answers each frame from a script; frame numbers that are not in it show nothing."""

    script: dict[int, Sequence[_Text]]
    grammar: Any = _GRAMMAR
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
        shown = [_sighting(item, frame) for item in self.script.get(frame, ())]
        self.looked.append(regions)
        found = {item.strip.quad: item for item in shown if regions is None or _is_in(item.strip.quad, regions)}
        return [found[quad] for quad in (choose or list)(list(found))]


def _is_in(quad: Quad, regions: Sequence[Region]) -> bool:
    x, y = (quad.corners[0][0] + quad.corners[2][0]) / 2, (quad.corners[0][1] + quad.corners[2][1]) / 2
    return any(region.left <= x < region.right and region.top <= y < region.bottom for region in regions)


def _sighting(item: _Text, frame: int) -> Sighting:
    x, y = item.x, item.y
    quad = Quad(((x - 30, y - 10), (x + 30, y - 10), (x + 30, y + 10), (x - 30, y + 10)), Kind.PLATE, 0.9)
    probs = np.full((2 * max(1, len(item.text)), len(_ALPHABET) + 1), (1 - item.sure) / len(_ALPHABET))
    for place, character in enumerate(item.text):
        probs[2 * place, 1 + _ALPHABET.index(character)] = item.sure
        probs[2 * place + 1, 0] = item.sure
    log_probs = np.log(probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)
    found = ctc.beam_search(log_probs, 16, 4, _GRAMMAR.automaton) if item.text else ()
    return Sighting(frame, Strip(np.zeros((48, 160), np.uint8), quad), log_probs, tuple(found))


def _frame(number: int, *, source: str = "gate", fps: float = 10.0) -> Frame:
    clock = FakeClock(mono=number / fps, wall=1_700_000_000 + number / fps)
    image = np.zeros((200, 400, 3), np.uint8)
    image[...] = number % 256
    return Frame(image, clock.stamp(), number, source)


def _pipeline(script: dict[int, Sequence[_Text]], *, track: Any = None, **vote: Any) -> Pipeline:
    """A pipeline that looks at every frame and tells no previews, unless told to."""
    tables = {"gate": {"on": False}, "track": track or {}, "vote": {"preview_confidence": 1, **vote}}
    settings = parse(tables, origin="test")
    return Pipeline(_ScriptedReader(script), settings, random=bytes)


def _run(pipeline: Pipeline, frames: int, **more: Any) -> list[Event]:
    events = [event for number in range(frames) for event in pipeline.step(_frame(number, **more))]
    return [*events, *pipeline.finish()]


def _passing(text: str, first: int, frames: int, **more: Any) -> dict[int, list[_Text]]:
    return {first + i: [_Text(text, 40 + 40 * i, **more)] for i in range(frames)}


def test_what_passes_is_one_event_with_all_that_is_known_of_it() -> None:
    (event,) = _run(_pipeline(_passing("CAFE", 3, 8)), 40)
    assert (event.reading.text, event.reads, event.unread, event.source) == ("CAFE", 8, 0, "gate")
    assert (event.first_frame, event.last_frame) == (3, 10)
    assert (event.first.mono, event.last.mono) == (0.3, 1.0)
    assert event.direction is Direction.RIGHT
    assert event.reading.confidence > 0.9


def test_the_event_comes_with_the_end_of_the_track_not_before() -> None:
    pipeline = _pipeline({number: [_Text("CAFE", 200)] for number in range(5)}, track={"max_missed_frames": 4})
    told = {number: pipeline.step(_frame(number)) for number in range(12)}
    assert [number for number, events in told.items() if events] == [9]


def test_the_end_of_the_source_ends_the_tracks() -> None:
    pipeline = _pipeline(_passing("CAFE", 0, 5))
    assert [event for number in range(5) for event in pipeline.step(_frame(number))] == []
    assert [event.reading.text for event in pipeline.finish()] == ["CAFE"]
    assert pipeline.finish() == []


def test_the_crop_is_that_of_the_frame_that_supports_the_text_best() -> None:
    script = {number: [_Text("CAFE", 200, sure=0.99 if number == 4 else 0.6)] for number in range(8)}
    (event,) = _run(_pipeline(script, min_confidence=0.1), 8)
    assert event.crop_frame == 4
    assert event.crop.shape == (30, 70, 3)  # the quad's 20 x 60 pixels with a quarter of its height around it
    assert (event.crop == 4).all()


def test_the_crop_does_not_keep_the_whole_frame_in_memory() -> None:
    (event,) = _run(_pipeline(_passing("CAFE", 0, 4)), 4)
    assert event.crop.base is None


@pytest.mark.parametrize("x", [-25.0, 395.0, -500.0, 5000.0])
def test_a_crop_at_the_edge_has_what_there_is_of_it(x: float) -> None:
    script = {number: [_Text("CAFE", x)] for number in range(3)}
    pipeline = _pipeline(script)
    events = [event for number in range(3) for event in pipeline.step(_frame(number))] + pipeline.finish()
    assert all(event.crop.size > 0 for event in events)


def test_one_wrong_frame_is_outvoted() -> None:
    script = _passing("ABBA", 0, 6)
    script[3] = [_Text("ABBC", script[3][0].x)]
    (event,) = _run(_pipeline(script), 20)
    assert event.reading.text == "ABBA"
    assert event.reads == 6


def test_unreadable_frames_of_a_track_are_counted() -> None:
    script = _passing("CAFE", 0, 6)
    script[2] = [_Text("", script[2][0].x)]
    (event,) = _run(_pipeline(script), 20)
    assert (event.reads, event.unread) == (6, 1)


@pytest.mark.parametrize(
    ("script", "vote", "reason"),
    [
        (_passing("", 0, 6), {}, Rejection.UNREAD),
        (_passing("CAFE", 0, 1), {"min_reads": 2}, Rejection.FEW_READS),
        ({**_passing("", 0, 6), 2: [_Text("CAFE", 120)]}, {"min_reads": 2}, Rejection.FEW_READS),
        (_passing("CAFE", 0, 2, sure=0.4), {"min_confidence": 0.99}, Rejection.LOW_CONFIDENCE),
    ],
)
def test_too_little_evidence_is_no_event_but_is_counted(script: Any, vote: Any, reason: Rejection) -> None:
    pipeline = _pipeline(script, **vote)
    assert _run(pipeline, 20) == []
    assert pipeline.rejected == {reason: 1}


def test_a_repeat_within_the_set_time_is_the_same_event() -> None:
    pipeline = _pipeline({**_passing("CAFE", 0, 5), **_passing("CAFE", 60, 5)}, repeat_seconds=10)
    assert [event.first_frame for event in _run(pipeline, 100)] == [0]
    assert pipeline.rejected == {Rejection.REPEAT: 1}


def test_a_repeat_after_the_set_time_is_a_new_event() -> None:
    pipeline = _pipeline({**_passing("CAFE", 0, 5), **_passing("CAFE", 60, 5)}, repeat_seconds=5)
    assert [event.first_frame for event in _run(pipeline, 100)] == [0, 60]


def _two(whole: range, part: range, part_text: str = "CAFE") -> dict[int, list[_Text]]:
    """A standing plate, and another box far from it on a part of the same or on something else."""
    script: dict[int, list[_Text]] = {}
    for number in whole:
        script.setdefault(number, []).append(_Text("CAFEBABE", 100))
    for number in part:
        script.setdefault(number, []).append(_Text(part_text, 350))
    return script


@pytest.mark.parametrize(
    "part", [range(20), range(2, 5), range(40, 45)], ids=["ends together", "ends before", "comes later"]
)
def test_a_part_of_a_text_in_sight_or_just_told_is_a_fragment(part: range) -> None:
    pipeline = _pipeline(_two(range(20), part), track={"max_missed_frames": 3})
    assert [event.reading.text for event in _run(pipeline, 80)] == ["CAFEBABE"]
    assert pipeline.rejected == {Rejection.FRAGMENT: 1}


def test_a_part_of_a_text_of_long_ago_is_an_event() -> None:
    pipeline = _pipeline(_two(range(20), range(60, 70)), track={"max_missed_frames": 3}, repeat_seconds=2)
    assert [event.reading.text for event in _run(pipeline, 80)] == ["CAFEBABE", "CAFE"]


def test_events_that_come_together_come_in_the_order_of_their_tracks() -> None:
    pipeline = _pipeline(_two(range(3, 20), range(20), "DEAF"))
    assert [event.reading.text for event in _run(pipeline, 30)] == ["DEAF", "CAFEBABE"]


@pytest.mark.parametrize(
    ("kind", "least", "told"), [("plate", None, 0), ("plate", 3, 1), ("word", None, 1), ("word", 4, 0)]
)
def test_short_texts_are_told_only_where_they_are_to_be_expected(kind: str, least: int | None, told: int) -> None:
    tables = {"kind": kind, "gate": {"on": False}, "vote": {"min_characters": least, "preview_confidence": 1}}
    settings = parse(tables, origin="test")
    pipeline = Pipeline(_ScriptedReader(_passing("FAD", 0, 6)), settings, random=bytes)
    assert len(_run(pipeline, 20)) == told
    assert pipeline.rejected == ({} if told else {Rejection.SHORT: 1})


def test_every_repeat_prolongs_the_time() -> None:
    script = {**_passing("CAFE", 0, 5), **_passing("CAFE", 60, 5), **_passing("CAFE", 120, 5)}
    pipeline = _pipeline(script, repeat_seconds=10)
    assert len(_run(pipeline, 150)) == 1


def test_two_at_once_are_two_events() -> None:
    script = {number: [_Text("CAFE", 40 + 40 * number), _Text("DEAF", 360 - 40 * number, 110)] for number in range(9)}
    events = _run(_pipeline(script), 30)
    assert [(event.reading.text, event.direction) for event in events] == [
        ("CAFE", Direction.RIGHT),
        ("DEAF", Direction.LEFT),
    ]


def test_what_stands_is_told_once_when_due_and_never_again() -> None:
    script = {number: [_Text("CAFE", 200)] for number in range(600)}
    pipeline = _pipeline(script, decide_after_seconds=5, repeat_seconds=10)
    told = {number: pipeline.step(_frame(number)) for number in range(600)}
    assert [number for number, events in told.items() if events] == [50]
    assert pipeline.finish() == []
    assert pipeline.rejected == {}


def test_what_stood_for_long_is_still_known_when_its_track_breaks() -> None:
    shown = [*range(600), *range(650, 700)]
    pipeline = _pipeline({n: [_Text("CAFE", 200)] for n in shown}, decide_after_seconds=5, repeat_seconds=10)
    assert len(_run(pipeline, 800)) == 1
    assert pipeline.rejected == {Rejection.REPEAT: 1}


def test_what_stands_in_doubt_is_looked_at_again() -> None:
    script = {number: [_Text("CAFE", 200, sure=0.16 if number < 70 else 0.99)] for number in range(200)}
    pipeline = _pipeline(script, track={"keep": 4}, decide_after_seconds=5, min_confidence=0.9)
    told = {number: pipeline.step(_frame(number)) for number in range(200)}
    assert [number for number, events in told.items() if events] == [100]


def test_another_source_ends_the_tracks_of_the_one_before() -> None:
    pipeline = _pipeline({number: [_Text("CAFE" if number < 5 else "DEAF", 200)] for number in range(10)})
    events = [event for n in range(10) for event in pipeline.step(_frame(n, source="a" if n < 5 else "b"))]
    events += pipeline.finish()
    assert [(event.source, event.reading.text, event.reads) for event in events] == [("a", "CAFE", 5), ("b", "DEAF", 5)]


def test_a_frame_that_raises_leaves_the_tracks_as_they_were() -> None:
    reader = _ScriptedReader(_passing("CAFE", 0, 6), broken={3})
    settings = parse({"gate": {"on": False}, "vote": {"preview_confidence": 1}}, origin="test")
    pipeline = Pipeline(reader, settings, random=bytes)
    for number in range(6):
        if number == 3:
            with pytest.raises(RuntimeError, match="broken"):
                pipeline.step(_frame(number, source="other"))
        else:
            assert pipeline.step(_frame(number)) == []
    assert [event.reads for event in pipeline.finish()] == [5]


def test_the_same_frames_give_the_same_events() -> None:
    script = {**_passing("CAFE", 0, 7), **_passing("ABBA", 30, 7)}
    first, second = (
        [event.as_json() for event in _run(_pipeline(script), 60)],
        [event.as_json() for event in _run(_pipeline(script), 60)],
    )
    assert first == second
    assert len(first) == 2


def test_an_event_as_json_has_the_fields_of_the_contract() -> None:
    (event,) = _run(_pipeline(_passing("ABBA", 3, 8)), 40)
    row = event.as_json()
    assert set(row) == {
        *("id", "camera", "kind", "text", "confidence", "reads", "unread", "region", "first", "last", "direction"),
        *("entry", "exit", "standing", "rejected", "preview"),
        *("quad", "crop", "crop_frame", "alternatives", "list", "decision"),
    }
    assert row["first"] == {
        "wall": "2023-11-14T22:13:20.300Z",
        "monotonic": 0.3,
        "frame": 3,
        "boot_id": "fake-boot",
        "synced": True,
    }
    assert (row["camera"], row["kind"], row["direction"], row["list"], row["crop"]) == (
        "gate",
        "plate",
        "right",
        None,
        None,
    )
    assert [len(point) for point in row["quad"]] == [2, 2, 2, 2]
    assert row["alternatives"][0]["text"] == "ABBC"


def test_ids_sort_by_time_and_are_valid_uuids() -> None:
    stamps: list[Stamp] = [_frame(number).stamp for number in (0, 1, 1000)]
    ids = [uuid7(stamp.wall, bytes) for stamp in stamps]
    assert ids == sorted(ids)
    parsed = uuid.UUID(ids[0])
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == 1_700_000_000_000


def test_an_id_before_1970_is_of_1970() -> None:
    assert uuid7(-5.0, bytes) == "00000000-0000-7000-8000-000000000000"


def test_a_threshold_that_is_configured_reaches_the_detector() -> None:
    image = cv2.imread(str(Path(__file__).parents[1] / "data/scenes/several.jpg"))
    found = {}
    for threshold in (0.01, None, 0.99):
        options = {} if threshold is None else {"detect": {"threshold": threshold}}
        reader = open_reader(parse({"regions": ["sk"], **options}, origin="test"))
        found[threshold] = len(reader.detector(image))
    assert found[0.01] > found[None] > found[0.99]
