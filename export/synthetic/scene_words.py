"""Streets and walls with words on them, and the corners of every word: what the text detector learns from.

Boards, shop fronts, lit letters and painted walls are drawn flat in grey and hung into photographs and made-up places,
turned and in perspective. What has no label teaches what is no text: windows, fences, bricks, leaves, emblems, arrows,
empty boards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic import scene_backgrounds, scene_light
from export.synthetic.scene_lines import CAPITALS, Line
from export.synthetic.scene_plane import picture, ring, tilted
from export.synthetic.scenes import WIDE, Photograph, Scene, padded, visible, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from export.synthetic.scene_lines import Lettering

    Picture = NDArray[np.uint8]
    Points = NDArray[np.float32]

LOWEST = 6.0
"""Lower words, in pixels of the scene, are too small to be asked for; they are not held against the detector."""
_LEAST_CONTRAST = 22.0  # grey levels between paper and ink
_WIDEST = 640  # pixels of a photograph that parts are cut from: cutting finer ones takes longer and shows no more


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What scenes of words are made of; the plates that are known on ``frames`` are neither asked for nor wrong."""

    stock: Lettering
    frames: Sequence[Photograph]
    backgrounds: Sequence[Picture]


@dataclass(frozen=True, slots=True, eq=False)
class _Board:
    """A flat thing with words: grey ``paint`` and its ``cover`` 0..255, uint8 (h, w), and ``boxes`` as in a Line."""

    paint: Picture
    cover: Picture
    boxes: NDArray[np.float32]


def compose(rng: np.random.Generator, sources: Sources, size: tuple[int, int]) -> Scene:
    """One frame of ``size`` (width, height)."""
    canvas, plates, complete = _background(rng, sources, size)
    for _ in range(int(rng.choice([0, 1, 2], p=[0.6, 0.28, 0.12]))):
        facade = _facade(rng)
        _hang(rng, canvas, facade, _somewhere(rng, facade, size))
    if rng.random() < 0.2:
        _wheels(rng, canvas)
    quads: list[Points] = [quad[None] for quad in plates]
    taken: list[Points] = list(plates)
    for _ in range(int(rng.choice([0, 1, 2, 4, 7], p=[0.08, 0.22, 0.3, 0.25, 0.15]))):
        board = _board(rng, sources.stock, size)
        place = _place(rng, board, size, taken)
        if place is None:
            continue
        taken.append(place)
        matrix = _hang(rng, canvas, board, place)
        corners = board.boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(1, -1, 2).astype(np.float32)
        if corners.size:
            quads.append(cv2.perspectiveTransform(corners, matrix).reshape(-1, 4, 2).astype(np.float32))
    if rng.random() < 0.1:
        _wires(rng, canvas)
    grey = scene_light.photograph(rng, canvas)
    size = padded(rng, grey)
    found = np.concatenate([*quads, np.zeros((0, 4, 2), np.float32)])
    high = np.linalg.norm(found[:, 3] - found[:, 0] + found[:, 2] - found[:, 1], axis=1) / 2
    wanted = (high >= LOWEST) & within(found, size) & visible(grey, found)
    wanted[: len(plates)] = False
    return Scene(grey, found, wanted, complete)


