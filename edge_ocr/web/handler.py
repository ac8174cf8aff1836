"""One request on its way: bounded, recognised, allowed, checked, answered; the only place where HTTP is spoken.

The order matters: whoever may not ask is told so before a body is read, and nothing is done before all is checked.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import tornado.iostream
import tornado.web

from edge_ocr.errors import EdgeOcrError
from edge_ocr.web import files, guard, lens, openapi, pages, stream
from edge_ocr.web.exchange import FORM, JSON, Answer, Caller, Problem, Request, Role, bad, encoded, missing, redirect
from edge_ocr.web.fields import from_json, from_query
from edge_ocr.web.people import BROWSER, SESSION, cookie_name
from edge_ocr.web.routes import SMALL, names_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from edge_ocr.web.routes import Operation
    from edge_ocr.web.server import House

_WRITE_SECONDS = 30.0  # a client that takes nothing for so long is let go
_SNAPSHOT_SECONDS = 3.0
_SAFE = {"GET", "HEAD"}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY")

_log = logging.getLogger(__name__)


@tornado.web.stream_request_body
class Handler(tornado.web.RequestHandler):
    """Answers whatever is asked, by the table of operations."""

    SUPPORTED_METHODS = _METHODS

    def initialize(self, house: House) -> None:
        """Get what all requests share."""
        self._house = house
        self._site = house.site
        self._now = house.site.clock.stamp()
        self._caller = Caller()
        self._operation: Operation | None = None
        self._problem: Problem | None = None
        self._answer: Answer | None = None
        self._values: dict[str, Any] = {}
        self._body = bytearray()
        self._task: asyncio.Task[Any] | None = None

    def set_default_headers(self) -> None:
        """What every answer carries."""
        self.clear_header("Server")
        for name, value in guard.HEADERS.items():
            self.set_header(name, value)

    def compute_etag(self) -> None:
        """Answers bring their own tags."""

    def prepare(self) -> None:
        """Refuse what can be refused before the body comes."""
        try:
            self._answer = files.static(self.request.path, self.request.headers)
            if self._answer is None:
                self._check()
        except Problem as problem:
            self._problem = problem
        if self._problem is not None and self._length() > SMALL:
            self._send_problem(self._problem)  # and close the connection, instead of reading what nobody wants

    def data_received(self, chunk: bytes) -> None:
        """Take a part of the body, whose length the connection bounds."""
        self._body += chunk

    async def _run(self) -> None:
        self._task = asyncio.current_task()
        if self._finished:
            return
        if self._problem is None and self._answer is None:
            try:
                self._answer = await self._asked()
            except Problem as problem:
                self._problem = problem
        if self._problem is not None:
            self._send_problem(self._problem)
        elif self._answer is not None:
            await self._send(self._answer)

    get = head = post = put = patch = delete = options = trace = connect = query = _run

    def on_connection_close(self) -> None:
        """Whoever asked has gone: what is still being made for it ends."""
        if self._task is not None:
            self._task.cancel()

    def write_error(self, status_code: int, **_: Any) -> None:
        """What went wrong here is told as little as possible; the log has it."""
        self._send_problem(Problem(status_code, "Error", "this should not have happened; see the log of the device"))

    # The way of a request

    def _check(self) -> None:
        request = self.request
        wait = self._house.rates.wait(self._where(), self._now.mono)
        if wait > 0:
            raise guard.too_many(wait, "too many requests came")
        operations, names = self._house.table.find(request.path)
        if not operations:
            raise missing("there is no such page; begin at /")
        self._operation = operations.get("GET" if request.method == "HEAD" else str(request.method))
        if self._operation is None:
            allowed = ", ".join(sorted({*operations, *(["HEAD"] if "GET" in operations else [])}))
            raise Problem(405, "Method not allowed", f"this takes {allowed}", {"Allow": allowed})
        self._recognise()
        self._allow(self._operation)
        self._values = {field.name: field.value(names[field.name]) for field in names_of(self._operation)}
        self._values |= from_query(request.query, self._operation.query, form=self._operation.page)
        self._check_body(self._operation)

    def _recognise(self) -> None:
        """Who asks: by token, else by session, else nobody."""
        site, said = self._site, self.request.headers.get("Authorization")
        if said is not None:
            found = site.users.by_token(said[7:].strip()) if said[:7].lower() == "bearer " else None
            if found is None:
                raise self._stranger("the token is not known; issue a new one on the page of your account")
            user, role, token = found
            self._caller = Caller(user.name, role, None, token.id)
            return
        cookie = self.get_cookie(cookie_name(SESSION, secure=site.secure))
        session = site.sessions.find(cookie, self._now) if cookie else None
        known = site.users.find(session.user) if session else None
        if session is not None and known is not None:
            self._caller = Caller(known.name, Role.of(known.role), session, None)
            if site.sessions.due(session, self._now):
                self._house.later(site.sessions.renew, session, self._now)

    def _allow(self, operation: Operation) -> None:
        caller = self._caller
        if self.request.method not in _SAFE and caller.token is None:
            guard.check_origin(self._told_headers())
            if caller.session is not None and not operation.page:
                guard.check_csrf(caller.session, self.request.headers.get("X-CSRF-Token"))
        if operation.role > Role.NOBODY and not caller.name:
            raise self._stranger("log in, or send a token")
        if caller.role < operation.role:
            what = f"this needs role {operation.role.word}, and {caller.name} is {caller.role.word}"
            raise Problem(403, "Forbidden", f"{what}; ask an admin")

    def _stranger(self, detail: str) -> Problem:
        return Problem(401, "Unauthorized", detail, {"WWW-Authenticate": 'Bearer realm="edge-ocr"'})

    def _check_body(self, operation: Operation) -> None:
        length, kind = self._length(), self._kind()
        most = int(self._site.settings.web.most_upload_mb * 1e6) if operation.upload else SMALL
        if length > most:
            raise Problem(413, "Content too large", f"the body has {length} bytes; send at most {most}")
        if operation.takes and kind not in operation.takes:
            raise Problem(
                415, "Unsupported media type", f"the body is {kind or 'of no kind'}; send {operation.takes[0]}"
            )
        if operation.upload:
            self.request.connection.set_max_body_size(most)  # type: ignore[union-attr]  # HTTP/1 has it

    async def _asked(self) -> Answer | None:
        """Do what is asked; None where it was a stream, which has been sent by then."""
        operation = self._operation
        assert operation is not None  # noqa: S101 -- _check saw to it
        if operation.takes:
            self._values |= self._fields(operation)
        elif self._body and operation.method not in _SAFE:
            raise bad("this takes no body")
        if operation.page and self._caller.session is not None and "csrf" in self._values:
            guard.check_csrf(self._caller.session, self._values["csrf"])
        if isinstance(operation.run, str):
            return await self._streamed(operation.run)
        request = Request(
            str(self.request.method),
            self.request.path,
            self._values,
            self._told_headers(),
            bytes(self._body),
            self._caller,
            self._address(),
            self._now,
            self.get_cookie(cookie_name(BROWSER, secure=self._site.secure)) or "",
        )
        try:
            answer: Answer = await self._house.threads.do(
                operation.hand, operation.run, self._site, request, who=self._caller.name or self._where()
            )
        except EdgeOcrError as error:
            _log.warning("%s %s: %s", request.method, operation.path, error)
            detail = str(error) if self._caller.role > Role.NOBODY else "see the log of the device"
            raise Problem(503, "Service unavailable", detail) from error
        return answer

    def _fields(self, operation: Operation) -> dict[str, Any]:
        match self._kind():
            case kind if kind == JSON:
                return from_json(bytes(self._body), operation.body)
            case kind if kind == FORM:
                try:
                    return from_query(self._body.decode("ascii"), operation.body, form=True)
                except UnicodeDecodeError as error:
                    raise bad("the form is not encoded as forms are; send it with a browser") from error
        return {}

    def _address(self) -> str:
        """Who asks; behind a proxy the address that it has added at the end, whatever was said before."""
        said = self.request.headers.get("X-Forwarded-For") if self._site.settings.web.proxy else None
        return str(said.rpartition(",")[2].strip() if said else self.request.remote_ip)

    def _where(self) -> str:
        """The network of who asks."""
        return guard.neighbourhood(self._address())

    def _told_headers(self) -> Mapping[str, str]:
        return {name.lower(): value for name, value in self.request.headers.items()}

    def _length(self) -> int:
        said = self.request.headers.get("Content-Length", "0")
        return int(said) if said.isdecimal() else 0

    def _kind(self) -> str:
        return str(self.request.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    # The way of an answer

    async def _send(self, answer: Answer) -> None:
        self._head(answer.status, answer.kind, answer.headers)
        for cookie in answer.cookies:
            self.add_header("Set-Cookie", cookie)
        if isinstance(answer.body, bytes):
            if answer.status not in {204, 304}:
                self.write(answer.body)
            return
        parts = iter(answer.body)
        try:
            while self.request.method != "HEAD":
                assert self._operation is not None  # noqa: S101 -- _check saw to it
                part = await self._house.threads.do(self._operation.hand, next, parts, None, begun=True)
                if part is None:
                    break
                await self._flushed(part)
        except (tornado.iostream.StreamClosedError, asyncio.CancelledError, TimeoutError):
            self._let_go()
        except EdgeOcrError as error:  # too late for another status: what is cut off is not taken for whole
            _log.warning("%s: %s", self.request.path, error)
            self._let_go()

    def _send_problem(self, problem: Problem) -> None:
        page = self._operation is not None and self._operation.page
        if page and problem.status == 401:
            answer = redirect(pages.way_in(self._site, self.request.uri or "/"))
        elif page:
            answer = pages.problem(self._caller, self.request.path, problem)
        else:
            answer = problem.answer()
        self._head(answer.status, answer.kind, {**answer.headers, **problem.headers})
        self.finish(b"".join([answer.body] if isinstance(answer.body, bytes) else answer.body))

    def _head(self, status: int, kind: str, headers: Mapping[str, str]) -> None:
        self.set_status(status)
        if status not in {204, 304}:
            self.set_header("Content-Type", kind)
        for name, value in headers.items():
            self.set_header(name, value)

    async def _flushed(self, part: bytes) -> None:
        """Send a part; whoever does not take it for long is let go."""
        self.write(part)
        async with asyncio.timeout(_WRITE_SECONDS):
            await self.flush()

    def _let_go(self) -> None:
        if self._task is not None:
            self._task.uncancel()
        connection: Any = self.request.connection
        if connection is not None and connection.stream is not None:
            connection.stream.close()

    async def _streamed(self, name: str) -> Answer | None:
        if name == "document":
            return Answer(200, encoded(openapi.document()))
        if self.request.method == "HEAD":
            assert self._operation is not None  # noqa: S101 -- _check saw to it
            return Answer(200, b"", self._operation.gives[1])
        if name == "events":
            await self._pour("text/event-stream", self._house.feed.events(self._last_event()), stream.OVER)
            return None
        camera = self._values["camera"]
        if camera not in self._site.board.cameras or not self._site.settings.web.live:
            raise missing(f"there are no pictures of {camera!r} now")
        pictures = self._house.lens(camera).pictures()
        if name == "live":
            kind = f"multipart/x-mixed-replace; boundary={lens.BOUNDARY}"
            await self._pour(kind, _parts(pictures), lens.LAST)
            return None
        async with aclosing(pictures):
            try:
                picture = await asyncio.wait_for(anext(pictures), _SNAPSHOT_SECONDS)
            except TimeoutError as error:
                what = f"{camera!r} gave no picture for {_SNAPSHOT_SECONDS:g} s"
                raise Problem(503, "Service unavailable", f"{what}; see the health page") from error
        return Answer(200, picture, "image/jpeg")

    def _last_event(self) -> int | None:
        said = self.request.headers.get("Last-Event-ID", "")
        if said.isdecimal() and len(said) < 16:
            return int(said)
        after: int | None = self._values["after"]
        return after

    async def _pour(self, kind: str, parts: AsyncGenerator[bytes, None], last: bytes) -> None:
        """Send a stream until whoever looks has gone, may not look any more, or the server stops.

        Whoever may not look any more gets the last part, and a whole answer: browsers call one that is cut off a fault,
        on every page that somebody logs out from while it shows pictures.
        """
        with self._house.pouring(self._where(), self.on_connection_close):
            self._head(200, kind, {})
            try:
                async with aclosing(parts) as flow:
                    async for part in flow:
                        if not self._still():
                            self.write(last)
                            async with asyncio.timeout(_WRITE_SECONDS):
                                await self.finish()
                            break
                        if part:
                            await self._flushed(part)
            except (tornado.iostream.StreamClosedError, asyncio.CancelledError, TimeoutError):
                pass  # whoever looked has gone, or the server stops
            except EdgeOcrError as error:
                _log.warning("%s: %s", self.request.path, error)
            finally:
                self._let_go()

    def _still(self) -> bool:
        """Whether whoever looks may still do so: not logged out, not removed, token not revoked."""
        caller, user = self._caller, self._site.users.find(self._caller.name)
        if user is None or Role.of(user.role) < caller.role:
            return False
        if caller.token is not None:
            return any(token.id == caller.token for token in self._site.users.tokens(caller.name))
        return caller.session is not None and self._site.sessions.alive(caller.session)


async def _parts(pictures: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(pictures) as flow:
        async for picture in flow:
            yield lens.part(picture)
