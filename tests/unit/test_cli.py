"""Flags, exit codes and manners of the command line."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_ocr import cli

PICTURE = Path(__file__).parents[1] / "data/images/cmyk.jpg"
REFERENCE = Path(__file__).parents[2] / "docs/reference/command-line.md"
COMMANDS = ("read", "watch", "doctor", "bench", "erase", "replay")


def start(*arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edge_ocr", *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, text=True, **streams)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["reed", "a.jpg"], "invalid choice: 'reed'"),
        (["read"], "the following arguments are required: PATH"),
        (["read", "--kind", "car", "a.jpg"], "invalid choice: 'car'"),
        (["read", "--top", "6", "a.jpg"], "'6' is not a number from 0 to 5"),
        (["read", "--top", "-1", "a.jpg"], "'-1' is not a number from 0 to 5"),
        (["read", "--top", "many", "a.jpg"], "'many' is not a number"),
        (["read", "--region", "us,,eu", "a.jpg"], "'us,,eu' holds an empty name"),
        (["read", "--jsn", "a.jpg"], "unrecognized arguments: --jsn"),
        (["read", "--annot", "x", "a.jpg"], "unrecognized arguments: --annot"),
        (["watch"], "the following arguments are required: SOURCE"),
        (["watch", "a.mp4", "b.mp4"], "unrecognized arguments: b.mp4"),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_flag_and_the_help(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    shown = capsys.readouterr()
    assert (caught.value.code, shown.out) == (2, "")
    assert what in shown.err
    assert "--help'" in shown.err
    assert len(shown.err.splitlines()) == 1


def test_an_unknown_region_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", "--region", "atlantis", str(PICTURE)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("edge-ocr: no region")
    assert len(shown.err.splitlines()) == 1


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_tells_every_command_and_flag(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*command, "--help"])
    shown = capsys.readouterr().out
    assert caught.value.code == 0
    assert all(name in shown for name in (COMMANDS if not command else ("--json",)))


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("edge-ocr")


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["no-such.mp4"], 1, "no-such.mp4: no such file"),
        (["rtsp://camera/1"], 1, "rtsp://camera/1: "),
        (["--config", "no-such.toml", "a.mp4"], 2, "no-such.toml: "),
        (["--region", "atlantis", "a.mp4"], 2, "no region"),
        (["--kind", "sign", "a.mp4"], 2, "no bundle"),
    ],
)
def test_what_cannot_be_watched_is_told_in_one_line(
    arguments: list[str], code: int, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["watch", "--json", *arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"edge-ocr: {what}")
    assert len(shown.err.splitlines()) == 1


def test_a_reader_of_stdout_that_goes_away_ends_the_program_quietly() -> None:
    program = start("read", "--json", "--crop", "--region", "sk", *[str(PICTURE)] * 2000)
    assert program.stdout is not None
    assert program.stdout.readline().startswith("{")
    program.stdout.close()
    assert program.wait(60) == 141
    assert program.stderr is not None
    assert program.stderr.read() == ""
    program.stderr.close()


def test_a_full_disk_under_stdout_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        program = start("doctor", stdout=full)
        _, errors = program.communicate(timeout=60)
    assert program.returncode == 1
    assert errors == "edge-ocr: stdout: cannot be written (No space left on device); send the results elsewhere\n"


@pytest.mark.parametrize("command", ["read", "watch"])
def test_an_interrupt_ends_the_program_quietly_with_130(command: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    program = start(command, "--region", "sk", str(pipe))
    writer = _open_when_read(pipe)  # and never write: the program waits in the middle of its work
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=30)
    os.close(writer)
    assert (program.returncode, errors) == (130, "")


def _open_when_read(pipe: Path) -> int:
    deadline = time.monotonic() + 60
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody has opened it for reading yet
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_without_a_stderr_the_program_works() -> None:
    shown = subprocess.run(
        ["sh", "-c", '"$0" -m edge_ocr --version 2>&-', sys.executable], capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith("edge-ocr")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_in_the_reference(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    flags = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out)) - {"--help"}
    _, _, section = REFERENCE.read_text("utf-8").partition(f"## edge-ocr {command}\n")
    told = set(re.findall(r"--[a-z][a-z-]*", section.partition("\n## ")[0]))
    assert flags == told


def test_a_long_batch_into_a_file_counts_on_the_terminal(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    with (tmp_path / "out").open("w") as file:
        program = start("read", "--region", "sk", "--crop", *[str(PICTURE)] * 12, stdout=file, stderr=slave)
        os.close(slave)
        shown = _all_of(master)
    assert program.wait(60) == 0
    assert "12 of 12" in shown
    assert shown.endswith("\r\x1b[K")  # and takes the count away again


def test_a_terminal_gets_colours_and_no_count() -> None:
    master, slave = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    paths = [str(PICTURE)] * 12
    program = start("read", "--region", "sk", "--crop", *paths, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = _all_of(master)
    assert program.wait(60) == 0
    assert shown.startswith("\x1b[1mFILE")
    assert "of 12" not in shown


def _all_of(terminal: int) -> str:
    """What was written to a terminal until the other end was closed, which Linux tells as an error."""
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    return shown.decode()
