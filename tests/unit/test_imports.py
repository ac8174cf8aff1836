"""The house has one direction: this walks every import in the tree and fails on an arrow that is not drawn here."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import edge_ocr
from edge_ocr import _ELSEWHERE
from edge_ocr.engine import _INTERPRETERS

ROOT = Path(__file__).parents[2]

COMMON = {"types", "errors", "clock", "config", "tables", "checks", "contradictions"}
"""The ground floor: every module may stand on it, and it stands on nothing but itself."""

ARROWS: dict[str, set[str]] = {
    "types": set(),
    "errors": set(),
    "clock": set(),
    "config": set(),
    "checks": set(),
    "contradictions": set(),
    "tables": set(),
    "keyfile": set(),
    "lists": set(),
    "logs": set(),
    "firmware": set(),
    "machine": {"firmware"},
    "heap": set(),
    "health": {"machine"},
    "decide": {"lists"},
    "privacy": {"keyfile", "lists"},
    "publish": {"keyfile"},
    "posts": {"health", "publish", "store"},
    "engine": set(),
    "bundle": set(),
    "automata": set(),
    "patterns": {"automata"},
    "regions": {"automata", "patterns"},
    "grammar": {"automata", "regions"},
    "ctc": set(),
    "detect": {"engine", "bundle", "rectify"},
    "join": set(),
    "rectify": set(),
    "preprocess": {"band"},
    "recognise": {"engine", "bundle", "preprocess"},
    "vote": {"ctc", "grammar"},
    "gate": set(),
    "zones": set(),
    "track": set(),
    "lines": {"rectify"},
    "band": {"lines"},
    "blocks": {"lines"},
    "signs": set(),
    "words": {"grammar"},
    "vocabulary": {"grammar", "words"},
    "decode": {"ctc", "grammar"},
    "spaces": {"lines"},
    "sight": {"blocks", "decode", "grammar", "join", "lines", "preprocess", "recognise", "rectify"},
    "reader": {
        "heap",
        "decode",
        "detect",
        "join",
        "recognise",
        "sight",
        "spaces",
        "grammar",
        "words",
        "vocabulary",
        "bundle",
        "vote",
    },
    "lately": {"vote", "grammar"},
    "jsonfile": set(),
    "drawn": {"jsonfile", "zones"},
    "live": {"labels", "privacy"},
    "labels": set(),
    "web": {"decide", "drawn", "health", "heap", "jsonfile", "lists", "live", "privacy", "store", "zones"},
    "judge": {"reader", "track", "vote", "lately", "grammar"},
    "pipeline": {"gate", "zones", "reader", "track", "judge", "vote", "detect", "grammar", "bundle"},
    "camera": set(),
    "store": set(),
    "annotate": {"labels"},
    "arguments": set(),
    "output": {"signs"},
    "compat": {"bundle", "camera", "detect", "grammar", "reader", "recognise", "signs", "vocabulary", "words"},
    "notify": set(),
    "pace": set(),
    "source": {"camera"},
    "desk": {"lists", "decide", "privacy", "health"},
    "runtime": {"pipeline", "source", "pace", "desk", "zones", "drawn", "store", "posts", "health", "machine"},
    "worker": {"pipeline", "source", "pace", "health", "live"},
    "crew": {"worker", "pipeline", "reader", "pace", "zones", "health", "machine", "live"},
    "service": {
        *(
            "crew",
            "pipeline",
            "judge",
            "reader",
            "desk",
            "drawn",
            "heap",
            "store",
            "posts",
            "health",
            "notify",
            "live",
            "web",
        ),
    },
    "bench": {"ctc", "grammar", "reader", "roofline", "growth"},
    "roofline": {"bundle", "engine"},
    "growth": {"pipeline", "reader"},
    "doctor": {"engine", "bundle", "reader", "ctc", "machine"},
    "update": set(),
    "upkeep": {"lists", "privacy", "publish", "store"},
    "cli": {
        "signs",
        "words",
        "arguments",
        "logs",
        "lists",
        "privacy",
        "upkeep",
        "update",
        "runtime",
        "service",
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
    "paho": "publish",
    "gpiozero": "publish",
    "tornado": "web",
    "argon2": "web",
    "minisign": "update",
    "picamera2": "camera",
    "libcamera": "camera",
}
"""Packages that one module alone imports."""

PEERS = {"onnxruntime", "fast_ctc_decode", "flashlight", "pyctcdecode"}
"""Packages that bench measures against where they happen to be installed."""

INDIRECT = {"bench": "_installed", "doctor": "_library"}
"""Functions that import the module that their last argument names, by the module that has them."""

COMPUTED: dict[tuple[str, str], set[str]] = {
    ("__init__", "f'{__name__}.{home}'"): {f"edge_ocr.{room}" for room in ("errors", "types", *_ELSEWHERE.values())},
    ("engine", "f'{package}.interpreter'"): set(_INTERPRETERS),
    ("engine", "package"): set(_INTERPRETERS),
    ("bench", "module"): set(),
    ("doctor", "module"): set(),
}
"""The only arguments of import_module that are no plain string, by module, and what they can come to."""

EXTRAS = {"paho", "gpiozero", "minisign", "picamera2", "libcamera"}
"""Packages of the extras in pyproject.toml: imported when a configuration asks for them, and never before."""


def module_of(path: Path) -> str:
    """The room of a file: its first part below the package."""
    first = path.relative_to(ROOT / "edge_ocr").parts[0]
    return first.removesuffix(".py")


def imported(source: str, room: str) -> set[str]:
    """Every dotted name that a source imports, wherever the statement stands; strings of import_module included.

    Args:
        source: Python.
        room: the module that it belongs to.

    Raises:
        AssertionError: it imports in a way that hides what is imported.

    """
    names: set[str] = set()
    tree = ast.parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = {id(call.func) for call in calls}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            bound = [alias.name for alias in node.names if alias.name.startswith("edge_ocr.") and not alias.asname]
            assert not bound, f"{room}: 'import {bound[0]}' binds the whole package; import from the module"
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{room}: relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
            renamed = [alias for alias in node.names if alias.name == "import_module" and alias.asname]
            assert not renamed, f"{room}: import_module under another name"
        elif _name(node) in {"import_module", "__import__"}:
            assert id(node) in called, f"{room}: {ast.unparse(node)} is handed on instead of called"
    for call in calls:
        if _name(call.func) in {"import_module", "__import__", INDIRECT.get(room)}:
            names |= _named(call, room)
    assert "edge_ocr" not in names, f"{room}: the package itself gives everything away; import from its modules"
    return names


def _name(node: ast.AST) -> str:
    """The last part of a name: both of import_module and of importlib.import_module."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _named(call: ast.Call, room: str) -> set[str]:
    """What a call of import_module imports."""
    assert call.args, f"{room}: {ast.unparse(call)} names no module by position"
    assert not call.keywords, f"{room}: {ast.unparse(call)} is relative"
    argument = call.args[-1]
    if isinstance(argument, ast.Constant):
        return {str(argument.value)}
    key = (room, ast.unparse(argument))
    assert key in COMPUTED, f"{room}: {ast.unparse(call)} hides what it imports; write the module's name"
    return COMPUTED[key]


