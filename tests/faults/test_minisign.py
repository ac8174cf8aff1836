"""The signatures that people make with the command minisign are those that an update is checked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from releases import Maker, checked


def test_the_command_minisign_makes_signatures_that_are_taken(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    made, secret, public = maker.archive(1), tmp_path / "secret", maker.keys / "tool.pub"
    subprocess.run(["minisign", "-G", "-W", "-p", public, "-s", secret], check=True, capture_output=True, timeout=60)
    made.with_name("update-1.zip.minisig").unlink()
    subprocess.run(["minisign", "-S", "-s", secret, "-m", made], check=True, capture_output=True, input=b"", timeout=60)
    assert checked(made, maker.keys).serial == 1
