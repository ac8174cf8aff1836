"""The relay: opens for whom it should, once, briefly, and never without a row that says why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from edge_ocr.clock import FakeClock
from edge_ocr.errors import ConfigError, StoreError
from edge_ocr.publish.relay import Relay
from edge_ocr.tables import RelaySettings
from edge_ocr.types import Parcel, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator


class Rows:
    """An audit in memory."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []
        self.full = False

    def audit(self, now: Stamp, actor: str, action: str, reason: str, *, event: str | None = None) -> None:
        assert actor == "relay"
        assert event is not None
        assert now.boot_id
        if self.full:
            raise StoreError("the disk is full")
        self.rows.append((action, reason))


class Gate:
    """A relay on a pretended pin."""

    def __init__(self, **settings: Any) -> None:
        self.clock, self.rows = FakeClock(mono=1000.0), Rows()
        self.relay = Relay(RelaySettings(pin=17, **settings), self.clock, self.rows)
        self.events = 0

    def event(
        self,
        action: str = "open",
        *,
        ago: float = 0.0,
        camera: str = "gate",
        boot: str = "fake-boot",
        key: str | None = None,
    ) -> None:
        self.events += 1
        key = key or f"k{self.events}"
        last = {"monotonic": self.clock.monotonic() - ago, "boot_id": boot}
        event = {"id": key, "camera": camera, "last": last, "decision": {"action": action, "explanation": "on allow"}}
        self.relay.deliver([Parcel(1, "relay", key, camera, event, None, 0)])

    @property
    def drawn(self) -> bool:
        return bool(gpiozero.Device.pin_factory.pin(17).state)


@pytest.fixture(autouse=True)
def pins() -> Iterator[None]:
    gpiozero.Device.pin_factory = MockFactory()
    yield
    gpiozero.Device.pin_factory.close()
    gpiozero.Device.pin_factory = None


def test_an_opening_draws_the_relay_for_its_time_and_has_a_row() -> None:
    gate = Gate(seconds=1.0)
    assert not gate.drawn
    gate.event()
    assert gate.drawn
    assert gate.relay.tick() == pytest.approx(1.0)
    gate.clock.advance(0.9)
    gate.relay.tick()
    assert gate.drawn
    gate.clock.advance(0.2)
    gate.relay.tick()
    assert not gate.drawn
    assert gate.rows.rows == [("open", "on allow")]


@pytest.mark.parametrize("action", ["note", "refuse"])
def test_other_decisions_open_nothing(action: str) -> None:
    gate = Gate()
    gate.event(action)
    assert not gate.drawn
    assert gate.rows.rows == []


def test_an_event_without_a_decision_opens_nothing() -> None:
    gate = Gate()
    event = {"id": "k", "camera": "gate", "last": {"monotonic": 1000.0, "boot_id": "fake-boot"}, "decision": None}
    gate.relay.deliver([Parcel(1, "relay", "k", "gate", event, None, 0)])
    assert not gate.drawn


def test_an_old_event_opens_nothing_and_says_so() -> None:
    gate = Gate(max_age_seconds=10.0)
    gate.event(ago=10.5)
    gate.event(boot="another")
    assert not gate.drawn
    assert gate.rows.rows == [
        ("ignored", "the event is 10.5 s old, and may be 10 s"),
        ("ignored", "the event is of another boot, and may be 10 s"),
    ]


def test_nothing_opens_until_it_is_armed_again() -> None:
    gate = Gate(seconds=1.0, rearm_seconds=5.0)
    gate.event()
    gate.clock.advance(2.0)
    gate.relay.tick()
    gate.event()
    assert not gate.drawn
    gate.clock.advance(3.0)
    gate.event()
    assert gate.drawn
    assert gate.rows.rows[1] == ("ignored", "armed again in 3.0 s")


