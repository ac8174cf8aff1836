"""Gates that a converted model must pass before it is shipped: its operations, and that it still means the same.

An interpreter that meets an operation or a version it does not know refuses the whole file, and some files load and
answer nonsense without a word; so the operations are checked against what tflite-runtime 2.14 registers, and the
answers against the float master and between the interpreters.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.engine import Engine, interpreter_name
from export.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Shares = Mapping[str, tuple[int, float]]
    """By folder how many texts it has, and the share of them that came out right."""

_LOSS_LIMIT = 0.01

NEWEST_VERSIONS: dict[str, int] = {
    "ADD": 5,
    "AVERAGE_POOL_2D": 3,
    "CONCATENATION": 4,
    "CONV_2D": 7,
    "DEPTHWISE_CONV_2D": 7,
    "DEQUANTIZE": 5,
    "FULLY_CONNECTED": 10,
    "HARD_SWISH": 1,
    "LOGISTIC": 3,
    "MAX_POOL_2D": 3,
    "MEAN": 3,
    "MUL": 7,
    "PAD": 4,
    "QUANTIZE": 3,
    "RELU": 3,
    "RELU6": 3,
    "RESHAPE": 1,
    "RESIZE_BILINEAR": 4,
    "RESIZE_NEAREST_NEIGHBOR": 4,
    "REVERSE_V2": 3,
    "SLICE": 6,
    "SPLIT": 4,
    "SPLIT_V": 2,
    "SQUEEZE": 2,
    "STRIDED_SLICE": 8,
    "TANH": 3,
    "TRANSPOSE": 6,
}
"""The newest version of each operation that tflite-runtime 2.14.0 loads, found by raising it until it refused."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two networks' outputs are apart on the same inputs, in units of the first one's output.

    ``error`` is the root mean square difference divided by the standard deviation of the reference, ``worst`` the
    largest single difference, ``agreement`` the share of positions whose largest class is the same one.
    """

    error: float
    worst: float
    agreement: float


def operations(model: bytes) -> Counter[tuple[str, int]]:
    """How often a .tflite file uses each operation, by name and version; custom ones as 'CUSTOM name'."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - 20,000 lines that only this needs

    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    counts: Counter[tuple[str, int]] = Counter()
    for subgraph in parsed.subgraphs:
        for operator in subgraph.operators:
            code = parsed.operatorCodes[operator.opcodeIndex]
            custom = f"CUSTOM {code.customCode.decode()}" if code.customCode else names[code.builtinCode]
            counts[custom, int(code.version)] += 1
    return counts


def check_operations(model: bytes) -> Counter[tuple[str, int]]:
    """The operations of a model that every supported interpreter can run.

    Raises:
        ConversionError: one of them is custom, Flex, of a version that tflite-runtime 2.14 refuses, or unknown to the
            table above.

    """
    counts = operations(model)
    for name, version in sorted(counts):
        if name not in NEWEST_VERSIONS:
            raise ConversionError(f"{name} is not in the list of operations that every supported interpreter runs")
        if version > NEWEST_VERSIONS[name]:
            newest = NEWEST_VERSIONS[name]
            raise ConversionError(f"{name} is of version {version}, but tflite-runtime 2.14 knows up to {newest}")
    return counts


