"""A trained detector as a bundle: float master, int8 TFLite file past both gates, and the card that describes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from export import gates
from export.card import write_card
from export.convert import convert_apart
from export.detector_data import labelled_frames, load_sources
from export.detector_net import STRIDES, UNITS, DetectorNet
from export.photographs import load
from export.synthetic.scenes import PADDING, compose

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from export.detector_data import Folders

INPUT = (640, 384)
"""Width and height of what the shipped network reads: half of a 1280x720 frame, with 24 rows to spare."""
_PARITY = 0.25
"""How far int8 maps may be from float ones, in their standard deviations; the maps are mostly background, so this is
loose, and the measured recall is what counts."""
_SCENES, _FRAMES = 100, 30


@dataclass(frozen=True, slots=True)
class Settings:
    """What the runtime needs to know beside the network; see :class:`edge_ocr.detect.Detector`."""

    threshold: float = 0.4
    merge: float = 0.3
    reduction: float = 3.0


def calibration(folders: Folders, seed: int) -> NDArray[np.float32]:
    """Scenes and real training frames as the network takes them: float32 (count, 1, height, width)."""
    rng = np.random.default_rng(seed)
    sources = load_sources(rng, folders)
    pictures = [compose(rng, sources, INPUT).image for _ in range(_SCENES)]
    frames = labelled_frames(folders.data / "plates_ro_frames", measure=False)
    for index in rng.choice(len(frames), _FRAMES, replace=False):
        grey = cv2.cvtColor(load(frames[index][0]), cv2.COLOR_BGR2GRAY)
        scale = min(INPUT[0] / grey.shape[1], INPUT[1] / grey.shape[0])
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = np.full((INPUT[1], INPUT[0]), PADDING, np.uint8)
        picture[: small.shape[0], : small.shape[1]] = small
        pictures.append(picture)
    return np.stack(pictures)[:, None].astype(np.float32) / np.float32(127.5) - 1


def write_bundle(
    net: DetectorNet,
    folders: Folders,
    target: Path,
    *,
    training: dict[str, Any],
    convert_python: Path,
    other_python: Path | None = None,
    settings: Settings | None = None,
) -> None:
    """Write model.onnx, model.tflite and model.toml.

    Args:
        net: the trained network.
        folders: for the calibration.
        target: the bundle's folder, made if need be.
        training: what to say about the training.
        convert_python: Python of the environment with TensorFlow.
        other_python: Python of an environment with tflite-runtime 2.14, to compare with.
        settings: what else the runtime needs to know.

    Raises:
        ConversionError: the converted model does not pass a gate; nothing is written but the master.

    """
    target.mkdir(parents=True, exist_ok=True)
    master = target / "model.onnx"
    export_onnx(net, master)
    images = calibration(folders, seed=7)
    draft = target / "draft.tflite"
    try:
        convert_apart(convert_python, master, images, draft)
        model = draft.read_bytes()
    finally:
        draft.unlink(missing_ok=True)
    gates.check_operations(model)
    parity = gates.check_parity(master, model, images[::10], limit=_PARITY, other_python=other_python)
    (target / "model.tflite").write_bytes(model)
    chosen = settings or Settings()
    card = {
        "format": 1,
        "task": "detect",
        "kind": "plate",
        "model": {"file": "model.tflite", "sha256": hashlib.sha256(model).hexdigest(), "bytes": len(model)},
        "detect": {
            "width": INPUT[0],
            "height": INPUT[1],
            "strides": list(STRIDES),
            "unit": list(UNITS),
            "threshold": chosen.threshold,
            "merge": chosen.merge,
            "reduction": chosen.reduction,
        },
        "training": {**training, "int8_error": round(parity.error, 4)},
        "licence": {
            "model": "Apache-2.0",
            "data": [
                "plates_ro_frames: MIT, RobertLucian/license-plate-dataset",
                "road_backgrounds: MIT, udacity/CarND",
                "plates_tn_train_crops: MIT, sambett",
                "rendered scenes",
            ],
        },
    }
    write_card(target / "model.toml", card)


def export_onnx(net: DetectorNet, target: Path) -> None:
    """Write the float master for the shipped input size."""
    names = [f"{what}_{stride}" for stride in STRIDES for what in ("score", "offsets")]
    plain = DetectorNet()
    plain.load_state_dict(net.state_dict())
    example = torch.zeros(1, 1, INPUT[1], INPUT[0])
    torch.onnx.export(
        plain.eval(), (example,), str(target), input_names=["image"], output_names=names, dynamo=True,
        external_data=False, verbose=False,
    )  # fmt: skip
