"""From a checkpoint to the sign bundle: a float master, int8 networks of all widths in one file, gates, figures."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edge_ocr.bundle import Bundle
from edge_ocr.types import Kind
from export import bundles, evaluate_words, gates, pictures, signs
from export.convert import convert_apart
from export.master import write_master
from export.merging import merge
from export.recogniser import as_input
from export.synthetic.sign_strips import HEIGHT, WIDTHS, load_shard
from export.training import averaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from export.evaluate_words import Look
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
    licence: dict[str, str] | None = None,
    kind: Kind = Kind.SIGN,
) -> None:
    """Export a checkpoint's averaged weights as a bundle that takes strips of every width.

    Args:
        checkpoint: as :func:`export.signs.train` leaves it.
        recipe: of the training: its shards set the ranges of int8, its renders that were held back the temperature;
            these and its photographs are measured, so no photograph has a part in what it measures.
        folder: of the bundle to write.
        tools: other environments.
        training: what the model card says of the training.
        licence: what it says of rights; None where typefaces and words are those of :mod:`export.synthetic.sign_fonts`.
        kind: of the bundle.

    Raises:
        ConversionError: a gate closed: operations or parity.
        FileNotFoundError: there is no shard.

    """
    network = averaged(checkpoint, signs.make(recipe.alphabet))
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
            write_master(network, source, width=width, height=HEIGHT)
            convert_apart(tools.converter, source, images, target)
            parts[f"width{width}"] = target.read_bytes()
            gates.check_operations(parts[f"width{width}"])
            parity = gates.check_parity(
                source, parts[f"width{width}"], images[:_COMPARED], limit=_PARITY_LIMIT, other_python=tools.tflite
            )
            errors.append(parity.error)
        model = merge(parts)
        shutil.copyfile(Path(scratch) / f"{_MASTER}.onnx", draft / "model.onnx")
        cold = Bundle(folder.name, "recognise", kind, model, settings, {})
        settings["temperature"] = fit_temperature(looks_at_renders(cold, recipe.held), recipe.alphabet)
        # Doubts, and with them second looks, go by the temperature: what is measured has the one that ships.
        bundle = Bundle(folder.name, "recognise", kind, model, settings, {})
        folders, renders = looks_of(bundle, recipe.data), looks_at_renders(bundle, recipe.held)
        figures = {name: measured(looks, recipe.alphabet, name=name) for name, looks in folders.items()}
        if renders:
            exact = evaluate_words.exact(renders, recipe.alphabet)
            figures["held_back_renders"] = {"crops": len(renders), "exact": round(exact, 4)}
        accuracy = figures | {"int8_logit_error": round(max(errors), 4)}
        card = {"training": training, "accuracy": accuracy, "licence": licence or _LICENCE}
        bundles.write(draft, model, task="recognise", kind=kind, settings=settings, card=card)
        shutil.copyfile(checkpoint.with_name("log.jsonl"), draft / "training.jsonl")
        if folders:
            pictures.draw_curves(draft / "training.jsonl", draft / "training.svg")
        shutil.copytree(draft, folder, dirs_exist_ok=True)


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


def looks_of(bundle: Bundle, data: Path | None) -> dict[str, list[Look]]:
    """What a bundle sees of every development folder that is there."""
    there = [data / name for name in signs.FOLDERS if (data / name).is_dir()] if data is not None else []
    return {folder.name: evaluate_words.look(bundle, folder) for folder in there}


def looks_at_renders(bundle: Bundle, held: Path | None) -> list[Look]:
    """What a bundle sees of renders that no training saw: a shard, or all of a folder."""
    if held is None:
        return []
    paths = sorted(held.glob("signs-*[0-9].npz")) if held.is_dir() else [held]
    return [item for path in paths for item in evaluate_words.look_at_renders(bundle, path)]


def fit_temperature(looks: Sequence[Look], alphabet: str) -> float:
    """The temperature at which free reads' confidences are likeliest (Guo et al. 2017); 1 without any."""
    if not looks:
        return 1.0

    def loss(temperature: float) -> float:
        return evaluate_words.confidences(looks, alphabet, temperature).likelihood

    return float(min(_TEMPERATURES.tolist(), key=loss))


def measured(looks: Sequence[Look], alphabet: str, *, name: str) -> dict[str, Any]:
    """The model card's figures for one folder, which are those of :mod:`export.evaluate_words`."""
    made = evaluate_words.evaluate(looks, alphabet, name=name)
    return {
        "crops": made.free.count,
        "free": round(made.free.exact, 4),
        "of_50_words": round(made.lexicon.exact, 4),
        "character_errors": round(made.free.errors, 4),
        "calibration_error": round(made.calibration.error, 4),
        "calibration_error_by_chance": round(made.calibration.chance, 4),
        "milliseconds": round(made.milliseconds, 3),
        "milliseconds_altogether": round(made.altogether, 3),
    }


_LICENCE = {
    "weights": "Apache-2.0",
    "fonts": "open fonts of Debian and npm packages (see export/synthetic/sign_fonts.py), drawn, not contained",
    "photographs": "behind rendered letters: road_backgrounds (MIT), plates_ro_frames (MIT)",
    "words": "dictionaries wamerican and wngerman of Debian, as texts to draw",
}
