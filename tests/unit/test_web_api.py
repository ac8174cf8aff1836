"""The interface for programs: it does what its own document says, and nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from test_search import CROP, EVENTS, event
from web_served import Answer, Client, Served, served

from edge_ocr.errors import StoreError
from edge_ocr.types import Attempt, Kind, Quad, Reading
from edge_ocr.web import Hands, openapi
from edge_ocr.web.routes import API

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUAD = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)


def read(image: np.ndarray) -> list[Reading]:
    return [Reading(f"{image.shape[1]}X{image.shape[0]}", 0.9, Kind.PLATE, "nl", QUAD)]


def fill(one: Served) -> None:
    for made in EVENTS:
        one.store.record(made, decision=made.decision)
    one.store.miss(Attempt("gate", "unread", "", 0.0, 4, 4, EVENTS[0].last, CROP))
    one.store.miss(Attempt("yard", "few reads", "AB1", 0.4, 4, 1, EVENTS[1].last, None))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    hands = Hands(read=read, open_barrier=lambda who: f"opened for {who}")
    with served(tmp_path_factory.mktemp("api"), hands) as one:
        fill(one)
        yield one


@pytest.fixture(scope="module")
def client(house: Served) -> Client:
    return house.first()


def texts(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [one["text"] for one in answer.json["events"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["ÄÖ-[?]", "AB123C", "A8I23C", "AB12", "RK755AJ", "AB128C", "AB123C"]),
        ("text=ab-123%20c", ["AB123C", "AB123C"]),
        ("text=%C3%84%C3%96-%5B%3F%5D", ["ÄÖ-[?]"]),
        ("text=ab-1*c&match=wildcard", ["AB123C", "AB128C", "AB123C"]),
        ("text=AB123C&match=fuzzy&distance=2", ["AB123C", "A8I23C", "AB12", "AB128C", "AB123C"]),
        ("text=AB123C&match=fuzzy&distance=0", ["AB123C", "AB123C"]),
        ("list=none&camera=yard", ["A8I23C", "AB128C"]),
        ("since=2023-11-14T22:16:20Z&until=2023-11-14T22:17:21Z", ["AB12", "RK755AJ"]),
        ("since=&until=&limit=2", ["ÄÖ-[?]", "AB123C"]),
    ],
)
def test_events_are_found_by_what_the_query_says(client: Client, query: str, found: list[str]) -> None:
    assert texts(client.get(f"/api/events?{query}")) == found


def test_pages_lead_to_the_next_with_the_same_search(client: Client) -> None:
    place, joined = "/api/events?text=A*&match=wildcard&limit=2&since=2023-11-14&until=2023-11-15", []
    while place:
        answer = client.get(place)
        joined += texts(answer)
        place = answer.json["next"]
    assert joined == ["AB123C", "A8I23C", "AB12", "AB128C", "AB123C"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/events?nonsense=1", "'nonsense' is unknown; known are: text, match"),
        ("/api/events?before=", "before is no whole number"),
        ("/api/events?list=", "list is unknown"),
        ("/api/events?limit=0", "limit is out of range; give 1 to 200"),
        ("/api/events?limit=1.5", "limit is no whole number"),
        ("/api/events?limit=1&limit=2", "said twice"),
        ("/api/events?match=like", "match is unknown; known are: exact, wildcard, fuzzy"),
        ("/api/events?distance=nan", "distance is out of range"),
        ("/api/events?since=yesterday", "no time"),
        ("/api/events?text=a%00b", "control characters"),
        ("/api/events?text=%ff", "cannot be read"),
        ("/api/events?text=---&match=fuzzy", "no letter and no digit"),
        (f"/api/events?text={'A' * 65}", "give 0 to 64"),
        ("/api/attempts/one/picture", "number is no whole number"),
        ("/api/events/stream?after=-1", "after is out of range"),
    ],
)
def test_a_wrong_question_is_told_where_it_is_wrong(client: Client, path: str, said: str) -> None:
    answer = client.get(path)
    assert answer.status == 400
    assert said in answer.detail


def test_plates_that_are_stored_as_hashes_are_found_by_their_text_alone(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k" * 32)
    key.chmod(0o600)
    with served(tmp_path / "store", privacy={"mode": "hashed", "key_file": str(key)}) as one:
        from edge_ocr.privacy import Shield  # noqa: PLC0415 -- for this one

        made, decision = Shield(one.settings.privacy).event(EVENTS[0], EVENTS[0].decision)  # type: ignore[misc, arg-type]
        one.store.record(made, decision=decision)
        client = one.first()
        (found,) = texts(client.get("/api/events?text=ab%20123%20c"))
        assert found.startswith("hmac-")
        assert "keyed hashes" in client.get("/api/events?text=AB*&match=wildcard").detail
        client.ask("PUT", "/api/lists/allow/ZZ99", {})
        assert b"ZZ99" not in client.get("/api/audit").body


def test_the_export_holds_every_event_of_a_search_and_computes_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        fill(one)
        one.store.record(event(8, "=1+1", camera="@evil"))
        client = one.first()
        answer = client.get("/api/events.csv?camera=yard")
        assert answer.headers["Content-Type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
        assert [(row["text"], row["list"]) for row in rows] == [("AB123C", "known"), ("A8I23C", ""), ("AB128C", "")]
        (row,) = csv.DictReader(io.StringIO(client.get("/api/events.csv?camera=@evil").body.decode()))
        assert (row["text"], row["camera"]) == ("'=1+1", "'@evil")


def test_a_long_export_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_ocr.web.api._EXPORT_PAGE", 3)
    with served(tmp_path) as one:
        fill(one)
        client = one.first()
        assert len(client.get("/api/events.csv").body.splitlines()) == 1 + len(EVENTS)
        assert client.ask("HEAD", "/api/events.csv").body == b""


def test_one_event_tells_all_that_became_of_it(client: Client) -> None:
    told = client.get("/api/events/id-3").json
    assert (told["text"], told["list"], told["picture"]) == ("RK755AJ", "RK755AJ", True)
    assert (told["deliveries"], told["audit"]) == ([], [])
    assert client.get("/api/events/nobody").status == 404


def test_a_picture_is_sent_once_and_then_only_asked_about(client: Client) -> None:
    for kind, start in (("crop", b"\x89PNG"), ("preview", b"\xff\xd8")):
        path = f"/api/events/id-3/{kind}"
        answer = client.get(path)
        assert answer.body.startswith(start)
        tag = answer.headers["ETag"]
        again = client.get(path, If_None_Match=f'"other", W/{tag}')
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
        assert client.get(path, If_None_Match='"other"').status == 200
        assert client.get(f"/api/events/id-1/{kind}").status == 404


def test_missed_tracks_come_with_reason_and_picture(client: Client) -> None:
    first, second = client.get("/api/attempts").json["attempts"]
    assert (first["reason"], second["reason"]) == ("few reads", "unread")
    assert client.get(f"/api/attempts/{second['number']}/picture").body.startswith(b"\xff\xd8")
    assert client.get(f"/api/attempts/{first['number']}/picture").status == 404
    assert client.get("/api/attempts?limit=1").json["next"] == f"/api/attempts?limit=1&before={first['number']}"


def test_cameras_are_those_that_are_seen_and_those_that_were(client: Client) -> None:
    (gate, yard) = client.get("/api/cameras").json["cameras"]
    assert (gate["name"], gate["live"], gate["age"]) == ("gate", False, None)
    assert yard["name"] == "yard"


def test_entries_of_lists_are_set_found_and_taken_off(house: Served, client: Client) -> None:
    path = "/api/lists/allow/zz-99%20%C3%A4"
    body = {"name": "Cy", "from": "2026-01-01", "until": "2026-01-02T10:00Z", "note": "x"}
    told = client.ask("PUT", path, body).json
    assert (told["plate"], told["name"], told["until"]) == ("ZZ99A", "Cy", "2026-01-02T10:00:00Z")
    assert [one["plate"] for one in client.get("/api/lists?search=zz9").json["entries"]] == ["ZZ99A"]
    assert [one["plate"] for one in client.get("/api/lists?search=cy").json["entries"]] == ["ZZ99A"]
    assert b"ZZ99A" in house.settings.lists.file.read_bytes()  # type: ignore[union-attr]
    assert client.ask("PUT", path, {"name": "Di"}).json["from"] is None
    assert client.ask("DELETE", path).status == 204
    assert client.ask("DELETE", path).status == 404
    assert client.ask("PUT", "/api/lists/allow/---", {}).status == 400
    assert client.ask("PUT", "/api/lists/friends/AB1", {}).status == 400
    assert client.ask("PUT", "/api/lists/allow/A1", {"from": "2026-01-02", "until": "2026-01-01"}).status == 400


def test_lists_come_page_by_page_and_as_a_file(client: Client) -> None:
    place, found = None, []
    while True:
        answer = client.get(f"/api/lists?limit=1{f'&after={place}' if place else ''}").json
        found += [f"{one['list']}/{one['plate']}" for one in answer["entries"]]
        place = answer["after"]
        if place is None:
            break
    assert found == ["allow/AB123C", "deny/XY1"]
    assert client.get("/api/lists?list=deny").json["entries"][0]["name"] == "Eve"
    assert client.get("/api/lists.csv").body.startswith(b"list,plate,name,from,until,note\nallow,AB123C,Ann")


def test_a_file_of_entries_counts_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        client = one.first()

        def send(data: bytes, query: str = "") -> Answer:
            return client.ask("POST", f"/api/lists.csv{query}", data, Content_Type="text/csv; charset=utf-8")

        assert send(b"list,plate\nknown,N1\nknown,N2\n").json == {"entries": 2}
        assert "line 3" in send(b"list,plate\nknown,N3\nfriends,N4\n").detail
        assert len(client.get("/api/lists").json["entries"]) == 4
        assert send(b"plate\nN5\n", "?list=deny&replace=yes").status == 200
        assert [entry["plate"] for entry in client.get("/api/lists").json["entries"]] == ["N5"]
        one.settings.lists.file.write_text("nonsense")  # type: ignore[union-attr]
        assert "column" in client.ask("PUT", "/api/lists/allow/A1", {}).detail
        assert "column" in client.get("/api/lists").json["problem"]


def test_without_a_file_of_lists_nothing_can_be_put_on_them(tmp_path: Path) -> None:
    with served(tmp_path, lists={}) as one:
        client = one.first()
        assert "lists.file" in client.ask("PUT", "/api/lists/allow/A1", {}).detail
        assert client.get("/api/lists").json["entries"] == []


def test_zones_are_kept_and_whoever_watches_reads_them_again(tmp_path: Path) -> None:
    from edge_ocr import drawn  # noqa: PLC0415 -- what whoever watches uses

    calls: list[int] = []
    with served(tmp_path, Hands(reload=lambda: calls.append(1))) as one:
        fill(one)
        client, path = one.first(), "/api/cameras/gate/zones"
        zones = {"zones": [[[0, 0], [1, 0], [1, 0.5]]], "masks": [[[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]]}
        assert client.ask("PUT", path, zones).json == client.get(path).json == zones
        assert drawn.load(one.settings)["gate"].zones == (((0.0, 0.0), (1.0, 0.0), (1.0, 0.5)),)
        assert calls == [1]
        for wrong in ([[[0, 0], [1, 0]]], [[[0, 0], [1, 0], [1, 2]]], [[[0, 0], [1, 0], [1, "x"]]], "x", [[]] * 33):
            assert client.ask("PUT", path, {"zones": wrong}).status == 400
        assert client.ask("PUT", "/api/cameras/nowhere/zones", zones).status == 404
        assert client.ask("PUT", path, {"zones": []}).json == {"zones": [], "masks": []}
        assert drawn.load(one.settings) == {}


def test_a_picture_that_is_sent_is_read(client: Client) -> None:
    image = np.full((30, 40, 3), 128, np.uint8)
    for kind, suffix in (("image/png", ".png"), ("image/jpeg", ".jpg")):
        data = cv2.imencode(suffix, image)[1].tobytes()
        told = client.ask("POST", "/api/read", data, Content_Type=kind).json
        assert (told["width"], told["height"], told["readings"][0]["text"]) == (40, 30, "40X30")
        cut = client.ask("POST", "/api/read", data[: len(data) // 2], Content_Type=kind)
        assert cut.status in {200, 400, 413, 415}, "what OpenCV can still read of it, or none"
    assert client.ask("POST", "/api/read", b"GIF89a", Content_Type="image/png").status == 415


def test_a_small_file_of_a_huge_picture_is_refused_before_it_is_decoded(client: Client) -> None:
    png = cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes()
    bomb = png[:16] + (60_000).to_bytes(4, "big") * 2 + png[24:]
    assert "60000 x 60000" in client.ask("POST", "/api/read", bomb, Content_Type="image/png").detail
    jpeg = bytearray(cv2.imencode(".jpg", np.zeros((4, 4), np.uint8))[1].tobytes())
    place = jpeg.index(b"\xff\xc0") + 5
    jpeg[place : place + 4] = b"\xff\xff\xff\xff"
    assert "65535 x 65535" in client.ask("POST", "/api/read", bytes(jpeg), Content_Type="image/jpeg").detail


def test_the_barrier_opens_by_hand_with_a_row_that_says_who(client: Client) -> None:
    assert client.ask("POST", "/api/barrier").json == {"done": "opened for ann"}
    assert client.get("/api/audit?limit=1").json["audit"][0]["actor"] == "user ann"


def test_what_is_not_set_up_is_told_so(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        client = one.first()
        assert "publish.relay.pin" in client.ask("POST", "/api/barrier").detail
        assert client.ask("POST", "/api/read", b"\xff\xd8\xff", Content_Type="image/jpeg").status == 409


def test_a_store_that_cannot_be_written_stops_every_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    with served(tmp_path, Hands(open_barrier=lambda who: opened.append(who) or "open")) as one:
        client = one.first()

        def full(*_: Any, **__: Any) -> None:
            raise StoreError("the disk is full; make room")

        monkeypatch.setattr(one.store, "audit", full)
        assert client.ask("POST", "/api/barrier").status == 503
        assert client.ask("PUT", "/api/lists/allow/NEW", {}).status == 503
        assert opened == []
        assert b"NEW" not in one.settings.lists.file.read_bytes()  # type: ignore[union-attr]
        answer = one.stranger().form("/login", name="ann", password="wrong")
        assert (answer.status, b"disk" in answer.body) == (503, False), "a stranger is told no reasons"


def test_health_is_told_in_three_ways(house: Served, client: Client) -> None:
    assert client.get("/api/health").json["ok"] is True
    assert b"\nedge_ocr_healthy 1.0\n" in client.get("/metrics").body
    assert house.stranger().get("/healthz").json == {"ok": True}
    house.health.watch("camera", lambda: "no frame for 60 s")
    try:
        answer = house.stranger().get("/healthz")
        assert answer.status == 503
        assert b"frame" not in answer.body
        assert client.get("/api/health").json["reasons"] == ["camera: no frame for 60 s"]
    finally:
        house.health.forget("camera")


def test_what_is_not_there_and_what_cannot_be_done_with_it(client: Client) -> None:
    assert client.get("/api/nothing").status == 404
    answer = client.ask("DELETE", "/api/events")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert client.ask("TRACE", "/api/lists/allow/A1").headers["Allow"] == "DELETE, PUT"
    assert client.ask("HEAD", "/api/events").body == b""
    for body in (b"{", b"[]", b"\xff", b'{"name": NaN}', b'{"nonsense": 1}', b'{"name": 1}', b'{"name": "\\ud800"}'):
        answer = client.ask("PUT", "/api/lists/allow/A1", body, Content_Type="application/json")
        assert answer.status == 400, body
        assert answer.detail


def test_every_answer_is_one_that_the_document_names(client: Client) -> None:
    document = client.get("/api/openapi.json").json
    assert document == json.loads(json.dumps(openapi.document()))
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told == {(one.method, one.path) for one in API}
    known = set(document["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document))) <= known


def test_an_events_answer_has_exactly_what_its_schema_names(client: Client) -> None:
    schema = openapi.document()["components"]["schemas"]["Event"]
    told = client.get("/api/events/id-3").json
    assert set(schema["required"]) <= set(told)
    assert set(told) <= set(schema["properties"])
    assert replace(EVENTS[2], crop_file=told["crop"]).as_json().keys() <= set(schema["properties"])
