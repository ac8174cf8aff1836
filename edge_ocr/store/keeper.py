"""The store's housekeeping: times put right and limits enforced, every minute, while others record."""

from __future__ import annotations

import logging
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Self

from edge_ocr.errors import StoreError

if TYPE_CHECKING:
    from edge_ocr.store.database import Database

_JOIN_SECONDS = 30.0
"""Tidying takes turns of some milliseconds, and ends after so many."""

_log = logging.getLogger(__name__)


class Keeper:
    """Tidies a store again and again in a thread of its own, from entry to exit, and once more at the end.

    Args:
        store: is tidied.
        seconds: between two times.

    """

    def __init__(self, store: Database, *, seconds: float = 60.0) -> None:
        self._store = store
        self._seconds = seconds
        self._stop = Flag()
        self._failing = False
        self._thread = Thread(target=self._run, name="housekeeping")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_JOIN_SECONDS)
        if self._thread.is_alive():
            _log.error("housekeeping did not stop within %g s; the next start goes on with it", _JOIN_SECONDS)
            return
        self._tidy()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._tidy()

    def _tidy(self) -> None:
        """A disk that takes nothing now may take it in a minute; it is told once."""
        try:
            self._store.tidy()
        except StoreError as error:
            if not self._failing:
                _log.warning("the store could not be tidied, which is tried again: %s", error)
            self._failing = True
        except Exception:  # noqa: BLE001 -- a mistake must not end housekeeping for ever
            _log.exception("the store could not be tidied")
            self._failing = True
        else:
            self._failing = False
