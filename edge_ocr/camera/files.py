"""Images and recordings on disk: found by name, decoded within bounds, handed on as arrays or frames.

Images come upright: an EXIF rotation is applied, so quads refer to the picture as a viewer shows it. 16-bit images are
brought to 8 bits, transparency is dropped, an animation gives its first picture.
"""

from __future__ import annotations

import glob
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.errors import SourceError, printable
from edge_ocr.types import Frame, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_ocr.types import Image

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".jp2", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""What a folder is searched for; a file that is named itself may be called anything."""

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"})
"""What a folder is searched for when it is watched."""

LARGEST = 128 << 20
"""Bytes that an image file may have: room for 40 megapixels of uncompressed colour, an end to endless files."""

IMAGE_RATE = 10.0
"""Frames a second that a folder of images is taken for; images carry no time of their own."""

_log = logging.getLogger(__name__)

_USUAL_RATE = 25.0  # frames a second, where a recording does not tell
_COMPLETE = 0.9  # of the frames that a recording says it has; fewer are worth a warning
_READ_AT_ONCE = 1 << 20
_SERIES = re.compile(r"%[0-9]*d")  # what stands for a number in the name of a series of images
_IMAGE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")  # ISO media files that are images


def images(path: str) -> list[Path]:
    """The image files that a path on the command line means.

    Args:
        path: a file (whatever its name), a folder (the images in it, not in its subfolders) or a glob (``**`` goes into
            subfolders).

    Returns:
        At least one path; the files of a folder or glob in natural order, 2 before 10.

    Raises:
        SourceError: nothing is there.

    """
    return _find(path, IMAGE_SUFFIXES, "images")


def load(path: Path) -> Image:
    """Decode one image file.

    Returns:
        uint8, HxWx3 in B, G, R order, upright.

    Raises:
        SourceError: it cannot be read, or is not an image that the installed OpenCV decodes.

    """
    data = _read(path)
    if _cut_off(data):
        raise _unreadable(path, "the JPEG is cut off", "copy it again")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, MemoryError) as error:
        raise _unreadable(path, *_refused(error)) from error
    if image is None:
        raise _unreadable(path, *_diagnosis(data))
    return np.asarray(image, np.uint8)


def frames(source: str, *, start: Stamp) -> Iterator[Frame]:
    """The frames of a recording, or of a folder or glob of recordings and images.

    One file that cannot be read among several is told in the log and left out.

    Frames are numbered through and stamped by the time of the recording, not by how fast they are read: a track takes
    the same course on any machine. A frame's ``source`` names the recording; all images of one folder or glob are one
    recording, :data:`IMAGE_RATE` frames a second.

    Args:
        source: a file, a folder (not its subfolders) or a glob.
        start: the moment that the first frame is given.

    Raises:
        SourceError: nothing is there, or nothing of it can be read.

    """
    number, seconds = 0, 0.0
    paths = _find(source, IMAGE_SUFFIXES | VIDEO_SUFFIXES, "images or recordings")
    for path in paths:
        begin = seconds
        try:
            _check_file(path)
            still = _is_image(path)
            for image, offset, length in [(load(path), 0.0, 1 / IMAGE_RATE)] if still else _recording(path):
                yield Frame(image, _later(start, begin + offset), number, source if still else str(path))
                number, seconds = number + 1, begin + offset + length
        except SourceError as error:
            if len(paths) == 1:
                raise
            _log.warning("%s", error)
    if number == 0:
        raise _unreadable(source, f"none of its {len(paths)} files can be read", "see the log for each")


def _find(path: str, suffixes: frozenset[str], what: str) -> list[Path]:
    if not path:
        raise SourceError(f"the name of the {what} is empty; give a file, a folder or a glob")
    here = Path(path)
    try:
        if here.is_dir():
            found = [item for item in here.iterdir() if _wanted(item, suffixes)]
            nothing = (f"the folder holds no {what}", "name a folder that does, or use a glob")
        elif glob.has_magic(path) and not here.exists():
            names = glob.iglob(path, recursive=True)  # noqa: PTH207 -- Path.glob refuses absolute patterns
            found = [Path(name) for name in names if not Path(name).is_dir()]
            nothing = ("nothing matches", "check the pattern")
        else:
            return [here]
    except (OSError, ValueError) as error:
        raise _unreadable(path, _reason(error), "check the name and your rights") from error
    if not found:
        raise _unreadable(path, *nothing)
    return sorted(found, key=_natural)


def _wanted(item: Path, suffixes: frozenset[str]) -> bool:
    # Hidden files are left out: macOS leaves a '._x.jpg' that is no image beside every x.jpg on a card.
    return item.suffix.lower() in suffixes and not item.name.startswith(".") and item.is_file()


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts frame2 before frame10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", str(path))]


def _read(path: Path) -> bytearray:
    """All of a file, but little more than :data:`LARGEST`: it may be a pipe, or a device without an end."""
    data = bytearray()
    try:
        with path.open("rb", buffering=0) as file:
            while len(data) <= LARGEST and (part := file.read(_READ_AT_ONCE)):
                data += part
    except (OSError, ValueError) as error:
        raise _unreadable(path, _reason(error), "check the name and your rights") from error
    if len(data) > LARGEST:
        raise _unreadable(path, f"more than {LARGEST >> 20} MiB", "give a smaller image")
    if not data:
        raise _unreadable(path, "the file is empty", "copy it again")
    return data


def _reason(error: OSError | ValueError) -> str:
    """Why the system refused, in its own words; ValueError stands for a name with a null byte."""
    return (isinstance(error, OSError) and error.strerror and error.strerror.lower()) or str(error)


def _cut_off(data: bytearray) -> bool:
    """Whether these bytes are a JPEG without an end.

    OpenCV before 4.10 hands out what there is with garbage below; newer ones refuse. Markers are walked up to the first
    scan, because a thumbnail in the EXIF part has an end marker of its own.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return False
    place = 2
    while data[place : place + 1] == b"\xff" and data[place + 1 : place + 2] != b"\xda":
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return data.find(b"\xff\xd9", place) < 0


