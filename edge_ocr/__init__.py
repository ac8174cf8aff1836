"""edge-ocr reads licence plates and signs from camera frames, on a Raspberry Pi, offline, for years.

>>> import edge_ocr
>>> reader = edge_ocr.Reader("plate", regions=["eu"])  # doctest: +SKIP
>>> reader.read(image)  # doctest: +SKIP
>>> for event in edge_ocr.watch("clip.mp4"):  # doctest: +SKIP
...     print(event.reading.text, event.reading.confidence)

Names are loaded when they are first used: importing the package alone costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_ocr.bundle import Bundle, load_bundle
    from edge_ocr.clock import Stopwatch
    from edge_ocr.config import Settings
    from edge_ocr.errors import (
        BundleError,
        CameraLost,
        ConfigError,
        EdgeOcrError,
        EngineError,
        GrammarError,
        ListError,
        SourceError,
        StoreError,
        UpdateError,
    )
    from edge_ocr.grammar import Grammar, word_grammar
    from edge_ocr.reader import Reader
    from edge_ocr.runtime import watch
    from edge_ocr.types import (
        Alternative,
        Direction,
        Event,
        Frame,
        Hypothesis,
        Image,
        Kind,
        Point,
        Quad,
        Reading,
        Sighting,
        Stamp,
        Strip,
    )

__all__ = [
    "Alternative",
    "Bundle",
    "BundleError",
    "CameraLost",
    "ConfigError",
    "Direction",
    "EdgeOcrError",
    "EngineError",
    "Event",
    "Frame",
    "Grammar",
    "GrammarError",
    "Hypothesis",
    "Image",
    "Kind",
    "ListError",
    "Point",
    "Quad",
    "Reader",
    "Reading",
    "Settings",
    "Sighting",
    "SourceError",
    "Stamp",
    "Stopwatch",
    "StoreError",
    "Strip",
    "UpdateError",
    "load_bundle",
    "watch",
    "word_grammar",
]

_ELSEWHERE = {
    "Bundle": "bundle",
    "CameraLost": "errors",
    "Grammar": "grammar",
    "Reader": "reader",
    "Settings": "config",
    "Stopwatch": "clock",
    "load_bundle": "bundle",
    "watch": "runtime",
    "word_grammar": "grammar",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _ELSEWHERE.get(name) or ("errors" if name.endswith("Error") else "types")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
