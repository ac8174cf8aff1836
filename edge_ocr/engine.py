"""The only module that imports a TFLite interpreter.

LiteRT is tried first, then tflite-runtime; both run the same files. A model here has one input and any number of
outputs, of fixed shapes, and keeps no state between calls.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_INTERPRETERS = ("ai_edge_litert", "tflite_runtime")


@dataclass(frozen=True, slots=True)
class Tensor:
    """What an input or output looks like; ``real = scale * (stored - zero_point)`` where scale is not 0."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int

    @classmethod
    def of(cls, detail: dict[str, Any]) -> Tensor:
        """Read one entry of the interpreter's own tensor details."""
        scale, zero_point = detail["quantization"]
        return cls(tuple(int(n) for n in detail["shape"]), np.dtype(detail["dtype"]), float(scale), int(zero_point))

    def quantise(self, real: NDArray[np.float32]) -> NDArray[Any]:
        """Real values as this tensor stores them: rounded and clipped for int8, unchanged for float32."""
        if self.scale == 0:
            return real.astype(self.dtype, copy=False)
        limits = np.iinfo(self.dtype)
        steps = np.rint(real / self.scale) + self.zero_point
        stored: NDArray[Any] = np.clip(steps, limits.min, limits.max).astype(self.dtype)
        return stored

    def dequantise(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Stored values as float32."""
        if self.scale == 0:
            return stored.astype(np.float32, copy=False)
        return (stored.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


class _First:
    """The only network of a file, or the first."""

    def __init__(self, interpreter: Any) -> None:
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        (entry,) = interpreter.get_input_details()
        self._entry = int(entry["index"])
        self.input = Tensor.of(entry)
        outputs = interpreter.get_output_details()
        self._exits = [int(output["index"]) for output in outputs]
        self.outputs = tuple(Tensor.of(output) for output in outputs)

    def run(self, values: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        self._interpreter.set_tensor(self._entry, values)
        self._interpreter.invoke()
        return tuple(self._interpreter.get_tensor(index) for index in self._exits)


class _Signature:
    """One of several networks of a file, which share their weights."""

    def __init__(self, interpreter: Any, signature: str) -> None:
        self._run = interpreter.get_signature_runner(signature)
        ((self._entry, entry),) = self._run.get_input_details().items()
        self.input = Tensor.of(entry)
        outputs = self._run.get_output_details()
        self._exits = list(outputs)
        self.outputs = tuple(Tensor.of(output) for output in outputs.values())

    def run(self, values: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        given = self._run(**{self._entry: values})
        return tuple(given[name] for name in self._exits)


@dataclass(frozen=True, slots=True)
class Work:
    """What one inference takes: multiply-adds, and bytes of every tensor that is read or written, each once."""

    macs: int
    bytes_moved: int


class Engine:
    """One loaded model.

    Args:
        model: the bytes of a .tflite file.
        name: what to call it in errors.
        threads: how many cores one call may use.
        signature: which of the networks in a file that holds several; None for the first.

    Raises:
        EngineError: no interpreter is installed, or it refuses the model, or the model has no such signature.

    """

    def __init__(self, model: bytes, *, name: str, threads: int = 1, signature: str | None = None) -> None:
        make, _ = _interpreter()
        try:
            interpreter = make(model_content=model, num_threads=threads)
            network = _First(interpreter) if signature is None else _Signature(interpreter, signature)
        except (RuntimeError, ValueError) as error:
            cause = str(error).splitlines()[0] if str(error) else type(error).__name__
            message = f"{name}: {interpreter_name()} cannot load the model ({cause}); install the bundle again"
            raise EngineError(message) from error
        self._interpreter = interpreter
        self._network = network
        self.input = network.input
        self.outputs = network.outputs

    def run(self, values: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """One inference.

        Args:
            values: of the input's shape and dtype, already quantised.

        Returns:
            A copy of every output, as stored (not dequantised).

        """
        return self._network.run(values)

    def work(self) -> Work:
        """Count the work of an inference by the shapes of its operators; both interpreters tell them the same way."""
        shapes = {int(one["index"]): tuple(map(int, one["shape"])) for one in self._interpreter.get_tensor_details()}
        sizes = {
            int(one["index"]): int(np.prod(one["shape"])) * np.dtype(one["dtype"]).itemsize
            for one in self._interpreter.get_tensor_details()
        }
        macs, moved = 0, 0
        for operator in self._interpreter._get_ops_details():  # noqa: SLF001 -- nothing public tells the operators
            inputs = [int(index) for index in operator["inputs"] if index >= 0]
            outputs = [int(index) for index in operator["outputs"]]
            if operator["op_name"] == "DELEGATE":  # stands for operators that are listed as well
                continue
            moved += sum(sizes.get(index, 0) for index in inputs + outputs)
            if operator["op_name"] in _PRODUCTS and len(inputs) > 1:
                macs += _products(operator["op_name"], shapes[inputs[1]], shapes[outputs[0]])
        return Work(macs, moved)


_PRODUCTS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
"""Operators whose work is multiplying by weights; nearly all of what the models here do."""


def _products(name: str, weights: tuple[int, ...], out: tuple[int, ...]) -> int:
    """Multiply-adds for every element of the output: over the whole kernel, or over its area alone."""
    places = int(np.prod(out))
    return places * int(np.prod(weights[1:3] if name == "DEPTHWISE_CONV_2D" else weights[1:]))


def interpreter_name() -> str:
    """Which interpreter runs the models: its package and version.

    Raises:
        EngineError: none is installed.

    """
    return _interpreter()[1]


def _interpreter() -> tuple[Callable[..., Any], str]:
    for package in _INTERPRETERS:
        try:
            module = importlib.import_module(f"{package}.interpreter")
        except ModuleNotFoundError as error:
            if error.name is not None and not error.name.startswith(package):
                raise  # the interpreter is there and lacks something of its own: saying 'not installed' would mislead
            continue
        version = getattr(importlib.import_module(package), "__version__", "")
        return module.Interpreter, f"{package} {version}".strip()
    message = "no TFLite interpreter is installed; run 'pip install ai-edge-litert' (or 'tflite-runtime' on armv7l)"
    raise EngineError(message)
