"""Day files: on the disk before they count, whole lines, every event once."""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from edge_ocr.clock import FakeClock
from edge_ocr.publish import Delivered, Retry
from edge_ocr.publish.files import DayFiles, erase
from edge_ocr.tables import FilesSettings
from edge_ocr.types import Parcel

if TYPE_CHECKING:
    from pathlib import Path


def parcel(key: str, day: str = "2026-05-01", *, synced: bool = True, **more: Any) -> Parcel:
    moment = {"wall": f"{day}T10:00:00.000Z", "monotonic": 1.0, "frame": 0, "boot_id": "b", "synced": synced}
    event = {"id": key, "camera": "gate", "text": "AB123", "first": moment, "last": moment, "list": None, **more}
    return Parcel(1, "files", key, "gate", event, None, 0)


def files(folder: Path, **settings: Any) -> DayFiles:
    return DayFiles(FilesSettings(folder=folder, **settings), FakeClock())


def keys(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text("utf-8").splitlines()]


def test_each_event_goes_to_the_file_of_its_day(tmp_path: Path) -> None:
    outcomes = files(tmp_path / "days").deliver([parcel("k1"), parcel("k2", "2026-05-02"), parcel("k3")])
    assert outcomes == [Delivered()] * 3
    assert keys(tmp_path / "days/2026-05-01.jsonl") == ["k1", "k3"]
    assert keys(tmp_path / "days/2026-05-02.jsonl") == ["k2"]


def test_an_event_of_an_unknown_day_has_a_file_that_is_never_too_old(tmp_path: Path) -> None:
    days = files(tmp_path, keep_days=1)
    days.deliver([parcel("k1", "1970-01-01", synced=False), parcel("k2", "2020-01-01")])
    days.tick()
    assert [path.name for path in tmp_path.iterdir()] == ["unsynced.jsonl"]


def test_days_are_removed_after_their_time_by_a_clock_that_is_right(tmp_path: Path) -> None:
    clock = FakeClock(wall=1_777_700_000.0, synced=False)  # 2026-05-02
    days = DayFiles(FilesSettings(folder=tmp_path, keep_days=1), clock)
    days.deliver([parcel("k1", "2026-04-30"), parcel("k2", "2026-05-01")])
    (tmp_path / "notes.txt").write_text("mine")
    days.tick()
    assert len(list(tmp_path.iterdir())) == 3
    clock.synced = True
    days.tick()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-05-01.jsonl", "notes.txt"]


def test_an_old_file_that_cannot_be_removed_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "2020-01-01.jsonl").mkdir()
    days = files(tmp_path, keep_days=1)
    assert days.tick() == math.inf
    assert days.deliver([parcel("k1")]) == [Delivered()]


def test_an_event_that_comes_twice_is_written_once(tmp_path: Path) -> None:
    days = files(tmp_path)
    days.deliver([parcel("k1"), parcel("k2")])
    assert files(tmp_path).deliver([parcel("k2"), parcel("k3")]) == [Delivered()] * 2
    assert keys(tmp_path / "2026-05-01.jsonl") == ["k1", "k2", "k3"]


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_half_a_line_of_a_power_cut_is_cut_off(tmp_path: Path, form: str) -> None:
    files(tmp_path, format=form).deliver([parcel("k1")])
    path = tmp_path / f"2026-05-01.{form}"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"id":"k2')
    files(tmp_path, format=form).deliver([parcel("k1")])
    assert path.read_bytes() == whole


def test_csv_has_a_header_and_a_cell_for_everything_that_is_asked_in_a_gatehouse(tmp_path: Path) -> None:
    decision = {"list": "allow", "entry": "AB123", "name": "=Ann", "action": "open", "explanation": "exact, so"}
    files(tmp_path, format="csv").deliver([parcel("k1", decision=decision), parcel("k2", camera="a\nb")])
    files(tmp_path, format="csv").deliver([parcel("k3")])
    with (tmp_path / "2026-05-01.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["k1", "k2", "k3"]
    assert (rows[0]["name"], rows[0]["action"], rows[0]["explanation"]) == ("'=Ann", "open", "exact, so")
    assert (rows[0]["last"], rows[1]["list"], rows[1]["camera"]) == ("2026-05-01T10:00:00.000Z", "", "a b")


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "days").write_text("in the way")
    (outcome,) = files(tmp_path / "days").deliver([parcel("k1")])
    assert isinstance(outcome, Retry)
    assert outcome.down
    assert "cannot be written (File exists)" in outcome.reason


def test_a_day_that_fails_does_not_take_back_the_day_before(tmp_path: Path) -> None:
    (tmp_path / "2026-05-02.jsonl").mkdir()
    first, second = files(tmp_path).deliver([parcel("k1"), parcel("k2", "2026-05-02")])
    assert isinstance(first, Delivered)
    assert isinstance(second, Retry)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_events_can_be_erased(tmp_path: Path, form: str) -> None:
    days = files(tmp_path, format=form)
    days.deliver([parcel("k1", note="\u2028"), parcel("k2", text="CD456"), parcel("k3", "2026-05-02")])
    (tmp_path / f"unsynced.{form}").write_text("nonsense\n[]\n")
    assert erase(tmp_path, lambda text, _: text == "AB123") == 2
    left = (tmp_path / f"2026-05-01.{form}").read_text("utf-8")
    assert "k2" in left
    assert "k1" not in left
    assert erase(tmp_path, lambda _, last: "2026-05-01T00:00:00Z" <= last < "2026-05-01T10:00:00.000Z") == 0
    assert erase(tmp_path, lambda _, last: "2026-05-01T00:00:00Z" <= last < "2026-05-02") == 1
    assert erase(tmp_path / "none", lambda *_: True) == 0
    assert (tmp_path / f"unsynced.{form}").read_text() == "nonsense\n[]\n"


def test_without_a_folder_there_are_no_files() -> None:
    with pytest.raises(ValueError, match="folder is None"):
        DayFiles(FilesSettings(), FakeClock())
