"""What the tests of updates share: keys, archives, and releases that are quick to make."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

import minisign

from edge_ocr.update import archive, slots

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.update.archive import Manifest


class Maker:
    """Somebody who makes updates.

    Args:
        folder: to work in.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pair = minisign.KeyPair.generate()
        self.keys = folder / "keys"
        self.keys.mkdir(parents=True)
        (self.keys / "maker.pub").write_bytes(bytes(self._pair.public_key))

    def archive(self, serial: int, *, kind: str = "models", text: bytes = b"", name: str = "") -> Path:
        """A signed archive with one file."""
        places = {"models": "models/plate/model.toml", "wheels": "wheels/edge_ocr-9-py3-none-any.whl"}
        content = self._folder / f"content-{serial}"
        content.write_bytes(text or b"of release %d" % serial)
        made = self._folder / f"update-{serial}.zip"
        archive.pack({places[kind]: content}, made, name=name or f"r{serial}", serial=serial)
        self.sign(made)
        return made

    def sign(self, path: Path, *, prehash: bool = True) -> Path:
        """Put a signature beside a file."""
        signature = self._pair.secret_key.sign(path.read_bytes(), prehash=prehash)
        beside = path.with_name(f"{path.name}.minisig")
        beside.write_bytes(bytes(signature) + b"\n")
        return beside


def checked(made: Path, keys: Path) -> Manifest:
    """What `edge-ocr update` does before it stages."""
    archive.verify(made, made.with_name(f"{made.name}.minisig"), keys)
    return archive.open_manifest(made)


def first_release(root: Path) -> Path:
    """What the installer leaves behind."""
    release = root / "releases" / "r0"
    (release / "venv" / "bin").mkdir(parents=True)
    (release / "venv" / "bin" / "python").symlink_to(sys.executable)
    (release / "venv" / "lib.py").write_text("old", "utf-8")
    (release / "release.toml").write_text('name = "r0"\nserial = 0\n', "utf-8")
    slots.offer(root, "r0")
    return release


def no_check(release: Path) -> None:
    """A release that works."""
    assert (release / "release.toml").is_file()


def is_whole(release: Path) -> bool:
    """Whether everything of a release is there, to the last byte."""
    card = (release / "release.toml").read_text("utf-8")
    if release.name == "r0":
        return (release / "venv" / "lib.py").read_text("utf-8") == "old"
    listed = archive.Manifest.parse(card, "card").files
    if not (release / "venv" / "lib.py").is_file():
        return False
    return all(
        hashlib.sha256((release / name).read_bytes()).hexdigest() == digest
        for name, digest in listed.items()
        if name.startswith("models/")
    )
