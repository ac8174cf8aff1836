"""How reads are scored against labels: exact texts, and edits a character."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Score:
    """``exact``: share of texts that are right; ``errors``: edits for each character of the labels; ``count`` texts."""

    exact: float
    errors: float
    count: int

    @classmethod
    def of(cls, reads: Sequence[str], labels: Sequence[str], *, folded: bool) -> Score:
        """Score pairs of read and label, both normalised; ``folded`` counts O as 0 and I as 1."""
        pairs = [(fold(read), fold(label)) if folded else (read, label) for read, label in _normal(reads, labels)]
        right = sum(read == label for read, label in pairs)
        edits = sum(distance(read, label) for read, label in pairs)
        return cls(right / len(pairs), edits / sum(len(label) for _, label in pairs), len(pairs))


def normalise(text: str) -> str:
    """Upper case without separators."""
    return "".join(character for character in text.upper() if character.isalnum())


def fold(text: str) -> str:
    """O counts as 0 and I as 1, for label sets that do not tell them apart."""
    return text.replace("O", "0").replace("I", "1")


def distance(a: str, b: str) -> int:
    """Levenshtein's edit distance."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def _normal(reads: Sequence[str], labels: Sequence[str]) -> list[tuple[str, str]]:
    return [(normalise(read), normalise(label)) for read, label in zip(reads, labels, strict=True)]
