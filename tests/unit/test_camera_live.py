"""A live camera's supervision, with a child that plays its part and a clock that moves when told."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from edge_ocr.camera import live
from edge_ocr.camera.job import Job, Word
from edge_ocr.camera.live import LiveCamera
from edge_ocr.camera.slot import Picture
from edge_ocr.clock import FakeClock
from edge_ocr.errors import CameraLost
from edge_ocr.tables import CameraSettings, RecoverySettings

RECOVERY = RecoverySettings(reopens=1, restarts=2, pause_seconds=1, pause_most_seconds=4, settle_seconds=5)
SETTINGS = CameraSettings(deadline_seconds=5, open_seconds=20, recovery=RECOVERY)


class Part:
    """A child that lives by a plan: at each moment, seconds after its start, a picture's number or a word."""

    def __init__(self, clock: FakeClock, plan: dict[float, int | Word]) -> None:
        self.clock = clock
        self.start = clock.monotonic()
        self.whole = plan
        self.plan = dict(plan)
        self.calls: list[str] = []

    def take(self, after: int) -> Picture | None:
        due = [
            at for at, what in self.plan.items() if isinstance(what, int) and self.start + at <= self.clock.monotonic()
        ]
        newest = max((self.plan[at] for at in due), default=0)
        for at in due:
            del self.plan[at]
        assert isinstance(newest, int)
        if newest <= after:
            return None
        return Picture(np.zeros((4, 4, 3), np.uint8), None, int(self.clock.monotonic() * 1e9) - 250_000_000, newest)

    def words(self) -> list[Word]:
        due = [
            at for at, what in self.plan.items() if isinstance(what, Word) and self.start + at <= self.clock.monotonic()
        ]
        return [word for at in due if isinstance(word := self.plan.pop(at), Word)]

    def wait(self, seconds: float) -> None:
        now = self.clock.monotonic()
        nearest = min((self.start + at for at in self.plan), default=now + seconds)
        self.clock.sleep(min(max(0.0, nearest - now), max(0.0, seconds)))

    def reopen(self) -> None:
        self.calls.append("reopen")
        if not self.plan:
            self.start, self.plan = self.clock.monotonic(), dict(self.whole)

    def kill(self) -> None:
        self.calls.append("kill")

    def close(self, seconds: float) -> None:
        self.calls.append(f"close within {seconds:g}")


class Stage:
    """Starts one child after the other, each with the next plan, the last one for ever."""

    def __init__(self, *plans: dict[float, int | Word], settings: CameraSettings = SETTINGS) -> None:
        self.clock = FakeClock(mono=1000)
        self.plans = list(plans)
        self.parts: list[Part] = []
        self.camera = LiveCamera(
            "fake://",
            settings,
            name="gate",
            clock=self.clock,
            spawn=self.spawn,
            now=lambda: int(self.clock.monotonic() * 1e9),
            random=lambda: 0.5,
        )

    def spawn(self, job: Job, name: str) -> Part:
        assert (job.source, name) == ("fake://", "gate")
        self.parts.append(Part(self.clock, self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]))
        return self.parts[-1]

    def watch(self, seconds: float) -> list[int]:
        """The numbers of the frames that come in so many seconds."""
        end, numbers = self.clock.monotonic() + seconds, []
        while self.clock.monotonic() < end:
            frame = self.camera.latest(end - self.clock.monotonic())
            if frame is not None:
                numbers.append(frame.number)
        return numbers


def steady(seconds: float, first: int = 1) -> dict[float, int | Word]:
    """A picture a second."""
    return {0.0: Word("opened", "4x4"), **{1.0 + at: first + at for at in range(int(seconds))}}


def test_frames_have_the_name_the_number_and_the_moment_when_they_were_taken() -> None:
    stage = Stage({0.5: 1})
    frame = stage.camera.latest(2)
    assert frame is not None
    assert (frame.source, frame.number) == ("gate", 0)
    assert frame.stamp.mono == pytest.approx(1000.5 - 0.25)
    assert frame.stamp.wall == pytest.approx(stage.clock.wall() - 0.25)


