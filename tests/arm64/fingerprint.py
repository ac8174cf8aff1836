"""What this processor makes of the same input: printed on two of them, to be compared.

``exact`` must be equal to the last bit: every text and every decoded picture.
``steps`` are the outputs of every int8 model for the same int8 input: processors round a tie to either side.
``close`` are figures that went through floating point: probabilities and places.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import edge_ocr
from edge_ocr import ctc, rectify
from edge_ocr.bench import posteriors
from edge_ocr.engine import Engine
from edge_ocr.grammar import load_regions, plate_grammar

ROUNDS = 3
"""Inputs for each model."""


def networks() -> dict[str, list[str]]:
    """The outputs of every shipped model, for inputs from a seed."""
    random = np.random.default_rng(20)
    folders = Path(edge_ocr.__file__).parent / "models"
    outputs = {}
    for model in sorted(folders.glob("*/model.tflite")):
        engine = Engine(model.read_bytes(), name=model.parent.name)
        outputs[model.parent.name] = [outputs_of(engine, random) for _ in range(ROUNDS)]
    return outputs


def outputs_of(engine: Engine, random: np.random.Generator) -> str:
    """Smooth noise, so that every part of a network has something to say."""
    _, height, width, channels = engine.input.shape
    small = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, channels))
    large = np.kron(small, np.ones((8, 8, 1), np.int64))[:height, :width] + random.integers(-8, 9, (height, width, 1))
    values = (np.clip(large, 0, 255) - 128).astype(engine.input.dtype)[None]
    told = engine.run(values)
    # An output's place in the list is the converter's business; its shape tells which it is.
    together = b"".join(output.tobytes() for output in sorted(told, key=lambda output: output.shape))
    return base64.b64encode(zlib.compress(together)).decode()


def decoder() -> tuple[list[list[int]], list[float]]:
    """The best label sequence of each of some posteriors within the formats of Europe, and its score."""
    grammar = plate_grammar(load_regions(["eu"]))
    found = [ctc.beam_search(sequence, 16, 1, grammar.automaton)[0] for sequence in posteriors(40, seed=3)]
    return [list(hypothesis.labels) for hypothesis in found], [hypothesis.score for hypothesis in found]


def pixels(image: Any) -> str:
    """What decoding a JPEG and cutting out plates gives, which OpenCV does in whole numbers on any processor."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


def main() -> None:
    """Prints one JSON object."""
    reader = edge_ocr.Reader()
    texts, regions, sure, corners, images, strips = {}, {}, {}, {}, {}, {}
    for path in map(Path, sys.argv[1:]):
        image = cv2.imread(str(path))
        readings = reader.read(image)
        images[path.name] = pixels(image)
        cuts = [rectify.strip(image, reading.quad, width=160, height=48).image for reading in readings]
        strips[path.name] = [float(cut.mean()) for cut in cuts]
        texts[path.name] = [reading.text for reading in readings]
        regions[path.name] = [reading.region for reading in readings]
        sure[path.name] = [reading.confidence for reading in readings]
        corners[path.name] = [np.array(reading.quad.corners).ravel().tolist() for reading in readings]
    labels, scores = decoder()
    exact = {"texts": texts, "regions": regions, "labels": labels, "images": images}
    close = {"confidence": sure, "corners": corners, "scores": scores, "strips": strips}
    json.dump({"exact": exact, "steps": networks(), "close": close}, sys.stdout)


if __name__ == "__main__":
    main()
