"""A trained network as an int8 TFLite file: what it still reads, its size, and its time on one core."""

from __future__ import annotations

import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from edge_ocr.engine import Engine
from export import gates
from export.convert import convert_apart

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

_CALIBRATION = 300
_TIMED = 300


@dataclass(frozen=True, slots=True, eq=False)
class Quantised:
    """``outputs`` float32 (n, ...) of all inputs; ``size`` of the file, bytes; ``milliseconds`` a call, the median."""

    outputs: Tensor
    size: int
    milliseconds: float


def quantise(network: nn.Module, learnt: Tensor, shown: Tensor, converter: Path) -> Quantised:
    """Convert through ONNX to full int8, and run it.

    Args:
        network: in evaluation mode.
        learnt: float (n, ...), inputs of the training set, which set the ranges.
        shown: float (m, ...), what to run.
        converter: the Python of an environment with the dependency group 'convert'.

    Raises:
        ConversionError: an operation is none that every supported interpreter runs.
        RuntimeError: the conversion failed.

    """
    images = learnt[:: max(1, len(learnt) // _CALIBRATION)].numpy().astype(np.float32)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own internals
        source, target = Path(folder) / "model.onnx", Path(folder) / "model.tflite"
        torch.onnx.export(network, (torch.from_numpy(images[:1]),), str(source), dynamo=False)
        convert_apart(converter, source, images, target)
        model = target.read_bytes()
    gates.check_operations(model)
    (outputs,) = gates.run_tflite(model, shown.numpy().astype(np.float32))
    return Quantised(torch.from_numpy(outputs), len(model), _median_ms(model, images))


def _median_ms(model: bytes, images: NDArray[np.float32]) -> float:
    engine = Engine(model, name="model")
    first = images[:1].transpose(0, 2, 3, 1) if images.ndim == 4 else images[:1]
    stored = engine.input.quantise(np.ascontiguousarray(first))
    times = []
    for _ in range(_TIMED):
        begin = time.perf_counter()
        engine.run(stored)
        times.append(time.perf_counter() - begin)
    return float(np.median(times)) * 1000
