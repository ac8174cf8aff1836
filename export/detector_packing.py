"""A trained detector as a bundle: float master, int8 TFLite file past both gates, and the card that describes them."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnx
import torch
from torch.nn.functional import pixel_unshuffle

from edge_ocr.bundle import Bundle
from edge_ocr.detect import Detector
from edge_ocr.types import Kind
from export import bundles, evaluate_detector, gates
from export.convert import convert_apart
from export.detector_data import painter
from export.detector_frames import FOLDER, training_frames
from export.detector_net import FOLD, folded
from export.detector_targets import STRIDES, UNITS
from export.photographs import load
from export.synthetic.scenes import PADDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.detector_data import Folders
    from export.detector_net import DetectorNet
    from export.places import Tools

_PLATES, _WORDS = (640, 384), (832, 512)
"""Width and height of what the shipped networks read. Half of a 1280x720 frame, with 24 rows to spare, is enough for
plates; words are smaller in the pictures that show them, and two thirds find a third more of those below 100 pixels."""
_PARITY = 0.25
"""How far int8 maps may be from float ones, in their standard deviations; the maps are mostly background, so this is
loose, and the loss of recall is the sharp gate."""
_SCENES, _FRAMES = 100, 30


_RUNTIME = {"threshold": 0.4, "merge": 0.3, "reduction": 3.0, "margin": 0.0}
"""See :class:`edge_ocr.detect.Detector`."""
_OF_WORDS = {"threshold": 0.55, "margin": 0.1, "ends": 2.0}
"""What is otherwise for words: corners are placed on their ink, and who labels words leaves some room around it."""


_DATA = (
    "plates_tn_train_crops: MIT, sambett",
    "plates_ro_frames: MIT, RobertLucian/license-plate-dataset",
    "road_backgrounds: MIT, udacity/CarND",
    "rendered scenes",
)
"""What a training learns from; crops of plates are of no use to the detector of other texts."""


def input_size(kind: Kind) -> tuple[int, int]:
    """Width and height of what the network that ships for a kind reads."""
    return _PLATES if kind is Kind.PLATE else _WORDS


def calibration(kind: Kind, folders: Folders, seed: int) -> NDArray[np.float32]:
    """Scenes and real training frames as the network takes them: float32 (count, 1, height, width)."""
    rng, size = np.random.default_rng(seed), input_size(kind)
    compose = painter(rng, folders, kind)
    pictures = [compose(rng, size).image for _ in range(_SCENES)]
    frames = training_frames(folders.data / FOLDER)
    for index in rng.choice(len(frames), _FRAMES, replace=False):
        grey = cv2.cvtColor(load(frames[index][0]), cv2.COLOR_BGR2GRAY)
        scale = min(size[0] / grey.shape[1], size[1] / grey.shape[0])
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = np.full((size[1], size[0]), PADDING, np.uint8)
        picture[: small.shape[0], : small.shape[1]] = small
        pictures.append(picture)
    return np.stack(pictures)[:, None].astype(np.float32) / np.float32(127.5) - 1


def pack(
    kind: Kind, net: DetectorNet, folders: Folders, target: Path, tools: Tools, *, training: dict[str, Any]
) -> None:
    """Export a network as a detector's bundle.

    Args:
        kind: of what it finds, as in :func:`export.detector.train`.
        net: the averaged weights.
        folders: for the calibration and the measurement.
        target: the bundle's folder; the notes in it go into the card (see :mod:`export.bundles`).
        tools: other environments.
        training: what the model card says of the training.

    Raises:
        ConversionError: a gate closed: operations, parity, or recall lost to int8; no bundle is written.

    """
    images = pixel_unshuffle(torch.from_numpy(calibration(kind, folders, seed=7)), FOLD).numpy()
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / target.name  # the bundle that is there stays until every gate is passed
        draft.mkdir()
        master, int8, floating = draft / "model.onnx", Path(scratch) / "int8.tflite", Path(scratch) / "float.tflite"
        export_onnx(net, master, input_size(kind))
        convert_apart(tools.converter, master, images, int8)
        model = int8.read_bytes()
        gates.check_operations(model)
        parity = gates.check_parity(master, model, images[::10], limit=_PARITY, other_python=tools.tflite)
        convert_apart(tools.converter, master, images[:1], floating, kind="float32")
        bundle = Bundle(target.name, "detect", kind, model, _settings(kind), {})
        lost = gates.check_loss(
            evaluate_detector.recall(Detector(replace(bundle, model=floating.read_bytes())), kind, folders.data),
            evaluate_detector.recall(Detector(bundle), kind, folders.data),
            of="what is found",
        )
        accuracy = evaluate_detector.accuracy(Detector(bundle), kind, folders.data)
        accuracy["int8"] = {"error": round(parity.error, 4), "lost_recall": round(lost, 4)}
        licence = {"model": "Apache-2.0", "data": list(_DATA if kind is Kind.PLATE else _DATA[1:])}
        card = bundles.card_of(target, training=training, accuracy=accuracy, licence=licence)
        bundles.write(draft, model, task="detect", kind=kind, settings=bundle.settings, card=card)
        bundles.replace(draft, target)


def _settings(kind: Kind) -> dict[str, Any]:
    width, height = input_size(kind)
    runtime = _RUNTIME if kind is Kind.PLATE else _RUNTIME | _OF_WORDS
    return {"width": width, "height": height, "strides": list(STRIDES), "unit": list(UNITS), **runtime}


def export_onnx(net: DetectorNet, target: Path, size: tuple[int, int]) -> None:
    """Write the float master for inputs of ``size`` (width, height), in the form that ships.

    Torch notes beside every node where in the code it came from, with the folders of the machine that exports; that is
    left out, so that the same weights make the same file anywhere.
    """
    names = [f"{what}_{stride}" for stride in STRIDES for what in ("score", "offsets")]
    example = torch.zeros(1, FOLD * FOLD, size[1] // FOLD, size[0] // FOLD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own internals
        torch.onnx.export(
            folded(net), (example,), str(target), input_names=["image"], output_names=names, dynamo=True,
            external_data=False, verbose=False,
        )  # fmt: skip
    model = onnx.load(str(target))
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, str(target))
