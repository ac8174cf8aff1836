"""The port behind which the kinds of cameras are: what a camera's own process does with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_ocr.errors import SourceError

if TYPE_CHECKING:
    from edge_ocr.types import Image

Take: TypeAlias = Callable[["Image", NDArray[np.uint8] | None, int | None], None]
"""What a grabber hands a picture to: the image (HxWx3 in B, G, R order or HxW, uint8), its luma plane or None, and
CLOCK_BOOTTIME in nanoseconds when it was taken, None if only its arrival is known. It copies what it needs before it
returns, so both may be views of a camera's own memory."""


class Grabber(Protocol):
    """An open camera, in the process that has it."""

    @property
    def told(self) -> str:
        """What it turned out to give, such as '1280x720 YUYV, 30 a second'."""

    @property
    def upright(self) -> bool:
        """Whether it rotates and flips as the settings say; otherwise the caller does."""

    def read(self, seconds: float, take: Take) -> None:
        """Wait for the next picture and hand it on.

        Args:
            seconds: how long to wait for it. What a library leaves no choice about may take longer: the parent's own
                deadline has the last word.
            take: gets the picture.

        Raises:
            SourceError: none came in time, or the camera has gone; close it.
            ValueError: what came is no picture; the next one may be.

        """

    def close(self) -> None:
        """Let go of the camera."""


class HopelessError(SourceError):
    """Trying again will not help: a package is missing, an address makes no sense."""
