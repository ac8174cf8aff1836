"""What the detector is trained for: scores that rank by tightness, and corners right in proportion to the plate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from export.detector_targets import STRIDES, UNITS, cell_centres

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from export.detector_data import Batch

_CORNER_SHARE = 2.0
_UNSURE = 0.8
"""In frames that nobody labelled in full, a score above this is let stand: it may well be a plate."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The sum that is minimised, its two parts, and the mean IoU of the boxes around the predicted corners."""

    total: Tensor
    score: Tensor
    corners: Tensor
    overlap: Tensor


def flatten(outputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The network's maps as logits (N, cells) and corner offsets in pixels (N, cells, 8), in float32."""
    logits, offsets = [], []
    for level, stride in enumerate(STRIDES):
        logits.append(outputs[2 * level].float().flatten(1))
        unit = torch.tensor([stride * UNITS[0], stride * UNITS[1]] * 4)
        offsets.append(outputs[2 * level + 1].float().flatten(2).transpose(1, 2) * unit)
    return torch.cat(logits, 1), torch.cat(offsets, 1)


def boxes(corners: Tensor) -> Tensor:
    """Upright boxes (n, 4) as left, top, right, bottom, around corners (n, 8)."""
    x, y = corners[:, 0::2], corners[:, 1::2]
    return torch.stack([x.amin(1), y.amin(1), x.amax(1), y.amax(1)], 1)


def overlaps(one: Tensor, other: Tensor) -> Tensor:
    """IoU of boxes (n, 4), row by row."""
    wide = (torch.minimum(one[:, 2], other[:, 2]) - torch.maximum(one[:, 0], other[:, 0])).clamp(min=0)
    tall = (torch.minimum(one[:, 3], other[:, 3]) - torch.maximum(one[:, 1], other[:, 1])).clamp(min=0)
    both = wide * tall
    sizes = [(box[:, 2] - box[:, 0]).clamp(min=0) * (box[:, 3] - box[:, 1]).clamp(min=0) for box in (one, other)]
    return both / (sizes[0] + sizes[1] - both + 1e-6)


def detector_loss(outputs: Sequence[Tensor], batch: Batch) -> Loss:
    """The loss of what the network gave for a batch.

    Scores follow the varifocal loss (Zhang et al., 2021): a plate's cells are asked for the IoU that they reach, so
    that the best cell scores highest, and easy background counts little.
    """
    logits, offsets = flatten(outputs)
    centres = torch.from_numpy(cell_centres(batch.size))
    positive = batch.plate > 0
    shares = batch.weight[positive]
    count = shares.sum().clamp(min=1.0)
    found = (offsets + centres.repeat(1, 4))[positive]
    wanted = batch.corners[positive]
    around = boxes(wanted)
    size = torch.stack([around[:, 2] - around[:, 0], around[:, 3] - around[:, 1]], 1).clamp(min=4.0).repeat(1, 4)
    overlap = overlaps(boxes(found), around)
    away = F.smooth_l1_loss(found / size, wanted / size, beta=0.04, reduction="none").sum(1)
    corner_loss = ((away + 1 - overlap) * shares).sum() / count

    quality = torch.zeros_like(logits)
    quality[positive] = 0.4 + 0.6 * overlap.detach()
    chance = torch.sigmoid(logits.detach())
    emphasis = torch.where(positive, batch.weight, 0.75 * chance**2)
    unsure = (chance > _UNSURE) & (batch.complete < 0.5) & ~positive
    emphasis = emphasis * ((batch.plate >= 0) & ~unsure)
    score_loss = (F.binary_cross_entropy_with_logits(logits, quality, reduction="none") * emphasis).sum() / count
    total = score_loss + _CORNER_SHARE * corner_loss
    mean = (overlap.detach() * shares).sum() / count
    return Loss(total, score_loss.detach(), corner_loss.detach(), mean)
