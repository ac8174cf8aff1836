"""Crops are counted by their size and light, and by what was read."""

from __future__ import annotations

import numpy as np
import pytest

from edge_ocr import ctc
from edge_ocr.grammar import word_grammar
from edge_ocr.types import Kind, Quad, Sighting, Strip, corners_of
from export.evaluate import Evaluation, Look, Read, Scores, score
from export.photographs import Folder
from export.scoring import Score, calibration


def test_groups_count_each_crop_once_by_width_and_once_by_brightness() -> None:
    quad = Quad(corners_of([(0, 0), (1, 0), (1, 1), (0, 1)]), Kind.PLATE, 1.0)
    sighting = Sighting(0, Strip(np.zeros((2, 4), np.uint8), quad), np.zeros((1, 3), np.float32), ())
    looks = [
        Look((sighting,), "A", width, shade) for width, shade in ((60, 20.0), (79, 69.9), (80, 70.0), (500, 255.0))
    ]
    reads = [Read(text, "A", sure, folded=False) for text, sure in (("A", 0.9), ("B", 0.5), ("A", 0.9), ("A", 0.9))]
    scores = Scores(Score(0.75, 0.25, 4), Score(0.75, 0.25, 4))
    made = Evaluation(
        Folder("plates", "us"),
        looks,
        reads,
        scores,
        scores,
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


@pytest.mark.parametrize("folded", [False, True])
def test_every_folder_is_scored_both_ways_and_counted_as_its_labels_are_written(*, folded: bool) -> None:
    grammar = word_grammar(["AO", "A0"], "A0O")
    log_probs = np.log(np.full((3, 4), 0.01, np.float32))
    log_probs[[0, 1, 2], [1, 0, 3]] = np.log(0.97)  # A, nothing, O
    quad = Quad(corners_of([(0, 0), (1, 0), (1, 1), (0, 1)]), Kind.PLATE, 1.0)
    found = tuple(ctc.beam_search(log_probs, 8, 2, grammar.automaton))
    sighting = Sighting(0, Strip(np.zeros((2, 4), np.uint8), quad), log_probs, found)
    made = score([Look((sighting,), "a-0", 80, 90.0)], grammar, Folder("plates", "us", folded=folded))
    assert (made.exact.greedy.exact, made.exact.constrained.exact) == (0, 0)
    assert (made.folded.greedy.exact, made.folded.constrained.exact) == (1, 1)
    assert made.greedy.exact == made.constrained.exact == made.groups()["width_from_80"][1] == float(folded)
    lines = made.lines()
    assert "exact   0.0%" in lines[lines.index("  O told from 0 and I from 1") + 1]
    assert "exact 100.0%" in lines[lines.index("  O counted as 0 and I as 1") + 2]
