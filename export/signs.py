"""Train the sign recogniser on rendered strips of several widths: time-boxed, resumable, measured on photographs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from edge_ocr import rectify
from export import photographs
from export.augment import vary
from export.crnn import Crnn
from export.master import load_master, settle
from export.recogniser import as_input, greedy, step
from export.scoring import Score
from export.synthetic.sign_strips import HEIGHT, WIDTHS, Group, load_shard
from export.synthetic.sign_texts import ALPHABET
from export.training import Training

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Batch = tuple[torch.Tensor, torch.Tensor]

FOLDERS = ("words_train_crops", "signs_de_crops")
"""Development folders, which never train."""
HIDDEN = 112
CHANNELS = (32, 48, 80, 112, 112, 160)
RESIDUALS = (0, 0, 1, 1, 1, 0)
PEAK_RATE = 2e-3
_MANY = 1000  # characters, from which on a state must tell apart more than it can hold
_BATCH = 128
_MIXED = 3  # shards shuffled together
_MEASURED = 600  # photographs of a folder while training; packing measures all


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a training is told.

    Attributes:
        shards: folder of strips (see :mod:`export.synthetic.sign_strips`); shards that appear later are taken in.
        out: where ``checkpoint.pt`` and ``log.jsonl`` go.
        minutes: of training in all, over every run.
        seed: of the weights and the order.
        threads: cores to use.
        data: folder of development photographs, or None to measure nothing.
        rate: the highest learning rate.
        alphabet: of the shards' classes.
        held: a shard that never trains, or a folder of such: sets the temperature, and is measured; None for none.
        start: a float master (.onnx) whose weights to begin with; what ``out`` holds goes first.
        gap: in heights, between pieces of one line that the detector takes apart; None where it knows the script.
        language: whose words are likelier than other texts, unless the user says otherwise; None for nobody's.

    """

    shards: Path
    out: Path
    minutes: float
    seed: int
    threads: int = 1
    data: Path | None = None
    rate: float = PEAK_RATE
    alphabet: str = ALPHABET
    held: Path | None = None
    start: Path | None = None
    gap: float | None = None
    language: str | None = None


def make(alphabet: str) -> Crnn:
    """The network with fresh weights."""
    hidden = HIDDEN if len(alphabet) < _MANY else 2 * HIDDEN
    return Crnn(classes=len(alphabet) + 1, hidden=hidden, height=HEIGHT, channels=CHANNELS, residuals=RESIDUALS)


def train(recipe: Recipe) -> Path:
    """Train until the minutes are used up; run again with the same ``out`` to resume. Gives the checkpoint's path."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = make(recipe.alphabet)
    if recipe.start is not None:
        network = load_master(recipe.start, network)
        strips, _ = next(batches(recipe.shards, recipe.seed))
        settle(network, as_input(strips))
    training = Training(network.to(device), out=recipe.out, minutes=recipe.minutes, rate=recipe.rate)
    generator = torch.Generator().manual_seed(recipe.seed + training.seen)

    def learn(strips: torch.Tensor, labels: torch.Tensor) -> float:
        return step(network, training.optimiser, vary(strips.to(device), generator), labels.to(device))

    def measured() -> dict[str, Score]:
        if recipe.data is None:
            return {}
        return measure(training.average.network, recipe.data, recipe.alphabet, most=_MEASURED)

    return training.run(lambda number: batches(recipe.shards, recipe.seed + number), learn, measured)


def batches(folder: Path, seed: int) -> Iterator[Batch]:
    """One pass over the shards that are there, each batch of one width, in an order of the seed's.

    Raises:
        FileNotFoundError: there is no shard.

    """
    rng = np.random.default_rng(seed)
    paths = [path for path in sorted(folder.glob("signs-*.npz")) if not path.name.endswith(".part.npz")]
    if not paths:
        raise FileNotFoundError(f"{folder} holds no shards of strips; render some first")
    order = rng.permutation(len(paths))
    for start in range(0, len(order), _MIXED):
        shards = [load_shard(paths[number]) for number in order[start : start + _MIXED]]
        yield from _shuffled(shards, rng)


def measure(network: torch.nn.Module, data: Path, alphabet: str, *, most: int | None = None) -> dict[str, Score]:
    """Greedy accuracy on the development folders that are there, in float: letters and digits, case ignored."""
    figures = {}
    for name in FOLDERS:
        if (data / name).is_dir():
            pairs = development(data / name, most=most)
            texts = greedy(network, [strip for strip, _ in pairs], alphabet)
            figures[name] = Score.of(texts, [text for _, text in pairs], folded=False)
    return figures


def development(folder: Path, *, most: int | None = None) -> list[tuple[NDArray[np.uint8], str]]:
    """Strips as the runtime cuts them and texts of a folder of crops, or of ``most`` of them evenly."""
    labels = [label for label in photographs.labels(folder) if label.text]
    every = 1 if most is None else max(1, len(labels) // most)
    pairs = []
    for label in labels[::every]:
        image = photographs.load(label.image)
        pairs.append((rectify.whole(image, width=WIDTHS, height=HEIGHT).image, label.text))
    return pairs


def _shuffled(shards: Sequence[dict[int, Group]], rng: np.random.Generator) -> Iterator[Batch]:
    """Batches of all widths in turn, by how many there are."""
    merged = {}
    for width in WIDTHS:
        groups = [shard[width] for shard in shards if width in shard]
        if groups:
            strips, labels = np.concatenate([g.strips for g in groups]), np.concatenate([g.labels for g in groups])
            merged[width] = (strips, labels, rng.permutation(len(strips)))
    turns = [
        (width, start)
        for width, (strips, _, _) in merged.items()
        for start in range(0, len(strips) - _BATCH + 1, _BATCH)
    ]
    for number in rng.permutation(len(turns)):
        width, start = turns[number]
        strips, labels, order = merged[width]
        places = order[start : start + _BATCH]
        longest = int((labels[places] != 0).sum(axis=1).max())
        yield torch.from_numpy(strips[places]), torch.from_numpy(labels[places, :longest].astype(np.int64))
