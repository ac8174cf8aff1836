"""`edge-ocr read`: images in, texts out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_ocr import arguments, output
from edge_ocr.cli.flags import check_language, check_regions, command, reading_flags
from edge_ocr.cli.terminal import GOOD, NOTHING_READ, complain, progress, say
from edge_ocr.errors import ConfigError, SourceError, printable
from edge_ocr.types import Kind

# A command imports what it needs when it runs: `--help` and a mistyped flag answer at once, and `read` does not pay for
# what only `watch` uses. That is the reason of every PLC0415 here.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from edge_ocr.annotate import Pictures
    from edge_ocr.reader import Reader
    from edge_ocr.types import Image


def add(commands: Any) -> None:
    """Declare the command."""
    read = command(commands, "read", _read, "read images: files, folders, globs")
    reading_flags(read)
    read.set_defaults(kind=Kind.PLATE)
    read.add_argument("--crop", action="store_true", help="each image already is one plate or one line of text")
    read.add_argument(
        "--top", type=arguments.top, default=5, metavar="N", help="list at most N alternatives (0 to 5; default 5)"
    )
    read.add_argument(
        "--min-confidence",
        type=arguments.share,
        metavar="P",
        help="leave out what is less sure (0 to 1; default 0.45 for signs and words, else 0.3)",
    )
    read.add_argument(
        "--words", type=arguments.path, metavar="FILE", help="names to expect, one a line; for other kinds than plates"
    )
    read.add_argument(
        "--bundle",
        type=arguments.name,
        metavar="B",
        help="the recogniser: a folder, or the name of one that came along, such as sign-hangul (default: by kind)",
    )
    read.add_argument(
        "--annotate", type=arguments.path, metavar="DIR", help="write pictures with what was read into DIR"
    )
    read.add_argument(
        "paths",
        nargs="+",
        type=arguments.name,
        metavar="PATH",
        help="an image, a folder of images, or a glob in quotes",
    )


def _read(args: argparse.Namespace) -> int:
    from edge_ocr.reader import Reader  # noqa: PLC0415

    check_regions(Kind(args.kind), args.region)
    words = _words(Kind(args.kind), args.words)
    check_language(Kind(args.kind), args.language)
    if args.language is not None and words is not None:
        raise ConfigError("--language and --words exclude each other: a list is read by its own names; leave one out")
    inputs = list(_inputs(args.paths))
    pictures = _pictures(args.annotate, [path for path, _ in inputs])
    reader = Reader(
        args.kind,
        regions=args.region,
        bundle=args.bundle,
        words=words,
        language=args.language,
        top=args.top,
        min_confidence=args.min_confidence,
    )
    paths, style = [printable(path) for path, _ in inputs], output.Style.of(sys.stdout)
    table = output.read_table(paths, style, kind=reader.kind)
    if not args.json:
        say(table.head())
    good = 0
    for number, (path, error) in enumerate(inputs):
        progress(number, len(inputs))
        result, image = _look(path, error, reader, crop=args.crop)
        progress(None, len(inputs))
        for text in [output.json_line(result.as_json())] if args.json else output.read_lines(table, result):
            say(text)
        if result.error is not None:
            complain(result.error)
        elif pictures is not None and image is not None:
            _draw(pictures, number, image, result)
        good += result.error is None
    return GOOD if good else NOTHING_READ


def _words(kind: Kind, path: Path | None) -> list[str] | None:
    """The names of a file; where none is given, None."""
    if path is None:
        return None
    if kind is Kind.PLATE:
        raise ConfigError("--words are not for plates, whose formats are named by --region; choose another --kind")
    from edge_ocr.words import read_names  # noqa: PLC0415

    return read_names(path)


def _inputs(paths: Sequence[str]) -> Iterator[tuple[str, SourceError | None]]:
    """Every image that the arguments mean, and every argument that means none with the reason."""
    from edge_ocr.camera import files  # noqa: PLC0415

    for path in paths:
        try:
            for found in files.images(path):
                yield str(found), None
        except SourceError as error:
            yield path, error


def _look(path: str, error: SourceError | None, reader: Reader, *, crop: bool) -> tuple[output.Result, Image | None]:
    from edge_ocr.camera import files  # noqa: PLC0415
    from edge_ocr.clock import Stopwatch  # noqa: PLC0415
    from edge_ocr.signs import signs  # noqa: PLC0415

    if error is not None:
        return output.Result(path, None, {}, (), str(error)), None
    stopwatch = Stopwatch()
    try:
        image = files.load(Path(path))
        readings = reader.read(image, crop=crop, stopwatch=stopwatch)
    except SourceError as problem:
        return output.Result(path, None, {}, (), str(problem)), None
    except MemoryError:
        cause = f"{printable(path)}: not enough memory to read it; give a smaller image"
        return output.Result(path, None, {}, (), cause), None
    found = signs(readings) if reader.kind is Kind.SIGN else None
    return output.Result(path, (image.shape[1], image.shape[0]), stopwatch.ms, readings, None, found), image


def _pictures(folder: Path | None, images: Sequence[str]) -> Pictures | None:
    if folder is None:
        return None
    from edge_ocr import annotate  # noqa: PLC0415

    return annotate.Pictures(folder, images)


def _draw(pictures: Pictures, number: int, image: Image, result: output.Result) -> None:
    try:
        pictures.save(number, image, result.readings)
    except SourceError as error:  # the image was read all the same
        complain(str(error))
