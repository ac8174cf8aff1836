"""What reading costs on this machine: stages, models under their roof, growth, and the parts of others where installed.

The decoders' input is made here, from a seed: posteriors of short texts as a good recogniser gives them, 30% of the
characters with rivals, among them the blank, over the character's whole width. Such texts have many alignments that
count, which is what tells an exact search from an approximate one.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr import ctc
from edge_ocr.clock import Stopwatch
from edge_ocr.grammar import PLATE_ALPHABET, load_regions, plate_grammar
from edge_ocr.growth import bench_growth
from edge_ocr.reader import Reader
from edge_ocr.roofline import least, peaks, roofs
from edge_ocr.types import QuantisedLogits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge_ocr.roofline import Peaks

STEPS, BLANK = 32, 0
_SHORTEST, _LONGEST = 5, 8
_RIVALRY = 0.3


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: CPU time in microseconds a sequence.

    ``single_us`` is that of a Python call for each sequence, ``batch_us`` of one call for all; None where the package
    has no such call. ``same`` is the share of texts, 0..1, that equal those of our unpruned search with a beam of 200.
    """

    decoder: str
    setting: str
    single_us: float
    batch_us: float | None
    same: float


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage takes: the median of milliseconds of CPU time."""

    stage: str
    ms: float


def bench_stages(*, rounds: int = 20) -> list[Stage]:
    """The stages of reading plates with the bundles that came with this package: a 1280x720 frame, then one plate.

    Raises:
        BundleError: a bundle did not come with this package.
        EngineError: no interpreter is installed.

    """
    reader = Reader()
    frame = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    plate = np.kron(np.random.default_rng(1).integers(0, 2, (3, 24)), np.ones((16, 8))).astype(np.uint8) * 255
    laps: list[dict[str, float]] = []
    for _ in range(rounds):
        watch = Stopwatch(now=time.thread_time)
        with watch.lap("detect"):
            reader.detector(frame)
        reader.read(plate, crop=True, stopwatch=watch)
        laps.append(watch.ms)
    return [Stage(stage, float(np.median([lap[stage] for lap in laps]))) for stage in laps[0]]


def posteriors(count: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Log-probabilities, float32 (count, 32, 37), of random texts of 5 to 8 of the 36 plate characters; blank 0."""
    random = np.random.default_rng(seed)
    probabilities = random.gamma(0.3, 1.0, (count, STEPS, len(PLATE_ALPHABET) + 1)) * 1e-3
    for sequence in probabilities:
        for start, end, label in _runs(random):
            rivals = [label]
            if label != BLANK and random.random() < _RIVALRY:
                others = [c for c in range(1, sequence.shape[1]) if c != label]
                rivals += [BLANK, *random.choice(others, random.integers(1, 3), replace=False)]
            for t in range(start, end):
                # One alone drowns the noise; several share, with a little more for the true one.
                shares = random.dirichlet([4.0] + [3.0] * (len(rivals) - 1))
                sequence[t, rivals] += shares if len(rivals) > 1 else random.uniform(3, 30)
    probabilities /= probabilities.sum(2, keepdims=True)
    return np.log(np.maximum(probabilities, 1e-30)).astype(np.float32)


def bench_decoder(count: int = 300, rounds: int = 5) -> list[Row]:
    """Times every decoder on ``count`` sequences, best of ``rounds`` rounds, on one thread.

    Returns:
        Our rows first, then those of fast_ctc_decode, pyctcdecode and flashlight-text, each only if it is installed.

    """
    log_probs = posteriors(count)
    best = [hypotheses[0].labels for hypotheses in ctc.beam_search(log_probs, 200)]
    cases = [*_ours(log_probs), *_fast_ctc_decode(log_probs), *_pyctcdecode(log_probs), *_flashlight(log_probs)]
    return [_time(case, best, rounds) for case in cases]


def _peaks_line(known: Peaks) -> str:
    rates = f"{known.int8_gmacs:.0f} int8 and {known.float32_gmacs:.0f} float32 GMAC/s"
    return f"One core at best: {rates}, {known.copy_gbytes:.1f} GB/s copied"


