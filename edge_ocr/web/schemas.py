"""What answers hold, as JSON Schema, for the OpenAPI document."""

from __future__ import annotations

from typing import Any


def record(says: str, *optional: str, **properties: Any) -> dict[str, Any]:
    """An object that holds these, and maybe more later; all must be there but the optional ones."""
    needed = [name for name in properties if name not in optional]
    return {"type": "object", "description": says, "properties": properties, "required": needed}


def several(of: Any) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": of}


def maybe(of: dict[str, Any]) -> dict[str, Any]:
    """The same, or null."""
    return {**of, "type": [of["type"], "null"]} if "type" in of else {"oneOf": [of, {"type": "null"}]}


def ref(name: str) -> dict[str, Any]:
    """A schema of :data:`SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


TEXT: dict[str, Any] = {"type": "string"}
WHOLE: dict[str, Any] = {"type": "integer"}
NUMBER: dict[str, Any] = {"type": "number"}
YES: dict[str, Any] = {"type": "boolean"}
SHARE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
POINT: dict[str, Any] = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
QUAD: dict[str, Any] = {"type": "array", "items": POINT, "minItems": 4, "maxItems": 4}
POLYGONS: dict[str, Any] = {"type": "array", "items": {"type": "array", "items": POINT}}
ROLE: dict[str, Any] = {"type": "string", "enum": ["viewer", "operator", "admin"]}

SCHEMAS: dict[str, dict[str, Any]] = {
    "Problem": record("What is wrong (RFC 9457).", type=TEXT, title=TEXT, status=WHOLE, detail=TEXT),
    "Moment": record(
        "A time by both clocks.",
        "repaired",
        wall=TIME,
        monotonic=NUMBER,
        frame=WHOLE,
        boot_id=TEXT,
        synced=YES,
        repaired=YES,
    ),
    "Alternative": record("A text that was also possible.", text=TEXT, confidence=SHARE),
    "Ballot": record("What one frame says by itself.", frame=WHOLE, text=TEXT, confidence=SHARE),
    "Decision": record(
        "What the lists say.",
        action={"type": "string", "enum": ["open", "refuse", "note"]},
        explanation=TEXT,
        list=maybe(TEXT),
        entry=maybe(TEXT),
        name=TEXT,
        distance=NUMBER,
    ),
    "Event": record(
        "One plate that passed, as `edge-ocr watch --json` prints it, with its number in the store.",
        *("distance", "deliveries", "audit", "preview", "entry", "exit", "standing", "rejected", "votes"),
        seq=WHOLE,
        id=TEXT,
        camera=TEXT,
        kind=TEXT,
        text=TEXT,
        confidence=SHARE,
        reads=WHOLE,
        unread=WHOLE,
        region=maybe(TEXT),
        first=ref("Moment"),
        last=ref("Moment"),
        direction=maybe(TEXT),
        quad=QUAD,
        crop=maybe(TEXT),
        crop_frame=WHOLE,
        picture={**YES, "description": "Whether there is a small one at /preview."},
        preview=YES,
        entry=maybe(TEXT),
        exit=maybe(TEXT),
        standing=YES,
        rejected={"type": "object", "additionalProperties": WHOLE},
        alternatives=several(ref("Alternative")),
        votes=several(ref("Ballot")),
        list=maybe(TEXT),
        decision=maybe(ref("Decision")),
        distance={**NUMBER, "description": "From the text that was searched for, in characters."},
        deliveries=several(ref("Delivery")),
        audit=several(ref("Audit")),
    ),
    "Delivery": record(
        "What became of an event at a destination.",
        destination=TEXT,
        state={"type": "string", "enum": ["sent", "waiting", "dead"]},
        attempts=WHOLE,
        error=maybe(TEXT),
    ),
    "Audit": record(
        "What was done, and why.",
        id=WHOLE,
        event=maybe(TEXT),
        wall=TIME,
        synced=YES,
        actor=TEXT,
        action=TEXT,
        reason=TEXT,
    ),
    "Attempt": record(
        "A track that did not become an event.",
        number=WHOLE,
        camera=TEXT,
        wall=TIME,
        synced=YES,
        reason=TEXT,
        text=TEXT,
        confidence=NUMBER,
        reads=WHOLE,
        unread=WHOLE,
        picture=YES,
    ),
    "Camera": record(
        "A camera, and how late its pictures are, in seconds.",
        name=TEXT,
        live=YES,
        frames=WHOLE,
        age=maybe(NUMBER),
        latency=maybe(NUMBER),
    ),
    "Entry": record(
        "A plate on a list.",
        **{"list": TEXT, "plate": TEXT, "name": TEXT, "from": maybe(TIME), "until": maybe(TIME), "note": TEXT},
    ),
    "Zones": record("Where texts are read, in shares of the picture.", zones=POLYGONS, masks=POLYGONS),
    "Reading": record(
        "A text in a picture.",
        text=TEXT,
        confidence=SHARE,
        kind=TEXT,
        region=maybe(TEXT),
        quad=QUAD,
        alternatives=several(ref("Alternative")),
    ),
    "User": record("Somebody.", name=TEXT, role=ROLE),
    "Token": record("A key for programs.", "secret", id=TEXT, name=TEXT, role=ROLE, secret=TEXT),
    "Health": record("How everything is; every figure of /metrics by its name.", ok=YES, reasons=several(TEXT)),
}
"""By name."""
