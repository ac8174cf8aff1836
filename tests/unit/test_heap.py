"""Memory that was freed: in one heap for all threads, and back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import TYPE_CHECKING

from edge_ocr import heap

if TYPE_CHECKING:
    import pytest

KEEP = """
import re, threading
from pathlib import Path
from edge_ocr import heap
import numpy as np

def resident():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1000

if {share}:
    heap.share()

def use():
    frames = [np.ones(1_000_000, np.uint8) for _ in range(6)]  # the first ones freed raise what glibc keeps
    for _ in range(3):
        del frames[0]
        np.ones(7 << 20, np.uint8)  # as much as hashing a password takes

there, used, gate = threading.Barrier(5), threading.Barrier(5), threading.Event()
lasting = [threading.Thread(target=lambda: (there.wait(), use(), used.wait(), gate.wait())) for _ in range(4)]
for thread in lasting:
    thread.start()
before = resident()
there.wait(50)  # what comes with a thread lies below what they use, whoever is first
used.wait(50)
print(resident() - before)
gate.set()
"""


def kept(*, share: bool) -> int:
    """MB that four threads keep of what they used for a moment."""
    told = subprocess.run(
        [sys.executable, "-c", KEEP.format(share=share)], capture_output=True, text=True, check=True, timeout=60
    )
    return int(told.stdout)


def test_threads_that_share_a_heap_keep_little_of_what_they_used_for_a_moment() -> None:
    assert kept(share=True) <= 10 < kept(share=False)


def test_another_c_library_without_such_calls_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    heap.share()
    heap.give_back()
