"""What a typeface is to the renderer: the 36 plate characters as masks of one height, ready to be scaled and pasted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MASK_HEIGHT = 96
"""Rows of a mask; the capital letters fill ``CAPS``, tails and overshoots reach past it."""
CAPS = slice(14, 82)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One typeface: ``masks[character]`` is uint8 (MASK_HEIGHT, width), 255 where there is ink."""

    name: str
    masks: dict[str, NDArray[np.uint8]]
