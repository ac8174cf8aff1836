"""Watching a source on disk with a scripted reader: all of it, in order, whatever single frames do."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge_ocr import ctc
from edge_ocr.clock import FakeClock
from edge_ocr.config import parse
from edge_ocr.errors import SourceError, StoreError
from edge_ocr.grammar import word_grammar
from edge_ocr.health import Health
from edge_ocr.runtime import watch
from edge_ocr.store import Database
from edge_ocr.tables import HealthSettings
from edge_ocr.types import Kind, Quad, Sighting, Strip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_ocr.types import Event, Image

_GRAMMAR = word_grammar(["AB", "BA"], "AB")


class _Reader:
    """Reads 'AB' in every frame, but fails or sees nothing where it is told to."""

    grammar = _GRAMMAR

    def __init__(
        self, fails: Callable[[int], bool] = lambda _: False, blind: Callable[[int], bool] = lambda _: False
    ) -> None:
        self._fails, self._blind = fails, blind

    def sightings(self, _image: Image, /, *, frame: int, **_: object) -> list[Sighting]:
        if self._fails(frame):
            raise RuntimeError("the interpreter tripped")
        if self._blind(frame):
            return []
        log_probs = np.full((4, 3), np.log(0.01), np.float32)
        log_probs[[0, 1, 2, 3], [1, 0, 2, 0]] = np.log(0.98)
        quad = Quad(((10.0, 10.0), (40.0, 10.0), (40.0, 20.0), (10.0, 20.0)), Kind.PLATE, 0.9)
        found = ctc.beam_search(log_probs, 8, 4, _GRAMMAR.automaton)
        return [Sighting(frame, Strip(np.zeros((48, 160), np.uint8), quad), log_probs, tuple(found))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty small frames."""
    place = tmp_path / "frames"
    place.mkdir()
    for number in range(30):
        cv2.imwrite(str(place / f"{number}.png"), np.full((60, 80, 3), number, np.uint8))
    return place


def _watch(source: Path | str, reader: _Reader, counts: Counter[str] | None = None, **tables: Any) -> Iterator[Event]:
    tables["vote"] = {"min_characters": 2, **tables.get("vote", {})}
    tables.setdefault("gate", {"on": False})  # every frame is to be read, though nothing moves
    settings = parse(tables, origin="test")
    clock = FakeClock(mono=100.0, wall=1_700_000_000.0)
    return watch(str(source), settings, reader=reader, clock=clock, random=bytes, counts=counts)


def test_every_frame_is_processed_and_time_is_that_of_the_recording(folder: Path) -> None:
    counts: Counter[str] = Counter()
    (event,) = _watch(folder, _Reader(), counts)
    assert (event.reading.text, event.reads, event.first_frame, event.last_frame) == ("AB", 30, 0, 29)
    assert event.first.mono == 100.0
    assert event.last.mono == pytest.approx(102.9)
    assert counts == {"frames": 30, "looks": 30, "events": 1}


def test_watching_twice_gives_the_same(folder: Path) -> None:
    first = [event.as_json() for event in _watch(folder, _Reader())]
    assert first == [event.as_json() for event in _watch(folder, _Reader())]


def test_frames_that_fail_are_counted_told_once_and_passed_over(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    counts: Counter[str] = Counter()
    with caplog.at_level(logging.WARNING):
        (event,) = _watch(folder, _Reader(lambda number: 10 <= number < 14 or number == 20), counts)
    assert event.reads == 25
    assert counts == {"frames": 30, "looks": 25, "failed frames": 5, "events": 1}
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder}: frame 10 could not be processed",
        f"{folder}: frame 20 could not be processed",
    ]


def test_a_fault_that_fails_every_frame_is_raised(folder: Path) -> None:
    counts: Counter[str] = Counter()
    with pytest.raises(RuntimeError, match="tripped"):
        list(_watch(folder, _Reader(lambda _: True), counts))
    assert counts["failed frames"] == 25


def test_tracks_without_an_event_are_counted_by_reason(folder: Path) -> None:
    counts: Counter[str] = Counter()
    assert list(_watch(folder, _Reader(), counts, vote={"min_reads": 31})) == []
    assert counts == {"frames": 30, "looks": 30, "few reads": 1}


def test_a_watch_that_fails_has_counted_until_then(folder: Path) -> None:
    counts: Counter[str] = Counter()
    tables = {"track": {"max_missed_frames": 0}, "vote": {"min_reads": 4}}
    with pytest.raises(RuntimeError, match="tripped"):
        list(_watch(folder, _Reader(fails=lambda n: n > 3, blind=lambda n: n > 1), counts, **tables))
    assert counts == {"frames": 29, "looks": 4, "failed frames": 25, "few reads": 1}


def test_a_broken_file_among_others_costs_nothing_but_itself(folder: Path) -> None:
    (folder / "14a.png").write_bytes(b"not an image")
    assert [event.reads for event in _watch(folder, _Reader())] == [30]


def test_what_looks_like_no_camera_is_a_file_that_is_missing() -> None:
    with pytest.raises(SourceError, match="picamera2:0: no such file"):
        next(_watch("picamera2:0", _Reader()))


def test_a_missing_source_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.mp4: no such file"):
        list(_watch(tmp_path / "none.mp4", _Reader()))


