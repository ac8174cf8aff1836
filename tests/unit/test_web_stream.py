"""What goes on while somebody looks: nothing is lost, nothing is made twice, and nothing is made for nobody."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np
import pytest
from test_search import EVENTS, event
from web_served import PATIENCE, Client, Served, served, soon

from edge_ocr import live
from edge_ocr.types import Frame, Kind, Quad, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUAD = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)
READING = Reading("AB123C", 0.9, Kind.PLATE, "nl", QUAD)
IMAGE = np.random.default_rng(1).integers(0, 255, (72, 128, 3), np.uint8)


class Stream:
    """An answer without end, read as it comes."""

    def __init__(self, client: Client, path: str, **headers: str) -> None:
        self._line = socket.create_connection(("127.0.0.1", client.port), PATIENCE)
        told = {"Host": "x", "Cookie": client.cookie, **headers}
        if client.token:
            told |= {"Authorization": f"Bearer {client.token}"}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
        self._line.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        self._data = b""
        self.head = self.until(b"\r\n\r\n").decode()
        self.status = int(self.head.split()[1])

    def until(self, mark: bytes) -> bytes:
        """What comes up to a mark, the mark included."""
        end = time.monotonic() + PATIENCE
        while mark not in self._data:
            self._line.settimeout(max(0.01, end - time.monotonic()))
            data = self._line.recv(65536)
            if not data:
                raise EOFError(self._data)
            self._data += data
        said, self._data = self._data.split(mark, 1)
        return said + mark

    def event(self, name: str) -> tuple[int | None, object]:
        """The next server-sent event of a name: its id and what it tells."""
        while True:
            self.until(f"event: {name}\n".encode())
            told = json.loads(self.until(b"\n\n").partition(b"data: ")[2])
            return (told.get("seq") if isinstance(told, dict) else None), told

    def ended(self, seconds: float = PATIENCE) -> bool:
        """Whether it ends within so long."""
        self._line.settimeout(seconds)
        try:
            while self._line.recv(65536):
                pass
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, web={"live_fps": 30}) as one:
        yield one


@pytest.fixture
def client(house: Served) -> Client:
    return house.first()


def record(house: Served, *numbers: int) -> None:
    for number in numbers:
        house.board.tell(house.store.record(event(number, f"NR{number}")))


def test_events_come_as_they_are_told(house: Served, client: Client) -> None:
    record(house, 1)
    with Stream(client, "/api/events/stream") as stream:
        assert "text/event-stream" in stream.head
        stream.event("beat")
        record(house, 2, 3)
        assert [stream.event("event")[0] for _ in range(2)] == [2, 3]


def test_whoever_comes_back_misses_nothing_and_gets_nothing_twice(house: Served, client: Client) -> None:
    seen = []
    last = 0
    stop = threading.Event()

    def tell() -> None:
        for number in range(1, 121):
            record(house, number)
        stop.set()

    teller = threading.Thread(target=tell)
    teller.start()
    while last < 120:  # the line is cut after every seven events
        with Stream(client, "/api/events/stream?after=0", Last_Event_ID=str(last)) as stream:
            for _ in range(min(7, 120 - last)):
                last = int(stream.event("event")[0] or 0)
                seen.append(last)
    teller.join(PATIENCE)
    assert seen == list(range(1, 121))


def test_whoever_is_cut_off_before_the_first_event_knows_where_it_was(house: Served, client: Client) -> None:
    record(house, 1, 2)
    with Stream(client, "/api/events/stream") as stream:
        assert b"id: 2\nevent: beat\n" in stream.until(b"data: {}\n\n")
    record(house, 3)  # while nobody listens
    with Stream(client, "/api/events/stream", Last_Event_ID="2") as stream:
        assert stream.event("event")[0] == 3


def test_whoever_knows_a_store_that_was_begun_anew_gets_what_is_in_the_new_one(house: Served, client: Client) -> None:
    record(house, 1)
    with Stream(client, "/api/events/stream?after=5000") as stream:
        assert stream.event("event")[0] == 1
        record(house, 2)
        assert stream.event("event")[0] == 2


def test_events_after_all_grew_old_and_went_still_come(house: Served, client: Client) -> None:
    record(house, 1, 2, 3)
    with Stream(client, "/api/events/stream?after=0") as stream:
        assert [stream.event("event")[0] for _ in range(3)] == [1, 2, 3]
        with house.store._connection.transaction():
            house.store._connection.run("DELETE FROM events")
        record(house, 4)
        assert stream.event("event")[0] == 4
    with Stream(client, "/api/events/stream", Last_Event_ID="3") as late:
        assert late.event("event")[0] == 4


def test_whoever_knows_an_event_that_is_gone_gets_those_after_it_and_none_twice(house: Served, client: Client) -> None:
    record(house, 1, 2, 3)
    with house.store._connection.transaction():
        house.store._connection.run("DELETE FROM events WHERE seq = 3")
    with Stream(client, "/api/events/stream", Last_Event_ID="3") as stream:
        assert b"id: 3\nevent: beat\n" in stream.until(b"data: {}\n\n")
        record(house, 4)
        assert stream.event("event")[0] == 4


def test_what_was_erased_is_soon_told_to_nobody_who_comes_back(
    house: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stream(client, "/api/events/stream") as stream:
        stream.event("beat")
        record(house, 1, 2, 3)
        assert [stream.event("event")[0] for _ in range(3)] == [1, 2, 3]
        house.store.erase(text="NR2")
        monkeypatch.setattr("edge_ocr.web.stream._KEPT_SECONDS", 0.0)
        with Stream(client, "/api/events/stream", Last_Event_ID="1") as late:
            assert late.event("event")[0] == 3
        record(house, 4)
        assert stream.event("event")[0] == 4


def test_a_frame_of_which_no_picture_can_be_made_does_not_end_the_pictures(
    house: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, left = live.jpeg, [None, None]

    def jpeg(look: live.Look, *, width: int, private: bool) -> bytes:
        if left:
            left.pop()
            raise cv2.error("bad frame")
        return whole(look, width=width, private=private)

    monkeypatch.setattr(live, "jpeg", jpeg)
    with Camera(house):
        assert client.get("/api/cameras/gate/snapshot").status == 200


def test_many_who_listen_get_the_same_and_the_store_is_asked_once(
    house: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    view = house.server._site.view
    look = view.after

    def after(_: object, *values: int) -> object:
        found = look(*values)
        asked.append(values)  # after it: what is recorded once this is noted was not seen
        return found

    monkeypatch.setattr(type(view), "after", after)
    streams = [Stream(client, "/api/events/stream?after=0") for _ in range(4)]
    for stream in streams:
        stream.event("beat")
    soon(lambda: len(asked) == len(streams))  # each has looked once for what came before it
    asked.clear()
    record(house, 1)
    assert [stream.event("event")[0] for stream in streams] == [1] * 4
    news = [values for values in asked if values[0] == 0]
    assert len(news) == 1
    for stream in streams:
        stream.close()


def test_a_glimpse_comes_at_once_and_has_no_number(house: Served, client: Client) -> None:
    with Stream(client, "/api/events/stream") as stream:
        stream.event("beat")
        house.board.preview("gate", READING)
        told = stream.event("glimpse")[1]
    assert told == {"camera": "gate", "text": "AB123C", "confidence": 0.9, "decision": None}


def test_a_stream_says_that_it_is_alive(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_ocr.web.stream.BEAT_SECONDS", 0.1)
    with Stream(client, "/api/events/stream") as stream:
        for _ in range(3):
            stream.event("beat")


def test_a_stream_ends_when_whoever_looks_may_not_any_more(
    house: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_ocr.web.stream.BEAT_SECONDS", 0.1)
    token = client.ask("POST", "/api/me/tokens", {"name": "x", "role": "viewer"}).json
    program = Client(house.port, token=token["secret"])
    browser = house.stranger().log_in("ann")
    with Stream(program, "/api/events/stream") as one, Stream(browser, "/api/events/stream") as two:
        one.event("beat")
        two.event("beat")
        client.ask("DELETE", f"/api/me/tokens/{token['id']}")
        browser.form("/logout", csrf=browser.csrf)
        assert one.ended()
        assert two.ended()


@pytest.mark.parametrize(
    ("path", "end"),
    [("/api/events/stream", b"event: over\ndata: {}\n\n"), ("/api/cameras/gate/live", b"--edge-ocr-frame--\r\n")],
)
def test_a_stream_that_ends_because_somebody_logs_out_is_a_whole_answer(
    house: Served, client: Client, monkeypatch: pytest.MonkeyPatch, path: str, end: bytes
) -> None:
    monkeypatch.setattr("edge_ocr.web.stream.BEAT_SECONDS", 0.1)
    assert client.get("/api/me").status == 200
    browser = house.stranger().log_in("ann")
    line = http.client.HTTPConnection("127.0.0.1", house.port, timeout=PATIENCE)
    with Camera(house), closing(line):
        soon(lambda: "gate" in house.board.cameras)
        line.request("GET", path, headers={"Cookie": browser.cookie})
        answer = line.getresponse()
        assert (answer.status, bool(answer.readline())) == (200, True)
        browser.form("/logout", csrf=browser.csrf)
        assert answer.read().endswith(end), "to a browser what is cut off is a fault of the page"


def test_streams_end_with_the_server(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with served(tmp_path) as house:
        stream = Stream(house.first(), "/api/events/stream")
        stream.event("beat")
    assert "did not stop" not in caplog.text, "somebody who looks holds nobody up"
    assert not house.server._thread.is_alive()
    assert stream.ended()
    stream.close()


def test_no_network_keeps_another_one_from_looking(tmp_path: Path) -> None:
    with served(tmp_path, web={"most_connections": 8, "proxy": True}) as house, ExitStack() as stack:
        token = house.first().ask("POST", "/api/me/tokens", {"name": "x", "role": "viewer"}).json["secret"]
        client = Client(house.port, token=token)

        def look(place: str) -> Stream:
            return stack.enter_context(Stream(client, "/api/events/stream", X_Forwarded_For=place))

        greedy = [look(f"2001:db8::{number}") for number in range(4)]
        assert look("2001:db8::5").status == 503
        others = [look("192.0.2.1"), look("192.0.2.1")]
        assert [stream.status for stream in others] == [200, 200]
        assert all(stream.ended() for stream in greedy[:2]), "the oldest ones"
        assert not any(stream.ended(0.5) for stream in greedy[2:])
        assert look("192.0.2.1").status == 503, "both have the half"


def test_streams_leave_room_for_pages(tmp_path: Path) -> None:
    with served(tmp_path, web={"most_connections": 8, "proxy": True}) as house:  # or one address had half of them
        client = house.first()
        held = [Stream(client, "/api/events/stream") for _ in range(4)]
        assert "4 look already" in client.get("/api/events/stream").detail
        assert client.get("/api/me").status == 200
        for stream in held:
            stream.close()


class Camera:
    """Shows frames until told to stop; ``shown`` is the number of the last one that was."""

    def __init__(self, house: Served) -> None:
        self._house, self._stop, self.shown = house, threading.Event(), 0
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            number = self.shown + 1
            self._house.clock.advance(0.05)
            self._house.board.show("gate", Frame(IMAGE, self._house.clock.stamp(), number, "gate"), lambda: [READING])
            self.shown = number
            time.sleep(0.005)

    def __enter__(self) -> Self:
        self._thread.start()
        soon(lambda: self.shown > 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the frames of which a picture was made."""
    numbers: list[int] = []
    whole = live.jpeg

    def jpeg(look: live.Look, *, width: int, private: bool) -> bytes:
        numbers.append(look.frame.number)
        return whole(look, width=width, private=private)

    monkeypatch.setattr(live, "jpeg", jpeg)
    return numbers


