"""The shared slot: the newest picture, whole, whatever happens to either end."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_ocr.camera.slot import LARGEST, Slot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@pytest.fixture
def ends() -> Iterator[tuple[Slot, Slot]]:
    ours, other = Slot.make()
    theirs = Slot(other)
    yield ours, theirs
    ours.close()
    theirs.close()


def picture(shade: int, size: tuple[int, int] = (24, 32)) -> NDArray[np.uint8]:
    return np.full((*size, 3), shade, np.uint8)


def test_a_picture_crosses_with_its_luma_and_its_time(ends: tuple[Slot, Slot]) -> None:
    reader, writer = ends
    image = np.arange(24 * 32 * 3, dtype=np.uint8).reshape(24, 32, 3)
    writer.write(image, image[::2, ::2, 1], 123_456_789_012_345_678)
    got = reader.read(0)
    assert got is not None
    assert got.luma is not None
    np.testing.assert_array_equal(got.image, image)
    np.testing.assert_array_equal(got.luma, image[::2, ::2, 1])
    assert (got.taken_at, got.number) == (123_456_789_012_345_678, 1)


def test_a_grey_picture_without_luma_crosses(ends: tuple[Slot, Slot]) -> None:
    reader, writer = ends
    writer.write(picture(7)[..., 0], None, 1)
    got = reader.read(0)
    assert got is not None
    assert got.image.shape == (24, 32)
    assert got.luma is None


def test_padded_rows_cross_without_their_padding(ends: tuple[Slot, Slot]) -> None:
    reader, writer = ends
    padded = np.zeros((24, 64, 3), np.uint8)
    padded[:, :32] = 9
    writer.write(padded[:, :32], padded[:, :32, 0], 1)
    got = reader.read(0)
    assert got is not None
    assert got.image.shape == (24, 32, 3)
    assert (got.image == 9).all()


def test_only_the_newest_is_there_and_numbers_tell_what_was_lost(ends: tuple[Slot, Slot]) -> None:
    reader, writer = ends
    assert reader.read(0) is None
    for shade in range(1, 8):
        writer.write(picture(shade), None, shade)
    got = reader.read(0)
    assert got is not None
    assert (got.number, int(got.image[0, 0, 0])) == (7, 7)
    assert reader.read(7) is None


def test_sizes_may_change_from_picture_to_picture(ends: tuple[Slot, Slot]) -> None:
    reader, writer = ends
    for number, size in enumerate([(24, 32), (480, 640), (16, 16)], 1):
        writer.write(picture(number, size), None, 1)
        got = reader.read(number - 1)
        assert got is not None
        assert got.image.shape == (*size, 3)


def test_what_was_handed_out_stays_as_it_was(ends: tuple[Slot, Slot]) -> None:
    reader, writer = ends
    writer.write(picture(1), None, 1)
    got = reader.read(0)
    for shade in range(2, 9):
        writer.write(picture(shade), None, 1)
    assert got is not None
    assert (got.image == 1).all()


def test_the_writer_never_waits_for_a_reader_that_holds_a_buffer(ends: tuple[Slot, Slot]) -> None:
    reader, writer = ends
    writer.write(picture(1), None, 1)
    with reader._locked(1) as mine:
        assert mine
        for shade in range(2, 20):
            writer.write(picture(shade), None, 1)
        assert (reader._view(1, 0, (24, 32, 3)) == 1).all(), "what is being read is not touched"
    got = reader.read(0)
    assert got is not None
    assert (got.number, int(got.image[0, 0, 0])) == (19, 19)


def test_the_reader_does_not_read_what_is_being_written(ends: tuple[Slot, Slot]) -> None:
    reader, writer = ends
    writer.write(picture(1), None, 1)
    with writer._locked(1) as mine:
        assert mine
        assert reader.read(0) is None
    assert reader.read(0) is not None


@pytest.mark.parametrize(
    "image",
    [
        np.zeros(100, np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10), np.float32),
        np.zeros((0, 10, 3), np.uint8),
        np.broadcast_to(np.uint8(0), (LARGEST, 1, 3)),
    ],
    ids=["flat", "four channels", "float", "empty", "too large"],
)
def test_what_is_no_picture_is_refused_and_the_last_one_stays(
    ends: tuple[Slot, Slot], image: NDArray[np.uint8]
) -> None:
    reader, writer = ends
    writer.write(picture(5), None, 1)
    with pytest.raises(ValueError, match=r"^image is "):
        writer.write(image, None, 1)
    with pytest.raises(ValueError, match=r"^luma is "):
        writer.write(picture(5), np.zeros((3, 3, 3), np.uint8), 1)
    got = reader.read(0)
    assert got is not None
    assert got.number == 1


@pytest.mark.parametrize("header", [(9, 0, 60_000, 60_000, 3, 0, 0), (9, 0, 10, 10, 7, 0, 0), (9, 0, 0, 10, 3, 0, 0)])
def test_a_header_gone_mad_is_not_believed(ends: tuple[Slot, Slot], header: tuple[int, ...]) -> None:
    reader, writer = ends
    writer._mark(0, *header)
    assert reader.read(0) is None


def test_the_memory_cannot_be_taken_away_from_the_parent(ends: tuple[Slot, Slot]) -> None:
    _, writer = ends
    with pytest.raises(PermissionError):
        os.ftruncate(writer._file, mmap.PAGESIZE)


def test_closing_twice_is_closing_once() -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 -- names, not paths
    ours, other = Slot.make()
    ours.close()
    ours.close()
    Slot(other).close()
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208 -- names, not paths


WRITER = """
import select, sys, numpy as np
from edge_ocr.camera.slot import Slot
slot = Slot(int(sys.argv[1]))
image = np.zeros((480, 640, 3), np.uint8)
print(flush=True)
number = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    image[...] = number & 255
    slot.write(image, image[::2, ::2, 0], number)
    number += 1
print(number)
"""


def writing(file: int) -> subprocess.Popen[bytes]:
    """A process that writes pictures until its standard input is closed, and then says how many."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file)], pass_fds=[file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.read(1)
    return child


def test_no_picture_is_torn_while_another_process_writes_as_fast_as_it_can() -> None:
    slot, other = Slot.make()
    number = taken = 0
    with writing(other) as child:
        os.close(other)
        while taken < 100 or number < 3000:
            got = slot.read(number)
            if got is not None:
                assert got.luma is not None
                assert got.image.min() == got.image.max() == got.luma.min() == got.luma.max() == got.taken_at & 255
                assert got.number > number
                number, taken = got.number, taken + 1
        written, _ = child.communicate()
    last = slot.read(number)
    slot.close()
    assert int(written) == (number if last is None else last.number), "the newest one is there"


def test_a_writer_killed_at_any_moment_leaves_whole_pictures_and_no_lock() -> None:
    for _ in range(5):
        slot, other = Slot.make()
        child = writing(other)
        os.close(other)
        with child:
            while slot.read(3) is None:
                pass
            child.send_signal(signal.SIGKILL)
        got = slot.read(0)
        assert got is not None
        assert got.image.min() == got.image.max() == got.taken_at & 255
        for buffer in range(3):
            with slot._locked(buffer) as mine:
                assert mine
        slot.close()
