"""What the trials gave: a JSON file that grows trial by trial, a table in the docs made from it, the epoch curve."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from export.pictures import save_figure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BEGIN, END = "<!-- experiments: made by `python -m export experiments mnist` -->", "<!-- /experiments -->"
"""Between these two lines of the docs page stands the table."""

TITLES = {
    "svc": ("linear SVC", 0.918),
    "mlp": ("MLP, 784-512-10", 0.9817),
    "rnn": ("RNN, 128 units, 28 rows", 0.9757),
    "lstm": ("LSTM, 128 units, 28 rows", 0.9846),
    "lstm-varied": ("the same LSTM, digits varied", 0.9846),
    "ram": ("RAM, 7 glimpses of 8x8", 0.9893),
    "dram": ("DRAM, pairs of digits, 6 glimpses", 0.95),
    "crnn": ("this project's CRNN, CTC, digits varied", None),
}
"""What each trial is called, and the share of right digits (of DRAM: pairs) that its paper reports, if one does."""


@dataclass(frozen=True, slots=True)
class Row:
    """One trial's results.

    Attributes:
        trial: its name.
        seed: of weights and choices.
        epochs: how often the training set was seen.
        curve: what was read after each epoch, by what is read.
        parameters: of the network.
        multiplications: multiply-adds for one digit.
        seconds: processor time of the training.
        int8: what the int8 file reads, by what is read; empty where none was made.
        size: of the int8 file, bytes.
        milliseconds: of the int8 file for one digit on one core.

    """

    trial: str
    seed: int
    epochs: int
    curve: list[dict[str, float]]
    parameters: int
    multiplications: int
    seconds: float
    int8: dict[str, float]
    size: int | None = None
    milliseconds: float | None = None


def load(path: Path) -> dict[str, Row]:
    """The rows that a report holds so far, by trial."""
    if not path.is_file():
        return {}
    rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return {row["trial"]: Row(**row) for row in rows}


def store(path: Path, row: Row) -> dict[str, Row]:
    """Write a row into a report, in the place of an older one of its trial; gives all rows in the table's order."""
    rows = load(path) | {row.trial: row}
    ordered = {name: rows[name] for name in TITLES if name in rows}
    path.write_text(json.dumps([asdict(item) for item in ordered.values()], indent=1) + "\n", encoding="utf-8")
    return ordered


def table(rows: Mapping[str, Row]) -> str:
    """The rows as Markdown."""
    titles = [
        "network",
        "paper",
        "here",
        "int8",
        "strings of 5 (int8)",
        "weights",
        "multiply-adds",
        "int8 file",
        "a digit",
        "training",
    ]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in rows.values():
        title, paper = TITLES[row.trial]
        last = row.curve[-1]
        cells = [
            title,
            "" if paper is None else f"{paper:.2%}",
            next((f"{last[what]:.2%}" for what in ("digits", "pairs") if what in last), ""),
            f"{row.int8['digits']:.2%}" if "digits" in row.int8 else "",
            f"{row.int8['strings']:.1%}" if "strings" in row.int8 else "",
            f"{row.parameters:,}",
            f"{row.multiplications / 1e6:.2f} M",
            "" if row.size is None else f"{row.size / 1000:.0f} kB",
            "" if row.milliseconds is None else f"{row.milliseconds:.2f} ms",
            f"{row.epochs} epoch{'s' * (row.epochs > 1)}, {row.seconds / 60:.1f} min",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def into_page(page: str, rows: Mapping[str, Row]) -> str:
    """A docs page with the table between its two marks brought up to date.

    Raises:
        ValueError: the page lacks the marks.

    """
    head, mark, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"the page has no place for the table: put {BEGIN!r} and {END!r} on lines of their own")
    return f"{head}{BEGIN}\n\n{table(rows)}\n\n{END}{tail}"


def draw(rows: Mapping[str, Row], picture: Path) -> None:
    """The share of digits read wrong after each epoch, a line a trial, as an SVG."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for row in rows.values():
        wrong = [1 - epoch["digits"] for epoch in row.curve if "digits" in epoch]
        if wrong:
            axes.plot(range(1, len(wrong) + 1), wrong, label=TITLES[row.trial][0])
    axes.set(xlabel="epoch", ylabel="test digits read wrong", yscale="log")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize="small")
    save_figure(figure, picture)
