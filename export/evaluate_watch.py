"""What watching costs, and how soon it tells: CPU a frame, how much is looked at, events, and the delay of previews."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr.camera import files
from edge_ocr.clock import FakeClock, SystemClock
from edge_ocr.config import Settings, load
from edge_ocr.gate import Gate
from edge_ocr.pipeline import Pipeline, open_reader
from edge_ocr.runtime import watch
from edge_ocr.tables import GateSettings
from edge_ocr.types import Frame, Stamp

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from edge_ocr.reader import Reader

_STILL_FRAMES, _STILL_FPS = 900, 15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("clips", type=Path, nargs="*", help="recordings")
    parser.add_argument("--config", type=Path, help="settings, as for 'edge-ocr watch'")
    parser.add_argument("--still", action="store_true", help="measure a noisy place of 640x480 in which nothing moves")
    parser.add_argument("--realtime", action="store_true", help="play at the recordings' pace, and time the previews")
    parser.add_argument("--seconds", type=float, default=0.0, help="repeat each recording until it lasts so long")


def run(args: argparse.Namespace) -> int:
    """Carry the command out."""
    settings = load(args.config) if args.config else Settings()
    reader = open_reader(settings)
    if args.still:
        _still(settings, reader)
    delays: list[float] = []
    for clip in args.clips:
        if args.realtime:
            delays += _realtime(clip, settings, reader)
        else:
            _cost(clip, settings, reader, args.seconds)
    if delays:
        print(
            f"from a frame's stamp to the preview: median {statistics.median(delays) * 1000:.0f} ms, "
            f"worst {max(delays) * 1000:.0f} ms, of {len(delays)}"
        )
    return 0


def _cost(clip: Path, settings: Settings, reader: Reader, seconds: float) -> None:
    counts: Counter[str] = Counter()
    texts: list[str] = []
    begin, lasted = time.process_time(), 0.0
    while True:
        events = watch(clip, settings, reader=reader, clock=FakeClock(), counts=counts)
        texts += [event.reading.text for event in events]
        capture = cv2.VideoCapture(str(clip))
        lasted += capture.get(cv2.CAP_PROP_FRAME_COUNT) / max(1.0, capture.get(cv2.CAP_PROP_FPS))
        if lasted >= seconds:
            break
    spent = time.process_time() - begin
    frames = counts["frames"]
    print(
        f"{clip.name}: {frames} frames of {lasted:.0f} s in {spent:.1f} s of CPU: {frames / spent:.0f} frames/s of one "
        f"core, {counts['looks'] / frames:.0%} looked at; events: {', '.join(texts) or 'none'}",
        flush=True,
    )


def _realtime(clip: Path, settings: Settings, reader: Reader) -> list[float]:
    clock = SystemClock()
    told = watch(clip, settings, reader=reader, clock=clock, previews=True, realtime=True)
    delays = [clock.monotonic() - event.last.mono for event in told if event.preview]
    spent = _preview_seconds(clip, settings, reader)
    if spent:
        print(f"{clip.name}: {max(spent) * 1000:.0f} ms of CPU for the frame with the preview, the rest is waiting")
    print(f"{clip.name}: {', '.join(f'{delay * 1000:.0f} ms' for delay in delays) or 'no preview'}", flush=True)
    return delays


def _preview_seconds(clip: Path, settings: Settings, reader: Reader) -> list[float]:
    """CPU seconds of each step that gave a preview: what the delay is on a machine that does nothing else."""
    pipeline, spent = Pipeline(reader, settings), []
    for frame in files.frames(str(clip), start=FakeClock().stamp()):
        begin = time.process_time()
        if any(event.preview for event in pipeline.step(frame)):
            spent.append(time.process_time() - begin)
    return spent


def _still(settings: Settings, reader: Reader) -> None:
    frames = list(_noisy_place())
    gate, begin = Gate(GateSettings()), time.process_time()
    looks = sum(bool(gate.look(frame)) for frame in frames)
    alone = (time.process_time() - begin) / len(frames)
    small = [replace(frame, luma=np.ascontiguousarray(frame.image[..., 1])) for frame in frames]
    gate, begin = Gate(GateSettings()), time.process_time()
    for frame in small:
        gate.look(frame)
    luma = (time.process_time() - begin) / len(frames)
    pipeline, begin = Pipeline(reader, settings), time.process_time()
    events = [event for frame in frames for event in pipeline.step(frame)]
    spent = (time.process_time() - begin) / len(frames)
    print(
        f"still, 640x480: gate {alone * 1000:.3f} ms a frame (of a grey plane {luma * 1000:.3f}), "
        f"looked at {looks} of {len(frames)} frames, {len(events)} events; all of the pipeline "
        f"{spent * 1000:.2f} ms a frame: {spent * _STILL_FPS:.1%} of a core at {_STILL_FPS} frames/s",
        flush=True,
    )


def _noisy_place() -> Iterator[Frame]:
    """Frames of a place with structure and sensor noise; eight noises, in random order, are varied enough."""
    rng = np.random.default_rng(0)
    rough = cv2.GaussianBlur(rng.normal(0, 1, (480, 640, 3)), (0, 0), 8)
    place = 110 + 60 * rough / np.abs(rough).max()
    pictures = [np.clip(place + rng.normal(0, 4, place.shape), 0, 255).astype(np.uint8) for _ in range(8)]
    for number in range(_STILL_FRAMES):
        stamp = Stamp(number / _STILL_FPS, 0.0, "", synced=True)
        yield Frame(pictures[rng.integers(8)], stamp, number, "still")
