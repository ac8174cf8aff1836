"""The process and its terminal: exit codes, lines of results, complaints of one line, signals and streams."""

from __future__ import annotations

import argparse
import faulthandler
import io
import logging
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from edge_ocr import logs
from edge_ocr.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

GOOD, NOTHING_READ, NOT_WHOLE, BAD_USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 1, 2, 130, 141

_PROGRESS_FROM = 10  # inputs; fewer are read before anybody wonders
_PROGRAM_ENVIRONMENT = {
    # 134 million: a panorama of 12,000 x 4,000 fits, what would fill the memory of a Pi does not.
    "OPENCV_IO_MAX_IMAGE_PIXELS": str(1 << 27),
    # One frame at a time is what the stages work on; more threads cost memory and gain nothing at these sizes.
    "OPENCV_FOR_THREADS_NUM": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line."""

    def error(self, message: str) -> NoReturn:
        """Complain and end."""
        complain(f"{message}; see '{self.prog} --help'")
        raise SystemExit(BAD_USAGE)


class Version(argparse.Action):
    """Looks the version up only when asked: that reads the metadata of every package installed."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002 -- argparse names it
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print it and end."""
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            say(f"{parser.prog} {version('edge-ocr')}")
        except PackageNotFoundError:
            say(f"{parser.prog}, not installed")
        raise SystemExit(GOOD)


def say(text: str, end: str = "\n") -> None:
    """A line of results, flushed; ends the program where there is no room for it."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        let_go_of_stdout()
        complain(f"stdout: cannot be written ({error.strerror}); send the results elsewhere")
        raise SystemExit(NOTHING_READ) from error


def let_go_of_stdout() -> None:
    """What is left in the buffer would raise once more when Python exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(message: str) -> None:
    """An error, in one line."""
    print(f"edge-ocr: {message}", file=sys.stderr, flush=True)


def note(message: str) -> None:
    """Something for whoever looks on, that no log should fill up with."""
    if sys.stderr.isatty():
        print(message, file=sys.stderr, flush=True)


def progress(done: int | None, total: int) -> None:
    """How far a long batch is, for whoever looks at stderr while stdout goes elsewhere; None takes it away again."""
    if total >= _PROGRESS_FROM and sys.stderr.isatty() and not sys.stdout.isatty():
        text = "" if done is None else f"{done + 1} of {total}"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def become_program() -> None:
    """Settle what belongs to the process as a whole, before anything native is loaded.

    Raises:
        SystemExit: stdout was closed before the start.

    """
    if sys.stderr is None:  # closed; the next file opened must not get its descriptor, for libraries to write into
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = os.fdopen(2, "w")
    if sys.stdout is None:
        complain("stdout: is closed; send the results somewhere, if only to /dev/null")
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
