"""What people change, by page or program: lists, zones, and the barrier itself. Each change is audited beforehand."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from edge_ocr import drawn, lists
from edge_ocr.errors import EdgeOcrError, ListError
from edge_ocr.web.exchange import Answer, Problem, bad, conflict, missing, told
from edge_ocr.zones import Zones

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_ocr.web.exchange import Request
    from edge_ocr.web.site import Site


def entries(site: Site, request: Request) -> Answer:
    """A page of the lists' entries."""
    values = request.values
    found, more = listed(site, values["list"], values["search"], values["after"], values["limit"])
    last = f"{found[-1]['list']}/{found[-1]['plate']}" if found and more else None
    return told({"entries": found, "after": last, "problem": site.lists.problem})


def listed(
    site: Site, name: str | None, part: str | None, after: str | None, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """Entries in the order of list and plate.

    Args:
        site: with the lists.
        name: of one list; None for all.
        part: of a plate, or of the name or note, in any case; None for all.
        after: 'LIST/PLATE' of the last entry of the page before.
        limit: of entries.

    Returns:
        The entries as JSON, and whether there are more.

    """
    key = tuple((after or "").split("/", 1)) if after and "/" in after else ("", "")
    plate, words = lists.normalise(part or ""), (part or "").casefold()

    def matches(entry: lists.Entry) -> bool:
        if name not in {None, entry.list} or (entry.list, entry.plate) <= key:
            return False
        return not words or bool(plate and plate in entry.plate) or words in f"{entry.name} {entry.note}".casefold()

    found = sorted(filter(matches, site.lists.current().entries), key=lambda entry: (entry.list, entry.plate))
    return [_entry(entry) for entry in found[:limit]], len(found) > limit


def _entry(entry: lists.Entry) -> dict[str, Any]:
    cells = asdict(entry)
    return {"from": _moment(cells.pop("start")), "until": _moment(cells.pop("end")), **cells}


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def put_entry(site: Site, request: Request) -> Answer:
    """Put a plate on a list, in the place of the entry that is there."""
    values = request.values
    cells = {column: _cell(values[column]) for column in lists.COLUMNS}
    try:
        entry = lists.entry_of(cells, place="the entry")
    except ListError as error:
        raise bad(str(error)) from error
    _audit(site, request, "list-set", f"{entry.list}: {site.shield.text(entry.plate)}")
    with _editing(site) as (old, path):
        lists.save(old.merged((entry,)), path)
    return told(_entry(entry))


def _cell(value: str | float | None) -> str:
    """A checked value as a file of lists says it."""
    return (_moment(value) if isinstance(value, float) else value) or ""


def delete_entry(site: Site, request: Request) -> Answer:
    """Take a plate off a list."""
    name, plate = request.values["list"], lists.normalise(request.values["plate"])
    if site.lists.current().find(name, plate) is None:
        raise missing(f"{plate!r} is not on list {name}")
    _audit(site, request, "list-remove", f"{name}: {site.shield.text(plate)}")
    with _editing(site) as (old, path):
        lists.save(old.without(plate, name), path)
    return Answer(204)


def lists_csv(site: Site, _: Request) -> Answer:
    """All lists, as CSV."""
    headers = {"Content-Disposition": 'attachment; filename="lists.csv"'}
    return Answer(200, lists.dump(site.lists.current()).encode(), "text/csv; charset=utf-8", headers)


def import_csv(site: Site, request: Request) -> Answer:
    """Take entries over from CSV, all of them or none."""
    try:
        new = lists.parse(request.body, origin="the file", default_list=request.values["list"])
    except ListError as error:
        raise bad(str(error)) from error
    replace = request.values["replace"] == "yes"
    _audit(site, request, "list-import", f"{len(new.entries)} entries{', in the place of all' if replace else ''}")
    with _editing(site) as (old, path):
        lists.save(new if replace else old.merged(new.entries), path)
    return told({"entries": len(new.entries)})


@contextmanager
def _editing(site: Site) -> Iterator[tuple[lists.Lists, Path]]:
    """The lists as they are, and their file, while nobody else edits them; errors of the file become problems."""
    path = site.settings.lists.file
    if path is None:
        raise conflict("there are no lists: name a file as lists.file in the configuration")
    try:
        with lists.editing(path) as old:
            yield old, path
    except ListError as error:
        raise conflict(str(error)) from error


def zones(site: Site, request: Request) -> Answer:
    """What was drawn for a camera."""
    return told(_drawn(drawn.load(site.settings).get(request.values["camera"], Zones())))


def put_zones(site: Site, request: Request) -> Answer:
    """Read texts only within zones and outside of masks; without both, as the configuration says."""
    camera = request.values["camera"]
    if camera not in site.board.cameras and camera not in site.view.cameras():
        raise missing(f"there is no camera {camera!r}")
    new = Zones(request.values["zones"] or None, request.values["masks"] or ())
    _audit(site, request, "zones", f"{camera}: {len(new.zones or ())} zones, {len(new.masks)} masks")
    drawn.save(site.settings, camera, new)
    if site.hands.reload is not None:
        try:
            site.hands.reload()
        except EdgeOcrError as error:
            raise Problem(503, "Service unavailable", f"the zones were saved but do not count yet: {error}") from error
    return told(_drawn(new))


def _drawn(zones: Zones) -> dict[str, Any]:
    return {"zones": zones.zones or (), "masks": zones.masks}


def open_barrier(site: Site, request: Request) -> Answer:
    """Open the barrier by hand."""
    if site.hands.open_barrier is None:
        raise conflict("no relay is set up: name publish.relay.pin in the configuration")
    _audit(site, request, "open", "by hand")
    try:
        done = site.hands.open_barrier(request.caller.name)
    except EdgeOcrError as error:
        raise Problem(503, "Service unavailable", str(error)) from error
    return told({"done": done})


def _audit(site: Site, request: Request, action: str, reason: str) -> None:
    site.audit.audit(request.now, f"user {request.caller.name}", action, reason)
