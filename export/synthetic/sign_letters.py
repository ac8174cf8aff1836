"""Letters as sign makers set and cut them: the mask of a line, before anything is painted.

Initials stand out, letters dance, are pulled apart, hollow or made of lamps, slanted, or set along an arc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.synthetic.sign_fonts import Typeface

    Picture = NDArray[Any]  # uint8; OpenCV's stubs do not say so of what they return

_INITIALS = 0.07
_DANCING = 0.05
_BENT = 0.26
_HOLLOW = 0.04
_LAMPS = 0.02
_EXTENDED = 0.12
_LEAST_LAMP = 4  # pixels from lamp to lamp


def lettering(rng: np.random.Generator, face: Typeface, text: str, *, plain: bool = False) -> Picture:
    """Ink 0..255 of a text in a typeface that has all of it, cut to the ink: uint8 (h, w); of no size where none is.

    ``plain`` letters stand in a row as the typeface has them, wider or narrower.
    """
    mask = face.draw(text) if plain else _written(rng, face, text)
    if min(mask.shape) < 2:
        return mask[:0, :0]
    stretch = float(np.exp(rng.normal(0, 0.22)))
    if not plain and rng.random() < _EXTENDED:  # cuts as wide as these are hardly among the typefaces
        stretch *= rng.uniform(1.3, 1.9)
    mask = cv2.resize(mask, (max(3, round(mask.shape[1] * stretch)), mask.shape[0]), interpolation=cv2.INTER_LINEAR)
    if plain:
        return mask
    weight = int(rng.integers(-1, 4)) if rng.random() < 0.5 else 0
    if weight:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(weight) + 1, abs(weight) + 1))
        mask = cv2.dilate(np.pad(mask, 2), kernel) if weight > 0 else cv2.erode(mask, kernel)
    sort = rng.random()
    if sort < _HOLLOW:
        thick = np.pad(mask, 3)
        mask = cv2.subtract(cv2.dilate(thick, np.ones((3, 3), np.uint8)), cv2.erode(thick, np.ones((3, 3), np.uint8)))
    elif sort < _HOLLOW + _LAMPS:
        mask = lamps(rng, mask)
    if min(mask.shape) < 2:
        return mask[:0, :0]
    if rng.random() < _BENT:
        mask = arched(rng, mask) if rng.random() < 0.4 else bent(rng, mask)
    return mask


def bent(rng: np.random.Generator, mask: Picture) -> Picture:
    """Letters slanted, along an arc, or growing to one side."""
    height, width = mask.shape
    kind = rng.random()
    slant = rng.normal(0, 0.25) if kind < 0.55 else 0.0
    sag = rng.uniform(-0.5, 0.5) * height if kind >= 0.55 and kind < 0.9 else 0.0
    grow = rng.uniform(0.6, 1.0) if kind >= 0.9 else 1.0
    reach = int(abs(slant) * height / 2 + 2)
    extra = int(abs(sag) + 2)
    padded = np.pad(mask, ((extra, extra), (reach, reach)))
    rows, columns = np.indices(padded.shape, dtype=np.float32)
    across = (columns - padded.shape[1] / 2) / max(1.0, width / 2)  # -1..1 from the first to the last letter
    middle = padded.shape[0] / 2
    share = grow + (1 - grow) * (across + 1) / 2
    source_rows = (rows - middle - sag * (across**2 - 0.5)) / share.clip(0.3) + middle
    source_columns = columns + (rows - middle) * np.float32(slant)
    return _inked(
        cv2.remap(padded, source_columns.astype(np.float32), source_rows.astype(np.float32), cv2.INTER_LINEAR)
    )


def arched(rng: np.random.Generator, mask: Picture) -> Picture:
    """Letters along a part of a circle, each turned with it, the tops outside or inside."""
    height, width = mask.shape
    turn = np.radians(rng.uniform(15, 120))
    radius = max(width / turn, 0.8 * height)  # of the line's middle
    turn = width / radius
    outer = radius + height / 2
    half = outer * (np.sin(turn / 2) if turn < np.pi else 1.0)
    lowest = (radius - height / 2) * np.cos(turn / 2)
    rows, columns = np.indices((round(outer - lowest) + 2, round(2 * half) + 2), dtype=np.float32)
    across, up = columns - np.float32(half + 1), np.float32(outer + 1) - rows
    source_columns = np.arctan2(across, up) * np.float32(radius) + np.float32(width / 2)
    source_rows = np.float32(outer) - np.hypot(across, up)
    if rng.random() < 0.35:  # as on the lower half of a round sign
        source_rows, source_columns = height - 1 - source_rows, width - 1 - source_columns
        turned = cv2.remap(mask, source_columns, source_rows, cv2.INTER_LINEAR)
        return _inked(turned[::-1, ::-1])
    return _inked(cv2.remap(mask, source_columns, source_rows, cv2.INTER_LINEAR))


def lamps(rng: np.random.Generator, mask: Picture) -> Picture:
    """Letters of dots on a grid, as displays have them."""
    step = max(_LEAST_LAMP, round(mask.shape[0] / rng.uniform(7, 14)))
    grid = (max(1, mask.shape[1] // step), max(1, mask.shape[0] // step))
    lit = cv2.resize(mask, grid, interpolation=cv2.INTER_AREA) > rng.uniform(70, 130)
    dot = np.zeros((step, step), np.uint8)
    cv2.circle(dot, (step // 2, step // 2), max(1, round(step * rng.uniform(0.3, 0.55))), 255, -1, cv2.LINE_AA)
    return _inked(np.kron(lit.astype(np.uint8), dot))


def _written(rng: np.random.Generator, face: Typeface, text: str) -> Picture:
    """The text as it is set: in one piece, with larger initials, or with letters that dance."""
    kind = rng.random()
    spread = float(
        rng.choice(
            [0.0, rng.uniform(-0.03, 0.12), rng.uniform(0.1, 0.6), rng.uniform(0.6, 1.5)], p=[0.6, 0.28, 0.1, 0.02]
        )
    )
    if face.shaped or kind > _INITIALS + _DANCING or len(text) < 2:
        return face.draw(text, spread=spread)
    sizes, falls, turns = np.ones(len(text)), np.zeros(len(text)), np.zeros(len(text))
    if kind < _INITIALS and text.isupper():
        first = np.array([place == 0 or text[place - 1] == " " for place in range(len(text))])
        sizes[first] = rng.uniform(1.15, 1.7)
        falls[first] = (sizes[first] - 1) * float(rng.choice([0.0, 0.35, 0.7], p=[0.55, 0.3, 0.15]))
    else:
        sizes = np.exp(rng.normal(0, rng.uniform(0, 0.14), len(text)))
        falls = rng.normal(0, rng.uniform(0.02, 0.12), len(text))
        turns = rng.normal(0, rng.uniform(0, 8), len(text))
    return placed(face, text, np.stack([sizes, falls, turns], 1), max(spread, 0.0))


def placed(face: Typeface, text: str, ways: NDArray[np.float64], spread: float) -> Picture:
    """Letters one by one, each its own way: ink 0..255, cut to the ink, uint8 (h, w).

    Args:
        face: that has all of them.
        text: at least one character.
        ways: float64 (letters, 3), the size of each, 1 as drawn; its fall below the line in ems; its turn in degrees.
        spread: more room between them, in ems; at least 0.

    """
    letters = face.letters(text)
    em = face.em
    line: Picture = np.zeros(
        (4 * em, round(sum(letter.advance for letter in letters) * 2) + (2 + len(text)) * 2 * em), np.uint8
    )
    column = float(em)
    for letter, (size, fall, turn) in zip(letters, ways, strict=True):
        place = (column, em * (2.2 + fall))
        matrix: NDArray[Any] = cv2.getRotationMatrix2D((letter.origin[0], letter.origin[1]), float(turn), float(size))
        matrix[:, 2] += np.array(place) - letter.origin
        low, high = max(0, int(column - em)), min(line.shape[1], int(column + (letter.advance + em) * size) + em)
        matrix[0, 2] -= low
        part = line[:, low:high]
        np.maximum(
            part, cv2.warpAffine(letter.ink, matrix, (part.shape[1], part.shape[0]), flags=cv2.INTER_LINEAR), out=part
        )
        column += letter.advance * float(size) + spread * em
    return _inked(line)


def _inked(mask: Picture) -> Picture:
    """Cut to the ink; nothing where there is hardly any."""
    rows, columns = np.flatnonzero(mask.max(axis=1) > 24), np.flatnonzero(mask.max(axis=0) > 24)
    if not len(rows):
        return mask[:0, :0]
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
