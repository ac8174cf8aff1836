"""From a checkpoint to the sign bundle: a float master, int8 networks of all widths in one file, gates, figures."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edge_ocr.bundle import Bundle
from edge_ocr.types import Kind
from export import bundles, evaluate_words, gates, pictures, signs
from export.convert import convert_apart
from export.errors import ConversionError
from export.master import write_master
from export.merging import merge
from export.recogniser import as_input, best_path, greedy
from export.scoring import Score
from export.synthetic.scripts import Alphabet
from export.synthetic.sign_strips import HEIGHT, WIDTHS, load_shard
from export.training import averaged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from export.crnn import Crnn
    from export.evaluate_words import Look
    from export.places import Tools
    from export.scoring import Calibration

    Labelled = list[tuple[NDArray[np.uint8], str]]
    """Strips, each with its text."""

_CALIBRATION = 300
_COMPARED = 48
_PARITY_LIMIT = 0.25
"""Relative error of int8 logits that is let through; the loss of exact texts is the sharp gate."""
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
        folder: of the bundle to write; the notes in it go into the card (see :mod:`export.bundles`).
        tools: other environments.
        training: what the model card says of the training, besides its seed, minutes and strips.
        licence: what it says of rights; None where typefaces and words are those of :mod:`export.synthetic.sign_fonts`.
        kind: of the bundle.

    Raises:
        ConversionError: a gate closed: operations, parity, or accuracy lost to int8.
        FileNotFoundError: there is no shard.

    """
    network = averaged(checkpoint, signs.make(recipe.alphabet))
    log = checkpoint.with_name("log.jsonl")
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / folder.name  # the bundle that is there stays until every gate is passed
        draft.mkdir()
        made = _converted(network, recipe.shards, tools, Path(scratch))
        lost = _check_loss(network, made.parts, recipe)
        shutil.copyfile(Path(scratch) / f"{_MASTER}.onnx", draft / "model.onnx")
        bundle = _calibrated(Bundle(folder.name, "recognise", kind, merge(made.parts), _settings(recipe), {}), recipe)
        figures, confidences = _measured(bundle, recipe)
        card = bundles.card_of(
            folder,
            training={"seed": recipe.seed, **bundles.spent(log), **training},
            accuracy=figures | {"int8_logit_error": round(made.error, 4), "lost_to_int8": round(lost, 4)},
            licence=licence or _LICENCE,
        )
        bundles.write(draft, bundle.model, task="recognise", kind=kind, settings=bundle.settings, card=card)
        shutil.copyfile(log, draft / "training.jsonl")
        if _photographs(recipe.data):
            pictures.draw_curves(draft / "training.jsonl", draft / "training.svg")
        pictures.draw_reliability(confidences, draft / "reliability.svg")
        bundles.replace(draft, folder)


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


def looks_at_renders(bundle: Bundle, held: Path | None) -> list[Look]:
    """What a bundle sees of renders that no training saw: a shard, or all of a folder."""
    return [item for path in _shards(held) for item in evaluate_words.look_at_renders(bundle, path)]


def fit_temperature(looks: Sequence[Look], alphabet: str) -> float:
    """The temperature at which free reads' confidences are likeliest (Guo et al. 2017); 1 without any."""
    if not looks:
        return 1.0

    def loss(temperature: float) -> float:
        return evaluate_words.confidences(looks, alphabet, temperature).likelihood

    return float(min(_TEMPERATURES.tolist(), key=loss))


@dataclass(frozen=True, slots=True)
class _Converted:
    """An int8 file for each width, by the name of its network, and the largest of their relative errors."""

    parts: dict[str, bytes]
    error: float


def _converted(network: Crnn, shards: Path, tools: Tools, scratch: Path) -> _Converted:
    """Networks of all widths past the gates of operations and parity; their masters are left in ``scratch``."""
    parts, errors = {}, []
    for width in WIDTHS:
        images = calibration_images(shards, width)
        source, target = scratch / f"{width}.onnx", scratch / f"{width}.tflite"
        write_master(network, source, width=width, height=HEIGHT)
        convert_apart(tools.converter, source, images, target)
        part = parts[f"width{width}"] = target.read_bytes()
        gates.check_operations(part)
        parity = gates.check_parity(source, part, images[:_COMPARED], limit=_PARITY_LIMIT, other_python=tools.tflite)
        errors.append(parity.error)
    return _Converted(parts, max(errors))


