"""Tables for people, lines of JSON for programs."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest

from edge_ocr import output
from edge_ocr.types import Alternative, Event, Kind, Quad, Reading, Stamp, corners_of

QUAD = Quad(corners_of([(1.04, 2), (30, 2.06), (30, 12), (1, 12)]), Kind.PLATE, 0.8)
OTHERS = (Alternative("RK755A1", 0.021), Alternative("RK755AI", 0.004))
READING = Reading("RK755AJ", 0.97126, Kind.PLATE, "sk", QUAD, OTHERS)
PLAIN = output.Style(coloured=False)


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def result_of(*readings: Reading, path: str = "a.jpg", error: str | None = None) -> output.Result:
    size = None if error else (1280, 720)
    return output.Result(path, size, {} if error else {"detect": 3.14159}, readings, error)


def test_the_json_of_a_result_holds_what_the_contract_says() -> None:
    assert json.loads(output.json_line(result_of(READING).as_json())) == {
        "path": "a.jpg",
        "width": 1280,
        "height": 720,
        "ms": {"detect": 3.142},
        "readings": [
            {
                "text": "RK755AJ",
                "confidence": 0.9713,
                "kind": "plate",
                "region": "sk",
                "quad": [[1.0, 2.0], [30.0, 2.1], [30.0, 12.0], [1.0, 12.0]],
                "alternatives": [{"text": "RK755A1", "confidence": 0.021}, {"text": "RK755AI", "confidence": 0.004}],
            }
        ],
        "error": None,
    }


def test_the_json_of_an_error_has_no_size_and_no_readings() -> None:
    assert result_of(error="a.jpg: the file is empty; copy it again").as_json() == {
        "path": "a.jpg",
        "width": None,
        "height": None,
        "ms": {},
        "readings": [],
        "error": "a.jpg: the file is empty; copy it again",
    }


@pytest.mark.parametrize("path", ["a\nb.jpg", "ř.jpg", "\udcff.jpg", 'quote".jpg', "\x1b[31m.jpg"])
def test_json_is_one_line_of_ascii_for_any_file_name(path: str) -> None:
    line = output.json_line(result_of(path=path).as_json())
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["path"] == path


def test_the_table_shows_a_reading_and_those_that_are_worth_a_glance() -> None:
    table = output.read_table(["a.jpg"], PLAIN)
    assert table.head() == "FILE   TEXT        SURE  REGION  OR"
    assert list(output.read_lines(table, result_of(READING))) == ["a.jpg  RK755AJ     97%   sk      RK755A1 2%"]


def test_further_readings_of_a_file_do_not_repeat_its_name() -> None:
    first, second = output.read_lines(output.read_table(["a.jpg"], PLAIN), result_of(READING, READING))
    assert first.startswith("a.jpg ")
    assert second.startswith("       RK755AJ")


def test_a_file_without_a_text_says_so() -> None:
    (line,) = output.read_lines(output.read_table(["a.jpg"], PLAIN), result_of())
    assert line.endswith("nothing to read found")


def test_an_error_is_left_to_stderr() -> None:
    assert list(output.read_lines(output.read_table(["a.jpg"], PLAIN), result_of(error="why"))) == []


def test_a_long_path_keeps_its_end() -> None:
    path = "/very/long" * 20 + "/plate.jpg"
    (line,) = output.read_lines(output.read_table([path], PLAIN), result_of(path=path))
    cell = line.split()[0]
    assert len(cell) == 48
    assert cell.startswith("…")
    assert cell.endswith("/plate.jpg")


def test_a_file_name_cannot_move_the_cursor() -> None:
    (line,) = output.read_lines(output.read_table(["x"], PLAIN), result_of(path="\x1b[2J\n.jpg"))
    assert line.isprintable()


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert output.Style.of(Terminal()).paint("x", "red") == "\x1b[31mx\x1b[0m"
    assert output.Style.of(io.StringIO()).paint("x", "red") == "x"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_colours_gets_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert not output.Style.of(Terminal()).coloured


@pytest.mark.parametrize(("confidence", "code"), [(0.9, 32), (0.899, 33), (0.5, 33), (0.499, 31)])
def test_the_colour_tells_how_far_a_text_can_be_relied_on(confidence: float, code: int) -> None:
    table = output.read_table(["a.jpg"], output.Style(coloured=True))
    (line,) = output.read_lines(table, result_of(replace(READING, confidence=confidence)))
    assert f"\x1b[{code}m{confidence:.0%}" in line


def test_colours_do_not_shift_the_columns() -> None:
    coloured = output.read_table(["a.jpg"], output.Style(coloured=True))
    (line,) = output.read_lines(coloured, result_of(READING))
    for code in ("1", "2", "32", "0"):
        line = line.replace(f"\x1b[{code}m", "")
    assert [line] == list(output.read_lines(output.read_table(["a.jpg"], PLAIN), result_of(READING)))


def test_the_watch_table_says_that_its_time_is_utc() -> None:
    table, stamp = output.watch_table(PLAIN), Stamp(5.0, 1_700_000_000.0, "boot", synced=True)
    event = Event("id", "gate", READING, 5, 0, stamp, stamp, 0, 9, np.zeros((2, 2, 3), np.uint8), 4)
    assert table.head() == "FIRST SEEN (UTC)         TEXT        SURE  REGION  READS  OR"
    assert output.watch_line(table, event).startswith("2023-11-14 22:13:20.000  RK755AJ     97%   sk      5  ")
