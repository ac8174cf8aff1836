"""How reads are scored against labels: exact texts, edits a character, and whether confidence keeps its word."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_DICE = 200
_WIDTHS = (0, 80, 160, 320)
_SHADES = (0, 70, 140)


@dataclass(frozen=True, slots=True)
class Score:
    """``exact``: share of texts that are right; ``errors``: edits for each character of the labels; ``count`` texts."""

    exact: float
    errors: float
    count: int

    @classmethod
    def of(cls, reads: Sequence[str], labels: Sequence[str], *, folded: bool) -> Score:
        """Score pairs of read and label, both normalised; ``folded`` counts O as 0 and I as 1."""
        pairs = [(scored(r, folded=folded), scored(t, folded=folded)) for r, t in zip(reads, labels, strict=True)]
        right = sum(read == label for read, label in pairs)
        edits = sum(distance(read, label) for read, label in pairs)
        return cls(right / len(pairs), edits / sum(len(label) for _, label in pairs), len(pairs))


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far confidence and truth lie apart.

    Attributes:
        error: the expected calibration error over ten bins of equal width (Guo et al., 'On calibration of modern
            neural networks', 2017), 0..1.
        likelihood: mean negative log-likelihood of right and wrong, in nats; what a temperature is fitted to.
        confidence: the mean.
        chance: the error that confidences which keep their word would show on so few texts, on average: what lies
            below it cannot be told from perfect.
        bins: for each bin that is not empty its count, mean confidence and share of right texts.

    """

    error: float
    likelihood: float
    confidence: float
    chance: float
    bins: tuple[tuple[int, float, float], ...]


def calibration(confidences: Sequence[float], right: Sequence[bool], *, count: int = 10) -> Calibration:
    """Compare confidences, 0..1, with what was right."""
    sure, true = np.array(confidences), np.array(right, np.float64)
    place = np.minimum((sure * count).astype(int), count - 1)
    groups = [place == number for number in range(count) if (place == number).any()]
    bins = tuple((int(group.sum()), float(sure[group].mean()), float(true[group].mean())) for group in groups)
    safe = np.clip(sure, 1e-6, 1 - 1e-6)
    likelihood = -float((true * np.log(safe) + (1 - true) * np.log(1 - safe)).mean())
    dice = np.random.default_rng(0).random((_DICE, len(sure))) < sure
    chance = float(np.mean([_error(sure, thrown, groups) for thrown in dice]))
    return Calibration(_error(sure, true, groups), likelihood, float(sure.mean()), chance, bins)


def grouped(widths: Sequence[float], shades: Sequence[float], right: Sequence[bool]) -> dict[str, tuple[int, float]]:
    """How many crops there are of each width (pixels) and brightness (0..255), and the share that is right, by name."""
    found = {}
    for name, edges, values in (("width", _WIDTHS, widths), ("brightness", _SHADES, shades)):
        for low, high in zip(edges, (*edges[1:], math.inf), strict=True):
            chosen = [true for value, true in zip(values, right, strict=True) if low <= value < high]
            if chosen:
                found[f"{name}_from_{low}"] = len(chosen), sum(chosen) / len(chosen)
    return found


def _error(sure: NDArray[np.float64], true: NDArray[Any], groups: list[NDArray[np.bool_]]) -> float:
    """Distance of confidence and truth, averaged over the texts."""
    return sum(abs(float((sure[group] - true[group]).sum())) for group in groups) / len(sure)


def scored(text: str, *, folded: bool) -> str:
    """Letters, digits and their marks alone, in capitals, each character in Unicode's composed form (NFC).

    ``folded`` counts O as 0 and I as 1, where labels do not tell them apart. Marks are accents that no single character
    has, and the vowels of scripts such as Devanagari.
    """
    composed = unicodedata.normalize("NFC", text.upper())
    kept = "".join(each for each in composed if each.isalnum() or unicodedata.category(each).startswith("M"))
    return kept.replace("O", "0").replace("I", "1") if folded else kept


def distance(a: str, b: str) -> int:
    """Levenshtein's edit distance."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]
