"""Plate lettering as strokes: an endless family of typefaces where the fonts at hand show only some.

Authorities draw their own letters (FE-Schrift, Dutch, Indian and American dies): W with a low or high middle, 1 with
or without a foot, 4 open or closed, 3 with a flat top, squarish or round bowls. Here each such choice, the roundness
of the bowls (a superellipse), the width and the thickness are drawn at random for one typeface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic.faces import CAPS, CHARACTERS, MASK_HEIGHT, Face

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Line = NDArray[np.float64]

_SQUARE_SHARE = 0.4
_SHIFT = 4  # cv2 draws at sixteenths of a pixel


class _Pen:
    """The choices of one typeface, and the lines that its letters share; the unit box is (0, 0) to (1, 1)."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.power = rng.uniform(1.6, 5.0)
        self.waist = rng.uniform(0.42, 0.56)
        self.pick = rng.random(17)
        self.splay = rng.uniform(0.0, 0.26)  # how far the outer strokes of M and W lean
        self.widths = {"0": 0.85, "O": 1.05, "1": 0.75} | dict(zip("MW", rng.uniform(0.85, 1.35, 2), strict=True))
        self.widths["I"] = rng.uniform(0.5, 1.0) if self.either(5) else 0.05  # with feet, or a bare stem

    def either(self, index: int) -> bool:
        return bool(self.pick[index] < 0.5)

    def arc(self, box: tuple[float, float, float, float], start: float, end: float) -> Line:
        """Part of a superellipse in a box (left, top, right, bottom); degrees clockwise from the right."""
        left, top, right, bottom = box
        angle = np.radians(np.linspace(start, end, max(6, int(abs(end - start) / 12))))
        c, s = np.cos(angle), np.sin(angle)
        x = np.sign(c) * np.abs(c) ** (2 / self.power)
        y = np.sign(s) * np.abs(s) ** (2 / self.power)
        return np.stack([(left + right) / 2 + x * (right - left) / 2, (top + bottom) / 2 + y * (bottom - top) / 2], 1)


def _line(*points: tuple[float, float]) -> Line:
    return np.array(points, np.float64)


def _digits(pen: _Pen) -> dict[str, list[Line]]:
    w = pen.waist
    p = pen.pick
    one = [_line((0.15 + 0.3 * p[0], 0.08 + 0.25 * p[1]), (0.6, 0), (0.6, 1))]
    if pen.either(2):
        one.append(_line((0.2, 1), (1, 1)))
    three_top = [_line((0, 0), (0.95, 0), (0.45, w - 0.03))] if pen.either(3) else [pen.arc((0, 0, 0.95, w), 200, 450)]
    three_low = [pen.arc((0, w - 0.05 * p[4], 1, 1), -90, 160)]
    stem, bar = 0.55 + 0.35 * p[5], 0.66 + 0.12 * p[15]
    apex = (stem - (0.2 * p[13] if pen.either(14) else 0.0), 0)
    four = [
        _line(apex, (0, bar), (1, bar)),
        _line(apex, (stem, 0.0), (stem, 1)) if pen.either(6) else _line((stem, 0.4), (stem, 1)),
    ]
    if p[12] < 0.25:  # open at the top, as Californian dies have it
        four = [_line((0.1 + 0.4 * p[16], 0), (0.05 * p[13], bar), (1, bar)), _line((0.75, 0.45 * p[14]), (0.75, 1))]
    six_bowl = pen.arc((0, w - 0.1, 1, 1), 0, 360)
    six = (
        [six_bowl, _line((0.02, (w + 0.9) / 2), (0.7, 0))]
        if pen.either(7)
        else [six_bowl, np.concatenate([_line((0, (w + 0.9) / 2)), pen.arc((0, 0, 1, 0.7), 180, 330)])]
    )
    return {
        "0": [pen.arc((0, 0, 1, 1), 0, 360)] + ([_line((0.75, 0.2), (0.25, 0.8))] if p[8] < 0.12 else []),
        "1": one,
        "2": [np.concatenate([pen.arc((0, 0, 1, 0.55 + 0.1 * p[9]), 185, 380), _line((0, 1), (1, 1))])],
        "3": three_top + three_low,
        "4": four,
        "5": [np.concatenate([_line((0.92, 0), (0.1, 0), (0.05, w)), pen.arc((-0.1, 0.38, 1, 1), 220, 515)])],
        "6": six,
        "7": [_line((0, 0), (1, 0), (0.3 + 0.2 * p[10], 1))]
        + ([_line((0.25, 0.5), (0.9, 0.5))] if p[11] < 0.1 else []),
        "8": [pen.arc((0.06, 0, 0.94, w), 0, 360), pen.arc((0, w, 1, 1), 0, 360)],
        "9": [np.stack([1 - part[:, 0], 1 - part[:, 1]], 1) for part in six],
    }


