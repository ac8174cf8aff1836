"""What is installed on a device is understood by the programs that it is for."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from servers import MOSQUITTO, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRMWARE = Path(__file__).parents[2] / "firmware_configs"
SERVICES = sorted(FIRMWARE.rglob("*.service"))
PATIENCE = 60.0
"""Seconds that nobody waits unless something is wrong: a machine that has other work is slow."""

PASSWORD = "correct horse"  # noqa: S105 -- of a broker that lives for a test


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def certificate(folder: Path) -> tuple[Path, Path]:
    """For localhost, and its key."""
    made, key = folder / "made.pem", folder / "made.key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    done = run(*words, "-keyout", key, "-out", made)
    assert done.returncode == 0, done.stderr
    key.chmod(0o644)  # the broker reads it as nobody
    return made, key


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_a_service_is_exposed_no_more_than_two_tenths(unit: Path) -> None:
    done = run("systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", unit)
    assert done.returncode == 0, done.stdout


def test_systemd_knows_every_key_of_every_unit(tmp_path: Path) -> None:
    for unit in [*SERVICES, *(FIRMWARE / "systemd").glob("*.timer")]:
        text = unit.read_text("utf-8").replace("/opt/edge-ocr/current/venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text, "utf-8")
    done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *sorted(tmp_path.iterdir()))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_user_and_the_folders_are_made_as_said(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for _ in range(2):  # a second time changes nothing
        done = run("systemd-sysusers", f"--root={tmp_path}", FIRMWARE / "sysusers.d/edge-ocr.conf")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "etc/passwd").read_text("utf-8").count("edge-ocr:x:") == 1
    groups = (tmp_path / "etc/group").read_text("utf-8").splitlines()
    assert {line.split(":")[0] for line in groups if line.endswith(":edge-ocr")} == {"video", "gpio"}


@pytest.mark.parametrize(
    "script", [FIRMWARE / "install.sh", FIRMWARE.parent / ".ci" / "run"], ids=lambda path: path.name
)
def test_a_script_is_clean_shell(script: Path) -> None:
    done = run("shellcheck", script)
    assert done.returncode == 0, done.stdout


class Broker:
    """mosquitto with the configuration that ships, but for places and the port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.certificate, key = certificate(folder)
        folder.chmod(0o755)
        passwords, data = folder / "passwords", folder / "data"
        passwords.touch()
        data.mkdir()
        for user in ("gate-1", "gate-2", "reader"):
            run("mosquitto_passwd", "-b", passwords, user, PASSWORD)
        said = (FIRMWARE / "mosquitto/edge-ocr.conf").read_text("utf-8")
        acl = shutil.copy(FIRMWARE / "mosquitto/edge-ocr.acl", folder / "acl")
        for there, here in (
            ("listener 8883", f"listener {self.port} 127.0.0.1"),
            ("/etc/mosquitto/certs/edge-ocr.pem", self.certificate),
            ("/etc/mosquitto/certs/edge-ocr.key", key),
            ("/etc/mosquitto/edge-ocr.passwd", passwords),
            ("/etc/mosquitto/edge-ocr.acl", acl),
            ("/var/lib/mosquitto/", f"{data}/"),
        ):
            assert there in said
            said = said.replace(there, str(here))
        (folder / "mosquitto.conf").write_text(f"{said}\nuser {os.environ.get('USER', 'root')}\n", "utf-8")
        self._process = subprocess.Popen([MOSQUITTO, "-c", folder / "mosquitto.conf"], stderr=subprocess.DEVNULL)

    def client(self, user: str) -> paho.Client:
        """Connected; raises OSError where it may not be."""
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=user, protocol=paho.MQTTv5)
        client.tls_set(str(self.certificate))
        client.username_pw_set(user, PASSWORD)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                client.connect("localhost", self.port)
            except ConnectionRefusedError:
                assert time.monotonic() < end
                time.sleep(0.1)
            else:
                break
        client.loop_start()
        if wait_until(client.is_connected):
            return client
        client.loop_stop()
        raise OSError(f"{user} was not let in")

    def stop(self) -> None:
        """End."""
        self._process.terminate()
        self._process.wait(PATIENCE)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    server = Broker(tmp_path)
    yield server
    server.stop()


