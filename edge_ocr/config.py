"""Settings: TOML or keywords in, checked and frozen values out.

The classes below and in :mod:`edge_ocr.tables` are the reference: a table of the file is a class, a key is a field,
and every field carries its default and its limits. :func:`load` reads a file, :func:`parse` takes nested mappings, for
Python callers. An error tells the file, the key path and the cure; an unknown key names the known one it resembles.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from edge_ocr.checks import CHECKS, nearest, quoted
from edge_ocr.contradictions import contradictions
from edge_ocr.errors import ConfigError, printable
from edge_ocr.tables import (
    CameraSettings,
    GateSettings,
    HealthSettings,
    ListSettings,
    MoreSettings,
    PaceSettings,
    PrivacySettings,
    PublishSettings,
    WebSettings,
)
from edge_ocr.tables import choice as _choice
from edge_ocr.tables import number as _number
from edge_ocr.types import Kind

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """Table ``[detect]``: finding texts in a frame.

    Attributes:
        threshold: 0.01..0.99, the least score of a box that is read; None for the one the detector was exported with.
        preprocess: steps of :mod:`edge_ocr.preprocess` that every strip goes through, in this order.

    """

    threshold: float | None = _number(None, 0.01, 0.99)
    preprocess: tuple[str, ...] = _choice(
        (),
        "otsu",
        "sauvola",
        "median",
        "non-local-means",
        "clahe",
        "stroke-width",
        "level-profile",
        "level-hough",
        "level-rectangle",
        "band",
    )


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """Table ``[track]``: which boxes of successive frames are one plate.

    Attributes:
        max_missed_frames: how many frames in a row may miss a plate before it has gone.
        reach: how far from its predicted place a box may be, in lengths of the plate.
        keep: how many of the best reads of a plate are kept for the vote.

    """

    max_missed_frames: int = _number(10, 0, 10_000)
    reach: float = _number(1.5, 0.1, 20)
    keep: int = _number(16, 1, 1_000)


@dataclass(frozen=True, slots=True)
class VoteSettings:
    """Table ``[vote]``: what is evidence enough for an event.

    Attributes:
        min_confidence: 0..1, the least probability that the text is exactly right.
        min_reads: how many frames must have given a text.
        min_characters: what is shorter is not told; None for 4 for plates, whose fragments make most short texts,
            and 1 for all else.
        preview_confidence: 0..1, the probability of being right from which on a text is told early, as a preview, while
            more is still read; 1 for no previews.
        preview_reads: how many frames must have given a text before that.
        decide_after_seconds: a plate that is still in the picture after so long is decided without waiting for its
            end, and again after every further such span until there is evidence enough.
        repeat_seconds: a text seen again within this time, or a part of it, is the same event.
        repeat_contradiction: in nats; what may speak against two vehicles within that time, one of them perhaps
            misread, being the same. 0 for texts that are exactly the same alone.

    """

    min_confidence: float = _number(0.8, 0, 1)
    min_reads: int = _number(2, 1, 1_000)
    min_characters: int | None = _number(None, 1, 1_000)
    preview_confidence: float = _number(0.97, 0, 1)
    preview_reads: int = _number(2, 1, 1_000)
    decide_after_seconds: float = _number(10.0, 0.1, 86_400)
    repeat_seconds: float = _number(60.0, 0, 86_400)
    repeat_contradiction: float = _number(3.0, 0, 100)


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """A table such as ``[store.crops]``: how much of one kind is kept; 0 for no limit.

    Attributes:
        days: how long. Nothing is old while the clock is not synchronised, or was for less than an hour.
        most: how many.
        mb: how many megabytes.

    """

    days: float = _number(0.0, 0, 36_500)
    most: int = _number(0, 0, 1_000_000_000)
    mb: float = _number(0.0, 0, 1_000_000_000)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Table ``[store]``: where events are kept, and for how long.

    Beyond a limit the oldest give way. What waits to be sent stays: an event, not its pictures.

    Attributes:
        folder: for the database and the crops; None to keep nothing. Relative to the working directory; ``~`` at its
            beginning is the home folder.
        events: how much of the events; ``mb`` of the database without the previews.
        crops: how much of the pictures of plates.
        previews: how much of their small copies, which outlive them.
        attempts: how many tracks without an event are kept, in a ring, to see why a plate was missed.
        free_mb: the floor: what of the disk stays free. Below it crops give way, and no new ones are kept.
        outbox_most: how many events may wait for one destination.
        outbox_full: which event becomes a dead letter of a destination beyond that: "oldest" or "newest".

    """

    folder: Path | None = None
    events: KeepSettings = field(default_factory=lambda: KeepSettings(365, 1_000_000, 1000))
    crops: KeepSettings = field(default_factory=lambda: KeepSettings(30, 200_000, 2000))
    previews: KeepSettings = field(default_factory=lambda: KeepSettings(90, 20_000, 32))
    attempts: int = _number(500, 0, 1_000_000)
    free_mb: float = _number(200.0, 0, 1_000_000_000)
    outbox_most: int = _number(1_000_000, 1, 1_000_000_000)
    outbox_full: str = _choice("oldest", "oldest", "newest")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file.

    Attributes:
        kind: what is read.
        regions: whose plate formats are expected; None for all that ship.
        language: whose words are likelier than other texts, of kinds sign and word; None for what the recogniser says.
        gate: where it is worth to look for texts.
        pace: how much of what a live camera gives is processed.
        detect: finding texts in a frame.
        track: which boxes of successive frames are one plate.
        vote: what is evidence enough for an event.
        store: where events are kept.
        lists: which plates are known, and what follows.
        privacy: what of a plate is kept at all.
        publish: where events go.
        health: when the status turns red.
        web: the pages.
        camera: the cameras that `serve` watches.

    """

    kind: Kind = Kind.PLATE
    regions: tuple[str, ...] | None = None
    language: str | None = None
    gate: GateSettings = field(default_factory=GateSettings)
    pace: PaceSettings = field(default_factory=PaceSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    vote: VoteSettings = field(default_factory=VoteSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    lists: ListSettings = field(default_factory=ListSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    web: WebSettings = field(default_factory=WebSettings)
    camera: tuple[CameraSettings, ...] = ()


def load(path: Path) -> Settings:
    """Read a configuration file.

    Args:
        path: of a TOML file; keys that it leaves out have their defaults.

    Raises:
        ConfigError: it cannot be read, is not TOML, or says something unknown or impossible.

    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{printable(path)}: cannot be read ({error.strerror}); name a configuration file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{printable(path)}: is not UTF-8 (byte {error.start}); save it as UTF-8 text") from error
    except (ValueError, RecursionError) as error:  # besides its own error: numbers and nesting beyond Python's bounds
        raise ConfigError(
            f"{printable(path)}: is not valid TOML: {' '.join(str(error).split())}; correct it there"
        ) from error
    return parse(tables, origin=printable(path))


