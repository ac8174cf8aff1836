"""Quad -> sighting: a text cut out, recognised and decoded in every way that it may be written.

Nobody tells whether a plate has one line or two, nor which way up it hangs. What the recogniser and the grammar make of
each way does: the way with the likeliest text counts. A further way costs a further recognition, so none is tried that
the shape of the plate, or a first reading that leaves no doubt, excludes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr import rectify
from edge_ocr.blocks import blocked
from edge_ocr.decode import search
from edge_ocr.join import stacked
from edge_ocr.lines import parted
from edge_ocr.preprocess import band
from edge_ocr.types import Kind, Quad, Sighting, corners_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge_ocr.clock import Stopwatch
    from edge_ocr.grammar import Grammar
    from edge_ocr.recognise import Recogniser
    from edge_ocr.types import Image, Strip

BEAM = 16
"""Hypotheses that the search keeps at each time step; from here on its best one is the exact search's."""

LISTED = 8
"""Hypotheses of a sighting that the vote gets: those that could still win, with those of other frames."""

_LINE_MARGIN = 0.02  # of a line's own width and height; less than of a plate's, for the next line is near
_HALF = math.log(0.5)
_FLAT = 1e-3  # width / height, at least
_UPRIGHT = 0.75  # width / height below which a plate stands on its side
_HEADLONG = -4.0  # nats; one plate in fifty hangs upside down, and hardly that
_DOUBT = -0.1  # log-probability of a text below which it is looked at again, and upside down
_NO_TEXT = -7.0  # log-probability of one that is so unlikely that no further look makes a text of it
_AGAIN = ((0.1, 0.0), (-0.05, -0.02), (0.0, 0.12), (0.0, -0.12))  # wider, tighter, higher, lower

# Of a word, in its own heights beyond its ends and beyond its edges: a share of its width would bring the next word in.
_WORD = (0.05, 0.1)
_WORD_AGAIN = ((0.2, 0.15), (-0.1, 0.05), (0.0, 0.0), (0.0, -0.04))
_DRAWN_OUT = (1.0, 1.0, 1.6, 1.0)  # how much wider each of these is drawn: letters that run together come apart

_SQUARE = 1.35  # width / height of a crop up to which it may show a whole sign, round or with eight corners
# Of the crop's width and height: within the rim, where a text has up to half as many rows again.
_MIDDLES = ((-0.05, -0.15), (-0.08, -0.2))


