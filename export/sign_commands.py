"""The sign recogniser's commands: a contact sheet, and render, train and pack for any alphabet and typefaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from export import places

if TYPE_CHECKING:
    import argparse

    from export.synthetic.sign_boards import Studio

_MODELS = Path("edge_ocr/models")
_HELD_BACK = 1_500
_SCRIPT_LICENCE = {"weights": "of whoever trained them", "fonts": "of the folder that was given, drawn, not contained"}


def add_sign(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``sign``."""
    places.add_arguments(parser)
    parser.add_argument("--minutes", type=float, required=True, help="of training in all, over every run")
    out = f"the bundle to write (default: {_MODELS}/sign, or sign- and the name of --alphabet's file beside it)"
    parser.add_argument("--out", type=Path, help=out)
    parser.add_argument("--shards", type=int, default=100, help="of 6,000 rendered strips each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="cores to use")
    parser.add_argument("--start", type=Path, help="a float master (.onnx) whose weights to begin with")
    parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--alphabet", type=Path, help="a file with the characters of another script, in UTF-8")
    parser.add_argument("--fonts", type=Path, help="a folder with typefaces of that script")
    parser.add_argument(
        "--gap", type=float, help="heights between characters that a detector of Latin words takes for two lines (1.0)"
    )
    parser.add_argument("--words", type=Path, help="words or names in that script, one a line; made up without them")


def run_sign(args: argparse.Namespace) -> int:
    """Render, train and pack; what an earlier run left is used."""
    from export import sign_packing, signs, sittings  # noqa: PLC0415 - needs torch, which other commands do without
    from export.synthetic import sign_strips  # noqa: PLC0415 - needs the font libraries

    if (args.alphabet is None) != (args.fonts is None):
        print("--alphabet and --fonts go together: the characters of a script, and typefaces that have them")
        return 2
    tools = places.tools_of(args)
    name = "sign" if args.alphabet is None else f"sign-{args.alphabet.stem}"
    out = args.out or _MODELS / name
    shards, apart = args.cache / f"{name}s", args.cache / f"{name}s-held-back"
    studio, characters = _studio(args)
    sign_strips.render_shards(shards, studio, seed=args.seed, count=args.shards, alphabet=characters)
    (held,) = sign_strips.render_shards(
        apart, studio, seed=args.seed + places.HELD_BACK, count=1, size=_HELD_BACK, alphabet=characters
    )
    recipe = signs.Recipe(
        shards=shards,
        out=args.cache / f"{name}-{args.seed}",
        minutes=args.minutes,
        seed=args.seed,
        threads=args.threads,
        data=args.data if args.alphabet is None else None,
        alphabet=characters,
        held=held,
        rate=args.rate,
        start=args.start,
        gap=args.gap,
        language="en" if args.alphabet is None else None,
    )
    told = sittings.note(recipe.out / "checkpoint.pt", _command(args), args.start)
    training = {"recipe": told, "sittings": sittings.MEANING}
    checkpoint = signs.train(recipe)
    licence = None if args.alphabet is None else _SCRIPT_LICENCE
    sign_packing.pack(checkpoint, recipe, out, tools, training=training, licence=licence)
    print(f"wrote {out}")
    return 0


def _command(args: argparse.Namespace) -> str:
    """What was asked for, as far as it decides the result, for the model card; files by their names."""
    pace = f"--minutes {args.minutes:g} --shards {args.shards} --seed {args.seed} --threads {args.threads}"
    files = [(option, getattr(args, option)) for option in ("alphabet", "fonts", "words")]
    script = "".join(f" --{option} {path.resolve().name}" for option, path in files if path is not None)
    gap = "" if args.gap is None else f" --gap {args.gap:g}"
    return f"python -m export sign {pace} --rate {args.rate:g}{script}{gap}"


def _studio(args: argparse.Namespace) -> tuple[Studio, str]:
    """What draws the strips, and the characters that they may show."""
    from export.synthetic import scripts, sign_fonts, sign_strips  # noqa: PLC0415 - needs the font libraries
    from export.synthetic.sign_texts import ALPHABET  # noqa: PLC0415 - the same

    if args.alphabet is None:
        fonts = args.cache / "fonts"
        sign_fonts.fetch(fonts)
        return sign_strips.studio(fonts, args.data), ALPHABET
    alphabet = scripts.load_alphabet(args.alphabet)
    words = scripts.load_names(args.words) if args.words else []
    return sign_strips.script_studio(args.fonts, args.data, alphabet, words), alphabet.characters


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
