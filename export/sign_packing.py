"""From a checkpoint to the sign bundle: a float master, int8 networks of all widths in one file, gates, figures."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edge_ocr.bundle import Bundle
from edge_ocr.types import Kind
from export import bundles, evaluate_words, gates, pictures, signs
from export.convert import convert_apart
from export.merging import merge
from export.recogniser import as_input
from export.synthetic.sign_strips import HEIGHT, WIDTHS, load_shard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.crnn import Crnn
    from export.evaluate_words import Evaluation
    from export.places import Tools

_CALIBRATION = 300
_COMPARED = 48
_PARITY_LIMIT = 0.25
"""Relative error of int8 logits that is let through."""
_TEMPERATURES = np.round(np.geomspace(0.6, 3.0, 15), 3)
_MASTER = 128
"""Width of the strips of the float master; its weights suit every width."""


def pack(
    checkpoint: Path,
    recipe: signs.Recipe,
    folder: Path,
    tools: Tools,
    *,
    training: dict[str, Any],
    kind: Kind = Kind.SIGN,
) -> None:
    """Export a checkpoint's averaged weights as a bundle that takes strips of every width.

    Args:
        checkpoint: as :func:`export.signs.train` leaves it.
        recipe: of the training: its shards set the ranges of int8, its photographs the temperature and the figures.
        folder: of the bundle to write.
        tools: other environments.
        training: what the model card says of the training.
        kind: of the bundle.

    Raises:
        ConversionError: a gate closed: operations or parity.
        FileNotFoundError: there is no shard.

    """
    network = load_network(checkpoint, recipe.alphabet)
    settings: dict[str, Any] = {
        "alphabet": recipe.alphabet,
        "blank": 0,
        "height": HEIGHT,
        "width": WIDTHS[-1],
        "widths": list(WIDTHS),
        "temperature": 1.0,
    }
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / folder.name  # the bundle that is there stays until every gate is passed
        draft.mkdir()
        parts, errors = {}, []
        for width in WIDTHS:
            images = calibration_images(recipe.shards, width)
            source, target = Path(scratch) / f"{width}.onnx", Path(scratch) / f"{width}.tflite"
            write_onnx(network, source, width=width)
            convert_apart(tools.converter, source, images, target)
            parts[f"width{width}"] = target.read_bytes()
            gates.check_operations(parts[f"width{width}"])
            parity = gates.check_parity(
                source, parts[f"width{width}"], images[:_COMPARED], limit=_PARITY_LIMIT, other_python=tools.tflite
            )
            errors.append(parity.error)
        model = merge(parts)
        shutil.copyfile(Path(scratch) / f"{_MASTER}.onnx", draft / "model.onnx")
        bundle = Bundle(folder.name, "recognise", kind, model, settings, {})
        results = measured(bundle, recipe.data)
        settings["temperature"] = fit_temperature(bundle, recipe.data)
        warm = measured(replace(bundle, settings=settings), recipe.data)
        figures = {name: _figures(results[name], warm[name]) for name in warm}
        accuracy = figures | {"int8_logit_error": round(max(errors), 4)}
        card = {"training": training, "accuracy": accuracy, "licence": _LICENCE}
        bundles.write(draft, model, task="recognise", kind=kind, settings=settings, card=card)
        shutil.copyfile(checkpoint.with_name("log.jsonl"), draft / "training.jsonl")
        pictures.draw_curves(draft / "training.jsonl", draft / "training.svg")
        shutil.copytree(draft, folder, dirs_exist_ok=True)


def load_network(checkpoint: Path, alphabet: str) -> Crnn:
    """The averaged weights of a checkpoint."""
    network = signs.make(alphabet)
    network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["average"]["weights"])
    return network.eval()


def write_onnx(network: Crnn, path: Path, *, width: int) -> None:
    """The network for one strip, float32 (1, 1, HEIGHT, width) in -1..1, to logits (1, width / 4, C)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own internals
        torch.onnx.export(network, (torch.zeros(1, 1, HEIGHT, width),), str(path), dynamo=False, input_names=["strip"])


def calibration_images(shards: Path, width: int) -> NDArray[np.float32]:
    """Rendered strips of one width, as the network takes them.

    Raises:
        FileNotFoundError: there is no shard with that width.

    """
    for path in sorted(shards.glob("signs-*-0000.npz")):
        group = load_shard(path).get(width)
        if group is not None:
            strips = group.strips[:: max(1, len(group.strips) // _CALIBRATION)]
            return as_input(torch.from_numpy(strips)).contiguous().numpy()
    raise FileNotFoundError(f"{shards} holds no strips {width} pixels wide; render some first")


def measured(bundle: Bundle, data: Path | None) -> dict[str, Evaluation]:
    """A bundle on every development folder that is there."""
    there = [data / name for name in signs.FOLDERS if (data / name).is_dir()] if data is not None else []
    alphabet = bundle.settings["alphabet"]
    return {
        folder.name: evaluate_words.evaluate(evaluate_words.look(bundle, folder), alphabet, name=folder.name)
        for folder in there
    }


def fit_temperature(bundle: Bundle, data: Path | None) -> float:
    """The temperature at which free reads' confidences are likeliest, each folder counting once (Guo et al. 2017)."""
    there = [data / name for name in signs.FOLDERS if (data / name).is_dir()] if data is not None else []
    if not there:
        return 1.0
    looks = [evaluate_words.look(bundle, folder) for folder in there]
    alphabet = bundle.settings["alphabet"]

    def loss(temperature: float) -> float:
        return float(np.mean([evaluate_words.confidences(each, alphabet, temperature).likelihood for each in looks]))

    return float(min(_TEMPERATURES.tolist(), key=loss))


def _figures(cold: Evaluation, warm: Evaluation) -> dict[str, Any]:
    return {
        "crops": warm.free.count,
        "free": round(warm.free.exact, 4),
        "of_50_words": round(warm.lexicon.exact, 4),
        "character_errors": round(warm.free.errors, 4),
        "calibration_error": round(warm.calibration.error, 4),
        "calibration_error_before": round(cold.calibration.error, 4),
        "milliseconds": round(warm.milliseconds, 3),
    }


_LICENCE = {
    "weights": "Apache-2.0",
    "fonts": "open fonts of Debian and npm packages (see export/synthetic/sign_fonts.py), drawn, not contained",
    "photographs": "behind rendered letters: road_backgrounds (MIT), plates_ro_frames (MIT)",
    "words": "dictionaries wamerican and wngerman of Debian, as texts to draw",
}
