"""The examination of a machine, some of it made up under a folder."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from edge_ocr import cli, doctor
from edge_ocr.types import Kind

if TYPE_CHECKING:
    from pathlib import Path


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def findings(root: Path) -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in doctor.examine(root)}


PI = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0",
    "proc/meminfo": "MemTotal:        1894240 kB\nMemAvailable:    1401836 kB\n",
    "sys/class/thermal/thermal_zone0/temp": "51608\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    "dev/video0": "",
}


def test_a_healthy_board_has_nothing_to_complain_about(tmp_path: Path) -> None:
    found = findings(machine(tmp_path, PI))
    assert found["processor"].found.startswith("Raspberry Pi 4 Model B Rev 1.5, ")
    assert found["memory"].found == "1368 of 1849 MiB available"
    assert found["temperature"].found == "52 degrees Celsius"
    assert found["power"].found == "never throttled"
    assert found["cameras"].found == "/dev/video0"
    assert all(found[name].ok for name in ("processor", "memory", "temperature", "power", "cameras"))


@pytest.mark.parametrize("name", [f"{kind} {task}" for kind in Kind for task in ("recogniser", "detector")])
def test_each_bundle_tells_what_it_weighs_and_how_well_it_does(tmp_path: Path, name: str) -> None:
    finding = findings(machine(tmp_path, PI))[name]
    assert finding.ok
    assert re.match(r"\d+ KiB, \w+ \d+%", finding.found)


@pytest.mark.parametrize(
    ("file", "text", "name", "what"),
    [
        ("sys/class/thermal/thermal_zone0/temp", "84000", "temperature", "84 degrees Celsius"),
        ("proc/meminfo", "MemTotal: 439000 kB\nMemAvailable: 100000 kB\n", "memory", "97 of 428 MiB available"),
        (
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "50005",
            "power",
            "under-voltage now, throttled now, under-voltage since boot, throttled since boot",
        ),
    ],
)
def test_an_ailing_board_is_told_with_the_cure(tmp_path: Path, file: str, text: str, name: str, what: str) -> None:
    finding = findings(machine(tmp_path, {**PI, file: text}))[name]
    assert (finding.ok, finding.found) == (False, what)
    assert finding.cure


def test_a_machine_that_tells_nothing_is_examined_all_the_same(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert not found["cameras"].ok
    assert found["temperature"].ok
    assert "power" not in found


def test_this_machine_can_read() -> None:
    found = doctor.examine()
    assert doctor.can_read(found), [finding for finding in found if finding.needed and not finding.ok]


def test_a_machine_that_reads_nonsense_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_SAMPLE_TEXT", "1CFV576")
    (finding,) = (finding for finding in doctor.examine() if finding.name == "reading")
    assert (finding.ok, finding.needed) == (False, True)
    assert finding.found == "1CFV575 where 1CFV576 is written"


def test_a_sample_that_is_missing_is_told_with_the_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_SAMPLE", tmp_path / "sample.jpg")
    (finding,) = (finding for finding in doctor.examine() if finding.name == "reading")
    assert not finding.ok
    assert finding.found.endswith("is missing or damaged; run 'pip install --force-reinstall edge-ocr'")


def test_only_what_reading_needs_decides() -> None:
    good = doctor.Finding("a", ok=True, needed=True, found="")
    without_camera = doctor.Finding("b", ok=False, needed=False, found="")
    without_model = doctor.Finding("c", ok=False, needed=True, found="")
    assert doctor.can_read([good, without_camera])
    assert not doctor.can_read([good, without_model])


def test_the_report_says_what_to_do_only_where_something_is_missing() -> None:
    lines = doctor.report(
        [
            doctor.Finding("disk", ok=True, needed=False, found="5 MiB", cure="make room"),
            doctor.Finding("cameras", ok=False, needed=False, found="none", cure="plug one in"),
        ]
    )
    assert lines == [("ok       disk     5 MiB", True), ("missing  cameras  none; plug one in", False)]


def test_json_holds_a_line_for_every_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"python", "numpy", "opencv", "interpreter", "ctc kernel", "clock"} <= {line["name"] for line in lines}
    assert {line["status"] for line in lines} <= {"ok", "missing"}
