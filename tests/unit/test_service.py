"""What `serve` does with its parts, without cameras and models: watchdog, reload, and a barrier opened by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from edge_ocr import crew
from edge_ocr.clock import FakeClock, SystemClock
from edge_ocr.config import parse
from edge_ocr.publish.relay import Relay
from edge_ocr.service import Service, Signals
from edge_ocr.store import Database
from edge_ocr.types import Event, Kind, Quad, Reading

if TYPE_CHECKING:
    from pathlib import Path

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
        self.broken: str | None = None
        self.ended = self.gone = self.disowned = False

    def start(self) -> None:
        """Nothing to begin."""

    def stop(self) -> None:
        """Nothing to end."""

    def join(self, _: float) -> bool:
        return True

    def disown(self) -> None:
        self.disowned = True

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

    monkeypatch.setattr(crew, "open_reader", open_reader)
    monkeypatch.setattr(crew, "Worker", _Worker)
    return opened


class _Turns:
    """Asks to stop after so many turns of the loop, however long these take."""

    reload = False

    def __init__(self, left: int) -> None:
        self._left = left

    @property
    def stop(self) -> bool:
        self._left -= 1
        return self._left < 0


def _service(tables: dict[str, Any], **more: Any) -> Service:
    return Service(lambda: parse(tables, origin="test"), **{"clock": FakeClock(), **more})


@pytest.mark.parametrize("trouble", ["rtsp://gate hangs", None])
def test_the_watchdog_is_fed_while_a_ladder_is_climbed_and_not_while_a_camera_is_blind(
    readers: list[str], monkeypatch: pytest.MonkeyPatch, trouble: str | None
) -> None:
    del readers
    monkeypatch.setattr(_Worker, "start", lambda self: setattr(self, "trouble", trouble))
    notifier, turns = _Notifier(), _Turns(5)
    assert _service(_TABLES, clock=SystemClock(), notifier=notifier).run(turns) == 0  # type: ignore[arg-type]
    assert ("alive" in notifier.heard) == (trouble is not None)


def test_frames_that_were_processed_are_told_to_who_tries_an_update(
    readers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del readers
    notifier, told, clock = _Notifier(), [], FakeClock()
    monkeypatch.setattr(_Notifier, "frames", told.append, raising=False)
    service = _service(_TABLES, clock=clock, notifier=notifier)
    for camera, frames, failed in (("gate", 7, 2), ("yard", 4, 0)):
        service.health.count("frames", frames, camera=camera)
        service.health.count("frames_failed", failed, camera=camera)
    service._report(clock.monotonic() + 10)
    assert told == [9]


def test_a_fault_that_fresh_starts_do_not_cure_ends_the_program_for_systemd_to_start_it(
    readers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del readers
    monkeypatch.setattr(_Worker, "start", lambda self: setattr(self, "broken", "a mistake"))
    tables = {"camera": [*_TABLES["camera"], {"name": "yard", "source": "fake://"}]}
    assert _service(tables, clock=SystemClock()).run(Signals()) == crew.FAULT


def test_the_watchdog_is_fed_while_a_camera_that_was_taken_out_does_not_end(
    readers: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    del readers
    clock = FakeClock()

    def outlast(_: _Worker, seconds: float) -> bool:
        clock.sleep(seconds)
        return False

    monkeypatch.setattr(_Worker, "join", outlast)
    tables, notifier = {**_TABLES}, _Notifier()
    service = _service(tables, clock=clock, notifier=notifier)
    service._crew.begin({})
    gate: Any = service._crew._workers["gate"]
    tables["camera"] = [{"name": "yard", "source": "fake://"}]
    service.reload()
    assert "camera gate: does not end; it is left alone" in caplog.text
    assert gate.disowned
    assert notifier.heard.count("alive") == round(crew._STOP_SECONDS / crew._TURN_SECONDS)
    assert service._crew.well()[1] == 1


def test_a_camera_never_reads_with_what_one_that_does_not_end_still_reads_with(
    readers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "_STOP_SECONDS", 0.0)
    held: dict[str, Any] = {}

    class Watching(_Worker):
        def __init__(self, camera: Any, pipeline: Any, *_: Any) -> None:
            super().__init__(camera)
            held[self.name] = pipeline._reader

        def join(self, _: float) -> bool:
            return self.name != "gate"

    monkeypatch.setattr(crew, "Worker", Watching)
    tables = {**_TABLES}
    service = _service(tables)
    service._crew.begin({})
    for name in ("yard", "road"):
        tables["camera"] = [{"name": name, "source": "fake://"}]
        service.reload()
    assert held["gate"] is service._crew.reader
    assert held["yard"] is not held["gate"]
    assert held["road"] is not held["gate"]
    tables["regions"] = ["nl"]  # the reader of other settings is nobody's yet
    tables["camera"] = [{"name": "lane", "source": "fake://"}]
    service.reload()
    assert held["lane"] is service._crew.reader
    assert len(readers) == 4


def test_a_reader_whose_camera_has_ended_is_used_for_the_next_one(
    readers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: set[str] = set()
    monkeypatch.setattr(_Worker, "stop", lambda self: stopped.add(self.name))
    monkeypatch.setattr(_Worker, "join", lambda self, _: self.name in stopped)
    tables = {"camera": [{"name": name, "source": "fake://"} for name in ("gate", "yard")]}
    service = _service(tables)
    service._crew.begin({})
    tables["camera"] = [{"name": name, "source": "fake://"} for name in ("yard", "road")]
    service.reload()
    assert len(readers) == 2


def test_zones_that_were_drawn_while_the_configuration_was_read_again_bring_no_old_one_back(
    readers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del readers
    changes: list[Any] = []
    monkeypatch.setattr(_Worker, "change", lambda _, apply: changes.append(apply))
    tables = {**_TABLES}
    service = _service(tables)
    service._crew.begin({})
    service.redraw()
    tables["vote"] = {"repeat_seconds": 7}
    service.reload()
    drawn, reloaded = changes
    told: list[Any] = []
    pipeline = SimpleNamespace(configure=lambda _, settings, **__: told.append(settings.vote.repeat_seconds))
    for apply in (reloaded, drawn):
        apply(pipeline, SimpleNamespace())
    assert told == [7, 7]


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


@pytest.mark.parametrize("asked", [False, True])
def test_the_last_events_are_stored_although_nobody_can_be_told_of_them(
    readers: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, asked: bool
) -> None:
    """Whether that is why the program ends, or is noticed only when it was asked to."""
    del readers
    outs: list[Any] = []
    monkeypatch.setattr(_Worker, "__init__", _remembering(outs, _Worker.__init__))
    monkeypatch.setattr(_Worker, "start", lambda _: outs[0].put(_event("one", preview=asked)))
    stops = iter(["two"])
    monkeypatch.setattr(_Worker, "stop", lambda _: [outs[0].put(_event(key)) for key in stops])

    def tell(_: Event) -> None:
        raise BrokenPipeError

    tables = {**_TABLES, "store": {"folder": str(tmp_path / "store")}, "web": {"enabled": False}}
    with pytest.raises(BrokenPipeError):
        _service(tables, clock=SystemClock(), tell=tell).run(Signals(stop=asked))
    with Database(tmp_path / "store", FakeClock()) as store:
        assert [event["id"] for event in store.events()] == (["two"] if asked else ["one", "two"])


def _remembering(outs: list[Any], begin: Any) -> Any:
    def remember(self: _Worker, *parts: Any) -> None:
        begin(self, *parts)
        outs.append(parts[5])

    return remember


def _event(key: str, *, preview: bool = False) -> Event:
    quad = Quad(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), Kind.PLATE, 1.0)
    reading = Reading("AB12", 0.9, Kind.PLATE, None, quad)
    stamp = FakeClock().stamp()
    return Event(key, "gate", reading, 3, 0, stamp, stamp, 0, 9, None, 4, preview=preview)


class _Posts:
    """Destinations that keep what they were handed in a hurry."""

    def __init__(self) -> None:
        self.hurried: list[Parcel] = []

    def hurry(self, parcel: Parcel) -> None:
        self.hurried.append(parcel)


def _with_relays(own: dict[str, Any] | None, more: dict[str, Any], lists: Path) -> dict[str, Any]:
    lists.write_text("list,plate\nallow,AB12\n", encoding="utf-8")
    publish = {"more": [{"name": "back", "relay": more}], **({"relay": own} if own else {})}
    return {**_TABLES, "store": {"folder": "x"}, "publish": publish, "lists": {"file": str(lists)}}


def test_a_preview_opens_those_relays_alone_that_are_set_so(readers: list[str], tmp_path: Path) -> None:
    del readers
    tables = _with_relays({"pin": 4, "previews": True}, {"pin": 5}, tmp_path / "lists.csv")
    service, posts = _service(tables), _Posts()
    service._posts = posts  # type: ignore[assignment]
    service._take(_event("one", preview=True))
    assert [(parcel.destination, parcel.key) for parcel in posts.hurried] == [("relay", "one")]


def test_a_relay_of_another_name_opens_by_preview_and_by_hand_too(readers: list[str], tmp_path: Path) -> None:
    del readers
    service, posts = _service(_with_relays(None, {"pin": 5, "previews": True}, tmp_path / "lists.csv")), _Posts()
    service._posts = posts  # type: ignore[assignment]
    service._take(_event("one", preview=True))
    service._open_by_hand("ann")
    assert [parcel.destination for parcel in posts.hurried] == ["back", "back"]


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

    service = Service(lambda: settings, clock)
    service._posts = SimpleNamespace(hurry=lambda parcel: relay.deliver([parcel]))  # type: ignore[assignment]
    assert "the relay was told" in service._open_by_hand("ann")
    assert rows == [("dry-run", "by hand: ann")]
