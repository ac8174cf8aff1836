"""How the C library keeps memory that was freed: little of it, on boards that have little."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of mallopt(3), from glibc's malloc.h

_MAPPED_FROM = 7_000_000  # bytes: above a frame of 1920 x 1080, below what hashing a password takes
_KEPT = 8_000_000


def share() -> None:
    """Have all threads of this process take memory from one heap; to be called before there are any.

    Left to itself glibc gives a heap to each thread, which keeps what it once needed although no other thread can use
    it, and raises the size from which memory goes back at once whenever something large was freed.
    """
    with suppress(AttributeError, OSError):  # other C libraries have no such call, nor the habit
        libc = ctypes.CDLL(None)
        libc.mallopt(_ARENA_MAX, 1)
        libc.mallopt(_MMAP_THRESHOLD, _MAPPED_FROM)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT)


def give_back() -> None:
    """Let the system have memory again that was used for a moment; glibc would keep it for good."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
