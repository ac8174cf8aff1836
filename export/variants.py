"""What each kind of conversion costs and reads, beside other recognisers in one run: ``export variants BUNDLE``.

The best by accuracy a millisecond ships. Times are medians over crops read in turn by every network, so that other work
on the machine slows all of them alike.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnxruntime

from edge_ocr.engine import Engine
from export.convert import KINDS, convert_apart
from export.packing import calibration_images, images_of, measure_tflite
from export.synthetic.strips import load_shard

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_ROUNDS = 100
_ROW = 8
_PEER_WIDTH = 320  # what PaddleOCR's recognisers are given of a text up to 6.7 times as wide as high


@dataclass(frozen=True, slots=True)
class Variant:
    """A network: its name, its size in bytes, the share of crops read exactly (None: not measured), milliseconds."""

    name: str
    size: int
    exact: float | None
    ms: float

    def row(self) -> str:
        """A line of the table, as Markdown."""
        exact = "" if self.exact is None else f"{self.exact:.1%}"
        return f"| {self.name} | {self.size:,} | {exact} | {self.ms:.2f} ms |"


def variants(bundle: Path, held: Path, data: Path, converter: Path, peers: list[Path]) -> list[Variant]:
    """Convert a bundle's master in every way and measure each file, with other networks beside them.

    Args:
        bundle: holds model.onnx.
        held: a shard of renders that no training saw, for the ranges of int8.
        data: folder of development photographs.
        converter: Python with TensorFlow.
        peers: ONNX files of recognisers that take (1, 3, 48, width).

    """
    shard = load_shard(held)
    images = calibration_images(shard, data)
    models: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for kind in KINDS:
            convert_apart(converter, bundle / "model.onnx", images, Path(scratch) / f"{kind}.tflite", kind)
            models[kind] = (Path(scratch) / f"{kind}.tflite").read_bytes()
    runs: dict[str, Callable[[NDArray[np.float32]], object]] = {kind: _ours(model) for kind, model in models.items()}
    runs |= {_name(path): _peer(path) for path in peers}
    taken = _alternate(runs, images_of(shard, _ROUNDS))
    found = []
    for name, ms in taken.items():
        if name in models:
            scores = measure_tflite(models[name], data).values()
            exact = sum(score.exact * score.count for score in scores) / sum(score.count for score in scores)
            found.append(Variant(name, len(models[name]), exact, ms))
    return found + [Variant(_name(path), path.stat().st_size, None, taken[_name(path)]) for path in peers]


def _name(path: Path) -> str:
    """A file's name with as many of its folders as tell two of them apart."""
    return "/".join(path.parts[-4:])


def _ours(model: bytes) -> Callable[[NDArray[np.float32]], object]:
    engine = Engine(model, name="model")
    return lambda image: engine.run(engine.input.quantise(np.ascontiguousarray(image.transpose(1, 2, 0)[None])))


def _peer(path: Path) -> Callable[[NDArray[np.float32]], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def read(image: NDArray[np.float32]) -> Any:
        wide = cv2.resize(image[0], (_PEER_WIDTH, image.shape[1]))
        return session.run(None, {name: np.repeat(wide[None, None], 3, axis=1)})

    return read


def _alternate(
    runs: dict[str, Callable[[NDArray[np.float32]], object]], images: NDArray[np.float32]
) -> dict[str, float]:
    """Median milliseconds of CPU an image, each network reading some in a row, as a frame's texts are, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for start in range(0, len(images), _ROW):
        for name, read in runs.items():
            for image in images[start : start + _ROW]:
                begin = time.thread_time()
                read(image)
                taken[name].append(time.thread_time() - begin)
    return {name: float(np.median(times)) * 1e3 for name, times in taken.items()}
