"""How a camera sees a plate: surroundings, perspective, size, blur, light, noise, compression, and the crop."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr import rectify

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.synthetic.drawing import Picture
    from export.synthetic.plates import Plate

    Corners = NDArray[np.float32]

_LEAST_WIDTH, _MOST_WIDTH = 52, 400
_LEAST_LETTER = 6.5  # pixels
_TOO_FAR_SHARE = 0.12
_NORMAL = np.array([NormalDist().inv_cdf((step + 0.5) / 256) for step in range(256)], np.float32)
_ENLARGED_SHARE = 0.1
_ENLARGED_WIDTH = 260  # pixels, beyond which nobody enlarges


def see(rng: np.random.Generator, plate: Plate, *, width: int, height: int) -> Picture:
    """The strip that the runtime would cut out of a camera's frame of this plate: grey uint8 (height, width)."""
    mix = [0.114, 0.587, 0.299] if rng.random() < 0.8 else rng.dirichlet([1.0, 1.0, 1.0])  # infrared mixes otherwise
    grey = cv2.transform(plate.image, np.array([mix], np.float32))
    image, corners = _observe(rng, grey, plate.fine)
    image = expose(rng, image)
    if rng.random() < _ENLARGED_SHARE and image.shape[1] < _ENLARGED_WIDTH:
        image, corners = _enlarged(rng, image, corners)
    return crop(rng, image, corners, width=width, height=height)


def expose(rng: np.random.Generator, image: Picture, *, still: bool = False) -> Picture:
    """Blur, light and shade, sensor and compression, on a grey picture; a camera that is ``still`` is in focus too."""
    out = _sense(rng, _lit(rng, image if still else _blurred(rng, image)))
    if rng.random() < 0.25:
        out = _sharpened(rng, out)
    if rng.random() < 0.02:
        _interlaced(rng, out)
    return out


def _blurred(rng: np.random.Generator, image: Picture) -> Picture:
    """Out of focus, or moved."""
    width = image.shape[1]
    blur = abs(rng.normal(0, 0.5)) * (width / 300 + 0.4)
    if blur > 0.35:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    if rng.random() < 0.09:
        image = cv2.filter2D(image, -1, _motion(rng, width))
    return image


def _lit(rng: np.random.Generator, image: Picture) -> NDArray[np.float32]:
    """What light, shade, lamps and reflections make of a picture; float32 around 0..255."""
    height, width = image.shape[:2]
    light: NDArray[np.float32] = image.astype(np.float32)
    if rng.random() < 0.05:  # bright parts flow over, as where headlights meet a reflecting plate
        glow = cv2.GaussianBlur(light, (0, 0), width / 120 + 0.5)
        light = np.maximum(light, glow * np.float32(rng.uniform(1.0, 1.4)))
    if rng.random() < 0.5:
        cells = rng.uniform(0.45, 1.3, (2, 3)).astype(np.float32)
        light *= cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.15:
        _shadow(rng, light)
    if rng.random() < 0.08:
        _glare(rng, light)
    if rng.random() < 0.06:
        _reflection(rng, light)
    return light


