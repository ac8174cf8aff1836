"""How finds are matched with labels and counted."""

from __future__ import annotations

import argparse
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_ocr.types import Kind, Quad, Region, corners_of
from export import evaluate_detector
from export.detector_frames import held_back, training_frames
from export.evaluate_detector import Shot, draw_misses, measure, shots, summarise

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.detect import Detector
    from edge_ocr.types import Image
    from export.evaluate_detector import Outcome


class Canned:
    """A detector that finds the boxes that it was told to."""

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self._quads = [
            Quad(corners_of([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]), Kind.PLATE, 0.9) for x, y, w, h in boxes
        ]

    def __call__(self, image: Image) -> list[Quad]:
        """The same quads for every picture."""
        assert image.ndim == 3
        return self._quads


def _shot(*boxes: tuple[float, float, float, float]) -> Shot:
    return Shot("frame.jpg", np.zeros((100, 200, 3), np.uint8), np.array(boxes, np.float64).reshape(-1, 4))


def _outcome(detector: Canned, shot: Shot) -> Outcome:
    typed: Detector = detector  # type: ignore[assignment]
    (outcome,) = measure(typed, [shot])
    return outcome


def test_only_the_surroundings_of_the_labels_are_looked_at_where_that_is_asked_for() -> None:
    told: list[list[Region]] = []

    def looking(_: Image, *, regions: list[Region]) -> list[Quad]:
        told.append(regions)
        return []

    typed: Detector = looking  # type: ignore[assignment]
    measure(typed, [_shot((50, 40, 20, 5))], around=1.5)
    assert told == [[Region(20, 10, 100, 75)]]


def test_a_quad_on_its_label_is_found_with_its_overlap() -> None:
    outcome = _outcome(Canned((10, 10, 40, 10)), _shot((10, 10, 40, 12)))
    assert outcome.overlap.tolist() == [pytest.approx(10 / 12)]
    assert outcome.surplus == 0


def test_a_quad_that_overlaps_too_little_is_a_miss_and_a_surplus() -> None:
    outcome = _outcome(Canned((10, 10, 40, 10)), _shot((40, 10, 40, 10)))
    summary = summarise("folder", [outcome])
    assert outcome.surplus == 1
    assert (summary.recall, summary.precision) == (0, 0)