def test_four_who_look_cost_one_picture_a_frame_and_nobody_costs_none(
    house: Served, client: Client, made: list[int]
) -> None:
    with Camera(house) as camera:
        soon(lambda: camera.shown >= 20)
        assert made == [], "nobody looks"
        streams = [Stream(client, "/api/cameras/gate/live") for _ in range(4)]
        for _ in range(5):
            pictures = [stream.until(b"\xff\xd9\r\n") for stream in streams]
            assert all(b"Content-Type: image/jpeg" in picture for picture in pictures)
        assert len(made) == len(set(made)), "a frame was made into a picture twice"
        last = max(made)
        soon(lambda: camera.shown >= last)
        for stream in streams:
            stream.close()
        soon(lambda: not house.board._lookers)
        soon(lambda: made_none(camera, made))  # the last one may still be in the making
        assert made_none(camera, made), "everybody has left"


def made_none(camera: Camera, made: list[int]) -> bool:
    """Whether no picture is made of twenty further frames."""
    count, shown = len(made), camera.shown
    soon(lambda: camera.shown >= shown + 20)
    return len(made) == count


def test_a_snapshot_is_of_now(house: Served, client: Client, made: list[int]) -> None:
    assert client.get("/api/cameras/gate/snapshot").status == 404
    with Camera(house) as camera:
        before = camera.shown
        answer = client.get("/api/cameras/gate/snapshot")
        assert answer.body[:2] == b"\xff\xd8"
        assert made[0] > before
        soon(lambda: not house.board._lookers)
    assert client.get("/api/cameras/nowhere/live").status == 404


