"""The cameras of a Raspberry Pi, through picamera2: the main stream for evidence, the lores stream's luma for the gate.

What is asked for may be adjusted, and rows are padded to what the hardware likes, so size, format and stride are read
back from the configuration. Buffers are few (contiguous memory is scarce), configured once and never switched; each is
copied out and given back at once, since a camera whose buffers are all held gives no more pictures.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr.camera.grab import HopelessError
from edge_ocr.camera.holders import holders
from edge_ocr.errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_ocr.camera.grab import Take
    from edge_ocr.tables import CameraSettings
    from edge_ocr.types import Image

_WIDTH, _HEIGHT, _FPS = 1280, 720, 15.0
_WANTED = {"main": "RGB888", "lores": "YUV420"}
_TAKEN = {"main": {"RGB888", "NV12"}, "lores": {"YUV420", "NV12"}}
"""RGB888 is B, G, R in memory; the others begin with their luma plane. NV12 is what pipelines without a Raspberry Pi's
image processor make of either."""
_MISSING = (
    "picamera2 is not installed; 'sudo apt install python3-picamera2', and make a virtual environment with "
    "'--system-site-packages' so that it is seen there"
)


class PicameraGrabber:
    """One such camera.

    Args:
        source: "picamera2://0"; the number is picamera2's.
        settings: ``width``, ``height``, ``fps``, ``luma_width``, ``exposure_us``, ``gain``, ``lens`` and ``buffers``
            count, and what of ``rotate`` and ``flip`` the camera does itself.

    Raises:
        HopelessError: picamera2 is missing, or the address makes no sense.
        SourceError: there is no such camera, or somebody else has it.

    """

    def __init__(self, source: str, settings: CameraSettings) -> None:
        number = source.partition("://")[2].strip("/") or "0"
        if not number.isdecimal():
            raise HopelessError(f"{source!r} names no camera; write it as 'picamera2://0'")
        library, self._array, controls, transform = _libraries()
        self.upright = settings.rotate in {0, 180}
        self._camera = _opened(library, int(number))
        try:
            self._configure(settings, controls, transform)
            self._camera.start()
        except Exception:
            self.close()
            raise

    @property
    def told(self) -> str:
        """What it gives."""
        model = self._camera.camera_properties.get("Model", "camera")
        (width, height), (small_width, small_height) = self._main["size"], self._lores["size"]
        luma = f"{small_width}x{small_height} luma" if self._usable else "no luma in the same proportions"
        return f"{model}: {width}x{height} {self._main['format']}, {luma}"

    def read(self, seconds: float, take: Take) -> None:
        """The next picture."""
        try:
            request = self._camera.capture_request(wait=seconds)
        except TimeoutError as error:
            with suppress(Exception):
                self._camera.cancel_all_and_flush()  # or the job would run later, and its buffer never come back
            raise SourceError(f"no picture for {seconds:.1f} s; check the camera's cable") from error
        try:
            with self._mapped(request, "main") as main, self._mapped(request, "lores") as lores:
                luma = _view(lores.array, self._lores, channels=1)[..., 0] if self._usable else None
                take(_image(main.array, self._main), luma, request.get_metadata().get("SensorTimestamp"))
        finally:
            request.release()

    def close(self) -> None:
        """Let go of the camera; may hang if the camera does, which the parent bounds."""
        self._camera.close()  # stops it first

    def _mapped(self, request: Any, stream: str) -> Any:
        """The memory of one stream, to be entered; nothing is copied or reshaped."""
        return self._array(request, stream, reshape=False, write=False)

    def _configure(self, settings: CameraSettings, controls: Any, transform: Any) -> None:
        size = settings.width or _WIDTH, settings.height or _HEIGHT
        size = size[0] & ~1, size[1] & ~1
        small = lores_size(size, settings.luma_width)
        period = round(1e6 / (settings.fps or _FPS))
        wishes: dict[str, Any] = {"FrameDurationLimits": (period, period)}
        if settings.exposure_us is not None:
            wishes["ExposureTime"] = settings.exposure_us
        if settings.gain is not None:
            wishes["AnalogueGain"] = settings.gain
        if settings.lens is not None:
            wishes |= {"AfMode": controls.AfModeEnum.Manual, "LensPosition": settings.lens}
        unknown = sorted(wishes.keys() - self._camera.camera_controls.keys())
        turned = settings.rotate == 180
        flips = {
            "hflip": (settings.flip in {"horizontal", "both"}) != turned,
            "vflip": (settings.flip in {"vertical", "both"}) != turned,
        }
        configuration = self._camera.create_video_configuration(
            main={"size": size, "format": _WANTED["main"]},
            lores={"size": small, "format": _WANTED["lores"]},
            buffer_count=settings.buffers,
            queue=False,  # or the first picture after a pause would be an old one
            controls={wish: value for wish, value in wishes.items() if wish not in unknown},
            **({"transform": transform(**flips)} if self.upright and any(flips.values()) else {}),
        )
        self._camera.configure(configuration)
        given = self._camera.camera_configuration()
        self._main, self._lores = given["main"], given["lores"]
        self._usable = _proportional(self._main["size"], self._lores["size"])
        for stream, taken in _TAKEN.items():
            if given[stream]["format"] not in taken:
                raise SourceError(f"the camera gives {given[stream]['format']} as {stream}; report its model")


def lores_size(main: tuple[int, int], width: int) -> tuple[int, int]:
    """The size of the reduced stream: as wide as wished, of the main one's proportions, even, and never larger."""
    width = min(width, main[0]) & ~1
    return width, max(2, round(width * main[1] / main[0] / 2) * 2)


