"""`.ci/run`, with a make that says what it is told to instead of running it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / ".ci" / "run"
NEEDED = ("bash", "cat", "dirname", "env", "id", "mktemp", "mv", "rm", "sed", "tail", "tee")
PRESENT = ("aarch64-linux-gnu-gcc", "mmdebstrap")

MAKE = """#!/bin/bash
[ "$1" != "$SILENT" ] || exit 0
echo "a long story of $1, told with ✅"
case $1 in
    test) echo "===== 3917 passed in 285.12s =====" ;;
    "$FAILS") echo "1 failed in 0.10s"; echo "make: *** [Makefile:1: $1] Error 1" >&2; exit 2 ;;
    *) echo "12 passed by $*"; echo; echo "make: Leaving directory" ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """All that is on the path: no browser, and no package manager."""
    for name in NEEDED:
        found = shutil.which(name)
        assert found is not None, name
        (tmp_path / name).symlink_to(found)
    for name, body in {"make": MAKE, **dict.fromkeys(PRESENT, "#!/bin/bash\n")}.items():
        (tmp_path / name).write_text(body, "utf-8")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(programs: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(programs), "TMPDIR": str(programs), "LC_ALL": "C", "FAILS": "", **environment}
    command = [str(programs / "bash"), str(RUN)]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)


def test_its_end_tells_what_each_leg_said_last_and_the_suite_at_the_very_end(programs: Path) -> None:
    done = run(programs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("a long story") == 6
    _, end = done.stdout.split("== All went well.")
    assert end.splitlines()[1:] == [
        "== make test-tflite",
        "12 passed by test-tflite",
        "== make asan",
        "12 passed by asan",
        "== make test-arm64 SUITES=bookworm PROCESSORS=cortex-a53",
        "12 passed by test-arm64 SUITES=bookworm PROCESSORS=cortex-a53",
        "== make test-picamera",
        "12 passed by test-picamera",
        "== make fuzz-web HOSTILE=1000 EXAMPLES=10",
        "12 passed by fuzz-web HOSTILE=1000 EXAMPLES=10",
        "== make test-browser: left out, it needs chromium and npm",
        "== make test",
        "===== 3917 passed in 285.12s =====",
    ]
    assert not list(programs.glob("tmp.*"))


def test_a_leg_that_fails_ends_the_run_and_is_seen(programs: Path) -> None:
    done = run(programs, FAILS="asan")
    assert done.returncode != 0
    assert done.stdout.endswith("✅\n1 failed in 0.10s\nmake: *** [Makefile:1: asan] Error 1\n")
    assert not list(programs.glob("tmp.*"))


def test_a_leg_that_says_nothing_ends_nothing(programs: Path) -> None:
    done = run(programs, SILENT="asan")
    assert done.returncode == 0, done.stderr
    assert "== make asan\n== make test-arm64" in done.stdout
