"""Which release of the program runs: names in one folder, each changed by a single rename.

    ROOT/releases/NAME/   a whole release: venv/, perhaps models/, and release.toml
    ROOT/current          a link to the release that is known to work
    ROOT/trial            a link to one that has still to prove itself; there only while it does
    ROOT/trial.starts     how often that one was started
    ROOT/refused          a link to the one that was taken back last, so that it is not tried again

A release appears under ``releases`` whole or not at all, is offered by a rename of ``trial``, and accepted by a rename
of ``trial`` over ``current``. Whenever the power goes, a restart finds the old release or the new one. A trial that was
started three times without being accepted is taken back.

This file needs nothing but Python: the installer copies it beside the releases, so that no release, however broken, can
break what replaces it. As a program: ``slots.py ROOT begin|start|confirm|roll-back|status``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_STARTS = 3
"""Of a trial. A crash may be chance, and a power cut is not the release's fault; three in a row are no chance."""

_SYSTEMCTL = "/usr/bin/systemctl"
_STEP_SECONDS = 2.0


def current(root: Path) -> Path | None:
    """The folder of the release that is known to work; None before the first one."""
    return _whole(root / "current")


def trial(root: Path) -> Path | None:
    """The folder of the release on trial, if there is one."""
    return _whole(root / "trial")


def refused(root: Path) -> Path | None:
    """The folder of the release that was taken back last; None once a later one was accepted."""
    return _whole(root / "refused")


def offer(root: Path, name: str) -> None:
    """Let the next start try a release that lies whole under ``releases``.

    Raises:
        ValueError: no such release is there.

    """
    if not (root / "releases" / name / "release.toml").is_file():
        raise ValueError(f"name is {name!r}, but no such release is whole under {root / 'releases'}")
    with suppress(FileNotFoundError):  # first, or the new one would start with the count of one before
        (root / "trial.starts").unlink()
    _link(root, "current" if current(root) is None else "trial", name)


def begin(root: Path) -> Path:
    """The release to start now; counts the starts of one on trial, and takes it back after too many.

    Raises:
        FileNotFoundError: there is none.

    """
    tried = trial(root)
    if tried is None and (root / "trial").is_symlink():
        roll_back(root)  # it points nowhere
    if tried is not None:
        starts = _starts(root)
        if starts < MOST_STARTS:
            _write(root / "trial.starts", str(starts + 1))
            return tried
        roll_back(root)
    known = current(root)
    if known is None:
        raise FileNotFoundError(f"{root}: no release is installed; run the installer again")
    return known


def confirm(root: Path) -> bool:
    """Accept the release on trial; whether there was one."""
    if trial(root) is None:
        return False
    os.rename(root / "trial", root / "current")  # noqa: PTH104 -- Path.rename would follow nothing either, but says less
    _sync(root)
    for name in ("trial.starts", "refused"):
        with suppress(FileNotFoundError):
            (root / name).unlink()
    return True


def roll_back(root: Path) -> bool:
    """Take the release on trial back, for good; whether there was one."""
    try:
        os.rename(root / "trial", root / "refused")  # noqa: PTH104 -- likewise
    except FileNotFoundError:
        return False
    _sync(root)
    with suppress(FileNotFoundError):
        (root / "trial.starts").unlink()
    return True


