"""Torn pages, cut logs, foreign files: the store starts all the same, says so, and keeps what can be read."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_ocr import cli
from edge_ocr.clock import FakeClock
from edge_ocr.errors import StoreError
from edge_ocr.store import Database, Entry, check, damage
from edge_ocr.store.connection import DamageError
from edge_ocr.types import Event, Kind, Quad, Reading, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = 4096
COUNT = 300


def _event(number: int, *, crop: bool = False) -> Event:
    quad = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)
    stamp = Stamp(5.0, 1_700_000_000.0, "boot", synced=True)
    picture = np.full((20, 50, 3), number % 256, np.uint8) if crop else None
    return Event(
        f"e{number:04}", "gate", Reading("AB12", 0.9, Kind.PLATE, "nl", quad), 5, 0, stamp, stamp, 0, 9, picture, 4
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store of 300 unsent events, 20 of them with crops, that was killed."""
    place, live = tmp_path / "store", tmp_path / "live"
    with Database.open(live, FakeClock()) as store:
        store.record_all([Entry(_event(number, crop=number < 20), None, ["mqtt"]) for number in range(COUNT)])
        store._connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(live, place)
    return place


def _damage(folder: Path, page: int) -> None:
    """Tear a page: its second half is from another time."""
    with (folder / "store.sqlite3").open("r+b") as file:
        file.seek(page * PAGE + 8 if page else 0)
        file.write(b"\xa5" * (PAGE // 2))


def _pages(folder: Path) -> int:
    return (folder / "store.sqlite3").stat().st_size // PAGE


def _pages_of(folder: Path, name: str) -> list[int]:
    with closing(sqlite3.connect(folder / "store.sqlite3")) as raw:
        found = raw.execute("SELECT pageno - 1 FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (name,)).fetchall()
    return [page for (page,) in found]


def _open(folder: Path) -> Database:
    return Database.open(folder, FakeClock())


def test_every_page_may_be_torn_and_the_store_starts(folder: Path, tmp_path: Path) -> None:
    for page in range(0, _pages(folder), 7):
        place = tmp_path / f"torn-{page}"
        shutil.copytree(folder, place)
        _damage(place, page)
        with _open(place) as store:
            store.record(_event(9999, crop=True), destinations=["mqtt"])
            assert "e9999" in {event["id"] for event in store.events(limit=1000)}
            keys = [parcel.key for parcel in store.outbox.pending("mqtt", 1e9, 1000)]
            assert keys == [event["id"] for event in store.events(limit=1000)]
        assert check.check(place, sleep=lambda _: None).faults == ()


def test_a_torn_page_costs_the_events_on_it_and_no_others(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    torn = _pages_of(folder, "events")[10]
    _damage(folder, torn)
    with caplog.at_level(logging.ERROR), _open(folder) as store:
        kept = [event["id"] for event in store.events(limit=1000)]
        assert store.trouble is not None
        assert "was damaged and set aside as" in store.trouble
        assert len(store.outbox.pending("mqtt", 0.0, 1000)) == len(kept)
    assert COUNT - 20 < len(kept) < COUNT
    assert "e0000" in kept
    assert f"e{COUNT - 1:04}" in kept
    told = [record.getMessage() for record in caplog.records]
    assert any("set aside as" in line and "a new one is started" in line for line in told)
    assert any(f"{len(kept)} events were carried over" in line for line in told)
    assert (folder / "damaged-1" / "store.sqlite3").is_file()


def test_the_crops_of_events_that_were_lost_lie_with_the_damaged_database(folder: Path) -> None:
    (folder / "store.sqlite3").write_bytes(b"\0" * 100_000)
    with _open(folder) as store:
        assert store.events() == []
    assert len(list((folder / "damaged-1").rglob("*.png"))) == 20
    assert check.check(folder, sleep=lambda _: None).notes == ("damaged-1: a damaged database that was set aside",)


def test_damage_in_the_outbox_sends_again_rather_than_not_at_all(folder: Path) -> None:
    _damage(folder, _pages_of(folder, "outbox")[0])
    with _open(folder) as store:
        assert len(store.events(limit=1000)) == COUNT
        assert len(store.outbox.pending("mqtt", 1e9, 1000)) == COUNT


def test_damage_that_shows_while_running_is_no_reason_to_stop(folder: Path) -> None:
    with _open(folder) as store:
        store._connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        for page in _pages_of(folder, "outbox"):
            _damage(folder, page)
        store._connection.close()
        store._connection.open()  # nothing of it is in memory any more
        with pytest.raises(DamageError, match="it is damaged, 'edge-ocr check' says where"):
            store.outbox.pending("mqtt", 0.0, 1000)
        store.record(_event(9999), destinations=["mqtt"])
        assert len(store.outbox.pending("mqtt", 1e9, 1000)) == COUNT + 1
    assert (folder / "damaged-1").is_dir()


def test_a_log_that_is_cut_anywhere_loses_its_last_commits_and_no_earlier_ones(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with Database.open(live, FakeClock()) as store:
        sizes = []
        for number in range(6):
            store.record(_event(number))
            sizes.append((live / "store.sqlite3-wal").stat().st_size)
        for cut in range(sizes[-1], sizes[0], -1777):
            place = tmp_path / f"cut-{cut}"
            shutil.copytree(live, place)
            with (place / "store.sqlite3-wal").open("r+b") as file:
                file.truncate(cut)
            with _open(place) as torn:
                assert torn.set_aside is None
                assert len(torn.events()) == sum(size <= cut for size in sizes)
            assert check.check(place, sleep=lambda _: None).faults == ()


def test_a_database_of_something_else_or_of_a_newer_version_is_set_aside(tmp_path: Path) -> None:
    for name, sql in (("foreign", "CREATE TABLE x (y)"), ("newer", "PRAGMA user_version = 99")):
        folder = tmp_path / name
        if name == "newer":
            _open(folder).close()
        folder.mkdir(exist_ok=True)
        with closing(sqlite3.connect(folder / "store.sqlite3")) as raw:
            raw.execute(sql)
        with _open(folder) as store:
            store.record(_event(1))
        assert (folder / "damaged-1" / "store.sqlite3").is_file()


def test_a_card_that_keeps_breaking_fills_up_with_no_more_than_three_databases(folder: Path) -> None:
    for _ in range(5):
        (folder / "store.sqlite3").write_bytes(b"\0" * 10_000)
        _open(folder).close()
    assert sorted(path.name for path in folder.glob("damaged-*")) == ["damaged-3", "damaged-4", "damaged-5"]


def test_the_check_names_every_file_and_row_that_are_alone(folder: Path) -> None:
    _open(folder).close()
    crops = sorted((folder / "crops").rglob("*.png"))
    crops[0].unlink()
    size = crops[1].stat().st_size
    crops[1].write_bytes(b"short")
    (crops[2].parent / "stray.png").write_bytes(b"")
    waited: list[float] = []
    report = check.check(folder, sleep=waited.append)
    day = crops[0].parent.name
    assert report.faults == (
        f"crops/{day}/e0000.png: the file of an event is missing",
        f"crops/{day}/e0001.png: has 5 bytes, but was written with {size}",
        f"crops/{day}/stray.png: no event has this file",
    )
    assert len(waited) == 1


def test_the_check_tells_a_damaged_database(folder: Path) -> None:
    _open(folder).close()
    _damage(folder, _pages_of(folder, "events_text")[0])
    assert any("the database is damaged" in fault for fault in check.check(folder, sleep=lambda _: None).faults)
    (folder / "store.sqlite3").write_bytes(b"\0" * 9000)
    with pytest.raises(StoreError, match="start edge-ocr on it, which sets it aside"):
        check.check(folder)
    with pytest.raises(StoreError, match="no such file; name the folder of a store"):
        check.check(folder / "crops")


def test_crops_that_are_gone_after_a_crash_are_told_and_their_events_kept(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in sorted((folder / "crops").rglob("*.png"))[:3]:
        path.unlink()
    with caplog.at_level(logging.ERROR), _open(folder) as store:
        events = store.events(limit=1000)
    assert len(events) == COUNT
    assert [event["crop"] is None for event in events[:4]] == [True, True, True, False]
    assert "the crops of 3 events are gone or cut short" in caplog.text


def test_an_event_that_was_recorded_before_a_crash_is_not_recorded_again(folder: Path) -> None:
    with _open(folder) as store:
        store.record_all([Entry(replace(_event(number), crop=None), None, ["mqtt"]) for number in range(COUNT + 1)])
        assert len(store.events(limit=1000)) == COUNT + 1
        assert len(store.outbox.pending("mqtt", 1e9, 1000)) == COUNT + 1


def test_the_command_says_what_is_there_and_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _open(folder).close()
    assert cli.main(["check", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "the store is whole"
    (folder / "crops" / "stray.png").write_bytes(b"")
    assert cli.main(["check", str(folder)]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "fault: crops/stray.png: no event has this file",
        "the store is not whole",
    ]
    assert cli.main(["check", "--json", str(folder)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["whole"], told["events"], told["crops"], told["unsent"]) == (False, COUNT, 20, COUNT)
    assert cli.main(["check", str(folder / "crops")]) == 2


def test_what_is_unsent_is_sent_although_the_names_of_destinations_are_gone(tmp_path: Path) -> None:
    """Nobody knows any more what was for whom: both get all of it."""
    live, folder = tmp_path / "live", tmp_path / "store"
    with Database.open(live, FakeClock()) as store:
        for number in range(6):
            store.record(_event(number), destinations=["mqtt" if number < 4 else "webhook"])
        store._connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(live, folder)
    _damage(folder, _pages_of(folder, "destinations")[0])
    with _open(folder) as store:
        sent = {name: [parcel.id for parcel in store.outbox.pending(name, 1e9, 100)] for name in ("webhook", "mqtt")}
        assert sent == {"webhook": [1, 2, 3, 4, 5, 6], "mqtt": [1, 2, 3, 4, 5, 6]}
        assert store.outbox.pending("another", 1e9, 100) == []
        assert store.outbox.destinations() == ("webhook", "mqtt")


def test_on_a_full_disk_crops_give_way_to_the_events_that_are_carried_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk on which all but six crops have to go for a second database to have room."""
    _damage(folder, _pages_of(folder, "events")[10])
    (folder / "damaged-1").mkdir()
    (folder / "damaged-1" / "store.sqlite3").write_bytes(b"\0" * 4096)
    size = sum(path.stat().st_size for path in folder.glob("store.sqlite3*"))
    kept = sorted((folder / "crops").rglob("*.png"))[-6:]
    lacking = sum(path.stat().st_size for path in (folder / "crops").rglob("*.png") if path not in kept) + 4096

    def disk_usage(_: object) -> SimpleNamespace:
        used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return SimpleNamespace(free=size - lacking + before - used)

    before = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    monkeypatch.setattr(damage.shutil, "disk_usage", disk_usage)
    damage.renew(folder, lambda _what, _seconds: None)
    monkeypatch.undo()
    assert sorted((folder / "crops").rglob("*.png")) == kept
    assert "15 crops and older databases gave way" in caplog.text
    with _open(folder) as store:
        assert COUNT - 20 < len(store.events(limit=1000)) < COUNT
        assert len([event for event in store.events(limit=1000) if event["crop"]]) == 6
    assert check.check(folder, sleep=lambda _: None).faults == ()


def test_where_the_disk_takes_no_previews_the_events_are_carried_over_without(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _damage(folder, _pages_of(folder, "events")[10])
    with closing(sqlite3.connect(folder / "store.sqlite3")) as raw:
        raw.execute("UPDATE previews SET jpeg = zeroblob(40000)")
        raw.commit()
    monkeypatch.setattr(damage, "_UNSHARED", (*damage._UNSHARED, "PRAGMA max_page_count = 150"))
    with _open(folder) as store:
        monkeypatch.undo()
        assert COUNT - 20 < len(store.events(limit=1000)) < COUNT
        assert len(store.outbox.pending("mqtt", 1e9, 1000)) == len(store.events(limit=1000))
    assert check.check(folder, sleep=lambda _: None).counts["previews"] == 0


class _PowerCutError(Exception):
    pass


def test_a_crash_while_a_damaged_database_is_carried_over_costs_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cut before each of the steps that change names, and while rows are copied."""
    _damage(folder, _pages_of(folder, "events")[10])
    rename, mkdir = type(folder).rename, type(folder).mkdir
    for moment in range(100):
        place, steps = tmp_path / f"cut-{moment}", iter(range(100))
        shutil.copytree(folder, place)

        def cut(*_: object, steps: Iterator[int] = steps, moment: int = moment) -> None:
            if next(steps) == moment:
                raise _PowerCutError

        with monkeypatch.context() as patch:
            patch.setattr(damage, "_TELL_EVERY", 200)
            patch.setattr(type(folder), "rename", lambda self, target, cut=cut: (cut(), rename(self, target))[1])
            patch.setattr(type(folder), "mkdir", lambda self, cut=cut, **more: (cut(), mkdir(self, **more))[1])
            with contextlib.suppress(_PowerCutError):
                Database(place, FakeClock(), busy=cut).close()
        with _open(place) as store:
            kept = store.events(limit=1000)
            assert COUNT - 20 < len(kept) < COUNT
            assert len(store.outbox.pending("mqtt", 1e9, 1000)) == len(kept)
        assert check.check(place, sleep=lambda _: None).faults == ()
        assert not (place / "carried.sqlite3").exists()
        if next(steps) <= moment:
            break
    assert moment > 10


def test_the_log_of_a_database_that_is_gone_is_not_taken_for_that_of_the_next(tmp_path: Path) -> None:
    live, folder = tmp_path / "live", tmp_path / "store"
    with Database.open(live, FakeClock()) as store:
        store.record(_event(1))
        shutil.copytree(live, folder)
    (folder / "store.sqlite3").unlink()
    with _open(folder) as store:
        assert store.events() == []
        store.record(_event(2))
    assert check.check(folder, sleep=lambda _: None).faults == ()
    assert (folder / "damaged-1" / "store.sqlite3-wal").exists()


def test_what_takes_long_is_told_with_the_time_that_it_may_take(folder: Path) -> None:
    told: list[tuple[str, float]] = []
    _damage(folder, _pages_of(folder, "events")[10])
    Database(folder, FakeClock(), busy=lambda what, seconds: told.append((what, seconds))).close()
    size = (folder / "damaged-1" / "store.sqlite3").stat().st_size
    assert told[0] == ("checking the database after a crash (0 MB)", 60 + size / 2e6)
    assert ("carrying a damaged database over (0 events)", 60.0) in told
