"""Who has a device, for the message that it is busy: 'python3 (process 812)' tells more than 'busy'."""

from __future__ import annotations

import os
from pathlib import Path

_MOST = 3


def holders(*prefixes: str, proc: Path = Path("/proc")) -> str:
    """The processes that have a device open, as far as this user may see them.

    Args:
        prefixes: what the paths of the devices begin with.
        proc: the process file system.

    Returns:
        " by python3 (process 812)", or "" if none can be seen.

    """
    found: list[str] = []
    for folder in proc.glob("[0-9]*"):
        if folder.name != str(os.getpid()) and _has(folder, prefixes):
            try:
                name = (folder / "comm").read_text("utf-8", "replace").strip()
            except OSError:
                continue  # it has ended meanwhile
            found.append(f"{name} (process {folder.name})")
    return f" by {', '.join(sorted(found)[:_MOST])}" if found else ""


def _has(folder: Path, prefixes: tuple[str, ...]) -> bool:
    try:
        return any(str(link.readlink()).startswith(prefixes) for link in (folder / "fd").iterdir())
    except OSError:
        return False  # of another user, or ended
