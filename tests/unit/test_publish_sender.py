"""The sender: order within a camera, patience that grows, and nothing that ends it."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

import pytest

from edge_ocr.clock import FakeClock
from edge_ocr.errors import StoreError
from edge_ocr.publish import Delivered, Outcome, Refused, Retry
from edge_ocr.publish.memory import MemoryOutbox
from edge_ocr.publish.sender import Sender
from edge_ocr.tables import RetrySettings
from edge_ocr.types import Parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE = RetrySettings(first_seconds=1.0, most_seconds=60.0)


class Scripted:
    """A destination that does as it is told."""

    def __init__(self, act: Callable[[Parcel], Outcome], *, batch: int = 4, wish: float = math.inf) -> None:
        self.act, self.batch, self.wish = act, batch, wish
        self.tried: list[str] = []
        self.closed = False

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        self.tried += [parcel.key for parcel in parcels]
        return [self.act(parcel) for parcel in parcels]

    def tick(self) -> float:
        return self.wish

    def close(self) -> None:
        self.closed = True


class Setup:
    def __init__(self, act: Callable[[Parcel], Outcome], patience: RetrySettings = PATIENCE, batch: int = 4) -> None:
        self.outbox, self.clock = MemoryOutbox(), FakeClock(mono=100.0)
        self.destination = Scripted(act, batch=batch)
        self.sender = Sender("there", self.destination, self.outbox, self.clock, patience, Random(1))

    def add(self, *keys: str) -> Setup:
        for key in keys:
            self.outbox.add("there", {"id": key, "camera": key[0]})
        return self

    def taken(self) -> list[str]:
        return [parcel.key for parcel in self.outbox.taken]


def test_parcels_are_delivered_in_order_and_in_batches() -> None:
    setup = Setup(lambda _: Delivered()).add(*(f"a{number:03}" for number in range(300)))
    assert setup.sender.step() == 0.0
    assert 0 < setup.sender.step() <= 1.0
    assert setup.taken() == [f"a{number:03}" for number in range(300)]
    assert setup.sender.counts == {"delivered": 300}


def test_what_was_taken_and_every_failed_attempt_is_counted() -> None:
    answers = {"a1": Retry("busy"), "b1": Refused("unwanted")}
    setup = Setup(lambda parcel: answers.pop(parcel.key, Delivered()), batch=1).add("a1", "a2", "b1", "c1")
    setup.sender.step()
    setup.clock.advance(1.0)
    setup.sender.step()
    labels = {"destination": "there"}
    assert list(setup.sender.counted()) == [("delivered", 3, labels), ("delivery_failures", 2, labels)]


def test_who_was_not_asked_has_not_failed() -> None:
    setup = Setup(lambda _: Retry("nobody there", down=True), batch=1).add("a1", "b1", "c1")
    setup.sender.step()
    assert setup.destination.tried == ["a1"]
    assert {name: amount for name, amount, _ in setup.sender.counted()}["delivery_failures"] == 1


def test_a_camera_waits_for_its_oldest_event_and_others_do_not() -> None:
    failing = {"a2"}
    setup = Setup(lambda parcel: Retry("busy") if parcel.key in failing else Delivered(), batch=1)
    setup.add("a1", "a2", "b1", "a3", "b2").sender.step()
    assert setup.taken() == ["a1", "b1", "b2"]
    failing.clear()
    setup.sender.step()
    assert setup.taken() == ["a1", "b1", "b2"]
    setup.clock.advance(1.0)
    setup.sender.step()
    assert setup.taken() == ["a1", "b1", "b2", "a2", "a3"]


def test_only_the_first_of_a_camera_is_put_off_in_a_batch() -> None:
    setup = Setup(lambda _: Retry("busy")).add("a1", "a2", "b1")
    setup.sender.step()
    assert [parcel.attempts for parcel in setup.outbox.waiting()] == [1, 0, 1]


def test_where_nobody_is_there_one_attempt_is_enough_for_all_cameras() -> None:
    setup = Setup(lambda _: Retry("no route", down=True), batch=1).add("a1", "b1", "c1")
    setup.sender.step()
    assert setup.destination.tried == ["a1"]
    assert [parcel.attempts for parcel in setup.outbox.waiting()] == [1, 1, 1]
    setup.sender.step()
    assert setup.destination.tried == ["a1"]
    assert setup.sender.problem == "no route"


def test_patience_doubles_up_to_its_most_with_half_of_it_left_to_chance() -> None:
    setup = Setup(lambda _: Retry("busy")).add("a1")
    for attempt in range(12):
        setup.sender.step()
        most = min(60.0, 2.0**attempt)
        setup.clock.advance(most / 2 - 0.001)
        setup.sender.step()
        (parcel,) = setup.outbox.waiting()
        assert parcel.attempts == attempt + 1  # never sooner than half
        setup.clock.advance(most / 2 + 0.001)
    assert setup.outbox.errors == {"busy": 12}


@pytest.mark.parametrize(("wish", "wait"), [(30.0, 30.0), (1e9, 3600.0)])
def test_a_server_that_asks_for_more_time_gets_it_within_reason(wish: float, wait: float) -> None:
    setup = Setup(lambda _: Retry("busy", after=wish)).add("a1")
    setup.sender.step()
    setup.clock.advance(wait - 0.001)
    setup.sender.step()
    assert setup.outbox.errors["busy"] == 1
    setup.clock.advance(0.002)
    setup.sender.step()
    assert setup.outbox.errors["busy"] == 2


def test_what_is_refused_becomes_a_dead_letter_and_holds_nothing_back() -> None:
    setup = Setup(lambda parcel: Refused("422: no") if parcel.key == "a1" else Delivered()).add("a1", "a2")
    setup.sender.step()
    assert setup.taken() == ["a2"]
    assert [(parcel.key, reason) for parcel, reason in setup.outbox.dead_letters] == [("a1", "422: no")]


def test_attempts_end_where_the_configuration_says_so_and_else_never() -> None:
    setup = Setup(lambda _: Retry("busy"), RetrySettings(first_seconds=1, most_seconds=1, attempts=3)).add("a1")
    for _ in range(5):
        setup.sender.step()
        setup.clock.advance(2)
    assert [reason for _, reason in setup.outbox.dead_letters] == ["busy (attempt 3, the last)"]
    assert setup.destination.tried == ["a1"] * 3


def test_a_problem_is_logged_once_and_gone_with_the_next_success(caplog: pytest.LogCaptureFixture) -> None:
    outcomes: list[Outcome] = [Retry("busy"), Retry("busy"), Delivered()]
    setup = Setup(lambda _: outcomes.pop(0)).add("a1")
    for _ in range(3):
        setup.sender.step()
        setup.clock.advance(60)
    assert [record.getMessage() for record in caplog.records] == ["there: busy"]
    assert setup.sender.problem is None


def test_a_mistake_in_a_destination_is_a_failed_attempt() -> None:
    def fail(parcel: Parcel) -> Outcome:
        raise KeyError(parcel.key)

    setup = Setup(fail).add("a1")
    setup.sender.step()
    assert setup.sender.problem == "'a1'"
    assert len(list(setup.outbox.waiting())) == 1


def test_a_store_that_fails_is_told_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup(lambda _: Delivered()).add("a1")

    def full(*_: object) -> list[Parcel]:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(setup.outbox, "pending", full)
        assert setup.sender.step() > 0
    assert setup.sender.problem == "the disk is full"
    setup.sender.step()
    assert setup.taken() == ["a1"]
    assert setup.sender.problem is None


def test_a_destination_is_called_when_it_wishes() -> None:
    setup = Setup(lambda _: Delivered())
    setup.destination.wish = 0.05
    assert setup.sender.step() == 0.05
    setup.sender.close()
    assert setup.destination.closed


def test_a_destination_that_fails_between_parcels_is_told_and_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup(lambda _: Delivered()).add("a1")
    ticks = iter([0.1, OSError("the pin is gone"), 0.1, 0.1])

    def tick() -> float:
        said = next(ticks)
        if isinstance(said, OSError):
            raise said
        return said

    monkeypatch.setattr(setup.destination, "tick", tick)
    assert setup.sender.step() > 0
    assert setup.sender.problem == "the pin is gone"
    assert setup.sender.step() == 0.1
    assert setup.taken() == ["a1"]


def test_what_is_in_a_hurry_goes_first_and_once_whatever_becomes_of_it() -> None:
    setup = Setup(lambda parcel: Retry("busy") if parcel.key == "now" else Delivered()).add("a1")
    setup.sender.hurry(Parcel(0, "there", "now", "a", {}, None, 0))
    setup.sender.step()
    setup.sender.step()
    assert setup.destination.tried == ["now", "a1"]
    assert setup.taken() == ["a1"]


def test_a_program_that_ends_waits_for_no_further_batch_and_the_rest_stays() -> None:
    setup = Setup(lambda _: setup.sender.stop() or Delivered(), batch=2).add("a1", "a2", "a3", "b1")
    setup.sender.step()
    assert setup.destination.tried == ["a1", "a2"]
    assert [parcel.key for parcel in setup.outbox.waiting()] == ["a3", "b1"]
