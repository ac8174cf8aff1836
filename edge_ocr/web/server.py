"""The server: one thread with one loop, a few hands beside it, and a bound on everything that a stranger can send."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import Counter
from contextlib import contextmanager
from functools import partial
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Any

import tornado.httpserver
import tornado.web

from edge_ocr import heap
from edge_ocr.errors import ConfigError, printable
from edge_ocr.web.exchange import Hand, Problem
from edge_ocr.web.guard import Buckets, neighbourhood
from edge_ocr.web.handler import Handler
from edge_ocr.web.history import EVERY
from edge_ocr.web.lens import Lens, Share, cores, painter
from edge_ocr.web.routes import SMALL, Table
from edge_ocr.web.stream import Feed
from edge_ocr.web.threads import Threads, yield_core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_ocr.web.site import Site

_BODY_SECONDS = 30.0
_HEADER_SECONDS = 30.0
_HEADER_BYTES = 16 << 10
_STOP_SECONDS = 10.0
_WAITING = 64  # connections that wait to be taken
_BURST = 10  # seconds' worth of requests that may come at once

_log = logging.getLogger(__name__)


class House:
    """What the handlers of all requests share; lives in the server's loop.

    Attributes:
        site: what they work on.
        table: who answers what.
        threads: for what takes time.
        feed: of events.
        rates: of requests, by network.

    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.table = Table()
        self.threads = Threads()
        self.feed = Feed(site.board, site.view, partial(self.threads.do, Hand.PAGE))
        web = site.settings.web
        self.rates = Buckets(web.requests_per_second, web.requests_per_second * _BURST)
        self._cores = cores()
        self._lenses: dict[str, Lens] = {}
        self._looked_through: set[Lens] = set()
        self._streams: list[tuple[str, Callable[[], Any]]] = []
        self._later: set[asyncio.Task[Any]] = set()

    @contextmanager
    def pouring(self, where: str, end: Callable[[], Any]) -> Iterator[None]:
        """While a stream is sent: streams may take the half of all connections, so that pages can still be loaded.

        Where all are taken, whoever has most of them gives one up for whoever has fewer.

        Args:
            where: the network of who looks.
            end: is called to end this stream before its time.

        Raises:
            Problem: there are too many.

        """
        most = self.site.settings.web.most_connections // 2
        if len(self._streams) >= most:
            self._make_room(where, most)
        stream = (where, end)
        self._streams.append(stream)
        try:
            yield
        finally:
            self._streams = [one for one in self._streams if one is not stream]

    def _make_room(self, where: str, most: int) -> None:
        """End the oldest stream of whoever has most; two more than who asks, or the two would go on in turns."""
        taken = Counter(other for other, _ in self._streams)
        greedy, count = taken.most_common(1)[0]
        if count < taken[where] + 2:
            raise Problem(503, "Service unavailable", f"{most} look already; close a page that shows live pictures")
        stream = next(one for one in self._streams if one[0] == greedy)
        self._streams.remove(stream)
        stream[1]()

    def lens(self, camera: str) -> Lens:
        """The pictures of a camera that is there."""
        if camera not in self._lenses:
            web = self.site.settings.web
            make = painter(self.threads, width=web.live_width, private=self.site.private)
            share = Share(web.live_fps, self._cores)
            self._lenses[camera] = Lens(self.site.board, camera, make, share, self._looked_through)
        return self._lenses[camera]

    def later(self, function: Callable[..., Any], *args: Any) -> None:
        """Have something done that nobody waits for, and that raises nothing."""
        task = asyncio.ensure_future(self.threads.do(Hand.PAGE, function, *args))
        self._later.add(task)
        task.add_done_callback(self._later.discard)


class _Listener(tornado.httpserver.HTTPServer):
    """Refuses connections beyond a number, and beyond a smaller one from one network."""

    most = of_one = 64

    def handle_stream(self, stream: Any, address: Any) -> None:
        """Take a connection, or close it."""
        where = [neighbourhood(str(getattr(one.context, "remote_ip", ""))) for one in self._connections]
        if len(where) >= self.most or where.count(neighbourhood(str(address[0]))) >= self.of_one:
            stream.close()
        else:
            super().handle_stream(stream, address)

    def hang_up(self) -> None:
        """Close every connection, whatever is going on in it."""
        for connection in list(self._connections):
            connection.stream.close()


