"""Measure what each preprocessing step gains or costs: ``python -m export preprocess --data DIR``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_ocr.bundle import load_bundle
from edge_ocr.grammar import load_regions, plate_grammar
from edge_ocr.preprocess import STEPS
from edge_ocr.recognise import Recogniser
from export import evaluate
from export.photographs import FOLDERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from edge_ocr.bundle import Bundle
    from edge_ocr.types import Image
    from export.photographs import Folder

_ROUNDS = 50


def rows(bundle: Bundle, data: Path, folders: tuple[Folder, ...] = FOLDERS) -> Iterator[str]:
    """The table, row by row, in Markdown: exact texts with formats, without a step and with each alone.

    Args:
        bundle: to recognise plates.
        data: the folder that holds the folders.
        folders: what to measure on.

    """
    yield "| step | " + " | ".join(folder.name for folder in folders) + " | ms a strip |"
    yield "|---" * (len(folders) + 2) + "|"
    plain = [right(bundle, data, folder, ()) for folder in folders]
    yield "| none | " + " | ".join(f"{share:.1%}" for share in plain) + " | |"
    for name, step in STEPS.items():
        shares = [right(bundle, data, folder, (name,)) for folder in folders]
        changes = " | ".join(f"{100 * (share - before):+.1f}" for share, before in zip(shares, plain, strict=True))
        yield f"| {name} | {changes} | {milliseconds(step):.2f} |"


def right(bundle: Bundle, data: Path, folder: Folder, steps: tuple[str, ...]) -> float:
    """The share of a folder's crops that is read exactly, 0..1, with some steps before the recogniser."""
    recogniser = Recogniser(bundle, preprocess=steps)
    grammar = plate_grammar(load_regions([folder.region]), recogniser.alphabet)
    looks = evaluate.look(recogniser, grammar, data, folder, loose=False)  # the band is a step itself
    return evaluate.score(looks, grammar, folder).constrained.exact


def milliseconds(step: Callable[[Image], Image]) -> float:
    """What a step takes of the processor for a strip of 160x48, the mean of many."""
    strip = np.random.default_rng(0).integers(0, 256, (48, 160), np.uint8)
    start = time.process_time()
    for _ in range(_ROUNDS):
        step(strip)
    return (time.process_time() - start) / _ROUNDS * 1e3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    default = Path(__file__).parents[1] / "edge_ocr" / "models" / "plate"
    parser.add_argument("--bundle", type=Path, default=default, help="the recogniser (default: the shipped one)")
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the folders of photographs")


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    for row in rows(load_bundle(args.bundle, task="recognise"), args.data):
        print(row, flush=True)
    return 0
