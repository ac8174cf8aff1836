"""Letters on their board: their faces, and what comes with them, such as depth, shadows, outlines and light."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[Any]  # uint8; OpenCV's stubs do not say so of what they return

_SHADOW = 0.08
_OUTLINE = 0.08
_DEPTH = 0.10
_CAST = 0.06
_LIT = 0.04
_MOSAIC = 0.03
_TILES = (9, 18)  # of a mosaic, in the height of a letter
_HALF, _TOUCHED = 127, 80  # of a mask: where a letter is, and what a tile has of one that shows it
_LEAST_TILE = 4  # pixels, with its joint
_DEEPEST = 0.22  # of the letters' height
_FAINTEST = 12.0  # grey levels between a face and its sides


def paint(
    rng: np.random.Generator, board: Picture, mask: Picture, at: tuple[int, int], ink: float
) -> tuple[int, int, int, int]:
    """Paint a line's mask onto a grey board, with its left and top corner ``at``.

    Returns:
        The box of the letters and of what a person would take for a part of them: x0, y0, x1, y1.

    """
    left, top = at
    height, width = mask.shape
    whole = np.zeros_like(board)
    whole[top : top + height, left : left + width] = mask
    reach = (0, 0)
    kind = rng.random()
    if kind < _SHADOW:
        reach = _moved(rng, max(4.0, 0.08 * height))
        blend(board, shifted(whole, *reach), float(rng.uniform(0, 255)))
    elif kind < _SHADOW + _OUTLINE:
        _outlines(rng, board, whole, ink)
    elif kind < _SHADOW + _OUTLINE + _DEPTH:
        reach = _moved(rng, _DEEPEST * height)
        _sides(rng, board, whole, reach, ink)
    elif kind < _SHADOW + _OUTLINE + _DEPTH + _CAST:  # the sun throws it onto the wall behind
        away = _moved(rng, 0.4 * height)
        soft = shifted(whole, *away) if rng.random() < 0.4 else cv2.GaussianBlur(shifted(whole, *away), (0, 0), 2.0)
        board[:] = (board * (1 - soft.astype(np.float32) * (rng.uniform(0.2, 0.6) / 255))).astype(np.uint8)
    elif kind < _SHADOW + _OUTLINE + _DEPTH + _CAST + _LIT:
        glow = cv2.GaussianBlur(whole, (0, 0), float(rng.uniform(0.05, 0.25)) * height)
        blend(board, glow, (ink + float(board.mean())) / 2)
    elif kind < _SHADOW + _OUTLINE + _DEPTH + _CAST + _LIT + _MOSAIC:
        tile(rng, board, whole, height, ink)
        return left, top, left + width, top + height
    blend(board, whole, _face(rng, board, height, top, ink))
    if rng.random() < 0.1:  # raised: one edge in the light, the other in the shade
        relief = cv2.filter2D(whole, cv2.CV_32F, np.array([[-1, 0, 0], [0, 0, 0], [0, 0, 1]], np.float32))
        board[:] = np.clip(board + relief * float(rng.normal(0, 0.25)), 0, 255).astype(np.uint8)
    across, down = reach
    return left + min(across, 0), top + min(down, 0), left + width + max(across, 0), top + height + max(down, 0)


def blend(target: Picture, mask: Picture, ink: float | Picture) -> None:
    """Draw a shade, or a picture of shades, where a mask 0..255 lets it through."""
    share = mask.astype(np.float32) / 255
    target[:] = (target + share * (ink - target.astype(np.float32))).astype(np.uint8)


def tile(rng: np.random.Generator, board: Picture, whole: Picture, height: int, ink: float) -> None:
    """Make letters and their ground of small tiles with joints, as mosaics are laid.

    Some have tiles that are all letter or all ground; in the others tiles are cut along the letters.

    Args:
        rng: for all that differs from one mosaic to the next.
        board: uint8 (h, w), the ground; is drawn into.
        whole: uint8 (h, w), ink 0..255 on it.
        height: of the letters, in pixels.
        ink: their shade.

    """
    step = max(_LEAST_TILE, round(height / rng.uniform(*_TILES)))
    joint = max(1, round(step * rng.uniform(0.08, 0.25)))
    down, across = np.indices(board.shape)
    down += int(rng.integers(step))
    rows = down // step
    across += rng.integers(0, step, int(rows.max()) + 1)[rows]  # a row's tiles stand anyhow above the next one's
    places = rows * (board.shape[1] // step + 2) + across // step
    joints = (down % step < joint) | (across % step < joint)
    letter = whole > _HALF
    if rng.random() < 0.6:
        joints |= cv2.morphologyEx(whole, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > _HALF
    else:
        letter = _means(places, whole)[places] > _TOUCHED
    ground, contrast = _means(places, board), ink - float(board.mean())
    uneven = rng.normal(0, min(18.0, 0.15 * abs(contrast)), ground.shape)
    mortar = float(board.mean()) + contrast * float(rng.uniform(-0.5, 0.6))
    shades = np.where(joints, mortar, np.where(letter, ink, ground[places]) + uneven[places])
    board[:] = np.clip(shades, 0, 255).astype(np.uint8)


def shifted(mask: Picture, across: int, down: int) -> Picture:
    """The mask moved by whole pixels, nothing where it came from."""
    moved: Picture = np.zeros_like(mask)
    rows, columns = mask.shape
    into = moved[max(down, 0) : rows + min(down, 0), max(across, 0) : columns + min(across, 0)]
    into[:] = mask[max(-down, 0) : rows - max(down, 0), max(-across, 0) : columns - max(across, 0)]
    return moved


def _means(places: NDArray[np.int64], values: Picture) -> NDArray[np.float64]:
    """The mean of the values at each place, by its number."""
    return np.bincount(places.ravel(), values.ravel()) / np.maximum(np.bincount(places.ravel()), 1)


def _moved(rng: np.random.Generator, most: float) -> tuple[int, int]:
    """Some way in any direction, mostly to a side and down, as light from above has it."""
    length, angle = rng.uniform(0.2, 1.0) * most, rng.uniform(0, 2 * np.pi)
    down = np.sin(angle)
    return round(length * np.cos(angle)), round(length * (abs(down) if rng.random() < 0.7 else down))


def _outlines(rng: np.random.Generator, board: Picture, whole: Picture, ink: float) -> None:
    """One around the letters, or one around another: they are seen before the letter itself is."""
    wide = int(rng.integers(3, 8))
    if rng.random() < 0.35:
        blend(board, cv2.dilate(whole, np.ones((2 * wide - 1, 2 * wide - 1), np.uint8)), _other(rng, ink))
    blend(board, cv2.dilate(whole, np.ones((wide, wide), np.uint8)), _other(rng, ink))


def _sides(rng: np.random.Generator, board: Picture, whole: Picture, reach: tuple[int, int], ink: float) -> None:
    """The sides of letters that stand off the wall, in one shade or in the light from below and above."""
    across, down = reach
    steps = max(abs(across), abs(down), 1)
    swept = whole.copy()
    for step in range(1, steps + 1):
        np.maximum(swept, shifted(whole, round(across * step / steps), round(down * step / steps)), out=swept)
    blend(board, swept, _other(rng, ink))
    if rng.random() < 0.3:  # the far edge is darker
        blend(board, cv2.subtract(swept, shifted(swept, -across // 2, -down // 2)), _other(rng, ink))


def _face(rng: np.random.Generator, board: Picture, height: int, top: int, ink: float) -> float | Picture:
    """One shade; now and then a slope from top to bottom, or dirt."""
    sort = rng.random()
    if sort < 0.15:
        rows = (np.arange(board.shape[0], dtype=np.float32) - top) / height
        return np.clip(ink + np.float32(rng.normal(0, 45)) * rows[:, None] + np.zeros(board.shape, np.float32), 0, 255)
    if sort < 0.21:
        cells = rng.normal(0, 30, (4, 4 + 4 * board.shape[1] // max(1, board.shape[0]))).astype(np.float32)
        return np.clip(ink + cv2.resize(cells, board.shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 255)
    return ink


def _other(rng: np.random.Generator, ink: float) -> float:
    """A shade that can be told from the ink."""
    while True:
        shade = float(rng.uniform(0, 255))
        if abs(shade - ink) > _FAINTEST:
            return shade
