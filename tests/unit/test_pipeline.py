"""The pipeline on scripted sightings: which frames are looked at, what is read in them, and when it is told."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from scripted import ScriptedReader, Text, frame_of, passing, pipeline_of, run, standing

from edge_ocr.clock import FakeClock
from edge_ocr.config import parse
from edge_ocr.judge import Rejection
from edge_ocr.pipeline import Pipeline, open_reader
from edge_ocr.types import Direction, Frame
from edge_ocr.zones import Zones

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_what_passes_is_one_event_with_all_that_is_known_of_it() -> None:
    (event,) = run(pipeline_of(passing("CAFE", 3, 8)), 40)
    assert (event.reading.text, event.reads, event.unread, event.source) == ("CAFE", 8, 0, "gate")
    assert (event.first_frame, event.last_frame) == (3, 10)
    assert (event.first.mono, event.last.mono) == (0.3, 1.0)
    assert event.direction is Direction.RIGHT
    assert event.reading.confidence > 0.9


def test_the_event_comes_with_the_end_of_the_track_not_before() -> None:
    pipeline = pipeline_of({number: [Text("CAFE", 200)] for number in range(5)}, track={"max_missed_frames": 4})
    told = {number: pipeline.step(frame_of(number)) for number in range(12)}
    assert [number for number, events in told.items() if events] == [9]


def test_the_end_of_the_source_ends_the_tracks() -> None:
    pipeline = pipeline_of(passing("CAFE", 0, 5))
    assert [event for number in range(5) for event in pipeline.step(frame_of(number))] == []
    assert [event.reading.text for event in pipeline.finish()] == ["CAFE"]
    assert pipeline.finish() == []


def test_a_camera_that_counts_anew_ends_what_was_in_the_picture_and_is_read_on() -> None:
    before = {number: [Text("ABBA", 200)] for number in range(100, 104)}
    pipeline = pipeline_of({**before, **{number: [Text("CAFE", 200)] for number in range(4)}})
    anew = [replace(frame_of(number), stamp=frame_of(104 + number).stamp) for number in range(20)]
    frames = [*map(frame_of, before), *anew]
    events = [event for frame in frames for event in pipeline.step(frame)]
    assert [(event.reading.text, event.reads) for event in events] == [("ABBA", 4), ("CAFE", 4)]


def test_what_stands_there_after_a_long_gap_is_not_what_stood_there_before() -> None:
    script = {number: [Text("CAFE" if number < 5 else "DEAF", 200)] for number in range(10)}
    pipeline = pipeline_of(script)
    late = [replace(frame_of(number), stamp=frame_of(number + 110).stamp) for number in range(5, 10)]
    events = [event for frame in [*map(frame_of, range(5)), *late] for event in pipeline.step(frame)]
    events += pipeline.finish()
    assert [(event.reading.text, event.reads) for event in events] == [("CAFE", 5), ("DEAF", 5)]


def test_a_camera_that_gives_a_frame_every_ten_seconds_is_followed() -> None:
    pipeline = pipeline_of({number: [Text("CAFE", 200)] for number in range(6)}, decide_after_seconds=3600)
    events = [event for number in range(6) for event in pipeline.step(frame_of(number, fps=0.1))]
    (last,) = pipeline.finish()
    assert (events, last.reading.text, last.reads) == ([], "CAFE", 5)  # the first interval is not known to be usual


def test_the_crop_is_that_of_the_frame_that_supports_the_text_best() -> None:
    script = {number: [Text("CAFE", 200, sure=0.99 if number == 4 else 0.6)] for number in range(8)}
    (event,) = run(pipeline_of(script, min_confidence=0.1), 8)
    assert event.crop_frame == 4
    assert event.crop.shape == (30, 70, 3)  # the quad's 20 x 60 pixels with a quarter of its height around it
    assert (event.crop == 4).all()


def test_the_crop_does_not_keep_the_whole_frame_in_memory() -> None:
    (event,) = run(pipeline_of(passing("CAFE", 0, 4)), 4)
    assert event.crop.base is None


@pytest.mark.parametrize("x", [-25.0, 395.0, -500.0, 5000.0])
def test_a_crop_at_the_edge_has_what_there_is_of_it(x: float) -> None:
    script = {number: [Text("CAFE", x)] for number in range(3)}
    pipeline = pipeline_of(script)
    events = [event for number in range(3) for event in pipeline.step(frame_of(number))] + pipeline.finish()
    assert all(event.crop.size > 0 for event in events)


def test_two_at_once_are_two_events() -> None:
    script = {number: [Text("CAFE", 40 + 40 * number), Text("DEAF", 360 - 40 * number, 110)] for number in range(9)}
    events = run(pipeline_of(script), 30)
    assert [(event.reading.text, event.direction) for event in events] == [
        ("CAFE", Direction.RIGHT),
        ("DEAF", Direction.LEFT),
    ]


def test_what_stands_is_told_once_when_due_and_never_again() -> None:
    script = {number: [Text("CAFE", 200)] for number in range(600)}
    pipeline = pipeline_of(script, decide_after_seconds=5, repeat_seconds=10)
    told = {number: pipeline.step(frame_of(number)) for number in range(600)}
    assert [number for number, events in told.items() if events] == [50]
    assert pipeline.finish() == []
    assert pipeline.rejected == {}


def test_what_stood_for_long_is_still_known_when_its_track_breaks() -> None:
    shown = [*range(600), *range(650, 700)]
    pipeline = pipeline_of({n: [Text("CAFE", 200)] for n in shown}, decide_after_seconds=5, repeat_seconds=10)
    assert len(run(pipeline, 800)) == 1
    assert pipeline.rejected == {Rejection.REPEAT: 1}


def test_what_stands_in_doubt_is_looked_at_again() -> None:
    script = {number: [Text("CAFE", 200, sure=0.16 if number < 70 else 0.99)] for number in range(200)}
    pipeline = pipeline_of(script, track={"keep": 4}, decide_after_seconds=5, min_confidence=0.9)
    told = {number: pipeline.step(frame_of(number)) for number in range(200)}
    assert [number for number, events in told.items() if events] == [100]


def test_another_source_ends_the_tracks_of_the_one_before() -> None:
    pipeline = pipeline_of({number: [Text("CAFE" if number < 5 else "DEAF", 200)] for number in range(10)})
    events = [event for n in range(10) for event in pipeline.step(frame_of(n, source="a" if n < 5 else "b"))]
    events += pipeline.finish()
    assert [(event.source, event.reading.text, event.reads) for event in events] == [("a", "CAFE", 5), ("b", "DEAF", 5)]


def test_a_frame_that_raises_leaves_the_tracks_as_they_were() -> None:
    reader = ScriptedReader(passing("CAFE", 0, 6), broken={3})
    settings = parse({"gate": {"on": False}, "vote": {"preview_confidence": 1}}, origin="test")
    pipeline = Pipeline(reader, settings, random=bytes)
    for number in range(6):
        if number == 3:
            with pytest.raises(RuntimeError, match="broken"):
                pipeline.step(frame_of(number, source="other"))
        else:
            assert pipeline.step(frame_of(number)) == []
    assert [event.reads for event in pipeline.finish()] == [5]


def test_the_same_frames_give_the_same_events() -> None:
    script = {**passing("CAFE", 0, 7), **passing("ABBA", 30, 7)}
    first, second = (
        [event.as_json() for event in run(pipeline_of(script), 60)],
        [event.as_json() for event in run(pipeline_of(script), 60)],
    )
    assert first == second
    assert len(first) == 2


def test_a_threshold_that_is_configured_reaches_the_detector() -> None:
    image = cv2.imread(str(Path(__file__).parents[1] / "data/scenes/several.jpg"))
    found = {}
    for threshold in (0.01, None, 0.99):
        options = {} if threshold is None else {"detect": {"threshold": threshold}}
        reader = open_reader(parse({"regions": ["sk"], **options}, origin="test"))
        found[threshold] = len(reader.detector(image))
    assert found[0.01] > found[None] > found[0.99]


def test_an_event_knows_where_it_came_in_and_where_it_went_out() -> None:
    (event,) = run(pipeline_of(passing("CAFE", 0, 9)), 40)  # from x = 40 to 360 of 400
    assert (str(event.entry), str(event.exit), event.standing) == ("left", "right", False)


def test_texts_are_read_inside_zones_and_outside_masks_only() -> None:
    upper, lower = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.4), (0.0, 0.4)), ((0.0, 0.7), (1.0, 0.7), (1.0, 1.0), (0.0, 1.0))
    script = {
        number: [Text("CAFE", 200, y=40), Text("ABBA", 200, y=100), Text("DEAF", 200, y=180)] for number in range(6)
    }
    settings = parse({"gate": {"on": False}, "vote": {"preview_confidence": 1}}, origin="test")
    for zones, said in ((Zones((upper,)), ["CAFE"]), (Zones(masks=(upper, lower)), ["ABBA"])):
        pipeline = Pipeline(ScriptedReader(script), settings, zones=zones, random=bytes)
        assert [event.reading.text for event in run(pipeline, 6)] == said


def test_with_a_budget_each_vehicle_is_still_read_and_the_least_read_first() -> None:
    script = {number: [Text(text, x, y=y) for text, x, y in _THREE] for number in range(12)}
    pipeline = pipeline_of(script)
    reads = []
    for number in range(12):
        before = pipeline.reads
        pipeline.step(frame_of(number), most_reads=1)
        reads.append(pipeline.reads - before)
    events = pipeline.finish()
    assert reads == [3, *[1] * 11]  # new ones are read whatever the budget says
    assert sorted(event.reads for event in events) == [4, 5, 5]
    assert {event.reads + event.rejected["skipped"] for event in events} == {12}


_THREE = (("CAFE", 60.0, 30.0), ("ABBA", 200.0, 100.0), ("DEAF", 340.0, 170.0))


def _gated(script: dict[int, Sequence[Text]], **vote: Any) -> tuple[Pipeline, ScriptedReader]:
    """A pipeline with the gate on, over frames in which nothing moves."""
    reader = ScriptedReader(script)
    tables = {"gate": {"learn_seconds": 0.5, "look_seconds": 5.0}, "vote": {"preview_confidence": 1, **vote}}
    return Pipeline(reader, parse(tables, origin="test"), random=bytes), reader


def _still(number: int) -> Frame:
    return replace(frame_of(number), image=np.full((200, 400, 3), 90, np.uint8))


def test_where_nothing_moves_nothing_is_looked_at() -> None:
    pipeline, reader = _gated({})
    for number in range(100):
        pipeline.step(_still(number))
    assert pipeline.looks == len(reader.looked) <= 5 + 2


def test_what_stands_is_looked_at_until_it_is_told_and_then_left() -> None:
    pipeline, reader = _gated(standing("CAFE", range(300)), decide_after_seconds=2.0)
    told = {number: pipeline.step(_still(number)) for number in range(300)}
    ((number, (event,)),) = ((number, events) for number, events in told.items() if events)
    assert 19 <= number <= 22
    assert (event.reading.text, event.standing) == ("CAFE", True)
    assert len(reader.looked) <= number + 10
    assert pipeline.finish() == []


def test_what_stood_and_left_unseen_is_forgotten_with_the_next_look_at_everything() -> None:
    script = {**standing("CAFE", range(60)), **standing("ABBA", range(150, 200))}
    pipeline, _ = _gated(script, decide_after_seconds=1.0)
    events = [event for number in range(200) for event in pipeline.step(_still(number))]
    assert [event.reading.text for event in events] == ["CAFE", "ABBA"]


def test_settings_can_be_changed_while_a_track_goes_on() -> None:
    reader = ScriptedReader(passing("CAFE", 0, 8))
    tables: dict[str, Any] = {"gate": {"on": False}, "vote": {"min_reads": 100}}
    pipeline = Pipeline(reader, parse(tables, origin="test"), random=bytes)
    for number in range(4):
        pipeline.step(frame_of(number))
    tables["vote"] = {"preview_confidence": 1}
    pipeline.configure(reader, parse(tables, origin="test"))
    events = [event for number in range(4, 30) for event in pipeline.step(frame_of(number))]
    assert [event.reads for event in events] == [8]


def test_what_takes_the_place_of_what_was_told_is_another_event() -> None:
    script = {**standing("CAFE", range(40)), **standing("DEAF", range(40, 100))}
    pipeline = pipeline_of(script, decide_after_seconds=1.0)
    events = [event for number in range(100) for event in pipeline.step(frame_of(number))]
    assert [event.reading.text for event in events] == ["CAFE", "DEAF"]
    assert events[1].first_frame >= 40


def test_what_was_told_and_is_misread_now_and_then_stays_what_it_is() -> None:
    script = {**standing("ABBA", range(40)), **standing("ABBC", range(40, 100), sure=0.55)}
    script |= {number: [Text("CAFE", 200)] for number in range(50, 100, 20)}
    pipeline = pipeline_of(script, decide_after_seconds=1.0)
    events = [event for number in range(100) for event in pipeline.step(frame_of(number))]
    assert [event.reading.text for event in events] == ["ABBA"]


@pytest.mark.parametrize("step", [-20 * 365 * 86_400.0, 20 * 365 * 86_400.0, -60 * 365 * 86_400.0])
def test_a_wall_clock_that_steps_in_the_middle_of_a_passing_changes_nothing_but_its_own_times(step: float) -> None:
    """The last one is before 1970."""
    pipeline, clock, events = pipeline_of(passing("CAFE", 0, 8), preview_confidence=0.9), FakeClock(mono=5.0), []
    for number in range(30):
        if number == 4:
            clock.step_wall(step)
        events += pipeline.step(replace(frame_of(number), stamp=clock.stamp()))
        clock.advance(0.1)
    early, final = events
    assert (final.id, final.reads, final.direction) == (early.id, 8, Direction.RIGHT)
    assert final.last.mono - final.first.mono == pytest.approx(0.7)
    assert final.last.wall - final.first.wall == pytest.approx(0.7 + step)
    assert uuid.UUID(final.id).version == 7
    assert final.as_json()["last"]["wall"].endswith("Z")


def test_frames_of_one_moment_and_of_any_size_are_taken() -> None:
    reader = ScriptedReader(passing("CAFE", 0, 12))
    pipeline = Pipeline(reader, parse({"vote": {"preview_confidence": 1}}, origin="test"), random=bytes)
    sizes = ((200, 400, 3), (1, 1, 3), (3, 2000, 3), (16, 16, 3), (200, 400), (200, 400, 3))
    events = []
    for number in range(24):
        image = np.full(sizes[number // 2 % len(sizes)], 90, np.uint8)
        events += pipeline.step(replace(frame_of(number), image=image, stamp=frame_of(0).stamp))
    events += pipeline.finish()
    assert {event.reading.text for event in events} == {"CAFE"}
