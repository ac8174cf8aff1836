"""Editing lists and erasing events from the command line: all or nothing, and told in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_ocr import cli, lists
from edge_ocr.clock import FakeClock
from edge_ocr.publish.files import DayFiles
from edge_ocr.store import Database
from edge_ocr.tables import FilesSettings
from edge_ocr.types import Event, Kind, Quad, Reading

WALL = 1_777_630_000.0  # 2026-05-01T10:06:40Z


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lists.csv"
    path.write_text("list,plate,name\nallow,AB1,Ann\ndeny,CD2,\n")
    return path


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def plates(path: Path) -> list[tuple[str, str, str]]:
    return [(entry.list, entry.plate, entry.name) for entry in lists.load(path).entries]


def test_a_plate_is_put_on_a_list_and_taken_off_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new.csv"
    assert run("lists", "add", "--file", path, "allow", "ab-1", "--name", "Ann", "--until", "2030-01-01T00:00Z") == 0
    assert run("lists", "add", "--file", path, "--json", "allow", "AB 1", "--name", "Bob") == 0
    assert run("lists", "remove", "--file", path, "--json", "a.b.1") == 0
    assert plates(path) == []
    assert capsys.readouterr().out.splitlines() == [
        "1 added, 0 replaced, 0 removed",
        '{"added": 0, "replaced": 1, "removed": 0}',
        '{"added": 0, "replaced": 0, "removed": 1}',
    ]


def test_importing_merges_or_replaces(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "more.csv").write_text("plate;name\nab1;Ann\nef3;Eve\n")
    assert run("lists", "import", "--file", file, "--list", "allow", tmp_path / "more.csv") == 0
    assert plates(file) == [("allow", "AB1", "Ann"), ("deny", "CD2", ""), ("allow", "EF3", "Eve")]
    assert run("lists", "import", "--file", file, "--list", "known", "--replace", tmp_path / "more.csv") == 0
    assert plates(file) == [("known", "AB1", "Ann"), ("known", "EF3", "Eve")]
    assert capsys.readouterr().out.splitlines() == ["1 added, 0 replaced, 0 removed", "2 added, 0 replaced, 3 removed"]


@pytest.mark.parametrize("replace", [[], ["--replace"]])
def test_an_import_with_one_wrong_line_changes_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], replace: list[str]
) -> None:
    before = file.read_bytes()
    (tmp_path / "bad.csv").write_text("list,plate\nallow,EF3\nalow,GH4\n")
    assert run("lists", "import", "--file", file, *replace, tmp_path / "bad.csv") == 2
    assert file.read_bytes() == before
    (line,) = capsys.readouterr().err.splitlines()
    assert "bad.csv: line 3: list is 'alow'" in line


def test_exporting_gives_what_importing_takes(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("lists", "export", "--file", file) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[:2] == ["list,plate,name,from,until,note", "allow,AB1,Ann,,,"]
    assert run("lists", "export", "--file", file, tmp_path / "copy.csv") == 0
    assert (tmp_path / "copy.csv").read_text() == shown
    assert lists.load(tmp_path / "copy.csv") == lists.load(file)


def test_an_export_that_finds_no_room_is_told_and_fails(file: Path) -> None:
    command = [sys.executable, "-m", "edge_ocr", "lists", "export", "--file", str(file)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == (
        "edge-ocr: stdout: cannot be written (No space left on device); send the results elsewhere\n"
    )


def test_a_pipe_is_not_replaced_by_lists(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert run("lists", "export", "--file", file, tmp_path / "pipe") == 2
    assert "pipe: is no file that could be replaced; name another" in capsys.readouterr().err
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_to_lists_stays_a_link(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(file)
    assert run("lists", "remove", "--file", tmp_path / "link.csv", "AB1") == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert plates(file) == [("deny", "CD2", "")]


def test_the_file_may_be_named_by_the_configuration(file: Path, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(f'[lists]\nfile = "{file}"\n')
    assert run("lists", "remove", "--config", tmp_path / "c.toml", "--list", "deny", "CD2") == 0
    assert plates(file) == [("allow", "AB1", "Ann")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "allow", "AB1"], "no file of lists is named; give --file FILE, or --config FILE"),
        (["add", "--file", "x.csv", "allow", "..."], "the entry: plate is '...', which has 0 letters and digits"),
        (["add", "--file", "x.csv", "allow", "A", "--from", "soon"], "the entry: from is 'soon', which is no time"),
        (["export", "--file", "none.csv"], "none.csv: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("lists", *arguments) == 2
    assert message in capsys.readouterr().err
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".")] == []


def event(name: str, text: str, wall: float) -> Event:
    clock = FakeClock(mono=5.0, wall=wall)
    quad = Quad(((0, 0), (1, 0), (1, 1), (0, 1)), Kind.PLATE, 1.0)
    crop = np.zeros((4, 8, 3), np.uint8)
    reading = Reading(text, 0.9, Kind.PLATE, None, quad)
    return Event(name, "gate", reading, 3, 0, clock.stamp(), clock.stamp(), 0, 9, crop, 4)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store and day files with three events."""
    with Database.open(tmp_path / "store", FakeClock()) as database:
        for name, text, wall in (("k1", "AB1", WALL), ("k2", "CD2", WALL), ("k3", "AB1", WALL + 86_400)):
            database.record(event(name, text, wall), destinations=["files"])
        days = DayFiles(FilesSettings(folder=tmp_path / "days"), FakeClock())
        days.deliver(database.outbox.pending("files", 10.0, 10))
    (tmp_path / "c.toml").write_text(
        f'[store]\nfolder = "{tmp_path}/store"\n[publish.files]\nfolder = "{tmp_path}/days"\n'
    )
    return tmp_path


