"""The float master: a network as ONNX, and its initialisers back in the network they came from, to train on."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import onnx
import torch
from onnx import numpy_helper

from export.detector_net import DetectorNet, unfolded

if TYPE_CHECKING:
    from pathlib import Path

    from export.crnn import Crnn

_EPSILON = torch.nn.BatchNorm2d(1).eps


def write_master(network: Crnn, path: Path, *, width: int, height: int) -> None:
    """A recogniser for one strip, float32 (1, 1, height, width) in -1..1, to logits (1, width / 4, C)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own internals
        torch.onnx.export(network, (torch.zeros(1, 1, height, width),), str(path), dynamo=False, input_names=["strip"])


def load_master(path: Path, network: Crnn) -> Crnn:
    """A network of a master's shape with the weights of that master, which is the float ONNX file of a recogniser.

    The export folds each normalisation into its convolution; here it comes back as one that only adds the folded bias,
    so that the outputs are the same and training can go on.

    Raises:
        ValueError: the file holds another network.

    """
    graph = onnx.load(str(path)).graph
    arrays = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy()) for item in graph.initializer}
    modules = list(network.features.modules())
    convolutions = [module for module in modules if isinstance(module, torch.nn.Conv2d)]
    norms = [module for module in modules if isinstance(module, torch.nn.BatchNorm2d)]
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    if len(nodes) != len(convolutions):
        raise ValueError(f"{path} holds {len(nodes)} convolutions, but the network has {len(convolutions)}")
    with torch.no_grad():
        for node, convolution, norm in zip(nodes, convolutions, norms, strict=True):
            weights = arrays[node.input[1]]
            if weights.shape != convolution.weight.shape or arrays["classes.bias"].shape != network.classes.bias.shape:
                raise ValueError(f"{path} holds a network of another size")
            convolution.weight.copy_(weights)
            norm.bias.copy_(arrays[node.input[2]])
            norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]  # set, since it tracks statistics
        (lstm,) = (node for node in graph.node if node.op_type == "LSTM")
        _fill_lstm(network.recurrence, *(arrays[name] for name in lstm.input[1:4]))
        (product,) = (node for node in graph.node if node.op_type == "MatMul")
        network.classes.weight.copy_(arrays[product.input[1]].T)
        network.classes.bias.copy_(arrays["classes.bias"])
    return network.eval()


def load_detector(path: Path) -> DetectorNet:
    """The network of a master that :func:`export.detector_packing.export_onnx` wrote; outputs are the same.

    Raises:
        ValueError: the file holds another network.

    """
    network = DetectorNet()
    weights = network.state_dict()
    norms = [name for name, module in network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for name in norms:  # comes back as one that only adds the folded bias
        weights[f"{name}.running_var"].fill_(1 - _EPSILON)
    awaited = {name for name, _ in network.named_parameters()} - {f"{name}.weight" for name in norms}
    for item in onnx.load(str(path)).graph.initializer:
        values = torch.from_numpy(numpy_helper.to_array(item).copy())
        name = item.name.replace("stem.0.0", "stem.0.1")  # squares as channels need no padding in front
        if name.endswith(".weight_bias"):  # of the normalisation behind the convolution
            convolution, place = name.removesuffix(".weight_bias").rsplit(".", 1)
            name = f"{convolution}.{int(place) + 1}.bias"
        elif name != item.name:
            values = unfolded(values)
        if name not in awaited:
            continue  # a constant of the exporter's
        if weights[name].shape != values.shape:
            raise ValueError(f"{path} holds {item.name} of shape {tuple(values.shape)}; it is of another network")
        weights[name].copy_(values)
        awaited.remove(name)
    if awaited:
        raise ValueError(f"{path} lacks {min(awaited)}; it is of another network")
    return network.eval()


def _fill_lstm(lstm: torch.nn.LSTM, inputs: torch.Tensor, states: torch.Tensor, biases: torch.Tensor) -> None:
    """ONNX orders the gates input, output, forget, cell; torch input, forget, cell, output."""
    units = lstm.hidden_size
    for direction, suffix in enumerate(("", "_reverse")):
        for name, values in (
            ("weight_ih_l0", inputs[direction]),
            ("weight_hh_l0", states[direction]),
            ("bias_ih_l0", biases[direction][: 4 * units]),
            ("bias_hh_l0", biases[direction][4 * units :]),
        ):
            i, o, f, c = torch.split(values, units)
            getattr(lstm, name + suffix).copy_(torch.cat([i, f, c, o]))