def test_an_overlap_that_is_asked_for_decides_what_is_found_what_is_too_much_and_what_is_drawn(tmp_path: Path) -> None:
    typed: Detector = Canned((0, 0, 45, 20))  # type: ignore[assignment]
    (loose,) = measure(typed, [_shot((0, 0, 100, 20))], least=0.4)
    (strict,) = measure(typed, [_shot((0, 0, 100, 20))])
    assert loose.overlap.tolist() == strict.overlap.tolist() == [pytest.approx(0.45)]
    summary = summarise("folder", [loose])
    assert (summary.recall, summary.surplus, summary.precision) == (1, 0, 1)
    assert summary.tight == pytest.approx(0.45)
    summary = summarise("folder", [strict])
    assert (summary.recall, summary.surplus, summary.precision) == (0, 1, 0)
    draw_misses([loose], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_passes_the_overlap_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _folder(tmp_path, "some", ["a.png,0,0,60,20,"])
    monkeypatch.setattr(evaluate_detector, "PLATES", ("some",))
    monkeypatch.setattr(evaluate_detector, "EMPTY", ())
    monkeypatch.setattr(evaluate_detector, "Detector", lambda *_, **__: Canned((0, 0, 27, 20)))
    parser = argparse.ArgumentParser()
    evaluate_detector.add_arguments(parser)
    for least, told in (("0.4", ("100.0%", "100.0%", "surplus 0.000")), ("0.5", ("0.0%", "0.0%", "surplus 1.000"))):
        assert evaluate_detector.run(parser.parse_args(["--data", str(tmp_path), "--least", least])) == 0
        line = capsys.readouterr().out.splitlines()[0]
        assert (line.split("recall")[1].split()[0], line.split("precision")[1].split()[0]) == told[:2]
        assert told[2] in line


def test_a_second_quad_on_the_same_label_is_a_surplus() -> None:
    outcome = _outcome(Canned((10, 10, 40, 10), (11, 10, 40, 10)), _shot((10, 10, 40, 10)))
    assert outcome.surplus == 1
    assert summarise("folder", [outcome]).precision == 0.5


def test_two_labels_need_two_quads() -> None:
    outcome = _outcome(Canned((10, 10, 40, 10)), _shot((10, 10, 40, 10), (100, 10, 40, 10)))
    assert summarise("folder", [outcome]).recall == 0.5


def test_recall_is_told_by_width() -> None:
    outcome = _outcome(Canned((0, 0, 50, 20)), _shot((0, 0, 50, 20), (60, 0, 120, 40)))
    assert summarise("folder", [outcome]).recall_by_width == {"0-60": (1, 1.0), "100-160": (1, 0.0)}


def test_a_folder_without_plates_tells_what_is_made_up() -> None:
    summary = summarise("negatives", [_outcome(Canned((0, 0, 50, 20)), _shot()), _outcome(Canned(), _shot())])
    assert (summary.texts, summary.recall, summary.surplus) == (0, 1.0, 0.5)
    assert "surplus 0.500 an image" in summary.line()


def test_only_pictures_that_are_wrong_are_drawn(tmp_path: Path) -> None:
    right, wrong = _outcome(Canned((0, 0, 50, 20)), _shot((0, 0, 50, 20))), _outcome(Canned(), _shot((0, 0, 50, 20)))
    draw_misses([right], tmp_path)
    assert list(tmp_path.iterdir()) == []
    draw_misses([wrong], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["frame.jpg"]


def _folder(place: Path, name: str, rows: list[str]) -> Path:
    import cv2  # noqa: PLC0415 - to write the pictures

    folder = place / name
    (folder / "images").mkdir(parents=True)
    for row in rows:
        cv2.imwrite(str(folder / "images" / row.split(",", 1)[0]), np.zeros((60, 80, 3), np.uint8))
    (folder / "labels.csv").write_text("\n".join(["image,x,y,w,h,text", *rows, ""]), "utf-8")
    return folder


def test_no_frame_both_trains_and_measures(tmp_path: Path) -> None:
    rows = [f"{number:04d}.jpg,10,10,40,10," for number in range(0, 250, 5)]
    folder = _folder(tmp_path, "plates_ro_frames", rows)
    trained = {path.name for path, _ in training_frames(folder)}
    measured = {shot.name for shot in shots(folder)}
    assert trained | measured == {row[:8] for row in rows}
    assert not trained & measured
    assert len(measured) == 10


def test_frames_are_held_back_with_their_neighbours(tmp_path: Path) -> None:
    flags = [held_back(tmp_path / f"{number:04d}.jpg") for number in range(250)]
    assert sum(flags) == 50
    assert sum(before != after for before, after in pairwise(flags)) == 4


def test_training_quads_leave_out_the_margin_of_the_labels(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "plates_ro_frames", ["0000.jpg,10,10,40,10,"])
    ((_, quads),) = training_frames(folder)
    assert quads[0].min(axis=0).tolist() == pytest.approx([11.4, 10.7])
    assert quads[0].max(axis=0).tolist() == pytest.approx([48.6, 19.3])


def test_all_labels_of_a_picture_are_in_one_shot(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "other", ["a.jpg,1,2,30,10,X", "a.jpg,40,2,30,10,Y"])
    (shot,) = shots(folder)
    assert shot.boxes.tolist() == [[1, 2, 30, 10], [40, 2, 30, 10]]


def test_a_folder_without_labels_is_taken_as_empty_of_plates(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "negatives", ["a.png,,,,,"])
    (folder / "labels.csv").unlink()
    (shot,) = shots(folder)
    assert shot.boxes.shape == (0, 4)