def test_a_thread_that_waits_between_two_clocks_does_not_turn_time_back() -> None:
    stage = Stage({1.0: 1, 2.0: 2, 3.0: 3})
    delays = iter([0.0, 1.5, 0.0])
    stage.camera._now = lambda: int((stage.clock.monotonic() + next(delays)) * 1e9)
    stamps = [frame.stamp for _ in range(3) if (frame := stage.camera.latest(1)) is not None]
    assert [stamp.mono for stamp in stamps] == pytest.approx([1000.75, 1000.75, 1002.75])
    assert [stamp.wall - stamp.mono for stamp in stamps] == pytest.approx([stage.clock.wall() - 1003] * 3)


def test_waiting_ends_when_the_time_is_over() -> None:
    stage = Stage({9.0: 1})
    assert stage.camera.latest(2.5) is None
    assert stage.clock.monotonic() == pytest.approx(1002.5)
    assert stage.camera.latest(0) is None
    assert stage.clock.monotonic() == pytest.approx(1002.5)


def test_what_was_overwritten_is_counted() -> None:
    stage = Stage({1.0: 1, 2.0: 5, 3.0: 6})
    assert stage.watch(4) == [0, 4, 5]
    assert stage.camera.dropped == 3


def test_numbers_go_on_over_a_new_process() -> None:
    stage = Stage({1.0: 1, 2.0: 4, 3.0: Word("ended", "killed")}, {1.0: 1, 2.0: 2})
    assert stage.watch(6) == [0, 3, 4, 5]
    assert stage.camera.dropped == 2


def test_a_fault_is_cured_by_the_same_process_at_once() -> None:
    stage = Stage({**steady(2), 2.5: Word("fault", "no picture"), **{3.0 + at: 3 + at for at in range(20)}})
    stage.watch(4)
    assert stage.parts[0].calls == ["reopen"]
    assert stage.camera.recoveries == {"reopen": 1, "restart": 0, "power_cycle": 0}
    assert stage.camera.trouble == "no picture"
    stage.watch(6)
    assert stage.camera.trouble is None
    assert len(stage.parts) == 1


def test_a_process_that_hangs_is_killed_after_the_deadline_and_a_new_one_started() -> None:
    stage = Stage(steady(2), steady(60))
    stage.watch(6.9)
    assert stage.parts[0].calls == []
    stage.watch(0.2)
    assert stage.parts[0].calls == ["kill"]
    assert len(stage.parts) == 2
    assert stage.camera.recoveries["restart"] == 1
    assert stage.watch(2.5) == [2, 3]


def test_a_process_that_dies_after_its_fault_is_not_asked_to_open_the_camera_again() -> None:
    stage = Stage({0.5: Word("fault", "unplugged"), 0.51: Word("ended", "killed")}, steady(9))
    stage.clock.advance(1)
    stage.camera.latest(0)
    stage.clock.advance(1)
    assert stage.watch(3)
    assert stage.parts[0].calls == ["kill"]
    assert stage.camera.recoveries == {"reopen": 0, "restart": 1, "power_cycle": 0}


def test_a_pause_is_slept_through_even_if_the_process_dies_meanwhile() -> None:
    recovery = replace(RECOVERY, reopens=2)
    plan = {0.5: Word("fault", "unplugged"), 1.0: Word("fault", "unplugged"), 1.2: Word("ended", "killed")}
    stage = Stage(plan, steady(9), settings=replace(SETTINGS, recovery=recovery))
    waits: list[float] = []
    stage.clock.sleep = lambda seconds: (waits.append(seconds), stage.clock.advance(max(0.0, seconds)))[1]  # type: ignore[method-assign]
    stage.watch(6)
    assert len(waits) < 30
    assert stage.camera.recoveries == {"reopen": 2, "restart": 1, "power_cycle": 0}


def test_opening_may_take_longer_than_a_picture_but_not_for_ever() -> None:
    stage = Stage({}, steady(9))
    stage.watch(19.9)
    assert stage.parts[0].calls == []
    stage.watch(0.2)
    assert stage.parts[0].calls == ["kill"]


def test_a_caller_who_was_away_gets_the_newest_picture_and_blames_nobody() -> None:
    stage = Stage(steady(100))
    stage.watch(3)
    stage.clock.advance(60)
    frame = stage.camera.latest(0)
    assert frame is not None
    assert frame.number == 62
    assert sum(stage.camera.recoveries.values()) == 0


