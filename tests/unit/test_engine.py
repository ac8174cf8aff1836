"""The one door to the interpreter: which one is taken, what it is asked for, and how numbers go in and out."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edge_ocr import engine
from edge_ocr.bundle import load_bundle
from edge_ocr.engine import Engine, Tensor
from edge_ocr.errors import EngineError

MODEL = load_bundle(Path(__file__).parents[1] / "data/bundles/tiny", task="recognise").model
HALVES = Tensor((1,), np.dtype(np.int8), 0.5, 3)
PLAIN = Tensor((1,), np.dtype(np.float32), 0.0, 0)


class Recorder:
    """Stands in for an interpreter: notes how it was made."""

    made: dict[str, Any]

    def __init__(self, **options: Any) -> None:
        Recorder.made = options

    def allocate_tensors(self) -> None:
        """There are none."""

    def get_input_details(self) -> list[dict[str, Any]]:
        """One tensor of one float."""
        return [{"index": 0, "shape": [1], "dtype": np.float32, "quantization": (0.0, 0)}]

    get_output_details = get_input_details


def install(monkeypatch: pytest.MonkeyPatch, package: str, version: str | None) -> None:
    """Put an interpreter's package in place of what is installed; without a version there is none."""
    if version is None:
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.setitem(sys.modules, f"{package}.interpreter", None)
        return
    outer, inner = ModuleType(package), ModuleType(f"{package}.interpreter")
    outer.__version__, inner.Interpreter = version, type(package, (Recorder,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package, outer)
    monkeypatch.setitem(sys.modules, f"{package}.interpreter", inner)


@pytest.mark.parametrize(
    ("litert", "tflite", "taken"),
    [
        ("2.1", "2.14", "ai_edge_litert 2.1"),
        ("2.1", None, "ai_edge_litert 2.1"),
        (None, "2.14", "tflite_runtime 2.14"),
    ],
)
def test_litert_is_taken_before_tflite_runtime(
    monkeypatch: pytest.MonkeyPatch, litert: str | None, tflite: str | None, taken: str
) -> None:
    install(monkeypatch, "ai_edge_litert", litert)
    install(monkeypatch, "tflite_runtime", tflite)
    assert engine.interpreter_name() == taken
    assert type(Engine(b"", name="model")._interpreter).__name__ == taken.split(maxsplit=1)[0]


def test_without_an_interpreter_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "ai_edge_litert", None)
    install(monkeypatch, "tflite_runtime", None)
    with pytest.raises(EngineError, match="no TFLite interpreter is installed; run 'pip install ai-edge-litert'"):
        engine.interpreter_name()


def test_an_interpreter_that_lacks_something_of_its_own_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, "tflite_runtime", "2.14")
    install(monkeypatch, "ai_edge_litert", "2.1")
    sys.modules["ai_edge_litert"].__path__ = [str(tmp_path)]
    monkeypatch.delitem(sys.modules, "ai_edge_litert.interpreter")
    (tmp_path / "interpreter.py").write_text("import a_part_that_nobody_has\n", "utf-8")
    with pytest.raises(ModuleNotFoundError, match="a_part_that_nobody_has"):
        engine.interpreter_name()


@pytest.mark.parametrize("threads", [1, 3])
def test_the_interpreter_gets_the_model_and_as_many_threads_as_asked_for(
    monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    install(monkeypatch, "ai_edge_litert", "2.1")
    Engine(b"the model", name="model", threads=threads)
    assert Recorder.made == {"model_content": b"the model", "num_threads": threads}


def test_one_thread_is_used_unless_asked_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "ai_edge_litert", "2.1")
    Engine(b"", name="model")
    assert Recorder.made["num_threads"] == 1


@pytest.mark.parametrize("model", [b"", b"no model at all", MODEL[: len(MODEL) // 2]])
def test_what_is_no_model_is_refused_in_one_line_that_names_it(model: bytes) -> None:
    with pytest.raises(
        EngineError, match=r"^mine: .* cannot load the model \(.+\); install the bundle again$"
    ) as caught:
        Engine(model, name="mine")
    assert "\n" not in str(caught.value)


def test_quantised_values_are_rounded_to_the_nearest_step() -> None:
    real = np.array([-0.3, -0.2, 0.0, 0.2, 0.3, 0.7, 0.8], np.float32)
    stored = HALVES.quantise(real)
    assert stored.dtype == np.int8
    assert stored.tolist() == [2, 3, 3, 3, 4, 4, 5]


def test_quantised_values_are_clipped_not_wrapped() -> None:
    assert HALVES.quantise(np.array([-1e6, -65.5, 62.0, 1e6], np.float32)).tolist() == [-128, -128, 127, 127]


def test_every_stored_value_comes_back_as_it_was() -> None:
    stored = np.arange(-128, 128, dtype=np.int8)
    real = HALVES.dequantise(stored)
    assert real.dtype == np.float32
    assert real[:3].tolist() == [-65.5, -65.0, -64.5]
    assert (HALVES.quantise(real) == stored).all()


def test_a_tensor_of_floats_takes_and_gives_values_as_they_are() -> None:
    real = np.array([-1.25, 3e9], np.float32)
    assert PLAIN.quantise(real).tolist() == PLAIN.dequantise(real).tolist() == real.tolist()


def test_a_model_tells_its_tensors_and_gives_copies_of_its_outputs() -> None:
    tiny = Engine(MODEL, name="tiny")
    (output,) = tiny.outputs
    assert (tiny.input.shape, tiny.input.dtype) == ((1, 8, 32, 1), np.int8)
    assert output.shape == (1, 16, 37)
    black, white = (np.full(tiny.input.shape, shade, np.int8) for shade in (-128, 127))
    (first,) = tiny.run(black)
    kept = first.copy()
    (second,) = tiny.run(white)
    assert (first == kept).all(), "a later call leaves it alone"
    assert (output.dequantise(first).argmax(axis=2) == 1 + "0123456789A".index("A")).all()
    assert (output.dequantise(second).argmax(axis=2) == 1 + "0123456789AB".index("B")).all()
