"""Where an attention model looks: test pictures with its glimpses drawn on them, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from export.experiments.attention import SIDE, Ram
from export.experiments.dram import REACHES, Dram, pairs
from export.experiments.mnist import as_input
from export.pictures import save_figure

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from export.experiments.mnist import Digits

_SHOWN = 10


def draw(network: nn.Module, digits: Digits, picture: Path) -> bool:
    """Draw ten pictures of the test set as an SVG.

    Args:
        network: trained; one that takes no glimpses is not drawn.
        digits: of the test set.
        picture: to write.

    Returns:
        Whether there was something to draw.

    """
    if isinstance(network, Ram):
        pictures, reach = as_input(digits.images[:_SHOWN]), SIDE
    elif isinstance(network, Dram):
        pictures, reach = next(pairs(digits, torch.Generator().manual_seed(0)))[0][:_SHOWN], REACHES[0]
    else:
        return False
    with torch.no_grad():
        episode = network.look(pictures, spread=0.0)
    answers = episode.logits.argmax(-1).view(len(pictures), -1)
    figure = Figure(figsize=(7, 3), layout="constrained")
    for axes, shown, places, answer in zip(
        figure.subplots(2, _SHOWN // 2).flat, pictures, episode.places, answers, strict=True
    ):
        axes.imshow(shown.numpy(), cmap="gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[], title="".join(map(str, answer.tolist())))
        _path(axes, (places + 1) * shown.shape[0] / 2 - 0.5, reach)
    save_figure(figure, picture)
    return True


def _path(axes: object, places: Tensor, reach: int) -> None:
    """The glimpses' frames, later ones darker, and the way from one to the next; places in pixels (T, 2)."""
    axes.plot(places[:, 0], places[:, 1], color="tab:red", linewidth=0.8)  # type: ignore[attr-defined]  # matplotlib's
    for number, (x, y) in enumerate(places.tolist()):
        shade = 0.25 + 0.75 * (number + 1) / len(places)
        corner = (x - reach / 2, y - reach / 2)
        frame = Rectangle(corner, reach, reach, fill=False, edgecolor="tab:red", alpha=shade, linewidth=0.8)
        axes.add_patch(frame)  # type: ignore[attr-defined]  # the same