def test_events_are_stored_before_they_are_handed_on(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "store"
    (event,) = _watch(folder, _Reader(), store={"folder": str(place)})
    assert event.crop_file is not None
    assert (place / event.crop_file).is_file()
    with Database.open(place, FakeClock()) as store:
        assert [{**row, "seq": 0} for row in store.events()] == [{"seq": 0, **event.as_json()}]


def test_events_are_queued_for_every_destination(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "store"
    publish = {"files": {"folder": str(tmp_path / "days")}, "mqtt": {"host": "127.0.0.1", "port": 1, "tls": False}}
    (event,) = _watch(folder, _Reader(), store={"folder": str(place)}, publish=publish)
    (line,) = (tmp_path / "days/2023-11-14.jsonl").read_text().splitlines()
    assert json.loads(line) == event.as_json()
    with Database.open(place, FakeClock(mono=1e6)) as store:  # nobody listens there: it waits for the next watch
        assert [parcel.key for parcel in store.outbox.pending("mqtt", 1e6, 9)] == [event.id]
        assert store.outbox.pending("files", 1e6, 9) == []


def test_events_carry_what_the_lists_say(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lists.csv").write_text("list,plate,name\ndeny,ab,Ann\n")
    (event,) = _watch(folder, _Reader(), lists={"file": str(tmp_path / "lists.csv")})
    assert event.decision is not None
    assert (event.decision.action, event.decision.name, event.as_json()["list"]) == ("refuse", "Ann", "AB")


def test_lists_that_are_broken_are_told_and_no_lists(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (event,) = _watch(folder, _Reader(), lists={"file": str(tmp_path / "lists.csv")})
    assert event.as_json()["list"] is None
    assert "lists.csv: cannot be read" in caplog.text


def test_what_privacy_forbids_is_neither_stored_nor_handed_on(folder: Path, tmp_path: Path) -> None:
    place, counts = tmp_path / "store", Counter[str]()
    (tmp_path / "lists.csv").write_text("list,plate\n")
    tables = {"privacy": {"mode": "listed"}, "lists": {"file": str(tmp_path / "lists.csv")}}
    assert list(_watch(folder, _Reader(), counts=counts, store={"folder": str(place)}, **tables)) == []
    assert counts["not kept"] == 1
    with Database.open(place, FakeClock()) as store:
        assert store.events() == []


def test_tracks_without_an_event_are_kept_with_the_reason(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "store"
    assert list(_watch(folder, _Reader(), store={"folder": str(place)}, vote={"min_reads": 31})) == []
    with Database.open(place, FakeClock()) as store:
        (missed,) = store.attempts.latest(10)
    assert (missed["reason"], missed["text"], missed["reads"], missed["camera"]) == ("few reads", "AB", 30, str(folder))


def test_without_a_store_the_event_names_no_crop(folder: Path) -> None:
    (event,) = _watch(folder, _Reader())
    assert event.crop_file is None


def test_a_store_that_cannot_be_made_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match="taken"):
        _watch(folder, _Reader(), store={"folder": str(tmp_path / "taken")})


def test_a_watch_that_was_never_begun_lets_go_of_the_store(folder: Path, tmp_path: Path) -> None:
    tables = {"store": {"folder": str(tmp_path / "store")}}
    _watch(folder, _Reader(), **tables).close()  # type: ignore[attr-defined]
    assert len(list(_watch(folder, _Reader(), **tables))) == 1


def test_a_source_may_be_a_path_object(folder: Path) -> None:
    clock = FakeClock(mono=100.0, wall=1_700_000_000.0)
    settings = parse({"vote": {"min_characters": 2}}, origin="test")
    assert len(list(watch(folder, settings, reader=_Reader(), clock=clock))) == 1
    with pytest.raises(TypeError, match="path"):
        watch(3, settings, reader=_Reader())  # type: ignore[arg-type]


def test_an_abandoned_watch_lets_go_of_the_store(folder: Path, tmp_path: Path) -> None:
    tables = {"store": {"folder": str(tmp_path / "store")}, "vote": {"decide_after_seconds": 0.5}}
    abandoned = _watch(folder, _Reader(), **tables)
    next(abandoned)
    with pytest.raises(StoreError, match="another process"):
        list(_watch(folder, _Reader(), **tables))
    abandoned.close()  # type: ignore[attr-defined]
    assert len(list(_watch(folder, _Reader(), **tables))) == 1


def test_health_sees_frames_events_and_what_waits(folder: Path, tmp_path: Path) -> None:
    clock = FakeClock(mono=100.0, wall=1_700_000_000.0)
    health = Health(
        HealthSettings(min_disk_mb=0.0, min_memory_mb=0.0, max_queue_age_seconds=1e6), clock, folder=tmp_path
    )
    tables = {
        "vote": {"min_characters": 2},
        "store": {"folder": str(tmp_path / "store")},
        "lists": {"file": str(tmp_path / "none.csv")},
        "publish": {"mqtt": {"host": "127.0.0.1", "port": 1, "tls": False}},
    }
    events = watch(str(folder), parse(tables, origin="test"), reader=_Reader(), clock=clock, health=health)
    next(events)
    during = health.snapshot()
    assert next(events, None) is None
    after = {sample.name: sample.value for sample in health.snapshot().samples}
    told = {sample.name: sample.value for sample in during.samples}
    assert (told["frames"], told["events"], told["queue_depth"], told["dead_letters"]) == (30, 1, 1, 0)
    assert any(reason.startswith("lists: ") for reason in during.reasons)
    assert "queue_depth" not in after
