"""Reading -> readings: several words that were found as one, each as a reading of its own.

A detector now and then takes neighbours for one word. The recogniser then reads the space between them, and where its
time steps put the letters on either side tells where one word ends: the likeliest alignment of the text with the strip
(Viterbi, 'Error bounds for convolutional codes and an asymptotically optimum decoding algorithm', 1967).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.lines import part
from edge_ocr.types import Alternative

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_ocr.types import Reading

_NEVER = -1e9
_TOP, _BOTTOM = (0.0, 0.0), (1.0, 1.0)


def words(reading: Reading, log_probs: NDArray[np.float32], alphabet: str) -> list[Reading]:
    """A reading's words, each with its part of the quad.

    Args:
        reading: of a quad; its text holds single spaces, or none.
        log_probs: float32 (T, C) of the look at the quad, natural logarithms, class 0 the blank.
        alphabet: character ``i`` is class ``i + 1``.

    Returns:
        From left to right. A word's confidence is that of all texts that have it in its place. The reading itself where
        it is one word, where all its parts are single characters, as in a name that is set wide, or where the strip has
        no room for the text or the alphabet spells it by other characters.

    """
    parts = reading.text.split(" ")
    if len(parts) == 1 or max(map(len, parts)) == 1 or not all(parts) or not set(reading.text) <= set(alphabet):
        return [reading]
    places = positions(log_probs, [alphabet.index(character) + 1 for character in reading.text])
    if places is None:
        return [reading]
    spaces = [number for number, character in enumerate(reading.text) if character == " "]
    cuts = [0.0, *((places[number - 1] + places[number + 1]) / 2 for number in spaces), 1.0]
    told = [_told(reading, number, len(parts)) for number in range(len(parts))]
    return [
        replace(
            reading,
            text=word,
            quad=part(reading.quad, _TOP, _BOTTOM, across=ends),
            confidence=sure,
            alternatives=others,
        )
        for word, ends, (sure, others) in zip(parts, pairwise(cuts), told, strict=True)
    ]


def positions(log_probs: NDArray[np.float32], labels: Sequence[int]) -> list[float] | None:
    """Where in a strip each character of a text stands, by the likeliest alignment of both.

    Args:
        log_probs: float32 (T, C), natural logarithms, class 0 the blank.
        labels: classes, at least one.

    Returns:
        The middle of each one's time steps as a share of the strip's width, 0..1, ascending; None where there are too
        few steps.

    """
    states = np.zeros(2 * len(labels) + 1, np.intp)
    states[1::2] = labels
    skips = np.zeros(len(states), np.bool_)  # the blank before a character may be left out, but not between equals
    skips[3::2] = states[3::2] != states[1:-2:2]
    emitted = log_probs[:, states].astype(np.float64)
    scores = np.full(len(states), _NEVER)
    scores[:2] = emitted[0, :2]
    came = np.zeros((len(log_probs), len(states)), np.intp)
    for step in range(1, len(log_probs)):
        ways = np.full((3, len(states)), _NEVER)
        ways[0] = scores
        ways[1, 1:] = scores[:-1]
        ways[2, 2:] = np.where(skips[2:], scores[:-2], _NEVER)
        came[step] = ways.argmax(axis=0)
        scores = ways.max(axis=0) + emitted[step]
    state = len(states) - 1 - int(scores[-2] > scores[-1])
    if scores[state] <= _NEVER / 2:
        return None
    path = np.empty(len(log_probs), np.intp)
    for step in range(len(log_probs) - 1, -1, -1):
        path[step] = state
        state -= came[step, state]
    steps = np.arange(len(path)) + 0.5
    return [float(steps[path == 2 * number + 1].mean()) / len(path) for number in range(len(labels))]


def _told(reading: Reading, number: int, count: int) -> tuple[float, tuple[Alternative, ...]]:
    """The probability of a word at its place, and the others that may stand there, the likeliest first."""
    sure: dict[str, float] = {}
    for text, confidence in [
        (reading.text, reading.confidence),
        *((a.text, a.confidence) for a in reading.alternatives),
    ]:
        parts = text.split(" ")
        if len(parts) == count:
            sure[parts[number]] = sure.get(parts[number], 0.0) + confidence
    own = sure.pop(reading.text.split(" ")[number])
    others = sorted(sure.items(), key=lambda pair: (-pair[1], pair[0]))
    return min(own, 1.0), tuple(Alternative(text, confidence) for text, confidence in others)