def prove(
    root: Path,
    seconds: float,
    well: Callable[[], bool],
    reads: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Watch a trial for a while, then accept it, or take it back as soon as it is not well.

    Args:
        root: of the releases.
        seconds: how long it must be well.
        well: whether it is, now.
        reads: whether it did what it is for meanwhile; asked once, at the end.
        sleep: waits.

    Returns:
        True if it was accepted, there is none, or another one took its place, whose own start has it proven; False if
        it was taken back.

    """
    tried = trial(root)
    if tried is None:
        return True
    for _ in range(max(1, round(seconds / _STEP_SECONDS))):
        sleep(_STEP_SECONDS)
        if trial(root) != tried:
            return True
        if not well():
            roll_back(root)
            return False
    if not reads():
        roll_back(root)
        return False
    return confirm(root)


def _whole(link: Path) -> Path | None:
    """What a link points to, if that is a release."""
    return link.resolve() if link.is_symlink() and (link / "release.toml").is_file() else None


def _starts(root: Path) -> int:
    """How often the trial was started; a count that cannot be read is one that was not finished."""
    try:
        return int((root / "trial.starts").read_text("ascii"))
    except (OSError, ValueError):
        return 0


def _link(root: Path, name: str, release: str) -> None:
    """Make or replace a link in one step."""
    part = root / f".{name}.part"
    with suppress(FileNotFoundError):
        part.unlink()
    part.symlink_to(Path("releases") / release)
    part.replace(root / name)
    _sync(root)


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Make a rename in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _start(root: Path, words: Sequence[str]) -> None:
    """Become the program; a release on trial that cannot even be started is taken back at once.

    Counting the starts is `begin`'s, which the service runs before, with the right to write here that it lacks itself.
    """
    while True:
        release = trial(root) or begin(root)
        models = release / "models"
        environment = {**os.environ, **({"EDGE_OCR_MODELS": str(models)} if models.is_dir() else {})}
        python = str(release / "venv" / "bin" / "python")
        try:
            os.execve(python, [python, "-m", "edge_ocr", *words], environment)  # noqa: S606 -- a program without a shell is the point
        except OSError as error:
            if not roll_back(root):
                raise
            sys.stderr.write(f"edge-ocr: {release.name} cannot be started ({error.strerror}); it was taken back\n")


def _watch_unit(unit: str, health: str | None) -> Callable[[], bool]:
    """Asks whether a systemd unit is up, has not been restarted since, and says of itself that it is well."""
    first = _unit(unit)[1]

    def well() -> bool:
        active, restarts = _unit(unit)
        return active and restarts == first and (health is None or _is_green(health))

    return well


def _watch_frames(file: Path | None) -> Callable[[], bool]:
    """Asks whether the service has been through frames since; without a file, nobody knows."""
    first = _frames(file) if file else 0
    return lambda: file is None or _frames(file) > first


def _frames(file: Path) -> int:
    """As the service counts them; 0 where it does not, or not yet."""
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return 0


def _unit(unit: str) -> tuple[bool, str]:
    said = subprocess.run(  # noqa: S603 -- a unit's name is one argument, whatever is in it
        [_SYSTEMCTL, "show", "--property=ActiveState,NRestarts", unit],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    ).stdout
    shown = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    return shown.get("ActiveState") == "active", shown.get("NRestarts", "")


def _is_green(url: str) -> bool:
    """Whether an address of this machine answers with a status of success."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 -- an address that the operator gave
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def main(words: Sequence[str]) -> int:
    """Run one command; the exit code."""
    parser = argparse.ArgumentParser(prog="edge-ocr-release", description="Which release of edge-ocr runs.")
    parser.add_argument("root", type=Path, help="the folder of the releases")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("begin", help="count a start of a trial, and take it back after too many")
    start = commands.add_parser("start", help="become the release that is to run, on trial or not")
    start.add_argument("words", nargs=argparse.REMAINDER, help="arguments of edge-ocr")
    proof = commands.add_parser("confirm", help="watch a trial, then accept it or take it back")
    proof.add_argument("--unit", default="edge-ocr.service", help="the service that runs it")
    proof.add_argument("--seconds", type=float, default=120.0, help="how long it must be well (default 120)")
    proof.add_argument("--health", help="an address that must answer 200 meanwhile")
    proof.add_argument("--frames", type=Path, help="a file with the service's count of frames, which must rise")
    commands.add_parser("roll-back", help="take a trial back")
    commands.add_parser("status", help="say which release is current, and which on trial")
    args = parser.parse_args(words)
    if args.command == "begin":
        begin(args.root)
    if args.command == "start":
        _start(args.root, args.words)
    if args.command == "confirm" and trial(args.root) is not None:
        well = prove(args.root, args.seconds, _watch_unit(args.unit, args.health), _watch_frames(args.frames))
        if not well:
            sys.stderr.write("edge-ocr: the release on trial was not well, or no frame was read; it was taken back\n")
            restart = [_SYSTEMCTL, "--no-block", "restart", args.unit]
            subprocess.run(restart, timeout=30, check=False)  # noqa: S603 -- likewise
        return 0 if well else 1
    if args.command == "roll-back":
        roll_back(args.root)
    if args.command == "status":
        for name, release in (("current", current(args.root)), ("trial", trial(args.root))):
            sys.stdout.write(f"{name}: {release.name if release else 'none'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
