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
    parser.add_argument("--quantised", type=float, default=0.25, help="share of the minutes that learns to be int8")
    parser.add_argument("--start", type=Path, help="a checkpoint or a model.onnx whose weights to begin with")


def run_plate(args: argparse.Namespace) -> int:
    """Render, train and pack; what an earlier run left is used."""
    from export import packing, recogniser, sittings  # noqa: PLC0415 - needs torch, which other commands do without
    from export.synthetic import strips  # noqa: PLC0415 - needs the font libraries

    tools = places.tools_of(args)
    shards, run = args.cache / "strips", args.cache / f"plate-{args.seed}"
    fonts = args.cache / "fonts"
    strips.render_shards(shards, fonts=fonts, data=args.data, seed=args.seed, count=args.shards, workers=args.threads)
    held = held_back(args.cache, args.seed)
    pace = f"--minutes {args.minutes:g} --quantised {args.quantised:g} --threads {args.threads} --rate {args.rate:g}"
    command = f"python -m export plate {pace} --shards {args.shards} --seed {args.seed}"
    recipe = sittings.note(run / "checkpoint.pt", command, args.start)
    checkpoint = recogniser.train(
        shards=shards,
        data=args.data,
        out=run,
        minutes=args.minutes,
        seed=args.seed,
        threads=args.threads,
        rate=args.rate,
        start=args.start,
        quantised=args.quantised,
        held=held,
    )
    training = {"recipe": recipe, "seed": args.seed, "sittings": sittings.MEANING}
    packing.pack(checkpoint, held, args.data, args.out, tools, training=training)
    print(f"wrote {args.out}")
    return 0


def held_back(cache: Path, seed: int) -> Path:
    """The shard of renders that the training of a seed does not see; rendered if it is not there yet."""
    from export.synthetic import strips  # noqa: PLC0415 - needs the font libraries

    (held,) = strips.render_shards(
        cache / "held", fonts=cache / "fonts", data=None, seed=seed + places.HELD_BACK, count=1, workers=1
    )
    return held


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


def add_variants(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``variants``."""
    places.add_arguments(parser)
    parser.add_argument("bundle", type=Path, help="folder that holds model.onnx")
    parser.add_argument("--peer", type=Path, action="append", default=[], help="ONNX file of another recogniser")
    parser.add_argument("--seed", type=int, default=1, help="of the held-back renders, as in `plate`")


def run_variants(args: argparse.Namespace) -> int:
    """Print what each kind of conversion costs and reads."""
    from export.variants import variants  # noqa: PLC0415 - needs torch, which other commands do without

    print("| file | bytes | greedy, all folders | CPU a crop |\n|---|---|---|---|")
    for variant in variants(args.bundle, held_back(args.cache, args.seed), args.data, args.converter, args.peer):
        print(variant.row())
    return 0


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``compare``."""
    places.add_arguments(parser)
    parser.add_argument("master", type=Path, metavar="MASTER.onnx", help="of the recogniser whose convolutions to use")
    parser.add_argument("--seconds", type=float, default=90, help="of CPU time that each head learns")
    parser.add_argument("--shards", type=int, default=6, help="of rendered strips")
    parser.add_argument("--seed", type=int, default=1)


def run_compare(args: argparse.Namespace) -> int:
    """Print the table of the recogniser's alternatives."""
    import torch  # noqa: PLC0415 - other commands do without

    from export.compare import HEADER, compare  # noqa: PLC0415 - the same
    from export.synthetic import strips  # noqa: PLC0415 - needs the font libraries

    torch.set_num_threads(1)
    shards = strips.render_shards(
        args.cache / "strips", fonts=args.cache / "fonts", data=args.data, seed=args.seed, count=args.shards, workers=1
    )
    held = held_back(args.cache, args.seed)
    print(HEADER)
    compare(args.master, [*shards, held], args.data, args.converter, seconds=args.seconds, seed=args.seed)
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
