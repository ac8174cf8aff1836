"""The float master: a network as ONNX, and its initialisers back in the network they came from, to train on."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import onnx
import torch
from onnx import numpy_helper

from export.crnn import Residual
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
    """A network with the weights of a master, which is the float ONNX file of a recogniser.

    The export folds each normalisation into its convolution; here it comes back as one that only adds the folded bias,
    so that the outputs are the same and training can go on. A network that is larger than the master, in channels or
    units, or that has residual convolutions where the master has none, gives the same outputs too: what is new has no
    say yet (Chen, Goodfellow, Shlens 2016, 'Net2Net', by zeros in the place of copies). Classes of another number,
    which are those of another alphabet, stay as they are.

    Args:
        path: of the master.
        network: to fill.

    Raises:
        ValueError: the file holds another network, or a larger one.

    """
    graph = onnx.load(str(path)).graph
    arrays = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy()) for item in graph.initializer}
    # The exporter writes weights that are alike, such as those of fresh residuals, once.
    arrays |= {node.output[0]: arrays[node.input[0]] for node in graph.node if node.op_type == "Identity"}
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    pairs = _convolutions(network, residual=True)
    if len(nodes) < len(pairs):
        pairs = _convolutions(network, residual=False)
    if len(nodes) != len(pairs):
        raise ValueError(f"{path} holds {len(nodes)} convolutions, but the network has {len(pairs)}")
    (lstm,) = (node for node in graph.node if node.op_type == "LSTM")
    (product,) = (node for node in graph.node if node.op_type == "MatMul")
    try:
        with torch.no_grad():
            for node, (convolution, norm) in zip(nodes, pairs, strict=True):
                weights, bias = (arrays[name] for name in node.input[1:3])
                _fill(convolution.weight, weights)
                _fill(norm.bias, bias)
                norm.weight[: len(bias)] = 1
                norm.running_var[: len(bias)] = 1 - norm.eps
            _fill_lstm(network.recurrence, *(arrays[name] for name in lstm.input[1:4]))
            if len(arrays["classes.bias"]) == len(network.classes.bias):
                _fill_classes(network.classes, arrays[product.input[1]].T, arrays["classes.bias"])
    except _MisfitError as error:
        raise ValueError(f"{path} holds a network of another size: {error}") from None
    return network.eval()


@torch.no_grad()
def settle(network: torch.nn.Module, images: torch.Tensor) -> None:
    """Give a network that came from a master statistics to normalise by, so that training it begins where it stood.

    While a network learns, normalisation goes by the batch: one that only adds a folded bias would begin with other
    outputs, and a loss several times as high.

    Args:
        network: whose outputs stay the same.
        images: as it takes them, some that look like what it will learn from: hundreds of strips, or a batch of scenes.

    """

    def restate(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        norm: Any = module
        variance, mean = torch.var_mean(inputs[0], (0, 2, 3), correction=0)
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        norm.bias += factor * (mean - norm.running_mean)
        norm.weight.copy_(factor * torch.sqrt(variance + norm.eps))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)

    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(restate) for norm in norms]
    network.eval()(images)
    for hook in hooks:
        hook.remove()


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


class _MisfitError(Exception):
    """Weights do not fit into a network."""


def _convolutions(network: Crnn, *, residual: bool) -> list[tuple[Any, Any]]:
    """All convolutions with their normalisations, in the order of the data; without the residual ones if so told."""
    pairs: list[tuple[Any, Any]] = []
    for stage in network.features:
        if isinstance(stage, torch.nn.Sequential):
            pairs.append((stage[0], stage[1]))
            branches = [layer.branch for layer in stage if residual and isinstance(layer, Residual)]
            pairs += [(branch[0], branch[1]) for branch in branches]
    return pairs


def _fill(target: torch.Tensor, values: torch.Tensor) -> None:
    """Put values into a tensor's first rows and columns; what these rows get from new columns begins at zero."""
    space = tuple(slice(length) for length in values.shape)
    if target[space].shape != values.shape or target.shape[2:] != values.shape[2:]:
        raise _MisfitError(f"{tuple(values.shape)} in the place of {tuple(target.shape)}")
    target[: len(values)] = 0
    target[space] = values


def _fill_lstm(lstm: torch.nn.LSTM, inputs: torch.Tensor, states: torch.Tensor, biases: torch.Tensor) -> None:
    """ONNX orders the gates input, output, forget, cell; torch input, forget, cell, output."""
    units = states.shape[-1]
    for direction, suffix in enumerate(("", "_reverse")):
        for name, values in (
            ("weight_ih_l0", inputs[direction]),
            ("weight_hh_l0", states[direction]),
            ("bias_ih_l0", biases[direction][: 4 * units]),
            ("bias_hh_l0", biases[direction][4 * units :]),
        ):
            i, o, f, c = torch.split(values, units)
            gates = getattr(lstm, name + suffix).chunk(4)
            for gate, filling in zip(gates, (i, f, c, o), strict=True):
                _fill(gate, filling)


def _fill_classes(classes: torch.nn.Linear, weights: torch.Tensor, bias: torch.Tensor) -> None:
    """Weights, (C, 2 * units), of both directions."""
    for half, filling in zip(classes.weight.chunk(2, 1), weights.chunk(2, 1), strict=True):
        _fill(half, filling)
    classes.bias.copy_(bias)
