"""What this machine has and lacks for reading plates: one finding a line, and what to do where something is missing."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_ocr import bundle, clock, engine, machine
from edge_ocr.errors import EdgeOcrError, SourceError
from edge_ocr.types import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_ocr.bundle import Bundle

_MIB = 1 << 20
_HOT = 80.0  # degrees Celsius at which a Raspberry Pi starts to slow down
_LEAST_MEMORY = 256 * _MIB  # the runtime needs half, the system the rest
_LEAST_DISK = 256 * _MIB
_SAMPLE, _SAMPLE_TEXT = Path(__file__).with_name("sample.jpg"), "1CFV575"  # drawn by export/synthetic/scenes.py


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination.

    Attributes:
        name: what was looked at.
        ok: whether it is as it should be.
        needed: whether nothing can be read without it.
        found: what is there.
        cure: what to do where it is not ok.

    """

    name: str
    ok: bool
    needed: bool
    found: str
    cure: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding as `doctor --json` prints it."""
        return {
            "name": self.name,
            "status": "ok" if self.ok else "missing",
            "needed": self.needed,
            "found": self.found,
            "cure": self.cure or None,
        }


def examine(root: Path = Path("/")) -> list[Finding]:
    """Look at everything.

    Args:
        root: where ``proc``, ``sys`` and ``dev`` are looked for.

    """
    return [
        Finding("python", ok=True, needed=True, found=f"{platform.python_version()} on {platform.machine()}"),
        _library("numpy", "numpy"),
        _library("opencv", "cv2"),
        _interpreter(),
        _kernel(),
        *_bundles(),
        _processor(root),
        _memory(root),
        _disk(),
        _clock(),
        _heat(root),
        *_power(root),
        *_cameras(root),
        _trial(),
    ]


def can_read(findings: list[Finding]) -> bool:
    """Whether everything that reading needs is there."""
    return all(finding.ok for finding in findings if finding.needed)


def report(findings: list[Finding]) -> list[tuple[str, bool]]:
    """The findings as lines for people, each with whether it is ok."""
    widest = max(len(finding.name) for finding in findings)
    return [(_line(finding, widest), finding.ok) for finding in findings]


def _line(finding: Finding, width: int) -> str:
    status = "ok     " if finding.ok else "missing"
    cure = f"; {finding.cure}" if finding.cure and not finding.ok else ""
    return f"{status}  {finding.name.ljust(width)}  {finding.found}{cure}"


def _library(name: str, module: str) -> Finding:
    try:
        found = str(importlib.import_module(module).__version__)
    except ImportError as error:
        return Finding(
            name, ok=False, needed=True, found=str(error), cure="run 'pip install --force-reinstall edge-ocr'"
        )
    return Finding(name, ok=True, needed=True, found=found)


def _interpreter() -> Finding:
    try:
        return Finding("interpreter", ok=True, needed=True, found=engine.interpreter_name())
    except EdgeOcrError as error:
        found, _, cure = str(error).partition("; ")
        return Finding("interpreter", ok=False, needed=True, found=found, cure=cure)
    except ImportError as error:
        return Finding("interpreter", ok=False, needed=True, found=str(error), cure="install what it lacks")


def _kernel() -> Finding:
    try:
        kernel = importlib.import_module("edge_ocr.ctc._kernel")
    except ImportError as error:
        cure = "install a C compiler and run 'pip install --force-reinstall edge-ocr'"
        return Finding("ctc kernel", ok=False, needed=True, found=str(error), cure=cure)
    return Finding("ctc kernel", ok=True, needed=True, found=Path(str(kernel.__file__)).name)


def _bundles() -> Iterator[Finding]:
    for kind in Kind:
        for task in ("recognise", "detect"):
            name = f"{kind} {'recogniser' if task == 'recognise' else 'detector'}"
            try:
                shipped = bundle.shipped_bundle(kind, task=task)
            except EdgeOcrError as error:
                if kind is Kind.PLATE:  # other kinds may be missing without anything being wrong
                    found, _, cure = str(error).partition("; ")
                    yield Finding(name, ok=False, needed=True, found=found, cure=cure)
                continue
            size = f"{len(shipped.model) / 1024:.0f} KiB"
            yield Finding(name, ok=True, needed=True, found=", ".join([size, *_accuracy(shipped)]))


def _accuracy(shipped: Bundle) -> list[str]:
    """The one figure of each set of photographs that tells most about a bundle."""
    telling = ("with_formats", "as_it_ships", "free", "recall")  # of plates, words (now and once), boxes: one a set
    sets = [(name, said) for name, said in shipped.card.get("accuracy", {}).items() if isinstance(said, dict)]
    return [f"{name} {said[figure]:.0%}" for name, said in sets for figure in telling if figure in said]


def _processor(root: Path) -> Finding:
    model = machine.text(root / "proc/device-tree/model").strip("\0\n")
    lines = machine.text(root / "proc/cpuinfo").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    found = model or (names[0] if names else platform.machine())
    return Finding("processor", ok=True, needed=False, found=f"{found}, {len(os.sched_getaffinity(0))} cores usable")


def _memory(root: Path) -> Finding:
    sizes = machine.memory(root)
    total, free = sizes.get("MemTotal", 0), sizes.get("MemAvailable", 0)
    found = f"{free // _MIB} of {total // _MIB} MiB available"
    return Finding("memory", ok=free >= _LEAST_MEMORY, needed=False, found=found, cure="stop other programs")


def _disk() -> Finding:
    usage = shutil.disk_usage(Path.cwd())
    found = f"{usage.free // _MIB} of {usage.total // _MIB} MiB free here"
    return Finding(
        "disk", ok=usage.free >= _LEAST_DISK, needed=False, found=found, cure="make room, or store elsewhere"
    )


def _clock() -> Finding:
    if clock.synchronised():
        return Finding("clock", ok=True, needed=False, found="synchronised")
    cure = "run 'timedatectl set-ntp true', or events carry times that may be wrong"
    return Finding("clock", ok=False, needed=False, found="not synchronised", cure=cure)


def _heat(root: Path) -> Finding:
    hottest = machine.temperature(root)
    if hottest is None:
        return Finding("temperature", ok=True, needed=False, found="this machine does not tell")
    cure = "add a heat sink or a fan"
    return Finding("temperature", ok=hottest < _HOT, needed=False, found=f"{hottest:.0f} degrees Celsius", cure=cure)


def _power(root: Path) -> Iterator[Finding]:
    """What a Raspberry Pi's firmware tells about its supply and its speed; nothing on other machines."""
    bits = machine.throttled(root)
    if bits is None:
        return
    found = ", ".join(machine.meanings(bits)) or "never throttled"
    yield Finding("power", ok=not bits, needed=False, found=found, cure="use a stronger supply or a shorter cable")


