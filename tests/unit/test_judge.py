"""What becomes of a track: an event, a preview, or a reason why it is none."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from scripted import ScriptedReader, Text, frame_of, passing, pipeline_of, run

from edge_ocr.config import parse
from edge_ocr.judge import Rejection, uuid7
from edge_ocr.pipeline import Pipeline

if TYPE_CHECKING:
    from edge_ocr.types import Stamp


def test_one_wrong_frame_is_outvoted() -> None:
    script = passing("ABBA", 0, 6)
    script[3] = [Text("ABBC", script[3][0].x)]
    (event,) = run(pipeline_of(script), 20)
    assert event.reading.text == "ABBA"
    assert event.reads == 6


def test_unreadable_frames_of_a_track_are_counted() -> None:
    script = passing("CAFE", 0, 6)
    script[2] = [Text("", script[2][0].x)]
    (event,) = run(pipeline_of(script), 20)
    assert (event.reads, event.unread) == (6, 1)


@pytest.mark.parametrize(
    ("script", "vote", "reason"),
    [
        (passing("", 0, 6), {}, Rejection.UNREAD),
        (passing("CAFE", 0, 1), {"min_reads": 2}, Rejection.FEW_READS),
        ({**passing("", 0, 6), 2: [Text("CAFE", 120)]}, {"min_reads": 2}, Rejection.FEW_READS),
        (passing("CAFE", 0, 2, sure=0.4), {"min_confidence": 0.99}, Rejection.LOW_CONFIDENCE),
    ],
)
def test_too_little_evidence_is_no_event_but_is_counted(script: Any, vote: Any, reason: Rejection) -> None:
    pipeline = pipeline_of(script, **vote)
    assert run(pipeline, 20) == []
    assert pipeline.rejected == {reason: 1}


def test_a_repeat_within_the_set_time_is_the_same_event() -> None:
    pipeline = pipeline_of({**passing("CAFE", 0, 5), **passing("CAFE", 60, 5)}, repeat_seconds=10)
    assert [event.first_frame for event in run(pipeline, 100)] == [0]
    assert pipeline.rejected == {Rejection.REPEAT: 1}


def test_a_repeat_after_the_set_time_is_a_new_event() -> None:
    pipeline = pipeline_of({**passing("CAFE", 0, 5), **passing("CAFE", 60, 5)}, repeat_seconds=5)
    assert [event.first_frame for event in run(pipeline, 100)] == [0, 60]


def _two(whole: range, part: range, part_text: str = "CAFE") -> dict[int, list[Text]]:
    """A standing plate, and another box far from it on a part of the same or on something else."""
    script: dict[int, list[Text]] = {}
    for number in whole:
        script.setdefault(number, []).append(Text("CAFEBABE", 100))
    for number in part:
        script.setdefault(number, []).append(Text(part_text, 350))
    return script


@pytest.mark.parametrize(
    "part", [range(20), range(2, 5), range(40, 45)], ids=["ends together", "ends before", "comes later"]
)
def test_a_part_of_a_text_in_sight_or_just_told_is_a_fragment(part: range) -> None:
    pipeline = pipeline_of(_two(range(20), part), track={"max_missed_frames": 3})
    assert [event.reading.text for event in run(pipeline, 80)] == ["CAFEBABE"]
    assert pipeline.rejected == {Rejection.FRAGMENT: 1}


def test_a_part_of_a_text_of_long_ago_is_an_event() -> None:
    pipeline = pipeline_of(_two(range(20), range(60, 70)), track={"max_missed_frames": 3}, repeat_seconds=2)
    assert [event.reading.text for event in run(pipeline, 80)] == ["CAFEBABE", "CAFE"]


def test_events_that_come_together_come_in_the_order_of_their_tracks() -> None:
    pipeline = pipeline_of(_two(range(3, 20), range(20), "DEAF"))
    assert [event.reading.text for event in run(pipeline, 30)] == ["DEAF", "CAFEBABE"]


@pytest.mark.parametrize(
    ("kind", "least", "told"), [("plate", None, 0), ("plate", 3, 1), ("word", None, 1), ("word", 4, 0)]
)
def test_short_texts_are_told_only_where_they_are_to_be_expected(kind: str, least: int | None, told: int) -> None:
    tables = {"kind": kind, "gate": {"on": False}, "vote": {"min_characters": least, "preview_confidence": 1}}
    settings = parse(tables, origin="test")
    pipeline = Pipeline(ScriptedReader(passing("FAD", 0, 6)), settings, random=bytes)
    assert len(run(pipeline, 20)) == told
    assert pipeline.rejected == ({} if told else {Rejection.SHORT: 1})


def test_every_repeat_prolongs_the_time() -> None:
    script = {**passing("CAFE", 0, 5), **passing("CAFE", 60, 5), **passing("CAFE", 120, 5)}
    pipeline = pipeline_of(script, repeat_seconds=10)
    assert len(run(pipeline, 150)) == 1


def test_an_event_as_json_has_the_fields_of_the_contract() -> None:
    (event,) = run(pipeline_of(passing("ABBA", 3, 8)), 40)
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
    stamps: list[Stamp] = [frame_of(number).stamp for number in (0, 1, 1000)]
    ids = [uuid7(stamp.wall, bytes) for stamp in stamps]
    assert ids == sorted(ids)
    parsed = uuid.UUID(ids[0])
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == 1_700_000_000_000


def test_an_id_before_1970_is_of_1970() -> None:
    assert uuid7(-5.0, bytes) == "00000000-0000-7000-8000-000000000000"


def test_what_is_certain_is_told_early_once_and_the_final_event_has_its_id() -> None:
    early, final = run(pipeline_of(passing("CAFE", 0, 8), preview_confidence=0.9, preview_reads=3), 30)
    assert (early.preview, early.reads, early.last_frame, early.exit) == (True, 3, 2, None)
    assert (final.preview, final.reads) == (False, 8)
    assert early.id == final.id


def test_what_is_never_certain_is_not_told_early() -> None:
    events = run(pipeline_of(passing("CAFE", 0, 8, sure=0.5), preview_confidence=0.999, min_confidence=0.1), 30)
    assert [event.preview for event in events] == [False]


def test_after_a_preview_the_final_event_comes_however_unsure_it_is_by_then() -> None:
    script = passing("ABBA", 0, 3) | {number: [Text("ABBC", 40 + 40 * number, sure=0.9)] for number in range(3, 8)}
    events = run(pipeline_of(script, preview_confidence=0.95, min_confidence=0.9), 30)
    assert [event.preview for event in events] == [True, False]
    assert events[1].reading.confidence < 0.9


def test_a_repeat_is_not_told_early_either() -> None:
    script = {**passing("CAFE", 0, 6), **passing("CAFE", 30, 6)}
    events = run(pipeline_of(script, preview_confidence=0.9, repeat_seconds=60), 60)
    assert [event.preview for event in events] == [True, False]


def test_an_event_counts_the_reads_that_do_not_speak_for_it() -> None:
    script = passing("ABBA", 0, 8)
    script[2], script[3] = [Text("", 120)], [Text("ABBC", 160)]
    (event,) = run(pipeline_of(script, track={"keep": 5}), 30)
    assert event.reads == 8
    assert event.rejected["unread"] == 1
    assert event.rejected["surplus"] == 2
    assert set(event.rejected) <= {"unread", "surplus", "outvoted"}


def test_a_vehicle_that_was_misread_once_is_the_same_event() -> None:
    script = {**passing("ABBA", 0, 6), **passing("ABBC", 30, 6, sure=0.6)}
    pipeline = pipeline_of(script, min_confidence=0.1)
    assert [event.reading.text for event in run(pipeline, 60)] == ["ABBA"]
    assert pipeline.rejected == {Rejection.REPEAT: 1}


@pytest.mark.parametrize(("sure", "allowed"), [(0.99, 3.0), (0.6, 0.0)])
def test_a_clearly_read_neighbour_in_the_fleet_is_another_event(sure: float, allowed: float) -> None:
    script = {**passing("ABBA", 0, 6, sure=0.99), **passing("ABBC", 30, 6, sure=sure)}
    events = run(pipeline_of(script, min_confidence=0.1, repeat_contradiction=allowed), 60)
    assert [event.reading.text for event in events] == ["ABBA", "ABBC"]


def test_what_is_written_beside_a_plate_is_no_event_of_its_own() -> None:
    script = passing("CAFE", 0, 8)
    for number in range(2, 6):
        script[number].append(Text("DEAF", 40 + 40 * number, y=60.0))
    pipeline = pipeline_of(script)
    assert [event.reading.text for event in run(pipeline, 40)] == ["CAFE"]
    assert pipeline.rejected == {Rejection.BESIDE: 1}
