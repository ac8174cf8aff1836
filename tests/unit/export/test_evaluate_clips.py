"""The measurement of clips: what counts as right, wrong, missed and extra."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_ocr import ctc
from edge_ocr.config import parse
from edge_ocr.grammar import word_grammar
from edge_ocr.types import Event, Kind, Quad, Reading, Sighting, Stamp, Strip
from export.evaluate_clips import ClipResult, Outcome, Remembering, evaluate_clips, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edge_ocr.types import Image, Region

_QUAD = Quad(((10.0, 10.0), (40.0, 10.0), (40.0, 20.0), (10.0, 20.0)), Kind.PLATE, 0.9)
_GRAMMAR = word_grammar(["AB", "BA"], "AB")


def _event(text: str) -> Event:
    stamp = Stamp(0.0, 0.0, "", synced=False)
    crop = np.zeros((1, 1), np.uint8)
    return Event("id", "clip", Reading(text, 0.9, Kind.PLATE, None, _QUAD), 5, 0, stamp, stamp, 0, 4, crop, 2)


def _result(label: str, *texts: str) -> ClipResult:
    return ClipResult("a.avi", label, tuple(_event(text) for text in texts), Counter())


class _Reader:
    """Reads 'AB', in frame 2 'BA' and surer of it, and counts how often it was asked."""

    grammar = _GRAMMAR

    def __init__(self) -> None:
        self.asked = 0

    def sightings(
        self,
        _image: Image,
        /,
        *,
        frame: int,
        regions: Sequence[Region] | None = None,
        choose: Callable[[list[Quad]], list[Quad]] | None = None,
    ) -> list[Sighting]:
        if regions == [] or (choose is not None and not choose([_QUAD])):
            return []
        self.asked += 1
        sure, order = (0.97, (2, 1)) if frame == 2 else (0.9, (1, 2))
        probs = np.full((4, 3), (1 - sure) / 2)
        probs[[0, 1, 2, 3], [order[0], 0, order[1], 0]] = sure
        log_probs = np.log(probs).astype(np.float32)
        found = tuple(ctc.beam_search(log_probs, 8, 2, _GRAMMAR.automaton))
        return [Sighting(frame, Strip(np.zeros((48, 160), np.uint8), _QUAD), log_probs, found)]


@pytest.mark.parametrize(
    ("texts", "outcome", "extra"),
    [
        ((), Outcome.MISSED, 0),
        (("AB12",), Outcome.RIGHT, 0),
        (("AB1Z",), Outcome.WRONG, 1),
        (("AB1Z", "AB12"), Outcome.RIGHT, 1),
        (("AB12", "AB12"), Outcome.RIGHT, 1),
    ],
)
def test_one_right_event_is_expected_and_all_others_are_extra(
    texts: tuple[str, ...], outcome: Outcome, extra: int
) -> None:
    result = _result("AB12", *texts)
    assert (result.outcome, result.extra) == (outcome, extra)


def test_the_summary_counts_clips() -> None:
    results = [_result("AB", "AB"), _result("AB", "AB", "XY"), _result("AB"), _result("AB", "BA")]
    expected = "all: right 2 (50%), wrong 1 (25%), missed 1 (25%), extra events 2 (50%) of 4 clips"
    assert summary("all", results) == expected


def test_a_frame_is_read_once_however_often_it_is_watched() -> None:
    reader = _Reader()
    remembering = Remembering(reader)
    image = np.zeros((60, 80, 3), np.uint8)
    assert remembering.sightings(image, frame=7) is remembering.sightings(image, frame=7)
    assert (reader.asked, remembering.grammar) == (1, _GRAMMAR)


def test_the_vote_is_printed_beside_the_best_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels.csv").write_text("image,x,y,w,h,text\na.avi,,,,,A-B\n")
    clip = cv2.VideoWriter(str(tmp_path / "images" / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (80, 60))
    for number in range(5):
        clip.write(np.full((60, 80, 3), 20 * number, np.uint8))
    clip.release()
    settings = parse({"vote": {"min_confidence": 0.5, "min_characters": 2}}, origin="test")
    assert evaluate_clips(tmp_path, settings, reader=_Reader()) == 1.0
    line, fused, best, gain = capsys.readouterr().out.splitlines()
    assert line.split()[:4] == ["a.avi", "right", "AB", "AB"]
    assert fused.startswith("all frames fused: right 1 (100%)")
    assert best.startswith("best frame alone: right 0 (0%), wrong 1 (100%)")
    assert gain == "the vote gains +100.0%"


def test_a_folder_without_labels_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,x,y,w,h,text\n")
    with pytest.raises(ValueError, match="lists no clips"):
        evaluate_clips(tmp_path, reader=_Reader())
