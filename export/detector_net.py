"""The detector's network: fully convolutional, three scales, a score and four corners a cell.

An anchor-free detector in the manner of FCOS (Tian et al., 2019) over a feature pyramid (Lin et al., 2017), with four
corners instead of a box. Plain convolutions, because the interpreters run those fastest on the boards meant; one
weight set reads all scales. Padding is written out as TensorFlow's SAME places it, so that the converted network needs
no padding operation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    total = kernel - stride if stride > 1 else kernel - 1  # what SAME adds to a length that the stride divides
    before = total // 2
    pad = (before, total - before, before, total - before)
    layers: list[nn.Module] = [nn.ZeroPad2d(pad)] if total % 2 else []
    layers += [
        nn.Conv2d(inputs, outputs, kernel, stride, 0 if total % 2 else before, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]
    return nn.Sequential(*layers)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


FOLD = 2
"""Side of the squares of pixels that the shipped network takes as channels; see :func:`folded`."""


class DetectorNet(nn.Module):
    """Grey images in, maps of scores and corner offsets out.

    Input: float (N, 1, H, W), real value pixel / 127.5 - 1, H and W multiples of 64. Output: for each of
    ``STRIDES`` a map of logits (N, 1, H / s, W / s) and one of offsets (N, 8, H / s, W / s): x and y of the four
    corners, clockwise from the text's own top left, minus the cell's centre, in units of s times ``UNITS``.
    """

    def __init__(self, width: int = 40, wide: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(1, 16, 5, 2), _conv(16, 24, 3, 2))
        self.eighth = nn.Sequential(_conv(24, width, 3, 2), _Residual(width), _Residual(width))
        self.sixteenth = nn.Sequential(_conv(width, wide, 3, 2), _Residual(wide), _Residual(wide))
        self.half_again = nn.Sequential(_conv(wide, wide, 3, 2), _Residual(wide))
        self.coarsest = nn.Sequential(_conv(wide, wide, 3, 2), _Residual(wide))
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in (width, wide, wide, wide))
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        # Not normalised: it reads three scales, and the statistics of one batch are those of one scale only.
        self.tower = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1), nn.ReLU()
        )
        self.score = nn.Conv2d(width, 1, 1)
        self.offsets = nn.Conv2d(width, 8, 1)
        nn.init.normal_(self.offsets.weight, std=0.01)
        first = {"score": [-4.0], "offsets": [-0.6, -0.4, 0.6, -0.4, 0.6, 0.4, -0.6, 0.4]}
        with torch.no_grad():  # begin with background nearly everywhere, and a plausible plate around every cell
            for name, values in first.items():
                self.get_parameter(f"{name}.bias").copy_(torch.tensor(values))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Give score and offsets of every scale, finest first."""
        eighth = self.eighth(self.stem(image))
        sixteenth = self.sixteenth(eighth)
        half_again = self.half_again(sixteenth)
        level = self.lateral[3](self.coarsest(half_again))
        levels = []
        for lateral, features in zip(
            (self.lateral[2], self.lateral[1], self.lateral[0]), (half_again, sixteenth, eighth), strict=True
        ):
            level = torch.relu(lateral(features) + self.enlarge(level))
            levels.append(level)
        results: list[Tensor] = []
        for features in reversed(levels):
            tower = self.tower(features)
            results += [self.score(tower), self.offsets(tower)]
        return tuple(results)


def folded(net: DetectorNet) -> nn.Module:
    """The same network for images whose squares of 2x2 pixels are four channels, row by row.

    Its first convolution takes 3x3 such squares with a step of one instead of 5x5 pixels with a step of two; the sums
    are the same. Interpreters keep a table of addresses for every tap of every output, and compute channels in blocks:
    with one channel, both are mostly waste.

    Input: float (N, 4, H / 2, W / 2).
    """
    plain = DetectorNet()
    plain.load_state_dict(net.state_dict())
    _, first, norm, relu = plain.stem[0].children()
    weight = first.get_parameter("weight").detach()
    outputs = len(weight)
    # A square's rows are 2y and 2y + 1; the five rows of output y are 2y - 1 to 2y + 3, as ZeroPad2d places them.
    taps = torch.nn.functional.pad(weight, (1, 0, 1, 0))
    squares = taps.reshape(outputs, 3, FOLD, 3, FOLD).permute(0, 2, 4, 1, 3).reshape(outputs, FOLD * FOLD, 3, 3)
    conv = nn.Conv2d(FOLD * FOLD, outputs, 3, 1, 1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(squares)
    plain.stem[0] = nn.Sequential(conv, norm, relu)
    return plain.eval()


def unfolded(squares: Tensor) -> Tensor:
    """The first convolution's weights, (n, 1, 5, 5), of those that :func:`folded` made of them, (n, 4, 3, 3)."""
    taps = squares.reshape(-1, FOLD, FOLD, 3, 3).permute(0, 3, 1, 4, 2).reshape(-1, 1, 3 * FOLD, 3 * FOLD)
    return taps[:, :, 1:, 1:]
