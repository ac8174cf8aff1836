"""A real broker and a real HTTP server, with everything that goes wrong with them: deaths, wrong secrets, denials.

Needs Debian's packages mosquitto and openssl; see conftest.py.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from servers import Broker, Deaths, HttpServer, Subscriber, wait_until

from edge_ocr.clock import SystemClock
from edge_ocr.publish import Delivered, Retry
from edge_ocr.publish.memory import MemoryOutbox
from edge_ocr.publish.mqtt import Mqtt
from edge_ocr.publish.sender import Sender
from edge_ocr.publish.webhook import Webhook
from edge_ocr.tables import RetrySettings, WebhookSettings
from edge_ocr.types import Parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_ocr.publish import Destination

QUICK = RetrySettings(first_seconds=0.05, most_seconds=0.5)


def parcel(key: str = "k1", camera: str = "gate") -> Parcel:
    return Parcel(1, "mqtt", key, camera, {"id": key, "camera": camera, "text": "AB123"}, None, 0)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def subscriber(broker: Broker) -> Iterator[Subscriber]:
    subscriber = Subscriber(broker)
    assert subscriber.online.wait(60)
    yield subscriber
    subscriber.close()


@pytest.fixture(params=["5", "3.1.1"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def deliver(broker: Broker, *parcels: Parcel, **settings: Any) -> list[Any]:
    mqtt = Mqtt(broker.settings(**settings), SystemClock())
    try:
        return mqtt.deliver(parcels)
    finally:
        mqtt.close()


def test_events_arrive_in_order_over_tls_with_a_password(broker: Broker, subscriber: Subscriber, version: str) -> None:
    keys = [f"{version}-{number}" for number in range(16)]
    assert deliver(broker, *map(parcel, keys), version=version) == [Delivered()] * 16
    assert wait_until(lambda: set(keys) <= set(subscriber.keys()))
    events = [json.loads(data) for topic, data, _ in subscriber.messages if topic == "edge-ocr/gate/event"]
    assert [event["id"] for event in events if event["id"] in keys] == keys


def test_a_client_certificate_is_shown(broker: Broker, version: str) -> None:
    files = {"cert_file": broker.folder / "client.pem", "key_file": broker.folder / "client.key"}
    assert deliver(broker, parcel(), version=version, **files) == [Delivered()]


def test_the_status_is_retained_and_turns_offline_at_the_end(broker: Broker, subscriber: Subscriber) -> None:
    mqtt = Mqtt(broker.settings(client_id="status"), SystemClock(), lambda: {"ok": False, "reasons": ["too hot"]})
    mqtt.tick()
    mqtt.tick()
    assert wait_until(lambda: ("edge-ocr/status", b"online", False) in subscriber.messages)
    assert wait_until(
        lambda: any(topic == "edge-ocr/health" and b"too hot" in data for topic, data, _ in subscriber.messages)
    )
    late = Subscriber(broker, "edge-ocr/status")
    assert wait_until(lambda: ("edge-ocr/status", b"online", True) in late.messages)
    mqtt.close()
    assert wait_until(lambda: ("edge-ocr/status", b"offline", False) in late.messages)
    late.close()


def test_the_broker_tells_the_last_will_of_a_device_that_fell_silent(broker: Broker, subscriber: Subscriber) -> None:
    mqtt = Mqtt(broker.settings(client_id="silent"), SystemClock())
    mqtt.tick()
    assert wait_until(lambda: ("edge-ocr/status", b"online", False) in subscriber.messages)
    before = len(subscriber.messages)
    assert mqtt._link is not None
    mqtt._link._client.socket().close()  # as a power cut does: without a word
    assert wait_until(lambda: ("edge-ocr/status", b"offline", False) in subscriber.messages[before:])


def test_home_assistant_is_told_of_the_camera(broker: Broker, subscriber: Subscriber, version: str) -> None:
    deliver(broker, parcel(camera="north gate"), version=version, client_id="ha", discovery="homeassistant")
    topics = [topic for topic, _, _ in subscriber.messages]
    assert wait_until(
        lambda: any(topic.startswith("homeassistant/sensor/ha/north-gate-") for topic, *_ in subscriber.messages)
    ), topics


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_wrong_password_is_told(broker: Broker, tmp_path: Path, version: str) -> None:
    (tmp_path / "password").write_text("wrong")
    (tmp_path / "password").chmod(0o600)
    (outcome,) = deliver(broker, parcel(), version=version, password_file=tmp_path / "password")
    assert isinstance(outcome, Retry)
    assert "the broker refuses the connection: Not authorized" in outcome.reason
    assert outcome.down


@pytest.mark.filterwarnings("ignore:Exception ignored in")  # the client library leaves its socket to be collected
def test_a_broker_that_nobody_vouches_for_gets_nothing(broker: Broker) -> None:
    (outcome,) = deliver(broker, parcel(), ca_file=None)
    assert isinstance(outcome, Retry)
    assert "certificate verify failed" in outcome.reason


def test_an_event_that_the_acl_denies_is_not_taken_for_delivered(broker: Broker) -> None:
    (outcome,) = deliver(broker, parcel(), username="stranger", version="5")
    assert isinstance(outcome, Retry)
    assert "the broker refuses the event: Not authorized; let this user publish to edge-ocr/#" in outcome.reason
    assert not outcome.down


def test_in_3_1_1_only_an_echo_shows_a_denial(broker: Broker) -> None:
    stranger = {"username": "stranger", "version": "3.1.1"}
    assert deliver(broker, parcel(), **stranger) == [Delivered()]  # the protocol has no way to say no
    (outcome,) = deliver(broker, parcel(), echo=True, timeout_seconds=5.0, **stranger)
    assert isinstance(outcome, Retry)
    assert "no echo" in outcome.reason
    assert deliver(broker, parcel(), echo=True, version="3.1.1") == [Delivered()]


def test_a_connection_stays_alive_without_events(broker: Broker) -> None:
    mqtt = Mqtt(broker.settings(client_id="idle"), SystemClock())
    mqtt.tick()
    link = mqtt._link
    end = time.monotonic() + 9.0  # the broker hangs up after 7.5 s without a word
    while time.monotonic() < end:
        mqtt.tick()
        time.sleep(0.1)
    assert mqtt.deliver([parcel()]) == [Delivered()]
    assert mqtt._link is link
    mqtt.close()


def test_a_broker_that_does_not_answer_is_given_up_in_time(broker: Broker) -> None:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings = replace(broker.settings(), port=mute.getsockname()[1], tls=False, timeout_seconds=0.3)
        mqtt = Mqtt(settings, SystemClock())
        (outcome,) = mqtt.deliver([parcel()])  # or it would wait for ever
    assert isinstance(outcome, Retry)
    assert outcome.reason.endswith("no answer to CONNECT within 0.3 s")


def run(
    destination: Destination,
    outbox: MemoryOutbox,
    total: int,
    seconds: float,
    ready: Callable[[], bool] = lambda: True,
) -> None:
    """Send until everything is taken, while whoever it is for is there."""
    sender = Sender("there", destination, outbox, SystemClock(), QUICK)
    deadline = time.monotonic() + seconds
    while len(outbox.taken) < total:
        assert time.monotonic() < deadline, (len(outbox.taken), sender.problem)
        time.sleep(min(sender.step(), 0.02) if ready() else 0.005)
    sender.close()


def filled(total: int) -> MemoryOutbox:
    outbox = MemoryOutbox()
    for number in range(total):
        outbox.add("there", {"id": f"e{number:05}", "camera": f"c{number % 3}", "text": "AB123"})
    return outbox


def test_a_broker_that_dies_and_returns_gets_every_event(tmp_path: Path) -> None:
    broker, outbox = Broker(tmp_path), filled(400)
    broker.start()
    subscriber = Subscriber(broker)
    assert subscriber.online.wait(60)
    mourn = subscriber.online.clear
    with Deaths(broker, lambda: len(outbox.taken), total=400, deaths=3, seed=1, mourn=mourn) as deaths:
        run(Mqtt(broker.settings(), SystemClock()), outbox, 400, 60, subscriber.online.is_set)
    arrived = wait_until(lambda: len(subscriber.keys()) == 400)
    subscriber.close()
    broker.kill()
    assert deaths.count == 3
    assert arrived
    assert 400 <= broker.received() <= 400 + 3 * Mqtt.batch
    assert [parcel.attempts for parcel in outbox.waiting()] == []


def test_an_http_server_that_dies_and_returns_gets_every_event(tmp_path: Path) -> None:
    server, outbox = HttpServer(tmp_path), filled(400)
    server.start()
    with Deaths(server, lambda: len(outbox.taken), total=400, deaths=3, seed=1) as deaths:
        run(Webhook(WebhookSettings(url=server.url, timeout_seconds=30.0), SystemClock()), outbox, 400, 60)
    server.kill()
    assert deaths.count == 3
    assert set(server.keys()) == {f"e{number:05}" for number in range(400)}
    assert sum(server.keys().values()) - 400 <= 3
    assert not outbox.dead_letters
