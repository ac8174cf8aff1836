"""Is a store whole? Rows against files, both ways, and the database against itself; changes nothing."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from edge_ocr.errors import StoreError, printable
from edge_ocr.store import crops, damage
from edge_ocr.store.connection import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SETTLE = 1.5  # seconds; a program that writes has the row of a new file in the database by then
_MOST_TOLD = 20  # of each kind of fault

_COUNTS = {
    "events": "SELECT count(*) FROM events",
    "crops": "SELECT count(*) FROM events WHERE crop IS NOT NULL",
    "crop_bytes": "SELECT coalesce(sum(crop_bytes), 0) FROM events",
    "previews": "SELECT count(*) FROM previews",
    "attempts": "SELECT count(*) FROM attempts",
    "unsent": "SELECT count(*) FROM outbox",
    "dead_letters": "SELECT count(*) FROM dead_letters",
    "starts": "SELECT count(*) FROM starts",
    "killed": "SELECT count(*) FROM starts WHERE ended IS NULL",
    "clock_corrections": "SELECT count(*) FROM clock_corrections",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    Attributes:
        counts: of events, crops, crop_bytes, previews, attempts, unsent, dead_letters, starts, killed (starts that
            did not end in good order, the one that runs included), clock_corrections and database_bytes.
        faults: what is wrong, one line each; nothing if the store is whole.
        notes: what is worth knowing.

    """

    counts: dict[str, int]
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The report as `check --json` prints it."""
        return {"whole": not self.faults, **self.counts, "faults": list(self.faults), "notes": list(self.notes)}


def check(folder: Path, *, sleep: Callable[[float], None] = time.sleep) -> Report:
    """Look through a store; a program may be writing to it.

    Args:
        folder: of the store.
        sleep: waits until a program that writes has finished what looked wrong.

    Raises:
        StoreError: there is no store, or it cannot be read at all.

    """
    path = folder / damage.DATABASE
    if not path.is_file():
        raise StoreError(f"{printable(path)}: no such file; name the folder of a store")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10)) as raw:
            faults = [*_inside(raw)]
            counts = {name: int(raw.execute(sql).fetchone()[0]) for name, sql in _COUNTS.items()}
            suspects = set(_unpaired(raw, folder))
            if suspects:
                sleep(_SETTLE)
                suspects &= set(_unpaired(raw, folder))
    except sqlite3.Error as error:
        raise StoreError(f"{printable(path)}: {error}; start edge-ocr on it, which sets it aside") from error
    counts["database_bytes"] = path.stat().st_size
    notes = [f"{printable(place.name)}: a damaged database that was set aside" for place in damage.aside(folder)]
    return Report(counts, tuple(faults + _shortened(sorted(suspects))), tuple(notes))


def _inside(raw: sqlite3.Connection) -> Iterator[str]:
    version = raw.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        yield f"the schema has version {version}, this program knows {VERSION}; start edge-ocr on it, which upgrades it"
    for (said,) in raw.execute(f"PRAGMA integrity_check({_MOST_TOLD})"):
        if said != "ok":
            yield f"the database is damaged: {' '.join(str(said).split())}"
    for table, row, other, _ in raw.execute("PRAGMA foreign_key_check").fetchmany(_MOST_TOLD):
        yield f"row {row} of {table} refers to a missing row of {other}"
    for table in ("outbox", "dead_letters"):
        found = raw.execute(f"SELECT count(*) FROM {table} WHERE event NOT IN (SELECT seq FROM events)").fetchone()[0]
        if found:
            yield f"{found} rows of {table} have no event"


def _unpaired(raw: sqlite3.Connection, folder: Path) -> Iterator[str]:
    files = dict(crops.listing(folder))
    rows = dict(raw.execute("SELECT crop, crop_bytes FROM events WHERE crop IS NOT NULL"))
    doomed = {path for (path,) in raw.execute("SELECT path FROM doomed_files")}
    for path in rows.keys() - files.keys():
        yield f"{printable(path)}: the file of an event is missing"
    for path in files.keys() - rows.keys() - doomed:
        yield f"{printable(path)}: no event has this file"
    for path in files.keys() & rows.keys():
        if files[path] != rows[path]:
            yield f"{printable(path)}: has {files[path]} bytes, but was written with {rows[path]}"


def _shortened(faults: list[str]) -> list[str]:
    rest = len(faults) - _MOST_TOLD
    return [*faults[:_MOST_TOLD], f"and {rest} files more"] if rest > 0 else faults
