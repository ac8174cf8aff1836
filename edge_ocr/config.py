"""Settings: TOML or keywords in, checked and frozen values out.

The classes below are the reference: a table of the file is a class, a key is a field, and every field carries its
default and its limits. :func:`load` reads a file, :func:`parse` takes nested mappings, for Python callers. An error
tells the file, the key path and the cure; an unknown key names the known one that it resembles.
"""

from __future__ import annotations

import difflib
import reprlib
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from edge_ocr.errors import ConfigError, printable
from edge_ocr.types import Kind


def _number(default: float | None, least: float, most: float) -> Any:
    return field(default=default, metadata={"limits": (least, most)})


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """Table ``[detect]``: finding texts in a frame.

    Attributes:
        threshold: 0.01..0.99, the least score of a box that is read; None for the one the detector was exported with.

    """

    threshold: float | None = _number(None, 0.01, 0.99)


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
        decide_after_seconds: a plate that is still in the picture after so long is decided without waiting for its
            end, and again after every further such span until there is evidence enough.
        repeat_seconds: a text seen again within this time, or a part of it, is the same event.

    """

    min_confidence: float = _number(0.8, 0, 1)
    min_reads: int = _number(2, 1, 1_000)
    min_characters: int | None = _number(None, 1, 1_000)
    decide_after_seconds: float = _number(10.0, 0.1, 86_400)
    repeat_seconds: float = _number(60.0, 0, 86_400)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Table ``[store]``: where events are kept.

    Attributes:
        folder: for events.jsonl and the crops; None to keep nothing. Relative to the working directory; ``~`` at its
            beginning is the home folder.

    """

    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file.

    Attributes:
        kind: what is read.
        regions: whose plate formats are expected; None for all that ship.
        detect: finding texts in a frame.
        track: which boxes of successive frames are one plate.
        vote: what is evidence enough for an event.
        store: where events are kept.

    """

    kind: Kind = Kind.PLATE
    regions: tuple[str, ...] | None = None
    detect: DetectSettings = field(default_factory=DetectSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    vote: VoteSettings = field(default_factory=VoteSettings)
    store: StoreSettings = field(default_factory=StoreSettings)


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
    return settings


def _table(defaults: Any, table: Any, origin: str, path: str) -> Any:
    """A value of the same class as ``defaults``, with what the table says instead."""
    if not isinstance(table, Mapping):
        raise ConfigError(f"{origin}: {path} is {_quoted(table)}, but must be a table; write it as [{path}]")
    known = {item.name: item for item in fields(defaults)}
    values = {name: getattr(defaults, name) for name in known}
    for key, value in table.items():
        name = key if isinstance(key, str) and key.isprintable() else _quoted(key)
        place = f"{path}.{name}" if path else name
        if key not in known:
            raise ConfigError(f"{origin}: {place} is unknown; {_nearest(str(key), known)}")
        if is_dataclass(values[key]):
            values[key] = _table(values[key], value, origin, place)
        else:
            values[key] = _value(known[key], value, f"{origin}: {place}")
    return type(defaults)(**values)


def _value(known: Field[Any], value: Any, place: str) -> Any:
    """One checked value; the field's annotation, a string here, says which check."""
    check = _CHECKS[str(known.type).removesuffix(" | None")]
    if value is None and str(known.type).endswith(" | None"):
        return None  # TOML has no null; Python callers have
    return check(known, value, place)


def _real(known: Field[Any], value: Any, place: str) -> float:
    least, most = known.metadata["limits"]
    # bool is an int in Python: 'true' would pass for 1.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{place} is {_quoted(value)}, but must be a number; give one from {least:g} to {most:g}")
    if not least <= value <= most:
        raise ConfigError(f"{place} is {_quoted(value)}, which is out of range; give one from {least:g} to {most:g}")
    return float(value)


def _whole(known: Field[Any], value: Any, place: str) -> int:
    number = _real(known, value, place)
    if not isinstance(value, int):
        least, most = known.metadata["limits"]
        raise ConfigError(
            f"{place} is {_quoted(value)}, but must be a whole number; give one from {least:g} to {most:g}"
        )
    return int(number)


def _kind(_: Field[Any], value: Any, place: str) -> Kind:
    try:
        return Kind(value)
    except ValueError as error:
        raise ConfigError(
            f"{place} is {_quoted(value)}, which is unknown; {_nearest(str(value), list(Kind))}"
        ) from error


def _names(_: Field[Any], value: Any, place: str) -> tuple[str, ...]:
    if (
        isinstance(value, str)
        or not isinstance(value, list | tuple)
        or not all(isinstance(name, str) for name in value)
    ):
        raise ConfigError(f'{place} is {_quoted(value)}, but must be a list of names; write it as ["us", "eu"]')
    if not value:
        raise ConfigError(f"{place} is empty, so that nothing could be read; name at least one, or leave the key out")
    return tuple(value)


def _folder(_: Field[Any], value: Any, place: str) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ConfigError(f'{place} is {_quoted(value)}, but must be a folder; write it as "/var/lib/edge-ocr"')
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # nobody of that name, or nobody who has a home
        raise ConfigError(f"{place} is {_quoted(value)}, whose home folder is not known; write it out") from error


_CHECKS = {"float": _real, "int": _whole, "Kind": _kind, "tuple[str, ...]": _names, "Path": _folder}


def _quoted(value: Any) -> str:
    """A value as it is written, cut short: a message stays one line whatever it quotes."""
    text = reprlib.repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _nearest(word: str, known: Mapping[str, Any] | list[Kind]) -> str:
    names = [str(name) for name in known]
    (*near,) = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(names)}"
