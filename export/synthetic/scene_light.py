"""How a camera sees a scene: the colours it mixes to grey, day and night, blur, noise and compression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from export.synthetic.scene_plane import picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

_LUMA = (0.114, 0.587, 0.299)


def to_grey(rng: np.random.Generator, image: Picture) -> Picture:
    """BGR to grey: as the runtime does, or in other shares, as infrared and tinted cameras do."""
    mix = _LUMA if rng.random() < 0.7 else tuple(rng.dirichlet([1.0, 1.0, 1.0]))
    return picture(cv2.transform(image, np.array([mix], np.float32)))


def photograph(rng: np.random.Generator, grey: Picture) -> Picture:
    """A grey uint8 picture as some camera would deliver it."""
    height, width = grey.shape
    grey = _soften(rng, grey)
    light = grey.astype(np.float32)
    if rng.random() < 0.4:
        cells = rng.uniform(0.4, 1.3, (int(rng.integers(2, 5)), int(rng.integers(2, 5)))).astype(np.float32)
        light *= cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.12:
        light *= _cast_shadow(rng, (width, height))
    if rng.random() < 0.3:
        np.clip(light, 0, 255, out=light)
        light = (255 * (light / 255) ** np.exp(rng.normal(0, 0.4))).astype(np.float32)
    sort = rng.random()
    if sort < 0.08:  # night: little light, and what there is burns out
        contrast, level = rng.uniform(0.15, 0.5), rng.uniform(0, 15)
    elif sort < 0.17:  # haze, a dirty lens
        contrast, level = rng.uniform(0.25, 0.6), rng.uniform(20, 150)
    else:
        contrast = rng.uniform(0.75, 1.4)
        level = 128 * (1 - contrast) + rng.normal(0, 20)
    light = light * np.float32(contrast) + np.float32(level)
    noise = abs(rng.normal(0, 4.0))
    if noise > 0.7:
        light += rng.standard_normal(light.shape, np.float32) * np.float32(noise)
    out = np.clip(light, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(20, 95))
        packed = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        out = picture(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))
    if rng.random() < 0.12:  # sharpened in the camera: halos
        out = picture(cv2.addWeighted(out, 2.0, cv2.GaussianBlur(out, (0, 0), 1.2), -1.0, 0))
    return out


def _soften(rng: np.random.Generator, grey: Picture) -> Picture:
    """Optics, a coarse sensor, or movement."""
    height, width = grey.shape
    sort = rng.random()
    if sort < 0.35:
        sigma = abs(rng.normal(0, 0.7))
        return picture(cv2.GaussianBlur(grey, (0, 0), sigma)) if sigma > 0.3 else grey
    if sort < 0.5:
        share = rng.uniform(0.4, 0.9)
        coarse = cv2.resize(grey, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
        return picture(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR))
    if sort < 0.6:
        length = int(rng.integers(2, 7))
        angle = rng.normal(0, 0.5) if rng.random() < 0.7 else rng.uniform(0, np.pi)
        kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
        reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
        ends = np.rint(np.stack([length - reach, length + reach])).astype(int)
        cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0, 1)
        return picture(cv2.filter2D(grey, -1, kernel / kernel.sum()))
    return grey


def _cast_shadow(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    """The edge of a shadow, or the spots beneath a tree."""
    width, height = size
    mask = np.ones((height, width), np.float32)
    depth = float(rng.uniform(0.3, 0.75))
    if rng.random() < 0.5:
        points = rng.uniform(-0.3, 1.3, (int(rng.integers(3, 6)), 2)) * [width, height]
        cv2.fillPoly(mask, [points.astype(np.int32)], depth)
    else:
        cells = rng.normal(0, 1, (int(rng.integers(4, 20)), int(rng.integers(6, 30)))).astype(np.float32)
        mask[cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC) > 0.2] = depth
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.7, 4)), np.float32)
