"""The motion gate on scenes that are drawn: what must be looked at, what must not, and what no weather may change."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_ocr.gate import Gate, reduced
from edge_ocr.tables import GateSettings
from edge_ocr.types import Frame, Region, Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_FPS = 15
_WIDTH, _HEIGHT = 320, 240
_CAR, _CAR_HEIGHT = 60, 40


@functools.cache
def _road() -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    rough = cv2.GaussianBlur(rng.normal(0, 1, (_HEIGHT, _WIDTH)), (0, 0), 5)
    return np.asarray(110 + 50 * rough / np.abs(rough).max(), np.float64)


def _car() -> NDArray[np.float64]:
    """A dark body with lamps and a plate."""
    body = np.full((_CAR_HEIGHT, _CAR), 45.0)
    body[8:14, 4:12] = body[8:14, -12:-4] = 230
    body[24:32, 20:40] = 200
    body[26:30, 22:38:4] = 30
    return body


def _with_car(picture: NDArray[np.float64], x: float, y: int = 120) -> NDArray[np.float64]:
    drawn, left = picture.copy(), round(x)
    first, end = max(0, left), min(_WIDTH, left + _CAR)
    if first < end:
        drawn[y : y + _CAR_HEIGHT, first:end] = _car()[:, first - left : end - left]
    return drawn


class _Scene:
    """Frames of a gate, numbered and stamped."""

    def __init__(self, settings: GateSettings | None = None, *, noise: float = 3.0, fps: float = _FPS) -> None:
        self.gate = Gate(settings or GateSettings())
        self._rng = np.random.default_rng(1)
        self._noise = [self._rng.normal(0, noise, (_HEIGHT, _WIDTH)) for _ in range(16)]
        self._fps = fps
        self.number = 0

    def show(self, picture: NDArray[np.float64]) -> tuple[Region, ...]:
        noisy = picture + self._noise[self._rng.integers(len(self._noise))]
        luma = np.clip(noisy, 0, 255).astype(np.uint8)
        stamp = Stamp(self.number / self._fps, 0.0, "boot", synced=True)
        image = np.zeros((2 * _HEIGHT, 2 * _WIDTH, 3), np.uint8)  # regions are in its pixels, twice as many
        self.number += 1
        return self.gate.look(Frame(image, stamp, self.number, "gate", luma))

    def rest(self, picture: NDArray[np.float64], seconds: float) -> list[tuple[Region, ...]]:
        return [self.show(picture) for _ in range(round(seconds * self._fps))]


def _covers(regions: tuple[Region, ...], x: float, y: float) -> bool:
    """Whether a point of the luma plane is in any region."""
    return any(r.left <= 2 * x < r.right and r.top <= 2 * y < r.bottom for r in regions)


def _learnt(settings: GateSettings | None = None, **how: float) -> _Scene:
    scene = _Scene(settings, **how)
    scene.rest(_road(), 4)
    return scene


def test_the_whole_frame_is_looked_at_while_the_background_is_learnt() -> None:
    scene = _Scene(GateSettings(learn_seconds=1.0))
    assert scene.rest(_road(), 1.0) == [(Region(0, 0, 2 * _WIDTH, 2 * _HEIGHT),)] * _FPS


@pytest.mark.parametrize("noise", [0.0, 3.0, 8.0])
def test_nothing_is_looked_at_where_nothing_moves(noise: float) -> None:
    assert not any(_learnt(noise=noise).rest(_road(), 15))


def test_the_whole_frame_is_looked_at_from_time_to_time_whatever_moves() -> None:
    scene = _learnt(GateSettings(look_seconds=5.0))
    looks = [regions for regions in scene.rest(_road(), 20) if regions]
    assert looks == [(Region(0, 0, 2 * _WIDTH, 2 * _HEIGHT),)] * len(looks)
    assert 3 <= len(looks) <= 4


@pytest.mark.parametrize("speed", [1.0, 4.0, 12.0])
@pytest.mark.parametrize("fps", [5.0, 30.0])
def test_what_moves_is_looked_at_at_every_speed_and_rate(speed: float, fps: float) -> None:
    scene = _learnt(fps=fps)
    way = np.arange(0, _WIDTH - _CAR, speed)
    seen = [_covers(scene.show(_with_car(_road(), x)), x + 30, 148) for x in way]
    assert np.mean(seen) > 0.95


def test_only_what_moves_is_looked_at_and_not_all_the_frame() -> None:
    scene = _learnt()
    shares = []
    for x in range(0, _WIDTH - _CAR, 4):
        regions = scene.show(_with_car(_road(), x))
        shares.append(sum((r.right - r.left) * (r.bottom - r.top) for r in regions) / (4 * _WIDTH * _HEIGHT))
    assert 0 < np.mean(shares) < 0.35
    assert all(0 <= r.left < r.right <= 2 * _WIDTH and 0 <= r.top < r.bottom <= 2 * _HEIGHT for r in regions)


def test_two_things_are_two_regions_that_do_not_overlap() -> None:
    scene = _learnt()
    for x in range(0, 60, 4):
        regions = scene.show(_with_car(_with_car(_road(), x, y=20), _WIDTH - _CAR - x, y=180))
    assert len(regions) == 2
    for a, b in itertools.combinations(regions, 2):
        assert a.right <= b.left or b.right <= a.left or a.bottom <= b.top or b.bottom <= a.top


def test_what_comes_and_stops_is_looked_at_until_it_stands_then_now_and_then_then_never() -> None:
    scene = _learnt()
    for x in range(-_CAR, 100, 4):
        scene.show(_with_car(_road(), x))
    stands = _with_car(_road(), 100)
    first = [_covers(regions, 130, 148) for regions in scene.rest(stands, 1)]
    later = [_covers(regions, 130, 148) for regions in scene.rest(stands, 8)]
    assert all(first)
    assert 2 <= sum(later) <= 8 * _FPS / 3
    scene.rest(stands, 60)
    assert sum(bool(regions) for regions in scene.rest(stands, 20)) <= 1  # the look at everything


def test_a_second_thing_before_one_that_has_become_background_is_looked_at() -> None:
    scene = _learnt()
    scene.rest(_with_car(_road(), 100), 80)
    seen = [_covers(scene.show(_with_car(_with_car(_road(), 100), x, y=140)), x + 30, 168) for x in range(0, 200, 4)]
    assert np.mean(seen) > 0.95


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.3, 1.8])
def test_a_change_of_light_is_nothing_to_look_at_for_long(factor: float) -> None:
    scene = _learnt()
    looked = sum(bool(regions) for regions in scene.rest(_road() * factor, 10))
    assert looked <= 2 * _FPS


def test_dusk_and_clouds_are_nothing_to_look_at() -> None:
    scene = _learnt(noise=1.5)
    light = [1.0 - 0.85 * step / 600 + 0.1 * np.sin(step / 20) for step in range(600)]
    across = np.linspace(0.9, 1.1, _WIDTH)
    looked = sum(bool(scene.show(_road() * factor * across ** np.sin(step / 50))) for step, factor in enumerate(light))
    assert looked <= 12


def test_a_car_is_looked_at_while_the_light_changes() -> None:
    scene = _learnt()
    seen = [
        _covers(scene.show(_with_car(_road(), x) * (0.6 + 0.4 * np.cos(x / 30))), x + 30, 148)
        for x in range(0, _WIDTH - _CAR, 4)
    ]
    assert np.mean(seen) > 0.95


def _rain(rng: np.random.Generator, picture: NDArray[np.float64]) -> NDArray[np.float64]:
    wet = picture.copy()
    for _ in range(60):
        x, y, length = rng.integers(0, _WIDTH), rng.integers(0, _HEIGHT), int(rng.integers(8, 25))
        cv2.line(wet, (int(x), int(y)), (int(x) - 2, int(y) + length), 190.0, 1)
    return wet


def _headlamps(step: int, picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """A beam that sweeps over the ground at night, without the car."""
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    beam = np.exp(-(((x - 6 * step) / 60.0) ** 2) - ((y - 160) / 40.0) ** 2)
    return np.asarray(picture * (0.15 + 1.2 * beam), np.float64)


def test_rain_is_learnt_and_a_car_in_it_is_looked_at() -> None:
    rng, scene = np.random.default_rng(3), _Scene()
    looks = [scene.show(_rain(rng, _road())) for _ in range(20 * _FPS)]
    assert np.mean([bool(regions) for regions in looks[10 * _FPS :]]) < 0.1
    seen = [_covers(scene.show(_rain(rng, _with_car(_road(), x))), x + 30, 148) for x in range(0, _WIDTH - _CAR, 4)]
    assert np.mean(seen) > 0.95


def test_headlamps_leave_nothing_behind() -> None:
    scene = _Scene()
    night = _headlamps(-1000, _road())
    scene.rest(night, 4)
    for step in range(60):
        scene.show(_headlamps(step, _road()))
    scene.rest(night, 3)
    assert not any(scene.rest(night, 10))
    seen = [_covers(scene.show(_with_car(night, x)), x + 30, 148) for x in range(0, _WIDTH - _CAR, 4)]
    assert np.mean(seen) > 0.95


def test_a_frame_of_another_size_begins_anew() -> None:
    scene = _learnt()
    image = np.zeros((100, 200, 3), np.uint8)
    frame = Frame(image, Stamp(1000.0, 0.0, "boot", synced=True), 0, "gate")
    assert scene.gate.look(frame) == (Region(0, 0, 200, 100),)


def test_the_same_frames_give_the_same_regions() -> None:
    def run() -> list[tuple[Region, ...]]:
        scene = _learnt()
        return [scene.show(_with_car(_road(), x)) for x in range(0, 200, 5)]

    assert run() == run()


@pytest.mark.parametrize(
    ("height", "width", "make"),
    [
        (480, 640, lambda image: image),
        (720, 1280, lambda image: image),
        (1080, 1921, lambda image: image),
        (241, 321, lambda image: image[..., 0].copy()),
        (1, 1, lambda image: image),
        (3, 4000, lambda image: image),
    ],
)
def test_a_picture_is_reduced_to_less_than_256_pixels(height: int, width: int, make: Callable[..., object]) -> None:
    plane = reduced(make(np.full((height, width, 3), 77, np.uint8)))
    assert plane.dtype == np.uint8
    assert plane.shape[1] < 256
    assert plane.shape[0] >= 1
    assert (plane == 77).all()
    regions = Gate(GateSettings()).look(
        Frame(np.zeros((height, width), np.uint8), Stamp(0.0, 0.0, "", synced=True), 0, "x")
    )
    assert regions == (Region(0, 0, width, height),)
