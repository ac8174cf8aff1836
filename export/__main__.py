"""``python -m export COMMAND``: render, train, convert and measure the bundles that ship."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from edge_ocr.errors import EdgeOcrError
from export import (
    confusions,
    convert,
    detector_commands,
    evaluate_clips,
    evaluate_detector,
    evaluate_frames,
    evaluate_vote,
    evaluate_watch,
    evaluate_words,
    measure_words,
    peers,
    places,
    preprocessing,
    recogniser_commands,
    samples,
    sign_commands,
    vocabulary,
    word_peers,
)
from export.errors import ExportError
from export.experiments import commands as experiments

if TYPE_CHECKING:
    from collections.abc import Sequence

_RECOGNISER_SHARE = 0.6
"""Of the minutes that ``plates`` is given."""


def add_plates(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``plates``."""
    places.add_arguments(parser)
    parser.add_argument("--minutes", type=float, required=True, help="of training in all, over every run")


def run_plates(args: argparse.Namespace) -> int:
    """Make both bundles that plates need, one after the other, with their commands' own defaults."""
    shared = ["--data", args.data, "--cache", args.cache, "--converter", args.converter, "--tflite", args.tflite]
    shared += ["--without-tflite"] if args.without_tflite else []
    for name, share in (("plate", _RECOGNISER_SHARE), ("plate-detector", 1 - _RECOGNISER_SHARE)):
        code = main([name, "--minutes", f"{share * args.minutes:g}", *map(str, shared)])
        if code:
            return code
    return 0


_COMMANDS = {
    "plates": ("train and pack both bundles that plates need", add_plates, run_plates),
    "sheet": ("draw a contact sheet of rendered strips", recogniser_commands.add_sheet, recogniser_commands.run_sheet),
    "plate": ("train and pack the plate recogniser", recogniser_commands.add_plate, recogniser_commands.run_plate),
    "plate-detector": (
        "train and pack the plate detector",
        detector_commands.add_plate_detector,
        detector_commands.run_plate_detector,
    ),
    "text-detector": (
        "train and pack the detector of words",
        detector_commands.add_text_detector,
        detector_commands.run_text_detector,
    ),
    "evaluate": (
        "measure a recogniser's bundle on photographs",
        recogniser_commands.add_evaluate,
        recogniser_commands.run_evaluate,
    ),
    "evaluate-frames": ("measure read on labelled frames", evaluate_frames.add_arguments, evaluate_frames.run),
    "word-peers": ("read the same words beside other recognisers", word_peers.add_arguments, word_peers.run),
    "peers": ("read a picture here and by other readers", peers.add_arguments, peers.run),
    "evaluate-watch": (
        "measure what watching costs, and how soon it tells",
        evaluate_watch.add_arguments,
        evaluate_watch.run,
    ),
    "evaluate-clips": ("measure watch on labelled clips", evaluate_clips.add_arguments, evaluate_clips.run),
    "evaluate-vote": ("measure the vote on several looks", evaluate_vote.add_arguments, evaluate_vote.run),
    "evaluate-detector": ("measure the detector", evaluate_detector.add_arguments, evaluate_detector.run),
    "variants": ("measure each kind of conversion", recogniser_commands.add_variants, recogniser_commands.run_variants),
    "compare": ("train and measure other heads", recogniser_commands.add_compare, recogniser_commands.run_compare),
    "sign": ("train and pack the sign recogniser", sign_commands.add_sign, sign_commands.run_sign),
    "sign-sheet": ("draw rendered strips of signs", sign_commands.add_sheet, sign_commands.run_sheet),
    "evaluate-words": ("measure a recogniser of words on crops", evaluate_words.add_arguments, evaluate_words.run),
    "vocabulary": ("compile a language's words", vocabulary.add_arguments, vocabulary.run),
    "measure-words": ("measure word lists", measure_words.add_arguments, measure_words.run),
    "confusions": ("count what the recogniser exchanges", confusions.add_arguments, confusions.run),
    "experiments": ("the classic experiments on MNIST", experiments.add_arguments, experiments.run),
    "preprocess": ("measure each preprocessing step", preprocessing.add_arguments, preprocessing.run),
    "samples": ("make the samples that `make run` reads", samples.add_arguments, samples.run),
    "convert": ("turn an ONNX master into a TFLite file", convert.add_arguments, convert.run),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m export", description=__doc__)
    choices = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (summary, add_arguments, run) in _COMMANDS.items():
        command = choices.add_parser(name, help=summary, description=summary)
        add_arguments(command)
        command.set_defaults(run=run)
    args = parser.parse_args(arguments)
    try:
        return int(args.run(args))
    except (ExportError, EdgeOcrError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