def test_a_camera_that_stalls_is_told_so(house: Served, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_ocr.web.handler._SNAPSHOT_SECONDS", 0.2)
    house.board.show("gate", Frame(IMAGE, house.clock.stamp(), 0, "gate"))
    assert "gave no picture" in client.get("/api/cameras/gate/snapshot").detail
    soon(lambda: not house.board._lookers)


def test_live_pictures_can_be_switched_off(tmp_path: Path) -> None:
    with served(tmp_path, web={"live": False}) as house:
        client = house.first()
        with Camera(house):
            assert client.get("/api/cameras/gate/snapshot").status == 404
            assert client.get("/api/cameras/gate/live").status == 404


def test_pictures_are_private_where_the_settings_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how: list[bool] = []
    monkeypatch.setattr(live, "jpeg", lambda _, **named: how.append(named["private"]) or b"\xff\xd8")
    with served(tmp_path, privacy={"crops": "blur"}) as house:
        client = house.first()
        with Camera(house):
            assert client.get("/api/cameras/gate/snapshot").status == 200
    assert set(how) == {True}


def test_a_viewer_that_stops_reading_holds_nobody_up(house: Served, client: Client) -> None:
    with Camera(house), Stream(client, "/api/cameras/gate/live"), Stream(client, "/api/cameras/gate/live") as quick:
        for _ in range(30):  # the first one never reads
            quick.until(b"\xff\xd9\r\n")


def test_events_of_a_store_that_fails_end_the_stream_and_a_new_one_goes_on(house: Served, client: Client) -> None:
    for made in EVENTS[:2]:
        house.store.record(made)
    with Stream(client, "/api/events/stream?after=1") as stream:
        assert stream.event("event")[0] == 2
    with Stream(client, "/api/events/stream", Last_Event_ID="1") as stream:
        assert stream.event("event")[0] == 2
