"""Every head of the comparison learns, reads and can be written as one network with the convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from export import compare
from export.alternatives import HEADS, Attention
from export.synthetic.strips import HEIGHT, WIDTH

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", HEADS)
def test_a_head_learns_what_its_columns_say(name: str) -> None:
    torch.manual_seed(1)
    labels = torch.tensor([[1, 2, 3], [4, 5, 0], [6, 0, 0], [7, 8, 9]], dtype=torch.int8)
    columns = torch.randn(4, 40, 128)
    head, seen = compare.learn(HEADS[name](), columns, labels, seconds=2, seed=1, batch=4)
    assert seen >= 4
    with torch.no_grad():
        assert float(compare.loss(head, columns, labels)) < 0.95 * float(compare.loss(HEADS[name](), columns, labels))
    assert len(compare.read(head, columns)) == 4


def test_the_attention_decoder_stops_at_its_end() -> None:
    torch.manual_seed(2)
    told = Attention()(torch.randn(2, 40, 128))
    assert told.shape == (2, Attention.steps, 37)


def _converter(folder: Path, *, status: int) -> Path:
    """What stands for a Python with TensorFlow, and says no."""
    script = folder / "python"
    script.write_text(f"#!/bin/sh\necho 'node a: Foo cannot be converted' >&2\nexit {status}\n")
    script.chmod(0o755)
    return script


def test_only_a_network_that_cannot_be_converted_has_no_time_in_int8(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = torch.nn.Flatten().eval()
    images = np.zeros((2, 1, HEIGHT, WIDTH), np.float32)
    in_float, in_int8 = compare._times(network, _converter(tmp_path, status=3), images)
    assert in_float > 0
    assert in_int8 is None
    assert capsys.readouterr().err == "not in int8: node a: Foo cannot be converted\n"
    with pytest.raises(RuntimeError, match="failed: node a"):
        compare._times(network, _converter(tmp_path, status=1), images)


def test_a_row_says_what_it_counts() -> None:
    row = compare.Trial("some", 95_123, 0.591, 0.779, 618_893, 0.82, None).row()
    assert row == "| some | 95 k | 59.1% | 77.9% | 619 k | 0.82 ms | - |"
    assert row.count("|") == compare.HEADER.splitlines()[0].count("|")
