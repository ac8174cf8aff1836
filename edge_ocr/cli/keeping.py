"""`edge-ocr check`, `lists`, `erase` and `replay`: what is kept, and what a person changes about it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from edge_ocr import arguments, output
from edge_ocr.cli.flags import command, settings_of
from edge_ocr.cli.terminal import GOOD, NOT_WHOLE, say

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare the commands."""
    check = command(commands, "check", _check, "compare a store's rows with its files; changes nothing")
    check.add_argument("folder", type=arguments.path, metavar="DIR", help="the folder of a store")

    _lists_commands(commands)
    erase = command(commands, "erase", _erase, "forget events of a plate or a time for good")
    erase.add_argument("--plate", type=arguments.said, metavar="PLATE", help="in any spelling")
    erase.add_argument("--damaged", action="store_true", help="databases that were set aside as damaged, as a whole")
    replay = command(commands, "replay", _replay, "send stored events to a destination once more")
    what = "which destination: mqtt, webhook, files, relay, or the name of a further one"
    replay.add_argument("destination", metavar="DESTINATION", help=what)
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


def _lists_commands(commands: Any) -> None:
    says = "edit the lists of plates that are allowed, denied or known"
    group = commands.add_parser("lists", help=says, description=says, allow_abbrev=False)
    actions = group.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    names = ("allow", "deny", "known")
    parsers = {
        name: command(actions, name, _lists, text)
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


def _check(args: argparse.Namespace) -> int:
    from edge_ocr.store import check  # noqa: PLC0415

    report = check.check(args.folder)
    if args.json:
        say(output.json_line(report.as_json()))
    else:
        style = output.Style.of(sys.stdout)
        for name, count in report.counts.items():
            say(f"{name.replace('_', ' '):<18}{count:>12}")
        for note in report.notes:
            say(style.paint(f"note: {note}", "yellow"))
        for fault in report.faults:
            say(style.paint(f"fault: {fault}", "red"))
        say("the store is not whole" if report.faults else "the store is whole")
    return NOT_WHOLE if report.faults else GOOD


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
                say(exported, end="")
            return GOOD
    return _told(args, change.as_json())


def _erase(args: argparse.Namespace) -> int:
    from edge_ocr import upkeep  # noqa: PLC0415

    since, until = _span(args)
    erased = upkeep.erase(settings_of(args), plate=args.plate, since=since, until=until, damaged=args.damaged)
    return _told(args, erased)


def _replay(args: argparse.Namespace) -> int:
    from edge_ocr import upkeep  # noqa: PLC0415

    since, until = _span(args)
    return _told(args, upkeep.replay(settings_of(args), args.destination, since=since, until=until, dead=args.dead))


def _span(args: argparse.Namespace) -> tuple[float | None, float | None]:
    from edge_ocr import lists  # noqa: PLC0415

    since = lists.moment(args.since or "", place="--since", end=False)
    return since, lists.moment(args.until or "", place="--until", end=True)


def _told(args: argparse.Namespace, told: dict[str, int]) -> int:
    say(output.json_line(told) if args.json else ", ".join(f"{count} {name}" for name, count in told.items()))
    return GOOD
