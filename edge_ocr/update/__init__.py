"""Updates of the program and of its bundles: signed, staged, tried, and taken back by themselves.

The way of an update, each step of which leaves a device that works: :mod:`fetch <edge_ocr.update.fetch>` it,
:mod:`verify <edge_ocr.update.archive>` who made it, :mod:`stage <edge_ocr.update.staging>` it beside the release that
runs, try it from the next start, and :mod:`accept <edge_ocr.update.slots>` it once it has run well for a while.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from edge_ocr.update import slots
from edge_ocr.update.archive import MOST_BYTES, open_manifest, verify
from edge_ocr.update.fetch import fetch, take
from edge_ocr.update.staging import SIGNATURE, only_one, serial_of, stage, tidy

ROOT = Path("/opt/edge-ocr")
KEYS = Path("/etc/edge-ocr/update-keys")

_FETCH_SECONDS = 3600.0


def update(source: str, *, root: Path = ROOT, keys: Path = KEYS) -> dict[str, object]:
    """Install an update; the next start of the service tries it.

    Args:
        source: an archive, with its signature in SOURCE.minisig: a file, or an address of a web server.
        root: of the releases.
        keys: a folder of minisign's public keys, ``*.pub``.

    Returns:
        ``release`` (a name, or None where there is nothing new), ``serial``, and ``state``: 'new' or 'known'.

    Raises:
        UpdateError: it is not signed by one of the keys, is damaged or old, cannot be had, or does not work here. The
            release that runs goes on running, and so does a restart.

    """
    with only_one(root):
        tidy(root)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=root / "releases") as folder:
            archive: Path | None
            if "://" in source:
                known = _signatures(slots.trial(root) or slots.current(root), slots.refused(root))
                archive = fetch(source, Path(folder), most_bytes=MOST_BYTES, seconds=_FETCH_SECONDS, known=known)
            else:
                archive = take(source, Path(folder), most_bytes=MOST_BYTES)
            if archive is None:
                return {"release": None, "serial": serial_of(slots.current(root)), "state": "known"}
            signature = archive.with_name(f"{archive.name}.minisig")
            verify(archive, signature, keys)
            manifest = open_manifest(archive)
            stage(root, archive, manifest, signature.read_bytes())
    return {"release": manifest.name, "serial": manifest.serial, "state": "new"}


def _signatures(*releases: Path | None) -> set[bytes]:
    """By which the updates that made releases are known again."""
    found = set()
    for release in releases:
        if release is not None:
            with suppress(OSError):
                found.add((release / SIGNATURE).read_bytes())
    return found - {b""}
