"""A real broker and a real HTTP server that can be killed and brought back, for the tests and for the long runs."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, Self
from uuid import uuid4

import paho.mqtt.client as paho
from paho.mqtt import publish

from edge_ocr.tables import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

USER, PASSWORD = "gate-1", "correct horse"  # of a broker that lives for a test
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


class Mortal(Protocol):
    """A server that can die and return."""

    def start(self) -> None:
        """Return."""

    def kill(self) -> None:
        """Die at once, by SIGKILL."""


class Broker:
    """mosquitto on loopback with TLS, a password and an ACL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        _certificates(folder)
        passwords = folder / "passwords"
        passwords.touch(mode=0o600)
        for user, secret in ((USER, PASSWORD), ("reader", PASSWORD), ("stranger", PASSWORD)):
            subprocess.run(["mosquitto_passwd", "-b", passwords, user, secret], check=True, capture_output=True)
        (folder / "password").write_text(PASSWORD + "\n")
        (folder / "password").chmod(0o600)
        acl = f"""
            user {USER}
            topic readwrite edge-ocr/#
            topic write homeassistant/#
            user reader
            topic read #
            user stranger
            topic write edge-ocr/status
        """
        (folder / "acl").write_text(textwrap.dedent(acl))
        (folder / "acl").chmod(0o600)
        (folder / "mosquitto.conf").write_text(
            textwrap.dedent(f"""
                listener {self.port} 127.0.0.1
                cafile {folder}/ca.pem
                certfile {folder}/server.pem
                keyfile {folder}/server.key
                allow_anonymous false
                password_file {folder}/passwords
                acl_file {folder}/acl
                persistence true
                persistence_location {folder}/
                max_queued_messages 0
                max_inflight_messages 0
                log_type debug
                user root
            """)
        )

    def settings(self, **changes: Any) -> MqttSettings:
        """What an edge-ocr configuration would say."""
        plain = MqttSettings(
            host="localhost",
            port=self.port,
            username=USER,
            password_file=self.folder / "password",
            ca_file=self.folder / "ca.pem",
            timeout_seconds=30.0,
            keepalive_seconds=5,
        )
        return replace(plain, **changes)

    def received(self) -> int:
        """How many events it was sent, repetitions included, as its log tells."""
        lines = (self.folder / "log").read_text().splitlines()
        return sum("Received PUBLISH" in line and "/event'" in line for line in lines)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", self.folder / "mosquitto.conf"], stdout=log, stderr=log)
        _until_open(self.port)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None


class Subscriber:
    """Whoever listens: keeps every message, across deaths of the broker.

    A broker acknowledges before it has saved anything: what it holds for somebody who is away, or who has not
    acknowledged it in turn, dies with it. So this one takes what comes without acknowledging (QoS 0), and ``online``
    tells whether it is there: what the broker acknowledges to others then, it has passed on.
    """

    def __init__(self, broker: Broker, topic: str = "#") -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.online = threading.Event()
        self._broker = broker
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=f"listener-{id(self)}",
            protocol=paho.MQTTv311,
        )
        self._client.username_pw_set("reader", PASSWORD)
        self._client.tls_set(str(broker.folder / "ca.pem"))
        self._client.reconnect_delay_set(0.05, 0.05)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=0)
        self._client.on_subscribe = lambda *_: self.online.set()
        self._client.on_disconnect = lambda *_: self.online.clear()
        self._client.on_message = lambda _c, _d, message: self.messages.append(
            (message.topic, message.payload, bool(message.retain))
        )
        self._client.connect("localhost", broker.port, keepalive=5)
        self._client.loop_start()

    def keys(self) -> Counter[str]:
        """How often each event came."""
        return Counter(json.loads(data)["id"] for topic, data, _ in list(self.messages) if topic.endswith("/event"))

    def catch_up(self) -> None:
        """Wait until all has come that the broker has acknowledged: something that it is sent now comes after that.

        Raises:
            TimeoutError: it does not come.

        """
        mark = uuid4().bytes
        publish.single(
            "edge-ocr/mark",
            mark,
            qos=1,
            hostname="localhost",
            port=self._broker.port,
            auth={"username": USER, "password": PASSWORD},
            tls={"ca_certs": str(self._broker.folder / "ca.pem")},
        )
        if not wait_until(lambda: any(payload == mark for _, payload, _ in list(self.messages))):
            raise TimeoutError("the broker passes nothing on")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


_HTTP_SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        os.write(out, self.headers["Idempotency-Key"].encode() + b"\\n")
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_):
        pass

out = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
ThreadingHTTPServer.allow_reuse_address = True
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class HttpServer:
    """A process that answers 204 after it has written down the key."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._keys = folder / "keys"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", _HTTP_SERVER, str(self.port), self._keys])
        _until_open(self.port)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None

    def keys(self) -> Counter[str]:
        """How often each event came."""
        return Counter(self._keys.read_text().split())


class Deaths:
    """Kills a server whenever so much has been done, and brings it back a little later.

    Just before it dies ``mourn`` is called. Every death that is due comes, at the latest at the end.
    """

    def __init__(
        self,
        server: Mortal,
        progress: Callable[[], int],
        *,
        total: int,
        deaths: int,
        seed: int,
        mourn: Callable[[], None] = lambda: None,
    ) -> None:
        self._server, self._progress, self._mourn = server, progress, mourn
        random = Random(seed)
        self._marks = sorted(random.sample(range(1, total), deaths))
        self._pauses = [random.uniform(0.05, 0.4) for _ in self._marks]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        for mark, pause in zip(self._marks, self._pauses, strict=True):
            while self._progress() < mark:
                if self._stop.wait(0.0005) and self._progress() < mark:
                    return
            self._mourn()
            self._server.kill()
            self.count += 1
            time.sleep(pause)
            self._server.start()


_PORTS = iter(Random().sample(range(20_000, 32_000), 1_000))


def free_port() -> int:
    """A port that nobody uses at the moment, and that no connection is given while its server is away.

    Linux takes the near end of a connection from 32768 on (ip(7), ip_local_port_range): there a client that tries
    again and again may meet itself, and then the server can not come back.
    """
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no port is free")


def wait_until(done: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether something came true in time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _until_open(port: int) -> None:
    def open_now() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 60):
            return True
        return False

    if not wait_until(open_now):
        raise TimeoutError(f"nobody listens on port {port}")


def _certificates(folder: Path) -> None:
    """A certificate authority, a server and a client that it vouches for."""

    def openssl(*arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=folder)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test", "-days", 7)
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", 7, "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
        (folder / f"{name}.key").chmod(0o600)