def test_erasing_reaches_the_day_files_of_every_destination(store: Path) -> None:
    more = store / "more"
    with Database.open(store / "store", FakeClock()) as database:
        database.outbox.replay("archive")
        DayFiles(FilesSettings(folder=more, format="csv"), FakeClock()).deliver(
            database.outbox.pending("archive", 10.0, 10)
        )
    with (store / "c.toml").open("a") as file:
        file.write(f'[[publish.more]]\nname = "archive"\n[publish.more.files]\nfolder = "{more}"\nformat = "csv"\n')
    assert sum("AB1" in path.read_text() for path in more.iterdir()) == 2
    assert run("erase", "--config", store / "c.toml", "--plate", "AB1", "--json") == 0
    assert left(store) == ["k2"]
    assert sum("AB1" in path.read_text() for path in more.iterdir()) == 0


def left(store: Path) -> list[str]:
    with Database.open(store / "store", FakeClock()) as database:
        rows = [str(row["id"]) for row in database.events()]
    lines = [line for path in sorted((store / "days").iterdir()) for line in path.read_text().splitlines()]
    assert sorted(str(json.loads(line)["id"]) for line in lines) == rows
    assert len(list((store / "store/crops").rglob("*.*"))) == len(rows)
    return rows


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        (["--plate", "ab-1"], ["k2"]),
        (["--since", "2026-05-01T00:00Z", "--until", "2026-05-02T00:00Z"], ["k3"]),
        (["--plate", "AB1", "--since", "2026-05-02T00:00Z"], ["k1", "k2"]),
        (["--plate", "ZZ9"], ["k1", "k2", "k3"]),
    ],
)
def test_erasing_leaves_nothing_in_store_and_day_files(
    store: Path, flags: list[str], kept: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("erase", "--json", "--config", store / "c.toml", *flags) == 0
    assert json.loads(capsys.readouterr().out) == {"events": 3 - len(kept), "lines": 3 - len(kept)}
    assert left(store) == kept


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plate", "AB1"], "store.folder is missing; give --store DIR, or --config FILE"),
        (["--store", "STORE/no", "--plate", "A"], "no such file; name the folder of a store"),
        (["--store", "STORE"], "nothing says what to erase; give --plate, --since, --until or --damaged"),
        (["--store", "STORE", "--since", "now"], "--since is 'now', which is no time; write it as 2026-05-01"),
    ],
)
def test_erasing_without_saying_what_or_where_erases_nothing(
    store: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("erase", *[argument.replace("STORE", str(store / "store")) for argument in arguments]) == 2
    assert message in capsys.readouterr().err
    assert left(store) == ["k1", "k2", "k3"]


def test_databases_that_were_set_aside_as_damaged_are_erased_as_a_whole(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, told in (([], {"damaged": 1}), (["--plate", "ZZ9"], {"events": 0, "lines": 0, "damaged": 1})):
        (store / "store/damaged-1").mkdir()
        assert run("erase", "--json", "--config", store / "c.toml", "--damaged", *flags) == 0
        assert json.loads(capsys.readouterr().out) == told
        assert not (store / "store/damaged-1").exists()
    assert left(store) == ["k1", "k2", "k3"]


def test_a_hashed_plate_is_erased_by_its_plain_text(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store / "key").write_text("k" * 32)
    (store / "key").chmod(0o600)
    with (store / "c.toml").open("a") as file:
        file.write(f'[privacy]\nmode = "hashed"\nkey_file = "{store}/key"\n')
    hashed = "hmac-1da730457f84318b8ebdd077f95db2d3"
    with Database.open(store / "store", FakeClock()) as database:
        database.record(event("k4", hashed, WALL))
    assert run("erase", "--config", store / "c.toml", "--plate", "ab 1") == 0
    assert capsys.readouterr().out == "1 events, 0 lines\n"


def test_what_is_kept_of_a_plate_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.toml").write_text('[privacy]\nmode = "listed"\n[lists]\nfile = "lists.csv"\n')
    assert run("doctor", "--privacy", "--config", tmp_path / "c.toml") == 0
    shown = capsys.readouterr().out
    assert "plates          of plates on a list alone" in shown
    assert run("doctor", "--privacy", "--json") == 0
    topics: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert topics[0] == {"topic": "mode", "kept": "plain"}


def test_events_are_sent_once_more_by_command(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("replay", "--json", "--config", store / "c.toml", "--since", "2026-05-02", "files") == 0
    with Database.open(store / "store", FakeClock()) as database:
        (first, second, third) = database.outbox.pending("files", 10.0, 10)  # all three were still unsettled
        database.outbox.delivered(first)
        database.outbox.dead(second, "no")
        database.outbox.delivered(third)
    assert run("replay", "--config", store / "c.toml", "--dead", "files") == 0
    assert run("replay", "--config", store / "c.toml", "--until", "2026-05-01", "files") == 0
    assert capsys.readouterr().out.splitlines() == ['{"events": 0}', "1 events", "1 events"]
    with Database.open(store / "store", FakeClock()) as database:
        assert [parcel.key for parcel in database.outbox.pending("files", 10.0, 10)] == ["k1", "k2"]


def test_events_are_sent_once_more_to_a_further_destination(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (store / "c.toml").open("a") as file:
        file.write(f'[[publish.more]]\nname = "archive"\n[publish.more.files]\nfolder = "{store}/more"\n')
    assert run("replay", "--config", store / "c.toml", "archive") == 0
    assert run("replay", "--store", store / "store", "archive") == 0
    assert capsys.readouterr().out.splitlines() == ["3 events", "0 events"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["relay", "--config", "CONFIG"], "relay is no destination of these settings; they use files"),
        (["files"], "store.folder is missing; give --store DIR"),
        (["fiels", "--store", "STORE"], "fiels is unknown to this store; it knows files"),
    ],
)
def test_what_cannot_be_replayed_is_told(
    store: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"CONFIG": str(store / "c.toml"), "STORE": str(store / "store")}
    assert run("replay", *[places.get(argument, argument) for argument in arguments]) == 2
    assert message in capsys.readouterr().err
