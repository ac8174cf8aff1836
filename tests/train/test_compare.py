"""Every head of the comparison learns, reads and can be written as one network with the convolutions."""

from __future__ import annotations

import pytest
import torch

from export import compare
from export.alternatives import HEADS, Attention


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