@dataclass(frozen=True, slots=True)
class Sight:
    """Looks at the texts of one frame.

    Args:
        recogniser: of strips.
        grammar: what a text may look like, over the recogniser's alphabet.
        frame: its number, for the sightings.
        stopwatch: gets the time of each stage.
        loose: whether plates come as a person cuts them out, with room and other lines around their text: then the band
            of the text alone is looked at. A detector's quads are tighter, and lose by it.

    """

    recogniser: Recogniser
    grammar: Grammar
    frame: int
    stopwatch: Stopwatch
    loose: bool = False

    def of_quads(self, image: Image, quads: Sequence[Quad]) -> list[Sighting]:
        """One sighting a quad, in their order, but one for two that turn out to be the lines of one plate.

        Args:
            image: uint8, HxWx3 (B, G, R) or HxW grey.
            quads: in pixels of the image.

        """
        seen = [self._of_quad(image, quad) for quad in quads]
        left = dict(enumerate(seen))
        for upper, lower, whole in stacked(quads):
            lines = self._of_lines(image, whole) if upper in left and lower in left else None
            if lines and likelihood(lines) > max(likelihood(left[upper]), likelihood(left[lower])):
                parts = [index for index, quad in enumerate(quads) if holds(whole, quad)]
                for index in {upper, lower, *parts}:
                    left.pop(index, None)
                left[upper] = lines
        return [left[index] for index in sorted(left)]

    def of_crop(self, image: Image, kind: Kind) -> Sighting:
        """The sighting of an image that is one plate or one line of text.

        Args:
            image: uint8, HxWx3 (B, G, R) or HxW grey.
            kind: what it shows.

        """
        first = self._read(partial(rectify.whole, image, kind=kind))
        quad = first.strip.quad
        shape = rectify.proportion(quad)
        if kind is not Kind.PLATE and shape < _UPRIGHT and not _is_sure(first):
            return self._turned(first, lambda quad: self._read(partial(rectify.strip, image, quad, margin=0.0)))
        if kind is not Kind.PLATE and shape <= _SQUARE:
            middles = [rectify.grown(quad, *within) for within in _MIDDLES]
            looks = [self._read(partial(rectify.strip, image, middle, margin=0.0)) for middle in middles]
            return reduce(clearer, looks, first)
        return self._likeliest(image, first, margin=0.0)

    def again(self, image: Image, sighting: Sighting) -> list[Sighting]:
        """Further looks at a text that was left in doubt; what they all say together is more often right.

        A detector's corners, and who cuts out a crop, err by a few hundredths of the width and twice that of the
        height; each further look stretches or trims the quad one way.

        Args:
            image: as before.
            sighting: of one of its quads, or of all of it.

        Returns:
            None for a text that leaves no doubt, or where no text is.

        """
        if not sighting.hypotheses or not _NO_TEXT <= sighting.hypotheses[0].log_prob < _DOUBT:
            return []
        quad = sighting.strip.quad
        if quad.kind is not Kind.PLATE:
            return [
                self._read(partial(rectify.strip, image, _beyond(quad, *reach), margin=0.0), widening)
                for reach, widening in zip(_WORD_AGAIN, _DRAWN_OUT, strict=True)
            ]
        quads = [rectify.grown(quad, across, down) for across, down in _AGAIN]
        if sighting.lines == 1:
            return [self._read(partial(rectify.strip, image, quad)) for quad in quads]
        parting = parted if sighting.lines == 2 else blocked
        return [lines for quad in quads if (lines := self._of_lines(image, quad, parting))]

    def _of_quad(self, image: Image, quad: Quad) -> Sighting:
        if quad.kind is not Kind.PLATE:
            return self._of_word(image, quad)
        return self._likeliest(image, self._read(partial(rectify.strip, image, quad)), margin=rectify.MARGIN)

    def _of_word(self, image: Image, quad: Quad) -> Sighting:
        """A word as it stands, or on its side where its quad is higher than wide and nothing sure stands upright."""

        def read(quad: Quad) -> Sighting:
            sighting = self._read(partial(rectify.strip, image, _beyond(quad, *_WORD), margin=0.0))
            return replace(sighting, strip=replace(sighting.strip, quad=quad))

        first = read(quad)
        return self._turned(first, read) if rectify.proportion(quad) < _UPRIGHT and not _is_sure(first) else first

    def _turned(self, first: Sighting, read: Callable[[Quad], Sighting]) -> Sighting:
        """What a first reading says, or a clear one of the same word on either of its sides that is likelier.

        One character is higher than wide, so that a high quad shows it upright.
        """
        sides = [read(turned(first.strip.quad, turn)) for turn in (1, 3)]
        return reduce(clearer, [side for side in sides if _is_clear(side) and _is_long(side)], first)

    def _of_lines(
        self, image: Image, quad: Quad, parting: Callable[[Image, Quad], tuple[Quad, ...] | None] = parted
    ) -> Sighting | None:
        """All lines as one text; None where the quad can have but one."""
        lines = parting(image, quad)
        if lines is None:
            return None
        with self.stopwatch.lap("recognise"):
            parts = [self._recognised(self._strip(image, line, _LINE_MARGIN)) for line in lines]
            log_probs = one_after_the_other(parts)
            strip = self._strip(image, quad, rectify.MARGIN)
        return replace(self._decode(strip, log_probs), lines=len(lines))

    def _strip(self, image: Image, quad: Quad, margin: float) -> Strip:
        return self._cut(partial(rectify.strip, image, quad, margin=margin))

    def _likeliest(self, image: Image, first: Sighting, *, margin: float) -> Sighting:
        """What a first reading says, or another way of reading that says something likelier."""
        quad = first.strip.quad
        if quad.kind is not Kind.PLATE:
            return first
        best = likelier(first, self._of_lines(image, quad))
        if _in_doubt(best):
            best = likelier(best, self._of_lines(image, quad, blocked))
        if rectify.proportion(quad) < _UPRIGHT:
            turns: tuple[int, ...] = (1, 3)
        else:
            turns = (2,) if _in_doubt(best) else ()
        for turn in turns:
            other = self._read(partial(rectify.strip, image, turned(quad, turn), margin=margin))
            # Nearly anything looks like a text from somewhere when it stands on its head: only a clear one counts.
            if _is_clear(other) and likelihood(other) + (_HEADLONG if turn == 2 else 0) > likelihood(best):
                best = other
        return best

    def _read(self, cut: Callable[..., Strip], widening: float = 1.0) -> Sighting:
        """One strip as one line, drawn so much wider than other strips."""
        with self.stopwatch.lap("recognise"):
            strip = self._cut(cut, widening)
            log_probs = self._recognised(strip)
        return self._decode(strip, log_probs)

    def _cut(self, cut: Callable[..., Strip], widening: float = 1.0) -> Strip:
        """A strip as the recogniser takes it."""
        taker = self.recogniser
        return cut(width=taker.widths, height=taker.height, widening=widening * taker.widening)

    def _recognised(self, strip: Strip) -> NDArray[np.float32]:
        if self.loose and strip.quad.kind is Kind.PLATE and "band" not in self.recogniser.steps:
            strip = replace(strip, image=band(strip.image))
        return self.recogniser(strip)

    def _decode(self, strip: Strip, log_probs: NDArray[np.float32]) -> Sighting:
        with self.stopwatch.lap("decode"):
            # Where the detector was wrong the strip is more likely than not without any character, but a grammar that
            # accepts no empty text would find one all the same.
            empty = float(log_probs[:, 0].sum()) > _HALF
            hypotheses = [] if empty else search(log_probs, self.grammar, BEAM, LISTED)
        return Sighting(self.frame, strip, log_probs, tuple(hypotheses))