def _check_loss(network: Crnn, parts: Mapping[str, bytes], recipe: signs.Recipe) -> float:
    """The accuracy gate, on photographs; on renders that were held back for scripts of which there are none."""
    sets: dict[str, Labelled] = {folder.name: signs.development(folder) for folder in _photographs(recipe.data)}
    if not sets:
        sets = {path.name: _labelled(path, recipe.alphabet) for path in _shards(recipe.held)}
    if not sets:
        raise ConversionError(
            "there is nothing to measure what int8 loses on; give photographs, or renders that were held back"
        )
    master: dict[str, tuple[int, float]] = {}
    converted: dict[str, tuple[int, float]] = {}
    for name, pairs in sets.items():
        strips, texts = [strip for strip, _ in pairs], [text for _, text in pairs]
        for shares, found in (
            (master, greedy(network, strips, recipe.alphabet)),
            (converted, _greedy_of(parts, strips, recipe.alphabet)),
        ):
            score = Score.of(found, texts, folded=False)
            shares[name] = (score.count, score.exact)
    return gates.check_loss(master, converted, of="exact texts")


def _greedy_of(parts: Mapping[str, bytes], strips: Sequence[NDArray[np.uint8]], alphabet: str) -> list[str]:
    """Best-path texts of strips by the int8 networks of their widths."""
    texts = [""] * len(strips)
    for name, model in parts.items():
        places = [place for place, strip in enumerate(strips) if f"width{strip.shape[1]}" == name]
        if places:
            stack = torch.from_numpy(np.stack([strips[place] for place in places]))
            (logits,) = gates.run_tflite(model, as_input(stack).contiguous().numpy())
            for place, row in zip(places, logits, strict=True):
                texts[place] = best_path(row.argmax(-1), alphabet)
    return texts


def _settings(recipe: signs.Recipe) -> dict[str, Any]:
    size = {"height": HEIGHT, "width": WIDTHS[-1], "widths": list(WIDTHS)}
    told = {
        "widening": Alphabet(recipe.alphabet).widening,
        "temperature": 1.0,
        "gap": recipe.gap,
        "language": recipe.language,
    }
    named = {name: value for name, value in told.items() if value is not None}
    return {"alphabet": recipe.alphabet, "blank": 0, **size, **named}


def _calibrated(bundle: Bundle, recipe: signs.Recipe) -> Bundle:
    """The same with the temperature that ships: doubts, and with them what is looked at again, go by it."""
    warmth = fit_temperature(looks_at_renders(bundle, recipe.held), recipe.alphabet)
    return replace(bundle, settings=bundle.settings | {"temperature": warmth})


def _measured(bundle: Bundle, recipe: signs.Recipe) -> tuple[dict[str, Any], dict[str, Calibration]]:
    """Figures for the card, those of photographs as :mod:`export.evaluate_words` gives them, and confidences."""
    figures: dict[str, Any] = {}
    confidences = {}
    for folder in _photographs(recipe.data):
        (any_text, *_), (*_, made) = (ways := evaluate_words.measure(bundle, folder)), ways
        confidences[folder.name] = made.calibration
        figures[folder.name] = {
            "crops": made.free.count,
            "any_text": round(any_text.free.exact, 4),
            "as_it_ships": round(made.free.exact, 4),
            "of_50_words": round(made.lexicon.exact, 4),
            "character_errors": round(made.free.errors, 4),
            "calibration_error": round(made.calibration.error, 4),
            "calibration_error_by_chance": round(made.calibration.chance, 4),
            "milliseconds": round(made.milliseconds, 3),
            "milliseconds_altogether": round(made.altogether, 3),
            **{group: [count, round(share, 4)] for group, (count, share) in made.groups.items()},
        }
    if renders := looks_at_renders(bundle, recipe.held):
        confidences["held_back_renders"] = evaluate_words.confidences(renders, recipe.alphabet, 1.0)
        exact = evaluate_words.exact(renders, recipe.alphabet)
        figures["held_back_renders"] = {"crops": len(renders), "exact": round(exact, 4)}
    return figures, confidences


def _photographs(data: Path | None) -> list[Path]:
    """The development folders that are there."""
    return [] if data is None else [data / name for name in signs.FOLDERS if (data / name).is_dir()]


def _shards(held: Path | None) -> list[Path]:
    """A shard, or all of a folder."""
    if held is None:
        return []
    return sorted(held.glob("signs-*[0-9].npz")) if held.is_dir() else [held]


def _labelled(shard: Path, alphabet: str) -> Labelled:
    return [
        (strip, "".join(alphabet[number - 1] for number in classes if number))
        for group in load_shard(shard).values()
        for strip, classes in zip(group.strips, group.labels.tolist(), strict=True)
    ]


_LICENCE = {
    "weights": "Apache-2.0",
    "fonts": "open fonts of Debian and npm packages (see export/synthetic/sign_fonts.py), drawn, not contained",
    "photographs": "behind rendered letters: road_backgrounds (MIT), plates_ro_frames (MIT)",
    "words": "dictionaries wamerican and wngerman of Debian, as texts to draw",
}