def _sense(rng: np.random.Generator, light: NDArray[np.float32]) -> Picture:
    """What a sensor and its file keep: contrast, level, noise, compression."""
    contrast, level = rng.uniform(0.75, 1.25), rng.normal(0, 20)
    thin = rng.random() < 0.17  # night, or haze
    if thin:
        contrast, level = rng.uniform(0.15, 0.5), rng.uniform(0, 140)
    light = light * contrast + level if thin else (light - 128) * contrast + 128 + level
    noise = abs(rng.normal(0, 4.5)) * min(1.0, contrast)
    if noise > 0.5:
        light += _grain(rng, light.shape) * np.float32(noise)
    out: Picture = np.clip(light, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        # what thin contrast leaves, coarse quantisation wipes out; video is coarser than photographs are
        least = 55 if thin else 18 if rng.random() < 0.2 else 32
        out = _packed(out, int(rng.integers(least, 95)))
    return out


def crop(rng: np.random.Generator, image: Picture, corners: Corners, *, width: int, height: int) -> Picture:
    """Cut a plate out of a grey picture as a detector would: a little loose, tight, shifted or turned."""
    if rng.random() < 0.5:  # an upright box around it
        left, top = corners.min(axis=0)
        right, bottom = corners.max(axis=0)
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    loose = rng.normal(0.03, 0.04, (4, 2)).clip(-0.06, 0.16) if rng.random() < 0.85 else rng.uniform(-0.06, 0.3, (4, 2))
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    grown = corners + (signs * loose).astype(np.float32) @ np.stack([across, down])
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(grown.astype(np.float32), target)
    strip: Picture = cv2.warpPerspective(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return rectify.stretch(strip)


def _observe(rng: np.random.Generator, plate: Picture, fine: float) -> tuple[Picture, Corners]:
    """Place the plate among surroundings at the size a camera sees it; gives the picture and the plate's corners.

    ``fine`` is the size of its smallest letters: few are seen from so far away that nobody could tell them.
    """
    height, width = plate.shape[:2]
    least = float(_LEAST_WIDTH)
    if rng.random() > _TOO_FAR_SHARE:
        least = max(least, _LEAST_LETTER * width / fine)
    seen = float(np.exp(rng.uniform(np.log(least), np.log(max(_MOST_WIDTH, 1.5 * least)))))  # pixels across
    scale = seen / width
    if scale < 1:
        plate = cv2.resize(
            plate, None, fx=max(scale, 8 / height), fy=max(scale, 8 / height), interpolation=cv2.INTER_AREA
        )
    height, width = plate.shape[:2]
    tall = height * rng.uniform(0.85, 1.2)
    margin = 0.25 * width
    size = (round(width + 2 * margin), round(tall + 2 * margin))
    turn = np.radians(rng.normal(0, 4) if rng.random() < 0.7 else rng.normal(0, 13))
    lean = rng.normal(0, 0.06) + np.tan(turn) * rng.uniform(0, 1)
    far = rng.normal(0, 0.05 if rng.random() < 0.85 else 0.1, (4, 2))
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) + far * [0.4, 0.8]
    shear = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn) + lean, np.cos(turn)]])
    corners = ((unit * [width, tall]) @ shear + [size[0] / 2, size[1] / 2]).astype(np.float32)
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    picture = _surroundings(rng, size)
    cv2.warpPerspective(plate, matrix, size, dst=picture, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    return picture, corners


def _grain(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Normal noise in 256 steps, from one random byte a pixel: a third of the time that exact noise takes."""
    drawn = np.frombuffer(rng.bytes(math.prod(shape)), np.uint8).reshape(shape)
    return np.asarray(cv2.LUT(drawn, _NORMAL), np.float32)


def _enlarged(rng: np.random.Generator, image: Picture, corners: Corners) -> tuple[Picture, Corners]:
    """A digital zoom: more pixels than were seen, often sharpened and compressed once more."""
    times = rng.uniform(1.4, 2.6)
    method = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(3))]
    larger: Picture = cv2.resize(image, None, fx=times, fy=times, interpolation=method)
    if rng.random() < 0.5:
        larger = _sharpened(rng, larger)
    if rng.random() < 0.6:
        larger = _packed(larger, int(rng.integers(30, 90)))
    return larger, corners * np.float32(times)


def _sharpened(rng: np.random.Generator, image: Picture) -> Picture:
    """Sharpened in the camera: halos."""
    amount = rng.uniform(0.6, 2.0)
    soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(1.0, 2.2))
    sharp: Picture = cv2.addWeighted(image, 1 + amount, soft, -amount, 0)
    return sharp


def _packed(image: Picture, quality: int) -> Picture:
    packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))


def _interlaced(rng: np.random.Generator, image: Picture) -> None:
    """Every other row from another moment, or from the row before."""
    if rng.random() < 0.5:
        image[1::2] = np.roll(image[1::2], int(rng.integers(1, 2 + image.shape[1] // 200)), axis=1)
    else:
        image[1::2] = image[0 : 2 * (len(image) // 2) : 2]


def _surroundings(rng: np.random.Generator, size: tuple[int, int]) -> Picture:
    """Bumper, boot lid, shadow: washes of grey with a few hard edges, lamps, badges, a grille, the make."""
    cells = rng.integers(0, 200) + rng.normal(0, 25, (3, 3))
    picture = cv2.resize(np.clip(cells, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)
    for _ in range(int(rng.integers(0, 5))):
        x0, x1 = sorted(rng.integers(-10, size[0] + 10, 2).tolist())
        y0 = int(rng.integers(-5, size[1]))
        cv2.rectangle(picture, (x0, y0), (x1, y0 + int(rng.integers(2, 14))), int(rng.integers(256)), -1)
    sort = rng.random()
    at, shade = (int(rng.integers(size[0])), int(rng.integers(size[1]))), int(rng.integers(256))
    if sort < 0.1:
        cv2.circle(picture, at, int(rng.integers(2, 4 + size[1] // 5)), shade, -1 if sort < 0.05 else 2, cv2.LINE_AA)
    elif sort < 0.16:  # seldom so large that it could be the text of a plate
        text = "".join(chr(letter) for letter in rng.integers(ord("A"), ord("Z") + 1, int(rng.integers(2, 8))))
        cv2.putText(
            picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size[1] * rng.uniform(0.002, 0.006), shade, 1, cv2.LINE_AA
        )
    elif sort < 0.2:
        step = int(rng.integers(4, 14))
        picture[at[1] :: step] = shade
    return picture


def _shadow(rng: np.random.Generator, light: NDArray[np.float32]) -> None:
    height, width = light.shape[:2]
    mask = np.ones((height, width), np.float32)
    edge = rng.uniform(0, width, 2)
    points = np.array([[0, 0], [edge[0], 0], [edge[1], height], [0, height]], np.int32)
    if rng.random() < 0.5:
        edge = rng.uniform(0, height, 2)
        points = np.array([[0, 0], [0, edge[0]], [width, edge[1]], [width, 0]], np.int32)
    cv2.fillPoly(mask, [points], float(rng.uniform(0.3, 0.7)))
    light *= cv2.GaussianBlur(mask, (0, 0), 1.0 + 2 * rng.random())


def _glare(rng: np.random.Generator, light: NDArray[np.float32]) -> None:
    height, width = light.shape[:2]
    centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
    glare = np.zeros((height, width), np.float32)
    cv2.circle(glare, centre, max(2, int(height * rng.uniform(0.04, 0.18))), float(rng.uniform(60, 230)), -1)
    light += cv2.GaussianBlur(glare, (0, 0), height * 0.08 + 1)


def _reflection(rng: np.random.Generator, light: NDArray[np.float32]) -> None:
    """A pale stripe of sky or of a window across the plate, which leaves the letters visible."""
    height, width = light.shape[:2]
    stripe = np.zeros((height, width), np.float32)
    start, lean, broad = rng.uniform(0, width), rng.normal(0, 0.5) * height, width * rng.uniform(0.05, 0.3)
    points = np.array(
        [[start, 0], [start + broad, 0], [start + broad + lean, height], [start + lean, height]], np.int32
    )
    cv2.fillPoly(stripe, [points], float(rng.uniform(30, 110)))
    light += cv2.GaussianBlur(stripe, (0, 0), 0.5 + 3 * rng.random())


def _motion(rng: np.random.Generator, width: int) -> NDArray[np.float32]:
    length = max(2, round(width * rng.uniform(0.006, 0.022)))
    angle = rng.normal(0, 0.5) if rng.random() < 0.7 else rng.uniform(0, np.pi)
    kernel = np.zeros((length * 2 + 1, length * 2 + 1), np.float32)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    start, end = (np.array([length, length]) - reach), (np.array([length, length]) + reach)
    cv2.line(kernel, tuple(np.rint(start).astype(int).tolist()), tuple(np.rint(end).astype(int).tolist()), 1.0, 1)
    normed: NDArray[np.float32] = kernel / kernel.sum()
    return normed
