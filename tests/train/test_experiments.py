"""The experiments on MNIST, on digits made of bars: how they learn, resume, quantise and report."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from export.__main__ import main
from export.errors import CheckpointError
from export.experiments import attention, classic, commands, dram, glimpses, mnist, report, trials
from export.experiments.mnist import Digits
from export.experiments.networks import Rows, linear, multiplications

DOCS = Path(__file__).parents[2] / "docs/design"


def bars(count: int, seed: int = 1) -> Digits:
    """'Digits' that a few steps can learn: digit d is a bar across row 2 d + 4, with noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(10, size=count)
    images = rng.integers(0, 40, (count, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 4 : 2 * label + 6, 4:24] = 255
    return Digits(torch.from_numpy(images), torch.from_numpy(labels))


def write_idx(path: Path, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(head + values.astype(np.uint8).tobytes()))


def test_digits_come_from_the_files_of_mnist(tmp_path: Path) -> None:
    some = bars(7)
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", some.images.numpy())
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", some.labels.numpy())
    found = mnist.load(tmp_path, "t10k")
    assert torch.equal(found.images, some.images)
    assert torch.equal(found.labels, some.labels)


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((3, 4), np.uint8))
    with pytest.raises(ValueError, match="train-images"):
        mnist.load(tmp_path, "train")


def test_a_digit_that_is_changed_by_nothing_stays_as_it_is() -> None:
    some = bars(5)
    same = mnist.changed(some.images, mnist.NONE, torch.Generator().manual_seed(1))
    assert torch.allclose(same, mnist.as_input(some.images), atol=1e-5)
    slots = mnist.changed(some.images, mnist.NONE, torch.Generator().manual_seed(1), size=mnist.SLOT)
    assert torch.allclose(slots[:, 2:30, 2:30], mnist.as_input(some.images), atol=1e-5)


def test_test_strings_hold_every_digit_once_side_by_side() -> None:
    some = bars(20)
    strips, texts = mnist.test_strings(some, 0)
    assert strips.shape == (4, 32, 160)
    assert sorted(texts.flatten().tolist()) == sorted(some.labels.tolist())
    first = strips[0, 2:30, 10:38]
    assert any(torch.equal(first, image) for image in some.images)


def test_training_strings_say_what_their_digits_are() -> None:
    some = bars(30)
    strips, texts = mnist.strings(some, 6, mnist.NONE, torch.Generator().manual_seed(2))
    assert strips.shape == (6, 32, 160)
    rows = {
        int(strip.sum(1).argmax()) for strip, text in zip(strips, texts, strict=True) if len(set(text.tolist())) == 1
    }
    assert rows <= set(range(32))
    for strip, text in zip(strips, texts, strict=True):
        bright = {int(row) for row in torch.nonzero(strip.max(1).values > 0.9).flatten()}
        assert {2 * int(label) + 7 for label in text} <= bright


@pytest.mark.parametrize("name", ["svc", "mlp"])
def test_a_trial_learns_and_goes_on_where_it_stopped(name: str, tmp_path: Path) -> None:
    trial = replace(classic.TRIALS[name], rate=1e-2, coarse=False)
    learn, test = bars(1280), bars(200, seed=2)
    first = trials.train(trial, learn, test, tmp_path, seed=1, epochs=1)
    again = trials.train(trial, learn, test, tmp_path, seed=1, epochs=4)
    assert again.curve[:1] == first.curve
    assert len(again.curve) == 4
    assert again.curve[-1]["digits"] > 0.8


def test_a_checkpoint_of_another_network_is_refused_with_the_cure(tmp_path: Path) -> None:
    learn, test = bars(128), bars(50, seed=2)
    trials.train(replace(classic.TRIALS["mlp"], name="svc"), learn, test, tmp_path, seed=1, epochs=1)
    with pytest.raises(CheckpointError, match=r"svc-1.pt: holds the weights of another network"):
        trials.train(classic.TRIALS["svc"], learn, test, tmp_path, seed=1, epochs=2)


def test_the_crnn_takes_a_step_on_digits_and_strings_alike() -> None:
    trial, some = classic.TRIALS["crnn"], bars(256)
    network = trial.make()
    shapes = set()
    for inputs, targets in trial.batches(some, torch.Generator().manual_seed(1)):
        trial.loss(network, inputs, targets).backward()
        shapes.add((tuple(inputs.shape[1:]), targets.shape[1]))
        assert int(targets.min()) >= 1
    assert shapes == {((1, 32, 32), 1), ((1, 32, 160), 5)}


