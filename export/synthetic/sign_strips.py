"""The sign recogniser's training strips: lines as a camera crops them, in shards on disk, by width.

A strip is as wide as the runtime would make it (see :func:`edge_ocr.rectify.width_for`), so what is trained is what is
run. A shard depends on the seed and its own number alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_ocr import rectify
from edge_ocr.words import spelt
from export import photographs
from export.synthetic import degrade
from export.synthetic.scripts import Alphabet, ScriptWriter
from export.synthetic.sign_boards import Line, Studio
from export.synthetic.sign_fonts import load_script_typefaces, load_typefaces, load_words
from export.synthetic.sign_texts import ALPHABET, LONGEST, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Picture = NDArray[Any]

HEIGHT = 32
WIDTHS = (64, 128, 192, 256)
STEP = 4
"""Columns of a strip for each time step of the recogniser."""
SHARD = 6_000
_INK_ROWS = (10, 52)
_NEAR_ROWS = (14, 52)
_SMALLEST = 0.45  # of a box's height; letters that have less of it are seen smaller than others
_FINE = 0.55  # of letters with more strokes than Latin ones
_SAMPLES = 100  # texts that tell which typefaces suit a script
_STOOD_BEFORE, _PASSED = (0.12, 0.09, 0.3, np.pi / 2), (0.45, 0.6, 0.55, 0.4)
"""How often a picture is out of focus, and moved, by how much of the letters' height and how far from level at most, in
radians. A hand shakes any way; what a car passes moves sideways, which takes upright strokes and leaves the bars."""
_STEEP = 0.15
_ERRING = 0.2
_SIDES = (((0, 3), 0), ((1, 2), 0), ((0, 1), 1), ((2, 3), 1))  # corners of an end or an edge, and which way it errs
_VIEWS = 2  # strips of each line: seeing is cheaper than drawing
_PHOTOGRAPHS = ("road_backgrounds", "plates_ro_frames")
"""Folders whose photographs may train; what is written in them is too small to be read."""
_WIDEST_PHOTOGRAPH = 640


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Strips of one width: ``strips`` uint8 (n, HEIGHT, width); ``labels`` int16 (n, LONGEST), classes and zeros."""

    strips: NDArray[np.uint8]
    labels: NDArray[np.int16]


def studio(fonts: Path, data: Path) -> Studio:
    """What strips are drawn with: typefaces and dictionaries of a folder, and photographs that may train."""
    return Studio(load_typefaces(fonts), Writer(load_words(fonts)), list(_backgrounds(data)))


def script_studio(fonts: Path, data: Path, alphabet: Alphabet, words: Sequence[str]) -> Studio:
    """The same for any script, of street-name plates: typefaces of a folder that can draw most of what is written.

    Raises:
        ValueError: there is no such typeface.

    """
    writer = ScriptWriter(alphabet, words)
    rng = np.random.default_rng(0)
    faces = load_script_typefaces(fonts, [writer(rng) for _ in range(_SAMPLES)], shaped=bool(alphabet.marks))
    if not faces:
        raise ValueError(
            f"{fonts}: no typeface there has the alphabet's characters; unpack fonts of the script into it"
        )
    return Studio(faces, writer, list(_backgrounds(data)), tall=_FINE, name_plates=True)


