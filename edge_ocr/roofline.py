"""How near the models come to what one core can do: peaks that are measured, work that is counted.

The roofline (Williams, Waterman and Patterson, 2009): a model cannot be faster than its multiplications at the core's
best rate, nor than its bytes at the memory's. Peaks are those of the same interpreter on one large multiplication
(``peaks/``, made by ``python -m export.peaks``), so what is left between a model and its roof is the model's shape.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr import bundle
from edge_ocr.engine import Engine
from edge_ocr.errors import BundleError
from edge_ocr.types import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PEAKS = Path(__file__).parent / "peaks"
_PEAK_MACS = 32 * 32 * 256 * 256
_COPIED = 64 << 20  # bytes; no cache holds it


@dataclass(frozen=True, slots=True)
class Peaks:
    """What one core does at best: 10^9 multiply-adds a second, and 10^9 bytes a second read and written."""

    int8_gmacs: float
    float32_gmacs: float
    copy_gbytes: float


@dataclass(frozen=True, slots=True)
class Roof:
    """One model under its roof.

    Attributes:
        model: the bundle's name.
        macs: multiply-adds of one inference, in millions.
        mbytes: weights and every activation once read or written, in 10^6 bytes.
        ms: of one inference, the least of several, in CPU time.
        roof_ms: what the peaks allow.
        share: ``roof_ms / ms``.
        bound: 'compute' or 'memory', by which peak the roof is.

    """

    model: str
    macs: float
    mbytes: float
    ms: float
    roof_ms: float
    share: float
    bound: str


def peaks() -> Peaks:
    """Measure this core.

    Raises:
        EngineError: no interpreter is installed.

    """
    rates = []
    for name in ("int8", "float32"):
        engine = Engine((_PEAKS / f"{name}.tflite").read_bytes(), name=f"peaks/{name}")
        values = np.zeros(engine.input.shape, engine.input.dtype)
        rates.append(_PEAK_MACS / least(partial(engine.run, values), 20) / 1e9)
    source = np.zeros(_COPIED, np.uint8)
    target = np.ones_like(source)
    copied = least(lambda: np.copyto(target, source), 5)
    return Peaks(rates[0], rates[1], 2 * _COPIED / copied / 1e9)


def roofs(known: Peaks) -> list[Roof]:
    """Every model that came with this package, under the roof of its own kind of numbers.

    Raises:
        EngineError: no interpreter is installed.

    """
    return [_roof(shipped, known) for shipped in _shipped()]


def _shipped() -> Iterator[bundle.Bundle]:
    for kind in Kind:
        for task in ("detect", "recognise"):
            try:
                yield bundle.shipped_bundle(kind, task=task)
            except BundleError:
                continue  # a version has the bundles that it has


def _roof(shipped: bundle.Bundle, known: Peaks) -> Roof:
    engine = Engine(shipped.model, name=shipped.name)
    values = np.zeros(engine.input.shape, engine.input.dtype)
    seconds = least(partial(engine.run, values), 30)
    work = engine.work()
    peak = known.int8_gmacs if engine.input.dtype == np.int8 else known.float32_gmacs
    compute, memory = work.macs / peak / 1e9, work.bytes_moved / known.copy_gbytes / 1e9
    roof = max(compute, memory)
    return Roof(
        shipped.name,
        work.macs / 1e6,
        work.bytes_moved / 1e6,
        seconds * 1e3,
        roof * 1e3,
        roof / seconds,
        "compute" if compute >= memory else "memory",
    )


def least(run: Callable[[], object], rounds: int) -> float:
    """Seconds of CPU time of a call, the least of some: others on the machine only ever add to it."""
    best = math.inf
    for _ in range(rounds):
        began = time.thread_time()
        run()
        best = min(best, time.thread_time() - began)
    return best
