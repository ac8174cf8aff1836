"""An archive and its signature from a web server into a folder, without trusting either."""

from __future__ import annotations

import shutil
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge_ocr.errors import UpdateError, printable

if TYPE_CHECKING:
    from collections.abc import Collection

_SIGNATURE_BYTES = 4096
_BLOCK = 1 << 16


def fetch(url: str, folder: Path, *, most_bytes: int, seconds: float, known: Collection[bytes] = ()) -> Path | None:
    """Download an archive with its signature, which stands beside it with ``.minisig`` added.

    Args:
        url: https://, or http:// on a network that cannot do better: the signature decides, not the server.
        folder: gets ``update.zip`` and ``update.zip.minisig``.
        most_bytes: that an archive may have.
        seconds: for the whole download.
        known: the signatures of updates that are installed or were taken back; those are not fetched again.

    Returns:
        The archive; None if it is the one that is known.

    Raises:
        UpdateError: the server cannot be reached, refuses, sends too much or takes too long.

    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UpdateError(f"{printable(url)}: is no address of a web server; write https://host/path")
    deadline = time.monotonic() + seconds
    signature = folder / "update.zip.minisig"
    _download(f"{url}.minisig", signature, _SIGNATURE_BYTES, deadline)
    if signature.read_bytes() in known:
        return None
    archive = folder / "update.zip"
    _download(url, archive, most_bytes, deadline)
    return archive


def take(source: str, folder: Path, *, most_bytes: int) -> Path:
    """Copy an archive with its signature, so that nobody can exchange it between its check and its use.

    Args:
        source: the archive's file; may lie where anybody writes.
        folder: where nobody else does.
        most_bytes: that an archive may have.

    Returns:
        The copy of the archive.

    Raises:
        UpdateError: a file cannot be read or copied, or is too large.

    """
    path = Path(source)
    try:
        if path.stat().st_size > most_bytes:
            raise UpdateError(f"{printable(path)}: is larger than any update; have it made again")
        for name in (path.name, f"{path.name}.minisig"):
            shutil.copyfile(path.with_name(name), folder / name)
    except OSError as error:
        where = printable(error.filename or path)
        raise UpdateError(f"{where}: cannot be read ({error.strerror}); give the archive and its .minisig") from error
    return folder / path.name


def _download(url: str, path: Path, most_bytes: int, deadline: float) -> None:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer, path.open("wb") as file:  # noqa: S310 -- its scheme was checked
            while block := answer.read1(_BLOCK):  # what has come; a whole block may be long in coming
                file.write(block)
                if file.tell() > most_bytes:
                    raise UpdateError(f"{printable(url)}: is larger than any update; ask who keeps the server")
                if time.monotonic() > deadline:
                    raise UpdateError(f"{printable(url)}: takes too long; try again later")
    except (OSError, ValueError) as error:
        if isinstance(error, UpdateError):
            raise
        raise UpdateError(f"{printable(url)}: cannot be fetched ({error}); try again later") from error
