"""What the documents say about cameras is true."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, Field, fields
from pathlib import Path

import pytest

from edge_ocr.camera import is_live
from edge_ocr.camera.fake import FakeGrabber
from edge_ocr.config import parse
from edge_ocr.tables import CameraSettings, RecoverySettings

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference/cameras.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", (DOCS / "guide/cameras.md").read_text("utf-8"), re.DOTALL)
FIELDS = [item for table in (CameraSettings, RecoverySettings) for item in fields(table) if item.name != "recovery"]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_key_is_in_the_reference_with_its_true_default(field: Field[object]) -> None:
    rows = [row.split("|") for row in REFERENCE.splitlines() if re.match(rf"\| [^|]*`{field.name}`", row)]
    assert len(rows) == 1, f"{field.name} needs one row in docs/reference/cameras.md"
    if field.default not in {None, ""} and field.default is not MISSING:
        shown = f'"{field.default}"' if isinstance(field.default, str) else str(field.default)
        assert f"`{shown}`" in rows[0][2], f"{field.name} is {shown} by default"


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_of_the_guide_is_a_valid_configuration(example: str) -> None:
    for camera in parse(tomllib.loads(example), origin="guide").camera:
        assert is_live(camera.source) or camera.source.endswith(".mp4")


@pytest.mark.parametrize("source", re.findall(r"\| `(fake://[^`]*)`", REFERENCE))
def test_every_fake_camera_of_the_reference_opens(source: str, tmp_path: Path) -> None:
    source = source.replace("/srv/pictures", str(DOCS / "samples/street.jpg")).replace("/run", str(tmp_path))
    shapes: list[tuple[int, ...]] = []
    FakeGrabber(source, CameraSettings()).read(1.0, lambda image, *_: shapes.append(image.shape))
    assert len(shapes) == 1
