"""Writing that is no plate: what cameras burn into the picture, shop fronts, signs, boards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic import drawing
from export.synthetic.lettering import Line, letter
from export.synthetic.scene_plane import ring
from export.synthetic.scene_vehicles import stamp
from export.synthetic.texts import DIGITS, LETTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from export.synthetic.faces import Face
    from export.synthetic.scene_plane import Points

    Picture = NDArray[np.uint8]

_MONOSPACED = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)


def add_timestamp(rng: np.random.Generator, canvas: Picture) -> None:
    """Date, time, camera name or speed, in a corner, with or without a bar behind; drawn in place."""
    height, width = canvas.shape[:2]
    for _ in range(int(rng.integers(1, 3))):
        text = _stamp_text(rng)
        font = _MONOSPACED[int(rng.integers(len(_MONOSPACED)))]
        scale = rng.uniform(0.25, 0.8) * (1.6 if font == cv2.FONT_HERSHEY_PLAIN else 1.0)
        (wide, tall), _ = cv2.getTextSize(text, font, scale, 1)
        x = int(
            rng.choice(
                [rng.integers(0, 12), max(0, width - wide - int(rng.integers(0, 12))), max(0, (width - wide) // 2)]
            )
        )
        y = int(rng.choice([tall + rng.integers(0, 14), height - 1 - rng.integers(1, 14)]))
        light = rng.random() < 0.8
        ink, back = ((255, 255, 255), (0, 0, 0)) if light else ((0, 0, 0), (255, 255, 255))
        look = rng.random()
        if look < 0.4:
            cv2.rectangle(canvas, (x - 2, y - tall - 3), (x + wide + 2, y + 4), back, -1)
        elif look < 0.7:
            cv2.putText(canvas, text, (x, y), font, scale, back, 3, cv2.LINE_AA)
        cv2.putText(canvas, text, (x, y), font, scale, ink, 1, cv2.LINE_AA)


def _stamp_text(rng: np.random.Generator) -> str:
    def number(low: int, high: int) -> str:
        return f"{int(rng.integers(low, high)):02d}"

    date = f"20{number(5, 30)}{rng.choice(['-', '/', '.'])}{number(1, 13)}-{number(1, 32)}"
    time = f"{number(0, 24)}:{number(0, 60)}:{number(0, 60)}"
    camera = rng.choice(["CAM", "CH", "Camera ", "GATE ", "IPC", "Lane "]) + number(1, 20)
    return str(rng.choice([f"{date} {time}", time, camera, f"{camera} {date} {time}", f"{number(10, 130)} km/h", date]))


def add_sign(rng: np.random.Generator, canvas: Picture, faces: Sequence[Face]) -> None:
    """A board with rows of words, a round or many-cornered sign, or letters straight on a wall; drawn in place."""
    height, width = canvas.shape[:2]
    x, y = rng.uniform(0, width), rng.uniform(0, height * 0.8)
    reach = float(np.exp(rng.uniform(np.log(12), np.log(160))))
    sort = rng.random()
    if sort < 0.4:
        _board(rng, canvas, faces, (x, y), reach)
    elif sort < 0.65:
        back, rim = drawing.colour(rng), drawing.colour(rng)
        centre = np.array([x, y])
        corners = int(rng.choice([3, 4, 8, 30]))
        turned = ring(0, 0, reach / 2, reach / 2, 2.0, corners) @ _rotation(np.pi / corners if corners != 30 else 0)
        cv2.fillPoly(canvas, [np.rint((turned * 1.15 + centre) * 16).astype(np.int32)], rim, cv2.LINE_AA, 4)
        cv2.fillPoly(canvas, [np.rint((turned + centre) * 16).astype(np.int32)], back, cv2.LINE_AA, 4)
        text = str(rng.choice(["STOP", "30", "50", "80", "120", "P", "TAXI", "BUS", "ONE WAY", "YIELD"]))
        _line(rng, canvas, faces, text, (x, y), reach * rng.uniform(0.15, 0.4), reach * 0.8)
    else:
        for row in range(int(rng.integers(1, 3))):
            tall = reach * rng.uniform(0.1, 0.35)
            _line(rng, canvas, faces, _words(rng), (x, y + row * tall * 2), tall, width * 0.8)


def _board(
    rng: np.random.Generator, canvas: Picture, faces: Sequence[Face], at: tuple[float, float], reach: float
) -> None:
    """Several rows of words of unequal size: what sets a board apart from a plate."""
    x, y = at
    rows = int(rng.integers(2, 6))
    wide, tall = reach, reach * rng.uniform(0.4, 1.3)
    cv2.rectangle(canvas, (int(x - wide), int(y - tall)), (int(x + wide), int(y + tall)), drawing.colour(rng), -1)
    if rng.random() < 0.5:
        cv2.rectangle(canvas, (int(x - wide), int(y - tall)), (int(x + wide), int(y + tall)), drawing.colour(rng), 2)
    for row in range(rows):
        middle = y - tall + (row + 0.5) * 2 * tall / rows
        _line(rng, canvas, faces, _words(rng), (x, middle), tall / rows * rng.uniform(0.4, 1.1), wide * 1.8)


def _line(
    rng: np.random.Generator,
    canvas: Picture,
    faces: Sequence[Face],
    text: str,
    at: tuple[float, float],
    height: float,
    limit: float,
) -> None:
    """One line of text around a point, at most ``limit`` wide."""
    if height < 2:
        return
    ink = drawing.colour(rng)
    if rng.random() < 0.4:
        patch = np.zeros((60, 500, 3), np.uint8)
        drawing.words(rng, patch, (250, 30), 36, (255, 255, 255))
        mask = patch[:, :, 0]
    else:
        face = faces[int(rng.integers(len(faces)))]
        mask = letter(rng, Line(face, text.split()), gap=0.5, space=rng.uniform(0.05, 0.3)).mask
    columns = np.flatnonzero(mask.max(axis=0))
    if columns.size == 0:
        return
    mask = np.ascontiguousarray(mask[:, columns[0] : columns[-1] + 1])
    wide = min(limit, height * 1.4 * mask.shape[1] / mask.shape[0])
    stamp(canvas, mask, _around(rng, at, wide, height * 1.4), ink)


def _around(rng: np.random.Generator, at: tuple[float, float], width: float, height: float) -> Points:
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    moved: Points = (corners @ _rotation(rng.normal(0, 0.06)) + at).astype(np.float32)
    return moved


def _rotation(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _words(rng: np.random.Generator) -> str:
    words = []
    for _ in range(int(rng.integers(1, 4))):
        pool = LETTERS if rng.random() < 0.8 else DIGITS
        words.append("".join(pool[int(n)] for n in rng.integers(0, len(pool), int(rng.integers(2, 10)))))
    return " ".join(words)
