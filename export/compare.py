"""The recogniser's alternatives on the same data and budget: ``python -m export compare MASTER.onnx``.

All stand behind the convolutions of one trained master, which stay as they are, so that minutes of one core tell
something: each head begins at random and learns for the same CPU time from the same columns. What a head would make of
convolutions that had grown up with it is not told; those here grew up with an LSTM.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.nn import functional

from edge_ocr.engine import Engine
from export.alternatives import HEADS, Attention
from export.convert import convert_apart
from export.errors import ConversionError
from export.master import load_master
from export.photographs import FOLDERS
from export.recogniser import as_input, best_path, losses_of, make
from export.scoring import Score
from export.synthetic.faces import CHARACTERS
from export.synthetic.strips import HEIGHT, WIDTH, development_strips, load_shard
from export.training import Average

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

HEADER = (
    "| head | strips seen | renders | photographs | parameters | float, ONNX Runtime | int8, LiteRT |\n"
    "|---|---|---|---|---|---|---|"
)
_BATCH = 128
_RATE = 2e-3
_HELD = 2000
_RUNS = 50


@dataclass(frozen=True, slots=True)
class Trial:
    """One head: ``renders`` and ``photographs`` exact, greedy, float; parameters; milliseconds of CPU a crop.

    Attributes:
        name: of the head.
        strips: seen while it learned, with repeats.
        renders: share of held-back renders that is exact.
        photographs: the same of all development folders together.
        parameters: of convolutions and head, before normalisation is folded in.
        float_ms: of the whole network in ONNX Runtime, one thread.
        int8_ms: of the int8 file in the interpreter that ships; None where the converter does not know an operation.

    """

    name: str
    strips: int
    renders: float
    photographs: float
    parameters: int
    float_ms: float
    int8_ms: float | None

    def row(self) -> str:
        """A line of the table, as Markdown."""
        int8 = "-" if self.int8_ms is None else f"{self.int8_ms:.2f} ms"
        shares = f"{self.renders:.1%} | {self.photographs:.1%}"
        size = f"{self.parameters / 1000:.0f} k"
        return f"| {self.name} | {self.strips // 1000} k | {shares} | {size} | {self.float_ms:.2f} ms | {int8} |"


class Whole(nn.Module):
    """Convolutions and a head as one network."""

    def __init__(self, features: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def forward(self, strips: torch.Tensor) -> torch.Tensor:
        """Float (n, 1, HEIGHT, WIDTH) in -1..1 to the head's logits."""
        logits: torch.Tensor = self.head(self.features(strips).squeeze(2).transpose(1, 2))
        return logits


def compare(master: Path, shards: list[Path], data: Path, converter: Path, *, seconds: float, seed: int) -> list[Trial]:
    """Train and measure every head.

    Args:
        master: whose convolutions are used.
        shards: of strips; the last one is held back.
        data: folder of development photographs.
        converter: Python with TensorFlow.
        seconds: of CPU time that each head learns.
        seed: of weights and orders.

    """
    features = load_master(master, make()).features.eval()
    *taught, held = [load_shard(path) for path in shards]
    columns = torch.cat([_columns(features, shard.strips) for shard in taught])
    labels = torch.from_numpy(np.concatenate([shard.labels for shard in taught]))
    measured = {"renders": (held.strips[:_HELD], [_text(label) for label in held.labels[:_HELD]], False)}
    for folder in FOLDERS:
        measured[folder.name] = (*development_strips(data, folder), folder.folded)
    views = {name: _columns(features, strips).float() for name, (strips, _, _) in measured.items()}
    trials = []
    for name, build in HEADS.items():
        torch.manual_seed(seed)
        head, seen = learn(build(), columns, labels, seconds=seconds, seed=seed)
        scores = {
            key: Score.of(read(head, views[key]), texts, folded=folded) for key, (_, texts, folded) in measured.items()
        }
        real = [score for key, score in scores.items() if key != "renders"]
        photographs = sum(score.exact * score.count for score in real) / sum(score.count for score in real)
        whole = Whole(features, head).eval()
        parameters = sum(parameter.numel() for parameter in whole.parameters())
        times = _times(whole, converter, as_input(torch.from_numpy(held.strips[:100])).contiguous().numpy())
        trials.append(Trial(name, seen, scores["renders"].exact, photographs, parameters, *times))
        print(trials[-1].row(), flush=True)
    return trials