def render_shards(
    cache: Path, maker: Studio, *, seed: int, count: int, size: int = SHARD, alphabet: str = ALPHABET
) -> list[Path]:
    """Render the shards of ``size`` strips that are not there yet, in order, and give the paths of all of them."""
    cache.mkdir(parents=True, exist_ok=True)
    paths = [cache / f"signs-{seed}-{number:04d}.npz" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.is_file():
            groups = render_shard(maker, seed=seed, number=number, size=size, alphabet=alphabet)
            half = path.with_suffix(".part.npz")
            arrays: dict[str, Any] = {f"strips{width}": group.strips for width, group in groups.items()}
            arrays |= {f"labels{width}": group.labels for width, group in groups.items()}
            np.savez(half, **arrays)
            half.replace(path)
            print(f"rendered {path.name}", flush=True)
    return paths


def load_shard(path: Path) -> dict[int, Group]:
    """Read one shard: its groups by width."""
    with np.load(path) as stored:
        return {
            width: Group(stored[f"strips{width}"], stored[f"labels{width}"])
            for width in WIDTHS
            if f"strips{width}" in stored.files
        }


def render_shard(
    maker: Studio, *, seed: int, number: int, size: int = SHARD, alphabet: str = ALPHABET
) -> dict[int, Group]:
    """One shard, the same for the same arguments: about ``size`` strips, grouped by width."""
    classes = {character: place for place, character in enumerate(alphabet, start=1)}
    known, widening = frozenset(alphabet), Alphabet(alphabet).widening
    found: dict[int, list[tuple[Picture, list[int]]]] = {width: [] for width in WIDTHS}
    line: Line | None = None
    for place in range(size):
        rng = np.random.default_rng([seed, number, place])
        if place % _VIEWS == 0 or line is None:
            line = maker.line(rng)
        strip = see(rng, line, widening)
        labels = [classes[character] for character in spelt(line.text, known)]
        if fits(labels, strip.shape[1]):
            found[strip.shape[1]].append((strip, labels))
    return {width: _grouped(pairs) for width, pairs in found.items() if pairs}


def fits(labels: Sequence[int], width: int) -> bool:
    """Whether CTC has room for the labels: a time step each, and one between equal neighbours."""
    doubles = sum(a == b for a, b in pairwise(labels))
    return len(labels) + doubles <= width // STEP


def see(rng: np.random.Generator, line: Line, widening: float) -> Picture:
    """The strip that the runtime would cut out of a camera's picture of a line: grey uint8 (HEIGHT, one of WIDTHS)."""
    image, corners, letters = _observed(rng, line)
    if not line.near:
        image = _unsharp(rng, image, letters, _PASSED if line.passed else _STOOD_BEFORE)
    image = degrade.expose(rng, image, still=line.near)
    quad = _cropped(rng, corners, len(line.text), near=line.near)
    across = float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3]))
    down = float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1]))
    width = rectify.width_for(widening * across / max(down, 1.0), height=HEIGHT, widths=WIDTHS)
    target = np.array([[0, 0], [width, 0], [width, HEIGHT], [0, HEIGHT]], np.float32) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(quad, target)
    size = (width, HEIGHT)
    strip: Picture = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return rectify.stretch(strip)


def _observed(rng: np.random.Generator, line: Line) -> tuple[Picture, NDArray[np.float32], float]:
    """The line at the size and angle a camera sees it; gives the picture, the ink's corners and the letters' rows."""
    x0, y0, x1, y1 = line.box
    least, most = (rows / max(line.tall, _SMALLEST) for rows in (_NEAR_ROWS if line.near else _INK_ROWS))
    seen = float(np.exp(rng.uniform(np.log(least), np.log(most))))  # rows of the box
    scale = seen / max(1.0, y1 - y0)
    high, wide = line.image.shape
    size = (max(8, round(wide * scale)), max(8, round(high * scale)))
    turn = np.radians(rng.normal(0, 3) if rng.random() < 0.72 else rng.normal(0, 11))
    steep = rng.random() < _STEEP
    lean, far = rng.normal(0, 0.2 if steep else 0.08), rng.normal(0, 0.08 if steep else 0.03, (4, 2))
    image = cv2.resize(line.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    shear = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn) + lean, np.cos(turn)]])
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) + far * [0.6, 1.0]
    placed = (unit * size) @ shear
    placed = (placed - placed.min(axis=0)).astype(np.float32)
    whole = (int(np.ceil(placed[:, 0].max())) + 1, int(np.ceil(placed[:, 1].max())) + 1)
    source = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, placed)
    picture = cv2.warpPerspective(image, matrix, whole, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    box = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32) * np.float32(scale)
    return picture, cv2.perspectiveTransform(box[None], matrix)[0], seen * line.tall


