"""Health: figures that scrapers understand, a status that turns red with a reason, logs that cannot fill a disk."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge_ocr import health as health_module
from edge_ocr.clock import FakeClock
from edge_ocr.errors import StoreError
from edge_ocr.health import COUNTERS, GAUGES, Health, Queue
from edge_ocr.logs import Journal, OneLine, RateLimit
from edge_ocr.tables import HealthSettings

if TYPE_CHECKING:
    from edge_ocr.health import Snapshot

# Prometheus, exposition format 0.0.4: a comment, or a name with labels and a value.
LINE = re.compile(
    r"# (HELP|TYPE) [a-z_]+ .+"
    r'|[a-z_]+(\{[a-z_]+="(\\[\\n"]|[^"\\\n])*"(,[a-z_]+="(\\[\\n"]|[^"\\\n])*")*\})? -?[0-9.e+-]+'
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(mono=1000.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Raspberry Pi that is well."""
    files = {
        "proc/meminfo": "MemTotal: 948000 kB\nMemAvailable: 500000 kB\nCmaFree: 100000 kB\nHugePages_Total: 0\n",
        "proc/self/statm": "50000 20000 3000 1 0 9000 0\n",
        "sys/class/thermal/thermal_zone0/temp": "51234\n",
        "sys/class/thermal/thermal_zone1/temp": "48000\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def health(clock: FakeClock, root: Path) -> Health:
    return Health(HealthSettings(min_disk_mb=0.0), clock, folder=root, root=root)


def figures(snapshot: Snapshot) -> dict[str, float]:
    return {
        ".".join([sample.name, *(value for _, value in sample.labels)]): sample.value for sample in snapshot.samples
    }


def test_counts_and_ages_are_told(health: Health, clock: FakeClock) -> None:
    health.frame("gate")
    health.frame("gate")
    health.event("gate")
    health.count("rejected", 3, reason="few reads")
    clock.advance(2.5)
    told = figures(health.snapshot())
    assert (told["frames.gate"], told["events.gate"], told["rejected.few reads"]) == (2, 1, 3)
    assert (told["last_frame_age_seconds.gate"], told["last_event_age_seconds.gate"]) == (2.5, 2.5)
    assert (told["up_seconds"], told["clock_synchronised"], told["healthy"]) == (2.5, 1, 1)


def test_the_machine_is_looked_at(health: Health) -> None:
    told = figures(health.snapshot())
    assert told["temperature_celsius"] == 51.234
    assert (told["throttled.under-voltage since boot"], told["throttled.under-voltage now"]) == (1, 0)
    assert told["memory_available_bytes"] == 512_000_000
    assert told["cma_free_bytes"] == 102_400_000
    assert told["resident_bytes"] > 0
    assert 0 < told["disk_free_bytes"] <= told["disk_total_bytes"]
    assert health.snapshot().ok


def test_what_a_machine_does_not_tell_is_left_out(clock: FakeClock, tmp_path: Path) -> None:
    told = Health(HealthSettings(), clock, folder=tmp_path / "not" / "yet", root=tmp_path / "none").snapshot()
    assert not {"temperature_celsius", "resident_bytes", "memory_total_bytes"} & set(figures(told))
    assert "disk_free_bytes" in figures(told)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("sys/class/thermal/thermal_zone1/temp", "85000", "temperature: 85 degrees, more than 80; add a heat sink"),
        ("sys/devices/platform/soc/soc:firmware/get_throttled", "50005", "power: under-voltage now, throttled now;"),
        ("proc/meminfo", "MemAvailable: 1000 kB", "memory: 1 MB available, less than 64"),
    ],
)
def test_a_machine_in_trouble_turns_the_status_red(
    health: Health, root: Path, name: str, text: str, reason: str
) -> None:
    (root / name).write_text(text)
    (told,) = health.snapshot().reasons
    assert told.startswith(reason)


