"""A place for the newest picture in memory that two processes share: never a queue, never half a picture.

The memory is a memfd: it has no name, so nothing of it can be left behind, however either process ends. It holds three
buffers. The writer takes one that holds neither the newest picture nor the one that is being read, so it never waits;
the reader copies the newest. Who touches a buffer holds a lock on one byte of the memfd (F_OFD_SETLK, fcntl(2)), which
the kernel takes back from a process that dies, and which orders memory between processes on every kind of processor.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from edge_ocr.types import Image

LARGEST = 64 << 20
"""Bytes that a picture and its luma plane may have together: room for 16 megapixels. Untouched memory costs nothing."""

_BUFFERS = 3
_HEADER = struct.Struct("Qq5I4x")
"""Number (0: none), taken at, height, width, channels (1 or 3), luma height and width. Native, and a multiple of 8
bytes: the number, which is also read without a lock, to choose a buffer, is then written at once."""

_ROOM = mmap.PAGESIZE  # for the headers, before the buffers
_LOCK = struct.Struct("hhqqi")  # struct flock: type, whence, start, length, process


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What was in the slot.

    Attributes:
        image: HxWx3 in B, G, R order or HxW grey; uint8, a copy of one's own.
        luma: the reduced picture, (h, w) uint8, or None.
        taken_at: CLOCK_BOOTTIME when it was taken, in nanoseconds.
        number: counts from 1 in the order of writing; what is missing was overwritten.

    """

    image: Image
    luma: NDArray[np.uint8] | None
    taken_at: int
    number: int


class Slot:
    """One end of the shared memory: the parent makes it, the child opens what it is given.

    Each end has an open file of its own, since that is what the locks belong to.

    Args:
        file: descriptor of the memfd; the slot closes it.

    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._memory = mmap.mmap(file, _ROOM + _BUFFERS * LARGEST)
        self._newest = 0  # the writer's own knowledge of where the newest picture is
        self._written = 0

    @classmethod
    def make(cls) -> tuple[Slot, int]:
        """A new slot, and the descriptor of an open file for its other end."""
        file = os.memfd_create("edge-ocr-camera", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(file, _ROOM + _BUFFERS * LARGEST)
            # A child that shortened the memory would kill its parent with SIGBUS.
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            other = os.open(f"/proc/self/fd/{file}", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            os.close(file)
            raise
        return cls(file), other

    def write(self, image: Image, luma: NDArray[np.uint8] | None, taken_at: int) -> None:
        """Make a picture the newest one.

        Args:
            image: HxWx3 in B, G, R order or HxW grey, uint8, any strides.
            luma: (h, w) uint8, any strides, or None.
            taken_at: CLOCK_BOOTTIME in nanoseconds.

        Raises:
            ValueError: that is no picture, or too large a one.

        """
        _check(image, luma)
        self._written += 1
        for buffer in ((self._newest + 1) % _BUFFERS, (self._newest + 2) % _BUFFERS):
            with self._locked(buffer) as mine:
                if not mine:
                    continue
                height, width, channels = (*image.shape, 1)[:3]
                small = (0, 0) if luma is None else luma.shape
                self._mark(buffer, 0, 0, 0, 0, 0, 0, 0)
                np.copyto(self._view(buffer, 0, image.shape), image)
                if luma is not None:
                    np.copyto(self._view(buffer, image.size, luma.shape), luma)
                self._mark(buffer, self._written, taken_at, height, width, channels, *small)
            self._newest = buffer
            return

    def read(self, after: int) -> Picture | None:
        """The newest picture with a number above ``after``, copied; None if there is none.

        What a header says is checked before it is believed: a child that has gone mad must not take its parent along.
        """
        numbers = [_HEADER.unpack_from(self._memory, buffer * _HEADER.size)[0] for buffer in range(_BUFFERS)]
        for buffer in sorted(range(_BUFFERS), key=numbers.__getitem__, reverse=True):
            if numbers[buffer] <= after:
                break
            with self._locked(buffer) as mine:
                if not mine:
                    continue
                number, taken_at, height, width, channels, *small = _HEADER.unpack_from(
                    self._memory, buffer * _HEADER.size
                )
                size = height * width * channels
                if number <= after or not size or channels not in {1, 3} or size + small[0] * small[1] > LARGEST:
                    continue
                shape = (height, width, channels) if channels == 3 else (height, width)
                image = self._view(buffer, 0, shape).copy()
                luma = self._view(buffer, size, tuple(small)).copy() if small[0] * small[1] else None
                return Picture(image, luma, taken_at, number)
        return None

    def close(self) -> None:
        """Let go of the memory; it is gone when both ends have. A second time does nothing."""
        if self._file >= 0:
            self._memory.close()
            os.close(self._file)
            self._file = -1

    def _mark(self, buffer: int, *header: int) -> None:
        _HEADER.pack_into(self._memory, buffer * _HEADER.size, *header)

    def _view(self, buffer: int, start: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        return np.ndarray(shape, np.uint8, self._memory, _ROOM + buffer * LARGEST + start)

    @contextmanager
    def _locked(self, buffer: int) -> Iterator[bool]:
        """Hold a buffer; False if the other end has it."""
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, buffer, 1, 0))
        except (BlockingIOError, PermissionError):
            yield False
            return
        try:
            yield True
        finally:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _LOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, buffer, 1, 0))


def boot_nanoseconds() -> int:
    """CLOCK_BOOTTIME, which all processes of a machine share."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _check(image: Image, luma: NDArray[np.uint8] | None) -> None:
    colour = image.ndim == 3 and image.shape[2] == 3
    if image.dtype != np.uint8 or not (colour or image.ndim == 2) or not image.size:
        raise ValueError(f"image is {image.dtype} {image.shape}, but must be uint8 HxWx3 or HxW")
    if luma is not None and (luma.dtype != np.uint8 or luma.ndim != 2 or not luma.size):
        raise ValueError(f"luma is {luma.dtype} {luma.shape}, but must be uint8 HxW")
    if image.size + (0 if luma is None else luma.size) > LARGEST:
        raise ValueError(f"image is {image.shape}, more than the {LARGEST >> 20} MiB that a picture may have")
