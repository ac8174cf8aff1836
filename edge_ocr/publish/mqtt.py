"""A broker, by MQTT 5 or 3.1.1: events at QoS 1, the device's status and health, and Home Assistant's discovery.

A parcel counts as delivered when the broker has acknowledged it (PUBACK), with ``echo`` when it came back on its own
topic. No thread: the connection lives while :meth:`Mqtt.tick` is called. The queue is the outbox; what this client
library would queue itself is lost with the process, so that every connection begins with an empty client.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from edge_ocr import keyfile
from edge_ocr.errors import ConfigError, printable
from edge_ocr.publish import Delivered, Retry
from edge_ocr.publish.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge_ocr.clock import Clock
    from edge_ocr.publish import Outcome
    from edge_ocr.tables import MqttSettings
    from edge_ocr.types import Parcel

_REPORT_SECONDS = 30.0  # between health messages
_WAIT_SECONDS = 0.2  # of a look at the socket; acknowledgements end it at once
_MQTT5 = "5"


class Mqtt:
    """Publishes each event to PREFIX/CAMERA/event.

    Args:
        settings: with a host.
        clock: for deadlines.
        health: asked every half minute for what PREFIX/health says, retained; None to say nothing.

    Raises:
        ConfigError: the client library is not installed, or a secret or certificate cannot be used.

    """

    batch = 16

    def __init__(
        self, settings: MqttSettings, clock: Clock, health: Callable[[], Mapping[str, Any]] | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._health = health
        self._library = _library()
        self._link: _Link | None = None
        self._tried: float | None = None
        self._reported: float | None = None
        _prepared(self._library, settings)  # what is wrong with secrets and certificates is told at the start

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Publish parcels together and wait for the broker to acknowledge each."""
        try:
            link = self._connected()
            return link.publish(parcels)
        except (OSError, ValueError) as error:
            self._drop()
            return [Retry(self._cause(error), down=True)] * len(parcels)
        finally:
            if self._link is not None and self._link.broken:
                self._drop()

    def tick(self) -> float:
        """Keep the connection alive, or try for one, and tell how this device is."""
        now = self._clock.monotonic()
        try:
            if self._link is not None:
                self._link.look(0.0)
                self._tell_health(self._link, now)
            elif self._tried is None or now - self._tried >= self._settings.keepalive_seconds:
                self._connected()
        except (OSError, ValueError):
            self._drop()
        return math.inf

    def close(self) -> None:
        """Say good-bye: the status becomes 'offline' without waiting for the broker to notice."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _connected(self) -> _Link:
        if self._link is None:
            self._tried = self._clock.monotonic()
            self._link = _Link(self._library, self._settings, self._clock)
            self._link.open()
            self._reported = None
        return self._link

    def _drop(self) -> None:
        if self._link is not None:
            self._link.abandon()
            self._link = None

    def _tell_health(self, link: _Link, now: float) -> None:
        if self._health is not None and (self._reported is None or now - self._reported >= _REPORT_SECONDS):
            link.send(f"{self._settings.prefix}/health", json.dumps(self._health()), retain=True)
            self._reported = now

    def _cause(self, error: Exception) -> str:
        place = f"{printable(self._settings.host)}:{_port(self._settings)}"
        text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return f"{place}: {' '.join(text.split())}"


class _Link:
    """One connection, from CONNECT to its end; it is never used again."""

    def __init__(self, library: Any, settings: MqttSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._client = _prepared(library, settings)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect
        self._answer: str | None = None  # to CONNECT; '' is yes
        self._subscribed: str | None = None
        self._acknowledged: dict[int, str] = {}  # by message id; '' is yes
        self._echoed: set[str] = set()
        self._announced: set[str] = set()
        self._ended = ""
        self.broken = False

    def open(self) -> None:
        """Connect, and say that this device is there.

        Raises:
            OSError, ValueError: nobody answers in time, or says no.

        """
        settings = self._settings
        clean: dict[str, Any] = {"clean_start": True} if settings.version == _MQTT5 else {}
        self._client.connect(str(settings.host), _port(settings), settings.keepalive_seconds, **clean)
        self._await(lambda: self._answer is not None, "no answer to CONNECT")
        if self._answer:
            raise ConnectionRefusedError(f"the broker refuses the connection: {self._answer}")
        if settings.echo:
            self._client.subscribe(f"{settings.prefix}/+/event", qos=1)
            self._await(lambda: self._subscribed is not None, "no answer to SUBSCRIBE")
            if self._subscribed:
                raise PermissionError(f"the broker refuses the subscription that echo needs: {self._subscribed}")
        self.send(f"{settings.prefix}/status", "online", retain=True)

    def publish(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Publish parcels and wait for the broker."""
        for camera in {parcel.camera for parcel in parcels} - self._announced:
            self._announce(camera)
        self._echoed.clear()
        sent = [(parcel.key, self.send(self._topic(parcel.camera), _payload(parcel))) for parcel in parcels]
        reason = self._settle(sent)
        self.broken = bool(reason)
        outcomes = [self._outcome(key, number, reason) for key, number in sent]
        self._acknowledged.clear()
        return outcomes

    def _settle(self, sent: Sequence[tuple[str, int]]) -> str:
        """Wait for what was sent; why it did not all come about, or ''."""
        try:
            self._await(lambda: all(number in self._acknowledged for _, number in sent), "no acknowledgement")
        except (OSError, ValueError) as error:
            return str(error)
        try:
            if self._settings.echo:
                self._await(lambda: {key for key, _ in sent} <= self._echoed, "nothing came back")
        except (OSError, ValueError) as error:
            return f"no echo ({error}); let this user publish and subscribe to {self._settings.prefix}/#"
        return ""

    def send(self, topic: str, payload: str, *, retain: bool = False) -> int:
        """Publish anything at QoS 1; the number by which it is acknowledged."""
        number: int = self._client.publish(topic, payload.encode(), qos=1, retain=retain).mid
        return number

    def look(self, seconds: float) -> None:
        """Take what has come, waiting at most so long for it.

        Raises:
            OSError: the connection is gone.

        """
        if self._client.loop(timeout=seconds) != 0:
            raise ConnectionResetError(self._ended or "the connection was lost")

    def close(self) -> None:
        """Say that this device is gone, and end."""
        try:
            number = self.send(f"{self._settings.prefix}/status", "offline", retain=True)
            self._await(lambda: number in self._acknowledged, "no acknowledgement")
        except (OSError, ValueError):
            pass  # the broker will notice by itself
        self.abandon()

    def abandon(self) -> None:
        """End."""
        self._client.on_disconnect = None
        self._client.disconnect()

    def _await(self, done: Callable[[], bool], complaint: str) -> None:
        deadline = self._clock.monotonic() + self._settings.timeout_seconds
        while not done():
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise TimeoutError(f"{complaint} within {self._settings.timeout_seconds:g} s")
            try:
                self.look(min(left, _WAIT_SECONDS))
            except OSError:
                if not done():  # a broker may say no and hang up in one breath
                    raise

    def _outcome(self, key: str, number: int, reason: str) -> Outcome:
        answer = self._acknowledged.get(number)
        if answer:
            return Retry(f"the broker refuses the event: {answer}; let this user publish to {self._settings.prefix}/#")
        if answer is None or (self._settings.echo and key not in self._echoed):
            return Retry(reason, down=True)
        return Delivered()

    def _topic(self, camera: str) -> str:
        return f"{self._settings.prefix}/{slug(camera)}/event"

    def _announce(self, camera: str) -> None:
        self._announced.add(camera)
        if self._settings.discovery is not None:
            for topic, payload in discovery(self._settings, camera):
                self.send(topic, json.dumps(payload), retain=True)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._answer = str(reason) if reason.is_failure else ""

    def _on_subscribe(self, _client: Any, _data: Any, _number: int, reasons: Any, _properties: Any) -> None:
        self._subscribed = next((str(reason) for reason in reasons if reason.is_failure), "")

    def _on_publish(self, _client: Any, _data: Any, number: int, reason: Any, _properties: Any) -> None:
        self._acknowledged[number] = str(reason) if reason.is_failure else ""

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        try:
            event = json.loads(message.payload)
        except ValueError:  # somebody else publishes there too
            return
        if isinstance(event, dict):
            self._echoed.add(str(event.get("id")))

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._ended = f"the broker ended the connection: {reason}"


