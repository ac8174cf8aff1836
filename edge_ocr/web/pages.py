"""The pages that people look at, as HTML made here, so that they show something before any script has run."""

from __future__ import annotations

import math
from datetime import datetime
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import tornado.template

from edge_ocr import decide, drawn
from edge_ocr.lists import LISTS
from edge_ocr.store import search
from edge_ocr.types import DOUBTFUL, SURE
from edge_ocr.web import api, editing, files, history
from edge_ocr.web.exchange import HTML, Answer, Problem, Role, encoded, missing, redirect
from edge_ocr.web.users import LEAST_PASSWORD
from edge_ocr.zones import Zones

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_ocr.web.exchange import Caller, Request
    from edge_ocr.web.site import Site

LONGEST_PLACE = 500
"""Characters of an address to come back to after logging in."""

_LATEST = 12  # events beside the live picture
_PAGE = 50

_REASONS = {
    "unread": "No text could be read on it.",
    "few reads": "Read in too few frames to be sure.",
    "low confidence": "The reads did not agree well enough.",
    "short": "Shorter than a plate.",
    "fragment": "A part of a plate that was told.",
}

_PLOTS = (
    ("frames", "Frames", "a second", "{:.1f}"),
    ("latency", "Latency", "ms", "{:.0f}"),
    ("temperature", "Temperature", "°C", "{:.0f}"),
    ("memory", "Memory", "MB", "{:.0f}"),
    ("disk", "Disk, free", "GB", "{:.1f}"),
)
_SPAN = 1800.0  # seconds: a latency beyond is a recording's own time and no latency


def live(site: Site, request: Request) -> Answer:
    """The camera's picture, and what was read lately."""
    names = _cameras(site)
    chosen = request.values["camera"] if request.values["camera"] in names else next(iter(names), None)
    newest = site.view.newest()
    events = search.page(site.view, search.Wanted(), decide.substitution, limit=_LATEST)
    seen = site.board.cameras
    return _page(
        *(request, "live.html", "Live"),
        cameras=names,
        chosen=chosen,
        live=chosen in seen and site.settings.web.live,
        events=events,
        newest=newest,
        barrier=site.hands.open_barrier is not None,
    )


def events(site: Site, request: Request) -> Answer:
    """A search and its page."""
    values = request.values
    found = search.page(
        site.archive, api.wanted(site, values), decide.substitution, before=values["before"], limit=_PAGE
    )
    asked = _asked(values)
    more = urlencode({**asked, "before": found[-1]["seq"]}, quote_via=quote) if len(found) == _PAGE else None
    return _page(
        *(request, "events.html", "Events"),
        events=found,
        values=values,
        days={name: "" if values[name] is None else _local(values[name]) for name in ("since", "until")},
        more=more,
        export=urlencode(asked, quote_via=quote),
        cameras=_cameras(site),
        searched=bool(asked),
        later=values["before"] is not None,
        lists=LISTS,
    )


def _asked(values: Mapping[str, Any]) -> dict[str, Any]:
    """A search as a query says it, without what goes without saying."""
    plain = {"match": "exact", "distance": 1.0}
    told = {}
    for name, value in values.items():
        if name != "before" and value not in {None, ""} and value != plain.get(name):
            told[name] = api.iso(value) if name in {"since", "until"} else value
    return told


def _local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%dT%H:%M")


def event(site: Site, request: Request) -> Answer:
    """One event with all that is known of it."""
    found = api.whole_event(site, request.values["id"])
    return _page(request, "event.html", found["text"] or "Event", event=found, sure=SURE, doubtful=DOUBTFUL)


def attempts(site: Site, request: Request) -> Answer:
    """Tracks that did not become an event."""
    found = site.view.attempts(before=request.values["before"], limit=_PAGE)
    more = found[-1]["number"] if len(found) == _PAGE else None
    return _page(request, "attempts.html", "Missed", attempts=found, more=more, reasons=_REASONS)


def lists_page(site: Site, request: Request) -> Answer:
    """The lists, to look at and to edit."""
    values = request.values
    entries, more = editing.listed(site, values["list"], values["search"], values["after"], _PAGE)
    asked = {name: values[name] for name in ("list", "search") if values[name]}
    after = urlencode({**asked, "after": f"{entries[-1]['list']}/{entries[-1]['plate']}"}) if more else None
    return _page(
        *(request, "lists.html", "Lists"),
        entries=entries,
        values=values,
        after=after,
        lists=LISTS,
        there=site.settings.lists.file is not None,
        problem=site.lists.problem,
        may_edit=request.caller.role >= Role.OPERATOR,
    )


def zones(site: Site, request: Request) -> Answer:
    """A camera's picture to draw zones on."""
    names = _cameras(site)
    chosen = request.values["camera"] if request.values["camera"] in names else next(iter(names), None)
    known = drawn.load(site.settings).get(chosen or "", Zones())
    return _page(
        *(request, "zones.html", "Zones"),
        cameras=names,
        chosen=chosen,
        live=chosen in site.board.cameras and site.settings.web.live,
        drawn=encoded({"zones": known.zones or (), "masks": known.masks}).decode(),
    )


