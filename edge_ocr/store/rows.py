"""An event as a row and a row as the event's JSON.

The columns hold what is searched, ordered or put right later; the body holds the rest, so that a new field of an event
needs no new schema.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.store.connection import Connection
    from edge_ocr.types import Decision, Event, Stamp

COLUMNS = """
e.id, c.name, e.text, b.boot_id, e.first_mono, e.first_wall, e.first_synced, e.last_mono, e.last_wall, e.last_synced,
e.crop, e.body
"""
"""What :func:`told` takes, of the tables ``events e`` and :data:`JOINS`."""

JOINS = "JOIN cameras c ON c.id = e.camera JOIN boots b ON b.id = e.boot"

NUMBERS = "SELECT coalesce(max(seq), 0) AS seq FROM events UNION ALL SELECT seq FROM highest_gone"
"""The highest of these is that of the event that was recorded last, gone or not; 0 without one."""

_REPAIRED = 2  # schema.sql, on 'synced'


def insert(
    connection: Connection, event: Event, decision: Decision | None, crop: tuple[str, int] | None
) -> tuple[int, int] | None:
    """Write an event's row, in a transaction of the caller's.

    Args:
        connection: to the store's database.
        event: what passed.
        decision: what the lists say about it; None for what the event says itself.
        crop: file and bytes of its picture, or None.

    Returns:
        The row's number and the camera's; None if the store has the event already.

    """
    camera, boot = named(connection, "cameras", event.source), named(connection, "boots", event.last.boot_id)
    body = event.as_json()
    # Keys keep their place; what the columns say is filled in again by told().
    for key in ("id", "camera", "text", "crop"):
        body[key] = 0
    for key in ("first", "last"):
        body[key] = body[key]["frame"]
    body.setdefault("decision", None)
    if decision is not None:
        body.update(list=decision.entry, decision=decision.as_json())
    path, size = crop or (None, 0)
    decided = decision or event.decision
    first, last = event.first, event.last
    added = connection.run(
        f"""
        INSERT INTO events (seq, id, camera, text, boot, first_mono, first_wall, first_synced, last_mono, last_wall,
        last_synced, crop, crop_bytes, body, list)
        VALUES (1 + (SELECT max(seq) FROM ({NUMBERS})), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO NOTHING
        """,
        (
            *(event.id, camera, event.reading.text, boot),
            *(first.mono, first.wall, first.synced, last.mono, last.wall, last.synced),
            *(path, size, json.dumps(body, ensure_ascii=False, separators=(",", ":"))),
            decided and decided.list,
        ),
    )
    if not added:
        return None
    return int(connection.value("SELECT last_insert_rowid()")), camera


def named(connection: Connection, table: str, name: str) -> int:
    """The number of a camera or boot, which is made if it is new."""
    column = {"cameras": "name", "boots": "boot_id"}[table]
    look = f"SELECT id FROM {table} WHERE {column} = ?"
    found = connection.value(look, (name,))
    if found is None:
        connection.run(f"INSERT INTO {table} ({column}) VALUES (?)", (name,))
        found = connection.value(look, (name,))
    return int(found)


def told(row: Sequence[Any]) -> dict[str, Any]:
    """The JSON of an event, as `watch --json` prints it, from the columns :data:`COLUMNS`.

    A wall time that was put right afterwards has ``"repaired": true`` beside ``"synced": false``.
    """
    key, camera, text, boot_id = row[:4]
    crop, body = row[10:]
    event: dict[str, Any] = json.loads(body)
    event.update(id=key, camera=camera, text=text, crop=crop)
    for name, (mono, wall, synced) in (("first", row[4:7]), ("last", row[7:10])):
        event[name] = _moment(mono, wall, synced, boot_id, event[name])
    return event


def _moment(mono: float, wall: float, synced: int, boot_id: str, frame: int) -> dict[str, Any]:
    moment = {
        "wall": datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "monotonic": round(mono, 3),
        "frame": frame,
        "boot_id": boot_id,
        "synced": synced == 1,
    }
    return {**moment, "repaired": True} if synced == _REPAIRED else moment


def stamp_columns(connection: Connection, stamp: Stamp) -> tuple[int, float, float, bool]:
    """The columns boot, mono, wall and synced of a moment."""
    return named(connection, "boots", stamp.boot_id), stamp.mono, stamp.wall, stamp.synced
