"""Small things that plates carry: names, emblems, seals, stickers, bolts, scenes behind the text; and how ink lies.

All functions draw in place on a BGR uint8 canvas; what is drawn without a label is there so that the recogniser learns
to leave it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from export.synthetic.faces import CAPS, CHARACTERS
from export.synthetic.texts import LETTERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.synthetic.faces import Face

    Picture = NDArray[Any]  # uint8; OpenCV's stubs do not say so of what they return

Colour = tuple[int, int, int]
_HERSHEY = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


def colour(rng: np.random.Generator, low: int = 0, high: int = 256) -> Colour:
    """Any colour with channels in low..high-1."""
    b, g, r = rng.integers(low, high, 3)
    return int(b), int(g), int(r)


def paint(canvas: Picture, mask: Picture, at: tuple[int, int], ink: Colour) -> None:
    """Blend ink through a mask whose top left corner stands at (column, row); what reaches outside is cut off."""
    part, cover = _under(canvas, mask, at)
    if not part.size:
        return
    shades = np.arange(256, dtype=np.float32)[:, None] * (np.array(ink, np.float32) / 255)
    inked = cv2.LUT(cv2.merge([cover] * 3), np.rint(shades).astype(np.uint8)[None])
    part[:] = cv2.add(cv2.multiply(part, cv2.merge([255 - cover] * 3), scale=1 / 255), inked)


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


def seals(rng: np.random.Generator, canvas: Picture, centre: tuple[float, float], caps: float) -> None:
    """Two round stickers above each other, or one, as between the groups of Czech, German and Slovak plates."""
    x, y = centre
    radius = max(2, round(caps * rng.uniform(0.14, 0.24)))
    rows = (y - 1.15 * radius, y + 1.15 * radius) if rng.random() < 0.75 else (y,)
    for row in rows:
        at, ink = (round(x + rng.normal(0, 0.03) * caps), round(row)), colour(rng)
        cv2.circle(canvas, at, radius, ink, -1, cv2.LINE_AA)
        cv2.circle(canvas, at, radius, colour(rng), max(1, radius // 6), cv2.LINE_AA)
        if rng.random() < 0.5:
            cv2.circle(canvas, at, max(1, radius // 2), colour(rng), -1, cv2.LINE_AA)
        else:
            half = radius // 2
            squiggle(rng, canvas, (at[0] - half, at[1] - half, at[0] + half, at[1] + half), colour(rng))


def badge(rng: np.random.Generator, canvas: Picture, box: tuple[float, float, float, float]) -> None:
    """A filled sign with a figure in it, like the wheelchair of American plates."""
    left, top, right, bottom = (round(v) for v in box)
    ink = colour(rng)
    figure = colour(rng, 180) if sum(ink) < 380 else colour(rng, 0, 90)
    cv2.rectangle(canvas, (left, top), (right, bottom), ink, -1)
    wide, tall = right - left, bottom - top
    thick = max(1, tall // 9)
    head = (left + wide // 2, top + tall // 5)
    cv2.circle(canvas, head, max(1, thick), figure, -1, cv2.LINE_AA)
    bent = np.array([head, (head[0], top + 3 * tall // 5), (right - wide // 4, top + 3 * tall // 5)], np.int32)
    cv2.polylines(canvas, [bent], isClosed=False, color=figure, thickness=thick, lineType=cv2.LINE_AA)
    wheel = (left + wide // 2, top + 2 * tall // 3)
    cv2.ellipse(canvas, wheel, (wide // 4, tall // 4), 0, 20, 260, figure, thick, cv2.LINE_AA)


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


def ideograph(rng: np.random.Generator, canvas: Picture, box: tuple[float, float, float, float], ink: Colour) -> None:
    """A sign of level and upright strokes, one or two that lean, now and then a box, like a Chinese character."""
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    thick = max(2, round(tall * rng.uniform(0.06, 0.11)))
    strokes = []
    split = rng.uniform(0.3, 0.5)  # most have two parts beside each other
    for start, end in ((0.0, split - 0.08), (split + 0.05, 1.0)) if rng.random() < 0.7 else ((0.0, 1.0),):
        rows = np.linspace(0.08, 0.95, int(rng.integers(2, 5))) + rng.normal(0, 0.04)
        strokes += [(start + rng.uniform(0, 0.1), row, end - rng.uniform(0, 0.1), row) for row in rows]
        for column in rng.uniform(start, end, int(rng.integers(1, 3))):
            strokes.append((column, rng.uniform(0, 0.4), column, rng.uniform(0.6, 1)))
        foot = rng.uniform(start, end)
        strokes.append((rng.uniform(start, end), rng.uniform(0.2, 0.6), foot, rng.uniform(0.7, 1)))
    at = np.array(strokes) * [wide, tall, wide, tall] + [left, top, left, top]
    lines = np.rint(at).astype(np.int32).reshape(-1, 2, 2)
    cv2.polylines(canvas, list(lines), isClosed=False, color=ink, thickness=thick, lineType=cv2.LINE_AA)


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
