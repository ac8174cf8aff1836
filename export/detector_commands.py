"""The detectors' commands: train the one of plates or the one of other texts, and pack it as the bundle that ships."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_ocr.types import Kind
from export import places, sittings

if TYPE_CHECKING:
    import argparse


def add_plate_detector(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``plate-detector``."""
    _add_arguments(parser, "plate-detector")


def run_plate_detector(args: argparse.Namespace) -> int:
    """Train the detector of plates, or go on training it, and pack it."""
    return _run(args, Kind.PLATE, "plate-detector")


def add_text_detector(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``text-detector``."""
    _add_arguments(parser, "text-detector")


def run_text_detector(args: argparse.Namespace) -> int:
    """Train the detector of words, or go on training it, and pack it."""
    return _run(args, Kind.SIGN, "text-detector")


def _add_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    places.add_arguments(parser)
    parser.add_argument("--minutes", type=float, required=True, help="of training in all, over every run")
    parser.add_argument("--out", type=Path, default=Path("edge_ocr/models") / name, help="the bundle to write")
    parser.add_argument("--start", type=Path, help="a float master (.onnx) whose weights to begin with")
    parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that compose scenes")
    parser.add_argument("--threads", type=int, default=1, help="cores for the network")


def _run(args: argparse.Namespace, kind: Kind, name: str) -> int:
    import torch  # noqa: PLC0415 - which other commands do without

    from export.detector import Plan, train  # noqa: PLC0415 - needs torch
    from export.detector_data import Folders  # noqa: PLC0415 - needs torch
    from export.detector_packing import pack  # noqa: PLC0415 - needs torch
    from export.synthetic import sign_fonts  # noqa: PLC0415 - needs the font libraries

    tools = places.tools_of(args)
    if kind is not Kind.PLATE:
        sign_fonts.fetch(args.cache / "fonts")
    torch.set_num_threads(args.threads)
    folders = Folders(args.data, args.cache / "fonts")
    plan = Plan(args.minutes, rate=args.rate, workers=args.workers, seed=args.seed)
    checkpoint = args.cache / f"{name}-{args.seed}.pt"
    command = f"python -m export {name} --minutes {args.minutes:g} --rate {args.rate:g} --seed {args.seed}"
    recipe = sittings.note(checkpoint, command, args.start)
    trained = train(kind, folders, plan, checkpoint, args.start)
    training = {"recipe": recipe, "seed": args.seed, "minutes": args.minutes, "scenes": trained.scenes}
    training["sittings"] = sittings.MEANING
    pack(kind, trained.net, folders, args.out, tools, training=training)
    print(f"wrote {args.out}")
    return 0
