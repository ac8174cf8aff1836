"""Who the other side is, and who this side is: TLS for brokers and web servers."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from edge_ocr.errors import ConfigError, printable

if TYPE_CHECKING:
    from pathlib import Path


def tls_context(place: str, ca: Path | None, certificate: Path | None, key: Path | None = None) -> ssl.SSLContext:
    """What checks the other side and, with a certificate, shows who this side is.

    Args:
        place: the table of the configuration, for errors.
        ca: certificates that may vouch for the other side; None for those of the system.
        certificate: PEM, of this side; None for none.
        key: of the certificate; None if it stands in the same file.

    Raises:
        ConfigError: one of the files cannot be used.

    """
    context = ssl.create_default_context()
    wrong = f"{place}.ca_file names {printable(ca)}"
    try:
        if ca is not None:
            context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            wrong = f"{place}.cert_file names {printable(certificate)}"
            context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        cause = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigError(f"{wrong}, which cannot be used ({cause}); name readable files in PEM format") from error
    return context
