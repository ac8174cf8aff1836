"""Destinations of a program: refused before anything is stored, counted while they run, let go of at the end."""

from __future__ import annotations

import threading
from threading import Event as Flag
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge_ocr import posts as posts_module
from edge_ocr.clock import FakeClock
from edge_ocr.config import parse
from edge_ocr.errors import ConfigError
from edge_ocr.health import Health
from edge_ocr.posts import Posts
from edge_ocr.publish.files import DayFiles
from edge_ocr.runtime import watch
from edge_ocr.store import Database
from edge_ocr.tables import HealthSettings
from edge_ocr.types import Event, Kind, Quad, Reading

if TYPE_CHECKING:
    from pathlib import Path


def _unread(*_: Any, **__: Any) -> Any:
    raise AssertionError("nothing may be read before the settings are known to be good")


UNREAD: Any = SimpleNamespace(grammar=None, sightings=_unread)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), np.zeros((48, 64, 3), np.uint8))
    return folder


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"privacy": {"mode": "hashed", "key_file": "{none}"}}, "privacy.key_file names .*none"),
        ({"privacy": {"mode": "hashed", "key_file": "{short}"}}, "privacy.key_file names .*short"),
        (
            {"publish": {"webhook": {"url": "http://h/", "secret_file": "{none}"}}},
            "publish.webhook.secret_file names .*none",
        ),
        ({"publish": {"mqtt": {"host": "h", "ca_file": "{short}"}}}, "publish.mqtt.ca_file names .*short"),
        (
            {"publish": {"more": [{"name": "b", "webhook": {"url": "http://h/", "token_file": "{none}"}}]}},
            r"publish.more\[0\].webhook.token_file names .*none",
        ),
    ],
)
def test_a_key_or_destination_that_cannot_be_used_is_refused_before_anything_is_stored(
    pictures: Path, tmp_path: Path, tables: dict[str, Any], message: str
) -> None:
    (tmp_path / "short").write_bytes(b"secret")

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner) for inner in value]
        return value.format(none=tmp_path / "none", short=tmp_path / "short") if isinstance(value, str) else value

    store = tmp_path / "store"
    settings = parse({"store": {"folder": str(store)}, **filled(tables)}, origin="test")
    with pytest.raises(ConfigError, match=message):
        watch(str(pictures), settings, reader=UNREAD)
    assert list(store.rglob("*.png")) == []
    if store.exists():
        with Database(store, FakeClock()) as database:  # its lock was let go of
            assert database.events() == []


def test_what_destinations_take_is_counted_to_the_last_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts_module, "_LINGER_SECONDS", 60.0)
    clock = FakeClock(mono=100.0, wall=1_700_000_000.0)
    health = Health(HealthSettings(min_disk_mb=0.0, min_memory_mb=0.0), clock, folder=tmp_path)
    publish = {"files": {"folder": str(tmp_path / "days")}, "mqtt": {"host": "127.0.0.1", "port": 1, "tls": False}}
    settings = parse({"store": {"folder": str(tmp_path / "store")}, "publish": publish}, origin="test")
    quad = Quad(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), Kind.PLATE, 1.0)
    reading = Reading("AB12", 0.9, Kind.PLATE, None, quad)
    with Database(tmp_path / "store", clock) as store:
        for number in range(3):
            stamp = clock.stamp()
            event = Event(f"k{number}", "gate", reading, 3, 0, stamp, stamp, 0, 9, None, 4)
            store.record(event, destinations=settings.publish.destinations)
        with Posts(store, settings.publish, clock, health) as posts:
            posts.wake()
            posts.linger()
        told = {(sample.name, sample.labels): sample.value for sample in health.snapshot().samples}
    assert told["delivered", (("destination", "files"),)] == 3
    assert told["delivered", (("destination", "mqtt"),)] == 0
    assert told["delivery_failures", (("destination", "mqtt"),)] >= 1
    assert not any(name == "queue_depth" for name, _ in told)


def test_a_destination_that_hangs_does_not_keep_the_program_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(mono=100.0, wall=1_700_000_000.0)
    health = Health(HealthSettings(min_disk_mb=0.0, min_memory_mb=0.0), clock, folder=tmp_path)
    publish = {"files": {"folder": str(tmp_path / "days")}}
    settings = parse({"store": {"folder": str(tmp_path / "store")}, "publish": publish}, origin="test")
    entered, left = Flag(), Flag()

    def hang(_: DayFiles) -> float:
        entered.set()
        left.wait(60.0)
        return 0.1

    monkeypatch.setattr(DayFiles, "tick", hang)
    monkeypatch.setattr(posts_module, "_JOIN_SECONDS", 0.1)
    with Database(tmp_path / "store", clock) as store, Posts(store, settings.publish, clock, health):
        assert entered.wait(60.0)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "files"]
    assert thread.daemon
    left.set()
    thread.join()
