"""Why a stream does not open: asks the server itself, with one short request, what OpenCV's FFmpeg keeps to itself."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from urllib.parse import urlsplit

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_LOGIN_MISSING = "the server wants a login; set username and password_file"
_LOGIN_REFUSED = "the server refuses the login; check username and password"
_STATUS = {
    "403": "the server refuses (403); check what this user may see",
    "404": "the server knows no such stream (404); check the path of the address",
    "503": "the server is too busy (503); check how many viewers the camera allows",
}


def reason(address: str, seconds: float) -> str:
    """Why a stream could not be opened, and the cure, in one line.

    Args:
        address: with the login in it, if there is one.
        seconds: how long to wait for each step.

    """
    parts = urlsplit(address)
    host, scheme = parts.hostname or "", parts.scheme.lower()
    port = parts.port or _PORTS[scheme]
    try:
        with closing(_connected(host, port, scheme, seconds)) as connection:
            status = _status(connection, scheme, parts.path or "/", parts.query, host, port)
    except OSError as error:
        return _unreached(error, host, port, seconds)
    if status == "401":
        return _LOGIN_REFUSED if parts.username else _LOGIN_MISSING
    if status == "200":
        return "the server answers, but its pictures cannot be decoded; choose H.264 or MJPEG in the camera"
    return _STATUS.get(status, f"the server answers {status or 'nonsense'}; check the address")


def _unreached(error: OSError, host: str, port: int, seconds: float) -> str:
    if isinstance(error, socket.gaierror):
        return f"unknown host {host!r}; check the name, or give the number of its address"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing answers at port {port}; check the port, and whether the camera is on"
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} s; check the network, and whether the camera is on"
    if isinstance(error, ssl.SSLError):
        return f"TLS fails ({error.reason}); check the certificate of the camera"
    return f"{error.strerror or error}; check the network"


def _connected(host: str, port: int, scheme: str, seconds: float) -> socket.socket:
    plain = socket.create_connection((host, port), timeout=seconds)
    if scheme not in {"rtsps", "https"}:
        return plain
    context = ssl.create_default_context()
    context.check_hostname = False  # as FFmpeg: cameras sign their own certificates
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _status(connection: socket.socket, scheme: str, path: str, query: str, host: str, port: int) -> str:
    """The number in the first line of the answer to a request without a login; "" if that is no number."""
    where = f"{path}?{query}" if query else path
    if scheme.startswith("rtsp"):
        asked = f"DESCRIBE {scheme}://{host}:{port}{where} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    else:
        asked = f"GET {where} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    connection.sendall(asked.encode("utf-8", "replace"))
    words = connection.recv(200).decode("ascii", "replace").split(" ", 2)
    return words[1] if len(words) > 1 and words[0].startswith(("RTSP/", "HTTP/")) and words[1].isdecimal() else ""
