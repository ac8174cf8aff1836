"""`edge-ocr watch` and `serve`: sources in, events out, for a while or for years."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from edge_ocr import arguments, output
from edge_ocr.cli.flags import command, reading_flags, settings_of
from edge_ocr.cli.terminal import GOOD, NOTHING_READ, complain, note, say
from edge_ocr.errors import SourceError, StoreError

if TYPE_CHECKING:
    import argparse

    from edge_ocr.types import Event


def add(commands: Any) -> None:
    """Declare the commands."""
    watch = command(commands, "watch", _watch, "print an event for every plate that passes a camera or in a recording")
    reading_flags(watch)
    watch.add_argument("--config", type=arguments.path, metavar="FILE", help="settings as TOML; flags come before them")
    watch.add_argument("--store", type=arguments.path, metavar="DIR", help="keep events and their crops in DIR")
    watch.add_argument("--until-end", action="store_true", help="stop at the end of the source")
    watch.add_argument("--realtime", action="store_true", help="play recordings at the pace at which they were made")
    watch.add_argument("--previews", action="store_true", help="tell events early as well, as soon as they are certain")
    watch.add_argument(
        "source",
        type=arguments.name,
        metavar="SOURCE",
        help="a recording, a folder, a glob, or a camera: /dev/video0, picamera2://0, rtsp://..., http://...",
    )
    serve = command(commands, "serve", _serve, "watch cameras, keep and publish events, and show pages, until stopped")
    serve.add_argument("--config", type=arguments.path, metavar="FILE", required=True, help="settings as TOML")


def _watch(args: argparse.Namespace) -> int:
    from edge_ocr import runtime  # noqa: PLC0415

    table = output.watch_table(output.Style.of(sys.stdout))
    counts: Counter[str] = Counter()
    try:
        how = {"previews": args.previews, "realtime": args.realtime}
        events = runtime.watch(args.source, settings_of(args), counts=counts, **how)
    except SourceError as error:
        complain(str(error))
        return NOTHING_READ
    if not args.json:
        say(table.head())
    try:
        for event in events:
            say(output.json_line(event.as_json()) if args.json else output.watch_line(table, event))
    except (SourceError, StoreError) as error:  # what was asked for was possible until now
        complain(str(error))
        return NOTHING_READ
    if not args.json:
        note(", ".join(f"{count} {name}" for name, count in counts.items()))
    return GOOD


def _serve(args: argparse.Namespace) -> int:
    from edge_ocr import service  # noqa: PLC0415
    from edge_ocr.clock import SystemClock  # noqa: PLC0415

    def tell(event: Event) -> None:
        say(output.json_line(event.as_json()))

    return service.serve(args.config, SystemClock(), tell=tell if args.json else None)
