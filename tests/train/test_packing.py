"""What decides whether a model ships, and how sure it is allowed to be."""

from __future__ import annotations

import numpy as np
import pytest

from export import packing
from export.errors import ConversionError
from export.scoring import Score


def test_int8_may_lose_a_point_of_exact_texts_and_no_more() -> None:
    exact = {"a": Score(0.90, 0.0, 900), "b": Score(0.80, 0.0, 100)}
    lost = packing.check_loss(exact, {"a": Score(0.895, 0.0, 900), "b": Score(0.76, 0.0, 100)})
    assert lost == pytest.approx(0.0085)
    with pytest.raises(ConversionError, match=r"1\.3% of exact texts"):
        packing.check_loss(exact, {"a": Score(0.89, 0.0, 900), "b": Score(0.76, 0.0, 100)})


@pytest.mark.parametrize("truth", [0.8, 1.25, 2.0])
def test_the_temperature_that_answers_were_made_with_is_found(truth: float) -> None:
    random = np.random.default_rng(1)
    count, classes = 3000, 5
    logits = random.normal(0, 2, (count, 1, classes)).astype(np.float32)
    probabilities = np.exp(logits[:, 0] / truth)
    probabilities /= probabilities.sum(1, keepdims=True)
    drawn = (random.random((count, 1)) < probabilities.cumsum(1)).argmax(1)
    found = packing.fit_temperature([logits], drawn[:, None].astype(np.int8))
    assert found == pytest.approx(truth, rel=0.15)
