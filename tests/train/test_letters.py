"""The letters that pictures are labelled with."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

import edge_ocr
from export.letters import sheet

SHIPPED = Path(edge_ocr.__file__).parent / "letters.png"
FONT = Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSansMono-Bold.ttf"


def test_the_letters_that_ship_are_what_the_recipe_draws() -> None:
    drawn = np.asarray(sheet(FONT), np.int64)
    shipped = np.asarray(Image.open(SHIPPED).convert("L"), np.int64)
    assert drawn.shape == shipped.shape
    assert np.abs(drawn - shipped).mean() < 4  # versions of FreeType differ at the edges
    assert np.abs(drawn - np.roll(shipped, 9, axis=1)).mean() > 20
