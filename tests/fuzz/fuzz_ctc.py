"""Fuzzes the CTC decoder: `python tests/fuzz/fuzz_ctc.py --seconds N`.

Four fifths of the time libFuzzer drives the C algorithm, compiled with clang's sanitizers for addresses and undefined
behaviour (fuzz_kernel.c; needs Debian's clang). One fifth goes through the Python border: arguments of every shape,
type, layout and value, of which each must be decoded, or refused by an error that names it. Both print how often they
ran; the exit code is 0 if neither found anything. What libFuzzer finds lies in the folder that is printed.
"""

from __future__ import annotations

import argparse
import math
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr import ctc
from edge_ocr.types import Automaton, Hypothesis, QuantisedLogits

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = re.compile(r"log_probs|lengths|blank|beam_width|top|prune|automaton|labels")
"""What a refusal must mention."""


def fuzz_kernel(seconds: int, folder: Path) -> int:
    """Builds the libFuzzer program and lets it run; returns its exit code."""
    clang = shutil.which("clang")
    if clang is None:
        sys.exit("clang is missing, which has libFuzzer: apt install clang, or pass --border to fuzz only the border")
    program, libraries = folder / "fuzz_kernel", sysconfig.get_config_var("LIBDIR")
    sanitizers = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined"]
    include, version = sysconfig.get_path("include"), sysconfig.get_config_var("LDVERSION")
    source = str(Path(__file__).with_name("fuzz_kernel.c"))
    python = [f"-I{include}", f"-L{libraries}", f"-Wl,-rpath,{libraries}", f"-lpython{version}"]
    flags = ["-g", "-O2", "-std=c11", "-ffp-contract=off", "-DPy_LIMITED_API=0x030b0000", *sanitizers]
    subprocess.run([clang, *flags, source, "-o", str(program), *python], check=True)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    options = [f"-max_total_time={seconds}", "-max_len=1024", "-len_control=0", "-print_final_stats=1", "-verbosity=0"]
    return subprocess.run([str(program), *options, f"-artifact_prefix={folder}/", str(corpus)], check=False).returncode


def fuzz_border(seconds: float, seed: int) -> int:
    """Calls the three functions with anything; returns how often. Raises on what should not have happened."""
    random = np.random.default_rng(seed)
    runs = refused = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        runs += 1
        arguments = (_log_probs(random), _options(random))
        try:
            _decode(random, *arguments)
        except (ValueError, TypeError) as refusal:
            refused += 1
            if not NAMES.search(str(refusal)):
                raise AssertionError(f"the refusal of {arguments} names no argument") from refusal
        except MemoryError:
            refused += 1
    sys.stdout.write(f"border: {runs} runs, {refused} refused, seed {seed}\n")
    return runs


def _decode(random: np.random.Generator, log_probs: Any, options: dict[str, Any]) -> None:
    found = [ctc.greedy(log_probs, **options)]
    width = _pick(random, [1, 2, 10, 100, 5000], [0, -1, 65536, 10**9, 2**70, None, 1.5, "3"])
    top = _pick(random, [1, 1, min(3, width) if isinstance(width, int) else 1], [0, 7, 10**9, "x", None])
    prune = _pick(random, [0.0, 0.001, 0.3], [1.0, -1.0, math.nan, math.inf, "0", None])
    found.append(ctc.beam_search(log_probs, width, top, _automaton(random), prune=prune, **options))
    scores = ctc.score(log_probs, _labels(random), **options)
    if np.isnan(scores).any() or np.any(np.asarray(scores) == math.inf):
        raise AssertionError(f"score {scores} of {log_probs}")
    for hypothesis in _flatten(found):
        if not (hypothesis.log_prob <= 1.0 and len(hypothesis.labels) == len(hypothesis.steps)):
            raise AssertionError(f"{hypothesis} from {log_probs}")


def _flatten(found: Any) -> Sequence[Hypothesis]:
    return [found] if isinstance(found, Hypothesis) else [leaf for part in found for leaf in _flatten(part)]


def _pick(random: np.random.Generator, good: list[Any], bad: list[Any]) -> Any:
    """One of the good values, or, one time in a hundred, of the bad ones."""
    pool = bad if random.random() < 0.01 else good
    return pool[random.integers(len(pool))]


