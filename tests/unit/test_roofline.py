"""Work is counted by the shapes of what is multiplied, and nothing is faster than its roof by much."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_ocr import roofline
from edge_ocr.engine import Engine

PEAKS = Path(roofline.__file__).parent / "peaks"


@pytest.mark.parametrize(("name", "size"), [("int8", 1), ("float32", 4)])
def test_the_work_of_one_product_is_counted_exactly(name: str, size: int) -> None:
    work = Engine((PEAKS / f"{name}.tflite").read_bytes(), name=name).work()
    assert work.macs == 32 * 32 * 256 * 256
    assert work.bytes_moved == size * (2 * 32 * 32 * 256 + 256 * 256) + 4 * 256


def test_a_core_multiplies_whole_numbers_at_least_as_fast_as_real_ones() -> None:
    known = roofline.peaks()
    assert known.int8_gmacs > 0.5 * known.float32_gmacs > 0
    assert known.copy_gbytes > 0


def test_every_model_that_ships_stands_under_its_roof() -> None:
    known = roofline.Peaks(int8_gmacs=1e6, float32_gmacs=1e6, copy_gbytes=1e6)  # a core that nothing can hold back
    roofs = roofline.roofs(known)
    assert {"plate", "plate-detector"} <= {roof.model for roof in roofs}
    for roof in roofs:
        assert 0 < roof.share < 1
        assert 1 < roof.macs < 5000
        assert roof.bound in {"compute", "memory"}