def _unsharp(
    rng: np.random.Generator, image: Picture, letters: float, often: tuple[float, float, float, float]
) -> Picture:
    """Out of focus, or from something that moves: by parts of the letters' height, whatever the picture's size."""
    soft, moved, far, steep = often
    if rng.random() < soft:
        image = cv2.GaussianBlur(image, (0, 0), letters * float(rng.uniform(0.025, 0.085)))
    if rng.random() < moved:
        length, angle = letters * rng.uniform(0.08, far), rng.uniform(-steep, steep)
        reach = int(length / 2) + 1
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        end = np.array([np.cos(angle), np.sin(angle)]) * length / 2
        first, last = (np.rint((reach + way * end) * 16).astype(int).tolist() for way in (-1, 1))
        cv2.line(kernel, first, last, 1.0, 1, cv2.LINE_8, 4)
        image = cv2.filter2D(image, -1, kernel / kernel.sum())
    return image


def _cropped(
    rng: np.random.Generator, corners: NDArray[np.float32], letters: int, *, near: bool
) -> NDArray[np.float32]:
    """A detector's quad or a labeller's upright box around the ink, a little loose, tight or shifted.

    What is ``near`` is cut out along its own base line, and whole.
    """
    if not near and rng.random() < 0.7:
        left, top = corners.min(axis=0)
        right, bottom = corners.max(axis=0)
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    down = corners[3] - corners[0]
    along = corners[1] - corners[0]
    along = along / max(float(np.linalg.norm(along)), 1e-3) * float(np.linalg.norm(down))
    loose = rng.normal(0.06, 0.07, (4, 2)).clip(-0.06, 0.3)
    if not near and rng.random() < _ERRING:  # of an end or an edge: letters cut into, or far more than they
        letter = (
            float(np.linalg.norm(corners[1] - corners[0])) / max(1, letters) / max(float(np.linalg.norm(down)), 1e-3)
        )
        side = _SIDES[int(rng.choice(4, p=[0.35, 0.35, 0.15, 0.15]))]
        cut = -min(0.25, 0.35 * letter) if side[1] == 0 else -0.14
        loose[list(side[0]), side[1]] += rng.uniform(cut, 0) if rng.random() < 0.6 else rng.uniform(0, 0.5)
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    return (corners + (signs * loose).astype(np.float32) @ np.stack([along, down])).astype(np.float32)


def _grouped(pairs: list[tuple[Picture, list[int]]]) -> Group:
    labels = np.zeros((len(pairs), LONGEST), np.int16)
    for row, (_, classes) in zip(labels, pairs, strict=True):
        row[: len(classes)] = classes
    return Group(np.stack([strip for strip, _ in pairs]), labels)


def _backgrounds(data: Path) -> Iterator[Picture]:
    for name in _PHOTOGRAPHS:
        for path in sorted((data / name / "images").glob("*")):
            grey = cv2.cvtColor(photographs.load(path), cv2.COLOR_BGR2GRAY)
            scale = min(1.0, _WIDEST_PHOTOGRAPH / grey.shape[1])
            yield cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def contact_sheet(maker: Studio, picture: Path, *, seed: int, count: int = 200) -> None:
    """Draw strips, to look at what a training sees."""
    tiles = [
        np.pad(strip, ((1, 1), (1, 1)))
        for group in render_shard(maker, seed=seed, number=0, size=count).values()
        for strip in group.strips
    ]
    rows: list[Picture] = [np.zeros((HEIGHT + 2, 0), np.uint8)]
    for tile in tiles:
        if rows[-1].shape[1] + tile.shape[1] > 6 * (WIDTHS[-1] + 2):
            rows.append(np.zeros((HEIGHT + 2, 0), np.uint8))
        rows[-1] = np.hstack([rows[-1], tile])
    wide = max(row.shape[1] for row in rows)
    cv2.imwrite(str(picture), np.vstack([np.pad(row, ((0, 0), (0, wide - row.shape[1]))) for row in rows]))
