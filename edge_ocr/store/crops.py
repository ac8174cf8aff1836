"""Pictures of plates: files in a folder a day, on the disk before any row speaks of them."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import cv2

from edge_ocr.errors import StoreError, printable
from edge_ocr.store.connection import FullError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_ocr.types import Event, Image

FOLDER = "crops"

_PREVIEW_WIDTH = 240  # pixels; what a list of events shows
_PREVIEW_QUALITY = 60
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def path_of(event: Event) -> str:
    """Where an event's crop lies, relative to the store's folder: in the folder of its day as its clock told it.

    Raises:
        ValueError: the event's id cannot be a file's name.

    """
    if not event.id.isprintable() or "/" in event.id or event.id.startswith("."):
        message = f"event.id is {event.id!r}, which cannot be a file's name; use a UUID"
        raise ValueError(message)
    day = datetime.fromtimestamp(event.last.wall, UTC).strftime("%Y-%m-%d")
    return f"{FOLDER}/{day}/{event.id}.png"


def day_of(path: str) -> str:
    """The folder of a crop, relative to the store's."""
    return str(PurePosixPath(path).parent)


def png(image: Image) -> bytes:
    """The very pixels."""
    return bytes(cv2.imencode(".png", image)[1])


def jpeg(image: Image) -> bytes:
    """A small picture, of some 3 KB for a plate."""
    height, width = image.shape[:2]
    if width > _PREVIEW_WIDTH:
        size = (_PREVIEW_WIDTH, max(1, round(height * _PREVIEW_WIDTH / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(image.dtype, copy=False)
    return bytes(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, _PREVIEW_QUALITY))[1])


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write several files for good; all are on the disk afterwards, or none is there.

    Args:
        folder: of the store.
        files: contents by path, relative to the folder.

    Raises:
        FullError: there is no room for them.
        StoreError: they cannot be written.

    """
    try:
        for day in {day_of(path) for path in files}:
            make_folder(folder / day)
        descriptors = [_write(folder / path, data) for path, data in files.items()]
        if descriptors:
            _sync(folder, files, descriptors)
    except OSError as error:
        remove(folder, files)
        raise failed(folder / FOLDER, error) from error


def remove(folder: Path, paths: Iterable[str]) -> int:
    """Remove files, those that are gone already included, and folders that are empty then; returns the bytes freed."""
    freed, days = 0, set()
    for path in paths:
        with suppress(OSError):
            freed += (folder / path).stat().st_size
            (folder / path).unlink()
        days.add(day_of(path))
    for day in days:
        with suppress(OSError):  # not empty, which is usual
            (folder / day).rmdir()
    return freed


def listing(folder: Path, day: str | None = None) -> Iterator[tuple[str, int]]:
    """Path, relative to the store's folder, and size of every file below its crops, or those of one day's folder."""
    top = folder / (day or FOLDER)
    if top.is_dir():
        for place, _, names in os.walk(top):
            for name in names:
                path = Path(place) / name
                with suppress(FileNotFoundError):  # removed while we look
                    yield path.relative_to(folder).as_posix(), path.stat().st_size


def make_folder(folder: Path) -> None:
    """Make a folder with its parents, each of them on the disk before anything is put into it."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def failed(path: Path, error: OSError) -> StoreError:
    """What to raise for an error of the file system."""
    kind = FullError if error.errno in _FULL else StoreError
    return kind(f"{printable(path)}: cannot be written ({error.strerror}); free space on the disk or see to the folder")


def _write(path: Path, data: bytes) -> int:
    """Write one file; returns a descriptor that the caller syncs and closes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        while data:  # a disk that fills takes a part first and refuses the rest
            data = data[os.write(descriptor, data) :]
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _sync(folder: Path, files: Mapping[str, bytes], descriptors: list[int]) -> None:
    """Wait until files are on the disk, and close them.

    One fsync takes as long as the disk's cache needs to empty, some 10 ms on flash: many files are synced together
    with the file system they lie in, a single one alone.
    """
    try:
        if len(descriptors) == 1 or not _sync_file_system(descriptors[0]):
            for descriptor in descriptors:
                os.fsync(descriptor)
            for day in {day_of(path) for path in files}:
                sync_folder(folder / day)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _sync_file_system(descriptor: int) -> bool:
    """syncfs(2), which Python has not; False where the C library has it neither.

    Raises:
        OSError: something was not written (reported since Linux 5.8).

    """
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return False
    if syncfs(descriptor):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return True


def sync_file(path: Path) -> None:
    """Wait until a file is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