def health(site: Site, request: Request) -> Answer:
    """How everything is, with an hour of it as plots."""
    snapshot = site.health.snapshot()
    points = site.history.points
    plots = []
    for name, title, unit, form in _PLOTS:
        values = [getattr(point, name) for point in points]
        if name == "latency":
            values = [None if value is None or not 0 <= value < _SPAN else value * 1000 for value in values]
        last = next((value for value in reversed(values) if value is not None), None)
        lines = history.plot(values).split("|")
        if last is not None and math.isfinite(last):
            plots.append((title, unit, form.format(last), lines, f"{max(v for v in values if v is not None):.4g}"))
    figures = [_figure(sample.name, sample.labels, sample.value) for sample in snapshot.samples]
    return _page(
        *(request, "health.html", "Health"),
        ok=snapshot.ok,
        reasons=snapshot.reasons,
        plots=plots,
        figures=sorted(figures),
        span=max(1, round(len(points) * history.EVERY / 60)),
    )


def _figure(name: str, labels: Sequence[tuple[str, str]], value: float) -> tuple[str, str, str]:
    """A figure as people read it: what, of what, how much."""
    what, of = name.replace("_", " "), ", ".join(value for _, value in labels)
    if name.endswith("bytes"):
        return what.removesuffix(" bytes"), of, f"{value / 1e6:,.0f} MB"
    if name.endswith("seconds"):
        return what.removesuffix(" seconds"), of, f"{value:,.0f} s" if value >= 100 else f"{value:.1f} s"
    return what, of, f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def account(site: Site, request: Request) -> Answer:
    """One's own password and tokens."""
    if request.caller.session is None:
        raise Problem(403, "Forbidden", "a token may not do this; log in with a browser")
    roles = [role.word for role in Role if Role.NOBODY < role <= request.caller.role]
    tokens = site.users.tokens(request.caller.name)
    return _page(request, "account.html", "Account", tokens=tokens, roles=roles, least=LEAST_PASSWORD)


def users(site: Site, request: Request) -> Answer:
    """Everybody, and what they did."""
    audit = site.view.audit(before=request.values["before"], limit=_PAGE)
    more = audit[-1]["id"] if len(audit) == _PAGE else None
    roles = [role.word for role in Role if role > Role.NOBODY]
    return _page(
        *(request, "users.html", "Users"),
        users=site.users.all(),
        roles=roles,
        audit=audit,
        more=more,
        least=LEAST_PASSWORD,
    )


def kiosk(site: Site, request: Request) -> Answer:
    """A whole screen for whoever drives up."""
    known = site.languages
    code = request.values["lang"] or site.settings.web.language
    if code not in known:
        raise missing(f"there is no language {code!r}; there are: {', '.join(known)}")
    return _page(
        *(request, "kiosk.html", known[code].texts["welcome"]),
        language=known[code],
        languages=known,
        words=encoded({name: dict(one.texts) for name, one in known.items()}).decode(),
        camera=request.values["camera"] or "",
        seconds=site.settings.web.kiosk_seconds,
        newest=site.view.newest(),
    )


def login(site: Site, request: Request) -> Answer:
    """Name and password, please."""
    if not len(site.users):
        return redirect("/setup")
    return _page(request, "login.html", "Log in", place=request.values["next"] or "/", problem=None)


def setup(site: Site, request: Request) -> Answer:
    """The code of the log, please."""
    if len(site.users):
        return redirect("/login")
    return _page(request, "setup.html", "Set up", problem=None, least=LEAST_PASSWORD)


def way_in(site: Site, place: str) -> str:
    """Where somebody goes who has not logged in."""
    if not len(site.users):
        return "/setup"
    return "/login" if place == "/" or len(place) > LONGEST_PLACE else f"/login?{urlencode({'next': place})}"


def problem(caller: Caller, path: str, told: Problem) -> Answer:
    """A problem as a page; where a form was filled in, that form."""
    more: dict[str, Any] = {"problem": told}
    template = {"/login": "login.html", "/setup": "setup.html"}.get(path, "problem.html")
    title = told.title
    if template == "login.html":
        more, title = {**more, "place": "/"}, "Log in"
    elif template == "setup.html":
        more, title = {**more, "least": LEAST_PASSWORD}, "Set up"
    return Answer(told.status, _render(caller, path, template, title, **more), HTML)


def _cameras(site: Site) -> list[str]:
    """Those that show something now come first."""
    seen = sorted(site.board.cameras)
    return [*seen, *(name for name in api.stored_cameras(site) if name not in seen)]


def _page(request: Request, template: str, title: str, **values: Any) -> Answer:
    return Answer(200, _render(request.caller, request.path, template, title, **values), HTML)


def _render(caller: Caller, path: str, template: str, title: str, **values: Any) -> bytes:
    return (
        _templates()
        .load(template)
        .generate(
            title=title,
            path=path,
            caller=caller,
            csrf=caller.session.csrf if caller.session else "",
            Role=Role,
            address=files.address,
            version=files.version(),
            release=metadata.version("edge-ocr"),
            clock=_clock,
            percent=_percent,
            action=_action,
            seg=lambda text: quote(text, safe=""),
            **values,
        )
    )


@cache
def _templates() -> tornado.template.Loader:
    return tornado.template.Loader(str(resources.files(__package__) / "templates"), whitespace="oneline")


def _clock(iso: str) -> str:
    """A time as this machine's zone has it; a script puts it into that of whoever looks."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _percent(share: float) -> str:
    """A probability; 100% is said of certainty alone."""
    return f"{min(share, 0.999 if share < 1 else 1) * 100:.{0 if share < 0.99 or share == 1 else 1}f}%"


def _action(event: Mapping[str, Any]) -> str:
    decision = event.get("decision") or {}
    return str(decision.get("action") or "note")