def test_a_held_barrier_stays_open_for_the_next_one() -> None:
    gate = Gate(mode="hold", seconds=10.0, rearm_seconds=60.0)
    gate.event()
    gate.clock.advance(8.0)
    gate.event()
    gate.clock.advance(8.0)
    gate.relay.tick()
    assert gate.drawn
    gate.clock.advance(2.1)
    gate.relay.tick()
    assert not gate.drawn
    gate.event()
    assert not gate.drawn
    assert [action for action, _ in gate.rows.rows] == ["open", "prolong", "ignored"]


def test_a_refusal_locks_the_barrier_for_whoever_follows() -> None:
    gate = Gate(mode="hold", seconds=10.0, rearm_seconds=0.0, lockout_seconds=30.0)
    gate.event()
    gate.event("refuse", ago=5.0)
    assert not gate.drawn
    gate.event()
    assert not gate.drawn
    gate.clock.advance(25.1)
    gate.event()
    assert gate.drawn
    assert gate.rows.rows[1:3] == [
        ("lock-out", "refused at gate: nothing opens for 25.0 s"),
        ("ignored", "locked out for another 25.0 s by a refusal"),
    ]


def test_an_old_refusal_locks_nothing() -> None:
    gate = Gate(lockout_seconds=30.0)
    gate.event("refuse", ago=31.0)
    gate.event("refuse", boot="another")
    gate.event()
    assert gate.drawn


def test_events_of_other_cameras_open_nothing() -> None:
    gate = Gate(cameras=("gate",))
    gate.event(camera="street")
    assert not gate.drawn
    assert gate.rows.rows == []


def test_nothing_moves_without_a_row() -> None:
    gate = Gate()
    gate.rows.full = True
    with pytest.raises(StoreError):
        gate.event()
    assert not gate.drawn
    gate.rows.full = False
    gate.event()
    assert gate.drawn


def test_a_dry_run_does_everything_but_move_the_pin() -> None:
    gpiozero.Device.pin_factory.close()  # and needs none
    clock, rows = FakeClock(), Rows()
    relay = Relay(RelaySettings(pin=17, dry_run=True), clock, rows)
    event = {"last": {"monotonic": 0.0, "boot_id": "fake-boot"}, "decision": {"action": "open", "explanation": "so"}}
    relay.deliver([Parcel(1, "relay", "k", "gate", event, None, 0)])
    assert rows.rows == [("dry-run", "so")]
    relay.close()


def test_a_relay_that_draws_when_low_rests_high() -> None:
    gate = Gate(active_high=False)
    assert gate.drawn  # the level, not the relay
    gate.event()
    assert not gate.drawn


def test_closing_releases_the_relay() -> None:
    gate = Gate()
    gate.event()
    gate.relay.close()
    assert not gate.drawn


def test_a_pin_that_cannot_be_used_is_told_with_its_key() -> None:
    first = Gate()
    with pytest.raises(ConfigError, match=r"publish\.relay\.pin is 17, which cannot be used .*; name a free pin"):
        Gate()
    first.relay.close()


def test_a_missing_library_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(ConfigError, match=r"pip install \"edge-ocr\[gpio\]\""):
        Gate()


@pytest.mark.parametrize("mode", ["pulse", "hold"])
def test_the_final_event_of_a_preview_that_opened_does_not_open_again(mode: str) -> None:
    gate = Gate(seconds=1.0, rearm_seconds=0.0, mode=mode)
    gate.event(key="car")
    gate.clock.advance(5)
    gate.relay.tick()
    gate.event(key="car")
    assert not gate.drawn
    gate.event(key="another car")
    assert gate.drawn
    assert [action for action, _ in gate.rows.rows] == ["open", "open"]


def test_a_preview_that_could_not_open_leaves_it_to_the_final_event() -> None:
    gate = Gate()
    gate.rows.full = True
    with pytest.raises(StoreError):
        gate.event(key="car")
    gate.rows.full = False
    gate.event(key="car")
    assert gate.drawn
