"""Flags, exit codes and manners of the command line."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_ocr import cli
from edge_ocr.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_ocr.types import Event

PICTURE = Path(__file__).parents[1] / "data/images/cmyk.jpg"
REFERENCE = Path(__file__).parents[2] / "docs/reference/command-line.md"
COMMANDS = ("read", "watch", "serve", "doctor", "bench", "erase", "replay")


def start(*arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edge_ocr", *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    # A shell starts its background jobs, and so this suite, with SIGINT ignored, which children inherit; a handled
    # signal they do not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, text=True, **streams)
    finally:
        signal.signal(signal.SIGINT, before)


def test_words_are_for_other_kinds_than_plates_and_a_list_that_is_none_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["read", "--words", str(tmp_path / "names.txt"), str(PICTURE)]) == 2
    assert re.fullmatch(r"edge-ocr: --words are not for plates[^\n]*\n", capsys.readouterr().err)
    assert cli.main(["read", "--kind", "sign", "--words", str(tmp_path / "names.txt"), str(PICTURE)]) == 2
    assert re.fullmatch(r"edge-ocr: [^\n]*names\.txt: cannot be read[^\n]*\n", capsys.readouterr().err)


def test_a_language_is_for_signs_and_words_and_one_that_is_not_known_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "names.txt").write_text("Elm\n", encoding="utf-8")
    for command, kind in (("read", "plate"), ("read", "digits"), ("watch", "plate")):
        assert cli.main([command, "--language", "en", "--kind", kind, str(PICTURE)]) == 2
        assert re.fullmatch(rf"edge-ocr: kind {kind} has no language[^\n]*\n", capsys.readouterr().err)
    names = ["--kind", "sign", "--words", str(tmp_path / "names.txt")]
    assert cli.main(["read", "--language", "en", *names, str(PICTURE)]) == 2
    assert re.fullmatch(r"edge-ocr: --language and --words exclude each other[^\n]*\n", capsys.readouterr().err)
    assert cli.main(["read", "--language", "xx", "--kind", "sign", str(PICTURE)]) == 2
    assert re.fullmatch(r"edge-ocr: no language is called 'xx'[^\n]*\n", capsys.readouterr().err)
    assert cli.main(["read", "--language", "none", "--kind", "sign", str(PICTURE)]) == 0


def test_a_recogniser_of_another_kind_than_what_is_read_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["read", "--bundle", "sign", str(PICTURE)]) == 2
    assert capsys.readouterr().err == "edge-ocr: sign: is to recognise kind sign, not to recognise plate\n"
    assert cli.main(["read", "--kind", "word", "--bundle", "sign", str(PICTURE)]) == 0
    assert cli.main(["read", "--bundle", "nowhere", str(PICTURE)]) == 2
    assert "nowhere: no such bundle" in capsys.readouterr().err


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
        (["read", ""], "argument PATH: the name is empty"),
        (["read", "--annotate", "", "a.jpg"], "argument --annotate: the name is empty"),
        (["watch", ""], "argument SOURCE: the name is empty"),
        (["watch", "--store", "", "a.mp4"], "argument --store: the name is empty"),
        (["watch", "--config", "", "a.mp4"], "argument --config: the name is empty"),
        (["check", ""], "argument DIR: the name is empty"),
        (["erase", "--store", "", "--plate", "AB12"], "argument --store: the name is empty"),
        (["erase", "--store", "a", "--plate", ""], "argument --plate: is empty"),
        (["erase", "--store", "a", "--plate", "AB12", "--since", ""], "argument --since: is empty"),
        (["replay", "files", "--store", "a", "--until", " "], "argument --until: is empty"),
        (["lists", "import", "--file", "", "a.csv"], "argument --file: the name is empty"),
        (["lists", "remove", "--file", "a.csv", ""], "argument PLATE: is empty"),
        (["doctor", "--privacy", "--config", ""], "argument --config: the name is empty"),
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


def test_regions_for_another_kind_than_plates_are_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "watch.toml"
    config.write_text('kind = "word"\nregions = ["eu"]\n')
    for arguments in (
        ["read", "--kind", "sign", "--region", "eu", str(PICTURE)],
        ["watch", "--kind", "sign", "--region", "eu", "a.mp4"],
        ["watch", "--config", str(config), "a.mp4"],
    ):
        assert cli.main(arguments) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert re.fullmatch(r"edge-ocr: kind (sign|word) has no regions, [^\n]*; leave out [^\n]*\n", shown.err)


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
def test_an_annotated_picture_never_replaces_what_is_read(
    link: Callable[[Path, Path], None] | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = tmp_path / "original" / "night.jpg"
    original.parent.mkdir()
    original.write_bytes(PICTURE.read_bytes())
    folder = original.parent if link is None else tmp_path
    if link is not None:
        link(folder / "night.jpg", original)
    assert cli.main(["read", "--region", "sk", "--annotate", str(folder), str(PICTURE), str(original)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        f"edge-ocr: {folder}/night.jpg: --annotate would replace what is to be read; name another folder\n"
    )
    assert original.read_bytes() == PICTURE.read_bytes()


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
        (["--config", "no-such.toml", "a.mp4"], 2, "no-such.toml: "),
        (["--region", "atlantis", "a.mp4"], 2, "no region"),
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


def test_a_kind_without_a_bundle_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_ocr.bundle._SHIPPED", Path("nowhere"))
    assert cli.main(["watch", "--kind", "sign", "--json", "a.mp4"]) == 2
    assert re.fullmatch(r"edge-ocr: no bundle[^\n]*\n", capsys.readouterr().err)


def test_a_store_that_cannot_be_opened_is_bad_usage_told_before_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    assert cli.main(["watch", "--region", "sk", "--store", str(tmp_path / "taken"), str(PICTURE)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"edge-ocr: {tmp_path}/taken: cannot be written")


def test_a_store_that_fails_in_the_middle_is_no_bad_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def watch(*_: object, **__: object) -> Iterator[Event]:
        def events() -> Iterator[Event]:
            raise StoreError("store: cannot be written (No space left on device); free space")
            yield

        return events()

    monkeypatch.setattr("edge_ocr.runtime.watch", watch)
    assert cli.main(["watch", "a.mp4"]) == 1
    assert capsys.readouterr().err.startswith("edge-ocr: store: cannot be written (No space left")


def test_the_bench_times_every_stage_model_and_decoder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, fewer in (("SIZES", ((320, 240),)), ("PLATES", (0, 1)), ("CAMERAS", (1, 2))):
        monkeypatch.setattr(f"edge_ocr.growth.{name}", fewer)
    assert cli.main(["bench", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["stage"] for row in rows if "stage" in row][:3] == ["detect", "recognise", "decode"]
    assert {row["model"] for row in rows if "share" in row} >= {"plate", "plate-detector"}
    assert [row["grows"] for row in rows if "grows" in row] == ["frame", "plates", "plates", "cameras", "cameras"]
    assert all(row["ms"] >= 0 for row in rows if "ms" in row)
    assert {"greedy", "beam 10", "beam 16"} <= {row.get("setting") for row in rows}


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


@pytest.mark.parametrize("disposition", [signal.SIG_DFL, signal.SIG_IGN])
@pytest.mark.parametrize("command", [("read", "--region", "sk"), ("watch", "a.mp4", "--config")])
def test_an_interrupt_ends_the_program_quietly_with_130(
    command: tuple[str, ...], disposition: signal.Handlers, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    before = signal.signal(signal.SIGINT, disposition)
    program = start(*command, str(pipe))
    signal.signal(signal.SIGINT, before)
    try:
        writer = _open_when_read(pipe)  # and never write: the program waits in the middle of its work
        errors = _interrupted(program)
        os.close(writer)
    finally:
        program.kill()
        program.communicate()
    assert (program.returncode, errors) == (130, "")


def _interrupted(program: subprocess.Popen[str]) -> str:
    """What a program still says on stderr; one that was just about to wait sleeps through its first interrupt."""
    for _ in range(5):
        program.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return program.communicate(timeout=20)[1]
    raise AssertionError("the program does not end")


def _open_when_read(pipe: Path) -> int:
    deadline = time.monotonic() + 60
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody has opened it for reading yet
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_without_a_stderr_the_program_works_and_tells_no_error_on_stdout(tmp_path: Path) -> None:
    shown = subprocess.run(
        ["sh", "-c", '"$0" -m edge_ocr watch none.mp4 2>&-', sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, shown.stdout.split()[:2]) == (1, ["FIRST", "SEEN"])
    assert len(shown.stdout.splitlines()) == 1


@pytest.mark.parametrize("command", ["read", "watch", "doctor"])
def test_a_stdout_that_is_closed_is_told_in_one_line(command: str) -> None:
    argument = [] if command == "doctor" else [str(PICTURE)]
    shown = subprocess.run(
        ["sh", "-c", '"$0" -m edge_ocr "$@" >&-', sys.executable, command, *argument],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 1
    assert shown.stderr == "edge-ocr: stdout: is closed; send the results somewhere, if only to /dev/null\n"


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