def test_a_best_path_is_right_only_if_it_spells_all() -> None:
    logits = torch.full((2, 6, 11), -9.0)
    for step, label in enumerate([0, 4, 4, 0, 8, 0]):
        logits[0, step, label] = 9
    for step, label in enumerate([4, 4, 8, 8, 8, 8]):
        logits[1, step, label] = 9
    assert classic.right_paths(logits, torch.tensor([[3, 7], [3, 3]])) == 0.5


def test_multiplications_are_counted_as_by_hand() -> None:
    assert multiplications(linear(), torch.zeros(1, 28, 28)) == 7840
    assert multiplications(Rows(nn.LSTM), torch.zeros(1, 28, 28)) == 28 * 4 * 128 * (28 + 128) + 1280
    assert multiplications(Rows(nn.RNN), torch.zeros(1, 28, 28)) == 28 * 128 * (28 + 128) + 1280


def test_a_glimpse_shows_what_is_around_its_place_and_nothing_beyond_the_picture() -> None:
    pictures = torch.arange(64.0).view(1, 8, 8).expand(2, 8, 8) + 1
    middle, corner = attention.glimpse(pictures, torch.tensor([[0.0, 0.0], [-1.0, -1.0]]), 4)
    assert torch.allclose(middle, pictures[0, 2:6, 2:6], atol=1e-4)
    assert torch.allclose(corner[2:, 2:], pictures[0, :2, :2], atol=1e-4)
    assert not corner[:2].any()
    assert not corner[:, :2].any()


def test_a_glimpse_that_reaches_further_is_coarser() -> None:
    pictures = torch.zeros(1, 8, 8)
    pictures[:, :, 4:] = 1
    (whole,) = attention.glimpse(pictures, torch.zeros(1, 2), 4, reach=8)
    assert whole[:, 0].max() < 0.1
    assert whole[:, 3].min() > 0.9


@pytest.mark.parametrize(
    ("network", "shape", "places", "choices"),
    [
        (attention.Ram(glimpses=3, units=16), (5, 28, 28), 3, 2),
        (dram.Dram(units=16), (5, dram.FIELD, dram.FIELD), 6, 6),
    ],
)
def test_what_is_looked_at_is_chosen_within_the_picture_and_the_same_without_chance(
    network: nn.Module, shape: tuple[int, ...], places: int, choices: int
) -> None:
    pictures = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    episode = network.look(pictures)
    assert episode.places.shape == (5, places, 2)
    assert episode.places.abs().max() <= 1
    assert episode.likelihoods.shape == episode.hopes.shape == (5, choices)
    assert torch.equal(network(pictures), network(pictures))
    assert not torch.equal(network.look(pictures).places, network.look(pictures).places)


def test_what_is_hoped_for_comes_near_to_what_is_got_and_places_are_learnt() -> None:
    torch.manual_seed(1)
    network, some = attention.Ram(glimpses=2, units=32), bars(64)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    shown = mnist.as_input(some.images)
    hoped = []
    for _ in range(30):
        loss = attention.loss(network, shown, some.labels)
        optimiser.zero_grad()
        loss.backward()
        assert network.next.weight.grad.abs().sum() > 0, "where to look is learnt"
        optimiser.step()
        hoped.append(network.look(shown).hopes.mean().item())
    right = float((network(shown).argmax(1) == some.labels).double().mean())
    assert abs(hoped[-1] - right) < abs(hoped[0] - right)


def test_ram_learns_where_digits_differ(tmp_path: Path) -> None:
    trial = replace(classic.TRIALS["ram"], make=lambda: attention.Ram(glimpses=4, units=64), rate=3e-3)
    outcome = trials.train(trial, bars(2560), bars(200, seed=2), tmp_path, seed=1, epochs=5)
    assert outcome.curve[-1]["digits"] > 0.5, "by chance it is a tenth"


def test_pairs_hold_every_digit_once_from_left_to_right() -> None:
    some = bars(256)
    shown = list(dram.pairs(some, torch.Generator().manual_seed(1)))
    assert [pictures.shape for pictures, _ in shown] == [(64, dram.FIELD, dram.FIELD)] * 2
    assert sorted(torch.cat([labels.flatten() for _, labels in shown]).tolist()) == sorted(some.labels.tolist())
    assert all(float(picture.max()) > 0.9 for pictures, _ in shown for picture in pictures)


