"""The small parts of the pages: what counts, what is kept, what is drawn."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr import drawn, jsonfile
from edge_ocr.clock import FakeClock
from edge_ocr.config import Settings, parse
from edge_ocr.errors import ConfigError, StoreError
from edge_ocr.health import Sample, Snapshot
from edge_ocr.live import Seen
from edge_ocr.web import languages, uploads
from edge_ocr.web.exchange import Problem
from edge_ocr.web.fields import Field, from_json, from_query, moment, number, text, whole
from edge_ocr.web.guard import Buckets, Doorkeeper, Setup, neighbourhood
from edge_ocr.web.history import History, plot
from edge_ocr.web.routes import API, PAGES, Table
from edge_ocr.web.sessions import Sessions
from edge_ocr.zones import Zones

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = (
    text("word", "", most=5),
    text("way", "", "up", "down", default="up"),
    whole("count", "", 0, 1 << 53),
    number("share", "", 0, 1, default=0.5),
    moment("until", ""),
    Field("zones", "", "polygons"),
)


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("", "way", "up"),
        ("", "word", None),
        ("word=%C3%A9+1", "word", "é 1"),
        ("count=9007199254740992", "count", 9007199254740992),
        ("share=.25", "share", 0.25),
        ("until=1970-01-02T00:00Z", "until", 86_400.0),
        ("until=", "until", None),
    ],
)
def test_what_a_query_says(query: str, name: str, value: object) -> None:
    assert from_query(query, FIELDS)[name] == value


@pytest.mark.parametrize(
    "query",
    [
        *("word=abcdef", "word=a%0a", "way=left", "count=9007199254740993", "count=1e3", "count=%2b1", "count=²"),
        *("share=2", "share=inf", "share=x", "until=soon", "other=1", "word=a&word=b", "zones=[]"),
        "&".join(f"a{number}=1" for number in range(60)),
    ],
)
def test_what_a_query_may_not_say(query: str) -> None:
    with pytest.raises(Problem) as problem:
        from_query(query, FIELDS)
    assert problem.value.status == 400


@given(st.binary(max_size=60))
def test_no_body_whatever_is_more_than_a_problem(body: bytes) -> None:
    with suppress(Problem):
        assert set(from_json(body, FIELDS)) == {field.name for field in FIELDS}


def test_a_form_sends_what_nobody_filled_in() -> None:
    assert from_query("word=&way=&count=&until=", FIELDS, form=True)["way"] == "up"
    with pytest.raises(Problem):
        from_query("way=", FIELDS)


def test_a_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    buckets = Buckets(2.0, 3)
    assert [buckets.wait("a", 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.wait("b", 0.0) == 0
    assert buckets.wait("a", 0.5, take=False) == 0
    assert buckets.wait("a", 0.5) == 0
    assert buckets.wait("a", 0.5) == 0.5
    assert buckets.wait("a", 100.0) == 0
    for key in range(3000):
        buckets.wait(str(key), 100.0)
    assert len(buckets._left) == 2000


def test_whoever_has_many_addresses_is_slowed_down_by_the_user_they_guess_at() -> None:
    door = Doorkeeper()
    for address in range(20):
        door.check(str(address), "ann", 0.0)
        door.failed(str(address), "ann", 0.0)
    with pytest.raises(Problem) as problem:
        door.check("another", "ann", 0.0)
    assert problem.value.status == 429
    door.check("another", "bob", 0.0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("unknown", "unknown", True),
        ("unknown", "", False),
    ],
)
def test_addresses_of_one_network_of_version_6_count_as_one(one: str, other: str, same: bool) -> None:
    assert (neighbourhood(one) == neighbourhood(other)) is same


def test_codes_are_long_and_never_the_same() -> None:
    codes = {Setup().code for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code.replace("-", "")) == 12 for code in codes)


def test_sessions_are_bounded_and_a_damaged_file_is_told(tmp_path: Path) -> None:
    clock = FakeClock()
    sessions = Sessions(tmp_path / "s.json", 1)
    keys = []
    for _ in range(25):
        clock.advance(1)
        keys.append(sessions.open("ann", clock.stamp())[0])
    alive = [sessions.find(key, clock.stamp()) is not None for key in keys]
    assert alive == [False] * 5 + [True] * 20
    assert Sessions(tmp_path / "s.json", 1).find(keys[-1], clock.stamp())
    (tmp_path / "s.json").write_text("x")
    with pytest.raises(ConfigError, match="damaged"):
        Sessions(tmp_path / "s.json", 1)


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a" / "x.json"
    jsonfile.write(path, {"a": 1})
    (path.parent / ".x.json.part").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        jsonfile.write(path, {"a": 2})
    assert jsonfile.read(path, {"a": 0}) == {"a": 1}
    assert jsonfile.read(tmp_path / "none", {"a": 0}) == {"a": 0}


def settings(folder: Path) -> Settings:
    return parse({"store": {"folder": str(folder)}}, origin="the test")


def test_zones_are_kept_by_camera_until_nothing_is_drawn(tmp_path: Path) -> None:
    one = settings(tmp_path)
    triangle = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    drawn.save(one, "gate", Zones((triangle,)))
    drawn.save(one, "yard", Zones(None, (triangle,)))
    assert drawn.load(one) == {"gate": Zones((triangle,), ()), "yard": Zones(None, (triangle,))}
    drawn.save(one, "gate", Zones())
    assert list(drawn.load(one)) == ["yard"]


@pytest.mark.parametrize(
    "held", ['{"cameras": []}', '{"cameras": {"a": {}}}', '{"cameras": {"a": {"zones": 1, "masks": []}}}']
)
def test_a_file_of_zones_that_somebody_else_wrote_is_told(tmp_path: Path, held: str) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "zones.json").write_text(f'{{"cameras": {held}}}')
    with pytest.raises(ConfigError, match="draw them again"):
        drawn.load(settings(tmp_path))


def test_without_a_folder_there_are_no_zones(tmp_path: Path) -> None:
    assert drawn.load(Settings()) == {}
    with pytest.raises(ConfigError, match="no folder"):
        drawn.save(Settings(), "gate", Zones())
    own = parse({"web": {"folder": str(tmp_path)}}, origin="the test")
    assert drawn.folder_of(own) == tmp_path


def test_the_history_counts_frames_between_its_points() -> None:
    history = History()
    snapshot = Snapshot((Sample("temperature_celsius", 51.0), Sample("resident_bytes", 9e7)), ())
    for frames in (10, 40, 5):
        history.take(snapshot, {"gate": Seen(frames, 0.0, 0.2)}, frames * 1.0 if frames > 5 else 55.0)
    points = history.points
    assert [point.frames for point in points] == [None, 1.0, 0.0], "a camera that began anew has no negative rate"
    assert (points[0].latency, points[0].temperature, points[0].memory, points[0].disk) == (0.2, 51.0, 90.0, None)
    for _ in range(300):
        history.take(snapshot, {}, 100.0)
    assert len(history.points) == 240


def test_a_plot_fills_its_width_and_parts_where_nothing_is_known() -> None:
    assert plot([1.0, 2.0, 3.0], 100, 33) == "0.0,23.0 50.0,13.0 100.0,3.0"
    assert plot([1.0, None, 1.0], 100, 11) == "0.0,1.0|100.0,1.0"
    assert plot([0.0], 100, 11) == "0.0,11.0"
    assert plot([], 100, 11) == ""


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("x", "no TOML"),
        ("welcome = 'x'", "reading must be a text"),
        ("".join(f"{key} = 'x'\n" for key in languages.KEYS) + "more = 'x'", "'more' is unknown"),
        ("".join(f"{key} = 'x'\n" for key in languages.KEYS) + "rtl = 1", "rtl must be"),
    ],
)
def test_a_wrong_file_of_a_language_is_told(tmp_path: Path, held: str, said: str) -> None:
    (tmp_path / "xx.toml").write_text(held)
    with pytest.raises(ConfigError, match=said):
        languages.load(tmp_path)


def test_every_language_that_ships_is_whole() -> None:
    known = languages.load(None)
    assert {"en", "de", "fr", "es"} <= set(known)
    assert all(set(one.texts) == set(languages.KEYS) for one in known.values())


@given(st.binary(max_size=80).map(lambda data: b"\xff\xd8\xff" + data))
def test_no_bytes_whatever_are_more_than_a_problem(data: bytes) -> None:
    with pytest.raises(Problem):
        uploads.decoded(data)


def test_what_is_spelled_out_is_found_before_what_stands_for_anything() -> None:
    table = Table()
    for operation in (*API, *PAGES):
        found, _ = table.find(operation.path.replace("{", "").replace("}", ""))
        assert found[operation.method] is operation
    assert table.find("/api/events/stream")[0]["GET"].run == "events"
    assert table.find("/api/cameras/a%2Fb/live")[1] == {"camera": "a/b"}
    assert table.find("/api/cameras/%ff/live") == table.find("/nowhere") == ({}, {})
