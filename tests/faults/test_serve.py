"""`edge-ocr serve` as a process: cameras that are fake, a systemd that is a socket, signals that are real."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from running import CLIP, PATIENCE, TEXT, Systemd, camera, serving

from edge_ocr.store.check import check

if TYPE_CHECKING:
    from pathlib import Path


def test_systemd_hears_that_it_is_ready_alive_and_stopping(tmp_path: Path, passing: Path, systemd: Systemd) -> None:
    told = {"NOTIFY_SOCKET": str(systemd.place), "WATCHDOG_USEC": "4000000"}
    with serving(tmp_path, camera("gate", f"fake://{passing}"), **told) as served:
        served.until(lambda: systemd.listen() or systemd.count("READY=1"), "READY")
        served.until(lambda: systemd.listen() or systemd.count("WATCHDOG=1") >= 3, "WATCHDOG")
        served.until(lambda: systemd.listen() or systemd.count("STATUS="), "STATUS")
        assert served.stop() == 0
        systemd.listen()
    assert [line for _, line in systemd.heard if line.startswith(("READY", "STOP"))] == ["READY=1", "STOPPING=1"]
    (status, *_) = [line for _, line in systemd.heard if line.startswith("STATUS=")]
    assert status.startswith("STATUS=1 of 1 cameras, ")


def test_the_watchdog_is_not_fed_while_no_frames_flow(tmp_path: Path, systemd: Systemd) -> None:
    told = {"NOTIFY_SOCKET": str(systemd.place), "WATCHDOG_USEC": "1000000"}
    with serving(tmp_path, camera("gate", "fake://?script=freeze"), **told) as served:
        served.until(lambda: systemd.listen() or systemd.count("READY=1"), "READY")
        end = time.monotonic() + 3
        served.until(lambda: systemd.listen() or time.monotonic() > end, "the end")
        assert systemd.count("WATCHDOG=1") == 0
        assert served.stop() == 0


def test_a_preview_comes_first_and_the_final_event_has_its_id_and_is_stored(tmp_path: Path, passing: Path) -> None:
    with serving(tmp_path, camera("gate", f"fake://{passing}")) as served:
        served.until(lambda: served.events(preview=False), "the event")
        assert served.stop() == 0
        (preview, final) = served.events()[:2]
    assert (preview["preview"], final["preview"]) == (True, False)
    assert preview["id"] == final["id"]
    assert (preview["text"], final["text"]) == (TEXT, TEXT)
    assert final["reads"] > preview["reads"]
    assert final["crop"] is not None
    report = check(tmp_path / "store")
    assert report.faults == ()
    assert report.counts["events"] == len(served.events(preview=False))


def test_sigterm_in_the_middle_of_a_track_still_tells_and_stores_it(tmp_path: Path, standing: Path) -> None:
    with serving(tmp_path, camera("gate", f"fake://{standing}")) as served:
        served.until(lambda: served.events(preview=True), "the preview")
        assert served.stop() == 0
    (final,) = served.events(preview=False)
    assert final["text"] == TEXT
    assert check(tmp_path / "store").counts["events"] == 1


def test_sighup_takes_a_changed_file_over_and_loses_no_track(tmp_path: Path, standing: Path) -> None:
    gate = camera("gate", f"fake://{standing}")
    with serving(tmp_path, "[vote]\ndecide_after_seconds = 3600\n" + gate) as served:
        served.until(lambda: served.events(preview=True), "the preview")
        served.configure("[vote]\ndecide_after_seconds = 0.5\n" + gate)
        served.process.send_signal(signal.SIGHUP)
        served.until(lambda: served.events(preview=False), "the final event")
        (preview, final) = served.events()
        assert preview["id"] == final["id"]
        assert preview["first"] == final["first"]
        assert "the configuration was read again" in served.err.read_text()
        assert served.stop() == 0


def test_sighup_with_a_wrong_file_is_refused_in_one_line_and_the_old_one_goes_on(tmp_path: Path, passing: Path) -> None:
    with serving(tmp_path, camera("gate", f"fake://{passing}")) as served:
        served.until(lambda: served.events(preview=True), "the preview")
        before = served.err.read_text()
        served.configure("[vote]\nmin_confidence = 7\n")
        served.process.send_signal(signal.SIGHUP)
        served.until(lambda: "stays as it was" in served.err.read_text(), "the refusal")
        (line,) = served.err.read_text().removeprefix(before).splitlines()
        assert "vote.min_confidence is 7, which is out of range" in line
        served.until(lambda: served.events(preview=False), "the event")
        assert served.stop() == 0


def test_sighup_adds_and_removes_cameras(tmp_path: Path, passing: Path, standing: Path) -> None:
    with serving(tmp_path, camera("gate", f"fake://{passing}")) as served:
        served.until(served.events, "an event")
        served.configure(camera("yard", f"fake://{standing}"))
        served.process.send_signal(signal.SIGHUP)
        served.until(lambda: any(event["camera"] == "yard" for event in served.events()), "an event of the new one")
        assert served.stop() == 0


def test_several_cameras_are_watched_and_one_that_fails_costs_the_others_nothing(tmp_path: Path, passing: Path) -> None:
    broken = camera("broken", "fake://?script=unplug") + "recovery = { reopens = 0, restarts = 0 }\n"
    tables = camera("one", f"fake://{passing}") + camera("two", f"fake://{passing}") + broken
    with serving(tmp_path, tables) as served:
        both = {"one", "two"}
        served.until(lambda: {event["camera"] for event in served.events(preview=False)} == both, "events of both")
        assert served.stop() == 0
    assert "broken" in served.err.read_text()


def test_with_every_camera_lost_it_ends_for_systemd_to_start_it_anew(tmp_path: Path) -> None:
    tables = camera("gate", "fake://?script=unplug") + "recovery = { reopens = 0, restarts = 0 }\n"
    with serving(tmp_path, tables) as served:
        assert served.process.wait(PATIENCE) == 75
    assert "camera gate is lost" in served.err.read_text()


@pytest.mark.parametrize(
    ("tables", "what"),
    [("", "names no camera"), (camera("gate", "fake://") + "zones = [[[0, 2]]]\n", "camera[0].zones")],
)
def test_a_wrong_configuration_is_one_line_and_exit_code_2(tmp_path: Path, tables: str, what: str) -> None:
    with serving(tmp_path, tables) as served:
        assert served.process.wait(PATIENCE) == 2
    (line,) = served.err.read_text().splitlines()
    assert what in line


def test_a_recording_is_served_to_its_end_and_then_there_is_nothing_left_to_do(tmp_path: Path) -> None:
    with serving(tmp_path, camera("gate", str(CLIP))) as served:
        assert served.process.wait(PATIENCE) == 0
    (event,) = served.events(preview=False)
    assert (event["camera"], event["text"]) == ("gate", TEXT)
