"""SIGKILL at random instants; the long form is tests/soak/store_kills.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[1] / "soak"


def test_a_store_that_is_killed_again_and_again_loses_and_doubles_nothing() -> None:
    done = subprocess.run(
        [sys.executable, SOAK / "store_kills.py", "--kills", "8", "--seed", "3"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    figures = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines()[1:7])
    assert figures == dict.fromkeys(("lost", "duplicates", "unpaired", "set aside", "undelivered", "disorder"), "0"), (
        done.stdout + done.stderr
    )
    assert done.returncode == 0
