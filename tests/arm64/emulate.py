"""The tests that depend on the processor, run as on a Raspberry Pi: `make test-arm64`.

For each tree of Debian and each processor: the same input through every model and the whole reader, here and there,
compared; instructions a frame against what instructions.json keeps; then tests: those of what a processor chooses for
itself on each, and once in each tree all that touch native code. An emulator's times say nothing about a board; its
instructions say whether something got slower.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import os
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import trees

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trees import Processor, Suite

HERE = Path(__file__).parent
RECORD = HERE / "instructions.json"
SAMPLES = [trees.ROOT / "docs/samples" / name for name in ("street.jpg", "night.jpg")]
TREE = trees.CACHE / "tests"
"""A copy of the tests to run in: beside the package's sources Python would take those."""

TOLERANCE = 0.05
"""Of instructions: what another patch release of Python or NumPy may change."""

CLOSE = 2e-3
TIES = {"sign-chinese": 93}
"""Outputs of an input that may be one step of int8 away, by network: of all others every bit is equal. One tie within a
recurrence, rounded to the other side, moves what comes after it."""
"""Of figures that went through floating point, relative to 1 or to their size."""

CHOSEN = [
    "tests/unit/test_ctc.py",
    "tests/unit/test_ctc_arguments.py",
    "tests/unit/test_engine.py",
    "tests/unit/test_recognise.py",
    "tests/unit/test_rectify.py",
    "tests/golden",
    "-m",
    "not slow",
]
"""Tests of our kernel, and of what LiteRT, OpenCV and NumPy do by the code that they choose for a processor."""

TESTS = [
    "tests/unit/test_automata.py",
    "tests/unit/test_bundle.py",
    "tests/unit/test_ctc.py",
    "tests/unit/test_ctc_arguments.py",
    "tests/unit/test_detect.py",
    "tests/unit/test_engine.py",
    "tests/unit/test_grammar.py",
    "tests/unit/test_join.py",
    "tests/unit/test_judge.py",
    "tests/unit/test_pipeline.py",
    "tests/unit/test_reader.py",
    "tests/unit/test_recognise.py",
    "tests/unit/test_rectify.py",
    "tests/unit/test_regions.py",
    "tests/unit/test_track.py",
    "tests/unit/test_vote.py",
    "tests/golden",
]
"""All of native code and floating point; what only moves bytes does so on any processor."""

_SITE = "import os, sys\nsys.executable = os.environ.get('EMULATED_PYTHON', sys.executable)\n"


