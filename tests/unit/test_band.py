"""The band of a plate's text, drawn: where it is found, and where there is none to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_ocr.band import text_band

if TYPE_CHECKING:
    from edge_ocr.types import Image


def plate(*, slope: float = 0.0, caps: int = 34) -> Image:
    """A light plate of 160x80: a state's name, a text of ``caps`` rows around row 42, a slogan; they may climb."""
    image = np.full((80, 160), 225, np.uint8)
    cv2.putText(image, "California", (45, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 110, 1, cv2.LINE_AA)
    cv2.putText(image, "Golden State", (45, 76), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 110, 1, cv2.LINE_AA)
    line = np.full((30, 180), 225, np.uint8)
    cv2.putText(line, "4PCI264", (4, 26), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 20, 3, cv2.LINE_AA)
    rows = np.flatnonzero((line < 120).any(axis=1))
    letters = cv2.resize(line[rows[0] : rows[-1] + 1, :150], (130, caps), interpolation=cv2.INTER_AREA)
    image[42 - caps // 2 : 42 - caps // 2 + caps, 15:145] = letters
    matrix = np.array([[1, 0, 0], [-slope * 80 / 160, 1, slope * 40]])
    return np.asarray(cv2.warpAffine(image, matrix, (160, 80), borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.mark.parametrize("slope", [0.0, 0.2, -0.2])
def test_the_band_is_that_of_the_text_at_its_own_slope(slope: float) -> None:
    found = text_band(plate(slope=slope))
    assert found is not None
    assert found.head == pytest.approx(25 / 80 - 0.06, abs=0.05)
    assert found.foot == pytest.approx(59 / 80 + 0.06, abs=0.05)
    assert found.climb == pytest.approx(slope, abs=0.11)


def test_a_text_that_fills_its_plate_has_no_band() -> None:
    image = cv2.resize(plate()[25:59], (160, 80), interpolation=cv2.INTER_LINEAR)
    assert text_band(np.asarray(image, np.uint8)) is None


@pytest.mark.parametrize("shape", [(40, 80), (1, 30), (30, 1), (2, 2)])
def test_an_empty_plate_of_any_size_has_no_band(shape: tuple[int, int]) -> None:
    assert text_band(np.full(shape, 200, np.uint8)) is None
