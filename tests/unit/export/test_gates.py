"""What the gates before shipping let through, and what they stop."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edge_ocr.bundle import shipped_bundle
from edge_ocr.engine import Engine
from edge_ocr.types import Kind
from export import gates
from export.errors import ConversionError


@pytest.fixture(scope="module")
def model() -> bytes:
    return shipped_bundle(Kind.PLATE, task="detect").model


def _changed(
    model: bytes, *, version: int | None = None, builtin: str | None = None, custom: str | None = None
) -> bytes:
    """The same file with its first operation renamed or of another version."""
    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    code = parsed.operatorCodes[0]
    code.version = version or code.version
    if builtin is not None:
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, builtin)
    if custom is not None:
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = custom.encode()
    builder = flatbuffers.Builder(1024)
    builder.Finish(parsed.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("task", ["detect", "recognise"])
def test_the_models_that_ship_pass(task: str) -> None:
    counts = gates.check_operations(shipped_bundle(Kind.PLATE, task=task).model)
    assert counts["CONV_2D", 3] > 0


def test_a_version_that_older_interpreters_refuse_is_stopped(model: bytes) -> None:
    with pytest.raises(ConversionError, match="FULLY_CONNECTED is of version 12"):
        gates.check_operations(_changed(model, builtin="FULLY_CONNECTED", version=12))


def test_a_flex_operation_is_stopped(model: bytes) -> None:
    with pytest.raises(ConversionError, match="CUSTOM FlexErf is not in the list"):
        gates.check_operations(_changed(model, custom="FlexErf"))


def test_an_operation_that_nobody_checked_is_stopped(model: bytes) -> None:
    with pytest.raises(ConversionError, match="WHILE is not in the list"):
        gates.check_operations(_changed(model, builtin="WHILE"))


def test_outputs_are_compared_in_their_own_spread() -> None:
    reference = np.array([[0.0, 2.0], [2.0, 0.0]], np.float32)
    other = reference + np.array([[0.5, 0.5], [-2.5, -0.5]], np.float32)
    parity = gates.compare([reference], [other])
    assert parity.error == pytest.approx(np.sqrt((3 * 0.25 + 6.25) / 4))
    assert parity.worst == 2.5
    assert parity.agreement == 1.0
    assert gates.compare([reference], [reference[::-1]]).agreement == 0.0


def test_outputs_are_paired_by_shape() -> None:
    one, two = np.zeros((3, 4), np.float32), np.ones((3, 5), np.float32)
    assert gates.compare([one, two], [two, one]).worst == 0


def test_outputs_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shapes \[\(3, 4\)\] and \[\(3, 5\)\]"):
        gates.compare([np.zeros((3, 4), np.float32)], [np.zeros((3, 5), np.float32)])


def test_another_python_that_fails_is_told_with_its_words(model: bytes, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no interpreter here >&2\nexit 3\n", "utf-8")
    broken.chmod(0o755)
    with pytest.raises(RuntimeError, match="no interpreter here"):
        gates.run_tflite_under(broken, model, np.zeros((1, 1, 384, 640), np.float32))


def test_the_same_interpreter_in_another_process_gives_the_same(model: bytes) -> None:
    import sys  # noqa: PLC0415 - only its path

    _, height, width, channels = Engine(model, name="detector").input.shape
    images = np.random.default_rng(0).uniform(-1, 1, (1, channels, height, width)).astype(np.float32)
    here = gates.run_tflite(model, images)
    there = gates.run_tflite_under(Path(sys.executable), model, images)
    assert [array.shape for array in here] == [array.shape for array in there]
    assert gates.compare(here, there).worst == 0
