"""Forgetting on demand: every trace of a plate or a time, in the rows, the log and the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_ocr.store.connection import Connection

_WHICH = """
(:text IS NULL OR text = :text) AND (:since IS NULL OR last_wall >= :since) AND (:until IS NULL OR last_wall < :until)
"""


def erase(connection: Connection, text: str | None, since: float | None, until: float | None) -> int:
    """Remove the rows; the files' names are left in ``doomed_files``. See :meth:`Database.erase`."""
    if text is None and since is None and until is None:
        message = "text, since and until are all None, which would erase everything; give at least one"
        raise ValueError(message)
    which = {"text": text, "since": since, "until": until}
    events = f"SELECT seq FROM events WHERE {_WHICH}"
    with connection.transaction():
        connection.run(
            "INSERT OR IGNORE INTO doomed_files (path) SELECT crop FROM events "
            f"WHERE crop IS NOT NULL AND seq IN ({events})",
            which,
        )
        connection.run(f"DELETE FROM outbox WHERE event IN ({events})", which)
        connection.run(f"UPDATE audit SET event = NULL WHERE event IN (SELECT id FROM events WHERE {_WHICH})", which)
        connection.run(f"DELETE FROM attempts WHERE {_WHICH.replace('last_wall', 'wall')}", which)
        return connection.run(f"DELETE FROM events WHERE seq IN ({events})", which)


def empty_log(connection: Connection) -> None:
    """Write the log back and cut it off: it holds pages as they were before (deleted rows are zeroed in place)."""
    connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
