"""ONNX float master -> TFLite file: ``python -m export.convert MODEL.onnx CALIBRATION.npz OUT.tflite --kind int8``.

TensorFlow wants an environment of its own (the dependency group 'convert'), so this runs as a subprocess of a training
and imports only numpy, onnx, onnxruntime and tensorflow; :func:`convert_apart` starts it.

CALIBRATION.npz holds one array ``images``: float32, (count, ...) in the layout and range of the ONNX input. The file
that comes out has batch 1; inputs and outputs of four axes are NHWC in it, whatever they are in ONNX. Only builtin
operations are used, of versions that tflite-runtime 2.14 knows: see export/gates.py.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

KINDS = ("float32", "float16", "dynamic", "int8")
"""Weights and sums as they are; weights in half precision; int8 weights with float sums; int8 throughout."""
_REFUSED = 3  # exit status where a ConversionError says why; argparse has 2, an exception 1


def convert(source: Path, images: NDArray[np.float32], kind: str) -> bytes:
    """Convert a network; needs TensorFlow.

    Args:
        source: an ONNX file with one input.
        images: float32, (count, ...) in the ONNX input's layout; some hundreds that look like what will be read. They
            set the ranges of 'int8'; the other kinds use none.
        kind: one of :data:`KINDS`. 'int8' takes and gives int8.

    Returns:
        The bytes of the .tflite file.

    Raises:
        ConversionError: the network holds something that cannot be converted.
        ValueError: an argument does not fit.

    """
    import tensorflow as tf  # noqa: PLC0415 - a training imports this module in an environment without TensorFlow

    from export.onnx_graph import load_graph  # noqa: PLC0415 - the same
    from export.tensorflow_ops import run_graph  # noqa: PLC0415 - the same

    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}, but must be one of {', '.join(KINDS)}")
    graph = load_graph(source)
    if images.shape[1:] != graph.shape[1:] or len(images) == 0:
        raise ValueError(f"images has shape {images.shape}, but {source} takes (count, {graph.shape[1:]})")
    inputs = images.astype(np.float32, copy=False)
    inputs = inputs.transpose(0, 2, 3, 1) if inputs.ndim == 4 else inputs

    def network(image: Any) -> list[Any]:
        return run_graph(graph, image)

    module = tf.Module()
    entry = tf.TensorSpec((1, *inputs.shape[1:]), tf.float32, name="image")
    module.network = tf.function(network, [entry], autograph=False)  # nothing to translate; it would wrap our errors
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.network.get_concrete_function()], module)
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        # Otherwise FULLY_CONNECTED comes out as version 12, which tflite-runtime 2.14 refuses.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001 - no public name
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":

        def samples() -> Iterator[list[NDArray[np.float32]]]:
            for image in inputs:
                yield [image[None]]

        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def convert_apart(python: Path, source: Path, images: NDArray[np.float32], target: Path, kind: str = "int8") -> None:
    """Do the same in another environment, and write the file.

    Args:
        python: the interpreter of an environment with the dependency group 'convert'.
        source: an ONNX file with one input.
        images: as for :func:`convert`.
        target: the .tflite file to write.
        kind: one of :data:`KINDS`.

    Raises:
        ConversionError: the network holds something that cannot be converted.
        RuntimeError: the other process failed; the message holds the end of what it said.

    """
    with tempfile.TemporaryDirectory() as folder:
        calibration = Path(folder) / "calibration.npz"
        np.savez(calibration, images=images)
        files = [str(path.resolve()) for path in (source, calibration, target)]
        command = [str(python), "-m", "export.convert", *files, "--kind", kind]
        root = Path(__file__).parents[1]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == _REFUSED:
        raise ConversionError(done.stderr.strip().splitlines()[-1])
    if done.returncode != 0:
        raise RuntimeError(f"converting {source} under {python} failed: {done.stderr.strip()[-2000:]}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("source", type=Path, metavar="MODEL.onnx")
    parser.add_argument("calibration", type=Path, metavar="CALIBRATION.npz")
    parser.add_argument("target", type=Path, metavar="OUT.tflite")
    parser.add_argument("--kind", choices=KINDS, default="int8")


def run(args: argparse.Namespace) -> int:
    """Carry the command out; 0 when the file was written."""
    with np.load(args.calibration) as arrays:
        images = arrays["images"]
    model = convert(args.source, images, args.kind)
    args.target.write_bytes(model)
    print(f"{args.target}: {args.kind}, {len(model):,} bytes")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as ``python -m export.convert``."""
    parser = argparse.ArgumentParser(prog="python -m export.convert", description=(__doc__ or "").splitlines()[0])
    add_arguments(parser)
    args = parser.parse_args(arguments)
    try:
        return run(args)
    except ConversionError as error:
        print(error, file=sys.stderr)
        return _REFUSED


if __name__ == "__main__":
    sys.exit(main())
