"""What training takes for int8 is what the converter makes, and training towards it costs no accuracy."""

from __future__ import annotations

import pytest
import torch

from export import recogniser
from export.augment import vary
from export.crnn import Crnn, Residual
from export.quantised import QuantisedCrnn, Ranges
from export.synthetic.strips import HEIGHT, WIDTH


@pytest.fixture(scope="module")
def network() -> Crnn:
    torch.manual_seed(3)
    network = recogniser.make()
    for module in network.modules():
        if isinstance(module, Residual):
            torch.nn.init.constant_(module.branch[1].weight, 0.7)  # a fresh one would have no say
    for _ in range(3):
        network(torch.randn(16, 1, HEIGHT, WIDTH))  # gives the normalisation layers something to have seen
    return network.eval()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    torch.manual_seed(4)
    return torch.rand(8, 1, HEIGHT, WIDTH) * 2 - 1


def test_without_rounding_the_imitation_is_the_network(network: Crnn, images: torch.Tensor) -> None:
    with torch.no_grad():
        assert torch.allclose(QuantisedCrnn(network, Ranges(only=()))(images), network(images), atol=1e-4)


def test_rounding_moves_the_answers_a_little(network: Crnn, images: torch.Tensor) -> None:
    with torch.no_grad():
        rounded, exact = QuantisedCrnn(network)(images), network(images)
    difference = float((rounded - exact).square().mean().sqrt() / exact.std())
    assert 0.001 < difference < 0.2


def test_gradients_pass_through_the_rounding(network: Crnn, images: torch.Tensor) -> None:
    QuantisedCrnn(network)(images).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
    network.zero_grad()


def test_ranges_hold_zero_exactly_and_clip_what_they_have_not_seen() -> None:
    ranges = Ranges()
    assert ranges("a", torch.tensor([1.0, 3.0, 0.0]))[2] == 0
    ranges.watching = False
    assert float(ranges("a", torch.tensor([30.0]))) == pytest.approx(3.0, abs=0.02)
    assert float(ranges("a", torch.tensor([-30.0]))) == 0


def test_cells_that_run_away_are_counted(network: Crnn, images: torch.Tensor) -> None:
    calm, wild = QuantisedCrnn(network), recogniser.make()
    wild.load_state_dict(network.state_dict())
    units = wild.recurrence.hidden_size
    with torch.no_grad():
        wild.recurrence.bias_ih_l0[: 2 * units] += 20  # all comes in, nothing is forgotten
        wild.recurrence.bias_ih_l0[2 * units : 3 * units] += 3
        loud = QuantisedCrnn(wild)
        loud(images)
        calm(images)
    assert float(calm.excess) < 0.01
    assert float(loud.excess) > 10


def test_a_strip_seen_again_differs_a_little() -> None:
    generator = torch.Generator().manual_seed(1)
    strips = torch.randint(0, 256, (64, 6, 20), generator=generator, dtype=torch.uint8)
    strips = torch.nn.functional.interpolate(strips[:, None].float(), (HEIGHT, WIDTH), mode="bilinear")[:, 0].byte()
    plain, varied = recogniser.as_input(strips), vary(strips, generator)
    assert varied.shape == plain.shape
    assert float(varied.min()) >= -1
    assert float(varied.max()) <= 1
    differences = (plain - varied).abs().mean(dim=(1, 2, 3))
    assert float(differences.min()) > 0
    assert 0.01 < float(differences.median()) < 0.3
