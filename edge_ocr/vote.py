"""All sightings of one plate or sign -> one reading, with the probability that it is exactly right.

The candidates are the union of the sightings' n-best lists. A candidate's score is the exact CTC log-probability of its
labels (Graves et al., 'Connectionist temporal classification', 2006) summed over the sightings, plus what the grammar
says about it, so that a text that no single frame got right can still win. docs/design/vote.md derives what follows.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from edge_ocr import ctc
from edge_ocr.types import Alternative, Ballot, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_ocr.grammar import Grammar
    from edge_ocr.types import Kind, Sighting

Labels: TypeAlias = tuple[int, ...]

_ALTERNATIVES = 5
_IMPOSSIBLE = -1e6  # a log-probability that no text recovers from, and that still can be calculated with
_LEAST = 1e-7  # rows of float32 sum to 1 no more exactly than this


@dataclass(frozen=True, slots=True)
class Vote:
    """What the sightings of one track agreed on.

    Attributes:
        reading: the text, its confidence and its alternatives; the quad is that of the sighting ``best``.
        best: index of the sighting that supports the text best: its crop is the evidence.
        unread: how many sightings gave no text at all; they were looked at and had nothing to say.
        outvoted: how many sightings read something else best.
        ballots: what each sighting that gave a text says by itself, in the order of their frames.

    """

    reading: Reading
    best: int
    unread: int
    outvoted: int
    ballots: tuple[Ballot, ...] = ()

    @property
    def margin(self) -> float:
        """By how much the text leads over all else that it may be: the logarithm of the odds that it is right."""
        sure = min(max(self.reading.confidence, 0.0), 1 - 1e-12)
        return math.log(max(sure, 1e-300)) - math.log1p(-sure)


@dataclass(frozen=True, slots=True)
class Trust:
    """How far the recogniser's probabilities are believed; chosen by measurement, see docs/design/vote.md.

    Attributes:
        correlation: 0..1. Frames of one vehicle share its dirt and its light, so n of them are worth n ** (1 -
            correlation) independent ones: at 0 each counts in full, at 1 all together count as one.
        outlier: nats, above 0; what one frame among several can cost a text, compared with the text that the frame
            likes best. A frame with a wiper across the plate is sure of nonsense and must not decide alone.
        unlisted: how many unlisted texts, each as probable as the last one listed, the n-best lists leave out.

    """

    correlation: float = 0.8
    outlier: float = 10.0
    unlisted: float = 5.0

    def __post_init__(self) -> None:
        if not (0 <= self.correlation <= 1 and self.outlier > 0 and self.unlisted > 0):
            raise ValueError(f"{self} is impossible: correlation must be in 0..1, outlier and unlisted above 0")


def fuse(sightings: Sequence[Sighting], grammar: Grammar, *, kind: Kind, trust: Trust | None = None) -> Vote | None:
    """Let all sightings of one plate or sign decide together; one sighting is the same with n = 1.

    Args:
        sightings: of one track, in any order; ties go to the earlier sighting and the smaller text.
        grammar: of the decoder that listed the hypotheses.
        kind: of the reading.
        trust: how far to believe the recogniser.

    Returns:
        The vote, or None if no sighting gave a text that the grammar accepts.

    """
    trust = trust or Trust()
    legible = [index for index, sighting in enumerate(sightings) if is_legible(sighting)]
    weighed = _weighed([sightings[index] for index in legible], grammar)
    if not weighed:
        return None
    candidates, weights = tuple(weighed), np.array(list(weighed.values()))
    frames = _scores([sightings[index] for index in legible], candidates, grammar)
    share = float(len(legible)) ** -trust.correlation
    floors = frames.max(axis=1) - (trust.outlier if len(legible) > 1 else np.inf)  # alone, a frame is all there is
    scores = share * np.maximum(frames, floors[:, None]).sum(axis=0) + weights
    weight = float(weights.max())
    lasts = np.array([sightings[i].hypotheses[-1].score for i in legible]) - weight
    rest = _rest(frames, floors, lasts, share=share, unlisted=trust.unlisted) + weight
    confidences = np.exp(scores - np.logaddexp.reduce(np.append(scores, rest)))

    texts = [_text(labels, grammar) for labels in candidates]
    order = sorted(range(len(texts)), key=lambda index: (-scores[index], texts[index]))
    winner = order[0]
    best = legible[int(np.argmax(frames[:, winner]))]
    alternatives = (Alternative(texts[i], float(confidences[i])) for i in order[1 : 1 + _ALTERNATIVES])
    reading = Reading(
        text=texts[winner],
        confidence=float(confidences[winner]),
        kind=kind,
        region=grammar.region_of(texts[winner]),
        quad=sightings[best].strip.quad,
        alternatives=tuple(alternatives),
    )
    favourites = [(index, max(sightings[index].hypotheses, key=lambda known: known.score)) for index in legible]
    outvoted = sum(known.labels != candidates[winner] for _, known in favourites)
    ballots = [
        Ballot(sightings[index].frame, _text(known.labels, grammar), math.exp(min(0.0, known.log_prob)))
        for index, known in favourites
    ]
    told = tuple(sorted(ballots, key=lambda ballot: ballot.frame))
    return Vote(reading, best, len(sightings) - len(legible), outvoted, told)


def contradiction(
    first: Sequence[Sighting], second: Sequence[Sighting], grammar: Grammar, *, trust: Trust | None = None
) -> float:
    """How much speaks against two groups of sightings showing the same text.

    The best that both could say together is compared with the best that each says alone. A text that was misread once
    costs little, because the right one was nearly as probable; another plate, clearly read, costs much, however alike
    the two are.

    Args:
        first: of one track.
        second: of another.
        grammar: of the decoder that listed the hypotheses.
        trust: how far to believe the recogniser.

    Returns:
        Nats, at least 0; inf where one of the groups says nothing.

    """
    trust = trust or Trust()
    groups = [[sighting for sighting in group if is_legible(sighting)] for group in (first, second)]
    candidates = tuple(_weighed([*groups[0], *groups[1]], grammar))
    if not candidates or not all(groups):
        return math.inf
    one, other = (_fused(_scores(group, candidates, grammar), trust) for group in groups)
    return float(one.max() + other.max() - (one + other).max())


def _scores(sightings: Sequence[Sighting], candidates: Sequence[Labels], grammar: Grammar) -> NDArray[np.float64]:
    """(sightings, candidates): the log-probability of each text in each; those of two lines take more time steps."""
    scores = np.empty((len(sightings), len(candidates)))
    for shape in {sighting.log_probs.shape for sighting in sightings}:
        alike = [index for index, sighting in enumerate(sightings) if sighting.log_probs.shape == shape]
        log_probs = np.stack([sightings[index].log_probs for index in alike])
        scores[alike] = ctc.score(log_probs, candidates, blank=_blank(grammar))
    return np.maximum(scores, _IMPOSSIBLE)


def _fused(frames: NDArray[np.float64], trust: Trust) -> NDArray[np.float64]:
    """(candidates,) what all frames together say of each text."""
    floors = frames.max(axis=1) - (trust.outlier if len(frames) > 1 else np.inf)
    share = float(len(frames)) ** -trust.correlation
    return np.asarray(share * np.maximum(frames, floors[:, None]).sum(axis=0), np.float64)


def is_legible(sighting: Sighting) -> bool:
    """Whether the decoder found any text in it; an empty text is none."""
    return any(hypothesis.labels for hypothesis in sighting.hypotheses)


def _blank(grammar: Grammar) -> int:
    """The one class of 0..A that is no character: what the sum of the others lacks."""
    characters = len(grammar.classes)
    return characters * (characters + 1) // 2 - int(grammar.classes.sum())


def _text(labels: Labels, grammar: Grammar) -> str:
    """Characters put together where an alphabet spells them by their parts, such as the syllables of Hangul."""
    text = "".join(grammar.alphabet[position] for position in np.searchsorted(grammar.classes, labels))
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _weighed(sightings: Sequence[Sighting], grammar: Grammar) -> dict[Labels, float]:
    """Every listed label sequence that the grammar accepts, in order of first mention, with its weight."""
    listed = dict.fromkeys(hypothesis.labels for sighting in sightings for hypothesis in sighting.hypotheses)
    weights = ((labels, grammar.weigh(labels)) for labels in listed if labels)
    return {labels: weight for labels, weight in weights if np.isfinite(weight)}


def _rest(
    frames: NDArray[np.float64],
    floors: NDArray[np.float64],
    lasts: NDArray[np.float64],
    *,
    share: float,
    unlisted: float,
) -> float:
    """The log-probability of 'something else', all texts that no list holds, were each as well formed as the best one.

    Two bounds, of which the smaller holds. An unlisted text can have in a frame no more than the probability that the
    candidates leave over, whatever the grammar says of it; and no more than the last hypothesis of the frame's own
    list has, though there may be several such texts.

    Args:
        frames: (frames, candidates) log-probabilities.
        floors: (frames,) the least that each frame can give.
        lasts: (frames,) log-probability of each frame's last hypothesis, had it the weight of the best candidate.
        share: what one frame counts.
        unlisted: how many texts to expect beyond the lists.

    """
    left = np.log(np.maximum(1 - np.exp(frames).sum(axis=1), _LEAST))
    any_text = float(np.maximum(left, floors).sum())
    one_text = float(np.maximum(np.minimum(left, lasts), floors).sum())
    return min(share * any_text, share * one_text + float(np.log(unlisted)))
