"""The whole story in values, in the order in which a frame walks; read this file first.

A :class:`Frame` comes from a camera. The detector finds :class:`Quad` s in it, each is cut out as an upright
:class:`Strip`, the recogniser turns a strip into log-probabilities and the decoder turns those into
:class:`Hypothesis` es: together a :class:`Sighting`. The vote turns all sightings of one plate or sign, one or many,
into one :class:`Reading`; what passed a camera becomes one :class:`Event`.

Everything here is frozen: a stage hands on a new value and never edits one it was given.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Image: TypeAlias = NDArray[np.uint8]
"""HxWx3 in B, G, R order or HxW grey; uint8, 0..255."""

Point: TypeAlias = tuple[float, float]
"""x to the right, y downwards, in pixels; (0, 0) is the top left corner of the top left pixel."""


SURE, DOUBTFUL = 0.9, 0.5
"""From the first on a confidence can be relied on, from the second on a text should be looked at; below, it is more
likely wrong than right. Whatever shows colours shows these."""


class Kind(StrEnum):
    """What a text is written on; it chooses the bundle that reads it."""

    PLATE = "plate"
    SIGN = "sign"
    WORD = "word"
    DIGITS = "digits"


class Direction(StrEnum):
    """Where something goes, as seen in the picture."""

    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"


class Side(StrEnum):
    """An edge of the picture, or of the zones in it."""

    TOP = "top"
    BOTTOM = "bottom"
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment, told by both clocks of a machine that may have booted in 1970.

    ``mono`` (seconds since boot) orders events of one ``boot_id``; ``wall`` (seconds since 1970, UTC) is only as good
    as ``synced`` says it was at that moment.
    """

    mono: float
    wall: float
    boot_id: str
    synced: bool

    def as_json(self, frame: int) -> dict[str, Any]:
        """The moment and the number of the frame that it belongs to; wall time as ISO 8601 in UTC."""
        wall = datetime.fromtimestamp(self.wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "wall": wall,
            "monotonic": round(self.mono, 3),
            "frame": frame,
            "boot_id": self.boot_id,
            "synced": self.synced,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source; ``number`` counts from 0 and skips what the source dropped.

    ``luma`` is the same picture as a camera reduced it: grey, uint8, (h, w), of about the same proportions; None where
    the source gives none.
    """

    image: Image
    stamp: Stamp
    number: int
    source: str
    luma: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a frame, in whole pixels: from ``left`` and ``top`` to ``right`` and ``bottom``, those excluded."""

    left: int
    top: int
    right: int
    bottom: int

    def within(self, width: int, height: int) -> Region | None:
        """What of it is in a frame of a size; None if nothing is."""
        left, top, right, bottom = max(0, self.left), max(0, self.top), min(width, self.right), min(height, self.bottom)
        return Region(left, top, right, bottom) if left < right and top < bottom else None


@dataclass(frozen=True, slots=True)
class Quad:
    """Four corners around a text, clockwise from the text's own top left, in pixels of the frame; score in 0..1."""

    corners: tuple[Point, Point, Point, Point]
    kind: Kind
    score: float

    def as_json(self) -> list[list[float]]:
        """The corners, to a tenth of a pixel."""
        return [[round(x, 1), round(y, 1)] for x, y in self.corners]


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """One line of text, upright, cut out of a frame: grey, uint8, at the size that the recogniser takes."""

    image: Image
    quad: Quad


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedLogits:
    """What an int8 recogniser says, before any softmax: logit = scale * (value - zero_point) / temperature.

    Attributes:
        values: int8, (T, C) or (N, T, C), in any memory layout.
        scale: above 0, as the tensor states it.
        zero_point: -128..127, as the tensor states it.
        temperature: above 0; divides the logits, so that probabilities mean what they say. 1 leaves them as they are.

    """

    values: NDArray[np.int8]
    scale: float
    zero_point: int
    temperature: float = 1.0


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Automaton:
    """A deterministic weighted acceptor over the recogniser's labels: plate formats and word lists alike.

    State 0 is the start. The edges of state ``s`` are ``offsets[s]:offsets[s + 1]``, sorted by label, at most one a
    label. The weight of a label sequence is the sum of its edges' weights and of the last state's ``accept``, in
    natural logarithms; a state with ``accept`` of -inf does not accept.

    Attributes:
        offsets: int32, (states + 1,), ascending from 0 to the number of edges.
        labels: int32, (edges,), classes of the recogniser, never the blank.
        targets: int32, (edges,), states.
        weights: float32, (edges,), finite.
        accept: float32, (states,), finite or -inf.

    """

    offsets: NDArray[np.int32]
    labels: NDArray[np.int32]
    targets: NDArray[np.int32]
    weights: NDArray[np.float32]
    accept: NDArray[np.float32]

    def weight(self, labels: Sequence[int]) -> float:
        """What this acceptor adds to a whole label sequence; -inf where it does not accept it."""
        state, total = 0, 0.0
        for label in labels:
            first, end = int(self.offsets[state]), int(self.offsets[state + 1])
            edge = bisect_left(self.labels, label, first, end)  # a third of searchsorted's time, of so few
            if edge == end or self.labels[edge] != label:
                return -np.inf
            total += float(self.weights[edge])
            state = int(self.targets[edge])
        return total + float(self.accept[state])


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One answer of the decoder.

    ``log_prob`` is the natural logarithm of the label sequence's CTC probability, summed over its alignments;
    ``weight`` what the automaton adds to it (0 without one); ``steps`` the time step at which each label was first
    seen.
    """

    labels: tuple[int, ...]
    log_prob: float
    weight: float
    steps: tuple[int, ...]

    @property
    def score(self) -> float:
        """What the hypotheses are ordered by."""
        return self.log_prob + self.weight


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One text in one frame with its evidence: what a vote over many frames needs to keep.

    ``log_probs`` is float32 (T, C), rows summing to 1 as probabilities; ``hypotheses`` are the decoder's best, best
    first; ``lines`` is how many lines the text was read in, whose rows of ``log_probs`` follow each other.
    """

    frame: int
    strip: Strip
    log_probs: NDArray[np.float32]
    hypotheses: tuple[Hypothesis, ...]
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Alternative:
    """A text that was also possible, and the probability that it is exactly right."""

    text: str
    confidence: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"text": self.text, "confidence": round(self.confidence, 4)}


