"""Words read by several readers in one run, with readers that a test can make."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from export import word_peers
from export.errors import PeerError

TINY = Path(__file__).parents[2] / "data/bundles/tiny"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three crops, two of which say AB."""
    (tmp_path / "images").mkdir()
    rows = ["image,x,y,w,h,text"]
    for name, text in (("0", "ab"), ("1", "A-B"), ("2", "cd")):
        cv2.imwrite(str(tmp_path / f"images/{name}.png"), np.full((8, 32, 3), 128, np.uint8))
        rows.append(f"{name}.png,,,,,{text}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def test_each_reader_gets_the_same_words_on_one_core(folder: Path) -> None:
    paths = sorted((folder / "images").iterdir())
    source = "read = lambda image: f'{image.shape} {len(os.sched_getaffinity(0))}'"
    words = word_peers.read_words("some", source, Path(sys.executable), paths, TINY)
    assert words.texts == ["(8, 32, 3) 1"] * 3
    assert len(words.milliseconds) == 3
    assert min(words.milliseconds) >= 0


def test_a_table_has_a_line_for_each_reader(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(word_peers, "PEERS", {"another": "read = lambda image: 'AB'"})
    monkeypatch.setattr(word_peers, "OURS", "read = lambda image: ''")
    args = argparse.Namespace(bundle=TINY, folder=folder, python=Path(sys.executable), most=150)
    assert word_peers.run(args) == 0
    head, ours, another = capsys.readouterr().out.splitlines()
    assert head.startswith("3 words")
    assert ours.split()[:2] == ["edge-ocr", "0.0%"]
    assert another.split()[:2] == ["another", "66.7%"]


def test_a_reader_that_is_not_there_is_named_with_the_cure(folder: Path) -> None:
    paths = sorted((folder / "images").iterdir())
    with pytest.raises(PeerError, match=r"some does not run under .*nowhere_at_all.*--python"):
        word_peers.read_words("some", "import nowhere_at_all", Path(sys.executable), paths, TINY)