def _letters(pen: _Pen) -> dict[str, list[Line]]:
    w = pen.waist
    p = pen.pick
    flat = 0.12 * p[0]
    middle, apex = 0.3 + 0.7 * p[1], 0.3 + 0.7 * p[11]  # how far the middles of M and W reach
    lean = pen.splay if pen.either(12) else 0.0
    bowl_d = np.concatenate([_line((0, 0)), pen.arc((-0.7, 0, 1, 1), -75, 75), _line((0, 1), (0, 0))])

    def bowl(top: float, bottom: float, right: float) -> Line:
        return np.concatenate([_line((0, top)), pen.arc((-0.3, top, right, bottom), -80, 80), _line((0, bottom))])

    jay_hook = pen.arc((0, 0.45, 1, 1), 0, 175)
    cee = pen.arc((0, 0, 1, 1), -40 - 20 * p[2], -320 + 20 * p[2])
    gee_bar = [_line((0.55, 0.55), (1, 0.55), (1, 0.85))] if pen.either(3) else [_line((1, 0.55), (1, 1))]
    gee = pen.arc((0, 0, 1, 1), 35, 320)
    ess = np.concatenate([pen.arc((0, 0, 1, w + 0.02), -30, -250), pen.arc((0, w - 0.02, 1, 1), -80, 150)])
    return {
        "A": [_line((0, 1), (0.5 - flat, 0), (0.5 + flat, 0), (1, 1)), _line((0.15, 0.68), (0.85, 0.68))],
        "B": [bowl(0, w, 0.92), bowl(w, 1, 1), _line((0, 0), (0, 1))],
        "C": [cee],
        "D": [bowl_d],
        "E": [_line((1, 0), (0, 0), (0, 1), (1, 1)), _line((0, w), (0.6 + 0.35 * p[4], w))],
        "F": [_line((1, 0), (0, 0), (0, 1)), _line((0, w), (0.6 + 0.3 * p[4], w))],
        "G": [gee, *gee_bar],
        "H": [_line((0, 0), (0, 1)), _line((1, 0), (1, 1)), _line((0, w), (1, w))],
        "I": [_line((0.5, 0), (0.5, 1))] + ([_line((0, 0), (1, 0)), _line((0, 1), (1, 1))] if pen.either(5) else []),
        "J": [np.concatenate([_line((1, 0)), jay_hook])] + ([_line((0.4, 0), (1, 0))] if p[6] < 0.3 else []),
        "K": [_line((0, 0), (0, 1)), _line((1, 0), (0.05, 0.6)), _line((0.35 + 0.1 * p[7], 0.42), (1, 1))],
        "L": [_line((0, 0), (0, 1), (1, 1))],
        "M": [_line((0, 1), (lean, 0), (0.5, middle), (1 - lean, 0), (1, 1))],
        "N": [_line((0, 1), (0, 0), (1, 1), (1, 0))],
        "O": [pen.arc((0, 0, 1, 1), 0, 360)],
        "P": [bowl(0, 0.56, 1), _line((0, 0), (0, 1))],
        "Q": [pen.arc((0, 0, 1, 1), 0, 360), _line((0.5 + 0.15 * p[8], 0.65 + 0.15 * p[9]), (1.02, 1.06))],
        "R": [bowl(0, 0.54, 1), _line((0, 0), (0, 1)), _line((0.3 + 0.3 * p[10], 0.54), (1, 1))],
        "S": [ess],
        "T": [_line((0, 0), (1, 0)), _line((0.5, 0), (0.5, 1))],
        "U": [np.concatenate([_line((1, 0)), pen.arc((0, 0.3, 1, 1), 0, 180), _line((0, 0))])],
        "V": [_line((0, 0), (0.5 - flat, 1), (0.5 + flat, 1), (1, 0))],
        "W": [_line((0, 0), (pen.splay, 1), (0.5, 1 - apex), (1 - pen.splay, 1), (1, 0))],
        "X": [_line((0, 0), (1, 1)), _line((1, 0), (0, 1))],
        "Y": [_line((0, 0), (0.5, 0.5), (1, 0)), _line((0.5, 0.5), (0.5, 1))],
        "Z": [_line((0, 0), (1, 0), (0, 1), (1, 1))],
    }


def stroke_face(rng: np.random.Generator) -> Face:
    """A typeface of strokes, drawn at random."""
    pen = _Pen(rng)
    caps = CAPS.stop - CAPS.start
    full = caps * rng.uniform(0.4, 0.78)
    thick = int(rng.uniform(0.12, 0.3) * full)  # thicker, and the insides of M, W, 8 and B would close
    square = rng.random() < _SQUARE_SHARE  # a broad nib, whose strokes end square, thinner where they run level
    flat = round(thick * rng.uniform(0.7, 1.0))
    width = full - thick
    masks = {}
    for character, lines in (_digits(pen) | _letters(pen)).items():
        own = max(1.0, width * pen.widths.get(character, 1.0))
        canvas = np.zeros((MASK_HEIGHT, int(own) + thick + 12), np.uint8)
        scale = np.array([own, caps - thick])
        start = np.array([thick / 2 + 5, CAPS.start + thick / 2])
        parts = [np.rint((line * scale + start) * (1 << _SHIFT)).astype(np.int32) for line in lines]
        drawn = 2 if square else thick
        cv2.polylines(canvas, parts, isClosed=False, color=255, thickness=drawn, lineType=cv2.LINE_AA, shift=_SHIFT)
        if square:
            cv2.dilate(canvas, np.ones((max(1, flat - 1), max(1, thick - 1)), np.uint8), dst=canvas)
        columns = np.flatnonzero(canvas.max(axis=0) > 32)
        masks[character] = canvas[:, columns[0] : columns[-1] + 1].copy()
    return Face("strokes", {character: masks[character] for character in CHARACTERS})