@dataclass(frozen=True, slots=True)
class Reading:
    """What one plate or sign says in one frame, or over a whole track.

    ``text`` holds the characters alone for plates, words with single spaces for signs. ``confidence`` is the calibrated
    probability that it is exactly right. ``region`` names the plate format that the text fits, if any.
    """

    text: str
    confidence: float
    kind: Kind
    region: str | None
    quad: Quad
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one frame says by itself, and the probability that it gives to that."""

    frame: int
    text: str
    probability: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"frame": self.frame, "text": self.text, "confidence": round(self.probability, 4)}


@dataclass(frozen=True, slots=True)
class Event:
    """One plate or sign that passed or came to stand in front of a camera.

    ``reads`` counts the frames that were read and ``unread`` those among them that gave no text; ``first`` and ``last``
    are the frames it was seen in, and ``crop`` is the picture, in the frame ``crop_frame``, that supports the text
    best, None where privacy forbids pictures. ``direction`` is where it went in the picture, None if it stood;
    ``entry`` and ``exit`` are the sides by which it came in and went out, None if that was not seen; ``standing`` says
    that it stood there when last seen. ``rejected`` counts the frames that do not speak for the text, by reason:
    'unread' without a text, 'outvoted' with another one, 'surplus' less legible than enough others, 'skipped' not read
    for want of time. ``crop_file`` is where the store put the crop, relative to the store's folder; None if it was not
    stored. ``decision`` is what the lists say of it; None before they were asked. ``votes`` are the frames that
    decided, each by itself; none where privacy forbids it. A ``preview`` is told while more is still read: the final
    event, which has the same id, follows.
    """

    id: str
    source: str
    reading: Reading
    reads: int
    unread: int
    first: Stamp
    last: Stamp
    first_frame: int
    last_frame: int
    crop: Image | None
    crop_frame: int
    direction: Direction | None = None
    crop_file: str | None = None
    decision: Decision | None = None
    entry: Side | None = None
    exit: Side | None = None
    standing: bool = False
    rejected: Mapping[str, int] = field(default_factory=dict)
    preview: bool = False
    votes: tuple[Ballot, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The event as `watch --json` prints and the store writes it: plain values, no pixels."""
        return {
            "id": self.id,
            "camera": self.source,
            "kind": str(self.reading.kind),
            "text": self.reading.text,
            "confidence": round(self.reading.confidence, 4),
            "reads": self.reads,
            "unread": self.unread,
            "region": self.reading.region,
            "first": self.first.as_json(self.first_frame),
            "last": self.last.as_json(self.last_frame),
            "direction": self.direction and str(self.direction),
            "entry": self.entry and str(self.entry),
            "exit": self.exit and str(self.exit),
            "standing": self.standing,
            "rejected": dict(self.rejected),
            "preview": self.preview,
            "quad": self.reading.quad.as_json(),
            "crop": self.crop_file,
            "crop_frame": self.crop_frame,
            "alternatives": [other.as_json() for other in self.reading.alternatives],
            "votes": [ballot.as_json() for ballot in self.votes],
            "list": self.decision and self.decision.entry,
            "decision": self.decision and self.decision.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Attempt:
    """A track that did not become an event: the answer to 'why was this plate missed?'.

    ``reason`` is one of :class:`edge_ocr.judge.Rejection`; ``text`` the best guess, '' without one, and
    ``confidence`` its probability; ``crop`` the picture that could be read best, None if none could.
    """

    source: str
    reason: str
    text: str
    confidence: float
    reads: int
    unread: int
    last: Stamp
    crop: Image | None


class Action(StrEnum):
    """What is done about an event."""

    OPEN = "open"
    REFUSE = "refuse"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the lists say of an event, and why; the reading itself is never changed by it.

    Attributes:
        action: what is done.
        explanation: one sentence that holds no plate, so that it may be kept in every privacy mode.
        list: 'allow', 'deny' or 'known'; None if no list has the plate.
        entry: the entry of that list as it is written there, normalised; None without a list.
        name: what the entry is called, '' if nothing.
        distance: how far the reading is from the entry, 0 if it says exactly that; in characters, see
            docs/design/publish.md.

    """

    action: Action
    explanation: str
    list: str | None = None
    entry: str | None = None
    name: str = ""
    distance: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The decision as it is stored and published."""
        return {
            "action": str(self.action),
            "explanation": self.explanation,
            "list": self.list,
            "entry": self.entry,
            "name": self.name,
            "distance": round(self.distance, 3),
        }


@dataclass(frozen=True, slots=True)
class Parcel:
    """One event for one destination, as the store's outbox hands it out.

    Attributes:
        id: of the event in its store; ascends in the order in which events were recorded.
        destination: its name.
        key: the event's UUIDv7; the same for every attempt, so that the other side can tell repetitions.
        camera: events of one camera are delivered in order.
        event: as JSON, with wall times put right as far as is known by now.
        crop_path: where the picture lies; None if there is none (any more).
        attempts: how many failed so far.

    """

    id: int
    destination: str
    key: str
    camera: str
    event: dict[str, Any]
    crop_path: Path | None
    attempts: int


def corners_of(points: Sequence[Sequence[float]]) -> tuple[Point, Point, Point, Point]:
    """Four (x, y) pairs of any sequence type as the corners that a :class:`Quad` holds."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    return (float(ax), float(ay)), (float(bx), float(by)), (float(cx), float(cy)), (float(dx), float(dy))