def _log_probs(random: np.random.Generator) -> Any:
    shape = (int(random.integers(0, 12)), int(_pick(random, [8, 9, 13, 37], [1, 2, 5])))
    shape = _pick(random, [shape, (int(random.integers(0, 4)), *shape)], [(), (3,), (1, 1, 1, 1), (4, 0), (0, 0)])
    logits = random.normal(size=shape) * _pick(random, [0.1, 1.0, 10.0, 300.0], [1e30])
    if logits.size:
        logits = logits - logits.max(-1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
        for value in (math.nan, math.inf, -math.inf, 1.0, -3e38):
            if random.random() < 0.005:
                logits.flat[random.integers(logits.size)] = value
    array: Any = np.asarray(logits).astype(
        _pick(random, [np.float32], [np.float64, np.float16, ">f4", np.int8, object])
    )
    layouts = [array, np.asfortranarray(array)]
    if array.ndim:
        layouts += [array[..., ::-1], array.repeat(2, -1)[..., ::2]]
    array = _pick(random, layouts, [array.tolist()])
    if random.random() < 0.3:
        values = random.integers(-128, 128, shape, np.int8)
        scale = _pick(random, [0.05, 0.5, 40.0], [0.0, -1.0, math.nan, math.inf, 1e-40, "1", None])
        zero_point = _pick(random, [-128, 0, 127], [128, -129, 0.5, None])
        temperature = _pick(random, [1.0, 2.5], [0.0, -1.0, math.nan, 1e-300, [], None])
        return QuantisedLogits(_pick(random, [values], [array, None]), scale, zero_point, temperature)
    return array


def _options(random: np.random.Generator) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if random.random() < 0.5:
        options["blank"] = _pick(random, [0, 0, 1], [-1, 9, 2**70, None, "0", 0.5])
    if random.random() < 0.05:
        options["lengths"] = _pick(
            random, [None, [0], [1, 2], np.array([1, 0, 1])], [[-1], ["a"], 5, [2**70], object()]
        )
    return options


def _labels(random: np.random.Generator) -> Any:
    def text() -> tuple[Any, ...]:
        return tuple(_pick(random, [2, 3], [0, 1, 50, -1, 2**70, None, "a", 1.5]) for _ in range(random.integers(0, 6)))

    return _pick(random, [text(), [text() for _ in range(random.integers(0, 4))]], [None, "AB", 3, [[[1]]], {1: 2}])


def _automaton(random: np.random.Generator) -> Any:
    if random.random() < 0.4:
        return _pick(random, [None], ["x", 3, [], {}])
    states = int(random.integers(1, 6))
    rows = [np.flatnonzero(random.random(6) < 0.5) + 2 for _ in range(states)]
    labels = np.concatenate(rows).astype(np.int32)
    arrays: dict[str, Any] = {
        "offsets": np.cumsum([0, *map(len, rows)]).astype(np.int32),
        "labels": labels,
        "targets": random.integers(0, states, len(labels)).astype(np.int32),
        "weights": (random.normal(size=len(labels)) * _pick(random, [0.0, 2.0, 80.0], [1e30])).astype(np.float32),
        "accept": np.where(random.random(states) < 0.5, 0.0, -math.inf).astype(np.float32),
    }
    name = _pick(random, [None], list(arrays))
    if name is not None:
        array = arrays[name]
        if len(array) and random.random() < 0.7:
            array = array.copy()
            array[random.integers(len(array))] = random.choice([-(2**31), -1, 0, 1, 7, 2**31 - 1])
        else:
            array = _pick(
                random, [array[:-1], array[None], array[::-1], array.astype(np.float64), array.tolist()], [None]
            )
        arrays[name] = array
    return Automaton(**arrays)


def main() -> int:
    """Parses the command line and runs both halves."""
    parser = argparse.ArgumentParser(description="fuzz the CTC decoder")
    parser.add_argument("--seconds", type=int, default=60, help="how long in all (default 60)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="of the border's half")
    parser.add_argument("--border", action="store_true", help="only the Python border: needs no clang")
    parser.add_argument("--folder", type=Path, help="keeps program, corpus and findings (default: a new temporary one)")
    options = parser.parse_args()
    with np.errstate(all="ignore"):
        fuzz_border(options.seconds if options.border else options.seconds / 5, options.seed)
    if options.border:
        return 0
    folder = options.folder or Path(tempfile.mkdtemp(prefix="fuzz-ctc-"))
    folder.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"kernel: program, corpus and findings in {folder}\n")
    sys.stdout.flush()
    return fuzz_kernel(options.seconds * 4 // 5, folder)


if __name__ == "__main__":
    sys.exit(main())
