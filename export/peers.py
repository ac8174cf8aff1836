"""A whole picture read here and by other readers, in turn: CPU time and memory, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.errors import PeerError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_ROUNDS = 8  # after two that load and warm up; the median counts
_LIMIT_SECONDS = 300.0

_MEASURE = f"""
import json, statistics, sys, time
import cv2
cv2.setNumThreads(1)
image = cv2.imread(sys.argv[1])
{{reader}}
taken = []
for _ in range({_ROUNDS + 2}):
    begun = time.process_time()
    texts = read()
    taken.append(time.process_time() - begun)
# getrusage would count what this process was forked from.
(memory,) = (int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM'))
print(json.dumps([statistics.median(taken[2:]) * 1e3, memory / 1024, texts]))
"""

READERS = {
    "edge-ocr": """
from edge_ocr.reader import Reader
reader = Reader()
read = lambda: [reading.text for reading in reader.read(image)]
""",
    "rapidocr-onnxruntime": """
from rapidocr_onnxruntime import RapidOCR
reader = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
read = lambda: [line[1] for line in reader(image)[0] or []]
""",
}
"""How each reader is made and asked, on one thread; ours goes first."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one picture took: ``milliseconds`` of CPU, ``megabytes`` resident at most, and the ``texts`` found."""

    milliseconds: float
    megabytes: float
    texts: list[str]


def cost(name: str, python: Path, picture: Path) -> Cost:
    """Read one picture again and again in another process.

    Args:
        name: one of READERS.
        python: of an environment that has this reader.
        picture: as a file that OpenCV reads.

    Raises:
        PeerError: the reader is not installed there, or fails.

    """
    program = _MEASURE.format(reader=READERS[name])
    return Cost(*ask(name, python, program, [str(picture)], limit=_LIMIT_SECONDS))


def ask(name: str, python: Path, program: str, arguments: Sequence[str], *, limit: float) -> Any:
    """Run a program in another process, and give what its last line says, as JSON.

    Args:
        name: of the reader, for messages.
        python: of an environment that has it.
        program: its source.
        arguments: what it finds in ``sys.argv[1:]``.
        limit: seconds until it is stopped.

    Raises:
        PeerError: the reader is not installed there, fails, or is not done in time.

    """
    command = [str(python), "-W", "ignore", "-c", program, *arguments]
    cure = "name a Python that has it with --python"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except OSError as error:
        raise PeerError(f"{name} does not run under {python}: {error.strerror}; {cure}") from error
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"{name} is not done after {limit:.0f} seconds; give it fewer or smaller pictures") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise PeerError(f"{name} does not run under {python}: {said}; {cure}")
    return json.loads(done.stdout.splitlines()[-1])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("picture", type=Path, help="to read")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="of the peers' environment")
    parser.add_argument("--json", action="store_true", help="a line for each, for docs/measured/peers.jsonl")


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    ours, *others = READERS
    here = cost(ours, Path(sys.executable), args.picture)
    if args.json:
        found = {ours: here, **{name: cost(name, args.python, args.picture) for name in others}}
        for name, one in found.items():
            print(json.dumps({"picture": args.picture.name, "reader": name, **asdict(one)}))
        return 0
    print(f"{ours}: {here.milliseconds:.1f} ms, {here.megabytes:.0f} MB, {here.texts}")
    for name in others:
        there = cost(name, args.python, args.picture)
        times, more = there.milliseconds / here.milliseconds, there.megabytes / here.megabytes
        print(f"{name}: {there.milliseconds:.1f} ms ({times:.1f} times), ", end="")
        print(f"{there.megabytes:.0f} MB ({more:.1f} times), {there.texts}")
    return 0
