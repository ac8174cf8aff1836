"""Small things that plates carry: lettering in a face, emblems, stickers, bolts, scenes behind the text.

All functions draw in place on a BGR uint8 canvas; what is drawn without a label is there so that the recogniser learns
to leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from export.synthetic.faces import CAPS, CHARACTERS, MASK_HEIGHT
from export.synthetic.texts import LETTERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.synthetic.faces import Face

    Picture = NDArray[Any]  # uint8; OpenCV's stubs do not say so of what they return

Colour = tuple[int, int, int]
_SLIT_SHARE = 0.1
_RIM = 6
"""Empty columns beside a setting, into which bent strokes may reach."""
_HERSHEY = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Groups of characters and the typeface to set them in."""

    face: Face
    groups: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A line of text as one mask; ``gaps`` are the centres between groups, in columns of the mask."""

    mask: Picture
    gaps: list[float]


def colour(rng: np.random.Generator, low: int = 0, high: int = 256) -> Colour:
    """Any colour with channels in low..high-1."""
    b, g, r = rng.integers(low, high, 3)
    return int(b), int(g), int(r)


def letter(rng: np.random.Generator, line: Line, *, gap: float, space: float) -> Setting:
    """Set a line of text, with its face's proportions and weight changed at random.

    Args:
        rng: source of all choices.
        line: what to set.
        gap: mean distance between groups, in cap heights.
        space: mean distance between characters, in cap heights.

    """
    caps = CAPS.stop - CAPS.start
    widen = rng.uniform(0.75, 1.3)
    weight = int(rng.integers(-1, 5))  # thin faces would not survive more than one pixel less
    sort = rng.random()
    even = sort < 0.2  # fixed pitch: every character centred in a cell of one width
    die = 0.2 <= sort < 0.5  # as many authorities cut their dies: all but the narrowest as wide as each other
    cell = caps * rng.uniform(0.5, 0.75)
    slit = rng.random() < _SLIT_SHARE
    parts: list[Picture] = []
    gaps: list[float] = []
    column = 0

    def pad(width: float) -> None:
        nonlocal column
        blank = np.zeros((MASK_HEIGHT, max(0, round(width))), np.uint8)
        parts.append(blank)
        column += blank.shape[1]

    for number, group in enumerate(line.groups):
        if number:
            width = caps * gap * rng.uniform(0.7, 1.4)
            gaps.append(column + width / 2)
            pad(width)
        for place, character in enumerate(group):
            glyph = line.face.masks[character]
            width = max(3, round(glyph.shape[1] * widen))
            if die and width > 0.6 * cell:
                width = round(cell * rng.uniform(0.97, 1.03))
            if slit and character == "0":
                glyph = _slit(glyph)
            if place:
                pad(max(2.0, caps * space * rng.uniform(0.8, 1.2)))
            side = max(0.0, (cell - width) / 2) if even else 0.0
            pad(side)
            parts.append(cv2.resize(glyph, (width, MASK_HEIGHT), interpolation=cv2.INTER_AREA))
            column += width
            pad(side)
    mask = np.pad(np.concatenate(parts, axis=1), ((0, 0), (_RIM, _RIM)))
    gaps = [centre + _RIM for centre in gaps]
    if weight:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(weight) + 1, abs(weight) + 1))
        mask = cv2.dilate(mask, kernel) if weight > 0 else cv2.erode(mask, kernel)
    if rng.random() < 0.5:
        mask = _bend(rng, mask)
    return Setting(mask, gaps)


def _slit(glyph: Picture) -> Picture:
    """A zero with a slit at the upper right, as on Dutch plates and those made after them, so that it is no O."""
    cut = glyph.copy()
    width, caps = glyph.shape[1], CAPS.stop - CAPS.start
    start, end = (width * 0.6, CAPS.start + caps * 0.42), (width * 1.02, CAPS.start + caps * 0.08)
    points = [(round(x), round(y)) for x, y in (start, end)]
    cv2.line(cut, points[0], points[1], 0, max(2, caps // 12), cv2.LINE_AA)
    return cut


def _bend(rng: np.random.Generator, mask: Picture) -> Picture:
    """Slant the line and deform its strokes smoothly, differently at every character."""
    height, width = mask.shape
    grid = (3, max(3, width // 40))
    dx = cv2.resize(rng.normal(0, 2.2, grid).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    dy = cv2.resize(rng.normal(0, 1.6, grid).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    slant = rng.normal(0, 0.06)
    return cv2.remap(mask, x + dx + slant * (y - height / 2).astype(np.float32), y + dy, cv2.INTER_LINEAR)


def paint(canvas: Picture, mask: Picture, at: tuple[int, int], ink: Colour) -> None:
    """Blend ink through a mask whose top left corner stands at (column, row); what reaches outside is cut off."""
    part, cover = _under(canvas, mask, at)
    alpha = cover.astype(np.uint16)[:, :, None]
    part[:] = ((part * (255 - alpha) + np.array(ink, np.uint16) * alpha) // 255).astype(np.uint8)


def emboss(canvas: Picture, mask: Picture, at: tuple[int, int], depth: float) -> None:
    """Light one side of raised strokes and shade the other; ``depth`` in grey levels, its sign turns the light."""
    part, cover = _under(canvas, mask, at)
    signed = cover.astype(np.int16)
    relief = (np.roll(signed, (-2, -1), (0, 1)) - np.roll(signed, (2, 1), (0, 1))) * (depth / 255)
    part[:] = np.clip(part + relief[:, :, None], 0, 255).astype(np.uint8)


def _under(canvas: Picture, mask: Picture, at: tuple[int, int]) -> tuple[Picture, Picture]:
    """The part of a canvas beneath a mask, and the part of the mask that lies on the canvas; both may be empty."""
    left, top = at
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(canvas.shape[1], left + mask.shape[1]), min(canvas.shape[0], top + mask.shape[0])
    x1, y1 = max(x0, x1), max(y0, y1)
    return canvas[y0:y1, x0:x1], mask[y0 - top : y1 - top, x0 - left : x1 - left]


def words(rng: np.random.Generator, canvas: Picture, centre: tuple[float, float], height: float, ink: Colour) -> None:
    """Small unlabelled lettering: a state's name, a slogan, a dealer; upright or handwriting-like."""
    count = int(rng.integers(3, 13))
    text = "".join(LETTERS[int(n)] for n in rng.integers(0, 26, count))
    if rng.random() < 0.6:
        text = text[0] + text[1:].lower()
    if count > 7:
        text = text[:4] + " " + text[4:]
    font = _HERSHEY[int(rng.integers(len(_HERSHEY)))]
    thick = int(rng.integers(1, 3))
    (width, tall), _ = cv2.getTextSize(text, font, 1.0, thick)
    scale = min(height / max(tall, 1), canvas.shape[1] * 0.8 / max(width, 1))
    at = (int(centre[0] - width * scale / 2), int(centre[1] + tall * scale / 2))
    cv2.putText(canvas, text, at, font, scale, ink, thick, cv2.LINE_AA)