def bench_peer_network() -> list[Stage]:
    """The recogniser's float master in onnxruntime, where that is installed and the checkout has the master."""
    master = Path(__file__).parent / "models" / "plate" / "model.onnx"
    peer = _installed("onnxruntime")
    if peer is None or not master.is_file():
        return []
    options = peer.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = peer.InferenceSession(str(master), options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    values = np.zeros([size if isinstance(size, int) else 1 for size in entry.shape], np.float32)
    seconds = least(lambda: session.run(None, {entry.name: values}), 30)
    return [Stage("recognise, float32 master in onnxruntime", seconds * 1e3)]


def main(*, as_json: bool) -> int:
    """Prints the tables, or one JSON object a row; returns the exit code."""
    known = peaks()
    stages, roofs_known = bench_stages() + bench_peer_network(), roofs(known)
    growth, rows = bench_growth(), bench_decoder()
    if as_json:
        everything: list[Any] = [known, *stages, *roofs_known, *growth, *rows]
        lines = [json.dumps(asdict(row)) for row in everything]
    else:
        lines = [
            "Reading, one thread: CPU milliseconds for a frame of 1280x720 (detect) and for a plate (the others)",
            *(f"{stage.stage:<40} {stage.ms:>10.2f}" for stage in stages),
            "",
            _peaks_line(known),
            f"{'model':<18} {'million MAC':>12} {'MB moved':>9} {'ms':>8} {'roof, ms':>9} {'share':>6} bound by",
            *(
                f"{row.model:<18} {row.macs:>12.1f} {row.mbytes:>9.2f} {row.ms:>8.2f} {row.roof_ms:>9.3f} "
                f"{row.share:>6.0%} {row.bound}"
                for row in roofs_known
            ),
            "",
            "CPU milliseconds a frame as something grows",
            *(
                f"{name:<18} " + ", ".join(f"{row.size:g}: {row.ms:.1f}" for row in growth if row.grows == grows)
                for grows, name in (("frame", "megapixels"), ("plates", "plates a frame"), ("cameras", "cameras"))
            ),
            "",
            f"CTC decoding, {STEPS} steps, {len(PLATE_ALPHABET) + 1} classes: CPU microseconds a sequence, one thread",
            f"{'decoder':<18} {'setting':<34} {'one a call':>10} {'in a batch':>10} {'text as beam 200':>17}",
            *(
                f"{row.decoder:<18} {row.setting:<34} {row.single_us:>10.1f} "
                f"{'' if row.batch_us is None else format(row.batch_us, '.1f'):>10} {row.same:>17.1%}"
                for row in rows
            ),
        ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """A decoder with its setting: what it is given, and how its labels are got out of what it returns."""

    decoder: str
    setting: str
    decode: Callable[[Any], Any]
    labels: Callable[[Any], tuple[int, ...]]
    sequences: Sequence[Any]
    batch: Any = None


def _time(case: _Case, best: Sequence[tuple[int, ...]], rounds: int) -> Row:
    count = len(best)
    texts = [case.labels(case.decode(sequence)) for sequence in case.sequences]
    single = min(_seconds(lambda: [case.decode(sequence) for sequence in case.sequences]) for _ in range(rounds))
    whole = None
    if case.batch is not None:
        whole = min(_seconds(lambda: case.decode(case.batch)) for _ in range(rounds)) * 1e6 / count
    same = sum(text == other for text, other in zip(texts, best, strict=True)) / count
    return Row(case.decoder, case.setting, single * 1e6 / count, whole, same)


def _ours(log_probs: NDArray[np.float32]) -> list[_Case]:
    def beam(setting: str, width: int, **options: Any) -> _Case:
        def decode(sequence: Any) -> Any:
            return ctc.beam_search(sequence, width, **options)

        return _Case("edge-ocr", setting, decode, _first_labels, list(log_probs), log_probs)

    int8 = _quantised(log_probs)
    grammar = plate_grammar(load_regions(["eu", "gb", "ch", "no"]))
    return [
        _Case("edge-ocr", "greedy", ctc.greedy, lambda found: found.labels, list(log_probs), log_probs),
        beam("beam 10, pruned at .001", 10, prune=0.001),
        beam("beam 10", 10),
        _Case(
            "edge-ocr",
            "beam 10, int8 logits",
            lambda sequence: ctc.beam_search(sequence, 10),
            _first_labels,
            [_quantised(sequence) for sequence in log_probs],
            int8,
        ),
        beam("beam 16", 16),
        beam(f"beam 16, formats of {len(grammar.regions)} regions", 16, automaton=grammar.automaton),
        beam("beam 100", 100),
    ]


def _first_labels(found: Any) -> tuple[int, ...]:
    labels: tuple[int, ...] = found[0].labels if found else ()
    return labels


def _quantised(log_probs: NDArray[np.float32]) -> QuantisedLogits:
    values = np.clip(np.round(log_probs / 0.1) + 100, -128, 127).astype(np.int8)
    return QuantisedLogits(values, scale=0.1, zero_point=100)


def _installed(module: str) -> Any:
    """The module, or None: the peers are no dependency of ours."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _fast_ctc_decode(log_probs: NDArray[np.float32]) -> list[_Case]:
    peer = _installed("fast_ctc_decode")
    if peer is None:
        return []
    alphabet = "\0" + PLATE_ALPHABET  # its blank is the first
    sequences = list(np.exp(log_probs))

    def case(setting: str, decode: Callable[[Any], Any]) -> _Case:
        return _Case("fast-ctc-decode", setting, decode, lambda found: tuple(map(alphabet.index, found[0])), sequences)

    def beam(width: int, cut: float) -> Callable[[Any], Any]:
        return lambda sequence: peer.beam_search(sequence, alphabet, beam_size=width, beam_cut_threshold=cut)

    return [
        case("greedy", lambda sequence: peer.viterbi_search(sequence, alphabet)),
        case("beam 10, pruned at .001", beam(10, 0.001)),
        case("beam 10", beam(10, 0.0)),
    ]


def _pyctcdecode(log_probs: NDArray[np.float32]) -> list[_Case]:
    peer = _installed("pyctcdecode")
    if peer is None:
        return []
    logging.getLogger("pyctcdecode").setLevel(logging.ERROR)  # it warns of labels that are no language
    decoder = peer.build_ctcdecoder(["", *PLATE_ALPHABET])
    return [
        _Case(
            "pyctcdecode",
            "beam 10, its own pruning",
            lambda sequence: decoder.decode(sequence, beam_width=10),
            lambda found: tuple(PLATE_ALPHABET.index(c) + 1 for c in found),
            list(log_probs),
        )
    ]


def _flashlight(log_probs: NDArray[np.float32]) -> list[_Case]:
    peer = _installed("flashlight.lib.text.decoder")
    if peer is None:
        return []
    steps, classes = log_probs.shape[1:]
    options = peer.LexiconFreeDecoderOptions(
        beam_size=10,
        beam_size_token=classes,
        beam_threshold=1e4,
        lm_weight=0.0,
        sil_score=0.0,
        log_add=True,
        criterion_type=peer.CriterionType.CTC,
    )
    decoder = peer.LexiconFreeDecoder(options, peer.ZeroLM(), BLANK, BLANK, [])

    def labels(found: Any) -> tuple[int, ...]:
        path = [c for c in found[0].tokens if c >= 0]
        return tuple(c for t, c in enumerate(path) if c != BLANK and (t == 0 or c != path[t - 1]))

    return [
        _Case(
            "flashlight-text",
            "beam 10",
            lambda sequence: decoder.decode(sequence.ctypes.data, steps, classes),
            labels,
            list(log_probs),
        )
    ]


def _runs(random: np.random.Generator) -> list[tuple[int, int, int]]:
    """(start, end, class) of every stretch of one class: characters of one or two steps with blanks between them."""
    text = random.integers(1, len(PLATE_ALPHABET) + 1, random.integers(_SHORTEST, _LONGEST + 1))
    widths = random.integers(1, 3, len(text))
    forced = np.concatenate([[0], (np.diff(text) == 0).astype(int), [0]])  # equal neighbours need a blank
    gaps = forced + random.multinomial(STEPS - widths.sum() - forced.sum(), np.ones(len(forced)) / len(forced))
    runs, t = [], 0
    for gap, width, label in zip(gaps, [*widths, 0], [*text, BLANK], strict=True):
        runs += [(t, t + int(gap), BLANK), (t + int(gap), t + int(gap + width), int(label))]
        t += int(gap + width)
    return runs


def _seconds(run: Callable[[], Any]) -> float:
    began = time.thread_time()
    run()
    return time.thread_time() - began
