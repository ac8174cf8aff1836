"""Curves and reliability diagrams are drawn, and are the same for the same figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from export.pictures import draw_curves, draw_reliability
from export.scoring import calibration

if TYPE_CHECKING:
    from pathlib import Path


def test_curves_name_every_folder_and_repeat_themselves(tmp_path: Path) -> None:
    rows = [{"minutes": n, "strips": 1000 * n, "plates_a": n / 10, "plates_b": n / 20} for n in range(1, 6)]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    for name in ("one.svg", "two.svg"):
        draw_curves(tmp_path / "log.jsonl", tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text("utf-8")
    assert "plates_a" in drawn
    assert "plates_b" in drawn
    assert drawn == (tmp_path / "two.svg").read_text("utf-8")


def test_the_loss_is_drawn_from_where_a_log_has_it(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    old: dict[str, float] = {"minutes": 1, "strips": 1000, "plates_a": 0.1}
    new = {"minutes": 2, "strips": 2000, "loss": 0.5, "held_back_renders": 0.2, "plates_a": 0.3}
    log.write_text(json.dumps(old) + "\n", encoding="utf-8")
    draw_curves(log, tmp_path / "old.svg")
    assert "loss" not in (tmp_path / "old.svg").read_text("utf-8")
    log.write_text(json.dumps(old) + "\n" + json.dumps(new) + "\n", encoding="utf-8")
    draw_curves(log, tmp_path / "new.svg")
    drawn = (tmp_path / "new.svg").read_text("utf-8")
    assert "loss in nats" in drawn
    assert "held_back_renders" in drawn


def test_a_reliability_diagram_states_each_error(tmp_path: Path) -> None:
    result = calibration([0.75] * 4 + [0.95] * 2, [True, True, True, False, True, True])
    draw_reliability({"plates_a": result}, tmp_path / "reliability.svg")
    assert f"error {result.error:.1%}" in (tmp_path / "reliability.svg").read_text("utf-8")
