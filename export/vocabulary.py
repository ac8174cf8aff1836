"""Compile a language's words: ``python -m export vocabulary WORDS FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_ocr import vocabulary
from edge_ocr.words import read_names

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("words", type=Path, help="one word a line, in UTF-8, such as /usr/share/dict/american-english")
    parser.add_argument("file", type=Path, help=f"to write, {vocabulary.SUFFIX}; edge-ocr read --language takes it")


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    made = vocabulary.compile_vocabulary(read_names(args.words), args.file)
    print(f"{len(made.lengths):,} states, {len(made.labels):,} edges, {args.file.stat().st_size:,} bytes")
    return 0
