"""The few files that pages need: read once, compressed once, and handed out by name alone."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from edge_ocr.web.exchange import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
_FOR_EVER = "public, max-age=31536000, immutable"  # the address changes with the file
_ROOT = {"/sw.js": "sw.js"}  # what a browser takes from one place only


@cache
def _files() -> dict[str, tuple[bytes, bytes, str, str]]:
    """Contents, the same compressed, type and tag, by name."""
    found = {}
    for file in (resources.files(__package__) / "static").iterdir():
        data = file.read_bytes()
        kind = _KINDS[file.name.rpartition(".")[2]]
        found[file.name] = data, gzip.compress(data, 9, mtime=0), kind, hashlib.sha256(data).hexdigest()[:16]
    return found


def address(name: str) -> str:
    """Where a page finds a file: another address whenever it has changed."""
    return f"/static/{name}?{_files()[name][3]}"


def version() -> str:
    """Of all files together: a page that was loaded with other ones is old."""
    return hashlib.sha256("".join(tag for *_, tag in _files().values()).encode()).hexdigest()[:16]


def static(path: str, headers: Mapping[str, str]) -> Answer | None:
    """A file, or None where the path names none."""
    name = _ROOT.get(path) or (path.removeprefix("/static/") if path.startswith("/static/") else "")
    if name not in _files():
        return None
    data, small, kind, tag = _files()[name]
    life = "no-cache" if path in _ROOT else _FOR_EVER
    told = {"ETag": f'"{tag}"', "Cache-Control": life, "Vary": "Accept-Encoding"}
    if headers.get("If-None-Match") == f'"{tag}"':
        return Answer(304, b"", kind, told)
    if "gzip" in headers.get("Accept-Encoding", ""):
        return Answer(200, small, kind, {**told, "Content-Encoding": "gzip"})
    return Answer(200, data, kind, told)