def _proportional(main: tuple[int, int], lores: tuple[int, int]) -> bool:
    """Whether the reduced stream, as the camera adjusted it, still shows the same picture, and smaller."""
    return lores[0] <= main[0] and abs(lores[0] * main[1] / (lores[1] * main[0]) - 1) < 0.05


def _image(memory: NDArray[np.uint8], stream: dict[str, Any]) -> Image:
    """The picture, HxWx3 in B, G, R order; copied only where it must be converted."""
    if stream["format"] == _WANTED["main"]:
        return _view(memory, stream, channels=3)
    import cv2  # noqa: PLC0415 -- on a Raspberry Pi the camera itself converts

    width, height = stream["size"]
    stride = stream["stride"]
    chroma = _view(memory[stride * height :], {"size": (width // 2, height // 2), "stride": stride}, channels=2)
    luma = _view(memory, stream, channels=1)[..., 0]
    return np.asarray(cv2.cvtColorTwoPlane(luma, np.ascontiguousarray(chroma), cv2.COLOR_YUV2BGR_NV12), np.uint8)


def _view(memory: NDArray[np.uint8], stream: dict[str, Any], channels: int) -> NDArray[np.uint8]:
    """The picture at the beginning of a buffer, (h, w, channels), without the padding of its rows, not copied."""
    width, height = stream["size"]
    stride = stream["stride"]
    if stride < width * channels or memory.size < stride * (height - 1) + width * channels:
        raise ValueError(f"{memory.size} bytes in rows of {stride} for {width}x{height}x{channels}")
    return np.ndarray((height, width, channels), np.uint8, memory, 0, (stride, channels, 1))


def _libraries() -> tuple[Any, Any, Any, Any]:
    """The classes Picamera2 and MappedArray, the controls, the class Transform."""
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:WARN")
    try:
        libcamera, picamera2 = import_module("libcamera"), import_module("picamera2")
    except ModuleNotFoundError as error:
        raise HopelessError(f"{_MISSING} ({error})") from error
    except (ImportError, ValueError) as error:  # ValueError: built against another NumPy
        raise HopelessError(f"picamera2 cannot be loaded ({' '.join(str(error).split())}); install Debian's") from error
    return picamera2.Picamera2, picamera2.MappedArray, libcamera.controls, libcamera.Transform


def _opened(library: Any, number: int) -> Any:
    cameras = library.global_camera_info()
    if number >= len(cameras):
        there = f"there are {len(cameras)}, counted from 0" if cameras else "none is connected"
        raise SourceError(f"no camera {number}: {there}; check the ribbon cable, and 'rpicam-hello --list-cameras'")
    try:
        return library(number)
    except RuntimeError as error:
        if "busy" in f"{error} {error.__cause__}".lower() or "in use" in str(error).lower():
            who = holders("/dev/media", "/dev/video")
            raise SourceError(f"camera {number} is in use{who}; close the other program") from error
        raise
