"""The Raspberry Pi's cameras, with picamera2 played by a fake; `make test-picamera` runs the real one."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pytest

from edge_ocr.camera import picamera
from edge_ocr.camera.grab import HopelessError
from edge_ocr.camera.picamera import PicameraGrabber, lores_size
from edge_ocr.errors import SourceError
from edge_ocr.tables import CameraSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Request:
    """A completed request with padded rows, as libcamera gives it."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera

    def get_metadata(self) -> dict[str, int]:
        return {"SensorTimestamp": 123}

    def release(self) -> None:
        self.camera.held -= 1


class MappedArray:
    """The memory of a stream: its own stride, with 255 in the padding."""

    def __init__(self, request: Request, stream: str, *, reshape: bool, write: bool) -> None:
        assert not reshape
        assert not write
        given = request.camera.given[stream]
        (width, height), stride = given["size"], given["stride"]
        rows = np.full((height * 3 // 2 if given["format"] != "RGB888" else height, stride), 255, np.uint8)
        rows[:, : width * (3 if given["format"] == "RGB888" else 1)] = 40
        self.array: NDArray[np.uint8] = rows.reshape(-1)[: request.camera.cut]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Camera:
    """Plays picamera2.Picamera2."""

    cameras: ClassVar[list[dict[str, Any]]] = [{"Model": "imx708"}]
    fails: ClassVar[Exception | None] = None
    camera_properties: ClassVar[dict[str, Any]] = {"Model": "imx708"}
    camera_controls: ClassVar[dict[str, Any]] = dict.fromkeys(
        ("FrameDurationLimits", "ExposureTime", "AnalogueGain", "AfMode", "LensPosition")
    )
    adjusted: ClassVar[dict[str, dict[str, Any]]] = {}
    last: ClassVar[Camera]

    def __init__(self, number: int) -> None:
        if Camera.fails is not None:
            raise Camera.fails
        assert number < len(self.cameras)
        self.held, self.closed, self.flushed, self.starved = 0, False, 0, False
        self.cut: int | None = None
        Camera.last = self

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return Camera.cameras

    def create_video_configuration(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        return asked

    def configure(self, asked: dict[str, Any]) -> None:
        padded = {"main": 64, "lores": 32}
        self.given = {
            stream: {
                **asked[stream],
                "stride": -(-asked[stream]["size"][0] * (3 if stream == "main" else 1) // padded[stream])
                * padded[stream],
            }
            for stream in ("main", "lores")
        }
        for stream, change in self.adjusted.items():
            self.given[stream] |= change

    def camera_configuration(self) -> dict[str, Any]:
        return self.given

    def start(self) -> None:
        pass

    def capture_request(self, *, wait: float) -> Request:
        if self.starved:
            raise TimeoutError(wait)
        self.held += 1
        return Request(self)

    def cancel_all_and_flush(self) -> None:
        self.flushed += 1

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    library: Any = types.ModuleType("picamera2")
    library.Picamera2, library.MappedArray = Camera, MappedArray
    libcamera: Any = types.ModuleType("libcamera")
    libcamera.Transform = dict
    libcamera.controls = types.SimpleNamespace(AfModeEnum=types.SimpleNamespace(Manual=0))
    monkeypatch.setitem(sys.modules, "picamera2", library)
    monkeypatch.setitem(sys.modules, "libcamera", libcamera)
    monkeypatch.setattr(Camera, "adjusted", {})
    monkeypatch.setattr(Camera, "fails", None)


def taken(camera: PicameraGrabber) -> tuple[Any, Any, Any]:
    got: list[tuple[Any, Any, Any]] = []
    camera.read(1.0, lambda image, luma, at: got.append((image.copy(), luma if luma is None else luma.copy(), at)))
    return got[0]


def test_both_streams_come_without_the_padding_of_their_rows() -> None:
    image, luma, at = taken(PicameraGrabber("picamera2://0", CameraSettings(width=652, height=490, luma_width=330)))
    assert image.shape == (490, 652, 3)
    assert (image == 40).all()
    assert luma.shape == (248, 330)
    assert (luma == 40).all()
    assert at == 123


def test_every_buffer_is_given_back_whatever_happens() -> None:
    camera = PicameraGrabber("picamera2://0", CameraSettings())
    taken(camera)
    assert Camera.last.held == 0

    def fail(*_: object) -> None:
        raise ValueError("too large")

    with pytest.raises(ValueError, match="too large"):
        camera.read(1.0, fail)
    assert Camera.last.held == 0


def test_a_timeout_flushes_what_is_queued() -> None:
    camera = PicameraGrabber("picamera2://0", CameraSettings())
    Camera.last.starved = True
    with pytest.raises(SourceError, match=r"no picture for 1\.5 s; check the camera's cable"):
        camera.read(1.5, lambda *_: None)
    assert Camera.last.flushed == 1


def test_a_buffer_that_is_too_short_is_garbage() -> None:
    camera = PicameraGrabber("picamera2://0", CameraSettings())
    Camera.last.cut = 1000
    with pytest.raises(ValueError, match="1000 bytes in rows of"):
        taken(camera)


def test_few_buffers_no_queue_and_the_options_are_asked_for() -> None:
    PicameraGrabber("picamera2://0", CameraSettings(fps=20, exposure_us=900, gain=2.0, lens=0.5, flip="both"))
    asked = Camera.last.asked
    assert asked["main"] == {"size": (1280, 720), "format": "RGB888"}
    assert asked["lores"] == {"size": (640, 360), "format": "YUV420"}
    assert (asked["buffer_count"], asked["queue"]) == (4, False)
    assert asked["controls"] == {
        "FrameDurationLimits": (50_000, 50_000),
        "ExposureTime": 900,
        "AnalogueGain": 2.0,
        "AfMode": 0,
        "LensPosition": 0.5,
    }
    assert asked["transform"] == {"hflip": True, "vflip": True}


def test_an_option_that_the_camera_has_not_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Camera, "camera_controls", {"FrameDurationLimits": None})
    PicameraGrabber("picamera2://0", CameraSettings(lens=0.5))
    assert Camera.last.asked["controls"].keys() == {"FrameDurationLimits"}


@pytest.mark.parametrize(
    ("rotate", "flip", "upright", "transform"),
    [
        (0, "none", True, None),
        (180, "none", True, {"hflip": True, "vflip": True}),
        (180, "both", True, None),
        (180, "horizontal", True, {"hflip": False, "vflip": True}),
        (90, "horizontal", False, None),
    ],
)
def test_the_camera_itself_does_what_it_can_of_turning(
    rotate: int, flip: str, upright: bool, transform: dict[str, bool] | None
) -> None:
    camera = PicameraGrabber("picamera2://0", CameraSettings(rotate=rotate, flip=flip))
    assert camera.upright is upright
    assert Camera.last.asked.get("transform") == transform


def test_an_adjusted_size_and_format_are_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    main = {"size": (320, 240), "format": "NV12", "stride": 384}
    monkeypatch.setattr(
        Camera, "adjusted", {"main": main, "lores": {"size": (160, 120), "stride": 192, "format": "NV12"}}
    )
    camera = PicameraGrabber("picamera2://0", CameraSettings())
    image, luma, _ = taken(camera)
    assert image.shape == (240, 320, 3)
    assert luma.shape == (120, 160)
    assert camera.told == "imx708: 320x240 NV12, 160x120 luma"


def test_a_reduced_picture_of_other_proportions_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Camera, "adjusted", {"lores": {"size": (640, 480), "stride": 640}})
    assert taken(PicameraGrabber("picamera2://0", CameraSettings()))[1] is None


def test_a_format_that_nobody_asked_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Camera, "adjusted", {"main": {"format": "SRGGB10"}})
    with pytest.raises(SourceError, match="the camera gives SRGGB10 as main; report its model"):
        PicameraGrabber("picamera2://0", CameraSettings())
    assert Camera.last.closed


def test_a_camera_that_somebody_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("Failed to acquire camera: Device or resource busy")
    monkeypatch.setattr(Camera, "fails", error)
    with pytest.raises(SourceError, match=r"camera 0 is in use.*; close the other program"):
        PicameraGrabber("picamera2://0", CameraSettings())


@pytest.mark.parametrize(("cameras", "there"), [([], "none is connected"), ([{}, {}], "there are 2, counted from 0")])
def test_a_camera_that_is_not_there_is_told(
    cameras: list[dict[str, Any]], there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Camera, "cameras", cameras)
    with pytest.raises(SourceError, match=f"no camera 2: {there}; check the ribbon cable"):
        PicameraGrabber("picamera2://2", CameraSettings())


def test_a_missing_picamera2_is_told_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libcamera", None)
    with pytest.raises(
        HopelessError, match=r"picamera2 is not installed; .*apt install python3-picamera2.*system-site"
    ):
        PicameraGrabber("picamera2://0", CameraSettings())


def test_a_picamera2_for_another_numpy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.setattr(picamera, "import_module", fail)
    with pytest.raises(
        HopelessError, match=r"picamera2 cannot be loaded \(numpy.dtype size changed.*; install Debian's"
    ):
        PicameraGrabber("picamera2://0", CameraSettings())


@pytest.mark.parametrize(
    ("main", "width", "expected"),
    [
        ((1280, 720), 640, (640, 360)),
        ((640, 480), 640, (640, 480)),
        ((320, 240), 640, (320, 240)),
        ((1920, 1080), 333, (332, 186)),
    ],
)
def test_the_reduced_stream_is_even_and_never_larger(
    main: tuple[int, int], width: int, expected: tuple[int, int]
) -> None:
    assert lores_size(main, width) == expected