def reduced(image: Picture, plates: Points) -> Photograph:
    """A photograph no wider than parts are cut from, and the plates (n, 4, 2) that are known in it."""
    scale = min(1.0, _WIDEST / image.shape[1])
    small = picture(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return Photograph(small, plates * np.float32(scale))


def _background(
    rng: np.random.Generator, sources: Sources, size: tuple[int, int]
) -> tuple[Picture, list[Points], bool]:
    """A grey place, the plates on it, and whether nothing else can be written there."""
    sort = rng.random()
    if sort < 0.22 and sources.frames:
        frame = sources.frames[int(rng.integers(len(sources.frames)))]
        part, plates = _part(rng, frame, size)
        return scene_light.to_grey(rng, scene_backgrounds.recolour(rng, part)), plates, False
    if sort < 0.48 and sources.backgrounds:
        return scene_light.to_grey(rng, scene_backgrounds.photograph_part(rng, sources.backgrounds, size)), [], True
    made = scene_backgrounds.made_up(rng, size)
    for _ in range(int(rng.integers(0, 3))):  # windows, fences, bricks, leaves, road marks
        scene_backgrounds.texture(rng, made)
    return scene_light.to_grey(rng, made), [], True


def _part(rng: np.random.Generator, frame: Photograph, size: tuple[int, int]) -> tuple[Picture, list[Points]]:
    """A random part of a frame, turned over now and then, and the plates that can be seen in it."""
    rows, columns = frame.image.shape[:2]
    wide = max(8, round(columns * rng.uniform(0.3, 1.0)))
    tall = max(8, min(rows, round(wide * size[1] / size[0] * rng.uniform(0.7, 1.4))))
    x, y = int(rng.integers(columns - wide + 1)), int(rng.integers(rows - tall + 1))
    part = picture(cv2.resize(frame.image[y : y + tall, x : x + wide], size, interpolation=cv2.INTER_AREA))
    plates = (frame.quads - np.array([x, y], np.float32)) * np.array([size[0] / wide, size[1] / tall], np.float32)
    if rng.random() < 0.5:
        part = np.ascontiguousarray(part[:, ::-1])
        plates = (np.array([size[0], 0], np.float32) - plates * np.array([1, -1], np.float32))[:, [1, 0, 3, 2]]
    there = (plates.max(axis=1) > 0).all(axis=1) & (plates.min(axis=1) < np.array(size)).all(axis=1)
    return part, list(plates[there].astype(np.float32))


def _height(rng: np.random.Generator, size: tuple[int, int]) -> float:
    """Rows of a capital letter: in small scenes mostly 9 to 35, in wide ones up to half of the frame."""
    common = rng.random() < (0.9 if size[0] < WIDE else 0.4)
    height = np.exp(rng.normal(np.log(17), 0.5) if common else rng.uniform(np.log(20), np.log(0.5 * size[1])))
    return float(np.clip(height, 5.0, 0.5 * size[1]))


def _board(rng: np.random.Generator, stock: Lettering, size: tuple[int, int]) -> _Board:
    """Lines of words on paper of any kind, or on nothing."""
    height = _height(rng, size)
    room = np.array(size) * rng.uniform(0.5, 1.0, 2)
    setting = stock.take(rng)
    count = int(rng.choice([0, 1, 2, 3, 5, 8], p=[0.05, 0.42, 0.22, 0.16, 0.1, 0.05]))
    lines = []
    for number in range(count):
        if number and rng.random() < 0.15:  # another typeface and size
            setting, height = stock.take(rng), height * rng.uniform(0.45, 1.0)
        lines.append(_sized(setting[number % len(setting)], height, float(room[0])))
    gap = max(1, round(height * rng.uniform(0.12, 0.9)))
    while len(lines) > 1 and sum(len(line.mask) + gap for line in lines) > room[1]:
        lines.pop()
    left, right, above, below = (round(height * rng.uniform(0.08, 1.0)) + 1 for _ in range(4))
    if rng.random() < 0.15:
        left += round(height * rng.uniform(1, 2.5))  # room for an emblem
    wide = max((line.mask.shape[1] for line in lines), default=round(height * rng.uniform(2, 9)))
    tall = sum(len(line.mask) for line in lines) + gap * max(0, len(lines) - 1) if lines else round(height)
    mask = np.zeros((tall + above + below, wide + left + right), np.uint8)
    boxes, top, align = [np.zeros((0, 4), np.float32)], above, float(rng.choice([0.0, 0.5, 1.0], p=[0.35, 0.5, 0.15]))
    for line in lines:
        rows, columns = line.mask.shape
        start = left + round((wide - columns) * align)
        part = mask[top : top + rows, start : start + columns]
        np.maximum(part, line.mask, out=part)
        boxes.append(line.boxes + np.array([start, top, start, top], np.float32))
        top += rows + gap
    return _painted(rng, mask, np.concatenate(boxes), height)


def _sized(line: Line, height: float, widest: float) -> Line:
    """A line with capitals of so many rows, in words that fit into a width."""
    scale = min(height / CAPITALS, widest / line.mask.shape[1])
    size = (max(2, round(line.mask.shape[1] * scale)), max(2, round(line.mask.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scales = np.array([size[0] / line.mask.shape[1], size[1] / line.mask.shape[0]] * 2, np.float32)
    return Line(picture(cv2.resize(line.mask, size, interpolation=way)), line.boxes * scales)


def _painted(rng: np.random.Generator, mask: Picture, boxes: NDArray[np.float32], height: float) -> _Board:
    """Paper, ornaments and ink."""
    rows, columns = mask.shape
    paper, ink = _shades(rng)
    paint = np.full(mask.shape, paper, np.float32)
    bare = rng.random() < 0.3
    sort = rng.random()
    if sort < 0.35:  # light that changes across it
        cells = rng.normal(0, rng.uniform(3, 25), (2, 3)).astype(np.float32)
        paint += cv2.resize(cells, (columns, rows), interpolation=cv2.INTER_LINEAR)
    elif sort < 0.5:  # a grain along one way
        grain = (rows, max(2, columns // 16)) if rng.random() < 0.5 else (max(2, rows // 5), columns)
        cells = rng.normal(0, rng.uniform(4, 18), grain).astype(np.float32)
        paint += cv2.resize(cells, (columns, rows), interpolation=cv2.INTER_LINEAR)
    cover = np.full(mask.shape, 255, np.uint8)
    if bare:
        cover = mask.copy()
    elif len(boxes) <= 2 and rng.random() < 0.12:
        cover = _shape(rng, mask.shape)
    if not bare and rng.random() < 0.5:
        _furniture(rng, paint, ink, height)
    sort = rng.random()
    if sort < 0.12:  # a shadow to one side
        away = np.rint(rng.normal(0, 0.08, 2) * height)
        moved = cv2.warpAffine(mask, np.array([[1, 0, away[0]], [0, 1, away[1]]], np.float32), (columns, rows))
        _blend(paint, picture(moved), float(rng.uniform(0, 255)))
        cover = np.maximum(cover, picture(moved))
    elif sort < 0.2:  # an outline
        wide = max(2, round(height * rng.uniform(0.05, 0.2)))
        thick = picture(cv2.dilate(mask, np.ones((wide, wide), np.uint8)))
        _blend(paint, thick, float(rng.uniform(0, 255)))
        cover = np.maximum(cover, thick)
    _blend(paint, mask, ink + rng.normal(0, 20) * np.linspace(-1, 1, rows, dtype=np.float32)[:, None])
    return _Board(np.clip(paint, 0, 255).astype(np.uint8), cover, boxes)


def _shape(rng: np.random.Generator, size: tuple[int, ...]) -> Picture:
    """The outline of a board that is no rectangle."""
    cover = np.zeros(size, np.uint8)
    rows, columns = size
    points = ring(columns / 2, rows / 2, columns / 2, rows / 2, rng.uniform(2.5, 12), 40)
    cv2.fillPoly(cover, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cover


def _furniture(rng: np.random.Generator, paint: NDArray[np.float32], ink: float, height: float) -> None:
    """A frame, a band, a rule, or an emblem beside the words."""
    rows, columns = paint.shape
    thick = max(1, round(height * rng.uniform(0.02, 0.12)))
    sort = rng.random()
    if sort < 0.5:
        inset = int(rng.integers(0, max(1, round(height * 0.1)) + 1))
        cv2.rectangle(paint, (inset, inset), (columns - 1 - inset, rows - 1 - inset), ink, thick)
    elif sort < 0.6:
        edge = round(height * rng.uniform(0.05, 0.3))
        paint[rows - edge :] = ink
    else:
        reach = height * rng.uniform(0.3, 0.9)
        corners = int(rng.choice([3, 4, 5, 7, 24]))
        points = ring(reach * 1.1, rows * rng.uniform(0.3, 0.7), reach, reach, rng.uniform(1, 4), corners)
        if rng.random() < 0.5:
            points = points + rng.normal(0, reach * 0.25, points.shape).astype(np.float32)
        where = np.rint(points * 16).astype(np.int32)
        if rng.random() < 0.6:
            cv2.fillPoly(paint, [where], ink, cv2.LINE_AA, 4)
        else:
            cv2.polylines(paint, [where], True, ink, thick, cv2.LINE_AA, 4)  # noqa: FBT003


def _place(rng: np.random.Generator, board: _Board, size: tuple[int, int], taken: Sequence[Points]) -> Points | None:
    """Four corners in the scene where nothing else hangs; None where there is no room."""
    for _ in range(4):
        corners = _somewhere(rng, board, size)
        if not any(_meet(corners, other) for other in taken):
            return corners
    return None


def _somewhere(rng: np.random.Generator, board: _Board, size: tuple[int, int]) -> Points:
    """Four corners in the scene."""
    rows, columns = board.paint.shape
    quad = tilted(rng, columns, rows, 1.0 if columns < 0.5 * size[0] else 0.5)
    if rng.random() < 0.015:  # read from below or from above
        quad = quad @ np.array([[0.0, 1.0], [-1.0, 0.0]]) * (1 if rng.random() < 0.5 else -1)
    reach = np.minimum(np.ptp(quad, axis=0) / 2, 0.45 * np.array(size))
    corners: Points = (quad + rng.uniform(reach * 0.9, np.array(size) - reach * 0.9)).astype(np.float32)
    return corners


def _facade(rng: np.random.Generator) -> _Board:
    """Rows of windows or doors with frames, bars and blinds: what is most often taken for words."""
    across, down = int(rng.integers(1, 8)), int(rng.integers(1, 5))
    wide = float(np.exp(rng.uniform(np.log(10), np.log(90))))
    tall = wide * float(np.exp(rng.normal(0.1, 0.5)))
    wide, tall = min(wide, 500 / across), min(tall, 320 / down)
    pitch = np.array([wide, tall]) * rng.uniform(1.05, 1.8, 2)
    wall, frame, glass = rng.uniform(0, 255, 3)
    paint = np.full((round(pitch[1] * down) + 2, round(pitch[0] * across) + 2), wall, np.float32)
    cover = np.full(paint.shape, 255 if rng.random() < 0.4 else 0, np.uint8)
    bars, thick = rng.integers(0, 4, 2), max(1, round(wide * rng.uniform(0.01, 0.08)))
    blinds = rng.random() < 0.2
    for number in range(across * down):
        x, y = (np.array([number % across, number // across]) * pitch + 1).round().astype(int).tolist()
        pane = paint[y : y + max(3, round(tall)), x : x + max(3, round(wide))]
        cells = (glass + rng.normal(0, 25, (3, 3))).astype(np.float32)
        pane[:] = cv2.resize(cells, pane.shape[::-1], interpolation=cv2.INTER_LINEAR)
        if blinds:
            pane[:: max(2, round(tall / 12))] = frame
        for share in np.arange(1, bars[0] + 1) / (bars[0] + 1):
            pane[round(pane.shape[0] * share) :][:thick] = frame
        for share in np.arange(1, bars[1] + 1) / (bars[1] + 1):
            pane[:, round(pane.shape[1] * share) :][:, :thick] = frame
        end = (x + pane.shape[1] - 1, y + pane.shape[0] - 1)
        cv2.rectangle(paint, (x, y), end, frame, thick)
        cover[y : end[1] + 1, x : end[0] + 1] = 255
    return _Board(np.clip(paint, 0, 255).astype(np.uint8), cover, np.zeros((0, 4), np.float32))


def _wheels(rng: np.random.Generator, canvas: Picture) -> None:
    """Wheels with spokes, and the like."""
    rows, columns = canvas.shape
    tyre, rim, hub = (int(shade) for shade in rng.integers([0, 60, 0], [90, 256, 256]))
    reach = float(np.exp(rng.uniform(np.log(6), np.log(50))))
    squeeze, spokes = rng.uniform(0.4, 1.0), int(rng.integers(4, 14))
    for _ in range(int(rng.integers(1, 3))):
        centre = np.rint(rng.uniform(0, 1, 2) * [columns, rows]).astype(int).tolist()
        for share, shade in ((1.0, tyre), (0.72, rim), (0.2, hub)):
            axes = (max(1, round(reach * share * squeeze)), max(1, round(reach * share)))
            cv2.ellipse(canvas, centre, axes, 0, 0, 360, shade, -1, cv2.LINE_AA)
        for angle in np.arange(spokes) * 2 * np.pi / spokes:
            end = np.rint(np.array([np.cos(angle) * squeeze, np.sin(angle)]) * 0.7 * reach + centre).astype(int)
            cv2.line(canvas, centre, end.tolist(), hub, max(1, round(reach * 0.07)), cv2.LINE_AA)


def _meet(one: Points, other: Points) -> bool:
    return bool((one.min(axis=0) < other.max(axis=0)).all() and (one.max(axis=0) > other.min(axis=0)).all())


def _hang(rng: np.random.Generator, canvas: Picture, board: _Board, corners: Points) -> NDArray[np.float64]:
    """Paint a board where its corners come to lie; gives what maps its pixels to the scene's."""
    rows, columns = board.paint.shape
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = np.asarray(cv2.getPerspectiveTransform(source, corners), np.float64)
    low = np.maximum(np.floor(corners.min(axis=0) - 1).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0) + 1).astype(int), [canvas.shape[1], canvas.shape[0]])
    if (high <= low).any():
        return matrix
    centres = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])  # of pixels, where OpenCV has whole numbers
    away = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]])
    warp = centres @ away @ matrix @ np.linalg.inv(centres)
    part = (int(high[0] - low[0]), int(high[1] - low[1]))
    paint = cv2.warpPerspective(board.paint, warp, part, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(board.cover, warp, part, flags=cv2.INTER_LINEAR)
    place = canvas[low[1] : high[1], low[0] : high[0]]
    behind = float(place.mean())
    seen = cover > 127
    if seen.any() and board.cover.min() == 0 and abs(float(paint[seen].mean()) - behind) < _LEAST_CONTRAST:
        paint = 255 - paint if abs(255 - float(paint[seen].mean()) - behind) > _LEAST_CONTRAST else paint // 3
    share = cover.astype(np.float32) * np.float32(rng.uniform(0.85, 1.0) / 255)
    place[:] = (place + share * (paint.astype(np.float32) - place)).astype(np.uint8)
    return matrix


def _wires(rng: np.random.Generator, canvas: Picture) -> None:
    """Poles, wires and twigs before everything."""
    rows, columns = canvas.shape
    for _ in range(int(rng.integers(1, 4))):
        ends = (rng.uniform(0, 1, (2, 2)) * [columns, rows]).astype(int).tolist()
        cv2.line(canvas, ends[0], ends[1], int(rng.integers(256)), int(rng.integers(1, 4)), cv2.LINE_AA)


def _shades(rng: np.random.Generator) -> tuple[float, float]:
    """Paper and ink that can be told apart."""
    while True:
        paper, ink = rng.uniform(0, 255, 2)
        if abs(paper - ink) > _LEAST_CONTRAST + abs(rng.normal(0, 50)):
            return float(paper), float(ink)


def _blend(paint: NDArray[np.float32], mask: Picture, ink: float | NDArray[np.float32]) -> None:
    paint += mask.astype(np.float32) * np.float32(1 / 255) * (ink - paint)
