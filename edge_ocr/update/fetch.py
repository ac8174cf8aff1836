"""An archive and its signature from a web server into a folder, without trusting either."""

from __future__ import annotations

import time
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge_ocr.errors import UpdateError, printable

if TYPE_CHECKING:
    from pathlib import Path

_SIGNATURE_BYTES = 4096
_BLOCK = 1 << 16


def fetch(url: str, folder: Path, *, most_bytes: int, seconds: float, known: bytes = b"") -> Path | None:
    """Download an archive with its signature, which stands beside it with ``.minisig`` added.

    Args:
        url: https://, or http:// on a network that cannot do better: the signature decides, not the server.
        folder: gets ``update.zip`` and ``update.zip.minisig``.
        most_bytes: that an archive may have.
        seconds: for the whole download.
        known: the signature of the update that is installed; the archive is not fetched again.

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
    if known and signature.read_bytes() == known:
        return None
    archive = folder / "update.zip"
    _download(url, archive, most_bytes, deadline)
    return archive


def _download(url: str, path: Path, most_bytes: int, deadline: float) -> None:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer, path.open("wb") as file:  # noqa: S310 -- its scheme was checked
            while block := answer.read(_BLOCK):
                file.write(block)
                if file.tell() > most_bytes:
                    raise UpdateError(f"{printable(url)}: is larger than any update; ask who keeps the server")
                if time.monotonic() > deadline:
                    raise UpdateError(f"{printable(url)}: takes too long; try again later")
    except (OSError, ValueError) as error:
        if isinstance(error, UpdateError):
            raise
        raise UpdateError(f"{printable(url)}: cannot be fetched ({error}); try again later") from error