def test_the_broker_lets_a_device_write_below_its_own_name_alone(broker: Broker) -> None:
    reader, gate = broker.client("reader"), broker.client("gate-1")
    heard: list[str] = []
    reader.on_message = lambda _client, _data, message: heard.append(message.topic)
    listening = threading.Event()
    reader.on_subscribe = lambda *_: listening.set()
    reader.subscribe("#", qos=1)
    assert listening.wait(PATIENCE)
    allowed = ["edge-ocr/gate-1/status", "edge-ocr/gate-1/gate/event", "homeassistant/sensor/gate-1/plate/config"]
    for topic in ["edge-ocr/gate-2/status", "edge-ocr/status", "homeassistant/sensor/gate-2/plate/config", *allowed]:
        gate.publish(topic, b"{}", qos=1).wait_for_publish(PATIENCE)
    wait_until(lambda: len(heard) >= len(allowed))
    for client in (reader, gate):
        client.loop_stop()
        client.disconnect()
    assert sorted(heard) == sorted(allowed)


def test_the_broker_takes_nobody_without_encryption_or_a_password(broker: Broker) -> None:
    broker.client("gate-1").loop_stop()  # it is up
    plain = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="plain", protocol=paho.MQTTv5)
    plain.username_pw_set("gate-1", PASSWORD)
    plain.connect("localhost", broker.port)
    assert wait_until(lambda: plain.loop(0.1) != paho.MQTT_ERR_SUCCESS)
    assert not plain.is_connected()
    stranger = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="stranger", protocol=paho.MQTTv5)
    stranger.tls_set(str(broker.certificate))
    stranger.connect("localhost", broker.port)
    assert wait_until(lambda: stranger.loop(0.1) != paho.MQTT_ERR_SUCCESS)
    assert not stranger.is_connected()


class Page(BaseHTTPRequestHandler):
    """In the place of edge-ocr: a stream of events that says who asks, and goes on until it was read."""

    was_read = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        said = f"data: {self.headers['X-Forwarded-Proto']} {self.headers['X-Forwarded-For']}\n\n"
        self.wfile.write(said.encode())
        self.wfile.flush()
        self.was_read.wait(2 * PATIENCE)  # what is held back would come only after that

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[int]:
    Page.was_read.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        Page.was_read.set()
        server.shutdown()
        thread.join(PATIENCE)


def test_nginx_stands_in_front_encrypts_and_holds_no_event_back(pages: int, tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    plain, encrypted = free_port(), free_port()
    said = (FIRMWARE / "nginx/edge-ocr.conf").read_text("utf-8")
    for there, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen [::]:80;", ""),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{encrypted} ssl http2;"),
        ("listen [::]:443 ssl http2;", ""),
        ("/etc/edge-ocr/web.pem", str(made)),
        ("/etc/edge-ocr/web.key", str(key)),
        ("127.0.0.1:8080", f"127.0.0.1:{pages}"),
    ):
        assert there in said
        said = said.replace(there, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {tmp_path};" for kind in kinds)
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr; events {{}} http {{ {temporary} {said} }}", "utf-8"
    )
    checked = run("nginx", "-t", "-q", "-c", tmp_path / "nginx.conf")
    assert checked.returncode == 0, checked.stderr
    nginx = subprocess.Popen(["nginx", "-c", tmp_path / "nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        context = ssl.create_default_context(cafile=str(made))
        assert first_lines(plain, None)[0] == "HTTP/1.1 308 Permanent Redirect"
        lines = first_lines(encrypted, context)
    finally:
        nginx.terminate()
        nginx.wait(PATIENCE)
    assert lines[0] == "HTTP/1.1 200 OK"
    assert "data: https 127.0.0.1" in lines


def first_lines(port: int, context: ssl.SSLContext | None) -> list[str]:
    """What a server answers first; raises TimeoutError where that takes too long."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain:
                connection = plain if context is None else context.wrap_socket(plain, server_hostname="localhost")
                with connection:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    got = b""
                    while b"\n\n" not in got and b"\r\n\r\n" not in got.partition(b"308 ")[2]:
                        got += connection.recv(4096)
                    return got.decode().splitlines()
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise AssertionError("nobody answers")
