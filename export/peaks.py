"""Writes edge_ocr/peaks: two models that are one large multiplication each, to measure what a core can do at best.

    python -m export.peaks

A convolution of 1x1 from 256 to 256 channels on 32x32 places is a product of 1024x256 and 256x256 matrices, the shape
that interpreters are best at. All weights are equal, so the files compress to nothing; a processor does not care.
"""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SIDE, CHANNELS = 32, 256
FOLDER = Path(__file__).parents[1] / "edge_ocr" / "peaks"


def model(dtype: type[np.int8 | np.float32]) -> bytes:
    """The bytes of a .tflite file."""
    whole = dtype is np.int8
    buffers = [schema.BufferT()]  # the first stands for 'none'

    def tensor(name: str, shape: tuple[int, ...], kind: int, values: np.ndarray | None, scale: float) -> schema.TensorT:
        made = schema.TensorT()
        made.name, made.shape, made.type = name, list(shape), kind
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            buffers.append(buffer)
            made.buffer = len(buffers) - 1
        else:
            buffers.append(schema.BufferT())
            made.buffer = len(buffers) - 1
        if whole:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [scale], [0]
        return made

    stored = schema.TensorType.INT8 if whole else schema.TensorType.FLOAT32
    sums = (schema.TensorType.INT32, np.int32) if whole else (schema.TensorType.FLOAT32, np.float32)
    place = (1, SIDE, SIDE, CHANNELS)
    weights = np.full((CHANNELS, 1, 1, CHANNELS), 1, dtype)
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("in", place, stored, None, 0.1),
        tensor("weights", weights.shape, stored, weights, 0.1),
        tensor("bias", (CHANNELS,), sums[0], np.zeros(CHANNELS, sums[1]), 0.01),
        tensor("out", place, stored, None, 10.0),
    ]
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1, 2], [3]
    operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    operator.builtinOptions = schema.Conv2DOptionsT()
    operator.builtinOptions.strideW = operator.builtinOptions.strideH = 1
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [3]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 3 if whole else 1
    made = schema.ModelT()
    made.version, made.subgraphs, made.operatorCodes, made.buffers = 3, [graph], [code], buffers
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(made.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "int8.tflite").write_bytes(model(np.int8))
    (FOLDER / "float32.tflite").write_bytes(model(np.float32))
