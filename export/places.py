"""Where a training finds its data, keeps what can be made again, and has its other environments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

CACHE = Path("~/.cache/edge-ocr").expanduser()
"""Fonts, rendered strips and checkpoints; everything in it can be made again."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The environments of a packing: Pythons that hold TensorFlow, and tflite-runtime 2.14 (None leaves it out)."""

    converter: Path
    tflite: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --data, --cache, --converter and --tflite."""
    converter, tflite = Path(".venv-convert/bin/python"), Path(".venv-tflite/bin/python")
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled photographs")
    parser.add_argument("--cache", type=Path, default=CACHE, help="for fonts, renders and checkpoints")
    parser.add_argument("--converter", type=Path, default=converter, help="Python with TensorFlow")
    parser.add_argument("--tflite", type=Path, default=tflite, help="Python with tflite-runtime 2.14")


def tools_of(args: argparse.Namespace) -> Tools:
    """The environments that the arguments name; a comparison of interpreters is left out where there is but one."""
    if not args.tflite.is_file():
        print(f"{args.tflite} is not there: the interpreters are not compared; 'make .venv-tflite/ready' makes it")
        return Tools(args.converter, None)
    return Tools(args.converter, args.tflite)
