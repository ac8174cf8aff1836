"""Events on disk: one line each in events.jsonl, their crops as PNG files in a folder a day.

A row is written only after its crop lies safely in its place, and counts only once its line is complete: whatever
events.jsonl says can be found, after a power cut too. A crop whose row was cut off is not claimed by anybody.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import cv2

from edge_ocr.errors import StoreError, printable

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path
    from types import TracebackType

    from edge_ocr.types import Event

ROWS = "events.jsonl"
CROPS = "crops"

_LONGEST_ROW = 1 << 16


class FileStore:
    """Keeps events in a folder; a context manager.

    Args:
        folder: is made if missing.

    Raises:
        StoreError: the folder cannot be made or written, another process writes to it, or its events.jsonl is not one.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            _make_folder(folder)
            # Unbuffered: what was not written must not be tried again at close, after the row was given up.
            self._rows = (folder / ROWS).open("ab+", buffering=0)
            _sync_folder(folder)
        except OSError as error:
            raise _failed(folder / ROWS, error) from error
        try:
            _lock(self._rows, folder)
            _cut_torn_line(self._rows, folder / ROWS)
        except BaseException:
            self._rows.close()
            raise

    def add(self, event: Event) -> Event:
        """Write an event for good.

        Returns:
            The event with ``crop_file`` set.

        Raises:
            StoreError: the disk is full or gone. The event is not in the store then.

        """
        day = datetime.fromtimestamp(event.last.wall, UTC).strftime("%Y-%m-%d")
        stored = replace(event, crop_file=f"{CROPS}/{day}/{event.id}.png")
        try:
            self._write_crop(self._folder / CROPS / day, stored)
            self._write_row(stored)
        except OSError as error:
            raise _failed(self._folder, error) from error
        return stored

    def close(self) -> None:
        """Let go of the file; all rows are on the disk already."""
        self._rows.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_crop(self, folder: Path, event: Event) -> None:
        _, data = cv2.imencode(".png", event.crop)
        _make_folder(folder)
        part = folder / f"{event.id}.part"
        with part.open("wb") as file:
            file.write(data.tobytes())
            file.flush()
            os.fsync(file.fileno())
        part.rename(folder / f"{event.id}.png")
        _sync_folder(folder)

    def _write_row(self, event: Event) -> None:
        line = json.dumps(event.as_json(), ensure_ascii=False).encode() + b"\n"
        end = self._rows.seek(0, os.SEEK_END)
        try:
            while line:  # a disk that fills takes a part first and refuses the rest
                line = line[self._rows.write(line) :]
            os.fsync(self._rows.fileno())
        except OSError:
            self._rows.truncate(end)  # half a line would spoil the next one
            raise


def _lock(rows: FileIO, folder: Path) -> None:
    try:
        fcntl.flock(rows, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go of it when the process ends, however
    except OSError as error:
        raise StoreError(
            f"{printable(folder)}: another process writes to it; stop that one or name another folder"
        ) from error


def _cut_torn_line(rows: FileIO, path: Path) -> None:
    """Drop what follows the last complete line: a power cut came between the bytes of a row."""
    size = rows.seek(0, os.SEEK_END)
    start = rows.seek(max(0, size - _LONGEST_ROW))
    tail = rows.read(_LONGEST_ROW) or b""
    keep = start + tail.rfind(b"\n") + 1
    if keep == start > 0:
        raise StoreError(
            f"{printable(path)}: ends in something that is no event; move the file away or name another folder"
        )
    if keep < size:
        rows.truncate(keep)
        os.fsync(rows.fileno())


def _make_folder(folder: Path) -> None:
    """Make a folder with its parents, each of them on the disk before anything is put into it."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{printable(path)}: cannot be written ({error.strerror}); free space on the disk or name another folder"
    )
