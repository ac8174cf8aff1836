"""Lets the unmodified picamera2 run on libcamera's virtual camera, in every Python that is started with this folder in
its path: without a Raspberry Pi there is no display (pykms), no DNG (pidng), no contiguous memory (dma-heap), no raw
stream, and the virtual camera of libcamera 0.4 wants two planes for NV12, and pacing.

EDGE_OCR_STARVE names a file: while it is there, no picture arrives.
"""  # noqa: D205 -- one sentence

from __future__ import annotations

import mmap
import os
import sys
import time
import types
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder
from typing import Any

FPS = float(os.environ.get("EDGE_OCR_VIRTUAL_FPS", "30"))


class Names:
    """Has every attribute."""

    def __getattr__(self, name: str) -> str:
        return name


class Heap:
    """Plain memory in the place of contiguous memory."""

    isValid = True  # noqa: N815 -- picamera2's name

    def alloc(self, name: str, size: int) -> Any:
        file = os.memfd_create(name, os.MFD_CLOEXEC)
        os.ftruncate(file, size)
        return import_module("picamera2.dma_heap").UniqueFD(file)

    def close(self) -> None:
        pass


class Sync:
    """Plain memory needs no synchronising."""

    def __init__(self, allocator: Any, buffer: Any, write: bool) -> None:
        del write
        self._memory = allocator.mapped_buffers.get(buffer)

    def __enter__(self) -> Any:
        return self._memory

    def __exit__(self, *_: object) -> None:
        pass


def allocate(self: Any, configurations: Any, _: Any) -> None:
    libcamera = import_module("libcamera")
    self.libcamera_fds = []
    self.cleanup()
    for file in self.open_fds:
        os.close(file)
    self.frame_buffers, self.open_fds = {}, []
    for number, configuration in enumerate(configurations):
        buffers = []
        for index in range(configuration.buffer_count):
            file = self.dmaHeap.alloc(f"virtual-{number}-{index}", configuration.frame_size).get()
            self.open_fds.append(file)
            luma = configuration.stride * configuration.size.height
            planes = []
            for offset, length in ((0, luma), (luma, configuration.frame_size - luma)):
                plane = libcamera.FrameBuffer.Plane()
                plane.fd, plane.offset, plane.length = file, offset, length
                planes.append(plane)
            self.libcamera_fds.append(planes[0].fd)
            self.mapped_buffers_used[planes[0].fd] = False
            buffer = libcamera.FrameBuffer(planes)
            buffers.append(buffer)
            self.mapped_buffers[buffer] = mmap.mmap(file, configuration.frame_size)
        self.frame_buffers[configuration.stream] = buffers


def raw_modes(self: Any) -> list[dict[str, Any]]:
    role = import_module("libcamera").StreamRole.VideoRecording
    formats = self.camera.generate_configuration([role]).at(0).formats
    return [
        {"format": str(format_), "size": (size.width, size.height)}
        for format_ in formats.pixel_formats
        for size in formats.sizes(format_)
    ]


def adapt() -> None:
    allocator = import_module("picamera2.allocators.dmaallocator")
    allocator.DmaHeap = Heap
    allocator.DmaAllocator.DmaSync = Sync
    allocator.DmaAllocator.allocate = allocate
    camera = import_module("picamera2.picamera2")
    camera.Picamera2._get_raw_modes = raw_modes
    handle = camera.CameraManager.handle_request
    last = [0.0]

    def paced(self: Any, flush: Any = None) -> Any:
        time.sleep(max(0.0, last[0] + 1 / FPS - time.monotonic()))
        while os.path.exists(os.environ.get("EDGE_OCR_STARVE", "/none")):  # noqa: PTH110 -- loaded with every Python
            time.sleep(0.05)
        last[0] = time.monotonic()
        return handle(self, flush)

    camera.CameraManager.handle_request = paced


class Adapter(Loader, MetaPathFinder):
    """Adapts picamera2 as soon as somebody has imported it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "picamera2":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: types.ModuleType) -> None:
                load(module)
                adapt()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if "EDGE_OCR_VIRTUAL" in os.environ:
    for name in ("pykms", "kms", "pidng", "pidng.core", "pidng.camdefs"):
        stand_in: Any = types.ModuleType(name)
        stand_in.PixelFormat, stand_in.PICAM2DNG, stand_in.Picamera2Camera = Names(), object, object
        sys.modules.setdefault(name, stand_in)
    sys.meta_path.insert(0, Adapter())
