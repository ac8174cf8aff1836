"""The command line: flags in, tables or JSON lines on stdout, one-line errors on stderr, an exit code.

Exit codes: 0 good; 1 nothing could be read from any input, results could not be written, or a store is not whole; 2 bad
usage or configuration; 130 interrupted; 141 whoever read stdout went away.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import logging
import os
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from edge_ocr import arguments, logs, output
from edge_ocr.clock import SystemClock
from edge_ocr.errors import ConfigError, EdgeOcrError, SourceError, StoreError, printable
from edge_ocr.types import Kind

# A command imports what it needs when it runs: `--help` and a mistyped flag answer at once, and `read` does not pay for
# what only `watch` uses. That is the reason of every PLC0415 below.
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_ocr.annotate import Pictures
    from edge_ocr.config import Settings
    from edge_ocr.reader import Reader
    from edge_ocr.types import Image

GOOD, NOTHING_READ, NOT_WHOLE, BAD_USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 1, 2, 130, 141

_PROGRESS_FROM = 10  # inputs; fewer are read before anybody wonders
_PROGRAM_ENVIRONMENT = {
    # 134 million: a panorama of 12,000 x 4,000 fits, what would fill the memory of a Pi does not.
    "OPENCV_IO_MAX_IMAGE_PIXELS": str(1 << 27),
    # One frame at a time is what the stages work on; more threads cost memory and gain nothing at these sizes.
    "OPENCV_FOR_THREADS_NUM": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        words: without the program's name; None for those of this process, which is then set up as a program.

    Returns:
        The exit code.

    Raises:
        SystemExit: after `--help`, `--version` and a wrong flag, and where stdout takes no more.

    """
    if words is None:
        _become_program()
    try:
        args = _parser().parse_args(words)
        code: int = args.command(args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _let_go_of_stdout()
        return BROKEN_PIPE
    except EdgeOcrError as error:
        _complain(str(error))
        return BAD_USAGE
    return code


def _read(args: argparse.Namespace) -> int:
    from edge_ocr.reader import Reader  # noqa: PLC0415

    _check_regions(Kind(args.kind), args.region)
    inputs = list(_inputs(args.paths))
    pictures = _pictures(args.annotate, [path for path, _ in inputs])
    reader = Reader(args.kind, regions=args.region, top=args.top, min_confidence=args.min_confidence)
    table = output.read_table([printable(path) for path, _ in inputs], output.Style.of(sys.stdout))
    if not args.json:
        _print(table.head())
    good = 0
    for number, (path, error) in enumerate(inputs):
        _progress(number, len(inputs))
        result, image = _look(path, error, reader, crop=args.crop)
        _progress(None, len(inputs))
        for text in [output.json_line(result.as_json())] if args.json else output.read_lines(table, result):
            _print(text)
        if result.error is not None:
            _complain(result.error)
        elif pictures is not None and image is not None:
            _draw(pictures, number, image, result)
        good += result.error is None
    return GOOD if good else NOTHING_READ


def _watch(args: argparse.Namespace) -> int:
    from edge_ocr import runtime  # noqa: PLC0415

    table = output.watch_table(output.Style.of(sys.stdout))
    counts: Counter[str] = Counter()
    try:
        events = runtime.watch(args.source, _settings(args), counts=counts)
    except SourceError as error:
        _complain(str(error))
        return NOTHING_READ
    if not args.json:
        _print(table.head())
    try:
        for event in events:
            _print(output.json_line(event.as_json()) if args.json else output.watch_line(table, event))
    except (SourceError, StoreError) as error:  # what was asked for was possible until now
        _complain(str(error))
        return NOTHING_READ
    if not args.json:
        _note(", ".join(f"{count} {name}" for name, count in counts.items()))
    return GOOD


def _doctor(args: argparse.Namespace) -> int:
    from edge_ocr import doctor  # noqa: PLC0415

    if args.privacy:
        return _privacy(args)
    findings = doctor.examine()
    style = output.Style.of(sys.stdout)
    if args.json:
        for finding in findings:
            _print(output.json_line(finding.as_json()))
    else:
        for text, ok in doctor.report(findings):
            _print(style.paint(text, None if ok else "yellow"))
    return GOOD if doctor.can_read(findings) else NOTHING_READ


def _privacy(args: argparse.Namespace) -> int:
    from edge_ocr import config, privacy  # noqa: PLC0415

    settings = config.Settings() if args.config is None else config.load(args.config)
    for topic, said in privacy.statement(settings):
        _print(output.json_line({"topic": topic, "kept": said}) if args.json else f"{topic:<14}  {printable(said)}")
    return GOOD


def _lists(args: argparse.Namespace) -> int:
    from edge_ocr import upkeep  # noqa: PLC0415

    path = upkeep.lists_file(args.file, args.config)
    match args.action:
        case "import":
            change = upkeep.import_lists(path, args.csv, name=args.list, replace=args.replace)
        case "add":
            cells = {name: getattr(args, name) for name in ("list", "plate", "name", "from", "until", "note")}
            change = upkeep.add(path, **cells)
        case "remove":
            change = upkeep.remove(path, args.plate, args.list)
        case _:
            exported = upkeep.export(path, args.csv)
            if exported:
                _print(exported, end="")
            return GOOD
    return _told(args, change.as_json())


def _erase(args: argparse.Namespace) -> int:
    from edge_ocr import upkeep  # noqa: PLC0415

    since, until = _span(args)
    return _told(args, upkeep.erase(_settings(args), plate=args.plate, since=since, until=until))


def _replay(args: argparse.Namespace) -> int:
    from edge_ocr import upkeep  # noqa: PLC0415

    since, until = _span(args)
    return _told(args, upkeep.replay(_settings(args), args.destination, since=since, until=until, dead=args.dead))


def _span(args: argparse.Namespace) -> tuple[float | None, float | None]:
    from edge_ocr import lists  # noqa: PLC0415

    since = lists.moment(args.since or "", place="--since", end=False)
    return since, lists.moment(args.until or "", place="--until", end=True)


def _told(args: argparse.Namespace, told: dict[str, int]) -> int:
    _print(output.json_line(told) if args.json else ", ".join(f"{count} {name}" for name, count in told.items()))
    return GOOD


def _check(args: argparse.Namespace) -> int:
    from edge_ocr.store import check  # noqa: PLC0415

    report = check.check(args.folder)
    if args.json:
        _print(output.json_line(report.as_json()))
    else:
        style = output.Style.of(sys.stdout)
        for name, count in report.counts.items():
            _print(f"{name.replace('_', ' '):<18}{count:>12}")
        for note in report.notes:
            _print(style.paint(f"note: {note}", "yellow"))
        for fault in report.faults:
            _print(style.paint(f"fault: {fault}", "red"))
        _print("the store is not whole" if report.faults else "the store is whole")
    return NOT_WHOLE if report.faults else GOOD


def _bench(args: argparse.Namespace) -> int:
    from edge_ocr import bench  # noqa: PLC0415

    code: int = bench.main(as_json=args.json)
    return code


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
    from edge_ocr.reader import Stopwatch  # noqa: PLC0415

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
    return output.Result(path, (image.shape[1], image.shape[0]), stopwatch.ms, readings, None), image


def _pictures(folder: Path | None, images: Sequence[str]) -> Pictures | None:
    if folder is None:
        return None
    from edge_ocr import annotate  # noqa: PLC0415

    return annotate.Pictures(folder, images)


def _draw(pictures: Pictures, number: int, image: Image, result: output.Result) -> None:
    try:
        pictures.save(number, image, result.readings)
    except SourceError as error:  # the image was read all the same
        _complain(str(error))


def _settings(args: argparse.Namespace) -> Settings:
    from edge_ocr import config  # noqa: PLC0415

    settings = config.Settings() if args.config is None else config.load(args.config)
    if getattr(args, "kind", None) is not None:
        settings = replace(settings, kind=Kind(args.kind))
    if getattr(args, "region", None) is not None:
        settings = replace(settings, regions=args.region)
    if args.store is not None:
        settings = replace(settings, store=replace(settings.store, folder=args.store))
    _check_regions(settings.kind, settings.regions)
    return settings


def _check_regions(kind: Kind, regions: Sequence[str] | None) -> None:
    if regions is not None and kind is not Kind.PLATE:
        raise ConfigError(f"kind {kind} has no regions, which are plate formats; leave out the kind or the regions")


def _parser() -> _Parser:
    parser = _Parser(
        prog="edge-ocr",
        description="Reads licence plates from images and recordings, offline.",
        epilog="Results go to stdout, errors to stderr. Exit codes: 0 good, 1 nothing could be read, 2 bad usage.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    read = _command(commands, "read", _read, "read images: files, folders, globs")
    _reading_flags(read)
    read.set_defaults(kind=Kind.PLATE)
    read.add_argument("--crop", action="store_true", help="each image already is one plate or one line of text")
    read.add_argument(
        "--top", type=arguments.top, default=5, metavar="N", help="list at most N alternatives (0 to 5; default 5)"
    )
    read.add_argument(
        "--min-confidence",
        type=arguments.share,
        default=0.3,
        metavar="P",
        help="leave out what is less sure (0 to 1; default 0.3)",
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

    watch = _command(commands, "watch", _watch, "print an event for every plate that passes in a recording")
    _reading_flags(watch)
    watch.add_argument("--config", type=arguments.path, metavar="FILE", help="settings as TOML; flags come before them")
    watch.add_argument("--store", type=arguments.path, metavar="DIR", help="keep events and their crops in DIR")
    watch.add_argument("--until-end", action="store_true", help="stop at the end of the source")
    watch.add_argument("source", type=arguments.name, metavar="SOURCE", help="a recording, a folder or a glob")

    check = _command(commands, "check", _check, "compare a store's rows with its files; changes nothing")
    check.add_argument("folder", type=arguments.path, metavar="DIR", help="the folder of a store")

    _lists_commands(commands)

    erase = _command(commands, "erase", _erase, "forget events of a plate or a time for good")
    erase.add_argument("--plate", type=arguments.said, metavar="PLATE", help="in any spelling")
    replay = _command(commands, "replay", _replay, "send stored events to a destination once more")
    replay.add_argument("destination", choices=("mqtt", "webhook", "files", "relay"), help="which destination")
    replay.add_argument("--dead", action="store_true", help="only what it refused")
    for parser_of in (erase, replay):
        parser_of.add_argument("--config", type=arguments.path, metavar="FILE", help="settings that name the store")
        parser_of.add_argument("--store", type=arguments.path, metavar="DIR", help="the folder of the store")
        parser_of.add_argument(
            "--since",
            type=arguments.said,
            metavar="TIME",
            help="last seen from then on: 2026-05-01 or with T08:00+02:00",
        )
        parser_of.add_argument(
            "--until", type=arguments.said, metavar="TIME", help="last seen before, a day alone included"
        )

    doctor = _command(commands, "doctor", _doctor, "say what this machine has and lacks")
    doctor.add_argument("--privacy", action="store_true", help="say instead what is kept of a plate")
    doctor.add_argument("--config", type=arguments.path, metavar="FILE", help="the settings that --privacy speaks of")
    _command(commands, "bench", _bench, "time every stage, and the decoder beside others, on this machine")
    return parser


def _command(commands: Any, name: str, run: Any, says: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=says, description=says, allow_abbrev=False)
    parser.set_defaults(command=run)
    parser.add_argument("--json", action="store_true", help="print one line of JSON a result")
    return parser


def _lists_commands(commands: Any) -> None:
    says = "edit the lists of plates that are allowed, denied or known"
    group = commands.add_parser("lists", help=says, description=says, allow_abbrev=False)
    actions = group.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    names = ("allow", "deny", "known")
    parsers = {
        name: _command(actions, name, _lists, text)
        for name, text in (
            ("import", "take entries over from a CSV file, all or none"),
            ("export", "write the lists as CSV"),
            ("add", "put a plate on a list"),
            ("remove", "take a plate off a list, or off all"),
        )
    }
    for parser in parsers.values():
        parser.add_argument("--file", type=arguments.path, metavar="FILE", help="the lists")
        parser.add_argument(
            "--config", type=arguments.path, metavar="FILE", help="settings that name them in lists.file"
        )
    parsers["import"].add_argument("--list", choices=names, help="for entries of a file without a column 'list'")
    parsers["import"].add_argument("--replace", action="store_true", help="remove what the file does not have")
    parsers["import"].add_argument(
        "csv", type=arguments.path, metavar="CSV", help="columns list,plate,name,from,until,note"
    )
    parsers["export"].add_argument(
        "csv", type=arguments.path, nargs="?", metavar="CSV", help="stdout unless told otherwise"
    )
    parsers["add"].add_argument("list", choices=names, help="which list")
    parsers["add"].add_argument("plate", metavar="PLATE", help="in any spelling")
    for column in ("name", "from", "until", "note"):
        parsers["add"].add_argument(f"--{column}", default="", metavar="TEXT", help=f"the column {column}")
    parsers["remove"].add_argument("--list", choices=names, help="this list alone")
    parsers["remove"].add_argument("plate", type=arguments.said, metavar="PLATE", help="in any spelling")


def _reading_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", choices=[str(kind) for kind in Kind], help="what to read (default plate)")
    parser.add_argument(
        "--region", type=arguments.regions, metavar="R,...", help="plate formats to expect, such as us,eu"
    )


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one line."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{message}; see '{self.prog} --help'")
        raise SystemExit(BAD_USAGE)


class _Version(argparse.Action):
    """Looks the version up only when asked: that reads the metadata of every package installed."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002 -- argparse names it
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            _print(f"{parser.prog} {version('edge-ocr')}")
        except PackageNotFoundError:
            _print(f"{parser.prog}, not installed")
        raise SystemExit(GOOD)


def _print(text: str, end: str = "\n") -> None:
    """A line of results, flushed; ends the program where there is no room for it."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _let_go_of_stdout()
        _complain(f"stdout: cannot be written ({error.strerror}); send the results elsewhere")
        raise SystemExit(NOTHING_READ) from error


def _let_go_of_stdout() -> None:
    """What is left in the buffer would raise once more when Python exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> None:
    print(f"edge-ocr: {message}", file=sys.stderr, flush=True)


def _note(message: str) -> None:
    """Something for whoever looks on, that no log should fill up with."""
    if sys.stderr.isatty():
        print(message, file=sys.stderr, flush=True)


def _progress(done: int | None, total: int) -> None:
    """How far a long batch is, for whoever looks at stderr while stdout goes elsewhere; None takes it away again."""
    if total >= _PROGRESS_FROM and sys.stderr.isatty() and not sys.stdout.isatty():
        text = "" if done is None else f"{done + 1} of {total}"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _become_program() -> None:
    """Settle what belongs to the process as a whole, before anything native is loaded.

    Raises:
        SystemExit: stdout was closed before the start.

    """
    if sys.stderr is None:  # closed; the next file opened must not get its descriptor, for libraries to write into
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = os.fdopen(2, "w")
    if sys.stdout is None:
        _complain("stdout: is closed; send the results somewhere, if only to /dev/null")
        raise SystemExit(NOTHING_READ)
    for name, value in _PROGRAM_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name must not end the program
    # libjpeg, libpng, FFmpeg and TensorFlow Lite write to descriptor 2 whatever they are told. Errors here are one
    # line each, so Python keeps the real stderr for itself, and for a crash, and the libraries get nothing.
    own = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.stderr = os.fdopen(own, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    faulthandler.enable(sys.stderr)
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(logs.Journal() if os.environ.get("JOURNAL_STREAM") else logs.OneLine())
    log.addFilter(logs.RateLimit(SystemClock()))
    logging.basicConfig(handlers=[log], level=logging.WARNING)
