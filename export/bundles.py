"""Write a bundle: the converted model behind its gates, its float master, and the card that says what it is.

What people found out about a model, and how its training went, stands in ``notes.toml`` beside the card: the tables
``[training]``, ``[weaknesses]`` and, of other scripts, ``[licence]``, which every packing takes into the card. No
packing writes that file.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from typing import TYPE_CHECKING, Any

import tomli_w

from edge_ocr.bundle import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.types import Kind

    Tables = dict[str, dict[str, Any]]

NOTES = "notes.toml"
_NOTED = {"training", "weaknesses", "licence"}
_MADE = ("model.onnx", "model.tflite", "model.toml", "reliability.svg", "training.jsonl", "training.svg")


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
        card: the other tables: training, accuracy, weaknesses, licence.

    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(model)
    head = {"format": FORMAT, "task": task, "kind": kind.value}
    digest = hashlib.sha256(model).hexdigest()
    table = {**head, "model": {"file": "model.tflite", "bytes": len(model), "sha256": digest}, task: settings, **card}
    (folder / "model.toml").write_text(tomli_w.dumps(table), encoding="utf-8")


def replace(draft: Path, folder: Path) -> None:
    """Put the files of a draft into a bundle's folder; what an older packing made and this one did not goes."""
    shutil.copytree(draft, folder, dirs_exist_ok=True)
    for name in _MADE:
        if not (draft / name).is_file():
            (folder / name).unlink(missing_ok=True)


def card_of(folder: Path, *, training: dict[str, Any], accuracy: dict[str, Any], licence: dict[str, Any]) -> Tables:
    """The tables of a card: what the packing says, and what the notes in the bundle's folder add.

    Args:
        folder: of the bundle; without a notes.toml the card tells no weaknesses.
        training: goes before what the notes say under the same name.
        accuracy: as measured.
        licence: of weights and data, for what the notes do not say of them.

    Raises:
        ValueError: the notes hold another table than those of a card that are theirs.

    """
    notes: Tables = {}
    if (folder / NOTES).is_file():
        notes = tomllib.loads((folder / NOTES).read_text("utf-8"))
        if unknown := sorted(set(notes) - _NOTED):
            raise ValueError(f"{folder / NOTES} holds {unknown[0]!r}, but may hold {', '.join(sorted(_NOTED))} only")
    else:
        print(f"{folder / NOTES} is not there: the card tells no weaknesses")
    card = {"training": notes.get("training", {}) | training, "accuracy": accuracy}
    if "weaknesses" in notes:
        card["weaknesses"] = notes["weaknesses"]
    return card | {"licence": licence | notes.get("licence", {})}


def spent(log: Path) -> dict[str, Any]:
    """Minutes and strips of a recogniser's training, over every sitting, by the last line of its log."""
    last = json.loads(log.read_text("utf-8").splitlines()[-1])
    return {name: last[name] for name in ("minutes", "strips")}
