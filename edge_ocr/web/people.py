"""Coming in and going out, users, passwords, tokens, and the audit of what people did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from edge_ocr.web.exchange import Answer, Caller, Problem, Role, conflict, redirect, told

if TYPE_CHECKING:
    from edge_ocr.web.exchange import Request
    from edge_ocr.web.sessions import Session
    from edge_ocr.web.site import Site
    from edge_ocr.web.users import Token, User

_DAY = 86_400
_BROWSER_DAYS = 365
SESSION, BROWSER = "edge-ocr", "edge-ocr-browser"
"""Cookies: who is logged in, and that somebody was once."""


def cookie_name(name: str, *, secure: bool) -> str:
    """Of a cookie; the prefix makes browsers refuse it from other hosts and from unencrypted pages."""
    return f"__Host-{name}" if secure else name


def login(site: Site, request: Request) -> Answer:
    """Open a session."""
    name, now = request.values["name"], request.now
    known = request.browser if site.sessions.knows(request.browser, name) else None
    site.doorkeeper.check(request.address, name, now.mono, known=known)
    user = site.users.check(name, request.values["password"])
    if user is None:
        site.doorkeeper.failed(request.address, name, now.mono, known=known)
        site.audit.audit(now, "web", "login-failed", f"from {request.address}")
        raise Problem(403, "Wrong name or password", "name or password is wrong; try again")
    return _entered(site, request, user.name, request.values["next"])


def setup(site: Site, request: Request) -> Answer:
    """Make the first admin, who has read the code in the log."""
    values, now = request.values, request.now
    if len(site.users):
        raise conflict("there are users already; log in")
    site.doorkeeper.check(request.address, "", now.mono)
    if not site.setup.matches(values["code"]):
        site.doorkeeper.failed(request.address, "", now.mono)
        raise Problem(
            403, "Wrong code", "the code is wrong; it stands in the log of this start: journalctl -u edge-ocr"
        )
    site.audit.audit(now, f"user {values['name']}", "setup", "made the first admin with the code of the log")
    site.users.add(values["name"], Role.ADMIN, values["password"], now.wall, first=True)
    return _entered(site, request, values["name"], "/")


def logout(site: Site, request: Request) -> Answer:
    """End the session."""
    if request.caller.session is not None:
        site.sessions.close(request.caller.session)
    return redirect("/login", _cookie(site, SESSION, "", 0))


def _entered(site: Site, request: Request, name: str, place: str | None) -> Answer:
    key, browser = site.sessions.open(name, request.now, request.browser)
    site.audit.audit(request.now, f"user {name}", "login", f"from {request.address}")
    return redirect(
        local(place),
        _cookie(site, SESSION, key, site.settings.web.session_days),
        _cookie(site, BROWSER, browser, _BROWSER_DAYS, "Strict"),
    )


def _cookie(site: Site, name: str, key: str, days: float, same_site: str = "Lax") -> str:
    secure = "; Secure" if site.secure else ""
    life = f"Path=/; Max-Age={int(days * _DAY)}; HttpOnly; SameSite={same_site}{secure}"
    return f"{cookie_name(name, secure=site.secure)}={key}; {life}"


def local(place: str | None) -> str:
    """A path of this server, whatever was asked for."""
    if not place or not place.startswith("/") or place.startswith(("//", "/\\")) or not place.isprintable():
        return "/"
    return quote(place, safe="/?&=%-._~+:,")


def me(_: Site, request: Request) -> Answer:
    """Who asks."""
    return told({"name": request.caller.name, "role": request.caller.role.word})


def change_password(site: Site, request: Request) -> Answer:
    """Set one's own password, which ends all other sessions."""
    session = own_session(request.caller)
    name, now = request.caller.name, request.now
    # Counted by session: whoever guesses at the login must not keep somebody from changing a password, nor the reverse.
    site.doorkeeper.check(request.address, name, now.mono, known=session.hash)
    if site.users.check(name, request.values["old"]) is None:
        site.doorkeeper.failed(request.address, name, now.mono, known=session.hash)
        raise Problem(403, "Wrong password", "the old password is wrong; try again")
    site.audit.audit(now, f"user {name}", "password", "changed the own password")
    site.users.change(name, password=request.values["new"], now=now.wall)
    site.sessions.close_all(name, but=session)
    return Answer(204)


def own_session(caller: Caller) -> Session:
    """The session of who asks.

    Raises:
        Problem: it is a program, by a token, which may not make itself at home.

    """
    if caller.session is None:
        raise Problem(403, "Forbidden", "a token may not do this; log in with a browser")
    return caller.session


def tokens(site: Site, request: Request) -> Answer:
    """One's own tokens."""
    return told({"tokens": [_token(token) for token in site.users.tokens(request.caller.name)]})


def issue_token(site: Site, request: Request) -> Answer:
    """A new token, whose secret is told this once."""
    own_session(request.caller)
    role = Role.of(request.values["role"])
    if role > request.caller.role:
        raise Problem(403, "Forbidden", f"role {role.word} is more than your own; choose {request.caller.role.word}")
    name = request.values["name"]
    site.audit.audit(request.now, f"user {request.caller.name}", "token-issue", f"{name!r} as {role.word}")
    secret, token = site.users.issue(request.caller.name, role, name, request.now.wall)
    return told({**_token(token), "secret": secret}, 201)


def revoke_token(site: Site, request: Request) -> Answer:
    """Take a token away."""
    own_session(request.caller)
    site.audit.audit(request.now, f"user {request.caller.name}", "token-revoke", request.values["id"])
    site.users.revoke(request.caller.name, request.values["id"])
    return Answer(204)


def _token(token: Token) -> dict[str, Any]:
    return {"id": token.id, "name": token.name, "role": token.role}


def users(site: Site, _: Request) -> Answer:
    """Everybody."""
    return told({"users": [_user(user) for user in site.users.all()]})


def add_user(site: Site, request: Request) -> Answer:
    """A new user."""
    values = request.values
    site.audit.audit(request.now, f"user {request.caller.name}", "user-add", f"{values['name']!r} as {values['role']}")
    user = site.users.add(values["name"], Role.of(values["role"]), values["password"], request.now.wall)
    return told(_user(user), 201)


def change_user(site: Site, request: Request) -> Answer:
    """Give a user another role or password; a new password ends its sessions."""
    name, role, password = request.values["user"], request.values["role"], request.values["password"]
    what = " and ".join([*([f"role {role}"] if role else []), *(["password"] if password else [])])
    site.audit.audit(request.now, f"user {request.caller.name}", "user-change", f"{name!r}: {what or 'nothing'}")
    user = site.users.change(
        name, role=Role.of(role) if role else None, password=password or None, now=request.now.wall
    )
    if password:
        site.sessions.close_all(name, but=request.caller.session if request.caller.name == name else None)
    return told(_user(user))


def remove_user(site: Site, request: Request) -> Answer:
    """Take a user away, with sessions and tokens."""
    name = request.values["user"]
    site.audit.audit(request.now, f"user {request.caller.name}", "user-remove", repr(name))
    site.users.remove(name)
    site.sessions.close_all(name)
    return Answer(204)


def _user(user: User) -> dict[str, Any]:
    return {"name": user.name, "role": user.role}


def audit(site: Site, request: Request) -> Answer:
    """What people and the relay did."""
    found = site.view.audit(before=request.values["before"], limit=request.values["limit"])
    before = found[-1]["id"] if len(found) == request.values["limit"] else None
    return told({"audit": found, "before": before})
