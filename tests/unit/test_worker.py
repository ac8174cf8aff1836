"""One camera's thread: what it tells of a camera in trouble, and that no fault of it ends."""

from __future__ import annotations

import time
from dataclasses import replace
from queue import Queue
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge_ocr import worker as module
from edge_ocr.clock import SystemClock
from edge_ocr.errors import CameraLost
from edge_ocr.health import Health
from edge_ocr.pace import Pace
from edge_ocr.tables import CameraSettings, HealthSettings, PaceSettings
from edge_ocr.types import Event, Frame, Kind, Quad, Reading
from edge_ocr.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 60.0


class _Source:
    """A camera that gives frames, or is in trouble, or is lost, as it is told."""

    live, ended, dropped = True, False, 0

    def __init__(self) -> None:
        self.trouble: str | None = None
        self.lost = self.mistake = False
        self.frames = 0
        self.recoveries: dict[str, int] = {}
        self.closed = 0

    def latest(self, _: float) -> Frame | None:
        time.sleep(0.005)
        if self.mistake:
            raise RuntimeError("a mistake")
        if self.lost:
            raise CameraLost("camera gate is lost: no picture")
        if self.trouble is not None:
            return None
        self.frames += 1
        return Frame(np.zeros((8, 8, 3), np.uint8), SystemClock().stamp(), self.frames, "gate")

    def close(self) -> None:
        self.closed += 1


class _Pipeline:
    """Reads nothing; counts what it is given."""

    def __init__(self) -> None:
        self.frames = self.reads = 0
        self.missed: list[Any] = []
        self.rejected: dict[str, int] = {}
        self.broken = False
        self.told: list[Any] = []

    def step(self, _: Frame, *, most_reads: int | None) -> list[Any]:
        del most_reads
        if self.broken:
            raise RuntimeError("the frame is broken")
        self.frames += 1
        told, self.told = self.told, []
        return told

    def finish(self) -> list[Any]:
        return []


def _until(done: Callable[[], object]) -> None:
    end = time.monotonic() + _PATIENCE
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    clock, source, pipeline = SystemClock(), _Source(), _Pipeline()
    opened: list[_Source] = []

    def open_source(*_: Any, **__: Any) -> _Source:
        opened.append(source)
        return source

    monkeypatch.setattr(module, "open_source", open_source)
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "_MOST_PAUSE", 0.02)
    health = Health(HealthSettings(min_disk_mb=0, min_memory_mb=0), clock)
    pace = Pace(PaceSettings(), lambda: (None, False))
    settings = CameraSettings(name="gate", source="fake://")
    worker = Worker(settings, pipeline, pace, clock, health, Queue(1))  # type: ignore[arg-type]
    worker.start()
    yield SimpleNamespace(worker=worker, source=source, pipeline=pipeline, health=health, opened=opened)
    worker.stop()
    assert worker.join(_PATIENCE)


def test_a_camera_in_trouble_turns_the_status_red_with_its_reason_and_green_again(watched: SimpleNamespace) -> None:
    _until(lambda: watched.pipeline.frames)
    assert watched.health.snapshot().ok
    watched.source.trouble = "rtsp://gate hangs"
    assert watched.health.snapshot().reasons == ("camera gate: rtsp://gate hangs",)
    assert watched.worker.trouble == "rtsp://gate hangs"
    watched.source.trouble = None
    assert watched.health.snapshot().ok


def test_a_lost_camera_is_told_and_opened_again_and_is_in_no_trouble_of_its_own(watched: SimpleNamespace) -> None:
    _until(lambda: watched.pipeline.frames)
    watched.source.trouble, watched.source.lost = "no picture", True
    _until(lambda: watched.worker.gone and watched.worker.trouble is None)
    assert "camera gate is lost" in str(watched.worker.lost)
    watched.source.trouble, watched.source.lost = None, False
    _until(lambda: watched.worker.lost is None)
    assert len(watched.opened) >= 2
    assert watched.source.closed >= 1


