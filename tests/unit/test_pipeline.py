"""The pipeline on scripted sightings: what becomes an event, when, and what is only counted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge_ocr import ctc
from edge_ocr.clock import FakeClock
from edge_ocr.config import parse
from edge_ocr.grammar import word_grammar
from edge_ocr.judge import Rejection, uuid7
from edge_ocr.pipeline import Pipeline, open_reader
from edge_ocr.types import Direction, Frame, Kind, Quad, Sighting, Strip
from edge_ocr.zones import Zones

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


def test_a_camera_that_counts_anew_ends_what_was_in_the_picture_and_is_read_on() -> None:
    before = {number: [_Text("ABBA", 200)] for number in range(100, 104)}
    pipeline = _pipeline({**before, **{number: [_Text("CAFE", 200)] for number in range(4)}})
    anew = [replace(_frame(number), stamp=_frame(104 + number).stamp) for number in range(20)]
    frames = [*map(_frame, before), *anew]
    events = [event for frame in frames for event in pipeline.step(frame)]
    assert [(event.reading.text, event.reads) for event in events] == [("ABBA", 4), ("CAFE", 4)]


def test_what_stands_there_after_a_long_gap_is_not_what_stood_there_before() -> None:
    script = {number: [_Text("CAFE" if number < 5 else "DEAF", 200)] for number in range(10)}
    pipeline = _pipeline(script)
    late = [replace(_frame(number), stamp=_frame(number + 110).stamp) for number in range(5, 10)]
    events = [event for frame in [*map(_frame, range(5)), *late] for event in pipeline.step(frame)]
    events += pipeline.finish()
    assert [(event.reading.text, event.reads) for event in events] == [("CAFE", 5), ("DEAF", 5)]


def test_a_camera_that_gives_a_frame_every_ten_seconds_is_followed() -> None:
    pipeline = _pipeline({number: [_Text("CAFE", 200)] for number in range(6)}, decide_after_seconds=3600)
    events = [event for number in range(6) for event in pipeline.step(_frame(number, fps=0.1))]
    (last,) = pipeline.finish()
    assert (events, last.reading.text, last.reads) == ([], "CAFE", 5)  # the first interval is not known to be usual


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
        *("quad", "crop", "crop_frame", "alternatives", "votes", "list", "decision"),
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


def _standing(text: str, frames: range, **more: Any) -> dict[int, list[_Text]]:
    return {number: [_Text(text, 200, **more)] for number in frames}


def test_what_is_certain_is_told_early_once_and_the_final_event_has_its_id() -> None:
    early, final = _run(_pipeline(_passing("CAFE", 0, 8), preview_confidence=0.9, preview_reads=3), 30)
    assert (early.preview, early.reads, early.last_frame, early.exit) == (True, 3, 2, None)
    assert (final.preview, final.reads) == (False, 8)
    assert early.id == final.id


def test_what_is_never_certain_is_not_told_early() -> None:
    events = _run(_pipeline(_passing("CAFE", 0, 8, sure=0.5), preview_confidence=0.999, min_confidence=0.1), 30)
    assert [event.preview for event in events] == [False]


def test_after_a_preview_the_final_event_comes_however_unsure_it_is_by_then() -> None:
    script = _passing("ABBA", 0, 3) | {number: [_Text("ABBC", 40 + 40 * number, sure=0.9)] for number in range(3, 8)}
    events = _run(_pipeline(script, preview_confidence=0.95, min_confidence=0.9), 30)
    assert [event.preview for event in events] == [True, False]
    assert events[1].reading.confidence < 0.9


def test_a_repeat_is_not_told_early_either() -> None:
    script = {**_passing("CAFE", 0, 6), **_passing("CAFE", 30, 6)}
    events = _run(_pipeline(script, preview_confidence=0.9, repeat_seconds=60), 60)
    assert [event.preview for event in events] == [True, False]


def test_an_event_counts_the_reads_that_do_not_speak_for_it() -> None:
    script = _passing("ABBA", 0, 8)
    script[2], script[3] = [_Text("", 120)], [_Text("ABBC", 160)]
    (event,) = _run(_pipeline(script, track={"keep": 5}), 30)
    assert event.reads == 8
    assert event.rejected["unread"] == 1
    assert event.rejected["surplus"] == 2
    assert set(event.rejected) <= {"unread", "surplus", "outvoted"}


def test_an_event_knows_where_it_came_in_and_where_it_went_out() -> None:
    (event,) = _run(_pipeline(_passing("CAFE", 0, 9)), 40)  # from x = 40 to 360 of 400
    assert (str(event.entry), str(event.exit), event.standing) == ("left", "right", False)


def test_a_vehicle_that_was_misread_once_is_the_same_event() -> None:
    script = {**_passing("ABBA", 0, 6), **_passing("ABBC", 30, 6, sure=0.6)}
    pipeline = _pipeline(script, min_confidence=0.1)
    assert [event.reading.text for event in _run(pipeline, 60)] == ["ABBA"]
    assert pipeline.rejected == {Rejection.REPEAT: 1}


@pytest.mark.parametrize(("sure", "allowed"), [(0.99, 3.0), (0.6, 0.0)])
def test_a_clearly_read_neighbour_in_the_fleet_is_another_event(sure: float, allowed: float) -> None:
    script = {**_passing("ABBA", 0, 6, sure=0.99), **_passing("ABBC", 30, 6, sure=sure)}
    events = _run(_pipeline(script, min_confidence=0.1, repeat_contradiction=allowed), 60)
    assert [event.reading.text for event in events] == ["ABBA", "ABBC"]


def test_what_is_written_beside_a_plate_is_no_event_of_its_own() -> None:
    script = _passing("CAFE", 0, 8)
    for number in range(2, 6):
        script[number].append(_Text("DEAF", 40 + 40 * number, y=60.0))
    pipeline = _pipeline(script)
    assert [event.reading.text for event in _run(pipeline, 40)] == ["CAFE"]
    assert pipeline.rejected == {Rejection.BESIDE: 1}


def test_texts_are_read_inside_zones_and_outside_masks_only() -> None:
    upper, lower = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.4), (0.0, 0.4)), ((0.0, 0.7), (1.0, 0.7), (1.0, 1.0), (0.0, 1.0))
    script = {
        number: [_Text("CAFE", 200, y=40), _Text("ABBA", 200, y=100), _Text("DEAF", 200, y=180)] for number in range(6)
    }
    settings = parse({"gate": {"on": False}, "vote": {"preview_confidence": 1}}, origin="test")
    for zones, said in ((Zones((upper,)), ["CAFE"]), (Zones(masks=(upper, lower)), ["ABBA"])):
        pipeline = Pipeline(_ScriptedReader(script), settings, zones=zones, random=bytes)
        assert [event.reading.text for event in _run(pipeline, 6)] == said


def test_with_a_budget_each_vehicle_is_still_read_and_the_least_read_first() -> None:
    script = {number: [_Text(text, x, y=y) for text, x, y in _THREE] for number in range(12)}
    pipeline = _pipeline(script)
    reads = []
    for number in range(12):
        before = pipeline.reads
        pipeline.step(_frame(number), most_reads=1)
        reads.append(pipeline.reads - before)
    events = pipeline.finish()
    assert reads == [3, *[1] * 11]  # new ones are read whatever the budget says
    assert sorted(event.reads for event in events) == [4, 5, 5]
    assert {event.reads + event.rejected["skipped"] for event in events} == {12}


_THREE = (("CAFE", 60.0, 30.0), ("ABBA", 200.0, 100.0), ("DEAF", 340.0, 170.0))


def _gated(script: dict[int, Sequence[_Text]], **vote: Any) -> tuple[Pipeline, _ScriptedReader]:
    """A pipeline with the gate on, over frames in which nothing moves."""
    reader = _ScriptedReader(script)
    tables = {"gate": {"learn_seconds": 0.5, "look_seconds": 5.0}, "vote": {"preview_confidence": 1, **vote}}
    return Pipeline(reader, parse(tables, origin="test"), random=bytes), reader


def _still(number: int) -> Frame:
    return replace(_frame(number), image=np.full((200, 400, 3), 90, np.uint8))


def test_where_nothing_moves_nothing_is_looked_at() -> None:
    pipeline, reader = _gated({})
    for number in range(100):
        pipeline.step(_still(number))
    assert pipeline.looks == len(reader.looked) <= 5 + 2


def test_what_stands_is_looked_at_until_it_is_told_and_then_left() -> None:
    pipeline, reader = _gated(_standing("CAFE", range(300)), decide_after_seconds=2.0)
    told = {number: pipeline.step(_still(number)) for number in range(300)}
    ((number, (event,)),) = ((number, events) for number, events in told.items() if events)
    assert 19 <= number <= 22
    assert (event.reading.text, event.standing) == ("CAFE", True)
    assert len(reader.looked) <= number + 10
    assert pipeline.finish() == []


def test_what_stood_and_left_unseen_is_forgotten_with_the_next_look_at_everything() -> None:
    script = {**_standing("CAFE", range(60)), **_standing("ABBA", range(150, 200))}
    pipeline, _ = _gated(script, decide_after_seconds=1.0)
    events = [event for number in range(200) for event in pipeline.step(_still(number))]
    assert [event.reading.text for event in events] == ["CAFE", "ABBA"]


def test_settings_can_be_changed_while_a_track_goes_on() -> None:
    reader = _ScriptedReader(_passing("CAFE", 0, 8))
    tables: dict[str, Any] = {"gate": {"on": False}, "vote": {"min_reads": 100}}
    pipeline = Pipeline(reader, parse(tables, origin="test"), random=bytes)
    for number in range(4):
        pipeline.step(_frame(number))
    tables["vote"] = {"preview_confidence": 1}
    pipeline.configure(reader, parse(tables, origin="test"))
    events = [event for number in range(4, 30) for event in pipeline.step(_frame(number))]
    assert [event.reads for event in events] == [8]


def test_what_takes_the_place_of_what_was_told_is_another_event() -> None:
    script = {**_standing("CAFE", range(40)), **_standing("DEAF", range(40, 100))}
    pipeline = _pipeline(script, decide_after_seconds=1.0)
    events = [event for number in range(100) for event in pipeline.step(_frame(number))]
    assert [event.reading.text for event in events] == ["CAFE", "DEAF"]
    assert events[1].first_frame >= 40


def test_what_was_told_and_is_misread_now_and_then_stays_what_it_is() -> None:
    script = {**_standing("ABBA", range(40)), **_standing("ABBC", range(40, 100), sure=0.55)}
    script |= {number: [_Text("CAFE", 200)] for number in range(50, 100, 20)}
    pipeline = _pipeline(script, decide_after_seconds=1.0)
    events = [event for number in range(100) for event in pipeline.step(_frame(number))]
    assert [event.reading.text for event in events] == ["ABBA"]
