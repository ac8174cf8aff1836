"""The pages of the site: those that people write, and those that the code writes; `make docs` runs it.

    python docs/pages.py out/docs

Reference pages come from the parsers, settings and docstrings themselves, figures from the files that the measuring
commands write. Nothing of that is kept in the repository, so it cannot be older than the code.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import edge_ocr
from edge_ocr import config
from edge_ocr.cli import _parser
from edge_ocr.health import COUNTERS, GAUGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "docs" / "measured"
_REPOSITORY = "https://github.com/edge-ocr/edge-ocr/blob/main"


def commands(parser: argparse.ArgumentParser | None = None) -> Iterator[argparse.ArgumentParser]:
    """Every command of the program that does something, those of groups included."""
    parser = parser or _parser()
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 -- argparse has no public way to walk its commands
    if not groups:
        yield parser
    for group in groups:
        for command in group.choices.values():
            yield from commands(command)


def options(command: argparse.ArgumentParser) -> list[argparse.Action]:
    """What can be said to a command, help left out."""
    return [action for action in command._actions if action.dest != "help"]  # noqa: SLF001 -- likewise


def options_page() -> str:
    """Every command with every option."""
    lines = ["# Every command and option", "", "Written by the parsers of the program itself.", ""]
    for command in commands():
        lines += [
            f"## {command.prog}",
            "",
            f"{_sentence(command.description or '')}",
            "",
            "| option | meaning |",
            "|---|---|",
        ]
        for action in options(command):
            name = ", ".join(action.option_strings) or action.metavar or action.dest
            value = f" {_shown(action)}" if action.option_strings and action.nargs != 0 else ""
            choices = f" ({', '.join(map(str, action.choices))})" if action.choices and not action.metavar else ""
            lines.append(f"| `{name}{value}` | {_cell((action.help or '') + choices)} |")
        lines.append("")
    return "\n".join(lines)


def _shown(action: argparse.Action) -> str:
    return str(action.metavar or action.dest.upper())


def keys(settings: Any = None, path: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Every key of a configuration: path, type with limits or choices, default, and meaning."""
    settings = config.Settings() if settings is None else settings
    said = attributes(type(settings))
    for item in dataclasses.fields(settings):
        place, value = f"{path}{item.name}", getattr(settings, item.name)
        if dataclasses.is_dataclass(value):
            yield from keys(value, f"{place}.")
            continue
        tables = _table_of(item)
        if tables is not None:
            yield from keys(tables(), f"{place}[].")
            continue
        yield place, _kind(item), _default(value), said.get(item.name, "")


def _table_of(item: dataclasses.Field[Any]) -> type | None:
    """The class of an array of tables such as [[camera]]."""
    named = re.fullmatch(r"tuple\[(\w+Settings), \.\.\.\]", str(item.type))
    return getattr(config, named[1], None) if named else None


def _kind(item: dataclasses.Field[Any]) -> str:
    kind = str(item.type).removesuffix(" | None")
    if "limits" in item.metadata:
        least, most = item.metadata["limits"]
        return f"{kind}, {least:g} to {most:g}"
    if "choices" in item.metadata:
        return " or ".join(f'"{choice}"' for choice in item.metadata["choices"])
    return kind


def _default(value: object) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_default(part) for part in value) + "]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'


def attributes(owner: type) -> dict[str, str]:
    """What a class says of its fields under ``Attributes:``."""
    text = inspect.cleandoc(owner.__doc__ or "")
    _, _, listed = text.partition("Attributes:")
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", listed, re.MULTILINE)
    return {name: " ".join(said.split()) for name, said in found}


def settings_page() -> str:
    """Every key of the configuration."""
    lines = [
        "# Every setting",
        "",
        "Written by the classes that check the file. A key `a.b` stands in table `[a]`, a key",
        "",
    ]
    lines[2] += " `a[].b` in each table `[[a]]`."
    lines += ["| key | what it takes | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{key}` | {_cell(kind)} | {_cell(default)} | {_cell(said)} |" for key, kind, default, said in keys()]
    return "\n".join(lines) + "\n"


