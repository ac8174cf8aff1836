"""ONNX operations written as TensorFlow ones, so that the same weights mean the same.

ONNX images are NCHW and TensorFlow's are NHWC. A :class:`Value` therefore carries which ONNX axis each dimension of its
tensor holds: transposing costs nothing until an operation needs a certain order, and then often only moves axes of
length 1, which is a reshape. Paddings are explicit, because PyTorch pads a strided convolution on both sides and
TensorFlow's SAME does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import tensorflow as tf

from export.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from export.onnx_graph import Graph, Node

_IMAGE = (0, 2, 3, 1)  # NHWC, told in ONNX axes


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor whose dimension k is axis ``axes[k]`` of the ONNX value that it stands for."""

    tensor: Any
    axes: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the ONNX value."""
        lengths = dict(zip(self.axes, self.tensor.shape, strict=True))
        return tuple(int(lengths[axis]) for axis in range(len(self.axes)))

    def ordered(self, axes: tuple[int, ...] | None = None) -> Any:
        """The tensor with its dimensions in the given order of ONNX axes; by default in ONNX's own."""
        wanted = tuple(range(len(self.axes))) if axes is None else axes
        if wanted == self.axes:
            return self.tensor
        shape = self.shape
        long_now = [axis for axis in self.axes if shape[axis] != 1]
        long_wanted = [axis for axis in wanted if shape[axis] != 1]
        if long_now == long_wanted:
            return tf.reshape(self.tensor, [shape[axis] for axis in wanted])
        return tf.transpose(self.tensor, [self.axes.index(axis) for axis in wanted])


def run_graph(graph: Graph, image: Any) -> list[Any]:
    """Apply a network.

    Args:
        graph: the network.
        image: float32 tensor, NHWC where the network's input has four axes.

    Returns:
        Its outputs; those with four axes as NHWC.

    Raises:
        ConversionError: an operation is not known here; the message names it.

    """
    values = {graph.input: Value(image, _IMAGE if len(graph.shape) == 4 else tuple(range(len(graph.shape))))}
    for node in graph.nodes:
        if node.op not in _OPERATIONS:
            known = ", ".join(sorted(_OPERATIONS))
            raise ConversionError(f"node {node.name}: {node.op} cannot be converted; known are {known}")
        values[node.outputs[0]] = _OPERATIONS[node.op](_Call(node, values, graph.constants))
    results = [values[name] for name in graph.outputs]
    return [result.ordered(_IMAGE if len(result.axes) == 4 else None) for result in results]


@dataclass(frozen=True, slots=True)
class _Call:
    """One node with what it can see."""

    node: Node
    values: dict[str, Value]
    constants: dict[str, NDArray[Any]]

    def value(self, index: int = 0) -> Value:
        return self.values[self.node.inputs[index]]

    def constant(self, index: int) -> NDArray[Any] | None:
        """The constant at an input, None where the optional input is absent or empty."""
        name = self.node.inputs[index] if index < len(self.node.inputs) else ""
        if not name:
            return None
        if name not in self.constants:
            self.refuse(f"input {index} must be a constant")
        found = self.constants[name]
        return found if found.size else None

    def needed(self, index: int) -> NDArray[Any]:
        found = self.constant(index)
        return self.refuse(f"input {index} is missing") if found is None else found

    def attribute(self, name: str, default: Any) -> Any:
        return self.node.attributes.get(name, default)

    def expect(self, name: str, *allowed: Any) -> None:
        """Refuse an attribute value whose meaning is not implemented; the first allowed one is ONNX's default."""
        found = self.attribute(name, allowed[0])
        if found not in allowed:
            self.refuse(f"{name}={found} is not supported")

    def refuse(self, why: str) -> NoReturn:
        raise ConversionError(f"node {self.node.name} ({self.node.op}): {why}")


# --- images


