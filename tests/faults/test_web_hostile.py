"""Whoever means harm, for some seconds; `make fuzz-web` takes ten thousand requests of the same kinds."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

import hostile


def test_nobody_gets_data_or_an_effect_who_should_not() -> None:
    outcome = hostile.attack(400, seed=7, slowly=0)
    assert outcome.faults == []
    tried = {name.partition(":")[0] for name in outcome.results}
    assert tried == {kind.__name__ for kind, _ in hostile.KINDS}