def run_tflite(model: bytes, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The outputs of a .tflite model, as real values.

    Args:
        model: the bytes of a file with batch 1.
        images: float32, (count, ...) in the layout of the ONNX master, so NCHW for images.

    Returns:
        For every output float32, (count, ...) in the file's own layout, so NHWC for images.

    """
    engine = Engine(model, name="model")
    inputs = images.transpose(0, 2, 3, 1) if images.ndim == 4 else images
    rows = []
    for image in inputs:
        stored = engine.run(engine.input.quantise(np.ascontiguousarray(image[None])))
        rows.append([tensor.dequantise(values) for tensor, values in zip(engine.outputs, stored, strict=True)])
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


def run_onnx(source: Path, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The outputs of the float master, in the layout of :func:`run_tflite`."""
    import onnxruntime  # noqa: PLC0415 - absent from the environment of the other interpreter, which runs this module

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    rows = [session.run(None, {name: image[None]}) for image in images]
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
    return [column.transpose(0, 2, 3, 1) if column.ndim == 4 else column for column in columns]


def run_tflite_under(python: Path, model: bytes, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """What :func:`run_tflite` gives in another environment, such as one with tflite-runtime 2.14.

    Raises:
        RuntimeError: the other process failed; the message holds the end of what it said.

    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "model.tflite").write_bytes(model)
        np.save(place / "images.npy", images)
        command = [str(python), "-m", "export.gates", str(place)]
        root = Path(__file__).parents[1]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"running the model under {python} failed: {done.stderr.strip()[-2000:]}")
        with np.load(place / "outputs.npz") as arrays:
            return [arrays[name] for name in arrays.files]


def compare(reference: Sequence[NDArray[np.float32]], other: Sequence[NDArray[np.float32]]) -> Parity:
    """How far the outputs of two runs are apart; outputs are paired by shape, as converters do not keep their order.

    Raises:
        ValueError: they do not have the same shapes.

    """
    one_side, other_side = (sorted(arrays, key=lambda array: array.shape) for arrays in (reference, other))
    shapes = [array.shape for array in one_side], [array.shape for array in other_side]
    if shapes[0] != shapes[1]:
        raise ValueError(f"the outputs have the shapes {shapes[0]} and {shapes[1]}, but they must be equal")
    errors, worst, agreements = [], [], []
    for one, two in zip(one_side, other_side, strict=True):
        difference = (one - two).astype(np.float64)
        errors.append(float(np.sqrt((difference**2).mean()) / max(float(one.std()), 1e-12)))
        worst.append(float(np.abs(difference).max()))
        agreements.append(float((one.argmax(-1) == two.argmax(-1)).mean()))
    return Parity(max(errors), max(worst), min(agreements))


def check_parity(
    source: Path, model: bytes, images: NDArray[np.float32], *, limit: float, other_python: Path | None = None
) -> Parity:
    """How far a converted model is from its float master on the given images.

    Args:
        source: the ONNX file.
        model: the bytes of the .tflite file made from it.
        images: as for :func:`run_tflite`; some dozens are enough.
        limit: the largest ``Parity.error`` that is let through, against the master and, where ``other_python`` is
            given, between the interpreter here and the one there, which must also agree.
        other_python: the Python of an environment with tflite-runtime 2.14.

    Raises:
        ConversionError: an output is further away than ``limit``.

    """
    here = run_tflite(model, images)
    parity = compare(run_onnx(source, images), here)
    if not parity.error <= limit:
        raise ConversionError(
            f"the converted model is {parity.error:.3f} off its master, but at most {limit} is allowed"
        )
    if other_python is not None:
        between = compare(here, run_tflite_under(other_python, model, images))
        if not between.error <= limit:
            raise ConversionError(
                f"{interpreter_name()} and the interpreter of {other_python} are {between.error:.3f} apart, "
                f"but at most {limit} is allowed"
            )
    return parity


def check_loss(master: Shares, converted: Shares, *, of: str) -> float:
    """The accuracy gate: over all folders, int8 may lose a point of what the float master gets right.

    Args:
        master: what it gets right, measured as ``converted`` is.
        converted: what the int8 file gets right, of the same folders.
        of: what is counted, for the message.

    Returns:
        The share that is lost; below 0 where int8 gets more right.

    Raises:
        ConversionError: it loses more.

    """
    count = sum(many for many, _ in converted.values())
    lost = sum((master[name][1] - share) * many for name, (many, share) in converted.items()) / count
    if lost > _LOSS_LIMIT:
        raise ConversionError(f"int8 loses {lost:.1%} of {of}, but at most {_LOSS_LIMIT:.0%} is allowed")
    return lost


def main(arguments: Sequence[str] | None = None) -> int:
    """Run FOLDER/model.tflite on FOLDER/images.npy and write FOLDER/outputs.npz; for :func:`run_tflite_under`."""
    parser = argparse.ArgumentParser(prog="python -m export.gates", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    outputs = run_tflite((folder / "model.tflite").read_bytes(), np.load(folder / "images.npy"))
    np.savez(folder / "outputs.npz", *outputs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
