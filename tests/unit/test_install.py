"""What ``pip install edge-ocr`` brings is small, and it is all that reading needs."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

SAMPLE = Path(__file__).parents[2] / "docs" / "samples" / "street.jpg"

ALONE = """
import sys
allowed = set(sys.argv.pop(1).split(","))

class Refuse:
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root not in allowed and root not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{name} is no dependency of edge-ocr", name=name)

sys.meta_path.insert(0, Refuse())
from edge_ocr.cli import main
sys.exit(main(sys.argv[1:]))
"""


def closure() -> dict[str, metadata.Distribution]:
    """Every distribution that edge-ocr pulls in without extras, itself left out."""
    found: dict[str, metadata.Distribution] = {}
    waiting = ["edge-ocr"]
    while waiting:
        distribution = metadata.distribution(waiting.pop())
        for requirement in map(Requirement, distribution.requires or []):
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if wanted and requirement.name not in found:
                found[requirement.name] = metadata.distribution(requirement.name)
                waiting.append(requirement.name)
    return found


def modules(distributions: dict[str, metadata.Distribution]) -> set[str]:
    """The top-level modules of distributions."""
    names = {distribution.metadata["Name"] for distribution in distributions.values()}
    return {module for module, homes in metadata.packages_distributions().items() if names & set(homes)}


def test_an_installation_is_at_most_twelve_packages() -> None:
    assert len(closure()) + 1 <= 12


def test_an_installation_is_at_most_350_megabytes() -> None:
    files = [file for distribution in closure().values() for file in distribution.files or []]
    size = sum(Path(str(file.locate())).stat().st_size for file in files if Path(str(file.locate())).is_file())
    assert 50e6 < size <= 350e6


def test_nothing_that_trains_and_no_window_is_pulled_in() -> None:
    names = {name.lower() for name in closure()}
    assert not names & {"torch", "tensorflow", "tensorflow-cpu", "onnx", "onnxruntime", "opencv-python", "pillow"}
    assert "opencv-python-headless" in names


def test_reading_needs_nothing_but_the_dependencies() -> None:
    allowed = ",".join(modules(closure()) | {"edge_ocr"})
    command = [sys.executable, "-c", ALONE, allowed, "read", "--json", "--region", "eu", str(SAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["error"] is None
