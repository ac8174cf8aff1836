"""These tests need libcamera's virtual camera: `make test-picamera` brings it, elsewhere they are not collected."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

collect_ignore = [] if find_spec("libcamera") and "EDGE_OCR_VIRTUAL" in os.environ else ["test_picamera.py"]


@pytest.fixture(autouse=True)
def starve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """While this file is there, no picture arrives."""
    path = tmp_path / "starve"
    monkeypatch.setenv("EDGE_OCR_STARVE", str(path))
    yield path
    path.unlink(missing_ok=True)
