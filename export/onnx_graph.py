"""An ONNX file as plain values: nodes in order, and constants with all that does not depend on the input folded in."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import onnxruntime
from onnx import numpy_helper

from export.errors import ConversionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Node:
    """One operation; an omitted optional input is an empty string."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Graph:
    """A network with one input.

    Attributes:
        nodes: in an order in which every node comes after what it needs.
        constants: weights and folded shapes by name.
        input: the input's name.
        shape: the input's shape, batch 1.
        outputs: the names of the results.

    """

    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[np.generic]]
    input: str
    shape: tuple[int, ...]
    outputs: tuple[str, ...]


def load_graph(path: Path) -> Graph:
    """Read an ONNX file, with the batch fixed at 1, batch normalisation folded into convolutions and constants folded.

    Args:
        path: as ``torch.onnx.export`` writes it, by either of its exporters.

    Raises:
        ConversionError: the network has not exactly one input, or a size besides the batch is left open.

    """
    model = onnx.load(str(path))
    weights = {item.name for item in model.graph.initializer}
    entries = [item for item in model.graph.input if item.name not in weights]
    if len(entries) != 1:
        raise ConversionError(f"{path}: has {len(entries)} inputs, but one is needed; export the network on its own")
    dims = entries[0].type.tensor_type.shape.dim
    if not dims[0].HasField("dim_value"):
        dims[0].dim_value = 1  # an open batch would leave every shape after it open, and no constant would fold
    shape = tuple(int(dim.dim_value) for dim in dims)
    if 0 in shape or shape[0] != 1:
        raise ConversionError(f"{path}: the input's shape is {shape}, but it must be fixed, with batch 1")
    graph = _folded(model).graph
    return Graph(
        nodes=tuple(_node(node) for node in graph.node),
        constants={item.name: numpy_helper.to_array(item) for item in graph.initializer},
        input=entries[0].name,
        shape=shape,
        outputs=tuple(item.name for item in graph.output),
    )


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network after the rewritings of onnxruntime that stay within plain ONNX."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "folded.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 3  # it warns that the file suits this machine only, which basic rewritings do not
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(str(target))


def _node(node: onnx.NodeProto) -> Node:
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    decoded = {key: value.decode() if isinstance(value, bytes) else value for key, value in attributes.items()}
    return Node(node.op_type, node.name, tuple(node.input), tuple(node.output), decoded)
