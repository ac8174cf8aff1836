"""The house has one direction: this walks every import in the tree and fails on an arrow that is not drawn here."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

COMMON = {"types", "errors", "clock", "config", "tables"}
"""The ground floor: every module may stand on it, and it stands on nothing but itself."""

ARROWS: dict[str, set[str]] = {
    "types": set(),
    "errors": set(),
    "clock": set(),
    "config": set(),
    "tables": set(),
    "keyfile": set(),
    "lists": set(),
    "logs": set(),
    "machine": set(),
    "health": {"machine"},
    "decide": {"lists"},
    "privacy": {"keyfile", "lists"},
    "publish": {"keyfile"},
    "engine": set(),
    "bundle": set(),
    "automata": set(),
    "patterns": {"automata"},
    "regions": {"automata", "patterns"},
    "grammar": {"automata", "regions"},
    "ctc": set(),
    "detect": {"engine", "bundle"},
    "rectify": set(),
    "recognise": {"engine", "bundle"},
    "vote": {"ctc", "grammar"},
    "track": set(),
    "reader": {"detect", "rectify", "recognise", "ctc", "grammar", "bundle", "vote"},
    "pipeline": {"reader", "track", "vote", "detect", "grammar", "bundle"},
    "camera": set(),
    "store": set(),
    "annotate": set(),
    "output": set(),
    "runtime": {"pipeline", "camera", "store", "lists", "decide", "privacy", "publish", "health"},
    "bench": {"ctc", "grammar", "reader"},
    "doctor": {"engine", "bundle", "reader", "ctc", "machine"},
    "upkeep": {"lists", "privacy", "publish", "store"},
    "cli": {
        "logs",
        "lists",
        "privacy",
        "upkeep",
        "runtime",
        "reader",
        "camera",
        "annotate",
        "output",
        "doctor",
        "bench",
        "store",
    },
    "__main__": {"cli"},
    "__init__": {"bundle", "grammar", "reader", "runtime"},
}
"""Which modules of edge_ocr each one may import besides COMMON, the arrows of docs/design/architecture.md."""

ONLY_IN = {
    "ai_edge_litert": "engine",
    "tflite_runtime": "engine",
    "interegular": "patterns",
    "picamera2": "camera",
    "paho": "publish",
    "gpiozero": "publish",
}
"""Packages that one module alone may import."""

EXTRAS = {"paho", "gpiozero"}
"""Packages of the extras in pyproject.toml: imported when a configuration asks for them, and never before."""


def module_of(path: Path) -> str:
    """The room of a file: its first part below the package."""
    first = path.relative_to(ROOT / "edge_ocr").parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Every dotted name that a file imports, wherever the statement stands; strings of import_module included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            argument = node.args[0]
            if isinstance(argument, ast.Constant):
                names.add(str(argument.value))
    return names


def rooms(names: set[str]) -> set[str]:
    """The modules of edge_ocr among dotted names."""
    parts = [name.split(".") for name in names if name.startswith("edge_ocr.")]
    return {part[1] for part in parts}


FILES = sorted((ROOT / "edge_ocr").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_the_design_draws(path: Path) -> None:
    room = module_of(path)
    assert room in ARROWS, f"draw the arrows of the new module {room} here and in docs/design/architecture.md"
    reached = {name for name in rooms(imported(path)) if (ROOT / "edge_ocr" / name).exists() or name in ARROWS}
    wrong = reached - ARROWS[room] - COMMON - {room}
    assert not wrong, f"{room} must not import {', '.join(sorted(wrong))}"


def test_the_ground_floor_stands_on_itself() -> None:
    for room in COMMON:
        reached = rooms(imported(ROOT / "edge_ocr" / f"{room}.py"))
        assert reached <= COMMON, f"{room} must not import {', '.join(sorted(reached - COMMON))}"


def test_the_arrows_run_one_way() -> None:
    settled: set[str] = set()
    while len(settled) < len(ARROWS):
        free = {room for room, targets in ARROWS.items() if room not in settled and targets <= settled}
        assert free, f"a circle among {', '.join(sorted(set(ARROWS) - settled))}"
        settled |= free


def test_every_arrow_that_is_drawn_has_a_module_at_its_end() -> None:
    have = {module_of(path) for path in FILES}
    drawn = set(ARROWS) | {target for targets in ARROWS.values() for target in targets}
    assert drawn <= have, f"no such module: {', '.join(sorted(drawn - have))}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_runtime_never_imports_training_or_its_libraries(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & {"export", "tests", "torch", "tensorflow", "onnx", "onnxruntime", "PIL", "matplotlib"}


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_that_is_hard_to_replace_has_one_door(package: str) -> None:
    doors = {module_of(path) for path in FILES if package in {name.split(".")[0] for name in imported(path)}}
    assert doors <= {ONLY_IN[package]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_runtime_imports_only_its_declared_dependencies(path: Path) -> None:
    declared = {"edge_ocr", "numpy", "cv2", "interegular", *EXTRAS}
    roots = {name.split(".")[0] for name in imported(path)}
    foreign = roots - declared - set(sys.stdlib_module_names)
    assert not foreign, f"{', '.join(sorted(foreign))} is not a dependency of the runtime"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_extra_is_imported_only_when_it_is_asked_for(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    statements = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}
    assert not [statement for statement in statements if any(f" {extra}" in statement for extra in EXTRAS)]
