"""Train the plate recogniser on rendered strips: time-boxed, resumable, measured on photographs as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from export.augment import vary
from export.crnn import Crnn
from export.master import load_master, settle
from export.photographs import FOLDERS
from export.quantised import QuantisedCrnn
from export.scoring import Score
from export.synthetic.faces import CHARACTERS
from export.synthetic.strips import HEIGHT, Shard, development_strips, load_shard
from export.training import Training, averaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

HIDDEN = 112
CHANNELS = (24, 32, 64, 96, 96, 128)
RESIDUALS = (0, 0, 1, 1, 1, 0)
_BATCH = 128
PEAK_RATE = 1.5e-3
QUANTISED_SHARE = 0.25
_READABLE = 6.0
"""Loss of a strip, in nats, beyond which its pull grows no further."""
_EXCESS_WEIGHT = 1.0
_MIXED = 4  # shards shuffled together
_MEASURED = 1000  # renders held back, which take a few seconds every few minutes
RENDERS = "held_back_renders"
"""What a log calls renders that never train."""


def train(
    *,
    shards: Path,
    data: Path | None,
    out: Path,
    minutes: float,
    seed: int,
    threads: int,
    rate: float = PEAK_RATE,
    start: Path | None = None,
    quantised: float = QUANTISED_SHARE,
    held: Path | None = None,
) -> Path:
    """Train until the minutes are used up; run again with the same ``out`` to resume.

    Args:
        shards: folder of strips (see :mod:`export.synthetic.strips`); shards that appear later are taken in.
        data: folder of development photographs, or None to measure on renders alone, or on nothing without ``held``.
        out: where ``checkpoint.pt`` and ``log.jsonl`` go.
        minutes: of training in all, over every run.
        seed: of the weights and the order.
        threads: cores to use.
        rate: the highest learning rate.
        start: a checkpoint, or a float master (.onnx), whose weights to begin with; a checkpoint in ``out`` goes first.
        quantised: share of the minutes, at their end, in which the averaged weights learn to be rounded to int8.
        held: a shard of renders that never train, to measure on; None for none.

    Returns:
        The path of the checkpoint.

    Raises:
        CheckpointError: a checkpoint holds the weights of another network.
        FileNotFoundError: there is no shard to learn from.

    """
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = _begin(start, shards).to(device)
    training = Training(network, out=out, minutes=minutes, rate=rate)
    generator = torch.Generator().manual_seed(seed + training.seen)
    aware: QuantisedCrnn | None = None

    def learn(strips: torch.Tensor, labels: torch.Tensor) -> float:
        nonlocal aware
        if aware is None and training.budget.done >= 1 - quantised:
            print("rounding to int8 from here on", flush=True)
            network.load_state_dict(training.average.network.state_dict())
            aware = QuantisedCrnn(network)
        return step(aware or network, training.optimiser, vary(strips.to(device), generator), labels.to(device))

    def measured() -> dict[str, Score]:
        averaged = training.average.network
        return measure(aware.like(averaged) if aware else averaged, data, held)

    return training.run(lambda number: _batches(shards, seed + number), learn, measured)


def make(*, classes: int = len(CHARACTERS) + 1, height: int = HEIGHT) -> Crnn:
    """The network that ships, with fresh weights; or one of the same build for other classes and strips."""
    return Crnn(classes=classes, hidden=HIDDEN, height=height, channels=CHANNELS, residuals=RESIDUALS)


def _begin(start: Path | None, shards: Path) -> Crnn:
    if start is None:
        return make()
    if start.suffix != ".onnx":
        return averaged(start, make())
    network = load_master(start, make())
    strips, _ = next(_batches(shards, 0))
    settle(network, as_input(strips))
    return network


def measure(network: nn.Module, data: Path | None, held: Path | None = None) -> dict[str, Score]:
    """Greedy accuracy of a network, as it computes, on renders held back and every development folder that is there."""
    figures = {}
    if held is not None:
        shard = load_shard(held)
        strips, labels = shard.strips[:_MEASURED], shard.labels[:_MEASURED].tolist()
        texts = ["".join(CHARACTERS[number - 1] for number in label if number) for label in labels]
        figures[RENDERS] = Score.of(greedy(network, strips), texts, folded=False)
    for folder in FOLDERS:
        if data is not None and (data / folder.name).is_dir():
            strips, texts = development_strips(data, folder)
            figures[folder.name] = Score.of(greedy(network, strips), texts, folded=folder.folded)
    return figures


@torch.no_grad()
def greedy(
    network: nn.Module, strips: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], alphabet: str = CHARACTERS
) -> list[str]:
    """Best-path texts of strips, each uint8 (height, width), of one height and any widths."""
    device = next(network.parameters()).device
    alike: dict[int, list[int]] = {}
    for place, strip in enumerate(strips):
        alike.setdefault(strip.shape[1], []).append(place)
    texts = [""] * len(strips)
    for places in alike.values():
        for start in range(0, len(places), _BATCH):
            part = places[start : start + _BATCH]
            stack = torch.from_numpy(np.stack([strips[place] for place in part])).to(device)
            classes = network(as_input(stack)).argmax(-1).cpu().numpy()
            for place, row in zip(part, classes, strict=True):
                texts[place] = best_path(row, alphabet)
    return texts


def best_path(classes: NDArray[np.integer[Any]], alphabet: str = CHARACTERS) -> str:
    """The text of one class a time step, (T,), 0 the blank: repeats taken once, blanks left out."""
    kept = classes[(classes != 0) & (np.append(-1, classes[:-1]) != classes)]
    return "".join(alphabet[number - 1] for number in kept)


def as_input(strips: torch.Tensor) -> torch.Tensor:
    """Grey uint8 (n, h, w) as the network's float (n, 1, h, w) in -1..1."""
    values = strips.float().div_(127.5).sub_(1).unsqueeze(1)
    return values.to(memory_format=torch.channels_last)


