"""Finding events: every way alone and together, page by page, and what similar means."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr.clock import FakeClock
from edge_ocr.decide import distance, substitution
from edge_ocr.errors import StoreError
from edge_ocr.store import Database, connection, damage, search
from edge_ocr.store.search import Wanted
from edge_ocr.store.view import View
from edge_ocr.types import Action, Attempt, Decision, Event, Kind, Quad, Reading, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

WALL = 1_700_000_000.0
QUAD = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)
CROP = np.random.default_rng(1).integers(0, 255, (20, 50, 3), np.uint8)


def event(number: int, text: str, *, camera: str = "gate", listed: str | None = None, crop: bool = False) -> Event:
    stamp = Stamp(float(number), WALL + number * 60, "boot", synced=True)
    reading = Reading(text, 0.9, Kind.PLATE, "nl", QUAD)
    made = Event(f"id-{number}", camera, reading, 5, 0, stamp, stamp, 0, 9, CROP if crop else None, 4)
    return replace(made, decision=Decision(Action.NOTE, "because", listed, listed and text))


EVENTS = (
    event(1, "AB123C"),
    event(2, "AB128C", camera="yard"),
    event(3, "RK755AJ", listed="allow", crop=True),
    event(4, "AB12", listed="deny"),
    event(5, "A8I23C", camera="yard"),
    event(6, "AB123C", camera="yard", listed="known"),
    event(7, "ÄÖ-[?]"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Database.open(tmp_path, FakeClock(wall=WALL + 10_000)) as store:
        for one in EVENTS:
            store.record(one, decision=one.decision, destinations=["files"] if one.id == "id-3" else [])
        store.miss(Attempt("gate", "unread", "", 0.0, 4, 4, EVENTS[0].last, CROP))
        store.miss(Attempt("yard", "low confidence", "AB1", 0.4, 4, 1, EVENTS[1].last, None))
        store.audit(EVENTS[2].last, "relay", "open", "allow: exact", event="id-3")
        store.audit(EVENTS[3].last, "user ann", "list-set", "allow: AB123C")
    return tmp_path


@pytest.fixture
def view(folder: Path) -> Iterator[View]:
    view = View(folder)
    yield view
    view.close()


def cost(ours: str, theirs: str) -> float:
    """A few look-alikes, whatever the real ones are measured to cost."""
    cheap = {"8B": 0.1, "1I": 0.1, "38": 0.5}
    return 0.0 if ours == theirs else cheap.get("".join(sorted((ours, theirs))), 1.0)


def found(view: View, wanted: Wanted, **page: Any) -> list[int]:
    return [one["seq"] for one in search.page(view, wanted, cost, **page)]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(), [7, 6, 5, 4, 3, 2, 1]),
        (Wanted(texts=("AB123C",)), [6, 1]),
        (Wanted(texts=("AB123C", "RK755AJ")), [6, 3, 1]),
        (Wanted(texts=("AB123C",), camera="yard"), [6]),
        (Wanted(texts=("nowhere",)), []),
        (Wanted(pattern="AB12?C"), [6, 2, 1]),
        (Wanted(pattern="*1*3*"), [6, 1]),
        (Wanted(pattern="AB*****"), [6, 4, 2, 1]),
        (Wanted(pattern="*[?]"), [7]),
        (Wanted(pattern="[AR]*"), []),
        (Wanted(list="allow"), [3]),
        (Wanted(list="none"), [7, 5, 2, 1]),
        (Wanted(camera="yard"), [6, 5, 2]),
        (Wanted(camera="nowhere"), []),
        (Wanted(since=WALL + 180, until=WALL + 300), [4, 3]),
        (Wanted(pattern="AB*", camera="yard", list="known", since=WALL), [6]),
        (Wanted(like="AB123C", distance=0), [6, 1]),
        (Wanted(like="AB123C", distance=0.5), [6, 5, 2, 1]),
        (Wanted(like="AB123C", distance=2), [6, 5, 4, 2, 1]),
        (Wanted(like="AB123C", distance=0.5, camera="yard"), [6, 5, 2]),
        (Wanted(like="RK755A1", distance=1), [3]),
        (Wanted(like="Q", distance=0), []),
    ],
)
def test_everything_that_is_wanted_must_hold(view: View, wanted: Wanted, numbers: list[int]) -> None:
    assert found(view, wanted) == numbers


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(pattern="A*"), Wanted(like="AB123C", distance=2)])
def test_pages_join_without_gap_or_repetition(view: View, wanted: Wanted) -> None:
    whole, joined, before = found(view, wanted), [], None
    while page := found(view, wanted, before=before, limit=2):
        joined += page
        before = page[-1]
    assert joined == whole


def test_a_similar_event_says_how_far_it_is(view: View) -> None:
    near = search.page(view, Wanted(like="AB123C", distance=1), cost)
    told = {one["text"]: one["distance"] for one in near}
    assert told == {"AB123C": 0.0, "A8I23C": 0.2, "AB128C": 0.5}


def test_texts_are_compared_in_chunks_of_any_size(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = found(view, Wanted(like="AB123C", distance=2))
    monkeypatch.setattr(search, "_CHUNK", 2)
    assert found(view, Wanted(like="AB123C", distance=2)) == whole
    assert found(view, Wanted(like="AB123C", distance=2), limit=3) == whole[:3]


LETTERS = st.text("AB80OI1SZ5Q", min_size=1, max_size=9)


@given(like=LETTERS, texts=st.lists(st.one_of(LETTERS, st.text("Aß€8", max_size=5)), min_size=1, max_size=8))
def test_the_distance_of_many_is_the_distance_of_each(like: str, texts: list[str]) -> None:
    together = search.distances(like, "\n".join(texts), substitution)
    assert together.tolist() == pytest.approx([distance(like, text) for text in texts], abs=1e-4)


def test_an_event_tells_what_became_of_it(view: View) -> None:
    told = view.event("id-3")
    assert told is not None
    assert (told["seq"], told["text"], told["picture"]) == (3, "RK755AJ", True)
    assert told["crop"] == "crops/2023-11-14/id-3.png"
    assert view.deliveries(3) == [{"destination": "files", "state": "waiting", "attempts": 0, "error": None}]
    assert view.deliveries(1) == [{"destination": "files", "state": "sent", "attempts": 0, "error": None}]
    assert [row["action"] for row in view.audit(event="id-3")] == ["open"]
    assert view.event("nobody") is None


def test_pictures_are_there_or_are_not(view: View, folder: Path) -> None:
    assert (view.crop("id-3") or b"")[:4] == b"\x89PNG"
    assert (view.preview("id-3") or b"")[:2] == b"\xff\xd8"
    assert view.crop("id-1") is view.preview("id-1") is view.crop("nobody") is None
    (folder / "crops/2023-11-14/id-3.png").unlink()
    assert view.crop("id-3") is None


def test_a_row_that_names_a_file_outside_of_the_store_gives_nothing_away(view: View, folder: Path) -> None:
    raw = sqlite3.connect(folder / damage.DATABASE)
    raw.execute("UPDATE events SET crop = '../../etc/passwd' WHERE seq = 3")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match="outside of the store"):
        view.crop("id-3")


def test_missed_tracks_and_audit_come_latest_first_page_by_page(view: View) -> None:
    assert [one["reason"] for one in view.attempts(before=None, limit=9)] == ["low confidence", "unread"]
    (last,) = view.attempts(before=2, limit=9)
    assert (last["number"], last["camera"], last["picture"], last["synced"]) == (1, "gate", True, True)
    assert (view.attempt_picture(1) or b"")[:2] == b"\xff\xd8"
    assert view.attempt_picture(2) is view.attempt_picture(99) is None
    assert [row["actor"] for row in view.audit(limit=1)] == ["user ann"]
    assert [row["actor"] for row in view.audit(before=2)] == ["relay"]


def test_what_was_recorded_after_an_event_comes_in_order(view: View) -> None:
    assert [one["seq"] for one in view.after(4, 2)] == [5, 6]
    assert view.after(7, 2) == []
    assert (view.newest(), view.cameras()) == (7, ["gate", "yard"])


def test_a_view_sees_what_is_recorded_while_it_is_open(view: View, folder: Path) -> None:
    assert view.newest() == 7
    with Database.open(folder, FakeClock()) as store:
        store.record(event(8, "NEW1"))
        assert view.newest() == 8


def test_a_view_cannot_write(view: View) -> None:
    with pytest.raises(StoreError, match="readonly"):
        view.rows("DELETE FROM events")


def test_a_view_of_nothing_says_so_and_sees_the_store_once_it_is_there(tmp_path: Path) -> None:
    view = View(tmp_path / "later")
    with pytest.raises(StoreError, match="no such file"):
        view.newest()
    with Database.open(tmp_path / "later", FakeClock()) as store:
        store.record(event(1, "AB"))
        assert view.newest() == 1
    view.close()


def test_a_view_follows_when_another_database_takes_the_place(view: View, folder: Path) -> None:
    assert view.newest() == 7
    for name in ("", "-wal", "-shm"):
        (folder / f"{damage.DATABASE}{name}").unlink(missing_ok=True)
    with Database.open(folder, FakeClock()) as store:
        store.record(event(1, "FRESH"))
        assert view.newest() == 1


def test_a_question_that_takes_too_long_is_cut_off(folder: Path) -> None:
    view = View(folder, seconds=0.05)
    with pytest.raises(StoreError, match="took more than"):
        view.rows(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000) SELECT max(x) FROM n"
        )
    assert view.newest() == 7
    view.close()


def test_a_store_of_the_first_version_becomes_searchable(tmp_path: Path) -> None:
    _first_version(tmp_path)
    with Database.open(tmp_path, FakeClock(wall=WALL)):
        view = View(tmp_path)
        assert found(view, Wanted(list="allow")) == [2]
        assert view.rows("PRAGMA user_version") == [(connection.VERSION,)]
        view.close()


def _first_version(folder: Path) -> None:
    """A file that the first version wrote: three events, the second of them decided by a list."""
    with closing(sqlite3.connect(folder / damage.DATABASE)) as raw:
        raw.executescript((Path(__file__).parents[1] / "data/stores/v1.sql").read_text("utf-8"))


def test_a_damaged_store_of_the_first_version_keeps_its_events_and_their_lists(tmp_path: Path) -> None:
    _first_version(tmp_path)
    path = tmp_path / damage.DATABASE
    raw = sqlite3.connect(path)
    (root,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'events_text'").fetchone()
    size = raw.execute("PRAGMA page_size").fetchone()[0]
    raw.execute("UPDATE starts SET ended = NULL")
    raw.commit()
    raw.close()
    data = bytearray(path.read_bytes())
    data[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(data)
    with Database.open(tmp_path, FakeClock(wall=WALL)) as store:
        assert store.set_aside is not None
        view = View(tmp_path)
        assert found(view, Wanted(list="allow")) == [2]
        assert found(view, Wanted()) == [3, 2, 1]
        view.close()
