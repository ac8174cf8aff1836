"""Events by the thousand for the proofs in this folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.judge import uuid7
from edge_ocr.types import Alternative, Direction, Event, Kind, Quad, Reading

if TYPE_CHECKING:
    from edge_ocr.types import Image, Stamp

_QUAD = Quad(((410.3, 300.1), (530.7, 302.9), (530.2, 331.4), (409.8, 328.6)), Kind.PLATE, 0.93)


def crops(count: int) -> list[Image]:
    """Pictures of plates' size and of some 10 KB as PNG."""
    noise = np.random.default_rng(7).integers(0, 255, (count, 48, 140, 3), np.uint8)
    return [cv2.GaussianBlur(image, (9, 9), 0).astype(np.uint8) for image in noise]


def event(serial: int, now: Stamp, crop: Image | None, camera: str = "gate") -> Event:
    """One whose text is its serial number, with the four alternatives that a reading usually has."""
    text = f"{serial:07}"
    others = tuple(Alternative(f"{text[:-1]}{letter}", 0.0123) for letter in "ABCD")
    reading = Reading(text, 0.9321, Kind.PLATE, "nl", _QUAD, others)
    return Event(
        uuid7(now.wall, os.urandom),
        camera,
        reading,
        14,
        2,
        now,
        now,
        serial,
        serial + 14,
        crop,
        serial + 7,
        Direction.UP,
    )