def discovery(settings: MqttSettings, camera: str) -> list[tuple[str, dict[str, Any]]]:
    """Topics and payloads that announce a camera's last plate, and the device's state, to Home Assistant.

    Its MQTT integration documents them; each is to be retained.
    """
    node, name = slug(settings.client_id), slug(camera)
    common = {
        "availability_topic": f"{settings.prefix}/status",
        "device": {"identifiers": [node], "name": settings.client_id, "manufacturer": "edge-ocr"},
    }
    event = f"{settings.prefix}/{name}/event"
    plate = {
        "name": f"{printable(camera)} plate",
        "unique_id": f"{node}_{name}_plate",
        "icon": "mdi:car",
        "state_topic": event,
        "value_template": "{{ value_json.text }}",
        "json_attributes_topic": event,
    }
    problem = {
        "name": "Problem",
        "unique_id": f"{node}_problem",
        "device_class": "problem",
        "state_topic": f"{settings.prefix}/health",
        "value_template": "{{ 'OFF' if value_json.ok else 'ON' }}",
        "json_attributes_topic": f"{settings.prefix}/health",
    }
    return [
        (f"{settings.discovery}/sensor/{node}/{name}_plate/config", {**plate, **common}),
        (f"{settings.discovery}/binary_sensor/{node}/problem/config", {**problem, **common}),
    ]


def slug(name: str) -> str:
    """A name as one level of a topic: letters, digits, '-' and '_'; what had to change gets a sum, to stay unique."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[-40:]
    return (
        plain if plain and plain == name else f"{plain or 'camera'}-{zlib.crc32(name.encode('utf-8', 'replace')):08x}"
    )


def _payload(parcel: Parcel) -> str:
    return json.dumps(parcel.event, separators=(",", ":"))


def _port(settings: MqttSettings) -> int:
    return settings.port or (8883 if settings.tls else 1883)


def _prepared(library: Any, settings: MqttSettings) -> Any:
    """A client that knows its user, its certificates and its last will."""
    protocol = library.MQTTv5 if settings.version == _MQTT5 else library.MQTTv311
    version = library.CallbackAPIVersion.VERSION2
    client = library.Client(version, client_id=settings.client_id, protocol=protocol, reconnect_on_failure=False)
    client.connect_timeout = settings.timeout_seconds
    client.max_inflight_messages_set(2 * Mqtt.batch)
    if settings.username is not None:
        secret = settings.password_file and keyfile.read(settings.password_file, "publish.mqtt.password_file")
        client.username_pw_set(settings.username, secret.decode("utf-8", "replace") if secret else None)
    if settings.tls:
        client.tls_set_context(tls_context("publish.mqtt", settings.ca_file, settings.cert_file, settings.key_file))
    client.will_set(f"{settings.prefix}/status", b"offline", qos=1, retain=True)
    return client


def _library() -> Any:
    try:
        return import_module("paho.mqtt.client")
    except ImportError as error:
        raise ConfigError(
            f"publish.mqtt needs a package that is missing ({error}); run 'pip install \"edge-ocr[mqtt]\"'"
        ) from error
