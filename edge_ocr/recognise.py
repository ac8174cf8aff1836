"""Strip -> log-probabilities: the CTC recogniser, one TFLite call a strip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr.engine import Engine
from edge_ocr.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_ocr.bundle import Bundle
    from edge_ocr.types import Strip


class Recogniser:
    """A loaded recogniser: call it with a strip.

    Args:
        bundle: for the task 'recognise'; its settings hold ``alphabet``, ``blank``, ``temperature``, ``width`` and
            ``height``.
        threads: how many cores one call may use.

    Attributes:
        alphabet: character ``i`` is class ``i + 1`` of what a call returns; class 0 is the blank, 'no character here',
            wherever the model itself has it.
        width: of the strips it takes, in pixels.
        height: of the strips it takes, in pixels.

    Raises:
        BundleError: a setting is missing or impossible, or the model has another shape than the settings say.
        EngineError: no interpreter is installed, or it refuses the model.

    """

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        self.alphabet: str = _setting(bundle, "alphabet", str)
        blank: int = _setting(bundle, "blank", int)
        self.width: int = _setting(bundle, "width", int)
        self.height: int = _setting(bundle, "height", int)
        self._temperature = np.float32(_setting(bundle, "temperature", float))
        classes = len(self.alphabet) + 1
        if len(set(self.alphabet)) + 1 != classes:
            raise _bad(bundle, "alphabet repeats a character")
        if not 0 <= blank < classes:
            raise _bad(bundle, f"blank is {blank}, but must be one of the classes 0 to {classes - 1}")
        if not self._temperature > 0:
            raise _bad(bundle, f"temperature must be above 0, not {self._temperature}")
        self._engine = Engine(bundle.model, name=bundle.name, threads=threads)
        if int(np.prod(self._engine.input.shape)) != self.width * self.height:
            raise _bad(bundle, f"the model takes {self._engine.input.shape}, not {self.height}x{self.width} grey")
        if len(self._engine.outputs) != 1 or self._engine.outputs[0].shape[-1] != classes:
            raise _bad(bundle, f"the model does not give one output of {classes} classes")
        self._order = np.array([blank, *(index for index in range(classes) if index != blank)])
        # Every shade quantised once: a strip then takes one look-up a pixel instead of a division and a rounding.
        self._shades = self._engine.input.quantise(np.arange(256, dtype=np.float32) / np.float32(127.5) - 1)

    def __call__(self, strip: Strip) -> NDArray[np.float32]:
        """Read one strip.

        Args:
            strip: of (height, width), grey.

        Returns:
            float32, (T, C): natural log-probabilities, calibrated by the bundle's temperature; every row sums to 1 as
            probabilities.

        Raises:
            ValueError: the strip has another size.

        """
        if strip.image.shape != (self.height, self.width):
            raise ValueError(f"strip must be {self.height}x{self.width} grey, not {strip.image.shape}")
        (stored,) = self._engine.run(self._shades[strip.image].reshape(self._engine.input.shape))
        logits = self._engine.outputs[0].dequantise(stored).reshape(-1, stored.shape[-1])
        return log_softmax(logits[:, self._order] / self._temperature)


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
