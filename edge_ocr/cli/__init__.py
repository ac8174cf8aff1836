"""The command line: flags in, tables or JSON lines on stdout, one-line errors on stderr, an exit code.

Exit codes: 0 good; 1 nothing could be read from any input, results could not be written, or a store is not whole; 2 bad
usage or configuration; 130 interrupted; 141 whoever read stdout went away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_ocr.cli import keeping, machine, reading, updating, watching
from edge_ocr.cli.terminal import (
    BAD_USAGE,
    BROKEN_PIPE,
    INTERRUPTED,
    Parser,
    Version,
    become_program,
    complain,
    let_go_of_stdout,
)
from edge_ocr.errors import EdgeOcrError

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        become_program()
    try:
        args = _parser().parse_args(words)
        code: int = args.command(args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        let_go_of_stdout()
        return BROKEN_PIPE
    except EdgeOcrError as error:
        complain(str(error))
        return BAD_USAGE
    return code


def _parser() -> Parser:
    parser = Parser(
        prog="edge-ocr",
        description="Reads licence plates from images and recordings, offline.",
        epilog="Results go to stdout, errors to stderr. Exit codes: 0 good, 1 nothing could be read, 2 bad usage.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=Version, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    for noun in (reading, watching, keeping, machine, updating):
        noun.add(commands)
    return parser
