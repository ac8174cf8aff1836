"""The interface for programs: events, attempts, cameras, health. Each function answers one kind of request."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from edge_ocr import decide, lists
from edge_ocr.store import search
from edge_ocr.web import uploads
from edge_ocr.web.exchange import Answer, Problem, bad, conflict, missing, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_ocr.web.exchange import Request
    from edge_ocr.web.site import Site

_EXPORT_PAGE = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet computes what begins so
COLUMNS = (
    *("seq", "id", "camera", "first", "last", "synced", "text", "confidence", "kind", "region", "reads", "direction"),
    *("action", "list", "name", "explanation"),
)
"""Of the CSV export."""


def events(site: Site, request: Request) -> Answer:
    """A page of events."""
    values = request.values
    found = search.page(
        site.archive, wanted(site, values), decide.substitution, before=values["before"], limit=values["limit"]
    )
    return told({"events": found, "next": _next("/api/events", values, found, "seq")})


def wanted(site: Site, values: Mapping[str, Any]) -> search.Wanted:
    """What a search asks for.

    Raises:
        Problem: plates are not stored in a way that can be searched so.

    """
    text, match = (values["text"] or "").strip(), values["match"]
    plate = lists.normalise(text)
    if text and match != "exact" and site.settings.privacy.mode == "hashed":
        raise bad("match must be exact: plates are stored as keyed hashes, which resemble nothing")
    exact = pattern = like = ""
    if text and match == "exact":
        exact = text
    elif text and match == "wildcard":
        pattern = "".join(part if part in "*?" else lists.normalise(part) for part in text)
    elif text:
        like = plate
        if not like:
            raise bad("text holds no letter and no digit; a similar text needs some")
    return search.Wanted(
        texts=tuple(dict.fromkeys((exact, plate, site.shield.text(plate)))) if exact else (),
        pattern=pattern,
        like=like,
        distance=values["distance"],
        list=values["list"],
        camera=values["camera"],
        since=values["since"],
        until=values["until"],
    )


def events_csv(site: Site, request: Request) -> Answer:
    """All events of a search, as CSV."""
    headers = {"Content-Disposition": 'attachment; filename="events.csv"'}
    return Answer(200, _export(site, wanted(site, request.values)), "text/csv; charset=utf-8", headers)


def _export(site: Site, asked: search.Wanted) -> Iterator[bytes]:
    yield _line(COLUMNS)
    before = None
    while True:
        found = search.page(site.archive, asked, decide.substitution, before=before, limit=_EXPORT_PAGE)
        yield b"".join(_line(_cells(event)) for event in found)
        if len(found) < _EXPORT_PAGE:
            return
        before = found[-1]["seq"]


def _cells(event: Mapping[str, Any]) -> list[Any]:
    decision = event.get("decision") or {}
    first, last = event["first"], event["last"]
    row = {**event, **decision, "first": first["wall"], "last": last["wall"], "synced": int(last["synced"])}
    return [_harmless(row.get(column)) for column in COLUMNS]


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _line(cells: Any) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode()


def event(site: Site, request: Request) -> Answer:
    """One event with what became of it."""
    return told(whole_event(site, request.values["id"]))


def whole_event(site: Site, key: str) -> dict[str, Any]:
    """One event, where it was sent and what was done for it.

    Raises:
        Problem: there is none.

    """
    found = site.view.event(key)
    if found is None:
        raise missing(f"there is no event {key!r} (any more)")
    used = site.settings.publish.destinations
    sent = [row for row in site.view.deliveries(found["seq"]) if row["destination"] in used or row["state"] != "sent"]
    return {**found, "deliveries": sent, "audit": site.view.audit(event=key)}


def crop(site: Site, request: Request) -> Answer:
    """The picture of an event, as it was taken."""
    return _picture(site.view.crop(request.values["id"]), "image/png", request)


def preview(site: Site, request: Request) -> Answer:
    """A small picture of an event."""
    return _picture(site.view.preview(request.values["id"]), "image/jpeg", request)


def attempts(site: Site, request: Request) -> Answer:
    """A page of tracks that did not become an event."""
    values = request.values
    found = site.view.attempts(before=values["before"], limit=values["limit"])
    return told({"attempts": found, "next": _next("/api/attempts", values, found, "number")})


def attempt_picture(site: Site, request: Request) -> Answer:
    """The picture of one of them."""
    return _picture(site.view.attempt_picture(request.values["number"]), "image/jpeg", request)


def _picture(data: bytes | None, kind: str, request: Request) -> Answer:
    """A picture with a tag; browsers may keep it, and ask each time whether it still is there."""
    if data is None:
        raise missing("there is no picture of it (any more): privacy forbids it, or it gave way to newer ones")
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Answer(304, b"", kind, headers)
    return Answer(200, data, kind, headers)


def cameras(site: Site, _: Request) -> Answer:
    """All cameras that are known."""
    now = site.clock.monotonic()
    seen = site.board.cameras
    names = sorted({*seen, *stored_cameras(site)})
    return told(
        {
            "cameras": [
                {
                    "name": name,
                    "live": name in seen and site.settings.web.live,
                    "frames": seen[name].frames if name in seen else 0,
                    "age": round(now - seen[name].at, 1) if name in seen else None,
                    "latency": round(seen[name].latency, 3) if name in seen else None,
                }
                for name in names
            ]
        }
    )


def stored_cameras(site: Site) -> list[str]:
    """The names of cameras in the store."""
    return site.view.cameras()


def read(site: Site, request: Request) -> Answer:
    """What is written in a picture."""
    if site.hands.read is None:
        raise conflict("this program reads no pictures that are sent; use 'edge-ocr read'")
    image = uploads.decoded(request.body)
    readings = site.hands.read(image)
    return told(
        {
            "width": image.shape[1],
            "height": image.shape[0],
            "readings": [
                {
                    "text": reading.text,
                    "confidence": round(reading.confidence, 4),
                    "kind": str(reading.kind),
                    "region": reading.region,
                    "quad": reading.quad.as_json(),
                    "alternatives": [other.as_json() for other in reading.alternatives],
                }
                for reading in readings
            ],
        }
    )


def health(site: Site, _: Request) -> Answer:
    """How everything is, with reasons."""
    return told(site.health.snapshot().as_json())


def metrics(site: Site, _: Request) -> Answer:
    """The same for Prometheus."""
    body = site.health.snapshot().prometheus().encode()
    return Answer(200, body, "text/plain; version=0.0.4; charset=utf-8")


def healthz(site: Site, _: Request) -> Answer:
    """Whether all is well, for whoever must not know why."""
    well = site.health.snapshot().ok
    if not well:
        raise Problem(503, "Service unavailable", "not all is well; log in to see the reasons")
    return told({"ok": True})


def _next(path: str, values: Mapping[str, Any], found: list[dict[str, Any]], key: str) -> str | None:
    """The address of the next page; None after the last one."""
    if len(found) < values["limit"]:
        return None
    asked = {name: _said(name, value) for name, value in values.items() if value is not None and name != "before"}
    return f"{path}?{urlencode({**asked, 'before': found[-1][key]}, quote_via=quote)}"


def _said(name: str, value: Any) -> Any:
    """A value as a query says it."""
    return iso(value) if name in {"since", "until"} else f"{value:g}" if isinstance(value, float) else value


def iso(seconds: float) -> str:
    """A moment as a query takes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
