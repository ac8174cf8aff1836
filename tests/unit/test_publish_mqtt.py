"""MQTT without a broker: names, announcements, and what is wrong told with its key. The rest is in tests/faults."""

from __future__ import annotations

import json
import math
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr.clock import SystemClock
from edge_ocr.errors import ConfigError
from edge_ocr.publish import Retry
from edge_ocr.publish.mqtt import Mqtt, discovery, slug
from edge_ocr.tables import MqttSettings
from edge_ocr.types import Parcel

if TYPE_CHECKING:
    from pathlib import Path

PARCEL = Parcel(1, "mqtt", "k1", "gate", {"id": "k1", "camera": "gate"}, None, 0)


def settings(**changes: Any) -> MqttSettings:
    return MqttSettings(**{"host": "127.0.0.1", "tls": False, "timeout_seconds": 60.0, **changes})


def test_a_camera_is_one_level_of_a_topic() -> None:
    assert slug("gate_1-north") == "gate_1-north"
    assert slug("docs/samples/clip.mp4").startswith("docs-samples-clip-mp4-")
    assert slug("+/#").startswith("camera-")


@given(st.text(max_size=60), st.text(max_size=60))
def test_different_cameras_have_different_topics_without_wildcards(one: str, other: str) -> None:
    assert not set(slug(one)) & set("+#/ \0")
    assert 0 < len(slug(one)) <= 50
    if one != other and slug(one) == slug(other):
        assert one.encode("utf-8", "replace") == other.encode("utf-8", "replace")


def test_home_assistant_finds_a_sensor_and_a_problem() -> None:
    told = dict(discovery(settings(client_id="gate 1", prefix="p", discovery="homeassistant"), "north"))
    (sensor,) = [topic for topic in told if topic.startswith("homeassistant/sensor/")]
    assert told[sensor]["state_topic"] == "p/north/event"
    assert {payload["availability_topic"] for payload in told.values()} == {"p/status"}
    assert len({payload["unique_id"] for payload in told.values()}) == len(told) == 2
    json.dumps(told)


def test_a_broker_that_is_not_there_is_told_with_its_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        port = taken.getsockname()[1]
        mqtt = Mqtt(settings(port=port), SystemClock())
        assert mqtt.deliver([PARCEL, PARCEL]) == [Retry(f"127.0.0.1:{port}: Connection refused", down=True)] * 2
    assert mqtt.tick() == math.inf
    mqtt.close()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("password_file", None, "publish.mqtt.password_file names {path}, which cannot be read (No such file"),
        ("ca_file", "none", "publish.mqtt.ca_file names {path}, which cannot be used ("),
        ("cert_file", "none", "publish.mqtt.cert_file names {path}, which cannot be used ("),
    ],
)
def test_a_secret_or_certificate_that_is_none_is_told_at_the_start(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        Mqtt(settings(tls=True, username="u", **{name: path}), SystemClock())
    assert str(caught.value).startswith(message.format(path=path))


def test_a_missing_library_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(ConfigError, match=r"pip install \"edge-ocr\[mqtt\]\""):
        Mqtt(settings(), SystemClock())
