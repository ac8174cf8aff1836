"""The folder of events: rows that can be trusted after a torn write, a full disk and a second process."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_ocr.errors import StoreError
from edge_ocr.store import CROPS, ROWS, FileStore
from edge_ocr.types import Event, Kind, Quad, Reading, Stamp


def _event(name: str, *, wall: float = 1_700_000_000.0) -> Event:
    quad = Quad(((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0)), Kind.PLATE, 0.9)
    stamp = Stamp(5.0, wall, "boot", synced=True)
    crop = np.random.default_rng(1).integers(0, 255, (20, 50, 3), np.uint8)
    return Event(name, "gate", Reading("AB12", 0.9, Kind.PLATE, "nl", quad), 5, 0, stamp, stamp, 0, 9, crop, 4)


def _name(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / ROWS).read_text().splitlines()]


def test_an_event_is_a_row_and_the_very_pixels_of_its_crop(tmp_path: Path) -> None:
    event = _event("one")
    with FileStore(tmp_path / "new" / "store") as store:
        stored = store.add(event)
    (row,) = _rows(tmp_path / "new" / "store")
    assert row == stored.as_json()
    assert row["crop"] == stored.crop_file == "crops/2023-11-14/one.png"
    assert (cv2.imread(str(tmp_path / "new" / "store" / row["crop"])) == event.crop).all()


def test_rows_are_appended_across_runs_in_a_folder_a_day(tmp_path: Path) -> None:
    for name, wall in (("one", 1_700_000_000.0), ("two", 1_700_086_400.0)):
        with FileStore(tmp_path) as store:
            store.add(_event(name, wall=wall))
    assert [row["crop"] for row in _rows(tmp_path)] == ["crops/2023-11-14/one.png", "crops/2023-11-15/two.png"]


@pytest.mark.parametrize("kept", [1, 30, -1])
def test_a_torn_last_row_is_dropped_and_the_next_one_is_whole(tmp_path: Path, kept: int) -> None:
    with FileStore(tmp_path) as store:
        store.add(_event("one"))
        store.add(_event("two"))
    lines = (tmp_path / ROWS).read_bytes().splitlines(keepends=True)
    (tmp_path / ROWS).write_bytes(lines[0] + lines[1][:kept])
    with FileStore(tmp_path) as store:
        store.add(_event("three"))
    assert [row["id"] for row in _rows(tmp_path)] == ["one", "three"]


def test_a_first_row_that_is_torn_leaves_an_empty_store(tmp_path: Path) -> None:
    (tmp_path / ROWS).write_bytes(b'{"id": "o')
    FileStore(tmp_path).close()
    assert (tmp_path / ROWS).read_bytes() == b""


def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ROWS).write_bytes(b"x" * 200_000)
    with pytest.raises(StoreError, match=r"events\.jsonl: ends in something that is no event; move the file away"):
        FileStore(tmp_path)
    assert (tmp_path / ROWS).stat().st_size == 200_000


def test_the_crop_is_on_the_disk_before_the_row_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(_name(descriptor).removeprefix(str(tmp_path)))
        real(descriptor)

    with FileStore(tmp_path) as store:
        monkeypatch.setattr(os, "fsync", fsync)
        store.add(_event("one"))
    day = f"/{CROPS}/2023-11-14"
    assert synced == ["", f"/{CROPS}", f"{day}/one.part", day, f"/{ROWS}"]


def test_a_full_disk_leaves_no_half_row_and_the_store_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = {"rows": True}
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if full["rows"] and _name(descriptor).endswith(ROWS):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with FileStore(tmp_path) as store:
        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(StoreError, match=r"cannot be written \(No space left on device\); free space"):
            store.add(_event("one"))
        assert _rows(tmp_path) == []
        full["rows"] = False
        store.add(_event("two"))
    assert [row["id"] for row in _rows(tmp_path)] == ["two"]


def test_a_crop_that_cannot_be_written_gives_no_row(tmp_path: Path) -> None:
    (tmp_path / CROPS).write_text("a file where a folder should be")
    with FileStore(tmp_path) as store, pytest.raises(StoreError, match="cannot be written"):
        store.add(_event("one"))
    assert _rows(tmp_path) == []


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with FileStore(tmp_path), pytest.raises(StoreError, match="another process writes to it; stop that one"):
        FileStore(tmp_path)
    FileStore(tmp_path).close()


def test_a_folder_name_of_two_lines_does_not_make_two_of_the_error(tmp_path: Path) -> None:
    folder = tmp_path / "two\nlines"
    messages = []
    with FileStore(folder) as store:
        with pytest.raises(StoreError) as caught:
            FileStore(folder)
        messages.append(str(caught.value))
        (folder / CROPS).write_text("a file where a folder should be")
        with pytest.raises(StoreError) as caught:
            store.add(_event("one"))
        messages.append(str(caught.value))
    (folder / ROWS).write_bytes(b"x" * 200_000)
    with pytest.raises(StoreError) as caught:
        FileStore(folder)
    for message in [*messages, str(caught.value)]:
        assert message.startswith(f"{tmp_path}/two\\nlines")
        assert "\n" not in message


def test_texts_beyond_ascii_survive(tmp_path: Path) -> None:
    event = _event("ünï")
    with FileStore(tmp_path) as store:
        store.add(event)
    assert json.loads((tmp_path / ROWS).read_text("utf-8"))["id"] == "ünï"
