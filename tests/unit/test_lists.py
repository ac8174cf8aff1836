"""Lists: one spelling for every plate, files that count as a whole or not at all, edits that count at once."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_ocr.errors import ListError
from edge_ocr.lists import COLUMNS, Entry, Lists, LiveLists, dump, editing, load, normalise, parse, save

HEAD = "list,plate,name,from,until,note\n"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ab-12 cd", "AB12CD"),
        ("AB·12.CD", "AB12CD"),
        ("ÖÄ 123", "OA123"),
        ("ΑΒΕ 1234", "ABE1234"),  # noqa: RUF001 -- Greek
        ("А123ВС", "A123BC"),  # noqa: RUF001 -- Cyrillic
        ("ＡＢ１２", "AB12"),  # noqa: RUF001 -- full width
        ("straße", "STRASSE"),
        ("京A12345", "京A12345"),
        ("O0I1", "O0I1"),
        ("--", ""),
    ],
)
def test_every_way_to_write_a_plate_becomes_one(text: str, plain: str) -> None:
    assert normalise(text) == plain


@given(st.text(max_size=20))
@example("ŉǰΐ")
def test_what_is_normalised_stays_as_it_is(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_a_file_becomes_entries_whatever_the_spreadsheet_made_of_it() -> None:
    expected = Entry("allow", "AB123", "Ann", 1767225600.0, 1767312000.0, "staff; east")
    rows = 'allow,ab-123,Ann,2026-01-01T00:00Z,2026-01-02T00:00+00:00,"staff; east"\n'
    assert parse((HEAD + rows).encode(), origin="x").entries == (expected,)
    assert parse(("\ufeff" + HEAD + "\n" + rows).replace("\n", "\r\n").encode(), origin="x").entries == (expected,)
    tabs = HEAD.replace(",", "\t") + rows.replace('"', "").replace(",", "\t")
    assert parse(tabs.encode(), origin="x").entries == (expected,)


def test_columns_may_come_in_any_order_and_be_left_out() -> None:
    assert parse(b"Plate;List\nab1;deny\n", origin="x").entries == (Entry("deny", "AB1"),)
    assert parse(b"plate\nab1\n", origin="x", default_list="known").entries == (Entry("known", "AB1"),)


def test_a_day_alone_counts_until_its_end_by_the_clock_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Bucharest")
    import time  # noqa: PLC0415 -- the zone is read when it is told to be

    time.tzset()
    try:
        (entry,) = parse((HEAD + "allow,AB1,,2026-01-01,2026-01-01,\n").encode(), origin="x").entries
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (entry.start, entry.end) == (1767218400.0, 1767304800.0)  # two hours before UTC


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "x: line 1: column plate is missing; the columns are list,plate,name,from,until,note"),
        (b"plate\nAB1\n", "x: line 1: column list is missing; the columns are list,plate,name,from,until,note"),
        (b"plate,lits\n", "x: line 1: column 2 is 'lits', which is unknown; the columns are"),
        (b"plate,list,plate\n", "x: line 1: column plate is there twice; keep one of them"),
        (b"list,plate\nallow,AB1\nalow,AB2\n", "x: line 3: list is 'alow', which is unknown; known are: allow, deny"),
        (b"list,plate\nallow,---\n", "x: line 2: plate is '---', which has 0 letters and digits; give 1 to 32"),
        (b"list,plate\nallow,AB1\n\nallow,ab 1\n", "x: line 4: AB1 is on allow already, by line 2; keep one of them"),
        (b"list,plate\nallow,A,B\n", "x: line 2: has 3 columns where the header has 2; quote separators"),
        (b'list,plate\nallow,"A\n', "x: line 2: unexpected end of data; close quotes, one line an entry"),
        (b"list,plate\nallow,AB1\nallow,\xff\n", "x: line 3 is not UTF-8; save the file as 'CSV UTF-8'"),
        (b"list,plate,from\nallow,A,1.5.2026\n", "x: line 2: from is '1.5.2026', which is no time; write it as"),
        (b"list,plate,until\nallow,A,9999-12-31\n", "x: line 2: until is '9999-12-31', which is no time; write it as"),
        (
            b"list,plate,from,until\nallow,A,2026-05-02,2026-05-01\n",
            "x: line 2: until is not after from, so that the entry never counts; correct one of them",
        ),
        (b"list,plate,note\nallow,A,a\x00b\n", "x: line 2: note is 'a\\x00b'; give one line"),
    ],
)
def test_a_wrong_line_is_named_with_its_column_and_cure(text: bytes, message: str) -> None:
    with pytest.raises(ListError) as caught:
        parse(text, origin="x")
    assert str(caught.value).startswith(message)


CELLS = st.one_of(
    st.sampled_from(
        ["allow", "deny", "known", "AB 123", "2026-05-01", "2026-05-01T08:00+02:00", "", '"', "list", "plate"]
    ),
    st.text(max_size=12),
)
HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.lists(CELLS, max_size=7).map(",".join), max_size=6).map(
        lambda rows: (HEAD + "\n".join(rows)).encode("utf-8", "surrogatepass")
    ),
)


@settings(max_examples=1000, deadline=None)
@given(HOSTILE)
def test_a_hostile_file_is_refused_with_its_line_or_read_and_written_back_the_same(data: bytes) -> None:
    try:
        lists = parse(data, origin="x")
    except ListError as error:
        message = str(error)
        assert message.startswith("x: line ")
        assert message.isprintable()
        assert len(message) < 400
    else:
        assert parse(dump(lists).encode(), origin="x") == lists


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-", "@home", "'=1", "''@x", "'quoted'", "a=b"])
def test_no_spreadsheet_computes_a_name_and_it_comes_back_as_it_was(text: str) -> None:
    lists = Lists((Entry("allow", "A1", text, note=text),))
    told = dump(lists)
    assert not re.search(r"(^|,)[=+@-]", told, re.MULTILINE)
    assert parse(told.encode(), origin="x") == lists


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ListError, match=r"none\.csv: cannot be read \(No such file or directory\); name a CSV"):
        load(tmp_path / "none.csv")
    with pytest.raises(ListError, match=r"cannot be read \(.*null"):
        load(Path("a\0b"))


def test_a_file_is_replaced_as_a_whole_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "lists.csv"
    lists = Lists((Entry("allow", "AB1", 'Ann "A", B', 10.0, 20.5, "=1+1"), Entry("deny", "AB1")))
    save(lists, path)
    assert load(path) == lists
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["lists.csv"]
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / ".lists.csv.part").mkdir()
    (tmp_path / "lists.csv").write_text(HEAD)
    with pytest.raises(ListError, match=r"lists\.csv: cannot be written \(Is a directory\)"):
        save(Lists((Entry("allow", "AB1"),)), tmp_path / "lists.csv")
    assert (tmp_path / "lists.csv").read_text() == HEAD


def test_editing_begins_with_nothing_where_there_is_no_file(tmp_path: Path) -> None:
    with editing(tmp_path / "lists.csv") as lists:
        assert lists == Lists()
        save(lists.merged([Entry("allow", "AB1")]), tmp_path / "lists.csv")
    with editing(tmp_path / "lists.csv") as lists:
        assert lists.find("allow", "AB1") is not None
    with pytest.raises(ListError, match="cannot be written"), editing(tmp_path / "no" / "lists.csv"):
        pass


def test_merging_replaces_the_entry_of_the_same_plate_and_list_alone() -> None:
    lists = Lists((Entry("allow", "AB1", "old"), Entry("deny", "AB1"), Entry("known", "CD2")))
    merged = lists.merged([Entry("allow", "AB1", "new"), Entry("known", "EF3")])
    assert [(entry.list, entry.plate, entry.name) for entry in merged.entries] == [
        ("allow", "AB1", "new"),
        ("deny", "AB1", ""),
        ("known", "CD2", ""),
        ("known", "EF3", ""),
    ]
    assert len(merged.without("AB1").entries) == 2
    assert len(merged.without("AB1", "deny").entries) == 3


def test_a_plate_twice_on_one_list_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="twice"):
        Lists((Entry("allow", "AB1"), Entry("allow", "AB1")))


def test_an_edit_counts_at_once_and_a_broken_one_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "lists.csv"
    live = LiveLists(path)
    assert live.current() == Lists()
    assert "cannot be read" in str(live.problem)
    path.write_text(HEAD + "allow,AB1,,,,\n")
    assert live.current().find("allow", "AB1") is not None
    assert live.problem is None
    path.write_text(HEAD + "allow,AB1,,,,\nalow,AB2,,,,\n")
    os.utime(path, ns=(1, 1))  # an edit within the clock's granularity is an edit all the same
    assert live.current().find("allow", "AB1") is not None
    assert live.problem is not None
    assert "line 3" in live.problem
    path.write_text(HEAD)
    assert live.current() == Lists()
    assert live.problem is None


def test_no_file_is_no_lists_and_no_problem() -> None:
    live = LiveLists(None)
    assert (live.current(), live.problem) == (Lists(), None)


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lists.csv"
    path.write_text(HEAD)
    live = LiveLists(path)
    live.current()
    monkeypatch.setattr("edge_ocr.lists.load", lambda _: pytest.fail("read again"))
    assert live.current() == Lists()