def step(network: nn.Module, optimiser: torch.optim.Optimizer, strips: torch.Tensor, labels: torch.Tensor) -> float:
    """One step of a Crnn, or of one that is rounded, on strips, float (n, 1, HEIGHT, WIDTH), and padded labels.

    Strips that nobody could read weigh less: a tenth of the renders made seven tenths of the loss before that.

    Returns:
        The mean loss a character before the step, in nats.

    """
    network.train()
    with torch.autocast(strips.device.type, torch.bfloat16):
        logits = network(strips)
    lengths = (labels != 0).sum(1)
    losses = losses_of(logits.float(), labels, lengths)
    hopeful = (_READABLE / losses.detach()).clamp(max=1.0)
    loss = (hopeful * losses / lengths).mean()
    if isinstance(network, QuantisedCrnn):
        loss = loss + _EXCESS_WEIGHT * network.excess
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's stubs
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return float((losses.detach() / lengths).mean())


def losses_of(logits: torch.Tensor, labels: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The CTC loss of every strip in nats: float (n,) of logits (n, T, C) and padded labels (n, longest)."""
    steps = torch.full((len(logits),), logits.shape[1])
    scores = logits.log_softmax(-1).transpose(0, 1)
    return functional.ctc_loss(scores, labels.long(), steps, lengths, reduction="none", zero_infinity=True)


def _batches(folder: Path, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """One pass over the shards that are there, in an order of the seed's; those removed meanwhile are passed over."""
    rng = np.random.default_rng(seed)
    paths = [path for path in sorted(folder.glob("strips-*.npz")) if not path.name.endswith(".part.npz")]
    if not paths:
        raise FileNotFoundError(f"{folder} holds no shards of strips; render some first")
    order = rng.permutation(len(paths))
    for start in range(0, len(order), _MIXED):
        there = [paths[number] for number in order[start : start + _MIXED] if paths[number].is_file()]
        if there:
            yield from _shuffled([load_shard(path) for path in there], rng)


def _shuffled(mixed: list[Shard], rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    strips = np.concatenate([shard.strips for shard in mixed])
    labels = np.concatenate([shard.labels for shard in mixed])
    order = rng.permutation(len(strips))
    for start in range(0, len(order) - _BATCH + 1, _BATCH):
        places = order[start : start + _BATCH]
        yield torch.from_numpy(strips[places]), torch.from_numpy(labels[places])
