"""The power goes at every step of an update: a restart finds the old release or the new one, whole, and goes on.

A child process updates; an audit hook counts what it asks of the file system and kills it, as `kill -9` would, just
before the first, the second, the third such step, and so on to the last.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "unit"
sys.path.insert(0, str(UNIT))
from releases import Maker, checked, first_release, is_whole, no_check  # noqa: E402 -- found by the line above

from edge_ocr.update import slots  # noqa: E402 -- likewise
from edge_ocr.update.staging import stage, tidy  # noqa: E402 -- likewise

CHILD = """
import os, signal, sys
sys.path.insert(0, {unit!r})
from pathlib import Path
from releases import checked, no_check
from edge_ocr.update import slots
from edge_ocr.update.staging import stage, tidy

STEPS = {{"os.rename", "os.symlink", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.truncate", "open", "os.fsync"}}
last, job = int(sys.argv[1]), sys.argv[2]
root, archive, keys = map(Path, sys.argv[3:6])
seen = 0

def step(event, arguments):
    global seen
    if event not in STEPS or (event == "open" and str(root) not in str(arguments[0])):
        return
    seen += 1
    if seen == last:
        os.kill(os.getpid(), signal.SIGKILL)

def install(environment, wheels):
    (environment / "lib.py").unlink()
    (environment / "lib.py").write_text("new", "utf-8")

jobs = {{
    "stage": lambda: (tidy(root), stage(root, archive, checked(archive, keys), install=install, check=no_check)),
    "begin": lambda: slots.begin(root),
    "confirm": lambda: slots.confirm(root),
    "roll-back": lambda: slots.roll_back(root),
}}
sys.addaudithook(step)
jobs[job]()
"""


def ends(job: str, kill_at: int, root: Path, archive: Path, keys: Path) -> bool:
    """Whether a job came to its end before it was killed at a step."""
    code = CHILD.format(unit=str(UNIT))
    words = [sys.executable, "-c", code, str(kill_at), job, str(root), str(archive), str(keys)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in {0, -9}, done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("kind", ["models", "wheels"])
def test_an_update_that_is_killed_at_any_step_leaves_a_whole_release_and_can_be_repeated(
    kind: str, tmp_path: Path
) -> None:
    maker = Maker(tmp_path / "maker")
    archive = maker.archive(1, kind=kind)
    started = set()
    for kill_at in range(1, 400):
        root = tmp_path / f"root-{kill_at}"
        first_release(root)
        ended = ends("stage", kill_at, root, archive, maker.keys)
        found = slots.begin(root)
        assert is_whole(found)
        started.add(found.name)
        if found.name == "r0":
            assert not ended
            tidy(root)
            assert {path.name for path in (root / "releases").iterdir()} <= {"r0", "r1"}
            stage(root, archive, checked(archive, maker.keys), install=lambda *_: None, check=no_check)
            assert slots.begin(root).name == "r1"
        if ended:
            break
    assert ended
    assert kill_at > 10
    assert started == {"r0", "r1"}


@pytest.mark.parametrize("job", ["begin", "confirm", "roll-back"])
def test_a_start_an_acceptance_and_a_roll_back_that_are_killed_leave_a_release_that_starts(
    job: str, tmp_path: Path
) -> None:
    maker = Maker(tmp_path / "maker")
    archive = maker.archive(1)
    for kill_at in range(1, 40):
        root = tmp_path / f"root-{kill_at}"
        first_release(root)
        stage(root, archive, checked(archive, maker.keys), check=no_check)
        ended = ends(job, kill_at, root, archive, maker.keys)
        names = [slots.begin(root).name for _ in range(slots.MOST_STARTS + 2)]
        assert all(is_whole(root / "releases" / name) for name in names)
        assert names[-1] == ("r1" if slots.current(root) == root / "releases/r1" else "r0")
        assert slots.current(root) is not None
        if ended:
            break
    assert ended
    assert kill_at > 1