def _beyond(quad: Quad, ends: float, edges: float) -> Quad:
    """A quad that reaches beyond another's ends, and its upper and lower edge, by parts of that one's height."""
    return rectify.grown(quad, ends / max(rectify.proportion(quad), _FLAT), edges)


def _in_doubt(sighting: Sighting) -> bool:
    """Whether a text was read, and may as well be another."""
    return bool(sighting.hypotheses) and sighting.hypotheses[0].log_prob < _DOUBT


def _is_sure(sighting: Sighting) -> bool:
    """Whether a text was read that leaves no doubt."""
    return bool(sighting.hypotheses) and not _in_doubt(sighting)


def _is_clear(sighting: Sighting) -> bool:
    """Whether a text was read that is likelier than all others together."""
    return bool(sighting.hypotheses) and sighting.hypotheses[0].log_prob >= _HALF


def _is_long(sighting: Sighting) -> bool:
    """Whether a text of several characters was read."""
    return bool(sighting.hypotheses) and len(sighting.hypotheses[0].labels) > 1


def likelihood(sighting: Sighting) -> float:
    """The score of what a sighting most likely says; -inf if it says nothing."""
    return sighting.hypotheses[0].score if sighting.hypotheses else -math.inf


def likelier(one: Sighting, other: Sighting | None) -> Sighting:
    """The sighting that says what is likelier, the first if both are alike."""
    return other if other is not None and likelihood(other) > likelihood(one) else one


def clearer(one: Sighting, other: Sighting) -> Sighting:
    """The same of two looks at one text by what was seen: that it is a word of some language is no merit of a look."""

    def clarity(sighting: Sighting) -> float:
        if not sighting.hypotheses:
            return -math.inf
        best = sighting.hypotheses[0]
        return best.log_prob + min(best.weight, 0.0)

    return other if clarity(other) > clarity(one) else one


def holds(quad: Quad, other: Quad) -> bool:
    """Whether the middle of another quad lies within a quad."""
    x, y = np.mean(other.corners, axis=0).tolist()
    return cv2.pointPolygonTest(np.array(quad.corners, np.float32), (x, y), measureDist=False) >= 0


def turned(quad: Quad, quarters: int) -> Quad:
    """The same place, read after so many quarter turns: from its next corner on, clockwise."""
    corners = quad.corners[quarters:] + quad.corners[:quarters]
    return replace(quad, corners=corners_of(corners))


def one_after_the_other(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Lines recognised one by one as one sequence.

    A sure blank stands between them, for the last character of one and the first of the next may be the same. CTC over
    the whole is then exact: the probability of a text is summed over every place where it can be broken.

    Args:
        parts: float32, (T, C) each; natural log-probabilities, class 0 the blank.

    Returns:
        float32, (all T + one for each break, C).

    """
    blank = np.full((1, parts[0].shape[1]), -np.inf, np.float32)
    blank[0, 0] = 0.0
    return np.concatenate([row for part in parts for row in (part, blank)][:-1])
