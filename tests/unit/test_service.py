"""What `serve` does with its parts, without cameras and models: watchdog, reload, and a barrier opened by hand."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from edge_ocr import service as module
from edge_ocr.clock import FakeClock, SystemClock
from edge_ocr.config import parse
from edge_ocr.publish.relay import Relay
from edge_ocr.service import Service, Signals

if TYPE_CHECKING:
    from edge_ocr.types import Parcel

_TABLES: dict[str, Any] = {"camera": [{"name": "gate", "source": "fake://"}]}


class _Worker:
    """A camera's thread that never ran."""

    def __init__(self, camera: Any, *_: Any) -> None:
        self.name = camera.name
        self.beat = SystemClock().monotonic() + 3600
        self.flowed: float | None = None
        self.trouble: str | None = None
        self.lost: str | None = None
        self.ended = self.gone = False

    def start(self) -> None:
        """Nothing to begin."""

    def stop(self) -> None:
        """Nothing to end."""

    def join(self, _: float) -> bool:
        return True

    def change(self, _: Any) -> None:
        """Nothing to change."""


class _Notifier:
    """A systemd that watches, and what it heard."""

    watchdog_seconds = 0.2

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.heard.append(name)


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of the readers that were opened."""
    opened: list[str] = []

    def open_reader(settings: Any, *, like: Any = None) -> Any:
        del like
        opened.append(str(settings.kind))
        return SimpleNamespace(grammar=None)

    monkeypatch.setattr(module, "open_reader", open_reader)
    monkeypatch.setattr(module, "Worker", _Worker)
    return opened


def _service(tables: dict[str, Any], **more: Any) -> Service:
    return Service(lambda: parse(tables, origin="test"), **{"clock": FakeClock(), **more})


@pytest.mark.parametrize("trouble", ["rtsp://gate hangs", None])
def test_the_watchdog_is_fed_while_a_ladder_is_climbed_and_not_while_a_camera_is_blind(
    readers: list[str], monkeypatch: pytest.MonkeyPatch, trouble: str | None
) -> None:
    del readers
    monkeypatch.setattr(_Worker, "start", lambda self: setattr(self, "trouble", trouble))
    notifier, signals = _Notifier(), Signals()
    timer = threading.Timer(0.6, lambda: setattr(signals, "stop", True))
    timer.start()
    assert _service(_TABLES, clock=SystemClock(), notifier=notifier).run(signals) == 0
    timer.join()
    assert ("alive" in notifier.heard) == (trouble is not None)


def test_a_reload_leaves_alone_what_counts_from_the_next_start_on(
    readers: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    tables = {**_TABLES}
    service = _service(tables)
    tables["kind"] = "sign"
    tables["regions"] = ["nl"]
    service.reload()
    assert set(readers) == {"plate"}
    assert "kind was changed, which counts from the next start on" in caplog.text


def test_a_barrier_opened_by_hand_has_a_row_that_says_by_whom(readers: list[str]) -> None:
    del readers
    clock = FakeClock()
    settings = parse(
        {**_TABLES, "store": {"folder": "x"}, "publish": {"relay": {"pin": 4, "dry_run": True}}}, origin="test"
    )
    rows: list[tuple[str, str]] = []
    relay = Relay(
        settings.publish.relay,
        clock,
        SimpleNamespace(audit=lambda _now, _actor, action, reason, **_: rows.append((action, reason))),
    )

    def hurry(kind: str, parcel: Parcel) -> None:
        assert kind == "relay"
        relay.deliver([parcel])

    service = Service(lambda: settings, clock)
    service._posts = SimpleNamespace(hurry=hurry)  # type: ignore[assignment]
    assert "the relay was told" in service._open_by_hand("ann")
    assert rows == [("dry-run", "by hand: ann")]
