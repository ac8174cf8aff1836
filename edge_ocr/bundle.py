"""A model bundle: a folder with ``model.tflite`` and ``model.toml``, which says all that must be known to use it.

The bundles that ship stand in ``edge_ocr/models``; one of the user's own loads from any folder by the same code.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_ocr.errors import BundleError, printable
from edge_ocr.types import Kind

FORMAT = 1
"""The version of model.toml that this code reads and writes."""

_SHIPPED = Path(__file__).parent / "models"
_RECOGNISERS, _DETECTORS = {Kind.PLATE: "plate"}, {Kind.PLATE: "plate-detector"}
"""Texts of all other kinds are found by one bundle and read by another: numbers are words with other characters."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked bundle.

    Attributes:
        name: the folder's name, for messages.
        task: 'recognise' or 'detect'.
        kind: what it reads or finds.
        model: the bytes of the .tflite file, equal to the sha256 in model.toml.
        settings: the table ``[recognise]`` or ``[detect]`` of model.toml, for the stage that uses the bundle.
        card: the whole of model.toml, with the training data and the measured accuracy.

    """

    name: str
    task: str
    kind: Kind
    model: bytes
    settings: dict[str, Any]
    card: dict[str, Any]

    def serves(self, kind: Kind) -> bool:
        """Whether it is for texts of a kind; one for signs, words or digits is for all three."""
        return kind is self.kind or Kind.PLATE not in (kind, self.kind)


def load_bundle(folder: str | os.PathLike[str], *, task: str) -> Bundle:
    """Load and check a bundle.

    Args:
        folder: holds model.tflite and model.toml.
        task: what the caller needs it for.

    Raises:
        BundleError: a file is missing or damaged, or the bundle is for another task or version.

    """
    folder = Path(folder)
    card = _card(folder / "model.toml")
    where = f"{printable(folder)}/model.toml"
    for key, expected in (("format", FORMAT), ("task", task)):
        if card.get(key) != expected:
            message = f"{where}: {key} is {card.get(key)!r}, but {expected!r} is needed; use another bundle"
            raise BundleError(message)
    try:
        kind = Kind(card["kind"])
        digest = card["model"]["sha256"]
        settings = card[task]
    except (KeyError, ValueError, TypeError) as error:
        message = f"{where}: {error} is missing or unknown; export the bundle again"
        raise BundleError(message) from error
    path = folder / "model.tflite"
    try:
        model = path.read_bytes()
    except OSError as error:
        message = f"{printable(path)}: cannot be read ({error.strerror}); install the bundle again"
        raise BundleError(message) from error
    if hashlib.sha256(model).hexdigest() != digest:
        cause = "does not match the sha256 in model.toml (damaged or mixed up)"
        message = f"{printable(path)}: {cause}; install the bundle again"
        raise BundleError(message)
    return Bundle(folder.name, task, kind, model, settings, card)


def shipped_bundle(kind: Kind, *, task: str) -> Bundle:
    """The bundle for a kind and task that came with the package.

    Raises:
        BundleError: there is none for this kind.

    """
    folder = _shipped(kind, task)
    if not folder.is_dir():
        have = ", ".join(known for known in Kind if _shipped(known, task).is_dir())
        raise BundleError(f"no bundle to {task} kind {kind} came with this version; choose a kind that it has: {have}")
    return load_bundle(folder, task=task)


def named_bundle(name: str, *, task: str) -> Bundle:
    """A bundle in a folder, or one that came with the package by its name, such as 'sign-hangul'.

    Raises:
        BundleError: there is no such folder or name, or as :func:`load_bundle`.

    """
    folder = Path(name)
    if not folder.is_dir():
        folder = _folder(name)
    if not folder.is_dir() or not name:
        cards = [path for path in sorted(_SHIPPED.glob("*/model.toml")) if _card(path).get("task") == task]
        have = ", ".join(path.parent.name for path in cards)
        raise BundleError(
            f"{printable(name)}: no such bundle; name a folder, or one that came with this version: {have}"
        )
    return load_bundle(folder, task=task)


def _shipped(kind: Kind, task: str) -> Path:
    return _folder(_RECOGNISERS.get(kind, "sign") if task == "recognise" else _DETECTORS.get(kind, "text-detector"))


def _folder(name: str) -> Path:
    updated = os.environ.get("EDGE_OCR_MODELS")  # set where an update has brought bundles of its own
    if updated and (Path(updated) / name).is_dir():
        return Path(updated) / name
    return _SHIPPED / name


def _card(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        cure = "a bundle is a folder with model.tflite and model.toml"
        message = f"{printable(path)}: cannot be read ({error.strerror}); {cure}"
        raise BundleError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{printable(path)}: is not valid TOML ({error}); install the bundle again"
        raise BundleError(message) from error
