"""Archives of updates: who made one, and what is in it.

An archive is a zip file with ``manifest.toml`` and the files that it lists by their SHA-256; a signature of minisign
stands beside it. Nothing of an archive is looked at before its signature is found good.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from edge_ocr.errors import UpdateError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

minisign: Any = importlib.import_module("minisign")  # of the extra 'update', which brings this package along

FORMAT = 1
MOST_BYTES = 1 << 30
"""Of what is in an archive: wheels of every dependency are a tenth of it."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}")
_PLACES = {"wheels": 2, "models": 3}  # folder -> parts of a path in it
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive is.

    Attributes:
        name: of the release that it makes; a folder's name.
        serial: ascends from one update to the next, so that an old archive, however well signed, is not new.
        files: SHA-256 by path, under ``wheels`` or ``models/BUNDLE``.
        text: of the manifest itself, which becomes the release's own.

    """

    name: str
    serial: int
    files: Mapping[str, str]
    text: str

    @classmethod
    def parse(cls, text: str, origin: str) -> Manifest:
        """Check a manifest.

        Raises:
            UpdateError: it is not one of this format.

        """
        try:
            card = tomllib.loads(text)
            made_for, name, serial, files = card["format"], card["name"], card["serial"], card["files"]
        except (tomllib.TOMLDecodeError, KeyError) as error:
            raise UpdateError(f"{origin}: {error} in its manifest; have the archive made again") from error
        if made_for != FORMAT:
            raise UpdateError(f"{origin}: is of format {made_for!r}, not {FORMAT}; update the program in between")
        if not (isinstance(name, str) and _NAME.fullmatch(name) and type(serial) is int and serial > 0):
            raise UpdateError(f"{origin}: its name or serial is impossible; have the archive made again")
        if not isinstance(files, dict) or not files or not all(_is_file(*item) for item in files.items()):
            raise UpdateError(f"{origin}: lists files that no update has; have the archive made again")
        return cls(name, serial, files, text)


def verify(archive: Path, signature: Path, keys: Path) -> None:
    """Find out whether the holder of a key made an archive.

    Args:
        archive: the file.
        signature: of minisign, for it.
        keys: a folder of public keys of minisign, ``*.pub``, any of which will do.

    Raises:
        UpdateError: none of the keys made the signature, the archive is not the one that was signed, or a file cannot
            be read.

    """
    try:
        trusted = [minisign.PublicKey.from_file(str(path)) for path in sorted(keys.glob("*.pub"))]
        made = minisign.Signature.from_file(str(signature))
        if not made.is_prehashed():  # the old kind, for which the whole archive would have to be in memory
            raise UpdateError(f"{printable(signature)}: is of minisign's old format; sign with minisign -S -m")
        for key in trusted:
            with archive.open("rb") as file:
                if _is_by(key, file, made):
                    return
    except OSError as error:
        where = printable(error.filename or archive)
        raise UpdateError(f"{where}: cannot be read ({error.strerror}); give the archive and its .minisig") from error
    except (minisign.Error, ValueError) as error:
        what = f"is no signature, or a key in {printable(keys)} is none ({error})"
        raise UpdateError(f"{printable(signature)}: {what}; fetch it again") from error
    cause = f"no key in {printable(keys)} made its signature, or it is damaged"
    raise UpdateError(f"{printable(archive)}: {cause}; nothing was changed, fetch it again")


def open_manifest(archive: Path) -> Manifest:
    """The manifest of an archive whose signature is good.

    Raises:
        UpdateError: it has none, or one of another format.

    """
    where = printable(archive)
    try:
        with zipfile.ZipFile(archive) as held:
            text = held.read("manifest.toml").decode("utf-8")
            sizes = [item.file_size for item in held.infolist()]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UpdateError(f"{where}: is no archive of an update ({error}); have it made again") from error
    if sum(sizes) > MOST_BYTES:
        raise UpdateError(f"{where}: holds {sum(sizes) / 1e6:.0f} MB, more than any update; have it made again")
    return Manifest.parse(text, where)


def unpack(archive: Path, manifest: Manifest, folder: Path) -> None:
    """Write every listed file under ``folder``, each held against its SHA-256; what is not listed stays in.

    Raises:
        UpdateError: a file is missing or another one than the manifest says.

    """
    with zipfile.ZipFile(archive) as held:
        for name, expected in manifest.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            try:
                with held.open(name) as source, target.open("wb") as file:
                    while block := source.read(_BLOCK):
                        digest.update(block)
                        file.write(block)
            except (KeyError, zipfile.BadZipFile) as error:
                raise UpdateError(f"{printable(archive)}: {name} cannot be taken out ({error})") from error
            if digest.hexdigest() != expected:
                raise UpdateError(f"{printable(archive)}: {name} is not what its manifest says; have it made again")


def pack(files: Mapping[str, Path], archive: Path, *, name: str, serial: int) -> None:
    """Make an archive, the same bytes from the same files; to be signed with ``minisign -S -m ARCHIVE``.

    Args:
        files: by their path in it, ``wheels/NAME.whl`` or ``models/BUNDLE/FILE``.
        archive: is written.
        name: of the release.
        serial: higher than that of every release before.

    Raises:
        UpdateError: a path, the name or the serial is impossible.

    """
    lines = [f"format = {FORMAT}", f'name = "{name}"', f"serial = {serial}", "", "[files]"]
    lines += [f'"{place}" = "{hashlib.sha256(path.read_bytes()).hexdigest()}"' for place, path in sorted(files.items())]
    manifest = Manifest.parse("\n".join(lines) + "\n", printable(archive))
    with zipfile.ZipFile(archive, "w") as held:
        held.writestr(zipfile.ZipInfo("manifest.toml"), manifest.text)
        for place, path in sorted(files.items()):
            # Wheels are deflated already, and int8 weights are noise.
            held.writestr(zipfile.ZipInfo(place), path.read_bytes())


def bundle_files(folders: Sequence[Path]) -> dict[str, Path]:
    """What of bundles goes into an archive."""
    return {
        f"models/{folder.name}/{name}": folder / name for folder in folders for name in ("model.tflite", "model.toml")
    }


def _is_by(key: Any, file: Any, made: Any) -> bool:
    try:
        key.verify(file, made)
    except minisign.VerifyError:
        return False
    return True


def _is_file(name: object, digest: object) -> bool:
    """Whether a line of the manifest may be followed: the path stays within the folder, and is one that is known."""
    if not isinstance(name, str) or not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        return False
    parts = PurePosixPath(name).parts or ("",)
    return (
        name == "/".join(parts)
        and len(parts) == _PLACES.get(parts[0])
        and all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,199}", part) for part in parts)
    )
