"""How the machine itself is: heat, power, memory and disk, as its kernel and firmware tell."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from edge_ocr.firmware import firmware

THROTTLED = {
    0: "under-voltage now",
    1: "frequency capped now",
    2: "throttled now",
    3: "too hot now",
    16: "under-voltage since boot",
    17: "frequency capped since boot",
    18: "throttled since boot",
    19: "too hot since boot",
}
"""The bits of a Raspberry Pi's get_throttled."""

_NOW = 0xF


@dataclass(frozen=True, slots=True)
class Machine:
    """One look at the machine; None stands for what it does not tell.

    Attributes:
        temperature: degrees Celsius, of the hottest zone.
        throttled: bits, see :data:`THROTTLED`.
        memory_total: bytes.
        memory_available: bytes that programs could still have.
        cma_free: bytes left for camera buffers.
        resident: bytes of this process.
        disk_total: bytes of the file system in question.
        disk_free: bytes that anybody may still write there.

    """

    temperature: float | None
    throttled: int | None
    memory_total: int | None
    memory_available: int | None
    cma_free: int | None
    resident: int | None
    disk_total: int | None
    disk_free: int | None

    @property
    def throttled_now(self) -> tuple[str, ...]:
        """What slows the machine down at this moment."""
        return meanings((self.throttled or 0) & _NOW)


def look(folder: Path, root: Path = Path("/")) -> Machine:
    """Look at everything.

    Args:
        folder: on the file system in question; a missing one counts as its nearest parent that exists.
        root: where ``proc`` and ``sys`` are looked for.

    """
    sizes = memory(root)
    pages = text(root / "proc/self/statm").split()
    disk = _disk(folder)
    return Machine(
        temperature=temperature(root),
        throttled=throttled(root),
        memory_total=sizes.get("MemTotal"),
        memory_available=sizes.get("MemAvailable"),
        cma_free=sizes.get("CmaFree"),
        resident=int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if len(pages) > 1 else None,
        disk_total=disk[0] if disk else None,
        disk_free=disk[1] if disk else None,
    )


def meanings(bits: int) -> tuple[str, ...]:
    """What the firmware's bits say, in words."""
    return tuple(meaning for bit, meaning in THROTTLED.items() if bits >> bit & 1)


def temperature(root: Path = Path("/")) -> float | None:
    """Degrees Celsius of the hottest zone, None where there is none."""
    zones = map(text, (root / "sys/class/thermal").glob("thermal_zone*/temp"))
    degrees = [int(said) / 1000 for said in zones if said.strip().lstrip("-").isdecimal()]
    return max(degrees, default=None)


def heat(root: Path = Path("/")) -> tuple[float | None, bool]:
    """The temperature, and whether the firmware slows the board down right now, for heat or for want of power."""
    return temperature(root), bool((throttled(root) or 0) & _NOW)


def throttled(root: Path = Path("/")) -> int | None:
    """The firmware's bits, None on other machines."""
    return firmware(root).throttled()


def memory(root: Path = Path("/")) -> dict[str, int]:
    """Bytes by the names of /proc/meminfo."""
    lines = (line.partition(":") for line in text(root / "proc/meminfo").splitlines())
    values = {name: value.split() for name, _, value in lines}
    return {name: int(value[0]) * 1024 for name, value in values.items() if value and value[0].isdecimal()}


def text(path: Path) -> str:
    """What a file of the kernel says; nothing where the machine has no such file."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _disk(folder: Path) -> tuple[int, int] | None:
    for place in (folder, *folder.absolute().parents):
        try:
            usage = shutil.disk_usage(place)
        except OSError:
            continue
        return usage.total, usage.free
    return None
