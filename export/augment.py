"""Small changes to a strip each time that a training sees it, so that few renders look like many.

The renderer varies what is there to be seen; this only moves, leans and lights it a little, for a twentieth of a step's
time.
"""

from __future__ import annotations

import torch
from torch.nn import functional

_MOVES = torch.tensor([[0.03, 0.05, 0.02], [0.03, 0.04, 0.05]])
"""Standard deviations of an affine map's entries, in half widths and half heights of the strip."""
_BEND = 0.12
_TURNED = 0.04


def vary(strips: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Grey uint8 (n, h, w) as the network's float (n, 1, h, w) in -1..1, every strip changed a little.

    Half of them are moved, scaled and leant; all get another curve of brightness, and a few become their negatives.

    Args:
        strips: on any device.
        generator: of all choices, on the CPU.

    """
    count = len(strips)
    device = strips.device

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(count, *shape, generator=generator)

    moved = (torch.rand(count, 1, 1, generator=generator) < 0.5) * normal(2, 3) * _MOVES + torch.eye(2, 3)
    bend = (_BEND * normal(1, 1, 1)).clamp(-0.4, 0.4)
    sign = 1.0 - 2.0 * (torch.rand(count, 1, 1, 1, generator=generator) < _TURNED)
    values = strips.float().div_(127.5).sub_(1).unsqueeze(1)
    grid = functional.affine_grid(moved.to(device), list(values.shape), align_corners=False)
    seen = functional.grid_sample(values, grid, padding_mode="border", align_corners=False)
    lit = (seen + bend.to(device) * (1 - seen * seen)) * sign.to(device)
    return lit.contiguous(memory_format=torch.channels_last)
