"""The OpenAPI document (3.1), made of the table that answers requests, so that it cannot say something else."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from edge_ocr.web.exchange import JSON, PROBLEM, Role
from edge_ocr.web.routes import API, names_of
from edge_ocr.web.schemas import SCHEMAS, ref

if TYPE_CHECKING:
    from edge_ocr.web.fields import Field
    from edge_ocr.web.routes import Operation

_SAYS = {
    400: "The request is wrong; the detail says where.",
    401: "Log in, or send a token: `Authorization: Bearer eocr_...`.",
    403: "The role does not allow it, or the request lacks the session's token.",
    404: "There is no such thing (any more).",
    409: "It cannot be done as things are.",
    413: "The body is too large.",
    415: "The body is of another kind.",
    429: "Too many requests; Retry-After says when to come back.",
    503: "A part of the device cannot be asked now, or too many look already.",
}
_TYPES = {"text/csv": {"type": "string"}}


@cache
def document() -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in API:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "edge-ocr",
            "version": metadata.version("edge-ocr"),
            "description": "Events of licence plates, and what the device that reads them may be asked. "
            "Programs send a token as `Authorization: Bearer`; pages use their session and repeat its token as "
            "`X-CSRF-Token` where they change something. Errors are problems (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": operation.says,
        "operationId": f"{operation.method.lower()}{operation.path}".replace("/", "_")
        .replace("{", "")
        .replace("}", ""),
        "parameters": [
            *(_parameter(field, "path") for field in names_of(operation)),
            *(_parameter(field, "query") for field in operation.query),
        ],
        "responses": _responses(operation),
        "security": [{"token": []}] if operation.role > Role.NOBODY else [],
    }
    if operation.role > Role.NOBODY:
        told["description"] = f"For role {operation.role.word} and above."
    if operation.takes:
        told["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": _body(operation, kind)} for kind in operation.takes},
        }
    return told


def _body(operation: Operation, kind: str) -> dict[str, Any]:
    if kind != JSON:
        return _TYPES.get(kind, {"type": "string", "format": "binary"})
    return {
        "type": "object",
        "properties": {field.name: {"description": field.says, **field.schema()} for field in operation.body},
        "required": [field.name for field in operation.body if field.needed],
        "additionalProperties": False,
    }


def _parameter(field: Field, place: str) -> dict[str, Any]:
    return {
        "name": field.name,
        "in": place,
        "required": place == "path" or field.needed,
        "description": field.says,
        "schema": field.schema(),
    }


def _responses(operation: Operation) -> dict[str, Any]:
    status, kind, schema = operation.gives
    good: dict[str, Any] = {"description": "Done." if schema is None else "The answer."}
    if schema is not None:
        good["content"] = {kind.split(";")[0]: {"schema": schema}}
    told = {str(status): good}
    if kind.startswith("image/"):
        told["304"] = {"description": "It is what If-None-Match says."}
    told |= {str(number): _problem(number) for number in problems_of(operation)}
    return dict(sorted(told.items()))


def problems_of(operation: Operation) -> list[int]:
    """The errors that an operation may answer with."""
    found = {400, 429, 503}
    if operation.role > Role.NOBODY:
        found |= {401, 403}
    if "{" in operation.path:
        found |= {404}
    if operation.method != "GET":
        found |= {403, 409, 413}
    if operation.takes:
        found |= {415}
    return sorted(found)


def _problem(number: int) -> dict[str, Any]:
    return {"description": _SAYS[number], "content": {PROBLEM: {"schema": ref("Problem")}}}
