"""One request and its answer, as plain values: what pages and interface are made of, whatever server carries them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_ocr.types import Stamp
    from edge_ocr.web.sessions import Session

JSON = "application/json"
PROBLEM = "application/problem+json"
HTML = "text/html; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


class Role(IntEnum):
    """What somebody may do; each may what the ones before may."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @classmethod
    def of(cls, name: str) -> Role:
        """By the name that users read."""
        return cls[name.upper()]

    @property
    def word(self) -> str:
        """The name that users read."""
        return self.name.lower()


class Hand(StrEnum):
    """The kinds of work that are done beside the loop, each in threads of its own."""

    PAGE = "page"
    """What takes milliseconds."""
    SEARCH = "search"
    """Walks the store or the lists, for seconds at worst."""
    DOOR = "door"
    """Hashes a password, which is slow on purpose."""
    READ = "read"
    """Reads a picture that was sent."""
    PICTURE = "picture"
    """Makes pictures of cameras."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user with a session, a token of a user, or nobody."""

    name: str = ""
    role: Role = Role.NOBODY
    session: Session | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes:
        method: such as 'GET'.
        path: without the query, as it was sent.
        values: what the path, the query and the body say, checked; what may be left out and was is None.
        headers: by names in lower case.
        body: what was sent, unless it is in ``values``.
        caller: who asks.
        address: from where.
        now: when.
        browser: the key by which the browser is known, or ''.

    """

    method: str
    path: str
    values: Mapping[str, Any]
    headers: Mapping[str, str]
    body: bytes
    caller: Caller
    address: str
    now: Stamp
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; ``body`` is bytes, or parts of them that are made one after the other, ``cookies`` as sent."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


class Problem(Exception):  # noqa: N818 -- RFC 9457 calls it a problem
    """A request that is answered with an error (RFC 9457).

    Args:
        status: of HTTP.
        title: the kind of problem, the same for all of its kind.
        detail: what is wrong with this request and what to do about it.
        headers: to send along.

    """

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail
        self.headers = dict(headers or {})

    def answer(self) -> Answer:
        """As JSON."""
        told = {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail}
        return Answer(self.status, encoded(told), PROBLEM, self.headers)


def encoded(value: Any) -> bytes:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def told(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer that holds a value."""
    return Answer(status, encoded(value), JSON, headers)


def redirect(place: str, *cookies: str) -> Answer:
    """Look there instead, with GET."""
    return Answer(303, b"", HTML, {"Location": place}, cookies)


def bad(detail: str) -> Problem:
    """The request itself is wrong."""
    return Problem(400, "Bad request", detail)


def missing(detail: str) -> Problem:
    """There is no such thing."""
    return Problem(404, "Not found", detail)


def conflict(detail: str) -> Problem:
    """It cannot be done as things are."""
    return Problem(409, "Conflict", detail)
