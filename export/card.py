"""A bundle's card, model.toml, written from plain values: the standard library reads TOML but does not write it."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_card(path: Path) -> dict[str, Any]:
    """The values of a model.toml."""
    return tomllib.loads(path.read_text("utf-8"))


def write_card(path: Path, card: Mapping[str, Any]) -> None:
    """Write values as TOML.

    Args:
        path: the model.toml.
        card: text, numbers, booleans, lists of them, and tables of the same; keys of letters, digits, '_' and '-'.

    """
    path.write_text(_table(card, ()), "utf-8")


def _table(values: Mapping[str, Any], name: tuple[str, ...]) -> str:
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    head = f"[{'.'.join(name)}]\n" if name and (plain or not values) else ""
    text = head + "".join(f"{key} = {_value(value)}\n" for key, value in plain.items())
    parts = [text] if text else []
    parts += [_table(value, (*name, key)) for key, value in values.items() if isinstance(value, dict)]
    return "\n".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)  # JSON's text, whole numbers and booleans are TOML's too
