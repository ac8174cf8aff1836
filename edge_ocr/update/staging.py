"""A checked archive into a whole release beside the one that runs.

A release of the program has an environment of its own, made of hard links to the files of the current one with the new
wheels installed over them: that costs the space of what changed, and pip replaces files instead of writing into them.
A release of bundles alone shares the environment by a link. Before a release gets its name it must read a frame.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tomllib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from edge_ocr.errors import UpdateError, printable
from edge_ocr.update import archive as archives
from edge_ocr.update import slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_ocr.update.archive import Manifest

SIGNATURE = "update.minisig"
"""Of the update that made a release, in its folder."""

_INSTALL_SECONDS = 1800.0  # a Pi Zero 2 W with a slow card takes minutes
_CHECK_SECONDS = 180.0


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Keep other updates out, as long as the ``with`` block lasts and this process lives.

    Raises:
        UpdateError: another update is under way, or the folder cannot be written.

    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".lock").open("w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError as error:
        raise UpdateError(f"{printable(root)}: another update is under way; wait for its end") from error


def serial_of(release: Path | None) -> int:
    """The serial of a release; 0 for none, and for one that the installer made."""
    if release is None:
        return 0
    try:
        return int(tomllib.loads((release / "release.toml").read_text("utf-8")).get("serial", 0))
    except (OSError, ValueError):
        return 0


def stage(
    root: Path,
    archive: Path,
    manifest: Manifest,
    signature: bytes = b"",
    *,
    install: Callable[[Path, list[Path]], None] | None = None,
    check: Callable[[Path], None] | None = None,
) -> Path:
    """Make a release of an archive; on trial from the next start.

    Args:
        root: of the releases.
        archive: whose signature is good.
        manifest: its own.
        signature: its own, by which it will be known again.
        install: puts wheels into an environment; pip unless told otherwise.
        check: raises UpdateError where a release does not work; ``doctor`` in it, unless told otherwise.

    Returns:
        The folder of the release.

    Raises:
        UpdateError: it is not newer than what runs, is damaged, or does not work here. Nothing was changed.

    """
    running, tried = slots.current(root), slots.trial(root)
    newest = max(serial_of(running), serial_of(tried))
    if manifest.serial <= newest:
        said = f"its serial {manifest.serial} is not above {newest}, which is installed"
        raise UpdateError(f"{printable(archive)}: {said}; nothing is to be done")
    if manifest.serial == serial_of(slots.refused(root)):
        cure = f"make a newer one, or remove {printable(root / 'refused')} to try it again"
        raise UpdateError(f"{printable(archive)}: {manifest.name} was tried and taken back; {cure}")
    folder = root / "releases" / manifest.name
    if folder.resolve() in _in_use(root):  # what is there must outlive a trial that fails
        raise UpdateError(f"{printable(archive)}: {manifest.name} is the name of a release in use; give it another")
    part = root / "releases" / f".{manifest.name}.part"
    try:
        _fill(part, running, archive, manifest, install or _pip)
        (part / SIGNATURE).write_bytes(signature)
        (check or _doctor)(part)
        _settle(part)
        if folder.exists():
            _remove(folder)
        part.rename(folder)
        slots.offer(root, manifest.name)
    except OSError as error:
        where = printable(error.filename or part)
        raise UpdateError(f"{where}: cannot be written ({error.strerror or error}); make room and try again") from error
    finally:
        _remove(part)
    return folder


def tidy(root: Path) -> None:
    """Remove what no start will ever want: halves of releases, and all but the ones in use and the one before."""
    releases = root / "releases"
    releases.mkdir(parents=True, exist_ok=True)
    kept = _in_use(root)
    others = sorted((path for path in releases.iterdir() if path.resolve() not in kept), key=serial_of)
    whole = [path for path in others if path.name[0] != "." and (path / "release.toml").is_file()]
    kept |= {path.resolve() for path in whole[-1:]}
    kept |= {(path / "venv").resolve().parent for path in kept}  # whose environments are shared
    for path in others:
        if path.resolve() not in kept:
            _remove(path)


def _in_use(root: Path) -> set[Path]:
    """The releases that links point to, and those whose environments they share."""
    found = (slots.current(root), slots.trial(root), slots.refused(root))
    folders = {folder for folder in found if folder is not None}
    return folders | {(folder / "venv").resolve().parent for folder in folders}


def _fill(
    part: Path,
    running: Path | None,
    archive: Path,
    manifest: Manifest,
    install: Callable[[Path, list[Path]], None],
) -> None:
    part.mkdir(parents=True)
    archives.unpack(archive, manifest, part)
    wheels = sorted((part / "wheels").glob("*.whl"))
    if running is None:
        raise UpdateError(f"{printable(part.parent.parent)}: no release is installed to update; run the installer")
    environment = (running / "venv").resolve()
    if wheels:
        shutil.copytree(environment, part / "venv", symlinks=True, copy_function=os.link)
        install(part / "venv", wheels)
        shutil.rmtree(part / "wheels")
    else:
        (part / "venv").symlink_to(os.path.relpath(environment, part))
        if (running / "models").is_dir():  # bundles that this update does not bring stay as they are
            for bundle in (running / "models").iterdir():
                if not (part / "models" / bundle.name).exists():
                    shutil.copytree(bundle, part / "models" / bundle.name)
    (part / "release.toml").write_text(manifest.text, "utf-8")


def _pip(environment: Path, wheels: list[Path]) -> None:
    python = environment / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
    install = ["install", "--quiet", "--no-index", "--no-deps", "--force-reinstall", *map(str, wheels)]
    for step in (install, ["check"]):
        done = _run([*pip, *step], _INSTALL_SECONDS)
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())[-300:]
            raise UpdateError(f"{wheels[0].name}: cannot be installed ({said}); have the archive made for this machine")


def _doctor(release: Path) -> None:
    python = str(release / "venv" / "bin" / "python")
    done = _run([python, "-m", "edge_ocr", "doctor", "--json"], _CHECK_SECONDS, models=release / "models")
    if done.returncode:
        said = " ".join((_lacking(done.stdout) or done.stderr).split())[-300:]
        raise UpdateError(f"{release.name}: cannot read a frame on this machine ({said}); nothing was changed")


def _lacking(findings: str) -> str:
    """What a doctor's findings, JSON lines, say of what reading needs and is missing; '' if they say nothing."""
    for line in findings.splitlines():
        with suppress(ValueError, KeyError, TypeError):  # whatever a release that does not work prints
            finding = json.loads(line)
            if finding["needed"] and finding["status"] == "missing":
                return f"{finding['name']}: {finding['found']}"
    return ""


def _run(command: list[str], seconds: float, models: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if models is not None and models.is_dir():
        environment["EDGE_OCR_MODELS"] = str(models)
    try:
        return subprocess.run(  # noqa: S603 -- the release's own interpreter, and paths that the manifest's check let pass
            command, capture_output=True, text=True, timeout=seconds, check=False, env=environment, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise UpdateError(f"{command[0]}: took longer than {seconds:g} s; nothing was changed, try again") from error


def _settle(folder: Path) -> None:
    """Have everything on the disk before the folder gets its name; one call costs less than one for each file."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.sync()


def _remove(path: Path) -> None:
    """A folder, so that no half of it ever looks whole: its release.toml goes first."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        (path / "release.toml").unlink(missing_ok=True)
        shutil.rmtree(path)
