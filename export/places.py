"""Where a training finds its data, keeps what can be made again, and has its other environments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from export.errors import ConversionError

if TYPE_CHECKING:
    import argparse

CACHE = Path("~/.cache/edge-ocr").expanduser()
"""Fonts, rendered strips and checkpoints; everything in it can be made again."""

HELD_BACK = 1_000_000
"""Added to a training's seed for renders that it never sees."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The environments of a packing: Pythons that hold TensorFlow, and tflite-runtime 2.14.

    Without the second, ``tflite`` None, nobody looks whether the two interpreters give the same.
    """

    converter: Path
    tflite: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --data, --cache, --converter, --tflite and --without-tflite."""
    converter, tflite = Path(".venv-convert/bin/python"), Path(".venv-tflite/bin/python")
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled photographs")
    parser.add_argument("--cache", type=Path, default=CACHE, help="for fonts, renders and checkpoints")
    parser.add_argument("--converter", type=Path, default=converter, help="Python with TensorFlow")
    parser.add_argument("--tflite", type=Path, default=tflite, help="Python with tflite-runtime 2.14")
    parser.add_argument("--without-tflite", action="store_true", help="leave the comparison with tflite-runtime out")


def tools_of(args: argparse.Namespace) -> Tools:
    """The environments that the arguments name; ask before a training, which takes hours.

    Raises:
        ConversionError: one is not there.

    """
    if not args.converter.is_file():
        raise ConversionError(f"{args.converter} is not there to convert with; run 'make .venv-convert/ready'")
    if args.without_tflite:
        return Tools(args.converter, None)
    if not args.tflite.is_file():
        cure = "run 'make .venv-tflite/ready', or leave the comparison out with --without-tflite"
        raise ConversionError(f"{args.tflite} is not there to compare the interpreters with; {cure}")
    return Tools(args.converter, args.tflite)
