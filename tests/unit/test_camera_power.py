"""The power-cycle command: run once, bounded, and told when it fails."""

from __future__ import annotations

import time

from edge_ocr.camera.power import Power
from edge_ocr.clock import FakeClock
from edge_ocr.tables import RecoverySettings


def ended(command: str) -> str:
    power = Power(RecoverySettings(power_cycle=command), FakeClock())
    end = time.monotonic() + 60
    while (said := power.done()) is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return said


def test_a_command_that_works_says_nothing() -> None:
    assert ended("true") == ""


def test_a_command_that_fails_is_told() -> None:
    assert ended("sh -c 'exit 3'") == "the power_cycle command ended with status 3; try it by hand"


def test_a_command_that_is_not_there_is_told() -> None:
    assert "the power_cycle command 'no-such-command' cannot be run" in ended("no-such-command")
    assert "cannot be run (No closing quotation)" in ended("echo 'half")


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started() -> None:
    clock = FakeClock()
    power = Power(RecoverySettings(power_cycle="sh -c 'sleep 100; true'", power_cycle_seconds=5), clock)
    assert power.done() is None
    clock.advance(5)
    assert power.done() == "the power_cycle command took longer than 5 s and was ended; correct it"
    assert power._popen is not None
    assert power._popen.wait(60) == -9
