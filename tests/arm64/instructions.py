"""Runs in the emulator with the plugin of count.c: instructions of one core, in thousands, for a frame or a plate.

One read before the count starts pays for what happens once. Prints one JSON object, stage -> instructions.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

import cv2

import edge_ocr
from edge_ocr.reader import Stopwatch

MARK = 0x6F6372
"""No descriptor: closing it makes the plugin write what it counted."""


def counter(file: Path) -> float:
    """Instructions until now."""
    with suppress(OSError):
        os.close(MARK)
    return float(file.read_text("ascii"))


def main() -> None:
    """Counts the stages of one photograph with one plate."""
    file, sample = Path(sys.argv[1]), Path(sys.argv[2])
    image = cv2.imread(str(sample))
    reader = edge_ocr.Reader("plate", regions=["eu"])
    reader.read(image)
    watch = Stopwatch(now=lambda: counter(file))
    (reading,) = reader.read(image, stopwatch=watch)
    stages = {stage: round(count / 1000) for stage, count in watch.ms.items()}  # the stopwatch thinks in seconds
    json.dump({"text": reading.text, "instructions": stages}, sys.stdout)


if __name__ == "__main__":
    main()