def test_frames_that_fail_in_a_row_have_the_camera_opened_again(watched: SimpleNamespace) -> None:
    _until(lambda: watched.pipeline.frames)
    watched.pipeline.broken = True
    _until(lambda: len(watched.opened) >= 2)
    watched.pipeline.broken = False
    before = watched.pipeline.frames
    _until(lambda: watched.pipeline.frames > before and watched.worker.lost is None)


def test_a_mistake_in_the_program_is_told_twice_and_ends_the_thread_after_a_few_fresh_starts(
    watched: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    _until(lambda: watched.pipeline.frames)
    watched.source.mistake = True
    assert watched.worker.join(_PATIENCE)
    assert watched.worker.broken == "a mistake"
    assert len(watched.opened) == 1 + module._MOST_FAULTS
    told = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [bool(record.exc_info) for record in told] == [True, False]
    assert "5 fresh starts did not cure it: a mistake" in caplog.text


def test_mistakes_that_come_seldom_are_not_the_same_that_comes_again(
    watched: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CALM_SECONDS", 0.0)
    watched.source.mistake = True
    _until(lambda: len(watched.opened) > 2 * module._MOST_FAULTS)
    assert watched.worker.broken is None
    watched.source.mistake = False


def test_a_lost_camera_is_tried_for_ever(watched: SimpleNamespace) -> None:
    watched.source.lost = True
    _until(lambda: len(watched.opened) > 2 * module._MOST_FAULTS)
    assert watched.worker.broken is None


def test_of_frames_that_fail_one_is_told(watched: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    _until(lambda: watched.pipeline.frames)
    watched.pipeline.broken = True
    _until(lambda: len(watched.opened) >= 3)
    watched.pipeline.broken = False
    assert sum("could not be processed" in record.getMessage() for record in caplog.records) == 1


def test_what_the_queue_has_no_room_for_is_lost_and_counted_but_previews_are_not(watched: SimpleNamespace) -> None:
    quad = Quad(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), Kind.PLATE, 1.0)
    reading, stamp = Reading("AB12", 0.9, Kind.PLATE, None, quad), SystemClock().stamp()
    event = Event("one", "gate", reading, 3, 0, stamp, stamp, 0, 9, None, 4)
    preview = replace(event, preview=True)
    watched.pipeline.told = [event, preview, replace(event, id="two"), preview]
    _until(lambda: not watched.pipeline.told)
    before = watched.pipeline.frames
    _until(lambda: watched.pipeline.frames > before)
    figures = {(sample.name, sample.labels): sample.value for sample in watched.health.snapshot().samples}
    assert figures["lost", (("camera", "gate"),)] == 1


def test_a_thread_that_was_given_up_takes_nothing_away_from_the_one_after_it(watched: SimpleNamespace) -> None:
    _until(lambda: watched.pipeline.frames)
    watched.worker.disown()
    watched.health.watch("camera gate", lambda: "the next one is in trouble")
    watched.worker.stop()
    assert watched.worker.join(_PATIENCE)
    assert watched.health.snapshot().reasons == ("camera gate: the next one is in trouble",)


def test_a_change_that_fails_is_made_again_and_those_after_it_in_their_order(watched: SimpleNamespace) -> None:
    _until(lambda: watched.pipeline.frames)
    made: list[str] = []

    def first(*_: Any) -> None:
        made.append("first")
        if made.count("first") < 3:
            raise RuntimeError("a mistake")

    watched.worker.change(first)
    watched.worker.change(lambda *_: made.append("second"))
    _until(lambda: "second" in made)
    assert made == ["first", "first", "first", "second"]
    before = watched.pipeline.frames
    _until(lambda: watched.pipeline.frames > before and watched.worker.lost is None)


def test_a_change_that_never_succeeds_ends_the_thread_for_the_program_to_start_with_it(
    watched: SimpleNamespace,
) -> None:
    _until(lambda: watched.pipeline.frames)
    watched.worker.change(lambda *_: 1 / 0)
    assert watched.worker.join(_PATIENCE)
    assert watched.worker.broken == "division by zero"