def test_a_full_disk_turns_the_status_red(clock: FakeClock, root: Path) -> None:
    health = Health(HealthSettings(min_disk_mb=1_000_000.0), clock, folder=root, root=root)
    assert any(
        reason.startswith("disk: ") and "less than 1e+06; make room" in reason for reason in health.snapshot().reasons
    )


def test_a_camera_that_stops_turns_the_status_red_until_it_is_not_expected_any_more(
    health: Health, clock: FakeClock
) -> None:
    health.frame("gate")
    clock.advance(31)
    assert health.snapshot().reasons == ("camera gate: no frame for 31 s",)
    health.ended("gate")
    assert health.snapshot().ok


def test_a_queue_that_grows_old_turns_the_status_red_and_says_why(health: Health) -> None:
    health.watch_queue("mqtt", lambda: Queue(120, 2, 700.0, "no route to host"))
    health.watch_queue("files", lambda: Queue(0, 0, None, None))
    snapshot = health.snapshot()
    assert snapshot.reasons == ("mqtt: 120 events wait, the oldest for 700 s: no route to host",)
    told = figures(snapshot)
    assert (told["queue_depth.mqtt"], told["dead_letters.mqtt"], told["queue_age_seconds.mqtt"]) == (120, 2, 700.0)
    assert (told["queue_depth.files"], told["healthy"]) == (0, 0)


def test_a_part_that_cannot_be_asked_is_a_reason_and_hides_nothing(health: Health) -> None:
    def broken() -> Queue:
        raise StoreError("the disk is gone")

    def worse() -> str | None:
        raise KeyError

    def uncounted() -> list[tuple[str, float, dict[str, str]]]:
        raise KeyError

    health.watch_queue("mqtt", broken)
    health.tally("disk", uncounted)
    health.watch("lists", worse)
    health.watch("store", lambda: None)
    health.watch("camera", lambda: "dark")
    snapshot = health.snapshot()
    assert snapshot.reasons == (
        "mqtt: its queue cannot be asked (the disk is gone); see what stopped mqtt",
        "lists: cannot be asked (KeyError); see what stopped lists",
        "camera: dark",
        "disk: its counters cannot be asked (KeyError); see what stopped disk",
    )
    for name in ("mqtt", "lists", "camera", "disk", "never"):
        health.forget(name)
    assert health.snapshot().ok
    assert "temperature_celsius" in figures(snapshot)


@pytest.mark.parametrize("name", COUNTERS)
def test_every_counter_is_fed_by_some_module(name: str) -> None:
    package = Path(health_module.__file__).parent
    sources = [path.read_text("utf-8") for path in package.rglob("*.py") if path.name != "health.py"]
    fed = rf'count\(\s*"{name}"|yield "{name}",'
    if name == "events":
        fed += r"|\.event\("
    assert any(re.search(fed, source) for source in sources)


def test_what_counts_for_itself_is_asked_and_never_falls(health: Health) -> None:
    sent = 3.0

    def first() -> list[tuple[str, float, dict[str, str]]]:
        return [("delivered", sent, {"destination": "mqtt"}), ("stored_bytes", 10.0, {})]

    health.count("delivered", 1, destination="mqtt")
    health.tally("mqtt", first)
    assert figures(health.snapshot())["delivered.mqtt"] == 4.0
    sent = 5.0
    health.forget("mqtt")
    assert figures(health.snapshot())["delivered.mqtt"] == 6.0
    health.tally("mqtt", lambda: [("delivered", 0.0, {"destination": "mqtt"})])
    told = figures(health.snapshot())
    assert (told["delivered.mqtt"], told["stored_bytes"]) == (6.0, 10.0)


