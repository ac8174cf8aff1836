"""`edge-ocr update`: a signed update from a file or a web server, on trial from the next start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_ocr import arguments, output
from edge_ocr.cli.flags import command
from edge_ocr.cli.terminal import GOOD, say

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare the command."""
    update = command(commands, "update", _update, "install a signed update; the next start of the service tries it")
    update.add_argument("--root", type=arguments.path, metavar="DIR", help="of the releases (default /opt/edge-ocr)")
    update.add_argument(
        "--keys",
        type=arguments.path,
        metavar="DIR",
        help="public keys of minisign, *.pub (default /etc/edge-ocr/update-keys)",
    )
    update.add_argument(
        "source", type=arguments.name, metavar="SOURCE", help="an archive beside its .minisig, or its URL"
    )


def _update(args: argparse.Namespace) -> int:
    from edge_ocr.errors import UpdateError  # noqa: PLC0415

    try:
        from edge_ocr import update  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = "update: the package py-minisign is not installed; run 'pip install edge-ocr[update]'"
        raise UpdateError(message) from error
    told = update.update(args.source, root=args.root or update.ROOT, keys=args.keys or update.KEYS)
    if args.json:
        say(output.json_line(told))
    elif told["release"] is None:
        say("nothing is newer than what is installed")
    else:
        say(f"{told['release']} is tried from the next start of the service")
    return GOOD