def rooms(names: set[str]) -> set[str]:
    """The modules of edge_ocr among dotted names; a public name of the package counts as the module it comes from."""
    return {_room(name.split(".")[1]) for name in names if name.startswith("edge_ocr.")}


def _room(name: str) -> str:
    if (ROOT / "edge_ocr" / name).is_dir() or (ROOT / "edge_ocr" / f"{name}.py").is_file():
        return name
    assert name in edge_ocr.__all__, f"edge_ocr.{name} is neither a module nor a public name"
    return _ELSEWHERE.get(name) or ("errors" if name.endswith("Error") else "types")


def forbidden(source: str, room: str) -> set[str]:
    """The modules of edge_ocr that a source of a room imports against the arrows."""
    return rooms(imported(source, room)) - ARROWS[room] - COMMON - {room}


def roots(path: Path) -> set[str]:
    """The packages that a file imports from."""
    return {name.split(".")[0] for name in imported(path.read_text("utf-8"), module_of(path))}


FILES = sorted((ROOT / "edge_ocr").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_the_design_draws(path: Path) -> None:
    room = module_of(path)
    assert room in ARROWS, f"draw the arrows of the new module {room} here and in docs/design/architecture.md"
    wrong = forbidden(path.read_text("utf-8"), room)
    assert not wrong, f"{room} must not import {', '.join(sorted(wrong))}"


def test_the_ground_floor_stands_on_itself() -> None:
    for room in COMMON:
        reached = rooms(imported((ROOT / "edge_ocr" / f"{room}.py").read_text("utf-8"), room))
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
    training = {"export", "tests", "torch", "tensorflow", "onnx", "onnxruntime", "PIL", "matplotlib"}
    assert not roots(path) & (training - (PEERS if module_of(path) == "bench" else set()))


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_that_is_hard_to_replace_has_one_door(package: str) -> None:
    assert {module_of(path) for path in FILES if package in roots(path)} == {ONLY_IN[package]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_runtime_imports_only_its_declared_dependencies(path: Path) -> None:
    declared = {"edge_ocr", "numpy", "cv2", *ONLY_IN} | (PEERS if module_of(path) == "bench" else set())
    foreign = roots(path) - declared - set(sys.stdlib_module_names)
    assert not foreign, f"{', '.join(sorted(foreign))} is not a dependency of the runtime"


@pytest.mark.parametrize(
    ("room", "source", "reached"),
    [
        ("rectify", "from edge_ocr import Reader", {"reader"}),
        ("rectify", "from edge_ocr import reader", {"reader"}),
        ("rectify", "import edge_ocr.reader as r", {"reader"}),
        ("track", "def late():\n    from edge_ocr.vote import fuse", {"vote"}),
        ("track", "if TYPE_CHECKING:\n    from edge_ocr import Settings, watch", {"runtime"}),
        ("vote", "import_module('edge_ocr.cli')", {"cli"}),
        ("vote", "importlib.import_module('edge_ocr.ctc.reference')", set()),
        ("types", "from edge_ocr import BundleError, Quad", set()),
        ("detect", "__import__('edge_ocr.recognise')", {"recognise"}),
        ("doctor", "_library('camera', 'edge_ocr.camera')", {"camera"}),
    ],
)
def test_an_arrow_is_seen_however_it_is_written(room: str, source: str, reached: set[str]) -> None:
    assert forbidden(source, room) == reached


@pytest.mark.parametrize(
    "source",
    [
        "import edge_ocr",
        "import edge_ocr as e",
        "import_module('edge_ocr')",
        "import edge_ocr.reader",
        "from . import reader",
        "from edge_ocr import *",
        "from edge_ocr import nothing_of_the_kind",
        "import_module(f'{package}.interpreter')",
        "importlib.import_module(name)",
        "import_module(name='edge_ocr.reader')",
        "import_module('.reader', package='edge_ocr')",
        "load = importlib.import_module",
        "from importlib import import_module as load",
    ],
)
def test_an_import_that_hides_what_it_reaches_is_refused(source: str) -> None:
    with pytest.raises(AssertionError):
        forbidden(source, "join")


def test_every_computed_import_that_is_allowed_is_there() -> None:
    found = {
        (module_of(path), ast.unparse(call.args[-1]))
        for path in FILES
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and _name(call.func) == "import_module"
        and not isinstance(call.args[-1], ast.Constant)
    }
    assert found == set(COMPUTED)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_extra_is_imported_only_when_it_is_asked_for(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    statements = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}
    assert not [statement for statement in statements if any(f" {extra}" in statement for extra in EXTRAS)]