def test_prometheus_understands_every_line(health: Health) -> None:
    health.count("frames", camera='a"b\\c\nd')
    health.count("stored_bytes", 12_345_678_901.5)
    health.count("frames", camera="z", host="y")
    health.watch_queue("mqtt", lambda: Queue(1, 0, 3.0, None))
    text = health.snapshot().prometheus()
    assert text.endswith("\n")
    lines = text.splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert r'edge_ocr_frames_total{camera="a\"b\\c\nd"} 1' in lines
    assert "edge_ocr_stored_bytes_total 12345678901.5" in lines
    assert "# TYPE edge_ocr_queue_depth gauge" in lines
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_prometheus_own_parser_reads_every_figure_back(health: Health) -> None:
    labels = {"camera": 'a"b\\c\nd'}
    health.count("frames", 7, **labels)
    for name in COUNTERS:
        health.count(name, 2)
    health.watch_queue("mqtt", lambda: Queue(1, 0, 3.0, None))
    snapshot = health.snapshot()
    families = list(text_string_to_metric_families(snapshot.prometheus()))
    read = {(sample.name, *sorted(sample.labels.items())): sample.value for one in families for sample in one.samples}
    kinds = {
        sample.name: f"edge_ocr_{sample.name}" + "_total" * (sample.name in COUNTERS) for sample in snapshot.samples
    }
    assert read == {(kinds[one.name], *one.labels): pytest.approx(one.value) for one in snapshot.samples}
    assert read["edge_ocr_frames_total", ("camera", labels["camera"])] == 7
    assert {one.type for one in families} == {"counter", "gauge"}
    assert all(one.documentation for one in families)


def test_every_figure_has_a_help_text_and_no_name_is_both(health: Health) -> None:
    told = {sample.name for sample in health.snapshot().samples}
    assert told <= set(COUNTERS) | set(GAUGES)
    assert not set(COUNTERS) & set(GAUGES)


def test_json_holds_the_same_by_name_and_label(health: Health) -> None:
    health.count("frames", 2, camera="gate")
    told = json.loads(json.dumps(health.snapshot().as_json()))
    assert (told["ok"], told["reasons"], told["frames"]) == (True, [], {"gate": 2})
    assert told["throttled"]["too hot since boot"] == 0


def test_only_known_counters_count_and_only_upwards(health: Health) -> None:
    with pytest.raises(ValueError, match="name is 'frame'"):
        health.count("frame")
    with pytest.raises(ValueError, match="amount -1"):
        health.count("frames", -1)


def record(message: str, *values: object, line: int = 1, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("edge_ocr.publish.sender", level, "x.py", line, message, values, None)


def test_a_journal_gets_a_priority_and_one_line() -> None:
    assert Journal().format(record("%s: gone\nfor good", "mqtt")) == r"<4>publish.sender: mqtt: gone\nfor good"
    priorities = [Journal().format(record("x", level=level))[:3] for level in (10, 20, 30, 40, 50)]
    assert priorities == ["<7>", "<6>", "<4>", "<3>", "<2>"]


def test_an_exception_is_told_on_the_same_line() -> None:
    failed = record("mqtt: failed")
    failed.exc_info = (ValueError, ValueError("no\nroute"), None)
    assert OneLine().format(failed) == r"edge-ocr: mqtt: failed (ValueError: no\nroute)"


def test_many_records_of_a_kind_become_a_few_and_a_number(clock: FakeClock) -> None:
    limit = RateLimit(clock, most=2, seconds=60.0)
    assert [limit.filter(record("%s failed", n)) for n in range(5)] == [True, True, False, False, False]
    assert limit.filter(record("another", line=2))
    clock.advance(60)
    late = record("%s failed", 5)
    assert limit.filter(late)
    assert late.getMessage() == "5 failed (3 more like it were not told)"
    clock.advance(60)
    calm = record("%s failed", 6)
    assert limit.filter(calm)
    assert calm.getMessage() == "6 failed"


def test_what_is_remembered_for_the_limit_is_bounded(clock: FakeClock) -> None:
    limit = RateLimit(clock)
    assert all(limit.filter(record("x", line=line)) for line in range(2500))
    assert len(limit._seen) <= 1000
