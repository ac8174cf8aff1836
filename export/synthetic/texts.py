"""What plates say: texts of real formats, and free ones in proportion.

Formats are written as L (letter), N (digit), X (either), spaces where groups part, and literal characters in quotes
where a country's plates hold them. A group may hold marks, which are written and not read, and one break: what stands
before it is set small above what stands behind it.

The recogniser should see every character at every place, whatever a country leaves out; the decoder's grammar, not the
network, knows which of them a country leaves out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"

MARKS = "-.:/()[]"
BREAK = "|"

_HARD_SHARE = 0.25
"""Of characters drawn from those that weak nets took for each other, so that they are seen more often."""
_HARD_LETTERS, _HARD_DIGITS = "WWWMMHNNVDOQGCBUJATI", "04446833592"
_SOURCES = {
    "L": (LETTERS, _HARD_LETTERS),
    "N": (DIGITS, _HARD_DIGITS),
    "X": (LETTERS + DIGITS, _HARD_LETTERS + _HARD_DIGITS),
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
    "LL NN LL NNNN",
    "LL NN LL NNNN",
    "LL NN 'TC' NNNN",
    "LL NN L NNN",
)
INDIAN_ODD = (
    "LL NN '(TEMP)' NNNN", "LL NN 'TC' NNN L", "LL NN '[T]' NNNN", "LL NN LL'[T]'NNNN", "LL NN 'T.C' NNNN",
    "LL NN '(TC)' NN", "LL NN 'TC' NN/NN-NN", "LL-NN/LL-NNNN", "LL.NN.'TC'.NNNN", "LLNN 'TC' NN.NN", "LL NN 'TR' NNNN",
    "NNNN", "LL NN LL N", "LLNNL NNNN", "LL NN (L) NNN", "L/LL NN NNNN",
)  # fmt: skip
INDIAN_BLOCKS = (
    "LL|NN LLNNNN", "LL|NN LL NNNN", "LLNN|LL NNNN", "LLNN|L NNNN", "LLNN|LL NNNN", "LL|NN NNNN", "LLNN|LL NNN",
    "LL-NN|LL NNNN", "LL|NN LNNNN", "NN|LL NNNN",
)  # fmt: skip
LATIN = ("LLL NNNN", "LLLNLNN", "LLL NLNN", "LL NNN LL", "LLL NNN", "LLL NNN L", "NNN LLL", "L NNN LLL")
CHINESE = ("L XXXXX", "L. NNNNN", "L. XNNNN", "L. NNNNX", "L.XNNNN", "L.NNXNN", "L. DNNNNN", "L XXNNN")
HALVES = (
    "NNNN", "LL NN", "LL NN L", "LL NN LL", "LLNN", "L NNNN", "LL NNNN", "LL NNN", "LNN", "NLLL", "NNN", "LLL", "NN",
    "LL NNL", "NNNL", "NN L", "NN LL", "NNNNN",
)  # fmt: skip
TUNISIAN = ("NNN 'T' NNNN", "NN 'T' NNNN", "NNN 'T' NNN", "N 'T' NNNN", "NNN 'T' N", "NNN 'T' NN")


def fill(rng: np.random.Generator, pattern: str) -> list[str]:
    """Groups of characters for one pattern; X is a letter or digit."""
    groups = []
    for part in pattern.split():
        pieces = part.split("'")  # every other one stood in quotes
        written = [
            piece if number % 2 else "".join(_character(rng, sort) for sort in piece)
            for number, piece in enumerate(pieces)
        ]
        groups.append("".join(written))
    return groups


def free(rng: np.random.Generator) -> list[str]:
    """Groups of anything: 2 to 9 characters in one to three groups, as on personal, old and foreign plates."""
    text = "".join(_character(rng, "X" if rng.random() < 0.5 else "L") for _ in range(int(rng.integers(2, 10))))
    cuts = sorted({int(cut) for cut in rng.integers(1, len(text) + 1, int(rng.integers(0, 3)))} | {len(text)})
    return [text[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]


def marked(rng: np.random.Generator, groups: list[str]) -> list[str]:
    """Groups with marks that part them, all in one way: close to one of them, between them, or around one."""
    if len(groups) == 1 or any(mark in group for group in groups for mark in MARKS + BREAK):
        return groups
    sort = rng.random()
    if sort < 0.1:
        place = int(rng.integers(len(groups)))
        pair = "()" if rng.random() < 0.65 else "[]"
        return [*groups[:place], pair[0] + groups[place] + pair[1], *groups[place + 1 :]]
    mark = str(rng.choice(list("-./:"), p=[0.57, 0.35, 0.05, 0.03]))
    here = [rng.random() < 0.8 for _ in groups[1:]]
    if sort < 0.5:  # no wider apart than characters
        return ["".join(group + mark * end for group, end in zip(groups, [*here, False], strict=True))]
    if sort < 0.75:
        return [group + mark * end for group, end in zip(groups, [*here, False], strict=True)]
    parted = [groups[0]]
    for group, end in zip(groups[1:], here, strict=True):
        parted += [mark, group] if end else [group]
    return parted


def label(groups: list[str]) -> str:
    """What is read of groups: all but the marks and the breaks."""
    return "".join(character for group in groups for character in group if character not in MARKS + BREAK)


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