def capitals(
    rng: np.random.Generator, canvas: Picture, face: Face, box: tuple[float, float, float, float], ink: Colour
) -> None:
    """Small unlabelled capitals of a face that fill a box (left, top, right, bottom)."""
    left, top, right, bottom = (round(v) for v in box)
    if right - left < 6 or bottom - top < 4:
        return
    most = min(12, max(2, round(2.5 * (right - left) / (bottom - top))))
    text = "".join(CHARACTERS[int(n)] for n in rng.integers(10, 36, int(rng.integers(1, most))))
    line = np.concatenate([np.pad(face.masks[c][CAPS], ((0, 0), (4, 4))) for c in text], axis=1)
    mask = cv2.resize(line, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    paint(canvas, mask, (left, top), ink)


def emblem(rng: np.random.Generator, canvas: Picture, centre: tuple[float, float], size: float) -> None:
    """A coat of arms, seal, outline of a state, star, flower, sticker or hyphen, in any colours."""
    x, y = centre
    sort = int(rng.integers(8))
    ink, second = colour(rng), colour(rng)
    at = (round(x), round(y))
    radius = max(2, round(size / 2))
    if sort == 0:
        cv2.circle(canvas, at, radius, ink, -1 if rng.random() < 0.6 else max(1, radius // 4), cv2.LINE_AA)
        cv2.circle(canvas, at, max(1, radius // 2), second, -1 if rng.random() < 0.5 else 1, cv2.LINE_AA)
    elif sort == 1:
        points = int(rng.integers(4, 9))
        angle = np.linspace(0, 2 * np.pi, 2 * points, endpoint=False) - np.pi / 2
        reach = np.where(np.arange(2 * points) % 2, radius * rng.uniform(0.3, 0.7), radius)
        _fill(canvas, x + reach * np.cos(angle), y + reach * np.sin(angle), ink)
    elif sort <= 3:
        count = int(rng.integers(5, 14))
        angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
        reach = radius * rng.uniform(0.4, 1.1, count)
        _fill(canvas, x + reach * np.cos(angle) * rng.uniform(0.5, 1.3), y + reach * np.sin(angle), ink)
        if rng.random() < 0.5:
            cv2.circle(canvas, at, max(1, radius // 2), second, -1, cv2.LINE_AA)
    elif sort == 4:
        half = round(radius * rng.uniform(0.5, 1.0))
        cv2.rectangle(canvas, (at[0] - half, at[1] - radius), (at[0] + half, at[1] + radius), ink, -1)
        cv2.line(canvas, (at[0] - half // 2, at[1]), (at[0] + half // 2, at[1]), second, 1)
    elif sort == 5:
        half = max(2, round(radius * rng.uniform(0.3, 0.8)))
        cv2.rectangle(canvas, (at[0] - half, at[1] - 3), (at[0] + half, at[1] + 3), ink, -1)
    elif sort == 6:
        squiggle(rng, canvas, (x - radius, y - radius, x + radius, y + radius), ink)
    else:
        _outline(rng, canvas, (x, y), radius)


def separator(rng: np.random.Generator, canvas: Picture, centre: tuple[float, float], caps: float, ink: Colour) -> None:
    """What is written between groups without being read: a hyphen, a dot or two, a stroke, a bracket."""
    x, y = centre
    thick = max(1, round(caps * rng.uniform(0.08, 0.2)))
    half = caps * rng.uniform(0.08, 0.2)
    sort = int(rng.integers(5))
    if sort == 0:
        cv2.line(canvas, (round(x - half), round(y)), (round(x + half), round(y)), ink, thick, cv2.LINE_AA)
    elif sort == 1:
        rows = (y + caps * rng.uniform(0.3, 0.5),) if rng.random() < 0.6 else (y - 0.2 * caps, y + 0.2 * caps)
        for row in rows:
            cv2.circle(canvas, (round(x), round(row)), max(1, round(0.7 * thick)), ink, -1, cv2.LINE_AA)
    elif sort == 2:
        lean, tall = caps * rng.uniform(0.0, 0.25), caps * rng.uniform(0.4, 0.6)
        cv2.line(
            canvas, (round(x - lean), round(y + tall)), (round(x + lean), round(y - tall)), ink, thick, cv2.LINE_AA
        )
    else:  # round or square brackets
        side = -1 if sort == 3 else 1
        tall = caps * rng.uniform(0.5, 0.62)
        bow = np.linspace(-1, 1, 9)
        out = side * half * (np.cos(bow * np.pi / 2) if rng.random() < 0.7 else (np.abs(bow) < 0.9))
        points = np.stack([x + out - side * half / 2, y + bow * tall], 1).astype(np.int32)
        cv2.polylines(canvas, [points], isClosed=False, color=ink, thickness=thick, lineType=cv2.LINE_AA)


def _outline(rng: np.random.Generator, canvas: Picture, centre: tuple[float, float], radius: int) -> None:
    """A country or state as a pale or dark shape, which may be as thin and upright as an I or a 1."""
    angle = np.linspace(0, 2 * np.pi, int(rng.integers(10, 24)), endpoint=False)
    reach = radius * np.clip(1 + np.cumsum(rng.normal(0, 0.15, len(angle))), 0.4, 1.4)
    tall, wide = rng.uniform(0.5, 1.3), rng.uniform(0.2, 1.1)
    turn = rng.normal(0, 0.3)
    across, down = wide * reach * np.cos(angle), tall * reach * np.sin(angle)
    x, y = (
        centre[0] + across * np.cos(turn) - down * np.sin(turn),
        centre[1] + across * np.sin(turn) + down * np.cos(turn),
    )
    near = canvas[min(max(int(centre[1]), 0), len(canvas) - 1), min(max(int(centre[0]), 0), canvas.shape[1] - 1)]
    b, g, r = np.clip(near + rng.normal(0, 50) + rng.normal(0, 15, 3), 0, 255).astype(int).tolist()
    _fill(canvas, x, y, (b, g, r))


def squiggle(rng: np.random.Generator, canvas: Picture, box: tuple[float, float, float, float], ink: Colour) -> None:
    """A dense sign of strokes, like a character of another script or a worn seal."""
    left, top, right, bottom = box
    for _ in range(int(rng.integers(3, 9))):
        x = rng.uniform(left, right, 3)
        y = rng.uniform(top, bottom, 3)
        points = np.stack([x, y], 1).astype(np.int32)
        cv2.polylines(
            canvas,
            [points],
            isClosed=False,
            color=ink,
            thickness=max(1, round((bottom - top) / 14)),
            lineType=cv2.LINE_AA,
        )


def bolts(rng: np.random.Generator, canvas: Picture) -> None:
    """Screws and holes where plates have them, sometimes touching the text."""
    height, width = canvas.shape[:2]
    radius = max(2, round(height * rng.uniform(0.02, 0.05)))
    rows = (0.09, 0.91) if rng.random() < 0.7 else (0.5,)
    side = rng.uniform(0.04, 0.28)
    ink = colour(rng, 20, 230)
    for row in rows:
        for column in (side, 1 - side):
            if rng.random() < 0.75:
                cv2.circle(canvas, (round(width * column), round(height * row)), radius, ink, -1, cv2.LINE_AA)


def scene(rng: np.random.Generator, canvas: Picture, strength: float) -> None:
    """A picture behind the text, as on many American plates: washes of colour, hills, a sun."""
    height, width = canvas.shape[:2]
    wash = rng.integers(0, 256, (int(rng.integers(2, 4)), int(rng.integers(2, 7)), 3)).astype(np.uint8)
    layer = cv2.resize(wash, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        x = np.linspace(0, width, 9)
        y = height * (rng.uniform(0.3, 0.9) + rng.normal(0, 0.08, 9))
        _fill(layer, np.append(x, [width, 0]), np.append(y, [height, height]), colour(rng))
    if rng.random() < 0.2:
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(layer, centre, int(height * rng.uniform(0.1, 0.4)), colour(rng, 120), -1, cv2.LINE_AA)
    cv2.addWeighted(layer, strength, canvas, 1 - strength, 0, dst=canvas)


def _fill(canvas: Picture, x: NDArray[np.float64], y: NDArray[np.float64], ink: Colour) -> None:
    cv2.fillPoly(canvas, [np.stack([x, y], 1).astype(np.int32)], ink, cv2.LINE_AA)
