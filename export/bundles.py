"""Write a bundle: the converted model behind its gates, its float master, and the card that says what it is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import tomli_w

from edge_ocr.bundle import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.types import Kind


def write(
    folder: Path, model: bytes, *, task: str, kind: Kind, settings: dict[str, Any], card: dict[str, dict[str, Any]]
) -> None:
    """Write model.tflite and model.toml into a folder that may hold an older bundle.

    Args:
        folder: of the bundle.
        model: the bytes of the .tflite file.
        task: 'recognise' or 'detect'.
        kind: what it reads or finds.
        settings: what the runtime needs to know, the table named after the task.
        card: the other tables: training, accuracy, licence.

    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(model)
    head = {"format": FORMAT, "task": task, "kind": kind.value}
    digest = hashlib.sha256(model).hexdigest()
    table = {**head, "model": {"file": "model.tflite", "bytes": len(model), "sha256": digest}, task: settings, **card}
    (folder / "model.toml").write_text(tomli_w.dumps(table), encoding="utf-8")