class Machine:
    """One tree on one processor.

    Args:
        suite: prepared.
        processor: to emulate.
        package: the folder of the cross-built wheel.
        tests: what :meth:`test` runs, as pytest takes it; nothing for none.

    """

    def __init__(self, suite: Suite, processor: Processor, package: Path, tests: Sequence[str] = ()) -> None:
        self.name = f"{suite.name} on {processor.name}"
        self.tests = tests
        self._suite = suite
        self._command, environment = trees.emulator(suite, processor)
        self._work = trees.CACHE / suite.name / f"{processor.name}.work"
        self._work.mkdir(exist_ok=True)
        # A test that starts Python must start it in the emulator too: the host cannot run the guest's by itself.
        (self._work / "sitecustomize.py").write_text(_SITE, "utf-8")
        starter = self._work / "python3"
        words = " ".join(f"'{word}'" for word in [*self._command, trees.python(suite)])
        starter.write_text(f'#!/bin/sh\nexec {words} "$@"\n', "utf-8")
        starter.chmod(0o755)
        paths = [self._work, package, suite.site]
        self._environment = {
            **environment,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "EMULATED_PYTHON": str(starter),
        }

    def test(self) -> str:
        """Runs the tests; pytest's last lines, '' if all passed."""
        if not self.tests:
            return ""
        arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "timeout=600", "--tb=short", *self.tests]
        done = self._python(arguments)
        return "" if done.returncode == 0 else done.stdout[-6000:] + done.stderr[-2000:]

    def fingerprint(self) -> dict[str, Any]:
        """What this machine makes of the same input."""
        told: dict[str, Any] = json.loads(self._said([str(HERE / "fingerprint.py"), *map(str, SAMPLES)]))
        return told

    def instructions(self) -> dict[str, int]:
        """Thousands for each stage of reading one photograph with one plate."""
        plugin, count = self._work / "count.so", self._work / "count"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", plugin, HERE / "count.c"], check=True, timeout=60)
        plug = ["-plugin", f"{plugin},count={count}"]
        said = self._said([str(HERE / "instructions.py"), str(count), str(SAMPLES[0])], plug)
        counted: dict[str, int] = json.loads(said)["instructions"]
        return {stage: round(count / 1000) for stage, count in counted.items()}

    def _said(self, arguments: list[str], options: list[str] | None = None) -> str:
        done = self._python(arguments, options)
        if done.returncode:
            raise SystemExit(
                f"{self.name}: {Path(arguments[0]).name} failed\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
            )
        return done.stdout

    def _python(self, arguments: list[str], options: list[str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [*self._command, *(options or []), trees.python(self._suite), *arguments]
        return subprocess.run(
            command, cwd=TREE, env=self._environment, capture_output=True, text=True, timeout=1200, check=False
        )


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """Where two fingerprints differ more than they may."""
    found = [
        f"{name} is {there['exact'].get(name)}, not {said}"
        for name, said in here["exact"].items()
        if there["exact"].get(name) != said
    ]
    found += unsteady(here["steps"], there["steps"])
    ours, theirs = _figures(here["close"]), _figures(there["close"])
    if ours.keys() != theirs.keys():
        return [*found, f"figures of {sorted(ours.keys() ^ theirs.keys())[:5]} are missing on one side"]
    return found + [
        f"{name} is {theirs[name]:.6g}, not {value:.6g}"
        for name, value in ours.items()
        if not math.isclose(value, theirs[name], rel_tol=CLOSE, abs_tol=CLOSE)
    ]


def unsteady(here: Mapping[str, Sequence[str]], there: Mapping[str, Sequence[str]]) -> list[str]:
    """Networks whose outputs differ by more than the ties that are known."""
    if here.keys() != there.keys():
        return [f"networks {sorted(here.keys() ^ there.keys())} are missing on one side"]
    found = []
    for name, outputs in here.items():
        for number, pair in enumerate(zip(outputs, there[name], strict=True)):
            ours, theirs = (np.frombuffer(zlib.decompress(base64.b64decode(said)), np.int8) for said in pair)
            steps = np.abs(ours.astype(int) - theirs)
            if steps.max() > 1 or np.count_nonzero(steps) > TIES.get(name, 0):
                share = f"{np.count_nonzero(steps)} of {len(steps)} outputs"
                found.append(f"{name}, input {number}: {share} differ, by up to {steps.max()}")
    return found


def _figures(value: Any, name: str = "") -> dict[str, float]:
    """Every number in nested lists and objects, by its path."""
    if isinstance(value, dict):
        parts = [(f"{name}/{key}", part) for key, part in value.items()]
    elif isinstance(value, list):
        parts = [(f"{name}/{index}", part) for index, part in enumerate(value)]
    else:
        return {name: float(value)}
    return {path: number for part_name, part in parts for path, number in _figures(part, part_name).items()}


def slower(counted: Mapping[str, int], recorded: Mapping[str, int]) -> list[str]:
    """The stages that take more instructions than the record says, and those that it does not know."""
    return [
        f"{stage} takes {count:,} thousand instructions, the record says {recorded.get(stage, 0):,}"
        for stage, count in counted.items()
        if count > recorded.get(stage, 0) * (1 + TOLERANCE)
    ]


def main() -> int:
    """Runs what the command line asks for; 0 if everything is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", nargs="+", default=["bookworm", "trixie"], choices=list(trees.SUITES))
    cores = [name for name in trees.PROCESSORS if name != "cortex-a7"]
    parser.add_argument("--processors", nargs="+", default=cores, choices=list(trees.PROCESSORS))
    parser.add_argument("--record", action="store_true", help="only count instructions, and write them down")
    parser.add_argument("--quick", action="store_true", help="compare and count, but leave the tests out")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    began = time.monotonic()
    trees.copy_tests(TREE)
    machines = []
    for place, name in enumerate(arguments.suites):
        suite = trees.SUITES[name]
        trees.prepare(suite)
        package = trees.build(suite.architecture, suite.triplet)
        # All tests take minutes: the first tree has them on the first processor, the next one on the last, which
        # calculates most differently.
        everything = arguments.processors[-place % len(arguments.processors)]
        for core in arguments.processors:
            tests = () if arguments.quick else TESTS if core == everything else CHOSEN
            machines.append(Machine(suite, trees.PROCESSORS[core], package, tests))
    print(f"[{time.monotonic() - began:3.0f} s] trees, wheels and kernel are there", flush=True)
    if arguments.record:
        return _record([machine for machine in machines if machine.name.startswith("bookworm")])
    command = [sys.executable, str(HERE / "fingerprint.py"), *map(str, SAMPLES)]
    here = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout)
    machines.sort(key=lambda machine: machine.tests is not TESTS)  # what takes longest comes first
    with ThreadPoolExecutor(arguments.jobs) as pool:
        return int(any(list(pool.map(lambda machine: _examine(machine, here, began), machines))))


def _examine(machine: Machine, here: Mapping[str, Any], began: float) -> bool:
    """Whether something is wrong with one machine; says what."""
    there = machine.fingerprint()
    if machine.name.startswith("armv7l"):  # another interpreter and another OpenCV: only what is read must be the same
        here = {
            "exact": {name: here["exact"][name] for name in ("texts", "regions", "labels")},
            "steps": {},
            "close": {},
        }
        there = {"exact": there["exact"], "steps": {}, "close": {}}
    wrong = [f"differs: {what}" for what in differences(here, there)]
    if machine.name.startswith("bookworm"):  # whose versions are pinned for good
        recorded = json.loads(RECORD.read_text("utf-8")).get(machine.name, {})
        counted = machine.instructions()
        wrong += [f"slower: {what}; if it must be, run 'make count-arm64'" for what in slower(counted, recorded)]
        print(f"{machine.name}: thousand instructions {counted}", flush=True)
    failed = machine.test()
    wrong += [failed] if failed else []
    print(f"[{time.monotonic() - began:3.0f} s] {machine.name}: {'; '.join(wrong) or 'all well'}", flush=True)
    return bool(wrong)


def _record(machines: list[Machine]) -> int:
    counts = {machine.name: machine.instructions() for machine in machines}
    RECORD.write_text(json.dumps(counts, indent=1) + "\n", "utf-8")
    print(RECORD.read_text("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