def parse(tables: Mapping[str, Any], *, origin: str) -> Settings:
    """Check settings that are in memory.

    Args:
        tables: as :mod:`tomllib` returns them; keys that are left out have their defaults.
        origin: what to call them in errors, such as the file's name.

    Raises:
        ConfigError: something in them is unknown or impossible.

    """
    settings: Settings = _table(Settings(), tables, origin, "")
    for place, wrong in contradictions(settings):
        raise ConfigError(f"{origin}: {place} {wrong}")
    return settings


def _table(defaults: Any, table: Any, origin: str, path: str) -> Any:
    """A value of the same class as ``defaults``, with what the table says instead."""
    if not isinstance(table, Mapping):
        raise ConfigError(f"{origin}: {path} is {quoted(table)}, but must be a table; write it as [{path}]")
    known = {item.name: item for item in fields(defaults)}
    values = {name: getattr(defaults, name) for name in known}
    for key, value in table.items():
        name = key if isinstance(key, str) and key.isprintable() and len(key) <= 40 else quoted(key)
        place = f"{path}.{name}" if path else name
        if key not in known:
            raise ConfigError(f"{origin}: {place} is unknown; {nearest(str(key), known)}")
        if is_dataclass(values[key]):
            values[key] = _table(values[key], value, origin, place)
        elif known[key].type in _ARRAYS:
            values[key] = _array(_ARRAYS[str(known[key].type)], value, origin, place)
        else:
            values[key] = _value(known[key], value, f"{origin}: {place}")
    return type(defaults)(**values)


def _array(defaults: Any, tables: Any, origin: str, path: str) -> Any:
    """Values of the same class as ``defaults``, one for each table of an array."""
    if isinstance(tables, str | Mapping) or not isinstance(tables, list | tuple):
        raise ConfigError(f"{origin}: {path} is {quoted(tables)}, but must be an array of tables; write [[{path}]]")
    return tuple(_table(defaults, table, origin, f"{path}[{number}]") for number, table in enumerate(tables))


def _value(known: Field[Any], value: Any, place: str) -> Any:
    """One checked value; the field's annotation, a string here, says which check."""
    check = CHECKS[str(known.type).removesuffix(" | None")]
    if value is None and str(known.type).endswith(" | None"):
        return None  # TOML has no null; Python callers have
    return check(known, value, place)


_ARRAYS: dict[str, Any] = {
    "tuple[CameraSettings, ...]": CameraSettings(),
    "tuple[MoreSettings, ...]": MoreSettings(),
}
"""What the tables of an array begin with."""
