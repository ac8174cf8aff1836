"""What was told lately: whether a vehicle is one of those, seen again or seen in part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_ocr import vote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.config import VoteSettings
    from edge_ocr.grammar import Grammar
    from edge_ocr.types import Sighting

_EVIDENCE = 4  # sightings that are kept of what was told, some 6 KB each
_MOST = 64  # vehicles that are remembered, whatever passes in the time


@dataclass(slots=True)
class _Told:
    """One vehicle: its text, when it was last seen (monotonic), and what shows it best."""

    text: str
    at: float
    evidence: tuple[Sighting, ...]


class Lately:
    """Remembers what was told.

    Args:
        settings: for how long, and how alike the same vehicle must be.

    """

    def __init__(self, settings: VoteSettings) -> None:
        self.settings = settings
        self._told: list[_Told] = []

    def remember(self, text: str, evidence: Sequence[Sighting], at: float) -> None:
        """Something is told now.

        Args:
            text: what it says.
            evidence: what shows it best, best first.
            at: when it was last seen, monotonic seconds.

        """
        self._told = [*self._told, _Told(text, at, tuple(evidence[:_EVIDENCE]))][-_MOST:]

    def see(self, text: str, at: float) -> None:
        """What was told is still there."""
        for told in self._told:
            if told.text == text:
                told.at = max(told.at, at)

    def forget(self, before: float) -> None:
        """Let go of what cannot be repeated any more by anything first seen at a time, monotonic seconds."""
        self._told = [told for told in self._told if before - told.at <= self.settings.repeat_seconds]

    def repeated(self, text: str, evidence: Sequence[Sighting], grammar: Grammar) -> str | None:
        """Which of the texts that were told this is once more, as the evidence of both says; None for a new one."""
        for told in self._told:
            if told.text == text:
                return text
        allowed = self.settings.repeat_contradiction
        if allowed > 0:
            best = evidence[:_EVIDENCE]
            for told in reversed(self._told):
                if vote.contradiction(told.evidence, best, grammar) <= allowed:
                    return told.text
        return None

    def contradiction(self, text: str, evidence: Sequence[Sighting], grammar: Grammar) -> float:
        """How much speaks against evidence showing what was told as a text, in nats; 0 where it is forgotten."""
        known = (told for told in reversed(self._told) if told.text == text)
        told = next(known, None)
        return 0.0 if told is None else vote.contradiction(told.evidence, evidence, grammar)

    def holds_part(self, text: str) -> bool:
        """Whether a text is a part of one that was told."""
        return any(is_part(text, told.text) for told in self._told)


def is_part(text: str, whole: str) -> bool:
    """Whether a text stands in a longer one."""
    return text != whole and text in whole
