"""What is installed on a device fits the program: its settings load, its graphs draw figures that exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_ocr import config
from edge_ocr.health import COUNTERS, GAUGES
from edge_ocr.types import Action

FIRMWARE = Path(__file__).parents[2] / "firmware_configs"
JOBS = ("embedded-camera", "offline-kiosk", "parking-lot")
FIGURES = {f"edge_ocr_{name}_total" for name in COUNTERS} | {f"edge_ocr_{name}" for name in GAUGES}


def job(name: str) -> config.Settings:
    """As the program itself loads it."""
    return config.load(FIRMWARE / f"{name}.toml")


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_cameras_and_keeps_its_events_where_the_service_may_write(name: str) -> None:
    settings = job(name)
    assert settings.camera
    assert len({camera.name for camera in settings.camera}) == len(settings.camera)
    assert settings.store.folder == Path("/var/lib/edge-ocr")
    written = [settings.lists.file, settings.publish.files.folder]
    assert all(path is None or path.is_relative_to("/var/lib/edge-ocr") for path in written)


@pytest.mark.parametrize("name", JOBS)
def test_the_pages_of_a_job_are_for_this_machine_alone(name: str) -> None:
    assert job(name).web.address == "127.0.0.1"


def test_a_barrier_opens_for_sure_texts_alone_and_not_before_somebody_said_so() -> None:
    settings = job("embedded-camera")
    assert settings.publish.relay.dry_run
    assert settings.lists.unlisted is Action.REFUSE
    assert settings.lists.allow.max_distance == 0
    assert settings.vote.min_confidence >= 0.95


def test_a_kiosk_sends_nothing_anywhere() -> None:
    assert job("offline-kiosk").publish.destinations == ()


def expressions(value: Any) -> list[str]:
    """Every query in nested JSON."""
    if isinstance(value, dict):
        own = [value[key] for key in ("expr", "query") if isinstance(value.get(key), str)]
        return own + [found for part in value.values() for found in expressions(part)]
    return [found for part in value for found in expressions(part)] if isinstance(value, list) else []


def figures(text: str) -> set[str]:
    """The figures that are named in a text."""
    return set(re.findall(r"\bedge_ocr_[a-z_]+", text))


def test_every_panel_draws_figures_that_the_program_tells() -> None:
    board = json.loads((FIRMWARE / "grafana/edge-ocr.json").read_text("utf-8"))
    for panel in board["panels"]:
        for query in expressions(panel):
            assert figures(query), panel["title"]
    named = figures("\n".join(expressions(board)))
    assert named <= FIGURES, f"the program does not tell {named - FIGURES}"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_most_figures_that_the_program_tells_are_drawn() -> None:
    named = figures((FIRMWARE / "grafana/edge-ocr.json").read_text("utf-8"))
    assert len(named & FIGURES) > 0.75 * len(FIGURES)


def test_no_panel_lies_on_another() -> None:
    places = set()
    for panel in json.loads((FIRMWARE / "grafana/edge-ocr.json").read_text("utf-8"))["panels"]:
        where = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(where["x"], where["x"] + where["w"])
            for y in range(where["y"], where["y"] + where["h"])
        }
        assert not cells & places, panel["title"]
        assert where["x"] + where["w"] <= 24
        places |= cells


def test_every_alarm_asks_for_figures_that_the_program_tells() -> None:
    named = figures((FIRMWARE / "prometheus/edge-ocr-alerts.yml").read_text("utf-8"))
    assert named
    assert named <= FIGURES, f"the program does not tell {named - FIGURES}"


@pytest.mark.parametrize("board", ["pi-zero-2w", "pi-3", "pi-4", "pi-5"])
def test_a_board_finds_its_camera_has_a_watchdog_and_is_never_overclocked(board: str) -> None:
    lines = (FIRMWARE / f"boards/{board}.txt").read_text("utf-8").splitlines()
    said = [line for line in lines if line and not line.startswith("#")]
    assert {"camera_auto_detect=1", "dtparam=watchdog=on"} <= set(said)
    assert not [line for line in said if re.match(r"(arm|gpu|core|sdram)_freq|over_voltage|force_turbo", line)]
    assert all(re.fullmatch(r"[a-z0-9_]+=[A-Za-z0-9_.,=-]+", line) for line in said)


def test_the_board_resets_itself_within_what_its_watchdog_can_count() -> None:
    said = (FIRMWARE / "system.conf.d/50-edge-ocr.conf").read_text("utf-8")
    (seconds,) = re.findall(r"^RuntimeWatchdogSec=(\d+)s$", said, re.MULTILINE)
    assert int(seconds) <= 15


def test_the_service_is_started_as_the_installer_lays_it_out() -> None:
    said = (FIRMWARE / "systemd/edge-ocr.service").read_text("utf-8")
    installer = (FIRMWARE / "install.sh").read_text("utf-8")
    for name in ("/opt/edge-ocr/slots.py", "/etc/edge-ocr/edge-ocr.toml"):
        assert name in said
    assert 'put "$(find "$folder/venv" -path \'*/edge_ocr/update/slots.py\')" "$ROOT/slots.py"' in installer
    assert "Type=notify" in said
    assert "WatchdogSec=" in said
    assert "StartLimitIntervalSec=0" in said


def test_a_read_only_card_is_written_to_where_the_program_writes_and_nowhere_else() -> None:
    lines = [
        line.split()
        for line in (FIRMWARE / "read-only/fstab").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert all(len(line) == 6 for line in lines)
    ways = {where: options for _, where, _, options, _, _ in lines}
    assert ways["/"].startswith("ro,")
    assert {"/var/lib/edge-ocr", "/opt/edge-ocr"} <= ways.keys()
    assert "rw" in ways["/data"].split(",")


@pytest.mark.parametrize(
    ("files", "now", "set_to"),
    [
        ({"store.sqlite3-wal": 2_000, "store.sqlite3": 9_000, "lock": 9_000}, 1_000, "@2000"),
        ({"store.sqlite3": 2_000, "lock": 9_000}, 1_000, "@2000"),
        ({"store.sqlite3-wal": 2_000}, 3_000, ""),
        ({"lock": 9_000}, 1_000, ""),
    ],
)
def test_a_clock_that_lost_its_time_goes_on_from_what_was_stored_last_and_never_backwards(
    tmp_path: Path, files: dict[str, int], now: int, set_to: str
) -> None:
    """Whatever other files say: a clock that was once ahead has left its time on them."""
    unit = (FIRMWARE / "fake-hwclock/edge-ocr-clock.service").read_text("utf-8")
    (command,) = re.findall(r"^ExecStart=/bin/sh -c '(.*)'$", unit, re.MULTILINE)
    command = command.replace("$$", "$").replace("%%", "%").replace("/var/lib/edge-ocr", str(tmp_path / "stored"))
    (tmp_path / "stored").mkdir()
    for name, at in files.items():
        (tmp_path / "stored" / name).touch()
        os.utime(tmp_path / "stored" / name, (at, at))
    date = f'date() {{ case $1 in --set=*) echo "${{1#--set=}}";; *) echo {now};; esac; }}'
    done = subprocess.run(["sh", "-c", f"{date}\n{command}"], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (set_to, "")


def test_without_anything_stored_the_clock_is_left_alone(tmp_path: Path) -> None:
    unit = (FIRMWARE / "fake-hwclock/edge-ocr-clock.service").read_text("utf-8")
    (command,) = re.findall(r"^ExecStart=/bin/sh -c '(.*)'$", unit, re.MULTILINE)
    command = command.replace("$$", "$").replace("%%", "%").replace("/var/lib/edge-ocr", str(tmp_path / "none"))
    done = subprocess.run(["sh", "-c", f"date() {{ echo 5; }}\n{command}"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def release_of(tmp_path: Path, *, pip: str, mv: str = 'command mv "$@"') -> subprocess.CompletedProcess[str]:
    """The installer's own making of a release, in a folder, with a Python that makes nothing but an environment."""
    text = (FIRMWARE / "install.sh").read_text("utf-8").partition('\nif [ "$ACTION" = uninstall ]')[0]
    text = text.replace('[ "$(id -u)" = 0 ]', "true").replace("ROOT=/opt/edge-ocr", f"ROOT={tmp_path}")
    text = re.sub(r"^HERE=.*$", f"HERE={FIRMWARE}", text, flags=re.MULTILINE)
    tools = tmp_path / "bin"
    tools.mkdir(exist_ok=True)
    makes = f'mkdir -p "$4/bin"; printf "#!/bin/sh\\n{pip}\\n" >"$4/bin/python"; chmod +x "$4/bin/python"'
    other = f'[ "$1" != -c ] || exec {sys.executable} "$@"'
    (tools / "python3").write_text(f'#!/bin/sh\n{other}\n[ "$2" != venv ] || {{ {makes}; }}\n', "ascii")
    (tools / "python3").chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", f"{text}\nput() {{ :; }}\nmv() {{ {mv}; }}\nrelease"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": path},
    )