def python_page() -> str:
    """Every public name."""
    lines = ["# The Python interface", "", "Every name of `edge_ocr`, by its own docstring.", ""]
    for name in edge_ocr.__all__:
        thing = getattr(edge_ocr, name)
        text = inspect.getdoc(thing) if inspect.isclass(thing) or inspect.isfunction(thing) else None
        shown = f"{name}{inspect.signature(thing)}" if inspect.isfunction(thing) else name
        lines += [f"## {name}", "", f"```text\n{shown}\n\n{text or 'A type alias.'}\n```", ""]
    return "\n".join(lines)


def figures_page() -> str:
    """Every figure for Prometheus."""
    lines = ["# Every figure", "", "As `/metrics` tells them, with the help text that stands beside each.", ""]
    lines += ["| figure | kind | meaning |", "|---|---|---|"]
    lines += [f"| `edge_ocr_{name}_total` | counter | {_cell(said)} |" for name, said in COUNTERS.items()]
    lines += [f"| `edge_ocr_{name}` | gauge | {_cell(said)} |" for name, said in GAUGES.items()]
    return "\n".join(lines) + "\n"


def performance_page() -> str:
    """What was measured: `edge-ocr bench --json` and `make count-arm64` wrote the files."""
    rows = measured("bench-x86")
    (peaks,) = (row for row in rows if "int8_gmacs" in row)
    lines = ["# Performance", "", "CPU time of one core of an x86-64 server, as `edge-ocr bench --json` wrote it.", ""]
    lines += ["## Stages", "", "| stage | ms |", "|---|---:|"]
    lines += [f"| {row['stage']} | {row['ms']:.2f} |" for row in rows if "stage" in row]
    lines += ["", "## Models under their roof", ""]
    rates = f"{peaks['int8_gmacs']:.0f} int8 and {peaks['float32_gmacs']:.0f} float32 billion multiply-adds a second"
    lines += [
        f"That core does {rates} in one large product, and copies {peaks['copy_gbytes']:.1f} GB/s.",
        "",
        "| model | million MAC | MB moved | ms | roof, ms | share | bound by |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {row['model']} | {row['macs']:.1f} | {row['mbytes']:.2f} | {row['ms']:.2f} | {row['roof_ms']:.3f} | "
        f"{row['share']:.0%} | {row['bound']} |"
        for row in rows
        if "share" in row
    ]
    lines += ["", "## As something grows", ""]
    for grows, unit in (("frame", "megapixels"), ("plates", "plates a frame"), ("cameras", "cameras")):
        points = [(row["size"], row["ms"]) for row in rows if row.get("grows") == grows]
        lines += [f"Milliseconds a frame over {unit}:", "", curve(points, unit), ""]
    counts = json.loads((ROOT / "tests/arm64/instructions.json").read_text("utf-8"))
    lines += [
        "## On a Raspberry Pi",
        "",
        "Million instructions for a photograph of 1280x720 with its plates (`make count-arm64`):",
        "",
    ]
    stages = list(next(iter(counts.values())))
    lines += [f"| processor | {' | '.join(stages)} |", f"|---|{'---:|' * len(stages)}"]
    for machine, told in counts.items():
        lines.append(f"| {machine.split()[-1]} | {' | '.join(f'{told[stage] / 1000:.0f}' for stage in stages)} |")
    return "\n".join(lines) + "\n"


def comparison_page() -> str:
    """What people wrote of peers, and what was measured beside them."""
    rows, pictures = measured("bench-x86"), measured("peers")
    lines = [(ROOT / "docs" / "comparison.md").read_text("utf-8"), "### Whole photographs", ""]
    lines += ["| photograph | reader | ms | MB resident | texts |", "|---|---|---:|---:|---|"]
    lines += [
        f"| {row['picture']} | {row['reader']} | {row['milliseconds']:.0f} | {row['megabytes']:.0f} | "
        f"{_cell(', '.join(row['texts']))} |"
        for row in pictures
    ]
    lines += ["", "### The recogniser's network", "", "| network | ms |", "|---|---:|"]
    lines += [f"| {row['model']}, int8 in LiteRT | {row['ms']:.2f} |" for row in rows if row.get("model") == "plate"]
    lines += [f"| {row['stage']} | {row['ms']:.2f} |" for row in rows if "onnxruntime" in row.get("stage", "")]
    lines += ["", "### Decoders", "", "As beam 200: the share of texts that a search with a beam of 200 finds.", ""]
    lines += ["| decoder | setting | µs a sequence | as beam 200 |", "|---|---|---:|---:|"]
    lines += [
        f"| {row['decoder']} | {row['setting']} | {row['single_us']:.1f} | {row['same']:.1%} |"
        for row in rows
        if "decoder" in row
    ]
    return "\n".join(lines) + "\n"


