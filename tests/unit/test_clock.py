"""The clocks: what the real one promises, and that the fake one moves only when told."""

from __future__ import annotations

import ctypes
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from edge_ocr import clock as clock_module
from edge_ocr.clock import Clock, FakeClock, SystemClock, synchronised

if TYPE_CHECKING:
    from pathlib import Path


class _Kernel:
    """Answers adjtimex like a kernel in a chosen state."""

    def __init__(self, answer: int, status: int) -> None:
        self._answer, self._status = answer, status

    def adjtimex(self, pointer: Any) -> int:
        pointer._obj.status = self._status
        return self._answer


@pytest.mark.parametrize(
    ("answer", "status", "expected"), [(0, 0x2001, True), (5, 0x0040, False), (0, 0x0041, False), (-1, 0, False)]
)
def test_the_clock_is_synchronised_only_if_the_kernel_vouches_for_it(
    monkeypatch: pytest.MonkeyPatch, answer: int, status: int, expected: bool
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: _Kernel(answer, status))
    assert synchronised() is expected


def test_a_libc_without_adjtimex_is_not_synchronised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert synchronised() is False


def test_the_real_kernel_answers_with_a_bool() -> None:
    assert synchronised() in (True, False)


def test_the_system_clock_tells_both_times_and_the_boot() -> None:
    wall, mono = time.time(), time.clock_gettime(time.CLOCK_BOOTTIME)
    stamp = SystemClock().stamp()
    assert wall <= stamp.wall <= time.time()
    assert mono <= stamp.mono <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", stamp.boot_id)


def test_two_system_clocks_of_one_boot_name_the_same_boot() -> None:
    assert SystemClock().stamp().boot_id == SystemClock().stamp().boot_id


def test_a_hidden_boot_id_is_empty_rather_than_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clock_module, "_BOOT_ID", tmp_path / "missing")
    assert SystemClock().stamp().boot_id == ""


def test_the_system_clock_sleeps_at_least_as_long_as_asked_and_not_for_negative_times() -> None:
    clock = SystemClock()
    start = clock.monotonic()
    clock.sleep(0.01)
    clock.sleep(-1.0)
    assert 0.009 < clock.monotonic() - start < 60.0


def test_the_fake_clock_never_sleeps_and_moves_both_clocks() -> None:
    clock: Clock = FakeClock(mono=10.0, wall=1000.0)
    started = time.monotonic()
    clock.sleep(86_400.0)
    assert time.monotonic() - started < 60.0
    assert (clock.monotonic(), clock.wall()) == (86_410.0, 87_400.0)


def test_a_step_of_the_wall_clock_leaves_the_monotonic_clock_alone() -> None:
    clock = FakeClock(mono=10.0, wall=1000.0)
    clock.step_wall(-500.0)
    stamp = clock.stamp()
    assert (stamp.mono, stamp.wall) == (10.0, 500.0)


def test_the_fake_clock_cannot_go_back() -> None:
    with pytest.raises(ValueError, match=r"seconds is -1\.0.*step_wall"):
        FakeClock().advance(-1.0)


def test_stamps_of_the_fake_clock_say_what_they_were_told() -> None:
    clock = FakeClock(boot_id="b", synced=False)
    assert (clock.stamp().boot_id, clock.stamp().synced) == ("b", False)
    clock.synced = True
    assert clock.stamp().synced is True
