"""What a request may say: names, kinds and limits, checked by the same table that the OpenAPI document is made of."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from edge_ocr import drawn, lists
from edge_ocr.errors import ListError
from edge_ocr.web.exchange import Problem, bad

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_ocr.tables import Polygon

_MOST_FIELDS = 50
_MOMENT = r"^(|\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{3})?)?(Z|[+-]\d\d:\d\d)?)?)$"
_LONGEST_NUMBER = 20


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a path, a query or a body may say.

    Attributes:
        name: of it.
        says: what it means, for the document.
        kind: 'text', 'whole', 'number', 'moment' or 'polygons'.
        needed: whether it must be there.
        default: what it is where it is left out.
        least: of a number, or of a text's characters.
        most: likewise.
        choices: of a text; empty for any.

    """

    name: str
    says: str
    kind: str = "text"
    needed: bool = False
    default: Any = None
    least: float = 0
    most: float = 200
    choices: tuple[str, ...] = ()

    def value(self, said: Any) -> Any:
        """The checked value.

        Args:
            said: a text, or of a body in JSON whatever stands there.

        Raises:
            Problem: it is none.

        """
        return _CHECKS[self.kind](self, said)

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        match self.kind:
            case "whole" | "number":
                name = {"whole": "integer", "number": "number"}[self.kind]
                schema: dict[str, Any] = {"type": name, "minimum": self.least, "maximum": self.most}
            case "moment":
                schema = {"type": "string", "description": "2026-05-01, or with T08:00+02:00; empty for none"}
                schema |= {"pattern": _MOMENT}
            case "polygons":
                schema = POLYGONS
            case _ if self.choices:
                schema = {"type": "string", "enum": list(self.choices)}
            case _:
                schema = {"type": "string", "minLength": int(self.least), "maxLength": int(self.most)}
                schema["pattern"] = "^[^\\x00-\\x1f\\x7f]*$"
        return schema if self.default is None else {**schema, "default": self.default}

    def wrong(self, what: str) -> Problem:
        """The problem with a value."""
        return bad(f"{self.name} {what}")


def text(
    name: str,
    says: str,
    *choices: str,
    needed: bool = False,
    default: str | None = None,
    least: int = 0,
    most: int = 200,
) -> Field:
    """A text of one line, or one of some words."""
    return Field(name, says, "text", needed, default, least, most, choices)


def whole(name: str, says: str, least: int, most: int, *, default: int | None = None, needed: bool = False) -> Field:
    """A whole number."""
    return Field(name, says, "whole", needed, default, least, most)


def number(name: str, says: str, least: float, most: float, *, default: float | None = None) -> Field:
    """A number."""
    return Field(name, says, "number", default=default, least=least, most=most)


def moment(name: str, says: str) -> Field:
    """A time as people write it: seconds since 1970. 'until' takes a day with all of it."""
    return Field(name, says, "moment")


POLYGONS = {
    "type": "array",
    "maxItems": drawn.MOST_POLYGONS,
    "items": {
        "type": "array",
        "minItems": 3,
        "maxItems": drawn.MOST_CORNERS,
        "items": {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": "number", "minimum": 0, "maximum": 1},
        },
    },
}


def from_query(query: str, fields: Sequence[Field], *, form: bool = False) -> dict[str, Any]:
    """The values of a query or of a form.

    Args:
        query: as it was sent.
        fields: what it may say.
        form: whether a browser's form made it, which sends all of its fields, those that nobody filled in too.

    Raises:
        Problem: it says something else, or says it wrongly.

    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise bad("the query cannot be read; encode it as UTF-8 and leave out what is not asked for") from error
    said: dict[str, Any] = {}
    for name, value in pairs:
        if name in said:
            raise bad(f"{name[:40]} is said twice; say it once")
        said[name] = value
    if form:
        needed = {item.name for item in fields if item.needed}
        said = {name: value for name, value in said.items() if value or name in needed}
    return _checked(said, fields)


def from_json(body: bytes, fields: Sequence[Field]) -> dict[str, Any]:
    """The values of a body; see :func:`from_query`."""
    try:
        said = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise bad("the body is no JSON; send an object in UTF-8") from error
    if not isinstance(said, dict):
        raise bad("the body is no object; send one with the fields of the document")
    return _checked(said, fields)


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _checked(said: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    known = {item.name: item for item in fields}
    for name in said:
        if name not in known:
            names = ", ".join(known) or "nothing"
            raise bad(f"{name[:40]!r} is unknown; known are: {names}")
    values = {}
    for name, item in known.items():
        if name in said:
            values[name] = item.value(said[name])
        elif item.needed:
            raise item.wrong("is missing; say it")
        else:
            values[name] = item.default
    return values


def _text(field: Field, said: Any) -> str:
    if not isinstance(said, str):
        raise field.wrong("is no text; put it in quotes")
    if field.choices:
        if said not in field.choices:
            raise field.wrong(f"is unknown; known are: {', '.join(field.choices)}")
        return said
    if any(ord(letter) < 32 or ord(letter) == 127 or "\ud800" <= letter <= "\udfff" for letter in said):
        raise field.wrong("holds control characters; give one line of text")
    if not field.least <= len(said) <= field.most:
        raise field.wrong(f"has {len(said)} characters; give {field.least:g} to {field.most:g}")
    return said


def _number(field: Field, said: Any) -> float:
    try:
        if isinstance(said, bool) or not isinstance(said, str | int | float):
            raise TypeError  # noqa: TRY301 -- told below like every other text that is no number
        value = float(said)
    except (TypeError, ValueError, OverflowError) as error:
        raise field.wrong("is no number; give one") from error
    if not math.isfinite(value) or not field.least <= value <= field.most:
        raise field.wrong(f"is out of range; give {field.least:g} to {field.most:g}")
    return value


def _whole(field: Field, said: Any) -> int:
    # Never by way of a float, which has no number of its own for every whole one.
    if isinstance(said, str) and said.isascii() and said.removeprefix("-").isdecimal() and len(said) <= _LONGEST_NUMBER:
        said = int(said)
    if isinstance(said, bool) or not isinstance(said, int):
        raise field.wrong("is no whole number; give one")
    if not field.least <= said <= field.most:
        raise field.wrong(f"is out of range; give {field.least:g} to {field.most:g}")
    return said


def _moment(field: Field, said: Any) -> float | None:
    if not isinstance(said, str):
        raise field.wrong("is no text; write it as 2026-05-01T08:00")
    try:
        return lists.moment(said, place=field.name, end=field.name == "until")
    except ListError as error:
        raise bad(str(error)) from error


def _polygons(field: Field, said: Any) -> tuple[Polygon, ...]:
    try:
        return drawn.polygons(said)
    except ValueError as error:
        raise field.wrong(str(error)) from error


_CHECKS = {"text": _text, "number": _number, "whole": _whole, "moment": _moment, "polygons": _polygons}
