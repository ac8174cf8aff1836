"""What is distributed: a source that builds, and the same small wheel from it wherever it is built."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEGABYTES = 12
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
ENVIRONMENT = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "PYTHONDONTWRITEBYTECODE": "1"}
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def build(what: str, source: Path, to: Path) -> Path:
    """A source distribution or a wheel, by the backend itself: no isolation, so no network."""
    to.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, what, str(to)],
        cwd=source,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = to.iterdir()
    return made


def known() -> set[str]:
    """The files of the project: those that git has, or in an unpacked archive all but what was made there since."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return {name for name in listed.split("\0") if (ROOT / name).is_file()}
    made = re.compile(r"\.venv|(build|dist|out)$|.*\.egg-info$|\.\w+_cache$|\.hypothesis$|\.git$")
    paths = [path for top in ROOT.iterdir() if not made.match(top.name) for path in (top, *top.rglob("*"))]
    names = {str(path.relative_to(ROOT)) for path in paths if path.is_file()}
    return {name for name in names if "__pycache__" not in name and not name.endswith((".so", ".pyc"))}


def copied(to: Path) -> Path:
    """The project as it is now: a build in its own folder would leave things there."""
    for name in known():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_bytes((ROOT / name).read_bytes())
    return to


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    folder = tmp_path_factory.mktemp("source")
    return build("build_sdist", copied(folder / "checkout"), folder / "dist")


def unpacked(source: Path, to: Path) -> Path:
    """The one folder in a source distribution."""
    with tarfile.open(source) as archive:
        archive.extractall(to)  # noqa: S202 -- made a moment ago
    (folder,) = to.iterdir()
    return folder


@pytest.fixture(scope="module")
def wheels(source: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two, made of the source distribution in two places."""
    folder = tmp_path_factory.mktemp("wheels")
    return [
        build("build_wheel", unpacked(source, folder / name), folder / f"{name}-dist")
        for name in ("here", "somewhere-else")
    ]


def test_two_builds_give_the_same_bytes(wheels: list[Path]) -> None:
    one, other = (hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels)
    assert one == other


def test_the_wheel_is_small_and_serves_every_python(wheels: list[Path]) -> None:
    assert wheels[0].stat().st_size <= MEGABYTES * 1e6
    assert wheels[0].name.split("-")[2:4] == ["cp311", "abi3"]


def test_the_wheel_holds_all_that_the_program_needs(wheels: list[Path]) -> None:
    with zipfile.ZipFile(wheels[0]) as archive:
        names = set(archive.namelist())
        kernel = next(name for name in names if name.startswith("edge_ocr/ctc/_kernel") and name.endswith(".so"))
        assert b"debug_info" not in archive.read(kernel)
    kept = (".py", ".pyi", ".sql", ".toml", ".npz", ".typed", ".tflite", ".html", ".css", ".js", ".jpg")
    source = (".onnx", ".c", ".jsonl", "notes.toml")  # of models and kernel: the cards repeat the notes
    wanted = {name for name in known() if name.startswith("edge_ocr/") and name.endswith(kept)}
    wanted -= {name for name in wanted if name.endswith(source)}
    assert wanted <= names, sorted(wanted - names)
    (information,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    assert {f"{information}/licenses/{name}" for name in ("LICENSE", "NOTICE")} <= names
    assert not [name for name in names if name.endswith(source)]
    assert {name.split("/")[0] for name in names} == {"edge_ocr", information}


def test_the_wheel_says_what_it_is(wheels: list[Path]) -> None:
    with zipfile.ZipFile(wheels[0]) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        said = Parser().parsestr(archive.read(name).decode("utf-8"))
    assert said["Name"] == SETTINGS["project"]["name"]
    assert said["Version"] == SETTINGS["project"]["version"]
    assert said["License-Expression"] == "Apache-2.0"
    assert set(said.get_all("License-File", [])) == {"LICENSE", "NOTICE"}
    assert "edge-ocr" in said.get_payload()


def test_the_source_can_be_tested_and_installed_on_a_device(source: Path) -> None:
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "Makefile",
        "CHANGELOG.md",
        "LICENSE",
        ".ci/locks/test.txt",
        "docs/samples/street.jpg",
        "edge_ocr/ctc/_kernel.c",
        "firmware_configs/install.sh",
        "firmware_configs/systemd/edge-ocr.service",
        "tests/arm64/emulate.py",
        "tests/unit/test_wheel.py",
    } <= names
    assert not [name for name in names if name.endswith((".so", ".pyc"))]


def test_wheels_are_made_for_every_architecture_of_the_boards() -> None:
    made = SETTINGS["tool"]["cibuildwheel"]
    architectures = {name.partition("manylinux_")[2] for name in made["build"]}
    assert architectures == set(made["linux"]["archs"]) == {"x86_64", "aarch64", "armv7l"}


def test_the_bill_of_materials_is_of_the_versions_that_are_tested() -> None:
    run, tested = (pins(ROOT / f".ci/locks/{name}.txt") for name in ("run", "test"))
    assert run <= tested


def pins(lock: Path) -> set[str]:
    """Packages with their versions."""
    return {line.partition(";")[0].strip() for line in lock.read_text("utf-8").splitlines()}