def test_an_installation_that_fails_leaves_the_one_that_runs_alone(tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    assert release_of(tmp_path, pip="exit 0").returncode == 0
    assert (tmp_path / "current/release.toml").is_file()
    (tmp_path / "current/mark").touch()
    failed = release_of(tmp_path, pip="exit 1")
    assert failed.returncode == 1
    assert "could not be installed" in failed.stderr
    assert (tmp_path / "current/mark").is_file()
    assert release_of(tmp_path, pip="exit 0").returncode == 0
    assert not (tmp_path / "current/mark").exists()
    assert [path.name for path in (tmp_path / "releases").iterdir()] == ["source"]


def test_an_installation_takes_the_place_of_the_one_that_runs_in_one_step(tmp_path: Path) -> None:
    """A power cut between two renames would leave none."""
    (tmp_path / "releases").mkdir()
    assert release_of(tmp_path, pip="exit 0").returncode == 0
    (tmp_path / "current/mark").touch()
    again = release_of(tmp_path, pip="exit 0", mv="exit 9")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "current/release.toml").is_file()
    assert not (tmp_path / "current/mark").exists()
    assert [path.name for path in (tmp_path / "releases").iterdir()] == ["source"]


def test_what_a_power_cut_between_two_renames_left_is_put_back_by_the_next_installation(tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    assert release_of(tmp_path, pip="exit 0").returncode == 0
    (tmp_path / "releases/source").rename(tmp_path / "releases/.source.part.old")
    assert release_of(tmp_path, pip="exit 1").returncode == 1, "as without a network"
    assert (tmp_path / "current/release.toml").is_file()
