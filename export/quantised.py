"""The recogniser as its int8 file computes it, in torch and differentiable: for quantisation-aware training.

What the converter makes of :class:`export.crnn.Crnn` is imitated tensor by tensor: normalisation folded into the
convolutions, their weights with a scale a channel, all other weights with one scale, activations with one scale each
from the least and greatest values seen, and the recurrence unrolled, whose steps have scales of their own. Rounding
passes gradients straight through (Bengio et al. 2013; Jacob et al., 'Quantization and training of neural networks for
efficient integer-arithmetic-only inference', 2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from export.crnn import Crnn

DRIVEN_LIMIT, GATE_LIMIT, FRESH_LIMIT, CELL_LIMIT = 10.0, 8.0, 4.0, 4.0
"""Beyond these sigmoid and tanh say nothing new, but an int8 scale that reaches further is coarser for all."""

_FURTHEST = 0.01


class Ranges:
    """The least and greatest values of each activation, and the rounding to int8 that follows from them.

    Attributes:
        watching: whether values widen the ranges; turn it off to measure with what was seen.
        seen: the least and greatest value by name.
        only: names, or beginnings of names, of the tensors that are rounded; None rounds all.

    """

    def __init__(self, *, decay: float = 0.98, only: tuple[str, ...] | None = None) -> None:
        self.watching = True
        self.only = only
        self._decay = decay
        self.seen: dict[str, tuple[float, float]] = {}

    def __call__(self, name: str, values: Tensor) -> Tensor:
        """The values as int8 holds them; zero stays zero."""
        if self.watching or name not in self.seen:
            low, high = (float(bound) for bound in values.detach().float().aminmax())
            before = self.seen.get(name, (0.0, 0.0))
            self.seen[name] = min(low, 0.0, before[0] * self._decay), max(high, 1e-6, before[1] * self._decay)
        if self.only is not None and not name.startswith(self.only):
            return values
        low, high = self.seen[name]
        scale = (high - low) / 255
        zero = min(127, max(-128, round(-128 - low / scale)))
        return torch.fake_quantize_per_tensor_affine(values.float(), scale, zero, -128, 127)


class QuantisedCrnn(nn.Module):
    """A network's weights, computed with as int8 would; it trains the network that it was given.

    Attributes:
        ranges: of the activations.
        excess: how far the last call's gates and cells went beyond what their functions can tell apart; to be added to
            the loss.

    Args:
        network: whose parameters are used and trained; its normalisation stays as it is.
        ranges: None for ranges that round everything.

    """

    def __init__(self, network: Crnn, ranges: Ranges | None = None) -> None:
        super().__init__()
        self.network = network
        self.ranges = ranges or Ranges()
        self.excess = torch.zeros(())

    def like(self, network: Crnn) -> QuantisedCrnn:
        """Another network, to be measured with the ranges that this one has seen."""
        ranges = Ranges(only=self.ranges.only)
        ranges.seen.update(self.ranges.seen)
        ranges.watching = False
        return QuantisedCrnn(network, ranges)

    def train(self, mode: bool = True) -> QuantisedCrnn:
        """Train or not; the statistics of the normalisation and the dropout stay still either way."""
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, strips: Tensor) -> Tensor:
        """Float (n, 1, 48, 160) in -1..1 to logits, float (n, 40, classes)."""
        values = strips
        for number, layer in enumerate(self.network.features):
            values = self._stage(f"conv{number}", layer, values) if isinstance(layer, nn.Sequential) else layer(values)
        columns = values.squeeze(2).transpose(1, 2)
        with torch.autocast(columns.device.type, enabled=False):
            states = self._recur(columns.float())
            last = self.network.classes
            logits = functional.linear(states, self._weights("classes", last.weight), last.bias)
            return self.ranges("logits", logits)

    def _weights(self, name: str, weights: Tensor, *, channels: bool = False) -> Tensor:
        """Weights as int8 holds them: symmetric, with one scale or one for each output channel."""
        if self.ranges.only is not None and not f"w_{name}".startswith(self.ranges.only):
            return weights
        scale = weights.detach().abs().flatten(1).amax(1).clamp(min=1e-9) / 127
        if channels:
            zeros = torch.zeros(len(scale), dtype=torch.int32, device=scale.device)
            return torch.fake_quantize_per_channel_affine(weights, scale, zeros, 0, -127, 127)
        return torch.fake_quantize_per_tensor_affine(weights, float(scale.max()), 0, -127, 127)

    def _stage(self, name: str, layers: nn.Sequential, values: Tensor) -> Tensor:
        """A convolution and the residual ones behind it."""
        values = self.ranges(name, functional.relu(self._convolve(name, layers[0], layers[1], values)))
        residuals: Any = list(layers)[3:]
        for number, residual in enumerate(residuals):
            place = f"{name}.{number}"
            branch = self._convolve(place, residual.branch[0], residual.branch[1], values)
            values = self.ranges(place, functional.relu(values + self.ranges(f"{place}.branch", branch)))
        return values

    def _convolve(self, name: str, convolution: Any, norm: Any, values: Tensor) -> Tensor:
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weights = self._weights(name, convolution.weight * factor[:, None, None, None], channels=True)
        bias = norm.bias - norm.running_mean * factor
        return functional.conv2d(values, weights, bias, convolution.stride, convolution.padding)

    def _recur(self, columns: Tensor) -> Tensor:
        """Both directions side by side, as export.tensorflow_ops unrolls them; (n, T, inputs) to (n, T, 2 * units)."""
        lstm = self.network.recurrence
        units = lstm.hidden_size
        driven: list[Tensor] = []
        loops: list[Tensor] = []
        for suffix, sequence in (("", columns), ("_reverse", columns.flip(1))):
            entry = self._weights("entry", _gates(getattr(lstm, f"weight_ih_l0{suffix}")))
            bias = _gates(getattr(lstm, f"bias_ih_l0{suffix}") + getattr(lstm, f"bias_hh_l0{suffix}"))
            product = functional.linear(sequence, entry, bias)
            driven.append(product.view(*product.shape[:2], 4, units))
            loops.append(_gates(getattr(lstm, f"weight_hh_l0{suffix}")).view(4, units, units))
        steps = self.ranges("driven", torch.cat(driven, 3).flatten(2)).unbind(1)  # each (n, 4 * 2 * units)
        blocks = [functional.pad(loop, (units * way, units * (1 - way))) for way, loop in enumerate(loops)]
        matrix = self._weights("loop", torch.cat(blocks, 1).flatten(0, 1)).T
        excess = _beyond(torch.cat(driven, 3).flatten(2), DRIVEN_LIMIT)
        states: list[Tensor] = []
        cell = columns.new_zeros(())
        for number, step in enumerate(steps):
            sums = step
            if states:
                turned = self.ranges(f"turned{number}", states[-1] @ matrix)
                raw = step + turned
                sums = self.ranges(f"sum{number}", raw)
                excess = excess + _beyond(raw[:, : 6 * units], GATE_LIMIT) / len(steps)
                excess = excess + _beyond(raw[:, 6 * units :], FRESH_LIMIT) / len(steps)
            enter, forget, leave = self._unit("gate", torch.sigmoid(sums[:, : 6 * units]), 256).chunk(3, 1)
            fresh = self._unit("fresh", torch.tanh(sums[:, 6 * units :]), 128)
            cell_in = self.ranges(f"in{number}", enter * fresh)
            if states:
                kept = self.ranges(f"kept{number}", forget * cell)
                raw = kept + cell_in
                excess = excess + _beyond(raw, CELL_LIMIT) / len(steps)
                cell = self.ranges(f"cell{number}", raw)
            else:
                cell = cell_in
            states.append(self.ranges(f"state{number}", leave * self._unit("told", torch.tanh(cell), 128)))
        self.excess = excess
        forward, backward = torch.stack(states, 1).chunk(2, 2)
        return torch.cat([forward, backward.flip(1)], 2)

    def _unit(self, name: str, values: Tensor, levels: int) -> Tensor:
        """The output of a sigmoid (256 levels from 0) or tanh (128 on each side), whose scales are fixed."""
        if self.ranges.only is not None and not name.startswith(self.ranges.only):
            return values
        return torch.fake_quantize_per_tensor_affine(values, 1 / levels, -128 if levels == 256 else 0, -128, 127)


def _gates(rows: Tensor) -> Tensor:
    """Torch's gate order (input, forget, cell, output) as (input, forget, output, cell)."""
    enter, forget, fresh, leave = rows.chunk(4)
    return torch.cat([enter, forget, leave, fresh])


def _beyond(values: Tensor, limit: float) -> Tensor:
    """How far values go too far: on average, and the furthest, which alone sets the scale."""
    over = functional.relu(values.abs() - limit)
    return over.square().mean() + _FURTHEST * over.amax()
