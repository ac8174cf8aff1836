"""Networks for several widths in one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_ocr.engine import Engine
from edge_ocr.errors import EngineError
from export.merging import merge

TINY = (Path(__file__).parents[2] / "data/bundles/tiny/model.tflite").read_bytes()


def test_each_signature_answers_as_its_own_file_did() -> None:
    whole = merge({"first": TINY, "second": TINY})
    alone = Engine(TINY, name="alone")
    values = np.random.default_rng(5).integers(-128, 128, alone.input.shape).astype(alone.input.dtype)
    for signature in (None, "first", "second"):
        engine = Engine(whole, name="whole", signature=signature)
        assert (engine.input, engine.outputs) == (alone.input, alone.outputs)
        assert np.array_equal(engine.run(values)[0], alone.run(values)[0])


def test_an_engine_outlives_its_first_run() -> None:
    engine = Engine(merge({"only": TINY}), name="whole", signature="only")
    values = np.zeros(engine.input.shape, engine.input.dtype)
    first = engine.run(values)[0]
    engine.run(np.full(engine.input.shape, 127, engine.input.dtype))
    assert np.array_equal(engine.run(values)[0], first)


def test_equal_weights_are_kept_once() -> None:
    one, two = merge({"first": TINY}), merge({"first": TINY, "second": TINY})
    assert len(two) < 1.8 * len(one)


def test_a_signature_that_is_not_there_is_an_error() -> None:
    with pytest.raises(EngineError, match="model"):
        Engine(merge({"first": TINY}), name="model", signature="third")


def test_nothing_cannot_be_merged() -> None:
    with pytest.raises(ValueError, match="models is empty"):
        merge({})


def test_a_merged_file_cannot_be_merged_again() -> None:
    with pytest.raises(ValueError, match="2 subgraphs"):
        merge({"whole": merge({"first": TINY, "second": TINY})})