def _padding(call: _Call, tensor: Any, kernel: tuple[int, int], strides: tuple[int, int]) -> tuple[Any, str]:
    """The padded NHWC tensor and the padding mode to use on it; SAME where it means exactly what ONNX says."""
    call.expect("auto_pad", "NOTSET")
    top, left, bottom, right = call.attribute("pads", [0, 0, 0, 0])
    if not any((top, left, bottom, right)):
        return tensor, "VALID"
    same = []
    for length, size, stride in zip(tensor.shape[1:3], kernel, strides, strict=True):
        total = max((-(-int(length) // stride) - 1) * stride + size - int(length), 0)
        same += [total // 2, total - total // 2]
    if same == [top, bottom, left, right]:
        return tensor, "SAME"
    return tf.pad(tensor, [[0, 0], [top, bottom], [left, right], [0, 0]]), "VALID"


def _conv(call: _Call) -> Value:
    weights = call.needed(1)  # (out, in / groups, h, w)
    strides, groups = tuple(call.attribute("strides", [1, 1])), int(call.attribute("group", 1))
    call.expect("dilations", [1, 1])
    tensor, padding = _padding(call, call.value().ordered(_IMAGE), weights.shape[2:], strides)
    channels = int(tensor.shape[3])
    if groups == 1:
        made = tf.nn.conv2d(tensor, weights.transpose(2, 3, 1, 0), strides, padding)
    elif groups == channels and weights.shape[1] == 1:
        if strides[0] != strides[1]:
            call.refuse("a depthwise convolution needs equal strides in TensorFlow; put the stride in another layer")
        kernel = weights.reshape(channels, -1, *weights.shape[2:]).transpose(2, 3, 0, 1)
        made = tf.nn.depthwise_conv2d(tensor, kernel, (1, *strides, 1), padding)
    else:
        parts = zip(tf.split(tensor, groups, 3), np.split(weights.transpose(2, 3, 1, 0), groups, 3), strict=True)
        made = tf.concat([tf.nn.conv2d(part, kernel, strides, padding) for part, kernel in parts], 3)
    bias = call.constant(2)
    return Value(made if bias is None else tf.nn.bias_add(made, bias), _IMAGE)


def _pool(reduce: Callable[..., Any]) -> Callable[[_Call], Value]:
    def pool(call: _Call) -> Value:
        kernel = tuple(call.attribute("kernel_shape", []))
        strides = tuple(call.attribute("strides", [1, 1]))
        call.expect("ceil_mode", 0)
        call.expect("dilations", [1, 1])
        if any(call.attribute("pads", [0, 0, 0, 0])):
            call.refuse("padded pooling is not supported; choose a kernel that needs no padding")
        return Value(reduce(call.value().ordered(_IMAGE), kernel, strides, "VALID"), _IMAGE)

    return pool


def _resize(call: _Call) -> Value:
    tensor = call.value().ordered(_IMAGE)
    sizes = call.constant(3)
    if sizes is None:
        sizes = np.array(call.value().shape) * call.needed(2)
    size = [int(n) for n in sizes[2:]]
    if call.attribute("mode", "nearest") == "linear":
        call.expect("coordinate_transformation_mode", "half_pixel")
        return Value(tf.raw_ops.ResizeBilinear(images=tensor, size=size, half_pixel_centers=True), _IMAGE)
    call.expect("mode", "nearest")
    if any(new % int(old) for new, old in zip(size, tensor.shape[1:3], strict=True)):
        call.refuse("the nearest neighbour is defined alike on both sides for whole factors only")
    return Value(tf.raw_ops.ResizeNearestNeighbor(images=tensor, size=size), _IMAGE)


def _batch_norm(call: _Call) -> Value:
    scale, bias, mean, variance = (call.needed(index) for index in range(1, 5))
    factor = scale / np.sqrt(variance + call.attribute("epsilon", 1e-5))
    return Value(call.value().ordered(_IMAGE) * factor + (bias - mean * factor), _IMAGE)


# --- element by element


def _unary(apply: Callable[[Any], Any]) -> Callable[[_Call], Value]:
    return lambda call: Value(apply(call.value().tensor), call.value().axes)


def _clip(call: _Call) -> Value:
    low, high = float(call.needed(1)), float(call.needed(2))
    if (low, high) != (0.0, 6.0):
        call.refuse(f"clipping to {low}..{high} has no single operation; use 0..6 (ReLU6)")
    return _unary(tf.nn.relu6)(call)


def _hard_sigmoid(call: _Call) -> Value:
    """Half of HardSwish, into which onnxruntime takes that apart."""
    if not np.isclose(call.attribute("alpha", 0.2), 1 / 6) or call.attribute("beta", 0.5) != 0.5:
        call.refuse("only the one of HardSwish, with alpha 1/6 and beta 1/2, has an operation")
    return _unary(lambda x: tf.nn.relu6(x + 3.0) * (1.0 / 6.0))(call)


def _binary(apply: Callable[[Any, Any], Any]) -> Callable[[_Call], Value]:
    def binary(call: _Call) -> Value:
        left, right = call.node.inputs
        if left in call.constants:  # both operations known here may be turned round
            left, right = right, left
        value = call.values[left]
        if right in call.constants:
            fixed = call.constants[right]
            spread = fixed.reshape((1,) * (len(value.axes) - fixed.ndim) + fixed.shape)
            return Value(apply(value.tensor, spread.transpose(value.axes)), value.axes)
        if len(call.values[right].axes) != len(value.axes):
            call.refuse("both sides must have the same number of axes")
        return Value(apply(value.tensor, call.values[right].ordered(value.axes)), value.axes)

    return binary


# --- shapes


def _relabel(value: Value, shape: tuple[int, ...]) -> Value | None:
    """The value in a shape that only gains or loses axes of length 1: no data moves; None where more is asked."""
    old = [axis for axis, length in enumerate(value.shape) if length != 1]
    new = [axis for axis, length in enumerate(shape) if length != 1]
    if [value.shape[axis] for axis in old] != [shape[axis] for axis in new]:
        return None
    names = dict(zip(old, new, strict=True))
    ones = tuple(axis for axis, length in enumerate(shape) if length == 1)
    axes = ones + tuple(names[axis] for axis in value.axes if axis in names)
    return Value(tf.reshape(value.tensor, [shape[axis] for axis in axes]), axes)


def _reshaped(value: Value, shape: tuple[int, ...]) -> Value:
    return _relabel(value, shape) or Value(tf.reshape(value.ordered(), shape), tuple(range(len(shape))))


def _reshape(call: _Call) -> Value:
    value = call.value()
    shape = [value.shape[axis] if length == 0 else int(length) for axis, length in enumerate(call.needed(1))]
    rest = int(np.prod(value.shape)) // int(np.prod([length for length in shape if length != -1]))
    return _reshaped(value, tuple(rest if length == -1 else length for length in shape))


def _squeeze(call: _Call) -> Value:
    value, axes = call.value(), call.constant(1)
    rank = len(value.shape)
    gone = {axis for axis in range(rank) if value.shape[axis] == 1} if axes is None else {int(a) % rank for a in axes}
    return _reshaped(value, tuple(length for axis, length in enumerate(value.shape) if axis not in gone))


def _unsqueeze(call: _Call) -> Value:
    value, axes = call.value(), call.needed(1)
    rank = len(value.shape) + len(axes)
    lengths, added = iter(value.shape), {int(axis) % rank for axis in axes}
    return _reshaped(value, tuple(1 if axis in added else next(lengths) for axis in range(rank)))


def _transpose(call: _Call) -> Value:
    value = call.value()
    permutation = list(call.attribute("perm", range(len(value.axes))[::-1]))
    return Value(value.tensor, tuple(permutation.index(axis) for axis in value.axes))


def _concat(call: _Call) -> Value:
    parts = [call.values[name] for name in call.node.inputs]
    axes = parts[0].axes
    axis = int(call.attribute("axis", 0)) % len(axes)
    return Value(tf.concat([part.ordered(axes) for part in parts], axes.index(axis)), axes)


def _gather(call: _Call) -> Value:
    """One place along an axis, such as the last step of a sequence."""
    index, value = call.needed(1), call.value()
    if index.ndim:
        call.refuse("only a single index is supported")
    axis = int(call.attribute("axis", 0)) % len(value.axes)
    place = int(index) % value.shape[axis]
    part = value.ordered()[(slice(None),) * axis + (slice(place, place + 1),)]
    return Value(tf.squeeze(part, axis), tuple(range(len(value.axes) - 1)))


def _mean(call: _Call) -> Value:
    value, axes = call.value(), call.constant(1)
    call.expect("keepdims", 1)
    rank = len(value.axes)
    over = range(rank) if axes is None else [int(axis) % rank for axis in axes]
    made = tf.reduce_mean(value.tensor, [value.axes.index(axis) for axis in over], keepdims=True)
    return Value(made, value.axes)


def _global_mean(call: _Call) -> Value:
    return Value(tf.reduce_mean(call.value().ordered(_IMAGE), [1, 2], keepdims=True), _IMAGE)


# --- products and recurrences


def _product(value: Value, weights: NDArray[Any], bias: NDArray[Any] | None) -> Value:
    """The last axis times a matrix, as one two-dimensional product: one plain FULLY_CONNECTED."""
    flat = tf.reshape(value.ordered(), (-1, weights.shape[0])) @ tf.constant(weights)
    flat = flat if bias is None else flat + bias
    shape = (*value.shape[:-1], weights.shape[1])
    return Value(tf.reshape(flat, shape), tuple(range(len(shape))))


def _matmul(call: _Call) -> Value:
    return _product(call.value(), call.needed(1), None)


def _gemm(call: _Call) -> Value:
    call.expect("alpha", 1.0)
    call.expect("beta", 1.0)
    call.expect("transA", 0)
    weights = call.needed(1)
    return _product(call.value(), weights.T if call.attribute("transB", 0) else weights, call.constant(2))


def _lstm(call: _Call) -> Value:
    """One or two directions of an LSTM (Hochreiter and Schmidhuber, 1997) as one unrolled recurrence without state.

    The directions run side by side: their gate inputs are interleaved, the recurrent matrix is block-diagonal, and the
    gates stand in the order input, forget, output, cell, so that one sigmoid and one tanh cover both directions. An
    int8 interpreter runs this two to four times faster than its LSTM operation, and nothing must be reset.
    """
    call.expect("layout", 0)
    call.expect("direction", "forward", "bidirectional")
    if any(state is not None and state.any() for state in (call.constant(5), call.constant(6))):
        call.refuse("the first state must be zero")
    if any(call.constant(index) is not None for index in (4, 7)):
        call.refuse("sequence lengths and peepholes are not supported")
    length, batch, features = call.value().shape
    if batch != 1:
        call.refuse("the batch must be 1")
    hidden = int(call.attribute("hidden_size", 0))
    ways = call.needed(1).shape[0]
    entry = [_gates(call.needed(1)[way], hidden) for way in range(ways)]  # (4, hidden, features)
    loop = [_gates(call.needed(2)[way], hidden) for way in range(ways)]  # (4, hidden, hidden)
    biases = call.constant(3)
    bias = np.zeros((ways, 8 * hidden), np.float32) if biases is None else biases
    summed = [_gates(bias[way, : 4 * hidden] + bias[way, 4 * hidden :], hidden) for way in range(ways)]  # (4, hidden)
    blocks = np.zeros((ways, hidden, 4, ways, hidden), np.float32)
    for way in range(ways):
        blocks[way, :, :, way] = loop[way].transpose(2, 0, 1)
    recurrent = blocks.reshape(ways * hidden, 4 * ways * hidden)

    forward = tf.reshape(call.value().ordered(), (length, features))
    driven = []
    for way, sequence in enumerate((forward, tf.reverse(forward, [0]))[:ways]):
        product = sequence @ tf.constant(entry[way].reshape(4 * hidden, features).T) + summed[way].reshape(-1)
        driven.append(tf.reshape(product, (length, 4, hidden)))
    steps = tf.split(tf.reshape(tf.concat(driven, 2), (length, 4 * ways * hidden)), length)
    outputs = _unrolled(steps, recurrent)
    halves = tf.split(tf.concat(outputs, 0), ways, 1)
    turned = [half if way == 0 else tf.reverse(half, [0]) for way, half in enumerate(halves)]
    joined = tf.concat(turned, 1) if ways > 1 else turned[0]
    return Value(tf.reshape(joined, (length, ways, 1, hidden)), (0, 1, 2, 3))


def _gates(rows: NDArray[Any], hidden: int) -> NDArray[Any]:
    """ONNX's gate order (input, output, forget, cell) as (input, forget, output, cell)."""
    return rows.reshape(4, hidden, *rows.shape[1:])[[0, 2, 1, 3]]


def _unrolled(steps: list[Any], recurrent: NDArray[Any]) -> list[Any]:
    """The hidden states, each (1, units), of gate inputs, each (1, 4 * units)."""
    units = recurrent.shape[0]
    matrix = tf.constant(recurrent)
    # The first step has nothing to forget. Its gates are sliced, because the quantiser leaves a split with an unused
    # part in float, in some runs and not in others.
    first = steps[0]
    cell = tf.sigmoid(first[:, :units]) * tf.tanh(first[:, 3 * units :])
    states = [tf.sigmoid(first[:, 2 * units : 3 * units]) * tf.tanh(cell)]
    for step in steps[1:]:
        squashed, fresh = tf.split(step + states[-1] @ matrix, [3 * units, units], 1)
        enter, forget, leave = tf.split(tf.sigmoid(squashed), 3, 1)
        cell = forget * cell + enter * tf.tanh(fresh)
        states.append(leave * tf.tanh(cell))
    return states


_OPERATIONS: dict[str, Callable[[_Call], Value]] = {
    "Add": _binary(tf.add),
    "AveragePool": _pool(tf.nn.avg_pool2d),
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _conv,
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_mean,
    "HardSigmoid": _hard_sigmoid,
    "LSTM": _lstm,
    "MatMul": _matmul,
    "MaxPool": _pool(tf.nn.max_pool2d),
    "Mul": _binary(tf.multiply),
    "ReduceMean": _mean,
    "Relu": _unary(tf.nn.relu),
    "Reshape": _reshape,
    "Resize": _resize,
    "Sigmoid": _unary(tf.sigmoid),
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
