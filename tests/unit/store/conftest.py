"""A store to try things on, with a clock that moves when told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from stored import WALL

from edge_ocr.clock import FakeClock
from edge_ocr.store import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(mono=100.0, wall=WALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "new" / "store"


@pytest.fixture
def store(folder: Path, clock: FakeClock) -> Iterator[Database]:
    with Database.open(folder, clock) as database:
        yield database
