"""What a command does to a store while another program writes to it: short transactions, taken in turns."""

from __future__ import annotations

import logging
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_ocr.errors import StoreError, printable
from edge_ocr.store import damage, erase
from edge_ocr.store.connection import Connection
from edge_ocr.store.outbox import Cap, Outbox
from edge_ocr.store.retention import unlink
from edge_ocr.store.wear import Wear

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)


@contextmanager
def outbox(folder: Path) -> Iterator[Outbox]:
    """The outbox of a store, to look into it and to replay.

    Raises:
        StoreError: there is no store, or it cannot be read.

    """
    with _connected(folder) as connection:
        yield Outbox(connection, folder, Cap(), Wear())


def forget(folder: Path, *, text: str | None = None, since: float | None = None, until: float | None = None) -> int:
    """Remove events for good; see :meth:`edge_ocr.store.database.Database.erase`.

    A database that was set aside as damaged may hold them still, which is told; :func:`forget_damaged` removes it.
    """
    with _connected(folder) as connection:
        count = erase.erase(connection, text, since, until)
        unlink(connection, folder)
        erase.empty_log(connection)
    for place in damage.aside(folder):
        _log.warning("%s: a damaged database, in which nothing can be erased; give --damaged", printable(place))
    return count


def forget_damaged(folder: Path) -> int:
    """Remove the databases that were set aside as damaged, with the crops beside them; returns how many.

    Raises:
        StoreError: there is no store, or one of them cannot be removed.

    """
    if not (folder / damage.DATABASE).is_file():
        raise StoreError(f"{printable(folder / damage.DATABASE)}: no such file; name the folder of a store")
    count = damage.drop_aside(folder, math.inf)
    for place in damage.aside(folder):
        raise StoreError(f"{printable(place)}: cannot be removed; see whose it is")
    return count


@contextmanager
def _connected(folder: Path) -> Iterator[Connection]:
    path = folder / damage.DATABASE
    if not path.is_file():
        raise StoreError(f"{printable(path)}: no such file; name the folder of a store")
    connection = Connection(path)
    try:
        yield connection
    finally:
        connection.close()