def test_dram_takes_a_step_with_a_gradient_for_every_part() -> None:
    torch.manual_seed(1)
    network = dram.Dram(units=16)
    pictures, labels = next(dram.pairs(bars(128), torch.Generator().manual_seed(1)))
    dram.loss(network, pictures, labels).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert set(dram.reads_pairs(network, bars(256))) == {"pairs"}


def test_glimpses_are_drawn_for_networks_that_take_some(tmp_path: Path) -> None:
    some = bars(128)
    for number, network in enumerate((attention.Ram(units=16), dram.Dram(units=16))):
        assert glimpses.draw(network, some, tmp_path / f"{number}.svg")
        assert (tmp_path / f"{number}.svg").read_text("utf-8").count("<image") == 10
    assert not glimpses.draw(linear(), some, tmp_path / "none.svg")
    assert not (tmp_path / "none.svg").exists()


ROW = report.Row("lstm", 1, 2, [{"digits": 0.9}, {"digits": 0.95}], 1000, 2_000_000, 60.0, {"digits": 0.94}, 5000, 0.1)


def test_a_report_keeps_its_rows_in_order_and_replaces_a_trial_made_again(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report.store(path, replace(ROW, trial="crnn"))
    report.store(path, ROW)
    rows = report.store(path, replace(ROW, epochs=9))
    assert list(rows) == ["lstm", "crnn"]
    assert report.load(path) == rows
    assert rows["lstm"].epochs == 9


def test_the_table_stands_between_its_marks_and_the_rest_of_the_page_stays() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    made = report.into_page(page, {"lstm": ROW})
    assert made.startswith("before\n")
    assert made.endswith("\nafter\n")
    assert "old" not in made
    assert "| LSTM, 128 units, 28 rows | 98.46% | 95.00% | 94.00% |" in made
    assert report.into_page(made, {"lstm": ROW}) == made
    with pytest.raises(ValueError, match="no place"):
        report.into_page("nothing", {})


def test_the_curve_is_the_same_picture_every_time(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        report.draw({"lstm": ROW}, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of an experiment on digits of bars, in a folder where a report of whole trainings stands."""
    (tmp_path / "mnist").mkdir()
    for part in ("train", "t10k"):
        some = bars(256)
        write_idx(tmp_path / f"mnist/{part}-images-idx3-ubyte.gz", some.images.numpy())
        write_idx(tmp_path / f"mnist/{part}-labels-idx1-ubyte.gz", some.labels.numpy())
    monkeypatch.setitem(classic.TRIALS, "svc", replace(classic.TRIALS["svc"], epochs=2))
    monkeypatch.setattr(commands, "_PAGE", tmp_path / "report.md")
    (tmp_path / "report.md").write_text(f"{report.BEGIN}\n{report.END}\n", encoding="utf-8")
    return ["experiments", "mnist", "--data", str(tmp_path), "--cache", str(tmp_path / "cache"), "--only", "svc"]


def test_only_a_whole_training_goes_into_the_report(
    quick: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.glob("report*"))
    assert main([*quick, "--epochs", "1"]) == 0
    assert "| linear SVC |" in capsys.readouterr().out
    assert sorted(tmp_path.glob("report*")) == before
    assert "linear SVC" not in (tmp_path / "report.md").read_text("utf-8")
    assert main(quick) == 0
    assert report.load(tmp_path / "report.json")["svc"].epochs == 2
    assert "| linear SVC |" in (tmp_path / "report.md").read_text("utf-8")


def test_a_quick_look_goes_into_a_page_of_its_own_where_one_is_named(quick: list[str], tmp_path: Path) -> None:
    page = tmp_path / "quick.md"
    page.write_text(f"{report.BEGIN}\n{report.END}\n", encoding="utf-8")
    assert main([*quick, "--epochs", "1", "--page", str(page)]) == 0
    assert report.load(tmp_path / "quick.json")["svc"].epochs == 1
    assert main([*quick, "--epochs", "0"]) == 2


def test_the_docs_show_what_the_report_holds() -> None:
    rows = report.load(DOCS / "experiments.json")
    page = (DOCS / "experiments.md").read_text("utf-8")
    assert rows
    assert report.into_page(page, rows) == page
