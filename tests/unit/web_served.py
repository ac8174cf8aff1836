"""A site with a few events behind a real server, and a client that does what it is told, for the tests of the pages."""

from __future__ import annotations

import http.client
import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from edge_ocr import config
from edge_ocr.clock import FakeClock
from edge_ocr.health import Health
from edge_ocr.live import Board
from edge_ocr.store import Database
from edge_ocr.web import Hands, open_server, users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_ocr.web.server import Server

PASSWORD = "a password for tests"
WALL = 1_700_000_000.0
PATIENCE = 60.0
"""Seconds that nobody waits unless something is wrong: a machine that has other work is slow."""

users._PASSES, users._MEMORY = 1, 64  # what makes guessing slow makes tests slow

FAST = {"requests_per_second": 10_000}
"""Tests ask more in a second than people do in an hour."""


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        told = self.json
        assert (told["status"], set(told)) == (self.status, {"type", "title", "status", "detail"})
        return str(told["detail"])


@dataclass
class Client:
    """One browser, or a program with a token."""

    port: int
    cookie: str = ""
    csrf: str = ""
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; a body that is no bytes goes as JSON."""
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookie:
            sent.setdefault("Cookie", self.cookie)
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if method not in {"GET", "HEAD"} and self.csrf:
            sent.setdefault("X-CSRF-Token", self.csrf)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            line.request(method, path, body, sent)
            answer = line.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            line.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def form(self, path: str, **fields: str) -> Answer:
        body = urlencode(fields).encode()
        answer = self.ask("POST", path, body, Content_Type="application/x-www-form-urlencoded")
        if "Set-Cookie" in answer.headers:
            self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
            if answer.status == 303 and not self.cookie.endswith("="):
                found = re.search(rb'name="csrf" content="([^"]+)"', self.get("/account").body)
                assert found
                self.csrf = found[1].decode()
        return answer

    def log_in(self, name: str, password: str = PASSWORD) -> Client:
        assert self.form("/login", name=name, password=password).status == 303
        return self


@dataclass
class Served:
    """A server in this process with its parts."""

    server: Server
    store: Database
    board: Board
    health: Health
    clock: FakeClock
    settings: config.Settings

    @property
    def port(self) -> int:
        return int(self.server.address.rstrip("/").rpartition(":")[2])

    def stranger(self) -> Client:
        return Client(self.port)

    def first(self, name: str = "ann") -> Client:
        """The admin, made with the code."""
        client = self.stranger()
        assert client.form("/setup", code=str(self.server.code), name=name, password=PASSWORD).status == 303
        return client


def soon(says: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not says():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def served(folder: Path, hands: Hands | None = None, **tables: Any) -> Iterator[Served]:
    """A server on a folder, for as long as the block lasts."""
    tables = {"web": {}, **tables}
    tables["web"] = {"port": 0, **FAST, **tables["web"]}
    told = {"store": {"folder": str(folder), "free_mb": 0}, "lists": {"file": str(folder / "lists.csv")}, **tables}
    settings = config.parse(told, origin="the test")
    if settings.lists.file is not None and not settings.lists.file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        settings.lists.file.write_text("list,plate,name\nallow,AB123C,Ann\ndeny,XY1,Eve\n")
    clock = FakeClock(mono=100.0, wall=WALL + 86_400)
    board, health = Board(clock), Health(settings.health, clock, folder=folder)
    with Database.open(folder, clock, settings.store) as store:
        server = open_server(settings, board, health, clock, store, hands)
        server.start()
        try:
            yield Served(server, store, board, health, clock, settings)
        finally:
            server.stop()
