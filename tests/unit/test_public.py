"""What `import edge_ocr` offers, and what it costs."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import edge_ocr
from edge_ocr import errors, types


def test_the_public_names_are_sorted_and_unique() -> None:
    assert sorted(set(edge_ocr.__all__)) == edge_ocr.__all__


@pytest.mark.parametrize("name", edge_ocr.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(edge_ocr, name) is not None
    assert name in dir(edge_ocr)


def test_every_error_is_public() -> None:
    family = {name for name, item in inspect.getmembers(errors, inspect.isclass) if item.__module__ == errors.__name__}
    assert family <= set(edge_ocr.__all__)


def test_everything_that_a_reading_or_an_event_is_made_of_is_public() -> None:
    parts = {types.Reading, types.Event, types.Alternative, types.Quad, types.Stamp, types.Kind, types.Direction}
    assert {part.__name__ for part in parts} <= set(edge_ocr.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Raeder'"):
        _ = edge_ocr.Raeder


def test_importing_the_package_loads_nothing_heavy() -> None:
    check = (
        "import sys, edge_ocr; print([m for m in ('numpy', 'cv2', 'ai_edge_litert', 'argparse') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
