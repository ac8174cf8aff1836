"""Crops are counted by their size and light, and by what was read."""

from __future__ import annotations

import numpy as np

from edge_ocr.types import Kind, Quad, Sighting, Strip, corners_of
from export.evaluate import Evaluation, Look, Read
from export.photographs import Folder
from export.scoring import Score, calibration


def test_groups_count_each_crop_once_by_width_and_once_by_brightness() -> None:
    quad = Quad(corners_of([(0, 0), (1, 0), (1, 1), (0, 1)]), Kind.PLATE, 1.0)
    sighting = Sighting(0, Strip(np.zeros((2, 4), np.uint8), quad), np.zeros((1, 3), np.float32), ())
    looks = [
        Look((sighting,), "A", width, shade) for width, shade in ((60, 20.0), (79, 69.9), (80, 70.0), (500, 255.0))
    ]
    reads = [Read("A", "A", 0.9), Read("B", "A", 0.5), Read("A", "A", 0.9), Read("A", "A", 0.9)]
    made = Evaluation(
        Folder("plates", "us"),
        looks,
        reads,
        Score(0.75, 0.25, 4),
        Score(0.75, 0.25, 4),
        calibration([read.confidence for read in reads], [read.right for read in reads]),
    )
    assert made.groups() == {
        "width_from_0": (2, 0.5),
        "width_from_80": (1, 1.0),
        "width_from_320": (1, 1.0),
        "brightness_from_0": (2, 0.5),
        "brightness_from_70": (1, 1.0),
        "brightness_from_140": (1, 1.0),
    }
    assert any("by chance" in line for line in made.lines())