def test_the_ladder_is_climbed_to_its_end_and_then_the_camera_is_lost() -> None:
    stage = Stage({0.5: Word("opened", "4x4"), 1.0: Word("fault", "unplugged")})
    with pytest.raises(CameraLost, match=r"camera gate is lost: unplugged \(tried for \d+ s: reopen 3x, restart 2x\)"):
        stage.watch(100)
    assert stage.camera.recoveries == {"reopen": 3, "restart": 2, "power_cycle": 0}
    assert "kill" in stage.parts[-1].calls
    with pytest.raises(CameraLost):
        stage.camera.latest(1)
    assert stage.camera.trouble is not None


def test_what_cannot_be_cured_is_lost_at_once() -> None:
    stage = Stage({0.5: Word("hopeless", "picamera2 is not installed; install it")})
    with pytest.raises(CameraLost, match="camera gate is lost: picamera2 is not installed; install it"):
        stage.watch(2)


class Command:
    """A power-cycle command that takes three seconds."""

    def __init__(self, settings: RecoverySettings, clock: FakeClock) -> None:
        assert settings.power_cycle == "cycle"
        self.clock = clock
        self.end = clock.monotonic() + 3
        self.until = clock.monotonic() + 30

    def done(self) -> str | None:
        return "" if self.clock.monotonic() >= self.end else None


def test_a_power_cycle_comes_between_and_is_followed_by_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "Power", Command)
    recovery = replace(RECOVERY, reopens=0, restarts=0, power_cycle="cycle", power_cycles=1)
    stage = Stage({1.0: Word("fault", "dead")}, steady(9), settings=replace(SETTINGS, recovery=recovery))
    assert stage.watch(4) == []
    assert stage.watch(2.5) == [0, 1]
    assert stage.camera.recoveries == {"reopen": 0, "restart": 0, "power_cycle": 1}
    assert len(stage.parts) == 2


def test_a_trouble_is_told_once_and_not_once_a_frame(caplog: pytest.LogCaptureFixture) -> None:
    settings = replace(SETTINGS, recovery=replace(RECOVERY, restarts=50))
    stage = Stage({0.5: Word("fault", "no such device")}, settings=settings)
    with caplog.at_level(logging.INFO):
        stage.watch(120)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "camera gate: no such device; opening it again",
        "camera gate: no such device; opening it with a new process in 1.0 s",
    ]


def test_being_well_again_is_told_with_how_long_it_took(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage({0.0: Word("fault", "busy")}, steady(30))
    with caplog.at_level(logging.INFO):
        stage.watch(40)
    assert any("camera gate is well again" in record.getMessage() for record in caplog.records)


def test_no_room_for_a_process_is_a_failure_like_others() -> None:
    stage = Stage(steady(9))
    real, failed = stage.spawn, []

    def spawn(job: Job, name: str) -> Part:
        if not failed:
            failed.append(True)
            raise OSError(11, "Resource temporarily unavailable")
        return real(job, name)

    stage.camera._spawn = spawn
    assert stage.watch(5)
    assert stage.camera.recoveries["restart"] == 1


def test_closing_closes_the_process_once() -> None:
    stage = Stage(steady(9))
    with stage.camera as camera:
        camera.latest(2)
    stage.camera.close()
    assert stage.parts[0].calls == ["close within 3"]
    with pytest.raises(ValueError, match="the camera is closed"):
        stage.camera.latest(1)


def test_a_negative_timeout_is_refused() -> None:
    with pytest.raises(ValueError, match="timeout is -1, but must not be below 0"):
        Stage({}).camera.latest(-1)


def test_closing_ends_a_power_cycle_that_runs() -> None:
    recovery = replace(RECOVERY, reopens=0, restarts=0, power_cycle="sleep 1000")
    stage = Stage({0.1: Word("fault", "dead")}, settings=replace(SETTINGS, recovery=recovery))
    stage.watch(1)
    power = stage.camera._power
    assert power is not None
    stage.camera.close()
    assert power._popen is not None
    assert power._popen.poll() is not None
