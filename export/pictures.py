"""Pictures beside a model card: how a training went, and whether confidences keep their word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from export.scoring import Calibration

mpl.rcParams["svg.hashsalt"] = "edge-ocr"  # the same curves give the same file


def draw_curves(log: Path, picture: Path) -> None:
    """Exact texts, greedy, of all that was measured, and the loss, over the strips seen.

    Args:
        log: lines of JSON with 'strips', 'minutes', 'loss' and a share for whatever was measured; older lines may lack
            the loss, or what was not measured yet.
        picture: the SVG to write.

    """
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in dict.fromkeys(key for row in rows for key in row if key not in {"minutes", "strips", "loss"}):
        axes.plot(*_points(rows, name), label=name)
    axes.set(xlabel="thousand strips", ylabel="exact texts, greedy, float", ylim=(0, 1))
    axes.grid(alpha=0.3)
    if any("loss" in row for row in rows):
        beside = axes.twinx()
        beside.plot(*_points(rows, "loss"), label="loss", color="grey", linestyle="--")
        beside.set(ylabel="loss in nats a character, dashed", yscale="log")
    if axes.lines:
        axes.legend(fontsize="small")
    save_figure(figure, picture)


def _points(rows: Sequence[Mapping[str, float]], name: str) -> tuple[list[float], list[float]]:
    there = [row for row in rows if name in row]
    return [row["strips"] / 1000 for row in there], [row[name] for row in there]


def draw_reliability(results: Mapping[str, Calibration], picture: Path) -> None:
    """Share of right texts over confidence, a line a folder; the area of a point is its number of texts."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    for name, result in results.items():
        counts, means, shares = zip(*result.bins, strict=True)
        (line,) = axes.plot(means, shares, linewidth=1, label=f"{name} (error {result.error:.1%})")
        axes.scatter(means, shares, s=[2 * count for count in counts], alpha=0.4, color=line.get_color())
    axes.set(xlabel="confidence", ylabel="share of exact texts", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    save_figure(figure, picture)


def save_figure(figure: Figure, picture: Path) -> None:
    """Write an SVG, the same bytes for the same figure."""
    figure.savefig(picture, format="svg", metadata={"Date": None})
