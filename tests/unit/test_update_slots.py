"""A trial is started three times at most, accepted by one rename, and taken back where it is not well."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from releases import first_release

from edge_ocr.update import slots

ALONE = Path(slots.__file__)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    first_release(tmp_path)
    shutil.copytree(tmp_path / "releases/r0", tmp_path / "releases/r1", symlinks=True)
    return tmp_path


def test_the_first_release_is_current_at_once(root: Path) -> None:
    assert slots.begin(root).name == "r0"
    assert slots.trial(root) is None


def test_an_offer_is_tried_and_the_old_one_stays_current(root: Path) -> None:
    slots.offer(root, "r1")
    assert slots.begin(root).name == "r1"
    assert slots.current(root) == root / "releases/r0"


def test_an_accepted_trial_is_current(root: Path) -> None:
    slots.offer(root, "r1")
    slots.begin(root)
    assert slots.confirm(root)
    assert [slots.begin(root).name for _ in range(5)] == ["r1"] * 5
    assert not slots.confirm(root)


def test_a_trial_that_is_never_accepted_is_started_three_times(root: Path) -> None:
    slots.offer(root, "r1")
    assert [slots.begin(root).name for _ in range(5)] == ["r1", "r1", "r1", "r0", "r0"]


def test_a_second_offer_starts_its_own_count(root: Path) -> None:
    slots.offer(root, "r1")
    slots.begin(root)
    slots.begin(root)
    slots.offer(root, "r1")
    assert [slots.begin(root).name for _ in range(4)] == ["r1", "r1", "r1", "r0"]


def test_an_offer_during_a_proof_is_not_accepted_by_it(root: Path) -> None:
    shutil.copytree(root / "releases/r1", root / "releases/r2", symlinks=True)
    slots.offer(root, "r1")
    steps = iter(range(5))

    def sleep(_: float) -> None:
        if next(steps) == 2:
            slots.offer(root, "r2")

    assert slots.prove(root, 10.0, lambda: True, lambda: True, sleep)
    assert slots.current(root) == root / "releases/r0"
    assert slots.trial(root) == root / "releases/r2"


def test_a_count_that_cannot_be_read_is_counted_anew(root: Path) -> None:
    slots.offer(root, "r1")
    (root / "trial.starts").write_bytes(b"\xff")
    assert [slots.begin(root).name for _ in range(4)] == ["r1", "r1", "r1", "r0"]


def test_a_trial_that_is_gone_from_the_disk_is_no_trial(root: Path) -> None:
    slots.offer(root, "r1")
    shutil.rmtree(root / "releases/r1")
    assert slots.begin(root).name == "r0"
    assert not (root / "trial").is_symlink()


def test_only_what_is_whole_can_be_offered(root: Path) -> None:
    (root / "releases/r1/release.toml").unlink()
    with pytest.raises(ValueError, match="no such release is whole"):
        slots.offer(root, "r1")


def test_without_any_release_the_cure_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run the installer"):
        slots.begin(tmp_path)


@pytest.mark.parametrize(("answers", "accepted"), [([True] * 5, True), ([True, False, True, True, True], False)])
def test_a_trial_must_be_well_for_the_whole_time(root: Path, answers: list[bool], accepted: bool) -> None:
    slots.offer(root, "r1")
    waits: list[float] = []
    assert slots.prove(root, 10.0, iter(answers).__next__, lambda: True, waits.append) is accepted
    assert slots.begin(root).name == ("r1" if accepted else "r0")
    assert sum(waits) <= 10.0


def test_without_a_trial_nothing_is_watched(root: Path) -> None:
    assert slots.prove(root, 10.0, lambda: False, lambda: False, lambda _: None)


@pytest.mark.parametrize(
    ("before", "after", "accepted"), [("7", "8", True), (None, "1", True), ("7", "7", False), ("0", "x", False)]
)
def test_a_trial_must_go_through_frames(
    root: Path, tmp_path: Path, before: str | None, after: str, *, accepted: bool
) -> None:
    slots.offer(root, "r1")
    file = tmp_path / "frames"
    if before is not None:
        file.write_text(before, "ascii")
    reads = slots._watch_frames(file)
    assert slots.prove(root, 4.0, lambda: True, reads, lambda _: bool(file.write_text(after, "ascii"))) is accepted
    assert slots.begin(root).name == ("r1" if accepted else "r0")
    assert slots.refused(root) == (None if accepted else root / "releases/r1")


def test_where_nobody_counts_frames_being_up_is_enough() -> None:
    assert slots._watch_frames(None)()


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The file by itself, as the installer copies it, under an interpreter that knows nothing of this package."""
    command = [sys.executable, "-I", "-S", str(ALONE), str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env={**os.environ})


def test_the_file_alone_becomes_the_release(root: Path) -> None:
    python = root / "releases/r1/venv/bin/python"
    python.unlink()
    python.write_text('#!/bin/sh\necho "$EDGE_OCR_MODELS $@"\n', "utf-8")
    python.chmod(0o755)
    (root / "releases/r1/models").mkdir()
    slots.offer(root, "r1")
    done = run(root, "start", "serve", "--config", "x.toml")
    assert done.stdout == f"{root}/releases/r1/models -m edge_ocr serve --config x.toml\n"


def test_a_trial_that_cannot_be_executed_is_taken_back_at_once(root: Path) -> None:
    (root / "releases/r1/venv/bin/python").unlink()
    old = root / "releases/r0/venv/bin/python"
    old.unlink()
    old.write_text("#!/bin/sh\necho old\n", "utf-8")
    old.chmod(0o755)
    slots.offer(root, "r1")
    done = run(root, "start", "doctor")
    assert done.stdout == "old\n"
    assert done.stderr == "edge-ocr: r1 cannot be started (No such file or directory); it was taken back\n"
    assert run(root, "status").stdout == "current: r0\ntrial: none\n"


def test_a_person_takes_a_trial_back(root: Path) -> None:
    slots.offer(root, "r1")
    assert run(root, "status").stdout == "current: r0\ntrial: r1\n"
    assert run(root, "roll-back").returncode == 0
    assert run(root, "status").stdout == "current: r0\ntrial: none\n"


def test_what_the_service_runs_before_counts_and_the_start_does_not(root: Path) -> None:
    slots.offer(root, "r1")
    for _ in range(slots.MOST_STARTS):
        assert run(root, "begin").returncode == 0
        assert run(root, "status").stdout == "current: r0\ntrial: r1\n"
    assert run(root, "begin").returncode == 0
    assert run(root, "status").stdout == "current: r0\ntrial: none\n"
