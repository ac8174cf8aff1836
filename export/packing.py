"""From a checkpoint to the bundle that ships: ONNX master, int8 TFLite, gates, temperature, measured figures."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edge_ocr.bundle import Bundle
from edge_ocr.grammar import load_regions, plate_grammar
from edge_ocr.types import Kind
from export import bundles, evaluate, gates, pictures
from export.convert import convert_apart
from export.crnn import Crnn
from export.errors import ConversionError
from export.photographs import FOLDERS
from export.recogniser import as_input, measure
from export.synthetic.faces import CHARACTERS
from export.synthetic.strips import HEIGHT, WIDTH, load_shard, training_strips

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.evaluate import Evaluation
    from export.places import Tools
    from export.scoring import Score

_CALIBRATION = 400
_PARITY_LIMIT = 0.25
"""Relative error of int8 logits that is let through; the accuracy gate below is the sharp one."""
_LOSS_LIMIT = 0.01
_TEMPERATURES = np.round(np.geomspace(0.6, 3.0, 25), 3)


def pack(checkpoint: Path, shards: Path, data: Path, folder: Path, tools: Tools, *, training: dict[str, Any]) -> None:
    """Export a checkpoint's averaged weights as a plate bundle.

    Args:
        checkpoint: as :func:`export.recogniser.train` leaves it.
        shards: strips to calibrate the int8 ranges with.
        data: folder of development photographs.
        folder: of the bundle to write.
        tools: other environments.
        training: what the model card says of the training.

    Raises:
        ConversionError: a gate closed: operations, parity, or accuracy lost to int8.

    """
    network = load_network(checkpoint)
    float_scores = measure(network, data)
    images = calibration_images(shards, data)
    settings: dict[str, Any] = {
        "alphabet": CHARACTERS,
        "blank": 0,
        "height": HEIGHT,
        "width": WIDTH,
        "temperature": 1.0,
    }
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / folder.name  # the bundle that is there stays until every gate is passed
        draft.mkdir()
        converted = Path(scratch) / "model.tflite"
        write_onnx(network, draft / "model.onnx")
        convert_apart(tools.converter, draft / "model.onnx", images, converted)
        model = converted.read_bytes()
        gates.check_operations(model)
        parity = gates.check_parity(
            draft / "model.onnx", model, images[:64], limit=_PARITY_LIMIT, other_python=tools.tflite
        )
        bundle = Bundle(folder.name, "recognise", Kind.PLATE, model, settings, {})
        results = [evaluate.evaluate(bundle, data, item) for item in FOLDERS]
        check_loss(float_scores, results)
        settings["temperature"] = fit_temperature(results)
        warm = [_warm(result, settings["temperature"]) for result in results]
        accuracy = _figures(warm, float_scores) | {"int8_logit_error": round(parity.error, 4)}
        card = {"training": training, "accuracy": accuracy, "licence": _LICENCE}
        bundles.write(draft, model, task="recognise", kind=Kind.PLATE, settings=settings, card=card)
        shutil.copyfile(checkpoint.with_name("log.jsonl"), draft / "training.jsonl")
        pictures.draw_curves(draft / "training.jsonl", draft / "training.svg")
        pictures.draw_reliability({item.folder.name: item.calibration for item in warm}, draft / "reliability.svg")
        shutil.copytree(draft, folder, dirs_exist_ok=True)


def load_network(checkpoint: Path) -> Crnn:
    """The averaged weights of a checkpoint."""
    network = Crnn()
    network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["average"]["weights"])
    return network.eval()


def write_onnx(network: Crnn, path: Path) -> None:
    """The float master: one strip, float32 (1, 1, HEIGHT, WIDTH) in -1..1, to logits (1, T, C)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own internals
        torch.onnx.export(network, (torch.zeros(1, 1, HEIGHT, WIDTH),), str(path), dynamo=False, input_names=["strip"])


def calibration_images(shards: Path, data: Path) -> NDArray[np.float32]:
    """Rendered strips and real crops that may train, half and half, as the network takes them."""
    first = load_shard(min(shards.glob("strips-*-0000.npz"))).strips
    rendered = first[:: len(first) // (_CALIBRATION // 2)]
    real = training_strips(data)
    real = real[:: max(1, len(real) // (_CALIBRATION // 2))]
    strips = np.concatenate([rendered, real])
    return as_input(torch.from_numpy(strips)).contiguous().numpy()


def check_loss(float_scores: dict[str, Score], results: list[Evaluation]) -> None:
    """The accuracy gate: over all folders, int8 may lose a point of exact texts against float.

    Raises:
        ConversionError: it loses more.

    """
    count = sum(result.greedy.count for result in results)
    lost = sum((float_scores[r.folder.name].exact - r.greedy.exact) * r.greedy.count for r in results) / count
    if lost > _LOSS_LIMIT:
        raise ConversionError(f"int8 loses {lost:.1%} of exact texts, but at most {_LOSS_LIMIT:.0%} is allowed")


def fit_temperature(results: list[Evaluation]) -> float:
    """The temperature at which confidences are likeliest over all folders (Guo et al. 2017), each folder counting once.

    The evaluations must have been made at temperature 1.
    """

    def loss(temperature: float) -> float:
        return float(np.mean([_warm(result, temperature).calibration.likelihood for result in results]))

    return float(min(_TEMPERATURES.tolist(), key=loss))


def _warm(result: Evaluation, temperature: float) -> Evaluation:
    grammar = plate_grammar(load_regions([result.folder.region]), CHARACTERS)
    return evaluate.score(evaluate.warmed(result.looks, temperature), grammar, result.folder, CHARACTERS)


def _figures(results: list[Evaluation], float_scores: dict[str, Score]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for result in results:
        name = result.folder.name
        figures[name] = {
            "crops": result.greedy.count,
            "greedy_float": round(float_scores[name].exact, 4),
            "greedy": round(result.greedy.exact, 4),
            "with_formats": round(result.constrained.exact, 4),
            "character_errors": round(result.constrained.errors, 4),
            "calibration_error": round(result.calibration.error, 4),
        }
    return figures


_LICENCE = {
    "weights": "Apache-2.0",
    "fonts": "open fonts of Debian and npm packages (see export/synthetic/fonts.py), drawn, not contained",
    "photographs": "plates_cn_crops (Apache-2.0, four fifths), plates_tn_train_crops (MIT); all other images rendered",
}
