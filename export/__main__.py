"""``python -m export COMMAND``: render, train, convert and measure the bundles that ship."""

from __future__ import annotations

import argparse
import sys

from export import commands, convert, evaluate_clips, evaluate_detector, evaluate_frames, evaluate_vote, samples

_COMMANDS = {
    "sheet": ("draw a contact sheet of rendered strips", commands.add_sheet, commands.run_sheet),
    "plate": ("train and pack the plate recogniser", commands.add_plate, commands.run_plate),
    "evaluate": ("measure a recogniser's bundle on photographs", commands.add_evaluate, commands.run_evaluate),
    "evaluate-frames": ("measure read on labelled frames", evaluate_frames.add_arguments, evaluate_frames.run),
    "evaluate-clips": ("measure watch on labelled clips", evaluate_clips.add_arguments, evaluate_clips.run),
    "evaluate-vote": ("measure the vote on several looks", evaluate_vote.add_arguments, evaluate_vote.run),
    "evaluate-detector": ("measure the detector", evaluate_detector.add_arguments, evaluate_detector.run),
    "samples": ("make the samples that `make run` reads", samples.add_arguments, samples.run),
    "convert": ("turn an ONNX master into a TFLite file", convert.add_arguments, convert.run),
}


def main() -> int:
    """Run one command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m export", description=__doc__)
    choices = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (summary, add_arguments, run) in _COMMANDS.items():
        command = choices.add_parser(name, help=summary, description=summary)
        add_arguments(command)
        command.set_defaults(run=run)
    args = parser.parse_args()
    return int(args.run(args))


if __name__ == "__main__":
    sys.exit(main())
