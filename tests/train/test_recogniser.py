"""A training learns, stops on time, goes on where it was stopped, and leaves a master that means what it learned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from export import recogniser
from export.crnn import Crnn
from export.errors import CheckpointError
from export.gates import run_onnx
from export.master import load_master, settle, write_master
from export.synthetic import strips
from export.synthetic.faces import CHARACTERS
from export.synthetic.strokes import stroke_face
from export.training import Average, Budget

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from export.crnn import Six


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("shards")
    faces = [stroke_face(np.random.default_rng(seed)) for seed in range(4)]
    shard = strips.render_shard(faces, [], seed=1, number=0, size=300)
    np.savez(folder / "strips-1-0000.npz", strips=shard.strips, labels=shard.labels)
    return folder


def test_a_training_goes_on_where_it_was_stopped(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once = {"shards": shards, "data": None, "out": tmp_path, "seed": 1, "threads": 1}
    path = recogniser.train(**once, minutes=0.05)
    first = torch.load(path, weights_only=True)
    assert first["seen"] > 0
    assert first["spent"] >= 3
    recogniser.train(**once, minutes=first["spent"] / 60 + 0.05)
    second = torch.load(path, weights_only=True)
    assert second["seen"] > first["seen"]
    assert second["spent"] >= 6
    assert "resuming after" in capsys.readouterr().out
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["strips"] for line in lines] == [first["seen"], second["seen"]]
    assert all(0 < line["loss"] < 100 for line in lines)
    assert all(set(line) == {"minutes", "strips", "loss"} for line in lines)


def test_a_training_tells_what_it_reads_of_renders_that_it_never_sees(shards: Path, tmp_path: Path) -> None:
    (held,) = shards.iterdir()
    recogniser.train(shards=shards, data=None, held=held, out=tmp_path, seed=1, threads=1, minutes=0.02)
    (line,) = (json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines())
    assert 0 <= line["held_back_renders"] <= 1


def test_renders_that_are_read_right_are_counted(shards: Path) -> None:
    (held,) = shards.iterdir()
    labels = strips.load_shard(held).labels

    class Knowing(torch.nn.Module):
        """Says what the labels say, strip by strip, but of the first one nothing."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            self.done = 0

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            told = torch.zeros(len(images), 40, len(CHARACTERS) + 1)
            for row in range(len(images)):
                if self.done:
                    for place, number in enumerate(labels[self.done]):
                        told[row, 2 * place, number] = 1
                self.done += 1
            return told

    score = recogniser.measure(Knowing(), None, held)["held_back_renders"]
    assert score.count == 300
    assert score.exact == pytest.approx(299 / 300)


def test_a_checkpoint_of_another_network_is_refused_with_the_cure(shards: Path, tmp_path: Path) -> None:
    small = _network(hidden=8)
    average = Average(small).state()
    torch.save({"network": small.state_dict(), "average": average}, tmp_path / "checkpoint.pt")
    told: dict[str, Any] = {"shards": shards, "data": None, "seed": 1, "threads": 1, "minutes": 0.02}
    with pytest.raises(CheckpointError, match=r"checkpoint.pt: holds the weights of another network.*move the file"):
        recogniser.train(**told, out=tmp_path)
    with pytest.raises(CheckpointError, match="another network"):
        recogniser.train(**told, out=tmp_path / "new", start=tmp_path / "checkpoint.pt")


def _network(
    *, hidden: int = 80, channels: Six = (24, 32, 64, 96, 96, 128), residuals: Six = (0, 0, 0, 0, 0, 0)
) -> Crnn:
    """A network smaller than the one that ships."""
    classes = len(CHARACTERS) + 1
    return Crnn(classes=classes, hidden=hidden, height=strips.HEIGHT, channels=channels, residuals=residuals)


def test_a_few_strips_can_be_learned_by_heart(shards: Path) -> None:
    torch.manual_seed(0)
    shard = strips.load_shard(next(shards.iterdir()))
    images, labels = recogniser.as_input(torch.from_numpy(shard.strips[:32])), torch.from_numpy(shard.labels[:32])
    network = _network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = [recogniser.step(network, optimiser, images, labels) for _ in range(60)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[5:10])


