"""The recogniser's commands: render a contact sheet, train and pack the plate bundle, evaluate it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_ocr.bundle import load_bundle
from export import places

if TYPE_CHECKING:
    import argparse


def add_plate(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``plate``."""
    places.add_arguments(parser)
    parser.add_argument("--minutes", type=float, required=True, help="of training in all, over every run")
    parser.add_argument("--out", type=Path, default=Path("edge_ocr/models/plate"), help="the bundle to write")
    parser.add_argument("--shards", type=int, default=70, help="of 9,000 rendered strips each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="cores to use")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="the highest learning rate")
    parser.add_argument("--start", type=Path, help="a checkpoint or a model.onnx whose weights to begin with")


def run_plate(args: argparse.Namespace) -> int:
    """Render, train and pack; what an earlier run left is used."""
    from export import packing, recogniser  # noqa: PLC0415 - needs torch, which other commands do without
    from export.synthetic import strips  # noqa: PLC0415 - needs the font libraries

    shards, run = args.cache / "strips", args.cache / f"plate-{args.seed}"
    fonts = args.cache / "fonts"
    strips.render_shards(shards, fonts=fonts, data=args.data, seed=args.seed, count=args.shards, workers=args.threads)
    checkpoint = recogniser.train(
        shards=shards,
        data=args.data,
        out=run,
        minutes=args.minutes,
        seed=args.seed,
        threads=args.threads,
        rate=args.rate,
        start=args.start,
    )
    options = f"--minutes {args.minutes:g} --threads {args.threads} --rate {args.rate:g} --seed {args.seed}"
    recipe = f"python -m export plate {options}"
    training = {"recipe": recipe if args.start is None else f"{recipe} --start {args.start.name}"}
    packing.pack(checkpoint, shards, args.data, args.out, places.tools_of(args), training=training)
    print(f"wrote {args.out}")
    return 0


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``evaluate``."""
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    parser.add_argument("folder", type=Path, help="of labelled photographs: labels.csv and images/")
    parser.add_argument("--region", help="formats in the search, separated by commas; the folder's own if it is known")
    parser.add_argument("--sheet", type=Path, help="draw the failures into this picture")


def run_evaluate(args: argparse.Namespace) -> int:
    """Print what a bundle reads of a folder."""
    from export import evaluate, photographs  # noqa: PLC0415 - keeps the other commands quick

    known = {folder.name: folder for folder in photographs.FOLDERS}
    folder = known.get(args.folder.name, photographs.Folder(args.folder.name, args.region or "eu"))
    regions = args.region.split(",") if args.region else None
    bundle = load_bundle(args.bundle, task="recognise")
    result = evaluate.evaluate(bundle, args.folder.parent, folder, regions=regions)
    print("\n".join(result.lines()))
    if args.sheet is not None:
        print(f"{evaluate.sheet(result, args.sheet)} failures, drawn in {args.sheet}")
    return 0


def add_sheet(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``sheet``."""
    parser.add_argument("picture", type=Path, help="to write")
    parser.add_argument("--cache", type=Path, default=places.CACHE)
    parser.add_argument("--seed", type=int, default=1)


def run_sheet(args: argparse.Namespace) -> int:
    """Draw a contact sheet of rendered strips with their labels."""
    from export.synthetic import strips  # noqa: PLC0415 - needs the font libraries

    strips.contact_sheet(args.cache / "fonts", args.picture, seed=args.seed)
    return 0