def _cameras(root: Path) -> Iterator[Finding]:
    devices = sorted(path.name for path in (root / "dev").glob("video*"))
    found = ", ".join(f"/dev/{name}" for name in devices) or "no /dev/video*"
    yield Finding("cameras", ok=bool(devices), needed=False, found=found, cure="plug one in; recordings work without")
    there = importlib.util.find_spec("picamera2") is not None
    cure = "on a Raspberry Pi run 'apt install python3-picamera2'"
    yield Finding("picamera2", ok=there, needed=False, found="importable" if there else "not installed", cure=cure)


def _trial() -> Finding:
    """Reading for real, a picture whose plate is known: the proof that the parts above fit together."""
    try:
        cv2, reader = importlib.import_module("cv2"), importlib.import_module("edge_ocr.reader")
        picture = cv2.imread(str(_SAMPLE))
        if picture is None:
            raise SourceError(f"{_SAMPLE}: is missing or damaged; run 'pip install --force-reinstall edge-ocr'")
        watch = reader.Stopwatch()
        texts = [reading.text for reading in reader.Reader().read(picture, stopwatch=watch)]
    except (EdgeOcrError, ImportError) as error:
        return Finding("reading", ok=False, needed=True, found=str(error), cure="cure what is missing above")
    ms = sum(watch.ms.values())
    if texts != [_SAMPLE_TEXT]:
        found = f"{' '.join(texts) or 'nothing'} where {_SAMPLE_TEXT} is written"
        cure = "install bundles that read it, or go back to those before"
        return Finding("reading", ok=False, needed=True, found=found, cure=cure)
    return Finding("reading", ok=True, needed=True, found=f"{_SAMPLE_TEXT} as it should, in {ms:.0f} ms")
