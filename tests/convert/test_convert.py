"""Converted networks mean what their ONNX masters mean, in every kind, on every operation that is known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export import gates
from export.convert import convert, convert_apart, main
from export.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Master = Callable[..., Path]

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow warns about itself


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def master(tmp_path: Path) -> Master:
    """Write a network of the given nodes and weights from ``x`` to ``y`` as an ONNX file."""

    def write(nodes: list[onnx.NodeProto], weights: dict[str, NDArray[Any]], shape: tuple[int | str, ...]) -> Path:
        entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
        graph = helper.make_graph(nodes, "network", [entry], [result], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        path = tmp_path / "master.onnx"
        onnx.save(model, str(path))
        return path

    return write


def _floats(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.normal(0, 0.4, shape).astype(np.float32)


def _node(op: str, *inputs: str, output: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs, [output], **attributes)


def _same(path: Path, images: NDArray[np.float32], kind: str = "float32", limit: float = 1e-5) -> None:
    model = convert(path, images, kind)
    gates.check_operations(model)
    gates.check_parity(path, model, images, limit=limit)


CONVOLUTIONS = {
    "padded on both sides with a stride, as PyTorch does": ((6, 4, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    "padded as SAME pads a stride": ((6, 4, 3, 3), {"pads": [0, 0, 1, 1], "strides": [2, 2]}),
    "not padded": ((6, 4, 3, 5), {}),
    "with another stride across than down": ((6, 4, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 1]}),
    "depthwise": ((4, 1, 3, 3), {"pads": [1, 1, 1, 1], "group": 4}),
    "in groups": ((6, 2, 3, 3), {"pads": [1, 1, 1, 1], "group": 2}),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_means_the_same(name: str, master: Master, rng: np.random.Generator) -> None:
    shape, attributes = CONVOLUTIONS[name]
    weights = {"w": _floats(rng, *shape), "b": _floats(rng, shape[0])}
    path = master([_node("Conv", "x", "w", "b", **attributes)], weights, (1, 4, 12, 20))
    _same(path, _floats(rng, 4, 4, 12, 20))


ONE_INPUT = {
    "Relu": _node("Relu", "x"),
    "Sigmoid": _node("Sigmoid", "x"),
    "HardSwish": _node("HardSwish", "x"),
    "MaxPool": _node("MaxPool", "x", kernel_shape=[2, 1], strides=[2, 1]),
    "AveragePool": _node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2]),
    "GlobalAveragePool": _node("GlobalAveragePool", "x"),
    "Transpose of images": _node("Transpose", "x", perm=[0, 3, 1, 2]),
}


@pytest.mark.parametrize("name", ONE_INPUT)
def test_an_operation_of_one_input_means_the_same(name: str, master: Master, rng: np.random.Generator) -> None:
    images = _floats(rng, 3, 4, 6, 8)
    _same(master([ONE_INPUT[name]], {}, (1, 4, 6, 8)), images)


@pytest.mark.parametrize(
    ("op", "other"),
    [("Add", (1, 4, 1, 1)), ("Mul", (4, 1, 1)), ("Add", (8,))],
)
def test_a_constant_is_spread_as_onnx_spreads_it(
    op: str, other: tuple[int, ...], master: Master, rng: np.random.Generator
) -> None:
    path = master([_node(op, "c", "x")], {"c": _floats(rng, *other)}, (1, 4, 6, 8))
    _same(path, _floats(rng, 3, 4, 6, 8))


@pytest.mark.parametrize(("axis", "place"), [(1, -1), (1, 0), (2, 3), (-1, -2)])
def test_one_place_along_an_axis_means_the_same(
    axis: int, place: int, master: Master, rng: np.random.Generator
) -> None:
    path = master([_node("Gather", "x", "i", axis=axis)], {"i": np.array(place)}, (1, 6, 8))
    _same(path, _floats(rng, 3, 6, 8))


def test_several_places_are_refused(master: Master, rng: np.random.Generator) -> None:
    path = master([_node("Gather", "x", "i", axis=1)], {"i": np.array([0, 2])}, (1, 6, 8))
    with pytest.raises(ConversionError, match="a single index"):
        convert(path, _floats(rng, 3, 6, 8), "float32")


def test_relu6_and_a_mean_and_a_batch_normalisation_mean_the_same(master: Master, rng: np.random.Generator) -> None:
    nodes = [
        _node("BatchNormalization", "x", "s", "b", "m", "v", output="n"),
        _node("Clip", "n", "low", "high", output="c"),
        _node("ReduceMean", "c", "axes", keepdims=1),
    ]
    weights = {
        "s": _floats(rng, 4), "b": _floats(rng, 4), "m": _floats(rng, 4), "v": np.abs(_floats(rng, 4)) + 0.1,
        "low": np.float32(0).reshape(()), "high": np.float32(6).reshape(()), "axes": np.array([2], np.int64),
    }  # fmt: skip
    _same(master(nodes, weights, (1, 4, 6, 8)), _floats(rng, 3, 4, 6, 8))


@pytest.mark.parametrize(
    "attributes",
    [
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    ],
)
def test_enlarging_means_the_same(attributes: dict[str, str], master: Master, rng: np.random.Generator) -> None:
    scales = {"scales": np.array([1, 1, 2, 2], np.float32)}
    path = master([_node("Resize", "x", "", "scales", **attributes)], scales, (1, 4, 6, 8))
    _same(path, _floats(rng, 3, 4, 6, 8))


def test_two_branches_join_whatever_their_layout(master: Master, rng: np.random.Generator) -> None:
    nodes = [
        _node("Transpose", "x", perm=[0, 1, 3, 2], output="t"),
        _node("Transpose", "t", perm=[0, 1, 3, 2], output="u"),
        _node("Add", "x", "u", output="sum"),
        _node("Concat", "sum", "x", axis=1),
    ]
    _same(master(nodes, {}, (1, 4, 6, 8)), _floats(rng, 3, 4, 6, 8))


def _reader(rng: np.random.Generator, direction: str, hidden: int = 6) -> tuple[list[onnx.NodeProto], dict[str, Any]]:
    """A convolution down to one row, an LSTM over the columns and a projection, as the recogniser has them."""
    ways = 2 if direction == "bidirectional" else 1
    nodes = [
        _node("Conv", "x", "w", output="c"),
        _node("Squeeze", "c", "two", output="q"),
        _node("Transpose", "q", perm=[2, 0, 1], output="t"),
        _node("LSTM", "t", "W", "R", "B", output="l", hidden_size=hidden, direction=direction),
        _node("Transpose", "l", perm=[0, 2, 1, 3], output="p"),
        _node("Reshape", "p", "flat", output="r"),
        _node("MatMul", "r", "D", output="d"),
        _node("Add", "d", "e", output="a"),
        _node("Transpose", "a", perm=[1, 0, 2]),
    ]
    weights = {
        "w": _floats(rng, 5, 1, 8, 3), "two": np.array([2], np.int64),
        "W": _floats(rng, ways, 4 * hidden, 5), "R": _floats(rng, ways, 4 * hidden, hidden),
        "B": _floats(rng, ways, 8 * hidden), "flat": np.array([0, 0, -1], np.int64),
        "D": _floats(rng, ways * hidden, 7), "e": _floats(rng, 7),
    }  # fmt: skip
    return nodes, weights


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize(("kind", "limit"), [("float32", 1e-5), ("float16", 0.01), ("dynamic", 0.05), ("int8", 0.1)])
def test_an_lstm_means_the_same_in_every_kind(
    direction: str, kind: str, limit: float, master: Master, rng: np.random.Generator
) -> None:
    nodes, weights = _reader(rng, direction)
    _same(master(nodes, weights, ("batch", 1, 8, 20)), _floats(rng, 40, 1, 8, 20), kind, limit)


def test_int8_takes_and_gives_int8_and_holds_no_state(master: Master, rng: np.random.Generator) -> None:
    nodes, weights = _reader(rng, "bidirectional")
    images = _floats(rng, 20, 1, 8, 20)
    model = convert(master(nodes, weights, (1, 1, 8, 20)), images, "int8")
    names = {name for name, _ in gates.operations(model)}
    assert not {name for name in names if "LSTM" in name or "VARIABLE" in name or name in {"QUANTIZE", "DEQUANTIZE"}}
    once, twice = gates.run_tflite(model, images[:1]), gates.run_tflite(model, np.repeat(images[:1], 2, axis=0))
    np.testing.assert_array_equal(once[0][0], twice[0][1])


def test_the_command_writes_a_file(master: Master, rng: np.random.Generator, tmp_path: Path) -> None:
    path = master([_node("Relu", "x")], {}, (1, 4, 6, 8))
    np.savez(tmp_path / "calibration.npz", images=_floats(rng, 4, 4, 6, 8))
    target = tmp_path / "out.tflite"
    assert main([str(path), str(tmp_path / "calibration.npz"), str(target)]) == 0
    assert set(gates.operations(target.read_bytes())) == {("RELU", 2)}


def test_an_unknown_operation_is_named(master: Master, rng: np.random.Generator) -> None:
    path = master([_node("Erf", "x")], {}, (1, 4, 6, 8))
    with pytest.raises(ConversionError, match="Erf cannot be converted; known are Add"):
        convert(path, _floats(rng, 2, 4, 6, 8), "float32")


def test_a_padded_pooling_is_refused(master: Master, rng: np.random.Generator) -> None:
    path = master([_node("MaxPool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1])], {}, (1, 4, 6, 8))
    with pytest.raises(ConversionError, match="padded pooling"):
        convert(path, _floats(rng, 2, 4, 6, 8), "float32")


def test_a_clip_that_is_no_relu6_is_refused(master: Master, rng: np.random.Generator) -> None:
    limits = {"low": np.float32(-1).reshape(()), "high": np.float32(1).reshape(())}
    path = master([_node("Clip", "x", "low", "high")], limits, (1, 4, 6, 8))
    with pytest.raises(ConversionError, match="ReLU6"):
        convert(path, _floats(rng, 2, 4, 6, 8), "float32")


def test_images_of_another_shape_are_refused(master: Master, rng: np.random.Generator) -> None:
    path = master([_node("Relu", "x")], {}, (1, 4, 6, 8))
    with pytest.raises(ValueError, match="images has shape"):
        convert(path, _floats(rng, 2, 4, 8, 6), "int8")


def test_an_unknown_kind_is_refused(master: Master, rng: np.random.Generator) -> None:
    path = master([_node("Relu", "x")], {}, (1, 4, 6, 8))
    with pytest.raises(ValueError, match="kind is 'int4'"):
        convert(path, _floats(rng, 2, 4, 6, 8), "int4")


def test_an_open_size_besides_the_batch_is_refused(master: Master, rng: np.random.Generator) -> None:
    path = master([_node("Relu", "x")], {}, (1, 4, "rows", 8))
    with pytest.raises(ConversionError, match="must be fixed"):
        convert(path, _floats(rng, 2, 4, 6, 8), "float32")


def test_what_cannot_be_converted_is_told_apart_from_a_converter_that_fails(
    master: Master, tmp_path: Path, rng: np.random.Generator
) -> None:
    path = master([_node("Tanh", "x")], {}, (1, 8))
    here, target = Path(sys.executable), tmp_path / "model.tflite"
    with pytest.raises(ConversionError, match=r"^node .*Tanh cannot be converted"):
        convert_apart(here, path, _floats(rng, 4, 8), target)
    with pytest.raises(RuntimeError, match="invalid choice"):
        convert_apart(here, path, _floats(rng, 4, 9), target, "int4")
