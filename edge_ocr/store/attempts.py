"""Why was this plate missed? The last tracks that did not become an event, in a ring of fixed size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_ocr.store import crops, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.store.connection import Connection
    from edge_ocr.types import Attempt


class Attempts:
    """The ring.

    Args:
        connection: to the store's database.
        size: of the ring; 0 to keep none.

    """

    def __init__(self, connection: Connection, size: int) -> None:
        self._connection = connection
        self._size = size

    def add(self, attempts: Sequence[Attempt]) -> None:
        """Keep some, oldest first, in the places of the oldest where the ring is full.

        Raises:
            StoreError: they cannot be written.

        """
        latest = attempts[-self._size :] if self._size else ()
        if not latest:
            return
        with self._connection.transaction():
            number = self._connection.value("SELECT max(number) FROM attempts") or 0
            self._connection.run("DELETE FROM attempts WHERE slot >= ?", (self._size,))  # the ring was larger once
            for attempt in latest:
                number += 1
                picture = crops.jpeg(attempt.crop) if attempt.crop is not None else None
                self._connection.run(
                    """
                    INSERT OR REPLACE INTO attempts (slot, number, camera, boot, mono, wall, synced, reason, text,
                    confidence, reads, unread, jpeg) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                    (
                        *(number % self._size, number, rows.named(self._connection, "cameras", attempt.source)),
                        *rows.stamp_columns(self._connection, attempt.last),
                        *(attempt.reason, attempt.text, attempt.confidence, attempt.reads, attempt.unread, picture),
                    ),
                )

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """The latest first: camera, wall, synced, reason, text, confidence, reads, unread and jpeg (bytes or None)."""
        names = ("camera", "wall", "synced", "reason", "text", "confidence", "reads", "unread", "jpeg")
        found = self._connection.rows(
            """
            SELECT c.name, a.wall, a.synced, a.reason, a.text, a.confidence, a.reads, a.unread, a.jpeg
            FROM attempts a JOIN cameras c ON c.id = a.camera ORDER BY number DESC LIMIT ?
            """,
            (limit,),
        )
        return [dict(zip(names, row, strict=True)) for row in found]
