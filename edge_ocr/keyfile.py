"""Secrets live in files of their own, which only their owner can read, and never in a configuration."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from edge_ocr.errors import ConfigError, printable

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 65_536


def read(path: Path, key: str, *, least: int = 1) -> bytes:
    """The secret in a file, without the line end that editors add.

    Args:
        path: of the file.
        key: the key path of the configuration that names the file, for errors.
        least: how many bytes the secret must have.

    Raises:
        ConfigError: the file cannot be read, is open to other users, or holds too little or far too much.

    """
    place = f"{key} names {printable(path)}, which"
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigError(f"{place} is no file; name one that holds the secret")
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigError(f"{place} other users may read; run 'chmod 600' on it")
            secret = file.read(_LONGEST + 1)
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{place} cannot be read ({cause}); create it, readable by its owner alone") from error
    secret = secret.rstrip(b"\r\n")
    if len(secret) > _LONGEST:
        raise ConfigError(f"{place} is longer than {_LONGEST} bytes and surely no secret; name another file")
    if len(secret) < least:
        raise ConfigError(f"{place} holds {len(secret)} bytes, but needs {least}; run 'openssl rand -hex 32' for one")
    return secret
