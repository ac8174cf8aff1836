"""What is made of an event before anybody hears of it: what the lists say, and what privacy leaves."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_ocr.decide import decide
from edge_ocr.lists import LiveLists
from edge_ocr.privacy import Shield

if TYPE_CHECKING:
    from edge_ocr.config import Settings
    from edge_ocr.health import Health
    from edge_ocr.types import Attempt, Event

_log = logging.getLogger(__name__)


class Desk:
    """Settles events; one thread at a time uses it.

    Args:
        settings: name the lists and say what is kept.
        health: is told when the lists cannot be read.

    """

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._lists, self._shield = LiveLists(settings.lists.file), Shield(settings.privacy)
        self._told: str | None = None
        health.watch("lists", lambda: self._lists.problem)

    def settle(self, event: Event) -> Event | None:
        """The event with a decision, as far as it may be kept; None if it may not."""
        lists = self._lists.current()
        if self._lists.problem not in {None, self._told}:
            self._told = self._lists.problem
            _log.warning("%s", self._told)
        kept = self._shield.event(event, decide(event.reading, lists, self._settings.lists, event.last))
        return None if kept is None else replace(kept[0], decision=kept[1])

    def attempt(self, attempt: Attempt) -> Attempt:
        """A track without an event, as far as it may be kept."""
        return self._shield.attempt(attempt)
