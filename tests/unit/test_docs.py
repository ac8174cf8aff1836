"""What is written holds: links lead somewhere, commands and settings exist, messages are those of the program."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge_ocr import config
from edge_ocr.cli import _parser
from edge_ocr.publish import files
from edge_ocr.types import Action, Alternative, Ballot, Decision, Event, Kind, Quad, Reading, Stamp

if TYPE_CHECKING:
    import argparse

ROOT = Path(__file__).parents[2]
WRITTEN = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "firmware_configs").rglob("*.md")]
    if "out" not in path.relative_to(ROOT).parts
)
GUIDES = sorted((ROOT / "docs" / "guide").glob("*.md"))


def _pages() -> Any:
    """The script that writes the pages of the site, which no package holds."""
    found = importlib.util.spec_from_file_location("pages", ROOT / "docs" / "pages.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


PAGES = _pages()


def named(path: Path) -> str:
    """A test's name."""
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """Where links within a page may lead."""
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", WRITTEN, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(((?!https?:|mailto:)[^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        place = page if not path else (page.parent / path).resolve()
        assert place.exists(), f"{target} is not there"
        if anchor and place.suffix == ".md":
            assert anchor in anchors(place.read_text("utf-8")), f"{target} names no heading"


def said(page: Path) -> list[str]:
    """The commands of edge-ocr in a page's blocks, without what a shell does with them."""
    lines = [line.strip() for line in page.read_text("utf-8").splitlines() if line.startswith("    ")]
    found = [re.search(r"(?:^|.*\s)edge-ocr (?=[a-z-])(.*)$", line) for line in lines]
    commands = [match[1].split("#")[0].split("|")[0].split(" > ")[0].strip() for match in found if match]
    return [command for command in commands if not re.search(r"[\[\]]|\.\.\.|\(", command)]


@pytest.mark.parametrize("page", [ROOT / "README.md", *GUIDES], ids=named)
def test_every_command_in_a_guide_is_one_that_the_program_takes(page: Path) -> None:
    for command in said(page):
        assert is_taken(command), command


def is_taken(command: str) -> bool:
    """Whether the program knows a command with its flags."""
    try:
        _parser().parse_args(shlex.split(command))
    except SystemExit as end:
        return end.code == 0
    return True


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_every_setting_in_a_guide_is_one_that_the_program_knows(page: Path) -> None:
    for block in re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        tables = tomllib.loads(block)
        if "publish" in tables:  # what is sent waits in a store, which an example need not repeat
            tables.setdefault("store", {})["folder"] = "/var/lib/edge-ocr"
        config.parse(tables, origin=page.name)


def test_every_message_in_the_troubleshooting_is_one_that_the_program_gives() -> None:
    text = (ROOT / "docs/guide/troubleshooting.md").read_text("utf-8")
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "edge_ocr").rglob("*.py"))
    heads = re.findall(r"^## `(.*)`$", text, re.MULTILINE)
    assert len(heads) >= 10
    for head in heads:
        parts = [part for part in re.split(r"\s*…\s*", head) if part]
        assert parts
        for part in parts:
            assert part in source, f"no message of the program says {part!r}"


@pytest.mark.parametrize("command", list(PAGES.commands()), ids=lambda command: command.prog)
def test_every_option_is_documented(command: argparse.ArgumentParser) -> None:
    page = PAGES.options_page()
    section = page.partition(f"## {command.prog}\n")[2].partition("\n## ")[0]
    for action in PAGES.options(command):
        assert action.help, f"{action.dest} has no help"
        assert f"`{', '.join(action.option_strings) or action.metavar or action.dest}" in section


@pytest.mark.parametrize("row", list(PAGES.keys()), ids=lambda row: row[0])
def test_every_setting_says_what_it_takes_and_what_it_means(row: tuple[str, str, str, str]) -> None:
    key, kind, default, meaning = row
    assert kind, key
    assert default, key
    assert meaning, f"{key} is not described under 'Attributes:' of its class"
    assert f"| `{key}` |" in PAGES.settings_page()


def leaves(value: Any, path: str = "") -> set[str]:
    """Every field of nested JSON, by its path; an empty object or list is a field itself."""
    if isinstance(value, dict) and value and path != "rejected":
        return {leaf for key, part in value.items() for leaf in leaves(part, f"{path}.{key}" if path else key)}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return leaves(value[0], f"{path}[]")
    return {path}


def test_every_field_of_an_event_is_documented_and_no_other() -> None:
    quad = Quad(((0.0, 0.0), (9.0, 0.0), (9.0, 3.0), (0.0, 3.0)), Kind.PLATE, 1.0)
    reading = Reading("AB12", 0.9, Kind.PLATE, "nl", quad, (Alternative("AB1Z", 0.1),))
    stamp = Stamp(mono=1.0, wall=2.0, boot_id="boot", synced=True)
    decided = Decision(Action.OPEN, "on the list allow", "allow", "AB12", "Ann")
    event = Event(
        *("id", "gate", reading, 3, 0, stamp, stamp, 0, 9, None, 4),
        decision=decided,
        rejected={"unread": 1},
        votes=(Ballot(1, "AB12", 0.9),),
    )
    page = (ROOT / "docs/reference/events.md").read_text("utf-8")
    told = {name for row in re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE) for name in re.findall(r"`(.*?)`", row)}
    assert told == leaves(event.as_json())


def test_every_column_of_a_day_file_is_documented_in_its_place() -> None:
    page = (ROOT / "docs/reference/events.md").read_text("utf-8")
    listed = page.partition("hold these columns:")[2].partition(";")[0]
    assert re.findall(r"`(\w+)`", listed) == [*files.COLUMNS, *files.DECISION]


@pytest.mark.parametrize("name", PAGES.PAGES)
def test_the_code_writes_every_page(name: str) -> None:
    page = PAGES.PAGES[name]()
    assert page.startswith("# ")
    assert page.count("\n") > 10


def test_whoever_is_compared_with_was_measured_in_the_same_run() -> None:
    page = PAGES.comparison_page()
    for name in ("edge-ocr", "fast-ctc-decode", "pyctcdecode", "flashlight-text", "rapidocr-onnxruntime"):
        assert re.search(rf"^\|.*\b{name} \|", page, re.MULTILINE), f"nothing is measured of {name}"


def test_curves_lie_within_their_picture() -> None:
    drawn = PAGES.curve([(1, 2.0), (4, 8.0)], "plates")
    places = [tuple(map(int, place)) for place in re.findall(r'cx="(\d+)" cy="(\d+)"', drawn)]
    assert len(places) == 2
    assert all(0 < x < 560 and 0 < y < 220 for x, y in places)


def test_the_site_is_put_together_with_every_link_outwards_mended(tmp_path: Path) -> None:
    PAGES.build(tmp_path / "site")
    index = (tmp_path / "site/index.md").read_text("utf-8")
    assert "](design/architecture.md)" in index
    assert "](https://github.com/edge-ocr/edge-ocr/blob/main/CONTRIBUTING.md)" in index
    for page in (tmp_path / "site").rglob("*.md"):
        for target in re.findall(r"\]\(((?!https?:|#|mailto:)[^)#\s]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
