"""Whether one value of the configuration is what its key may hold; if not, what is wrong with it and the cure."""

from __future__ import annotations

import difflib
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_ocr.errors import ConfigError
from edge_ocr.types import Action, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from dataclasses import Field


def quoted(value: Any) -> str:
    """A value as it is written, cut short: a message stays one line whatever it quotes."""
    text = reprlib.repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """The cure for an unknown word: the known one that it resembles, or all of them."""
    names = [str(name) for name in known]
    (*near,) = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(names)}"


def _real(known: Field[Any], value: Any, place: str) -> float:
    least, most = known.metadata["limits"]
    # bool is an int in Python: 'true' would pass for 1.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{place} is {quoted(value)}, but must be a number; give one from {least:g} to {most:g}")
    if not least <= value <= most:
        raise ConfigError(f"{place} is {quoted(value)}, which is out of range; give one from {least:g} to {most:g}")
    return float(value)


def _whole(known: Field[Any], value: Any, place: str) -> int:
    number = _real(known, value, place)
    if not isinstance(value, int):
        least, most = known.metadata["limits"]
        raise ConfigError(
            f"{place} is {quoted(value)}, but must be a whole number; give one from {least:g} to {most:g}"
        )
    return int(number)


def _kind(_: Field[Any], value: Any, place: str) -> Kind:
    return Kind(_one_of(list(Kind), value, place))


def _action(_: Field[Any], value: Any, place: str) -> Action:
    return Action(_one_of(list(Action), value, place))


def _one_of(known: Sequence[str], value: Any, place: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise ConfigError(f"{place} is {quoted(value)}, which is unknown; {nearest(str(value), known)}")
    return value


def _switch(_: Field[Any], value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{place} is {quoted(value)}, but must be true or false; write it without quotes")
    return value


def _text(known: Field[Any], value: Any, place: str) -> str:
    if "choices" in known.metadata:
        return _one_of(known.metadata["choices"], value, place)
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 1000:
        raise ConfigError(f"{place} is {quoted(value)}, but must be a text of one line; give one in quotes")
    return value


def _names(known: Field[Any], value: Any, place: str) -> tuple[str, ...]:
    if (
        isinstance(value, str)
        or not isinstance(value, list | tuple)
        or not all(isinstance(name, str) for name in value)
    ):
        raise ConfigError(f'{place} is {quoted(value)}, but must be a list of names; write it as ["us", "eu"]')
    if not value:
        raise ConfigError(f"{place} is empty, so that nothing could be read; name at least one, or leave the key out")
    if "choices" in known.metadata:
        for name in value:
            _one_of(known.metadata["choices"], name, place)
    if len(set(value)) < len(value):
        raise ConfigError(f"{place} is {quoted(value)}, which names something twice; name each once")
    return tuple(value)


def _polygons(_: Field[Any], value: Any, place: str) -> tuple[tuple[tuple[float, float], ...], ...]:
    cure = "write it as [[[0, 0.5], [1, 0.5], [1, 1], [0, 1]]], in shares of the picture's width and height"
    if not isinstance(value, list | tuple) or not value or not all(isinstance(part, list | tuple) for part in value):
        raise ConfigError(f"{place} is {quoted(value)}, but must be a list of polygons; {cure}")
    for polygon in value:
        if len(polygon) < 3 or not all(_is_corner(corner) for corner in polygon):
            what = "but must have three corners or more, each of two numbers from 0 to 1"
            raise ConfigError(f"{place} holds {quoted(polygon)}, {what}; {cure}")
    return tuple(tuple((float(x), float(y)) for x, y in polygon) for polygon in value)


def _is_corner(corner: Any) -> bool:
    return (
        isinstance(corner, list | tuple)
        and len(corner) == 2
        and all(isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1 for share in corner)
    )


def _path(known: Field[Any], value: Any, place: str) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        what, example = (
            ("file", "/etc/edge-ocr/name") if known.name.endswith("file") else ("folder", "/var/lib/edge-ocr")
        )
        raise ConfigError(f'{place} is {quoted(value)}, but must be a {what}; write it as "{example}"')
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # nobody of that name, or nobody who has a home
        raise ConfigError(f"{place} is {quoted(value)}, whose home folder is not known; write it out") from error


CHECKS = {
    "float": _real,
    "int": _whole,
    "bool": _switch,
    "str": _text,
    "Kind": _kind,
    "Action": _action,
    "tuple[str, ...]": _names,
    "tuple[Polygon, ...]": _polygons,
    "Path": _path,
}
"""How a value is checked, by the annotation of its field without '| None'."""
