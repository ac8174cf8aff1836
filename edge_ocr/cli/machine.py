"""`edge-ocr doctor` and `bench`: what this machine has and lacks, and how fast it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from edge_ocr import arguments, output
from edge_ocr.cli.flags import command
from edge_ocr.cli.terminal import GOOD, NOTHING_READ, say
from edge_ocr.errors import printable

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare the commands."""
    doctor = command(commands, "doctor", _doctor, "say what this machine has and lacks")
    doctor.add_argument("--privacy", action="store_true", help="say instead what is kept of a plate")
    doctor.add_argument("--config", type=arguments.path, metavar="FILE", help="the settings that --privacy speaks of")
    command(commands, "bench", _bench, "time every stage, and the decoder beside others, on this machine")


def _doctor(args: argparse.Namespace) -> int:
    from edge_ocr import doctor  # noqa: PLC0415

    if args.privacy:
        return _privacy(args)
    findings = doctor.examine()
    style = output.Style.of(sys.stdout)
    if args.json:
        for finding in findings:
            say(output.json_line(finding.as_json()))
    else:
        for text, ok in doctor.report(findings):
            say(style.paint(text, None if ok else "yellow"))
    return GOOD if doctor.can_read(findings) else NOTHING_READ


def _privacy(args: argparse.Namespace) -> int:
    from edge_ocr import config, privacy  # noqa: PLC0415

    settings = config.Settings() if args.config is None else config.load(args.config)
    for topic, said in privacy.statement(settings):
        say(output.json_line({"topic": topic, "kept": said}) if args.json else f"{topic:<14}  {printable(said)}")
    return GOOD


def _bench(args: argparse.Namespace) -> int:
    from edge_ocr import bench  # noqa: PLC0415

    code: int = bench.main(as_json=args.json)
    return code
