"""From a checkpoint to the bundle that ships: ONNX master, int8 TFLite, gates, temperature, measured figures."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edge_ocr import ctc
from edge_ocr.bundle import Bundle
from edge_ocr.recognise import log_softmax
from edge_ocr.sight import BEAM
from edge_ocr.types import Kind
from export import bundles, evaluate, gates, pictures
from export.convert import convert_apart
from export.gates import run_tflite
from export.master import write_master
from export.photographs import FOLDERS
from export.recogniser import as_input, best_path, make, measure
from export.scoring import Score, calibration
from export.synthetic.faces import CHARACTERS
from export.synthetic.strips import HEIGHT, WIDTH, development_strips, load_shard, training_strips
from export.training import averaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from export.evaluate import Evaluation
    from export.places import Tools
    from export.synthetic.strips import Shard

_CALIBRATION = 400
_FITTED = 4000
_PARITY_LIMIT = 0.25
"""Relative error of int8 logits that is let through; the loss of exact texts is the sharp gate."""
_TEMPERATURES = np.round(np.geomspace(0.6, 3.0, 25), 3)


def pack(checkpoint: Path, held: Path, data: Path, folder: Path, tools: Tools, *, training: dict[str, Any]) -> None:
    """Export a checkpoint's averaged weights as a plate bundle.

    Args:
        checkpoint: as :func:`export.recogniser.train` leaves it.
        held: a shard of renders that no training saw, to set the int8 ranges and the temperature with.
        data: folder of development photographs.
        folder: of the bundle to write; the notes in it go into the card (see :mod:`export.bundles`).
        tools: other environments.
        training: what the model card says of the training, besides its minutes and strips.

    Raises:
        ConversionError: a gate closed: operations, parity, or accuracy lost to int8.

    """
    network = averaged(checkpoint, make())
    float_scores = measure(network, data)
    held_shard = load_shard(held)
    images = calibration_images(held_shard, data)
    log = checkpoint.with_name("log.jsonl")
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / folder.name  # the bundle that is there stays until every gate is passed
        draft.mkdir()
        converted = Path(scratch) / "model.tflite"
        write_master(network, draft / "model.onnx", width=WIDTH, height=HEIGHT)
        convert_apart(tools.converter, draft / "model.onnx", images, converted)
        model = converted.read_bytes()
        gates.check_operations(model)
        parity = gates.check_parity(
            draft / "model.onnx", model, images[:64], limit=_PARITY_LIMIT, other_python=tools.tflite
        )
        scores = measure_tflite(model, data)
        lost = gates.check_loss(_shares(float_scores), _shares(scores), of="exact texts")
        warmth = fit_temperature(run_tflite(model, images_of(held_shard, _FITTED)), held_shard.labels)
        size = {"height": HEIGHT, "width": WIDTH}
        settings = {"alphabet": CHARACTERS, "blank": 0, **size, "temperature": warmth}
        bundle = Bundle(folder.name, "recognise", Kind.PLATE, model, settings, {})
        results = [evaluate.evaluate(bundle, data, item) for item in FOLDERS]
        accuracy = _figures(results, float_scores, scores)
        accuracy |= {"int8_logit_error": round(parity.error, 4), "lost_to_int8": round(lost, 4)}
        told = bundles.spent(log) | training
        card = bundles.card_of(folder, training=told, accuracy=accuracy, licence=_LICENCE)
        bundles.write(draft, model, task="recognise", kind=Kind.PLATE, settings=settings, card=card)
        shutil.copyfile(log, draft / "training.jsonl")
        pictures.draw_curves(draft / "training.jsonl", draft / "training.svg")
        pictures.draw_reliability({item.folder.name: item.calibration for item in results}, draft / "reliability.svg")
        bundles.replace(draft, folder)


def calibration_images(held: Shard, data: Path) -> NDArray[np.float32]:
    """Rendered strips and real crops that may train, half and half, as the network takes them."""
    real = training_strips(data)
    real = real[:: max(1, len(real) // (_CALIBRATION // 2))]
    rendered = images_of(held, _CALIBRATION // 2)
    return np.concatenate([rendered, as_input(torch.from_numpy(real)).contiguous().numpy()])


def images_of(shard: Shard, count: int) -> NDArray[np.float32]:
    """The first strips of a shard as the network takes them."""
    return as_input(torch.from_numpy(shard.strips[:count])).contiguous().numpy()


def measure_tflite(model: bytes, data: Path) -> dict[str, Score]:
    """What :func:`export.recogniser.measure` measures, of a converted model: best paths of whole crops."""
    figures = {}
    for folder in FOLDERS:
        strips, texts = development_strips(data, folder)
        (logits,) = run_tflite(model, as_input(torch.from_numpy(strips)).contiguous().numpy())
        figures[folder.name] = Score.of([best_path(row.argmax(-1)) for row in logits], texts, folded=folder.folded)
    return figures


def fit_temperature(logits: Sequence[NDArray[np.float32]], labels: NDArray[np.int8]) -> float:
    """The temperature at which the confidences of texts are likeliest to keep their word (Guo et al. 2017).

    Args:
        logits: float32 (n, T, C), alone in a sequence, of strips that no training saw and no measurement counts.
        labels: int8 (n, longest), their classes, padded with 0.

    """
    (rows,) = logits
    wanted = [tuple(label[label > 0].tolist()) for label in labels[: len(rows)]]

    def loss(temperature: float) -> float:
        warm = log_softmax(rows / np.float32(temperature))
        found = [ctc.beam_search(row, BEAM, 1)[0] for row in warm]
        right = [text.labels == want for text, want in zip(found, wanted, strict=True)]
        return calibration([min(1.0, float(np.exp(text.log_prob))) for text in found], right).likelihood

    return float(min(_TEMPERATURES.tolist(), key=loss))


def _shares(scores: dict[str, Score]) -> dict[str, tuple[int, float]]:
    return {name: (score.count, score.exact) for name, score in scores.items()}


def _figures(results: list[Evaluation], float_scores: dict[str, Score], scores: dict[str, Score]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for result in results:
        name = result.folder.name
        figures[name] = {
            "crops": result.greedy.count,
            "one_line_float": round(float_scores[name].exact, 4),
            "one_line": round(scores[name].exact, 4),
            "greedy": round(result.greedy.exact, 4),
            "with_formats": round(result.constrained.exact, 4),
            "character_errors": round(result.constrained.errors, 4),
            "calibration_error": round(result.calibration.error, 4),
            "calibration_error_by_chance": round(result.calibration.chance, 4),
            **{group: [count, round(share, 4)] for group, (count, share) in result.groups().items()},
        }
    reads = [read for result in results for read in result.reads]
    pooled = calibration([read.confidence for read in reads], [read.right for read in reads])
    figures["all_folders"] = {
        "crops": len(reads),
        "with_formats": round(sum(read.right for read in reads) / len(reads), 4),
        "calibration_error": round(pooled.error, 4),
        "calibration_error_by_chance": round(pooled.chance, 4),
    }
    return figures


_LICENCE = {
    "weights": "Apache-2.0",
    "fonts": "open fonts of Debian and npm packages (see export/synthetic/fonts.py), drawn, not contained",
    "photographs": "plates_cn_crops (Apache-2.0, four fifths), plates_tn_train_crops (MIT); all other images rendered",
}