def learn(
    head: nn.Module, columns: torch.Tensor, labels: torch.Tensor, *, seconds: float, seed: int, batch: int = _BATCH
) -> tuple[nn.Module, int]:
    """Teach a head for some CPU time; gives its averaged weights and how many strips it saw."""
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(head.parameters(), lr=_RATE, weight_decay=0.01)
    average = Average(head, decay=0.995)
    head.train()
    begin, steps = time.process_time(), 0
    while (done := (time.process_time() - begin) / seconds) < 1:
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(1.0, (steps + 1) / 50) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * done)))
        places = torch.from_numpy(rng.integers(0, len(columns), batch))
        error = loss(head, columns[places].float(), labels[places])
        optimiser.zero_grad(set_to_none=True)
        error.backward()  # type: ignore[no-untyped-call]  # torch's stubs
        nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimiser.step()
        average.update(head)
        steps += 1
    return average.network.eval(), steps * batch


def loss(head: nn.Module, columns: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of a batch, in nats a character: CTC's, or cross-entropy of an attention decoder that is led."""
    lengths = (labels != 0).sum(1)
    if isinstance(head, Attention):
        padded = functional.pad(labels.long(), (0, head.steps - labels.shape[1]))
        told = torch.arange(head.steps) <= lengths[:, None]
        losses = functional.cross_entropy(head(columns, labels).flatten(0, 1), padded.flatten(), reduction="none")
        return (losses.view_as(padded) * told).sum() / told.sum()
    return (losses_of(head(columns), labels, lengths) / lengths).mean()


@torch.no_grad()
def _columns(features: nn.Module, strips: NDArray[np.uint8]) -> torch.Tensor:
    """Columns of many strips: half precision (n, T, 128), a tenth of a gigabyte for 10,000."""
    parts = [features(as_input(torch.from_numpy(part))) for part in np.array_split(strips, len(strips) // 64 + 1)]
    return torch.cat([part.squeeze(2).transpose(1, 2).half() for part in parts])


@torch.no_grad()
def read(head: nn.Module, columns: torch.Tensor) -> list[str]:
    """The likeliest class of every step as texts."""
    classes = torch.cat([head(part).argmax(-1) for part in columns.split(256)]).numpy()
    if isinstance(head, Attention):
        return [_text(row[: np.argmax(row == 0)] if (row == 0).any() else row) for row in classes]
    return [best_path(row) for row in classes]


def _text(classes: NDArray[np.integer[Any]]) -> str:
    return "".join(CHARACTERS[number - 1] for number in classes if number)


def _times(network: nn.Module, converter: Path, images: NDArray[np.float32]) -> tuple[float, float | None]:
    """Milliseconds a crop of the float network and, where it converts, of its int8 file; the median of many runs."""
    with tempfile.TemporaryDirectory() as scratch:
        master, model = Path(scratch) / "model.onnx", Path(scratch) / "model.tflite"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's exporter warns of its own internals
            torch.onnx.export(network, (torch.zeros(1, 1, HEIGHT, WIDTH),), str(master), dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(master), options, providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0].name
        in_float = _median(lambda image: session.run(None, {entry: image}), images)
        try:
            convert_apart(converter, master, images, model)
        except ConversionError as error:
            print(f"not in int8: {error}", file=sys.stderr)
            return in_float, None
        engine = Engine(model.read_bytes(), name="model")
        stored = [engine.input.quantise(image.transpose(1, 2, 0)[None]) for image in images]
        return in_float, _median(engine.run, stored)


def _median(run: Callable[[Any], Any], inputs: Any) -> float:
    taken = []
    for number in range(_RUNS):
        image = inputs[number % len(inputs)]
        image = image[None] if image.ndim == 3 else image
        begin = time.thread_time()
        run(image)
        taken.append(time.thread_time() - begin)
    return float(np.median(taken)) * 1e3
