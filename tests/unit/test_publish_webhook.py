"""The webhook against real sockets: what is sent, what each answer means, and that no answer can do harm."""

from __future__ import annotations

import email
import hashlib
import hmac
import json
import re
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_ocr.clock import SystemClock
from edge_ocr.errors import ConfigError
from edge_ocr.publish import Delivered, Refused, Retry
from edge_ocr.publish.webhook import Webhook, signature
from edge_ocr.tables import WebhookSettings
from edge_ocr.types import Parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


PATIENCE = 60.0
"""Seconds that nobody waits unless something is wrong: a machine that has other work is slow."""


def parcel(key: str = "k1", camera: str = "gate", crop: Path | None = None) -> Parcel:
    return Parcel(1, "webhook", key, camera, {"id": key, "camera": camera, "text": "ÄB1"}, crop, 0)


class Server:
    """A real HTTP server that keeps what it is sent and answers what it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any, bytes]] = []
        self.connections = 0
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, self.headers, body))
                status, headers, text = outer.answers.pop(0) if outer.answers else (204, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/events?gate=1"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join(PATIENCE)


@pytest.fixture
def webhook(server: Server) -> Iterator[Webhook]:
    hook = Webhook(WebhookSettings(url=server.url, timeout_seconds=PATIENCE), SystemClock())
    yield hook
    hook.close()


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with a connection what it likes; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(PATIENCE)
                try:
                    talk(connection)
                except OSError:
                    continue  # the client had enough

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        stop.set()
        with socket.create_connection(listener.getsockname(), PATIENCE):
            pass
        thread.join(PATIENCE)
        listener.close()


def test_an_event_is_posted_as_json_with_its_key(server: Server, webhook: Webhook) -> None:
    assert webhook.deliver([parcel()]) == [Delivered()]
    ((path, headers, body),) = server.requests
    assert path == "/events?gate=1"
    assert json.loads(body) == {"id": "k1", "camera": "gate", "text": "ÄB1"}
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "k1"
    assert headers["Edge-OCR-Clock"] in {"synchronised", "unsynchronised"}
    assert "Edge-OCR-Signature" not in headers


def test_a_secret_signs_time_and_body(server: Server, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("0123456789abcdef\n")
    (tmp_path / "token").write_text("tok\n")
    for name in ("secret", "token"):
        (tmp_path / name).chmod(0o600)
    hook = Webhook(
        WebhookSettings(url=server.url, secret_file=tmp_path / "secret", token_file=tmp_path / "token"), SystemClock()
    )
    hook.deliver([parcel()])
    hook.close()
    ((_, headers, body),) = server.requests
    stamp = headers["Edge-OCR-Timestamp"]
    expected = hmac.new(b"0123456789abcdef", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["Edge-OCR-Signature"] == f"v1={expected}"
    assert signature(b"0123456789abcdef", stamp, body) == expected
    assert abs(int(stamp) - time.time()) < 60
    assert headers["Authorization"] == "Bearer tok"


@pytest.mark.parametrize(("name", "there"), [("k1.png", True), ("k1.jpg", True), ("gone.png", False)])
def test_the_picture_goes_along_where_it_still_is(server: Server, tmp_path: Path, name: str, there: bool) -> None:
    data = bytes(range(256)) + b"\r\n--edge-ocr-"
    if there:
        (tmp_path / name).write_bytes(data)
    hook = Webhook(WebhookSettings(url=server.url, crop=True), SystemClock())
    assert hook.deliver([parcel(crop=tmp_path / name), parcel("k2")]) == [Delivered()] * 2
    hook.close()
    (_, headers, body), (_, _, without) = server.requests
    message = email.message_from_bytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    parts = {str(part.get_param("name", header="content-disposition")): part for part in message.get_payload()}
    assert json.loads(parts["event"].get_payload(decode=True))["id"] == "k1"
    assert set(parts) == ({"event", "crop"} if there else {"event"})
    if there:
        assert f'name="crop"; filename="k1{name[2:]}"'.encode() in body
        assert data in body
        assert parts["crop"].get_content_type() == {"png": "image/png", "jpg": "image/jpeg"}[name[3:]]
    assert b'name="crop"' not in without


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Delivered) for status in (200, 201, 202, 204)),
        *((status, Refused) for status in (301, 302, 307, 400, 401, 403, 404, 409, 410, 422)),
        *((status, Retry) for status in (408, 429, 500, 502, 503, 504, 599, 600, 999)),
    ],
)
def test_the_status_says_whether_to_try_again(server: Server, webhook: Webhook, status: int, kind: type) -> None:
    server.answers.append((status, {}, b"" if status == 204 else b"so"))
    (outcome,) = webhook.deliver([parcel()])
    assert isinstance(outcome, kind)
    if not isinstance(outcome, Delivered):
        assert f"answered {status}" in outcome.reason


def test_a_server_may_say_when_to_come_back(server: Server, webhook: Webhook) -> None:
    server.answers += [(503, {"Retry-After": value}, b"") for value in ("120", "soon", "-1", "9" * 50, "\xb2")]
    outcomes = [webhook.deliver([parcel()])[0] for _ in range(5)]
    assert [outcome.after for outcome in outcomes if isinstance(outcome, Retry)] == [120.0, None, None, None, None]


def test_a_redirect_is_not_followed_and_tells_where_it_leads(server: Server, webhook: Webhook) -> None:
    server.answers.append((301, {"Location": "https://elsewhere/"}, b""))
    (outcome,) = webhook.deliver([parcel()])
    assert isinstance(outcome, Refused)
    assert "name the address it redirects to: https://elsewhere/" in outcome.reason
    assert len(server.requests) == 1


def test_events_of_a_camera_wait_behind_one_that_failed_and_others_do_not(server: Server, webhook: Webhook) -> None:
    server.answers.append((500, {}, b"oops"))
    outcomes = webhook.deliver([parcel("a1", "a"), parcel("b1", "b"), parcel("a2", "a")])
    assert [type(outcome) for outcome in outcomes] == [Retry, Delivered, Retry]
    assert [headers["Idempotency-Key"] for _, headers, _ in server.requests] == ["a1", "b1"]


def test_one_connection_serves_all_and_a_new_one_is_made_when_it_ended(server: Server, webhook: Webhook) -> None:
    webhook.deliver([parcel("k1"), parcel("k2"), parcel("k3")])
    assert server.connections == 1
    server.answers.append((204, {"Connection": "close"}, b""))
    assert webhook.deliver([parcel("k4"), parcel("k5")]) == [Delivered()] * 2
    assert server.connections == 2


def test_an_idle_connection_that_the_server_ended_costs_no_attempt() -> None:
    def once(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 204 OK\r\n\r\n")  # promises to stay, and goes

    with talking(once) as url:
        hook = Webhook(WebhookSettings(url=url), SystemClock())
        for _ in range(3):
            assert hook.deliver([parcel()]) == [Delivered()]
            time.sleep(0.05)
        hook.close()


def test_where_nobody_listens_one_attempt_speaks_for_all() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        port = taken.getsockname()[1]
        hook = Webhook(WebhookSettings(url=f"http://127.0.0.1:{port}/"), SystemClock())
        outcomes = hook.deliver([parcel("a1", "a"), parcel("b1", "b")])
    assert outcomes == [Retry(f"127.0.0.1:{port}: Connection refused", down=True)] * 2


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
def test_a_server_that_dribbles_is_given_up_at_the_deadline(drip: bytes) -> None:
    given_up = threading.Event()

    def dribble(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(drip)
        while not given_up.wait(0.02):
            if drip:
                connection.sendall(b"x")

    with talking(dribble) as url:
        hook = Webhook(WebhookSettings(url=url, timeout_seconds=0.3), SystemClock())
        (outcome,) = hook.deliver([parcel()])  # or it would wait for ever
        given_up.set()
        hook.close()
    assert isinstance(outcome, Retry)
    assert "no answer within 0.3 s" in outcome.reason


ANSWERS = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=100).map(lambda data: b"HTTP/1.1 " + data),
    st.tuples(st.integers(0, 1100), st.binary(max_size=60), st.binary(max_size=200), st.binary(max_size=60)).map(
        lambda parts: b"HTTP/1.1 %d %b\r\n%b\r\n\r\n%b" % parts
    ),
    st.tuples(
        st.sampled_from([200, 204, 302, 404, 429, 500]),
        st.sampled_from([b"Content-Length", b"Transfer-Encoding", b"Retry-After", b"Location", b"Connection"]),
        st.one_of(st.binary(max_size=30), st.sampled_from([b"chunked", b"-1", b"9" * 40, b"close", b"0", b"3"])),
        st.binary(max_size=60),
    ).map(lambda parts: b"HTTP/1.1 %d OK\r\n%b: %b\r\n\r\n%b" % parts),
)


@pytest.fixture(scope="module")
def parrot() -> Iterator[tuple[Webhook, list[bytes]]]:
    answer = [b""]

    def talk(connection: socket.socket) -> None:
        if connection.recv(65536):
            connection.sendall(answer[0])

    with talking(talk) as url:
        hook = Webhook(WebhookSettings(url=url, timeout_seconds=PATIENCE), SystemClock())
        yield hook, answer
        hook.close()


@settings(max_examples=1000, deadline=None)
@given(data=ANSWERS)
@example(data=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n")
@example(data=b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000 + b"\r\n\r\n")
@example(data=b"HTTP/1.1 500 " + "\u202e\x1b[31m".encode() + b"\r\n\r\n" + b"\x00\x1b[2J" * 9000)
def test_a_hostile_answer_is_an_outcome_in_one_line(parrot: tuple[Webhook, list[bytes]], data: bytes) -> None:
    hook, answer = parrot
    answer[0] = data
    (outcome,) = hook.deliver([parcel()])
    hook.close()
    if isinstance(outcome, Delivered):
        assert re.search(rb"HTTP/[^\n]*\s2\d\d", data)  # only what says 2xx is taken for it
        return
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 600


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (None, 0o600, "cannot be read (No such file or directory); create it"),
        (b"x" * 15, 0o600, "holds 15 bytes, but needs 16; run 'openssl rand -hex 32'"),
        (b"x" * 16, 0o644, "other users may read; run 'chmod 600'"),
        (b"x" * 70000, 0o600, "is longer than 65536 bytes"),
    ],
)
def test_a_secret_that_is_none_is_told_with_its_key(
    tmp_path: Path, content: bytes | None, mode: int, message: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        Webhook(WebhookSettings(url="http://h/", secret_file=path), SystemClock())
    assert str(caught.value).startswith(f"publish.webhook.secret_file names {path}, which ")
    assert message in str(caught.value)


def test_a_certificate_that_is_none_is_told_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    for name in ("ca.pem", "no.pem"):
        with pytest.raises(ConfigError, match=rf"publish\.webhook\.ca_file names .*{name}, which cannot be used"):
            Webhook(WebhookSettings(url="https://h/", ca_file=tmp_path / name), SystemClock())
    with pytest.raises(ConfigError, match=r"publish\.webhook\.cert_file names .*ca\.pem, which cannot be used"):
        Webhook(WebhookSettings(url="https://h/", cert_file=tmp_path / "ca.pem"), SystemClock())


def test_without_an_address_there_is_no_webhook() -> None:
    with pytest.raises(ValueError, match="url is None"):
        Webhook(WebhookSettings(), SystemClock())