def test_the_master_means_what_the_network_learned(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = _network()
    network(torch.randn(16, 1, strips.HEIGHT, strips.WIDTH))  # gives the normalisation layers something to have seen
    write_master(network.eval(), tmp_path / "model.onnx", width=strips.WIDTH, height=strips.HEIGHT)
    images = np.random.default_rng(0).uniform(-1, 1, (3, 1, strips.HEIGHT, strips.WIDTH)).astype(np.float32)
    (answers,) = run_onnx(tmp_path / "model.onnx", images)
    with torch.no_grad():
        wanted: NDArray[np.float32] = network(torch.from_numpy(images)).numpy()
    assert np.abs(answers - wanted).max() < 1e-4


def _master(path: Path) -> tuple[Crnn, torch.Tensor]:
    """A small network that is written as a master, and strips of uneven light for it."""
    torch.manual_seed(5)
    network = _network()
    for _ in range(3):
        network(torch.randn(16, 1, strips.HEIGHT, strips.WIDTH) * 2 + 0.5)
    write_master(network.eval(), path, width=strips.WIDTH, height=strips.HEIGHT)
    return network, torch.rand(64, 1, strips.HEIGHT, strips.WIDTH) ** 2 * 2 - 1


@torch.no_grad()
def test_a_training_can_begin_with_a_master(tmp_path: Path) -> None:
    network, images = _master(tmp_path / "model.onnx")
    assert torch.allclose(load_master(tmp_path / "model.onnx", _network())(images), network(images), atol=1e-4)


@torch.no_grad()
def test_a_larger_network_begins_where_a_master_stood(tmp_path: Path) -> None:
    network, images = _master(tmp_path / "model.onnx")
    large = _network(hidden=90, channels=(26, 32, 70, 96, 100, 130), residuals=(0, 1, 2, 1, 0, 0))
    assert torch.allclose(load_master(tmp_path / "model.onnx", large)(images), network(images), atol=1e-4)
    with pytest.raises(ValueError, match="another size"):
        load_master(tmp_path / "model.onnx", _network(hidden=79))
    write_master(large, tmp_path / "large.onnx", width=strips.WIDTH, height=strips.HEIGHT)
    with pytest.raises(ValueError, match="the network has 6"):
        load_master(tmp_path / "large.onnx", _network())


@torch.no_grad()
def test_a_larger_networks_master_means_the_same(tmp_path: Path) -> None:
    _, images = _master(tmp_path / "model.onnx")
    large = load_master(tmp_path / "model.onnx", recogniser.make())
    write_master(large, tmp_path / "large.onnx", width=strips.WIDTH, height=strips.HEIGHT)
    assert torch.allclose(load_master(tmp_path / "large.onnx", recogniser.make())(images), large(images), atol=1e-4)


@torch.no_grad()
def test_a_settled_network_learns_from_where_it_stood(tmp_path: Path) -> None:
    _, images = _master(tmp_path / "model.onnx")
    network = load_master(tmp_path / "model.onnx", recogniser.make())
    network.dropout.p = 0.0
    before, unsettled = network(images), network.train()(images)
    network = load_master(tmp_path / "model.onnx", recogniser.make())
    settle(network, images)
    network.dropout.p = 0.0
    assert torch.allclose(network(images), before, atol=1e-3)
    assert torch.allclose(network.train()(images), before, atol=1e-2)
    assert not torch.allclose(unsettled, before, atol=0.1)


def test_the_average_of_constant_weights_is_these_weights() -> None:
    network = _network()
    average = Average(network)
    for _ in range(5):
        average.update(network)
    for mean, weight in zip(average.network.parameters(), network.parameters(), strict=True):
        assert torch.allclose(mean, weight, atol=1e-6)


def test_a_budget_rises_and_falls_with_its_time() -> None:
    start, top, end = (Budget(1, spent=60 * share).rate(1.0) for share in (0.0, 0.02, 1.0))
    assert start < 0.1
    assert top == pytest.approx(1.0, abs=0.01)
    assert end == pytest.approx(0.01, abs=1e-3)


def test_greedy_texts_leave_out_blanks_and_repeats() -> None:
    class Fixed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            classes = torch.tensor([11, 11, 0, 11, 12, 0, 0, 2])  # A A - A B - - 1
            return torch.nn.functional.one_hot(classes, 37).float().expand(len(images), -1, -1)

    assert recogniser.greedy(Fixed(), np.zeros((2, strips.HEIGHT, strips.WIDTH), np.uint8)) == ["AAB1", "AAB1"]
