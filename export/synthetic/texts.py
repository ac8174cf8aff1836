"""What plates say: texts of real formats, and free ones in proportion.

Formats are written as L (letter), N (digit), spaces where groups part, and literal characters in quotes where a
country's plates hold them. The recogniser should see every character at every place, whatever a country leaves out; the
decoder's grammar, not the network, knows which of them a country leaves out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"

_HARD_SHARE = 0.25
"""Of characters drawn from those that weak nets took for each other, so that they are seen more often."""
_SOURCES = {
    "L": (LETTERS, "WWMHNVDOQGBUJA"),
    "N": (DIGITS, "04468"),
    "X": (LETTERS + DIGITS, "WWMHNVDOQGBUJA04468"),
}

AMERICAN = (
    "LLL NNNN", "NLLLNNN", "LLL NNN", "NNN LLL", "LLN LNL", "NNNN LL", "LNN LLL", "LL NNNNN", "NNNNNN", "NLNNNN",
    "LLLN NN", "NLL NNN", "NN LLLN", "L NNNNNN", "LLNNNN", "NNNNNLN", "NLNNNNN", "LL LLLL", "NL LLNNN",
)  # fmt: skip
EUROPEAN = (
    "LL NNN LL", "LL NNN", "L LL NNNN", "LL L NNN", "LLL LL NN", "NN LL LL", "LL LL NN", "NN LLL N", "N LLL NN",
    "L NNN LL", "LL NN LLL", "LLNN LLL", "L NN LLL", "NNNN LLL", "LLL NNN", "NLN NNNN", "LL NNNNN", "LL LNNNN",
    "NN L NNNN", "LLL NNNN", "LL NNNN LL", "N LL NNNN", "LL NNNL", "NNN L NNN", "LLL NNL",
)  # fmt: skip
INDIAN = (
    "LL NN LL NNNN",
    "LL NN L NNNN",
    "LLNNLLNNNN",
    "LL N L NNNN",
    "LL NN NNNN",
    "LL NL LL NNNN",
    "NN 'BH' NNNN LL",
)
LATIN = ("LLL NNNN", "LLLNLNN", "LLL NLNN", "LL NNN LL", "LLL NNN", "LLL NNN L", "NNN LLL", "L NNN LLL")
CHINESE = ("L XXXXX", "L NNNNN", "L XNNNN", "L NNNNX", "L DNNNNN")
HALVES = (
    "NNNN", "LL NN", "LL NN L", "LL NN LL", "LLNN", "L NNNN", "LL NNNN", "LL NNN", "LNN", "NLLL", "NNN", "LLL", "NN",
    "LL NNL", "NNNL", "NN L", "NN LL", "NNNNN",
)  # fmt: skip
TUNISIAN = ("NNN 'T' NNNN", "NN 'T' NNNN", "NNN 'T' NNN", "N 'T' NNNN", "NNN 'T' N", "NNN 'T' NN")


def fill(rng: np.random.Generator, pattern: str) -> list[str]:
    """Groups of characters for one pattern; X is a letter or digit."""
    groups = []
    for part in pattern.split():
        if part.startswith("'"):
            groups.append(part.strip("'"))
        else:
            groups.append("".join(_character(rng, sort) for sort in part))
    return groups


def free(rng: np.random.Generator) -> list[str]:
    """Groups of anything: 2 to 9 characters in one to three groups, as on personal, old and foreign plates."""
    text = "".join(_character(rng, "X" if rng.random() < 0.5 else "L") for _ in range(int(rng.integers(2, 10))))
    cuts = sorted({int(cut) for cut in rng.integers(1, len(text) + 1, int(rng.integers(0, 3)))} | {len(text)})
    return [text[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]


def choose(rng: np.random.Generator, patterns: tuple[str, ...], free_share: float = 0.25) -> list[str]:
    """Groups of one plate: from a pattern, or free in the share given."""
    if rng.random() < free_share:
        return free(rng)
    return fill(rng, patterns[int(rng.integers(len(patterns)))])


def _character(rng: np.random.Generator, sort: str) -> str:
    if sort not in _SOURCES:
        return sort
    easy, hard = _SOURCES[sort]
    source = hard if rng.random() < _HARD_SHARE else easy
    return source[int(rng.integers(len(source)))]
