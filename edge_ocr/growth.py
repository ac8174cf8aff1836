"""What a frame costs as frames, plates and cameras grow: CPU milliseconds of one core, by the stages that ship."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.config import Settings
from edge_ocr.pipeline import Pipeline
from edge_ocr.reader import Reader
from edge_ocr.types import Frame, Kind, Quad, Stamp

if TYPE_CHECKING:
    from edge_ocr.types import Image

SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080), (2592, 1944), (3840, 2160))
PLATES = (0, 1, 2, 4, 8, 16)
CAMERAS = (1, 2, 4, 8)
_ROUNDS = 5
_FRAMES = 10


@dataclass(frozen=True, slots=True)
class Cost:
    """One point of a curve.

    Attributes:
        grows: 'frame', 'plates' or 'cameras'.
        size: the frame's megapixels, or how many plates or cameras.
        ms: CPU time of one frame of one camera, the median.

    """

    grows: str
    size: float
    ms: float


def bench_growth() -> list[Cost]:
    """All three curves.

    Raises:
        BundleError: a bundle did not come with this package.
        EngineError: no interpreter is installed.

    """
    reader = Reader()
    picture = _picture()
    frames = [Cost("frame", width * height / 1e6, _ms(reader, _stretched(width, height))) for width, height in SIZES]
    plates = []
    for count in PLATES:
        found = [_quad(index) for index in range(count)]
        plates.append(Cost("plates", count, _ms(Reader(detector=lambda _, found=found: found), picture)))
    cameras = [Cost("cameras", count, _stepped(reader, count, picture)) for count in CAMERAS]
    return frames + plates + cameras


def _ms(reader: Reader, image: Image) -> float:
    took = []
    for _ in range(_ROUNDS):
        began = time.thread_time()
        reader.read(image)
        took.append(time.thread_time() - began)
    return float(np.median(took)) * 1e3


def _stepped(reader: Reader, count: int, image: Image) -> float:
    """Cameras in turn on one core, each with a pipeline of its own; every frame is looked at as a whole."""
    settings = Settings()
    settings = replace(settings, gate=replace(settings.gate, on=False))
    pipelines = [Pipeline(reader, settings) for _ in range(count)]
    took = []
    for number in range(_FRAMES):
        stamp = Stamp(number / 10, 1.7e9 + number / 10, "bench", synced=True)
        for index, pipeline in enumerate(pipelines):
            began = time.thread_time()
            pipeline.step(Frame(image, stamp, number, f"camera-{index}"))
            took.append(time.thread_time() - began)
    return float(np.median(took)) * 1e3


def _picture() -> Image:
    """A road without anything on it, with noise as a sensor has it."""
    return np.random.default_rng(0).integers(90, 130, (720, 1280, 3), np.uint8)


def _stretched(width: int, height: int) -> Image:
    return np.random.default_rng(1).integers(90, 130, (height, width, 3), np.uint8)


def _quad(index: int) -> Quad:
    """A place of 160x40 pixels in a grid of four a row."""
    x, y = 40.0 + 300 * (index % 4), 40.0 + 160 * (index // 4)
    return Quad(((x, y), (x + 160, y), (x + 160, y + 40), (x, y + 40)), Kind.PLATE, 0.9)
