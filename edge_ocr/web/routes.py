"""Everything that can be asked, in one table: who may, what it takes, who answers. The document is made of it too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from edge_ocr import lists
from edge_ocr.web import api, editing, pages, people, uploads
from edge_ocr.web.exchange import FORM, HTML, JSON, Hand, Role
from edge_ocr.web.fields import Field, moment, number, text, whole
from edge_ocr.web.schemas import TEXT, WHOLE, YES, maybe, record, ref, several
from edge_ocr.web.users import LEAST_PASSWORD, MOST_PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge_ocr.web.exchange import Answer, Request
    from edge_ocr.web.site import Site

Run: TypeAlias = "Callable[[Site, Request], Answer] | str"
"""A function, or the name of a stream that :mod:`edge_ocr.web.stream` sends."""

SMALL = 64 << 10
"""Bytes that a body may have unless its operation says more."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked.

    Attributes:
        method: of HTTP.
        path: with {names} in the place of segments.
        role: the least that may ask.
        run: who answers.
        says: what it does, for the document.
        query: what the query may say.
        body: what a body of fields may say.
        takes: the content types of a body.
        gives: the answer when all goes well: status, content type and schema; None for no body.
        upload: whether the body may be as large as ``web.most_upload_mb``.
        page: whether people look at it: problems are then pages as well, and it is not in the document.
        hand: the kind of work that it is.

    """

    method: str
    path: str
    role: Role
    run: Run
    says: str
    query: tuple[Field, ...] = ()
    body: tuple[Field, ...] = ()
    takes: tuple[str, ...] = ()
    gives: tuple[int, str, Mapping[str, Any] | None] = (200, JSON, None)
    upload: bool = False
    page: bool = False
    hand: Hand = Hand.PAGE


_PLATE = text("plate", "In any spelling.", needed=True, least=1, most=64)
_LIST = text("list", "Which list.", *lists.LISTS, needed=True)
_NAME = {
    "id": text("id", "Of the event.", needed=True, least=1, most=64),
    "number": whole("number", "Of the attempt.", 0, 1 << 53, needed=True),
    "camera": text("camera", "Its name.", needed=True, least=1),
    "list": _LIST,
    "plate": _PLATE,
    "user": text("user", "Its name.", needed=True, least=1, most=64),
}
_LIMIT = whole("limit", "The most on a page.", 1, 200, default=50)
_BEFORE = whole("before", "The number with which the page before ended.", 0, 1 << 53)
SEARCH = (
    text("text", "A plate, or a part of it.", most=64),
    text(
        "match",
        "exact; wildcard, with * for any characters and ? for one; fuzzy, for texts that resemble it.",
        "exact",
        "wildcard",
        "fuzzy",
        default="exact",
    ),
    number("distance", "How far a resembling text may be, in characters.", 0, 3, default=1.0),
    text("list", "The list that decided; none for events that no list has.", *lists.LISTS, "none"),
    text("camera", "Its name."),
    moment("since", "Last seen from then on."),
    moment("until", "Last seen before; a day with all of it."),
)
_ROLE = text("role", "What it may do.", "viewer", "operator", "admin", needed=True)
_PASSWORD = text("password", "A long one.", needed=True, least=LEAST_PASSWORD, most=MOST_PASSWORD)
_USER = text("name", "Of the user.", needed=True, least=1, most=64)
_TERMS = (
    text("name", "Whom or what it belongs to."),
    moment("from", "It counts from then on."),
    moment("until", "It counts until then; a day with all of it."),
    text("note", "Anything."),
)
_V, _O, _A, _N = Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.NOBODY
_PIC = {"type": "string", "format": "binary"}
_CSV = "text/csv; charset=utf-8"
_GONE = (204, JSON, None)


def _ok(**properties: Any) -> tuple[int, str, Mapping[str, Any]]:
    return 200, JSON, record("The answer.", **properties)


_NEXT = {**maybe(TEXT), "description": "Where the next page is; null after the last."}

API = (
    Operation(
        *("GET", "/api/events", _V, api.events, "Events, the newest first, by what is searched for."),
        query=(*SEARCH, _BEFORE, _LIMIT),
        gives=_ok(events=several(ref("Event")), next=_NEXT),
        hand=Hand.SEARCH,
    ),
    Operation(
        *("GET", "/api/events.csv", _V, api.events_csv, "All events of a search, as CSV."),
        query=SEARCH,
        gives=(200, _CSV, TEXT),
        hand=Hand.SEARCH,
    ),
    Operation(
        *("GET", "/api/events/stream", _V, "events", "Events as they happen (server-sent events)."),
        query=(
            whole("after", "The number of the last event that is known; else it begins with the next one.", 0, 1 << 53),
        ),
        gives=(200, "text/event-stream", TEXT),
    ),
    Operation(
        *("GET", "/api/events/{id}", _V, api.event, "One event, where it was sent and what was done for it."),
        gives=(200, JSON, ref("Event")),
    ),
    Operation(
        *("GET", "/api/events/{id}/crop", _V, api.crop, "The picture of an event, as it was taken."),
        gives=(200, "image/png", _PIC),
    ),
    Operation(
        *("GET", "/api/events/{id}/preview", _V, api.preview, "A small picture of an event."),
        gives=(200, "image/jpeg", _PIC),
    ),
    Operation(
        *("GET", "/api/attempts", _V, api.attempts, "Tracks that did not become an event, the latest first."),
        query=(_BEFORE, _LIMIT),
        gives=_ok(attempts=several(ref("Attempt")), next=_NEXT),
    ),
    Operation(
        *("GET", "/api/attempts/{number}/picture", _V, api.attempt_picture, "The picture of one of them."),
        gives=(200, "image/jpeg", _PIC),
    ),
    Operation(
        *("GET", "/api/cameras", _V, api.cameras, "All cameras that are known."),
        gives=_ok(cameras=several(ref("Camera"))),
    ),
    Operation(
        *("GET", "/api/cameras/{camera}/snapshot", _V, "snapshot", "A picture of now, with what is read in it."),
        gives=(200, "image/jpeg", _PIC),
    ),
    Operation(
        *("GET", "/api/cameras/{camera}/live", _V, "live", "Pictures as they come (MJPEG)."),
        gives=(200, "multipart/x-mixed-replace", _PIC),
    ),
    Operation(
        *("GET", "/api/cameras/{camera}/zones", _V, editing.zones, "The zones that were drawn for a camera."),
        gives=(200, JSON, ref("Zones")),
    ),
    Operation(
        *("PUT", "/api/cameras/{camera}/zones", _O, editing.put_zones, "Read texts only within zones."),
        body=(
            Field("zones", "Texts are read in these; none for the whole picture.", "polygons", needed=True),
            Field("masks", "Texts are not read in these.", "polygons"),
        ),
        takes=(JSON,),
        gives=(200, JSON, ref("Zones")),
    ),
    Operation(
        *("GET", "/api/lists", _V, editing.entries, "Entries of the lists."),
        query=(
            text("list", "Of one list.", *lists.LISTS),
            text("search", "A part of a plate, name or note."),
            text("after", "LIST/PLATE with which the page before ended."),
            _LIMIT,
        ),
        gives=_ok(entries=several(ref("Entry")), after=maybe(TEXT), problem=maybe(TEXT)),
        hand=Hand.SEARCH,
    ),
    Operation(
        *("PUT", "/api/lists/{list}/{plate}", _O, editing.put_entry, "Put a plate on a list."),
        body=_TERMS,
        takes=(JSON,),
        gives=(200, JSON, ref("Entry")),
        hand=Hand.SEARCH,
    ),
    Operation(
        *("DELETE", "/api/lists/{list}/{plate}", _O, editing.delete_entry, "Take a plate off a list."),
        gives=_GONE,
        hand=Hand.SEARCH,
    ),
    Operation(
        *("GET", "/api/lists.csv", _V, editing.lists_csv, "All lists, as CSV."),
        gives=(200, _CSV, TEXT),
        hand=Hand.SEARCH,
    ),
    Operation(
        *("POST", "/api/lists.csv", _O, editing.import_csv, "Take entries over from CSV, all or none."),
        query=(
            text("list", "For files without a column 'list'.", *lists.LISTS),
            text("replace", "Whether entries that the file does not have go.", "yes", "no", default="no"),
        ),
        takes=("text/csv",),
        gives=_ok(entries=WHOLE),
        upload=True,
        hand=Hand.SEARCH,
    ),
    Operation(
        *("POST", "/api/barrier", _O, editing.open_barrier, "Open the barrier by hand."),
        gives=_ok(done=TEXT),
    ),
    Operation(
        *("POST", "/api/read", _O, api.read, "What is written in a picture."),
        takes=uploads.KINDS,
        gives=_ok(width=WHOLE, height=WHOLE, readings=several(ref("Reading"))),
        upload=True,
        hand=Hand.READ,
    ),
    Operation(*("GET", "/api/health", _V, api.health, "How everything is."), gives=(200, JSON, ref("Health"))),
    Operation(
        *("GET", "/metrics", _V, api.metrics, "Figures for Prometheus."),
        gives=(200, "text/plain; version=0.0.4; charset=utf-8", TEXT),
    ),
    Operation(*("GET", "/healthz", _N, api.healthz, "Whether all is well."), gives=_ok(ok=YES)),
    Operation(*("GET", "/api/me", _V, people.me, "Who asks."), gives=(200, JSON, ref("User"))),
    Operation(
        *("PUT", "/api/me/password", _V, people.change_password, "Set one's own password."),
        body=(
            text("old", "The one until now.", needed=True, most=MOST_PASSWORD),
            text("new", "The one from now on.", needed=True, least=LEAST_PASSWORD, most=MOST_PASSWORD),
        ),
        takes=(JSON,),
        gives=_GONE,
        hand=Hand.DOOR,
    ),
    Operation(
        *("GET", "/api/me/tokens", _V, people.tokens, "One's own tokens."),
        gives=_ok(tokens=several(ref("Token"))),
    ),
    Operation(
        *("POST", "/api/me/tokens", _V, people.issue_token, "A new token, whose secret is told this once."),
        body=(text("name", "What it is for.", needed=True, least=1, most=64), _ROLE),
        takes=(JSON,),
        gives=(201, JSON, ref("Token")),
    ),
    Operation(
        *("DELETE", "/api/me/tokens/{id}", _V, people.revoke_token, "Take a token away."),
        gives=_GONE,
    ),
    Operation(
        *("GET", "/api/users", _A, people.users, "Everybody."),
        gives=_ok(users=several(ref("User"))),
    ),
    Operation(
        *("POST", "/api/users", _A, people.add_user, "A new user."),
        body=(_USER, _ROLE, _PASSWORD),
        takes=(JSON,),
        gives=(201, JSON, ref("User")),
        hand=Hand.DOOR,
    ),
    Operation(
        *("PATCH", "/api/users/{user}", _A, people.change_user, "Another role or password."),
        body=(
            text("role", "What it may do.", "viewer", "operator", "admin"),
            text("password", "A new one.", least=LEAST_PASSWORD, most=MOST_PASSWORD),
        ),
        takes=(JSON,),
        gives=(200, JSON, ref("User")),
        hand=Hand.DOOR,
    ),
    Operation(
        *("DELETE", "/api/users/{user}", _A, people.remove_user, "Take a user away."),
        gives=_GONE,
    ),
    Operation(
        *("GET", "/api/audit", _A, people.audit, "What people and the relay did, the latest first."),
        query=(_BEFORE, _LIMIT),
        gives=_ok(audit=several(ref("Audit")), before=maybe(WHOLE)),
    ),
    Operation(
        *("GET", "/api/openapi.json", _V, "document", "This document."),
        gives=(200, JSON, {"type": "object"}),
    ),
)


def _page(path: str, role: Role, run: Run, *query: Field, hand: Hand = Hand.PAGE) -> Operation:
    return Operation("GET", path, role, run, "", query=query, gives=(200, HTML, None), page=True, hand=hand)


_WHERE = text("next", "Where to go afterwards.", most=pages.LONGEST_PLACE)

PAGES = (
    _page("/", _V, pages.live, text("camera", "Which.")),
    _page("/events", _V, pages.events, *SEARCH, _BEFORE, hand=Hand.SEARCH),
    _page("/events/{id}", _V, pages.event),
    _page("/attempts", _V, pages.attempts, _BEFORE),
    _page(
        *("/lists", _V, pages.lists_page, text("list", "Of one list.", *lists.LISTS)),
        *(text("search", "A part."), text("after", "Where the page before ended.")),
        hand=Hand.SEARCH,
    ),
    _page("/zones", _O, pages.zones, text("camera", "Which.")),
    _page("/health", _V, pages.health),
    _page("/account", _V, pages.account),
    _page("/users", _A, pages.users, _BEFORE),
    _page("/kiosk", _V, pages.kiosk, text("lang", "Its code.", most=16), text("camera", "Of one camera.")),
    _page("/login", _N, pages.login, _WHERE),
    _page("/setup", _N, pages.setup),
    Operation(
        *("POST", "/login", _N, people.login, ""),
        body=(
            text("name", "", needed=True, most=64),
            text("password", "", needed=True, most=MOST_PASSWORD),
            _WHERE,
        ),
        takes=(FORM,),
        page=True,
        hand=Hand.DOOR,
    ),
    Operation(
        *("POST", "/setup", _N, people.setup, ""),
        body=(text("code", "", needed=True, most=64), _USER, _PASSWORD),
        takes=(FORM,),
        page=True,
        hand=Hand.DOOR,
    ),
    Operation("POST", "/logout", _N, people.logout, "", body=(text("csrf", ""),), takes=(FORM,), page=True),
)


class Table:
    """Finds the operation for a path and a method."""

    def __init__(self) -> None:
        self._rows = [(operation.path.split("/"), operation) for operation in (*API, *PAGES)]
        # What is spelled out comes before what stands for anything.
        self._rows.sort(key=lambda row: [part.startswith("{") for part in row[0]])

    def find(self, path: str) -> tuple[dict[str, Operation], dict[str, str]]:
        """The operations of a path by method, and what the path says; none where there is no such path."""
        try:
            said = [unquote(part, errors="strict") for part in path.split("/")]
        except UnicodeDecodeError:
            return {}, {}
        for parts, first in self._rows:
            if len(parts) == len(said) and all(a.startswith("{") or a == b for a, b in zip(parts, said, strict=True)):
                names = {a[1:-1]: b for a, b in zip(parts, said, strict=True) if a.startswith("{")}
                same = {operation.method: operation for _, operation in self._rows if operation.path == first.path}
                return same, names
        return {}, {}


def names_of(operation: Operation) -> tuple[Field, ...]:
    """What the path of an operation says."""
    return tuple(_NAME[part[1:-1]] for part in operation.path.split("/") if part.startswith("{"))
