"""Small files of JSON: replaced as a whole, and nobody else's to read, since most of them hold secrets."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from edge_ocr.errors import ConfigError, StoreError, printable

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path, empty: dict[str, Any]) -> dict[str, Any]:
    """What a file holds; ``empty`` where there is none.

    Raises:
        ConfigError: it cannot be read, or holds something else.

    """
    try:
        held = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return empty
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is damaged"
        cure = "restore it from a copy, or remove it to begin anew"
        raise ConfigError(f"{printable(path)}: cannot be read ({cause}); {cure}") from error
    if not isinstance(held, dict) or not set(empty) <= set(held):
        raise ConfigError(f"{printable(path)}: holds something else than it should; remove it to begin anew")
    return held


def write(path: Path, held: dict[str, Any], *, mode: int = 0o600) -> None:
    """Replace a file, all or nothing, for good; its folder is made if missing.

    Raises:
        StoreError: it cannot be written; the old one is still there then.

    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 -- of a descriptor
            json.dump(held, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(f"{printable(path)}: cannot be written ({error.strerror}); make room, or see to it") from error
