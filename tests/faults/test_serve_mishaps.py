"""What a bad day does to `edge-ocr serve`: asked to change and to end while cameras, disk and descriptors fail it."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from running import PATIENCE, TEXT, camera, serving

from edge_ocr.store.check import check

AGAIN = "[vote]\nrepeat_seconds = 0\n"  # every passing is an event


def test_a_reload_while_a_camera_is_on_a_rung_of_its_ladder_loses_no_track(tmp_path: Path, standing: Path) -> None:
    order = tmp_path / "order"
    gate = camera("gate", f"fake://{standing}?commands={order}")
    with serving(tmp_path, "[vote]\ndecide_after_seconds = 3600\n" + gate) as served:
        served.until(lambda: served.events(preview=True), "the preview")
        order.write_text("die\n")
        served.until(lambda: "was killed by signal 9" in served.err.read_text(), "the death")
        served.configure("[vote]\ndecide_after_seconds = 0.5\n" + gate)
        served.process.send_signal(signal.SIGHUP)
        served.until(lambda: served.events(preview=False), "the event")
        assert served.stop() == 0
    preview, final = served.events()[:2]
    assert (preview["id"], preview["first"]) == (final["id"], final["first"])
    assert "the camera's process was killed by signal 9; opening it with a new process" in served.err.read_text()


def test_sigterm_while_nothing_can_be_written_ends_in_time_and_says_what_is_lost(
    tmp_path: Path, standing: Path
) -> None:
    tables = "[vote]\ndecide_after_seconds = 3600\n" + camera("gate", f"fake://{standing}")
    with serving(tmp_path, tables) as served:
        served.until(lambda: served.events(preview=True), "the preview")
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (1000, 1000))
        assert served.stop() == 0
    assert "events cannot be stored, they wait in memory" in served.err.read_text()
    assert "the last events (1) could not be stored" in served.err.read_text()
    assert check(tmp_path / "store").faults == ()


def test_two_dozen_reloads_in_a_row_and_one_at_the_very_end_are_no_mishap(tmp_path: Path, passing: Path) -> None:
    tables = AGAIN + camera("gate", f"fake://{passing}")
    with serving(tmp_path, tables) as served:
        served.until(served.events, "the preview")
        for number in range(24):
            if number == 8:
                served.config.unlink()
            if number == 16:
                served.until(lambda: "the configuration stays as it was" in served.err.read_text(), "the refusal")
                served.configure(tables)
            served.process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
        before = len(served.events(preview=False))
        served.until(lambda: len(served.events(preview=False)) > before, "another event")
        served.process.send_signal(signal.SIGHUP)
        assert served.stop() == 0


def test_a_camera_that_dies_all_the_time_costs_the_other_one_nothing(tmp_path: Path, passing: Path) -> None:
    dying = camera("dying", f"fake://{passing}?script=run:5,die")
    with serving(tmp_path, AGAIN + dying + camera("other", f"fake://{passing}")) as served:
        served.until(
            lambda: sum(event["camera"] == "other" for event in served.events(preview=False)) >= 2,
            "events of the other",
        )
        assert served.stop() == 0
    assert {event["text"] for event in served.events() if event["camera"] == "other"} == {TEXT}
    assert len(served.err.read_text().splitlines()) < 20  # each cause once, not once a death


def test_a_camera_that_changes_its_size_in_the_middle_of_a_passing_is_read_on(tmp_path: Path, passing: Path) -> None:
    order = tmp_path / "order"
    with serving(tmp_path, AGAIN + camera("gate", f"fake://{passing}?commands={order}")) as served:
        for size in ("720x405", "960x540"):
            before = len(served.events(preview=True))
            served.until(lambda before=before: len(served.events(preview=True)) > before, "a preview")
            order.write_text(f"size:{size}\n")
            served.until(lambda: not order.exists(), "the change")
        before = len(served.events(preview=False))
        served.until(lambda: len(served.events(preview=False)) > before, "an event")
        assert served.stop() == 0
    assert "could not be processed" not in served.err.read_text()


def test_a_program_that_was_stopped_for_long_goes_on(tmp_path: Path, passing: Path) -> None:
    with serving(tmp_path, AGAIN + camera("gate", f"fake://{passing}")) as served:
        served.until(served.events, "the preview")
        served.process.send_signal(signal.SIGSTOP)
        time.sleep(6)  # longer than a camera's deadline
        served.process.send_signal(signal.SIGCONT)
        before = len(served.events(preview=False))
        served.until(lambda: len(served.events(preview=False)) > before + 1, "events")
        assert served.stop() == 0
    assert "is lost" not in served.err.read_text()


def test_a_store_that_is_removed_meanwhile_is_begun_anew(tmp_path: Path, passing: Path) -> None:
    with serving(tmp_path, AGAIN + camera("gate", f"fake://{passing}")) as served:
        served.until(lambda: served.events(preview=False), "an event")
        shutil.rmtree(tmp_path / "store")
        before = len(served.events(preview=False))
        served.until(lambda: len(served.events(preview=False)) > before, "another event")
        assert served.stop() == 0
    assert "was removed while it was in use" in served.err.read_text()
    assert check(tmp_path / "store").faults == ()


def test_a_camera_that_cannot_be_opened_again_for_want_of_descriptors_is_once_there_are_some(
    tmp_path: Path, passing: Path
) -> None:
    order = tmp_path / "order"
    with serving(tmp_path, AGAIN + camera("gate", f"fake://{passing}?commands={order}")) as served:
        served.until(lambda: served.events(preview=False), "an event")
        used = sum(1 for _ in Path(f"/proc/{served.process.pid}/fd").iterdir())
        resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE, (used - 6, 4096))
        order.write_text("die\n")
        served.until(lambda: "no process can be started" in served.err.read_text(), "the want")
        resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE, (1024, 4096))
        before = len(served.events(preview=False))
        served.until(lambda: len(served.events(preview=False)) > before, "another event")
        assert served.stop() == 0


def test_when_whoever_read_the_events_has_gone_the_last_ones_are_stored(tmp_path: Path, passing: Path) -> None:
    config = tmp_path / "edge-ocr.toml"
    store = f'[store]\nfolder = "{tmp_path}/store"\n[web]\nenabled = false\n'
    config.write_text(AGAIN + camera("gate", f"fake://{passing}") + store)
    command = [sys.executable, "-m", "edge_ocr", "serve", "--json", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE) == 141
    report = check(tmp_path / "store")
    assert report.faults == ()
    assert report.counts["events"] >= 1