def measured(name: str) -> list[dict[str, Any]]:
    """The rows of a file that a measuring command wrote."""
    return [json.loads(line) for line in (MEASURED / f"{name}.jsonl").read_text("utf-8").splitlines()]


def curve(points: Sequence[tuple[float, float]], unit: str) -> str:
    """A line through points, as SVG in the page; each point says its figures when pointed at."""
    width, height, edge = 560, 220, 40
    right, top = max(x for x, _ in points) or 1, max(y for _, y in points) or 1
    places = [
        (edge + x / right * (width - 2 * edge), height - edge - y / top * (height - 2 * edge), x, y) for x, y in points
    ]
    dots = "".join(
        f'<circle cx="{px:.0f}" cy="{py:.0f}" r="4" fill="currentColor"><title>{x:g}: {y:.1f} ms</title></circle>'
        f'<text x="{px:.0f}" y="{py - 9:.0f}" font-size="11" text-anchor="middle" fill="currentColor">{y:.1f}</text>'
        for px, py, x, y in places
    )
    path = " ".join(f"{px:.0f},{py:.0f}" for px, py, _, _ in places)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="milliseconds over {unit}" width="100%">'
        f'<polyline points="{path}" fill="none" stroke="currentColor" stroke-width="2"/>{dots}'
        f'<line x1="{edge}" y1="{height - edge}" x2="{width - edge}" y2="{height - edge}" stroke="currentColor"/>'
        f'<text x="{width - edge}" y="{height - 12}" font-size="12" text-anchor="end" fill="currentColor">'
        f"{unit}, to {right:g}</text>"
        "</svg>"
    )


def accuracy_page() -> str:
    """What each bundle's card says, measured by the commands that it names."""
    lines = [
        "# Accuracy",
        "",
        "From the `model.toml` of each bundle, which the measuring commands of `export` write.",
        "",
    ]
    for card in sorted((ROOT / "edge_ocr" / "models").glob("*/model.toml")):
        said = tomllib.loads(card.read_text("utf-8")).get("accuracy", {})
        sets = {name: value for name, value in said.items() if isinstance(value, dict)}
        figures = sorted({key for value in sets.values() for key, one in value.items() if isinstance(one, int | float)})
        if not figures:
            continue
        lines += [
            f"## {card.parent.name}",
            "",
            f"| pictures | {' | '.join(figures)} |",
            f"|---|{'---:|' * len(figures)}",
        ]
        for name, value in sets.items():
            cells = [f"{value[key]:g}" if isinstance(value.get(key), int | float) else "" for key in figures]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


PAGES = {
    "reference/options.md": options_page,
    "reference/settings.md": settings_page,
    "reference/python.md": python_page,
    "reference/figures.md": figures_page,
    "performance.md": performance_page,
    "accuracy.md": accuracy_page,
    "comparison.md": comparison_page,
}
"""What the code writes, by its place in the site."""


def build(folder: Path) -> None:
    """Put every page into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        ROOT / "docs", folder, ignore=shutil.ignore_patterns("*.py", "mkdocs.yml", "__pycache__", "measured")
    )
    (folder / "index.md").write_text((ROOT / "README.md").read_text("utf-8").replace("](docs/", "]("), "utf-8")
    for name, write in PAGES.items():
        (folder / name).write_text(write(), "utf-8")
    for page in folder.rglob("*.md"):
        page.write_text(outward(page.read_text("utf-8"), page.relative_to(folder)), "utf-8")


def outward(text: str, place: Path) -> str:
    """Links to files that are no part of the site lead to the repository instead."""

    def lead(found: re.Match[str]) -> str:
        target = (ROOT / "docs" / place.parent / found[1]).resolve()
        if place == Path("index.md") and not target.exists():  # the README stands a folder higher
            target = (ROOT / found[1]).resolve()
        inside = target.is_relative_to(ROOT / "docs") and "measured" not in target.parts
        if inside or not target.is_relative_to(ROOT) or not target.exists():
            return found[0]
        return f"]({_REPOSITORY}/{target.relative_to(ROOT)})"

    return re.sub(r"\]\(((?!https?:|#|mailto:)[^)#\s]+)\)", lead, text)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
