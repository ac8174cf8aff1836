"""The sign recogniser's commands: a contact sheet, and render, train and pack for any alphabet and typefaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from export import places

if TYPE_CHECKING:
    import argparse


def add_sign(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``sign``."""
    places.add_arguments(parser)
    parser.add_argument("--minutes", type=float, required=True, help="of training in all, over every run")
    parser.add_argument("--out", type=Path, default=Path("edge_ocr/models/sign"), help="the bundle to write")
    parser.add_argument("--shards", type=int, default=100, help="of 6,000 rendered strips each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="cores to use")


def run_sign(args: argparse.Namespace) -> int:
    """Render, train and pack; what an earlier run left is used."""
    from export import sign_packing, signs  # noqa: PLC0415 - needs torch, which other commands do without
    from export.synthetic import sign_fonts, sign_strips  # noqa: PLC0415 - needs the font libraries

    fonts, shards = args.cache / "fonts", args.cache / "signs"
    sign_fonts.fetch(fonts)
    sign_strips.render_shards(shards, sign_strips.studio(fonts, args.data), seed=args.seed, count=args.shards)
    recipe = signs.Recipe(
        shards=shards,
        out=args.cache / f"sign-{args.seed}",
        minutes=args.minutes,
        seed=args.seed,
        threads=args.threads,
        data=args.data,
    )
    checkpoint = signs.train(recipe)
    told = f"python -m export sign --minutes {args.minutes:g} --shards {args.shards} --seed {args.seed}"
    sign_packing.pack(checkpoint, recipe, args.out, places.tools_of(args), training={"recipe": told})
    print(f"wrote {args.out}")
    return 0


def add_sheet(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``sign-sheet``."""
    parser.add_argument("picture", type=Path, help="to write")
    parser.add_argument("--data", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--cache", type=Path, default=places.CACHE)
    parser.add_argument("--seed", type=int, default=1)


def run_sheet(args: argparse.Namespace) -> int:
    """Draw rendered strips, to look at what a training sees."""
    from export.synthetic import sign_fonts, sign_strips  # noqa: PLC0415 - needs the font libraries

    fonts = args.cache / "fonts"
    sign_fonts.fetch(fonts)
    sign_strips.contact_sheet(sign_strips.studio(fonts, args.data), args.picture, seed=args.seed)
    return 0
