"""Strip -> log-probabilities: the CTC recogniser, one TFLite call a strip."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr.engine import Engine
from edge_ocr.errors import BundleError
from edge_ocr.preprocess import STEPS, prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_ocr.bundle import Bundle
    from edge_ocr.types import Strip


class Recogniser:
    """A loaded recogniser: call it with a strip.

    Args:
        bundle: for the task 'recognise'; its settings hold ``alphabet``, ``blank``, ``temperature``, ``width`` and
            ``height``; those of signs also hold ``widths``, ``widening`` and ``gap``, see there.
        threads: how many cores one call may use.
        preprocess: steps of :mod:`edge_ocr.preprocess` that every strip goes through first, in this order.

    Attributes:
        alphabet: character ``i`` is class ``i + 1`` of what a call returns; class 0 is the blank, 'no character here',
            wherever the model itself has it.
        width: of the strips it takes, in pixels; of several, the widest.
        widths: all that it takes, ascending. The file then has a network for each, called 'width64' and so on, of the
            same weights: a short word costs less than a long one.
        height: of the strips it takes, in pixels.
        widening: how many times as wide as it is a line is drawn onto its strip: 2 for scripts that write marks over
            and under letters, whose characters are more than a line of that width has time steps for; 1 for others.
        gap: how far apart, in heights, the detector leaves the pieces of one line at most; None where it knows the
            script.
        longest: line that its widest strip holds without squeezing it, in heights.

    Raises:
        BundleError: a setting is missing or impossible, or the model has another shape than the settings say.
        EngineError: no interpreter is installed, or it refuses the model.
        ValueError: a step is not known.

    """

    def __init__(self, bundle: Bundle, *, threads: int = 1, preprocess: Sequence[str] = ()) -> None:
        if unknown := [step for step in preprocess if step not in STEPS]:
            raise ValueError(f"preprocess holds {unknown[0]!r}, but must hold some of {', '.join(STEPS)}")
        self.steps = tuple(preprocess)
        self.alphabet: str = alphabet_of(bundle)
        blank: int = _setting(bundle, "blank", int)
        self.width: int = _setting(bundle, "width", int)
        self.height: int = _setting(bundle, "height", int)
        self.widths = _widths(bundle, self.width)
        self.widening = _number(bundle, "widening", 1.0)
        self.gap = _number(bundle, "gap", 1.0) if "gap" in bundle.settings else None
        self.longest = self.width / (self.widening * self.height)
        self._temperature = np.float32(_setting(bundle, "temperature", float))
        classes = len(self.alphabet) + 1
        if not 0 <= blank < classes:
            raise _bad(bundle, f"blank is {blank}, but must be one of the classes 0 to {classes - 1}")
        if not self._temperature > 0:
            raise _bad(bundle, f"temperature must be above 0, not {self._temperature}")
        several = len(self.widths) > 1
        engines = {
            width: Engine(
                bundle.model, name=bundle.name, threads=threads, signature=f"width{width}" if several else None
            )
            for width in self.widths
        }
        for width, engine in engines.items():
            if int(np.prod(engine.input.shape)) != width * self.height:
                raise _bad(bundle, f"the model takes {engine.input.shape}, not {self.height}x{width} grey")
            if len(engine.outputs) != 1 or engine.outputs[0].shape[-1] != classes:
                raise _bad(bundle, f"the model does not give one output of {classes} classes")
        self._networks = {width: (engine, _shades(engine)) for width, engine in engines.items()}
        self._order = np.array([blank, *(index for index in range(classes) if index != blank)])

    def __call__(self, strip: Strip) -> NDArray[np.float32]:
        """Read one strip.

        Args:
            strip: of (height, one of widths), grey.

        Returns:
            float32, (T, C): natural log-probabilities, calibrated by the bundle's temperature; every row sums to 1 as
            probabilities.

        Raises:
            ValueError: the strip has another size.

        """
        height, width = strip.image.shape
        if height != self.height or width not in self._networks:
            wanted = " or ".join(f"{self.height}x{width}" for width in self.widths)
            raise ValueError(f"strip must be {wanted} grey, not {strip.image.shape}")
        engine, shades = self._networks[width]
        (stored,) = engine.run(shades[prepared(strip.image, self.steps)].reshape(engine.input.shape))
        logits = engine.outputs[0].dequantise(stored).reshape(-1, stored.shape[-1])
        return log_softmax(logits[:, self._order] / self._temperature)


def _shades(engine: Engine) -> NDArray[Any]:
    """Every shade quantised once: a strip then takes one look-up a pixel instead of a division and a rounding."""
    return engine.input.quantise(np.arange(256, dtype=np.float32) / np.float32(127.5) - 1)


def _widths(bundle: Bundle, width: int) -> tuple[int, ...]:
    """The setting ``widths``, which few bundles have, or the one width."""
    found = bundle.settings.get("widths", [width])
    if not isinstance(found, list) or not all(type(item) is int for item in found) or not found:
        raise _bad(bundle, f"widths is {found!r}, but must be a list of whole numbers")
    if sorted(set(found)) != found or found[-1] != width:
        raise _bad(bundle, f"widths is {found!r}, but must ascend to width, {width}")
    return tuple(found)


def _number(bundle: Bundle, name: str, otherwise: float) -> float:
    """A setting that few bundles have."""
    found = bundle.settings.get(name, otherwise)
    if type(found) not in (int, float) or not 0 < found < inf:
        raise _bad(bundle, f"{name} is {found!r}, but must be a number above 0")
    return float(found)


def alphabet_of(bundle: Bundle) -> str:
    """The characters that a recogniser knows, as told by its bundle alone.

    Raises:
        BundleError: there are none, or one is there twice.

    """
    alphabet: str = _setting(bundle, "alphabet", str)
    if len(set(alphabet)) != len(alphabet):
        raise _bad(bundle, "alphabet repeats a character")
    return alphabet


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Natural log-probabilities along the last axis, float32, without overflow for any finite logits."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    normal: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normal


def _setting(bundle: Bundle, key: str, kind: type) -> Any:
    value = bundle.settings.get(key)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _bad(bundle, f"{key} is {value!r}, but must be of type {kind.__name__}")
    return value


def _bad(bundle: Bundle, what: str) -> BundleError:
    return BundleError(f"{bundle.name}/model.toml: [recognise] {what}; export the bundle again")