def _refused(error: Exception) -> tuple[str, str]:
    if isinstance(error, MemoryError) or "nsufficient memory" in str(error):
        return "not enough memory to decode it", "give a smaller image"
    if "CV_IO_MAX_IMAGE" in str(error):
        return "more pixels than allowed", "give a smaller image, or raise OPENCV_IO_MAX_IMAGE_PIXELS"
    return "OpenCV refuses to decode it", "save it again as JPEG or PNG"


def _diagnosis(data: bytearray) -> tuple[str, str]:
    """Why bytes that OpenCV does not take as an image are none, and what to do."""
    if _is_video(data):
        return "this is a recording, not an image", "use 'edge-ocr watch'"
    name = _format(data)
    if name is None:
        return "not an image", "give a JPEG, PNG, WebP, TIFF, BMP or GIF file"
    if name == "HEIC" or (name in ("AVIF", "GIF") and not _decodes(name)):
        return f"OpenCV {cv2.__version__} does not decode {name}", "save it as JPEG or PNG"
    if name == "TIFF" and (depth := _depth(data)) is not None:
        return f"the TIFF holds {depth} values, which OpenCV does not bring to 8 bits", "save it with 8 or 16 bits"
    return f"the {name} is damaged or cut off", "copy it again"


def _depth(data: bytearray) -> str | None:
    """The name of what an image's pixels are stored as, where it can be decoded without bringing them to 8 bits."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, MemoryError):
        return None
    return None if image is None else str(image.dtype)


def _format(data: bytes | bytearray) -> str | None:
    if data[4:8] == b"ftyp":
        return "AVIF" if data[8:12] in (b"avif", b"avis") else "HEIC"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    starts = {b"\xff\xd8": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"BM": "BMP"}
    return next((name for start, name in starts.items() if data.startswith(start)), None)


def _decodes(name: str) -> bool:
    """Whether the installed OpenCV was built with a format that some are built without."""
    return re.search(rf"^\s*{name}:\s+(?!NO)\S", cv2.getBuildInformation(), re.MULTILINE) is not None


def _is_video(data: bytes | bytearray) -> bool:
    """By the first bytes: MP4 and MOV, AVI, Matroska and WebM, MPEG program and transport streams."""
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return data[8:12] not in _IMAGE_BRANDS
    if data.startswith(b"RIFF"):
        return data[8:12] == b"AVI "
    if data[0:1] == b"G":  # a transport stream repeats its sync byte every 188 bytes
        return data[188:189] == b"G" and data[376:377] == b"G"
    return data.startswith((b"\x1aE\xdf\xa3", b"\0\0\1\xba"))


def _is_image(path: Path) -> bool:
    """What to decode a watched file with; a file that cannot be opened goes the way its name says."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except (OSError, ValueError):
        return path.suffix.lower() not in VIDEO_SUFFIXES
    return _format(head) is not None and not _is_video(head)


def _check_file(path: Path) -> None:
    """A pipe or device is refused before it is opened: what is read of it, to see what it is, would be gone."""
    if not path.exists():
        raise _unreadable(path, "no such file", "check the name")
    if not path.is_file():
        raise _unreadable(path, "neither a file nor a folder", "record into a file and watch that")


def _recording(path: Path) -> Iterator[tuple[Image, float, float]]:
    """Every image of a recording, the seconds since its beginning, and how long it stands."""
    place = str(path.absolute())
    if path.suffix.lower() not in VIDEO_SUFFIXES and _SERIES.search(place):
        raise _unreadable(path, "FFmpeg would read other files, numbered as it says", "rename it")
    # The absolute path, and FFmpeg alone: OpenCV would take 'rtsp:x' for an address.
    capture = cv2.VideoCapture(place, cv2.CAP_FFMPEG)
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        rate = rate if 0 < rate < 1000 else _USUAL_RATE
        expected = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        last = -1 / rate
        count = 0
        while True:
            good, image = capture.read()
            if not good:
                break
            # Streams without timestamps say 0 for every frame, damaged ones jump back.
            told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            last = told if told > last else last + 1 / rate
            yield np.asarray(image, np.uint8), last, 1 / rate
            count += 1
    finally:
        capture.release()
    if count == 0:
        raise _unreadable(path, *_silence(path))
    # What a recording says of its length may be an estimate: both its frames and its time must fall well short of it.
    if max(count, last * rate + 1) < _COMPLETE * expected:
        what = f"ends after {count} of about {expected:.0f} frames"
        _log.warning("%s: %s; if it is cut off, copy it again", printable(path), what)


def _silence(path: Path) -> tuple[str, str]:
    """Why a file gave no frame, and what to do."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        return _reason(error), "check the name and your rights"
    if not head:
        return "the file is empty", "copy it again"
    if _is_video(head):
        return "the recording is cut off, or its codec is not known here", "copy it again, or save it as MP4 (H.264)"
    return "neither an image nor a recording that OpenCV decodes", "save it as MP4 (H.264)"


def _later(start: Stamp, seconds: float) -> Stamp:
    return Stamp(start.mono + seconds, start.wall + seconds, start.boot_id, start.synced)


def _unreadable(path: Path | str, what: str, cure: str) -> SourceError:
    return SourceError(f"{printable(path)}: {what}; {cure}")
