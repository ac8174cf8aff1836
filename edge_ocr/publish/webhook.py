"""An HTTP server that takes events by POST: JSON, signed on request, with the picture on request.

Any 2xx means that the server has the event. 5xx, 429, 408, timeouts and nonsense mean 'later', every other answer
'never': the event becomes a dead letter. Redirects are not followed, so that no secret goes where nobody sent it.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import io
import json
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from edge_ocr import keyfile
from edge_ocr.errors import printable
from edge_ocr.publish import Delivered, Refused, Retry
from edge_ocr.publish.tls import tls_context

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from edge_ocr.clock import Clock
    from edge_ocr.publish import Outcome
    from edge_ocr.tables import WebhookSettings
    from edge_ocr.types import Parcel

_LEAST_SECRET = 16  # bytes
_LONGEST_ANSWER = 16 << 10  # bytes; of more the connection is closed
_SHOWN = 120  # characters of an answer in a reason
_MOST_CROP = 16 << 20  # bytes
_PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


class Webhook:
    """Posts each event.

    Args:
        settings: with a url.
        clock: for deadlines and the signature's time.

    Raises:
        ConfigError: a secret or certificate cannot be used.

    """

    batch = 16

    def __init__(self, settings: WebhookSettings, clock: Clock) -> None:
        parts = urlsplit(settings.url or "")
        if not parts.hostname:
            raise ValueError(f"settings.url is {settings.url!r}; give an address with a host")
        self._settings = settings
        self._clock = clock
        self._host, self._port = parts.hostname, parts.port
        self._path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        self._place = printable(parts.netloc)
        self._secret = settings.secret_file and keyfile.read(
            settings.secret_file, "publish.webhook.secret_file", least=_LEAST_SECRET
        )
        self._token = settings.token_file and keyfile.read(settings.token_file, "publish.webhook.token_file")
        secure = parts.scheme == "https"
        self._tls = tls_context("publish.webhook", settings.ca_file, settings.cert_file) if secure else None
        self._connection: http.client.HTTPConnection | None = None

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Post parcels one by one; after one that has to be tried again, later ones of its camera are not tried."""
        outcomes: list[Outcome] = []
        waiting: dict[str, Retry] = {}
        down: Retry | None = None
        for parcel in parcels:
            held = down or waiting.get(parcel.camera)
            outcome = held or self._post(parcel)
            if isinstance(outcome, Retry):
                waiting.setdefault(parcel.camera, outcome)
                down = outcome if outcome.down else down
            outcomes.append(outcome)
        return outcomes

    def tick(self) -> float:
        """Nothing is due without parcels."""
        return math.inf

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, parcel: Parcel) -> Outcome:
        headers, body = self._request(parcel)
        reused = self._connection is not None
        try:
            try:
                return self._exchange(headers, body)
            except (http.client.RemoteDisconnected, ConnectionError):
                self.close()
                if not reused:
                    raise
                return self._exchange(headers, body)  # a server may end a connection that was idle
        except TimeoutError:
            self.close()
            return Retry(f"{self._place}: no answer within {self._settings.timeout_seconds:g} s", down=True)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            cause = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
            return Retry(f"{self._place}: {_shown(cause)}", down=isinstance(error, OSError))

    def _request(self, parcel: Parcel) -> tuple[dict[str, str], bytes]:
        """Headers and body for a parcel."""
        body = json.dumps(parcel.event, separators=(",", ":")).encode()
        kind = "application/json"
        if self._settings.crop:
            body, kind = _multipart(parcel, body)
        now = self._clock.stamp()
        headers = {
            "Content-Type": kind,
            "User-Agent": "edge-ocr",
            "Idempotency-Key": parcel.key,
            "Edge-OCR-Clock": "synchronised" if now.synced else "unsynchronised",
        }
        if self._token:
            headers["Authorization"] = f"Bearer {self._token.decode('latin-1')}"
        if self._secret:
            timestamp = str(int(now.wall))
            headers["Edge-OCR-Timestamp"] = timestamp
            headers["Edge-OCR-Signature"] = f"v1={signature(self._secret, timestamp, body)}"
        return headers, body

    def _exchange(self, headers: dict[str, str], body: bytes) -> Outcome:
        """One request and its answer, within the time allowed for both.

        Raises:
            OSError, http.client.HTTPException, ValueError: there is no answer, or it is no HTTP.

        """
        deadline = self._clock.monotonic() + self._settings.timeout_seconds
        connection = self._connection or self._connect()
        connection.response_class = _bounded(self._clock, deadline)
        self._connection = connection
        if connection.sock is not None:
            connection.sock.settimeout(self._settings.timeout_seconds)
        connection.request("POST", self._path, body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read(_LONGEST_ANSWER)
        if not answer.isclosed():
            self.close()
        return _outcome(self._place, answer, text)

    def _connect(self) -> http.client.HTTPConnection:
        seconds = self._settings.timeout_seconds
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        return http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=self._tls)


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What a server computes to check that a request is genuine and untouched: HMAC-SHA256 (RFC 2104), in hex.

    Args:
        secret: what both sides know.
        timestamp: of the header Edge-OCR-Timestamp; an old one is a repetition by somebody else.
        body: as it came.

    """
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _outcome(place: str, answer: http.client.HTTPResponse, text: bytes) -> Outcome:
    status = answer.status
    if 200 <= status < 300:
        return Delivered()
    reason = f"{place}: answered {status} {_shown(answer.reason)}: {_shown(text.decode('utf-8', 'replace'))}"
    if 300 <= status < 400:
        return Refused(f"{reason}; name the address it redirects to: {_shown(answer.headers.get('Location', '?'))}")
    if 400 <= status < 500 and status not in {408, 429}:
        return Refused(reason)
    wish = answer.headers.get("Retry-After", "").strip()
    after = float(wish) if wish.isascii() and wish.isdecimal() and len(wish) < 10 else None
    return Retry(reason, after=after)


def _multipart(parcel: Parcel, event: bytes) -> tuple[bytes, str]:
    """The event, and its picture if that is still there, as multipart/form-data (RFC 7578)."""
    parts = [("event", "", "application/json", event)]
    if parcel.crop_path is not None:
        with contextlib.suppress(OSError), parcel.crop_path.open("rb") as file:
            picture = file.read(_MOST_CROP)
            kind = _PICTURES.get(parcel.crop_path.suffix, "application/octet-stream")
            parts.append(("crop", f'; filename="{parcel.key}{parcel.crop_path.suffix}"', kind, picture))
    boundary = f"edge-ocr-{hashlib.sha256(b''.join(data for *_, data in parts)).hexdigest()[:32]}"
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\nContent-Type: {kind}\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, file, kind, data in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _bounded(clock: Clock, deadline: float) -> Any:
    """A kind of response that a server cannot draw out beyond the deadline by dribbling bytes."""

    def respond(sock: socket.socket, *args: Any, **options: Any) -> http.client.HTTPResponse:
        # All that a response asks of a socket is makefile().
        source: Any = _Source(sock, clock, deadline)
        return http.client.HTTPResponse(source, *args, **options)

    return respond


class _Source(io.RawIOBase):
    """The bytes of a socket until a deadline."""

    def __init__(self, sock: socket.socket, clock: Clock, deadline: float) -> None:
        super().__init__()
        self._sock = sock
        self._clock = clock
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._sock.recv_into(buffer)


def _shown(text: str) -> str:
    """What somebody else said, on one line, cut short."""
    return printable(" ".join(text.split()))[:_SHOWN]