class Server:
    """Pages and interface, in a thread of their own from :meth:`start` to :meth:`stop`.

    Args:
        site: what they work on.

    Raises:
        ConfigError: the certificate cannot be used, or nothing can listen at the address.

    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._tls = _tls(site)
        self._socket = _socket(site)
        self._thread = Thread(target=self._run, name="web", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._ready = Flag()
        self._fault: str | None = None

    @property
    def address(self) -> str:
        """Where it is, as a browser wants it."""
        host, port = self._socket.getsockname()[:2]
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self._tls else 'http'}://{host}:{port}/"

    @property
    def code(self) -> str | None:
        """What makes the first admin; None once there is one."""
        return None if len(self._site.users) else self._site.setup.code

    def start(self) -> None:
        """Begin; returns when requests are answered."""
        self._site.health.watch("web", lambda: self._fault)
        self._thread.start()
        if not self._ready.wait(_STOP_SECONDS):
            _log.error("the web server does not answer within %g s", _STOP_SECONDS)
            return
        if self._fault is not None:
            return
        _log.info("the pages are at %s", self.address)
        if self.code is not None:
            _log.warning("nobody can log in yet: open %ssetup and give the code %s", self.address, self.code)

    def stop(self) -> None:
        """End, within seconds; ends all streams. Stopping again does nothing."""
        self._site.health.forget("web")
        loop, end = self._loop, self._end
        if loop is not None and end is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(end.set)
            self._thread.join(_STOP_SECONDS)
            if self._thread.is_alive():
                _log.error("the web server did not stop within %g s", _STOP_SECONDS)
        self._socket.close()
        self._site.view.close()
        self._site.archive.close()

    def _run(self) -> None:
        yield_core()
        try:
            asyncio.run(self._serve())
        except Exception:  # noqa: BLE001 -- whatever it is, it must not be lost with the thread
            _log.exception("the web server ended; the cameras go on")
            self._fault = "the pages ended after a mistake of the program; a restart brings them back"
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        house = House(self._site)
        application = tornado.web.Application(
            [(r".*", Handler, {"house": house})],
            log_function=_note,
        )
        server = _Listener(
            application,
            ssl_options=self._tls,
            max_header_size=_HEADER_BYTES,
            max_body_size=SMALL,
            body_timeout=_BODY_SECONDS,
            idle_connection_timeout=_HEADER_SECONDS,
            chunk_size=16 << 10,
        )
        web = self._site.settings.web
        server.most = web.most_connections
        server.of_one = web.most_connections if web.proxy else web.most_connections // 2
        server.add_socket(self._socket)
        house.feed.open()
        sampler = asyncio.create_task(self._sample(house))
        heap.give_back()  # what importing took for a moment
        self._ready.set()
        try:
            await self._end.wait()
        finally:
            house.feed.close()
            sampler.cancel()
            server.stop()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            server.hang_up()
            house.threads.close()

    async def _sample(self, house: House) -> None:
        while True:
            snapshot = await house.threads.do(Hand.PAGE, self._site.health.snapshot)
            self._site.history.take(snapshot, self._site.board.cameras, self._site.clock.monotonic())
            await asyncio.sleep(EVERY)


def _note(handler: Any) -> None:
    """Requests are not logged: that would be more than all else together. Changes are in the audit."""
    status, connection = handler.get_status(), handler.request.connection
    if connection.stream.closed():  # whoever asked has gone, and nothing was answered
        return
    if status >= 500 and status != 503:
        _log.error("%s %s was answered with %d", handler.request.method, printable(handler.request.path), status)


def _tls(site: Site) -> ssl.SSLContext | None:
    web = site.settings.web
    if web.cert_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(web.cert_file, web.key_file)
    except (OSError, ssl.SSLError) as error:
        what = f"web.cert_file names {printable(web.cert_file)}, which cannot be used ({error})"
        raise ConfigError(f"{what}; name a certificate and its key in PEM that this program may read") from error
    return context


def _socket(site: Site) -> socket.socket:
    web = site.settings.web
    try:
        kind, _, _, _, place = socket.getaddrinfo(web.address, web.port, type=socket.SOCK_STREAM)[0]
        one = socket.create_server(place[:2], family=kind, backlog=_WAITING)
    except OSError as error:
        cause = error.strerror or str(error)
        what = f"web.address {web.address!r} and web.port {web.port} cannot be listened at ({cause})"
        raise ConfigError(f"{what}; free the port, or choose another") from error
    one.setblocking(False)  # noqa: FBT003 -- the library has no name for it
    return one
