"""The schema: files of older versions, and what SQLite must know."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from stored import an_event, counts_of, ids_in, keys_for, rows_in

from edge_ocr.errors import StoreError
from edge_ocr.store import Database, Entry, connection, damage
from edge_ocr.store.view import View

if TYPE_CHECKING:
    from edge_ocr.clock import FakeClock


def test_an_sqlite_without_strict_tables_is_told(
    folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StoreError, match=r"but 3\.37 or newer is needed; update the system"):
        Database.open(folder, clock)


def test_upgrades_lead_where_the_schema_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "upgrades").mkdir(parents=True)
    (home / "schema.sql").write_text("-- one; two\nCREATE TABLE a (x INTEGER) STRICT;\n")
    path = tmp_path / "x.sqlite3"
    raw = sqlite3.connect(path, isolation_level=None)
    monkeypatch.setattr(connection, "VERSION", 1)
    connection.prepare(raw, home)
    (home / "upgrades" / "0002.sql").write_text("ALTER TABLE a ADD COLUMN y INTEGER;\n")
    (home / "upgrades" / "0003.sql").write_text("CREATE TABLE b (z INTEGER) STRICT;\nnonsense;\n")
    monkeypatch.setattr(connection, "VERSION", 3)
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        connection.prepare(raw, home)
    assert raw.execute("PRAGMA user_version").fetchone() == (2,)
    assert raw.execute("SELECT name FROM sqlite_schema").fetchall() == [("a",)]
    (home / "upgrades" / "0003.sql").write_text("CREATE TABLE b (z INTEGER) STRICT;\n")
    connection.prepare(raw, home)
    connection.prepare(raw, home)
    assert raw.execute("SELECT y FROM a").fetchall() == raw.execute("SELECT z FROM b").fetchall() == []
    assert raw.execute("PRAGMA user_version").fetchone() == (3,)
    raw.close()


def test_every_table_is_strict(store: Database, folder: Path) -> None:
    store.record(an_event("one"))
    strict = dict(rows_in(folder, "SELECT name, strict FROM pragma_table_list WHERE schema = 'main'"))
    assert {name for name, on in strict.items() if not on} == {"sqlite_schema"}


OLD = Path(__file__).parents[2] / "data/stores"


def _of_old(version: int, folder: Path) -> None:
    """The file that an earlier version wrote: three events, two deliveries that wait, an attempt and a note."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / damage.DATABASE)) as raw:
        raw.executescript((OLD / f"v{version}.sql").read_text("utf-8"))


@pytest.mark.parametrize("version", range(1, connection.VERSION))
def test_a_file_of_an_older_version_is_led_to_where_the_schema_begins(
    version: int, folder: Path, clock: FakeClock, tmp_path: Path
) -> None:
    _of_old(version, folder)
    with Database.open(folder, clock) as store:
        assert store.set_aside is None
        assert ids_in(store) == ["one", "two", "three"]
        assert (keys_for(store), keys_for(store, "webhook")) == (["two"], ["two"])
        assert [row["reason"] for row in store.attempts.latest(9)] == ["few reads"]
        assert rows_in(folder, "SELECT list FROM events ORDER BY seq") == [(None,), ("allow",), (None,)]
        store.record(an_event("four"))
        assert rows_in(folder, "SELECT max(seq) FROM events") == [(4,)]
        assert counts_of(folder)["events"] == 4
    Database.open(tmp_path / "fresh", clock).close()
    assert _columns(folder) == _columns(tmp_path / "fresh")


def _columns(folder: Path) -> list[tuple[Any, ...]]:
    """Tables, their columns in order, indexes and triggers."""
    sql = """
        SELECT s.type, s.name, c.name, c.type, c."notnull", c.pk FROM sqlite_schema s
        LEFT JOIN pragma_table_info(s.name) c ORDER BY s.type, s.name, c.cid
    """
    return rows_in(folder, sql)


@pytest.mark.parametrize("version", range(1, connection.VERSION + 1))
def test_no_number_is_given_twice(version: int, folder: Path, clock: FakeClock) -> None:
    if version < connection.VERSION:
        _of_old(version, folder)
    else:
        with Database.open(folder, clock) as store:
            store.record_all([Entry(an_event(name)) for name in ("one", "two", "three")])
    with Database.open(folder, clock) as store:
        assert store.erase(text="EF56" if version < connection.VERSION else "AB12") in {1, 3}
        store.record(an_event("four"))
        assert store.events(after=3)[0]["id"] == "four"
        store.erase(since=0.0)
        assert store.events() == []
    with Database.open(folder, clock) as store:
        view = View(folder)
        assert view.newest() == 4
        store.record(an_event("five"))
        assert [event["seq"] for event in store.events()] == [view.newest()] == [5]
        view.close()


def test_numbers_go_on_after_events_went_in_any_order(store: Database, folder: Path) -> None:
    store.record_all([Entry(an_event(f"e{number}")) for number in range(9)])
    for seq in (9, 8, 3, 7, 1, 2, 6, 5, 4):
        store._connection.run("DELETE FROM events WHERE seq = ?", (seq,))
    store.record(an_event("next"))
    assert rows_in(folder, "SELECT seq FROM events") == [(10,)]


def test_numbers_go_on_after_damage(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock) as store:
        store.record_all([Entry(an_event(f"e{number}")) for number in range(5)])
        store.erase(text="AB12")
        store._connection.damage = connection.DamageError("a page is torn")
        store.record(an_event("next"))
        assert store.set_aside is not None
        assert [event["seq"] for event in store.events()] == [6]
