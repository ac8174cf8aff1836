"""The ring of tracks that did not become an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from stored import an_attempt

from edge_ocr.config import StoreSettings
from edge_ocr.store import Database

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.clock import FakeClock


def test_attempts_are_a_ring(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock, StoreSettings(attempts=3)) as store:
        for number in range(5):
            store.miss(an_attempt(f"reason {number}", clock))
        found = store.attempts.latest(10)
    assert [row["reason"] for row in found] == ["reason 4", "reason 3", "reason 2"]
    assert (found[0]["camera"], found[0]["text"], found[0]["reads"]) == ("gate", "AB1", 7)
    assert cv2.imdecode(np.frombuffer(found[0]["jpeg"], np.uint8), cv2.IMREAD_COLOR).shape == (16, 240, 3)


def test_a_smaller_ring_forgets_what_was_beyond_it(folder: Path, clock: FakeClock) -> None:
    for size in (5, 2):
        with Database.open(folder, clock, StoreSettings(attempts=size)) as store:
            for number in range(5):
                store.miss(an_attempt(f"{size}/{number}", clock))
            assert len(store.attempts.latest(10)) == size


def test_a_ring_of_none_keeps_none(folder: Path, clock: FakeClock) -> None:
    with Database.open(folder, clock, StoreSettings(attempts=0)) as store:
        store.miss(an_attempt("short", clock))
        assert store.attempts.latest(10) == []
