"""Ten thousand requests of somebody who means harm: none gets data or an effect, and the server is well afterwards.

    python tests/browser/hostile.py --requests 10000

What must stay secret holds the word CANARY: events, lists, users, a file outside. What must stay as it is are the
files of users, sessions, zones and lists, and all rows of the store but those that tell of failed logins.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import socket
import sqlite3
import string
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from test_search import event
from web_served import PASSWORD, Client, Served, served

from edge_ocr import machine
from edge_ocr.web import Hands
from edge_ocr.web.exchange import JSON, Role
from edge_ocr.web.routes import API, PAGES, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = b"CANARY"
REFUSED = {400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 417, 429, 431, 501, 503, 505}
GATED = [one for one in (*API, *PAGES) if one.role > Role.NOBODY]
CLIMBS = ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..%252f", "....//", "%c0%ae%c0%ae/", "/", "%00", "..;/")
AIMS = (
    *("users.json", "web/users.json", "sessions.json", "store.sqlite3", "lists.csv", "secret", "etc/passwd"),
    *("edge_ocr/web/users.py", "proc/self/environ", "crops/2023-11-14/id-1.png"),
)


@dataclass
class Foe:
    """Sends raw bytes and looks at what comes back."""

    port: int
    chance: random.Random
    viewer: str
    operator: str
    session: str

    def send(self, data: bytes, seconds: float = 5.0) -> bytes:
        """All that is answered, or what there is of it after so long."""
        said = b""
        try:
            with socket.create_connection(("127.0.0.1", self.port), seconds) as line:
                line.settimeout(seconds)
                line.sendall(data)
                while part := line.recv(65536):
                    said += part
        except OSError:
            pass
        return said

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
        told = {
            "Host": "127.0.0.1",
            "Connection": "close",
            **{key.replace("_", "-"): text for key, text in headers.items()},
        }
        if body and "Content-Length" not in told and "Transfer-Encoding" not in told:
            told["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {text}\r\n" for name, text in told.items())
        return self.send(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("utf-8", "surrogateescape") + body)

    def junk(self, most: int = 40) -> str:
        return "".join(self.chance.choice(string.printable) for _ in range(self.chance.randint(0, most)))


def traversal(foe: Foe) -> bytes:
    """Out of the folder of files, and out of the store's."""
    start = foe.chance.choice(("/static/", "/", "/api/events/", "/api/attempts/", "/api/cameras/", "/sw.js/", "//"))
    climb = "".join(foe.chance.choice(CLIMBS) for _ in range(foe.chance.randint(1, 8)))
    end = foe.chance.choice(("", "/crop", "/preview", "/picture", "/snapshot"))
    return foe.ask("GET", f"{start}{climb}{foe.chance.choice(AIMS)}{end}")


def wrong_role(foe: Foe) -> bytes:
    """Every operation, for whoever may not."""
    operation = foe.chance.choice(GATED)
    token = foe.chance.choice([role for role in (Role.NOBODY, Role.VIEWER, Role.OPERATOR) if role < operation.role])
    headers = {"Content-Type": operation.takes[0] if operation.takes else JSON}
    if token is not Role.NOBODY:
        headers["Authorization"] = f"Bearer {foe.viewer if token is Role.VIEWER else foe.operator}"
    path = re.sub(
        r"\{(\w+)\}", lambda found: {"list": "allow", "number": "1", "id": "id-1"}.get(found[1], "ann"), operation.path
    )
    return foe.ask(operation.method, path, plausible(foe, operation), **headers)


def plausible(foe: Foe, operation: Operation) -> bytes:
    """A body that would do something."""
    values: dict[str, Any] = {
        "zones": [[[0, 0], [1, 0], [1, 1]]],
        "name": "mallory",
        "role": "admin",
        "password": PASSWORD,
        "old": PASSWORD,
        "new": PASSWORD + "2",
        "note": foe.junk(),
    }
    if operation.takes == (JSON,):
        return json.dumps({field.name: values[field.name] for field in operation.body if field.name in values}).encode()
    return b"list,plate\nallow,EVIL1\n" if "text/csv" in operation.takes else b""


def forged_cookie(foe: Foe) -> bytes:
    """Sessions and tokens that are nearly right, or nothing like it."""
    real = foe.chance.choice((foe.session, foe.operator, foe.viewer))
    place = foe.chance.randrange(len(real))
    near = real[:place] + foe.chance.choice(string.ascii_letters) + real[place + 1 :]
    said = foe.chance.choice(
        (near if near != real else real + "x", real[:-1], real * 2, foe.junk(200), "", "null", "0")
    )
    said = re.sub(r"[\r\n\x0b\x0c;]", "", said)
    if foe.chance.random() < 0.5:
        headers = {"Cookie": f"{foe.chance.choice(('edge-ocr', '__Host-edge-ocr', 'session'))}={said}"}
    else:
        headers = {"Authorization": f"Bearer {said}"}
    operation = foe.chance.choice(GATED)
    path = re.sub(r"\{(\w+)\}", "1", operation.path)
    return foe.ask(operation.method, path, plausible(foe, operation), Content_Type=JSON, **headers)


def cross_site(foe: Foe) -> bytes:
    """A page of somebody else's in the browser of an admin: the cookie is right, the rest is not."""
    operation = foe.chance.choice([one for one in GATED if one.method != "GET"])
    path = re.sub(r"\{(\w+)\}", lambda found: {"list": "allow"}.get(found[1], "ann"), operation.path)
    headers = {"Cookie": f"edge-ocr={foe.session}", "Content-Type": operation.takes[0] if operation.takes else JSON}
    headers |= foe.chance.choice(
        ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"X-CSRF-Token": foe.junk(20).strip() or "x"})
    )
    headers = {name: re.sub(r"[\r\n\x0b\x0c]", "", text) for name, text in headers.items()}
    return foe.ask(operation.method, path, plausible(foe, operation), **headers)


def bad_body(foe: Foe) -> bytes:
    """Bodies that are none, as somebody who may not even send a good one."""
    operation = foe.chance.choice([one for one in (*API, *PAGES) if one.method != "GET" and one.path != "/logout"])
    path = re.sub(r"\{(\w+)\}", "allow", operation.path)
    kind = foe.chance.choice((JSON, "multipart/form-data; boundary=x", "multipart/form-data", "text/csv", "image/png"))
    body = foe.chance.choice(
        (
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n",
            b"--x--" * 50,
            b"[" * 20_000,
            b'{"a":' * 5000,
            b"{" + bytes(foe.chance.randbytes(200)),
            b"a=" + b"%" * 500,
            b"&".join(b"a%d=1" % number for number in range(2000)),
            foe.chance.randbytes(60_000),
        )
    )
    token = foe.chance.choice(({}, {"Authorization": f"Bearer {foe.viewer}"}))
    return foe.ask(operation.method, path, body, Content_Type=kind, **token)


def bad_http(foe: Foe) -> bytes:
    """What is no HTTP, or two requests in the clothes of one."""
    secret = b"GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n"
    wrong = (
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + foe.chance.randbytes(100),
        b"GET /api/events HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://evil.example/api/events HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + secret,
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" + secret,
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\nx",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\nxx",
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
        b"GET /api/events?text=%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/events HTTP/1.0\r\nX-Forwarded-For: 127.0.0.1\r\nX-Original-URL: /healthz\r\n\r\n",
        foe.chance.randbytes(300) + b"\r\n\r\n",
    )
    return foe.send(foe.chance.choice(wrong), 1.0)


def injection(foe: Foe) -> bytes:
    """What tries to be more than a value, from somebody who may not even ask."""
    value = foe.chance.choice(
        (
            "' OR 1=1--",
            "'; DROP TABLE events;--",
            "<script>alert(1)</script>",
            "{{7*7}}",
            "${jndi:ldap://x}",
            "%00",
            foe.junk(),
        )
    )
    name = foe.chance.choice(("text", "camera", "list", "since", "before", "limit", "next", "after", "lang"))
    path = foe.chance.choice(("/api/events", "/events", "/api/lists", "/api/audit", "/kiosk", "/api/events.csv"))
    return foe.ask("GET", f"{path}?{name}={quote(value)}")


def guess(foe: Foe) -> bytes:
    """Passwords and codes."""
    path = foe.chance.choice(("/login", "/setup"))
    body = f"name=ann&password={foe.junk(20).encode().hex()}12345678&code=AAAA-AAAA-AAAA"
    body = body if path == "/setup" else body.rpartition("&code")[0]
    return foe.ask("POST", path, body.encode(), Content_Type="application/x-www-form-urlencoded")


KINDS: tuple[tuple[Callable[[Foe], bytes], int], ...] = (
    (traversal, 20),
    (wrong_role, 25),
    (forged_cookie, 20),
    (cross_site, 10),
    (bad_body, 8),
    (bad_http, 6),
    (injection, 8),
    (guess, 3),
)


def slow(foe: Foe, count: int, results: Counter[str]) -> None:
    """Connections that say a byte a second, for as long as the server lets them; nobody else may notice."""
    lines = []
    for number in range(count):
        line = socket.create_connection(("127.0.0.1", foe.port), 5)
        head = b"POST /login HTTP/1.1\r\nHost: x\r\n"
        line.sendall(head if number % 2 else head + b"Content-Length: 1000\r\n\r\n")
        lines.append(line)
    for _ in range(45):
        for line in list(lines):
            try:
                line.sendall(b"a")
            except OSError:
                results["slow: cut off"] += 1
                lines.remove(line)
                line.close()
        time.sleep(1)
    results["slow: still open after 45 s"] += len(lines)
    for line in lines:
        line.close()


def wrong(kind: str, said: bytes) -> str | None:
    """What is wrong with an answer, or None."""
    if CANARY in said or b"root:x:0" in said or b"argon2" in said:
        return "gave data away"
    if not said:
        return None  # cut off
    head = said.partition(b"\r\n\r\n")[0].decode("latin-1")
    found = re.match(r"HTTP/1\.[01] (\d{3})", head)
    if not found:
        return "answered without a status"
    status = int(found[1])
    if status == 303 and re.search(r"(?im)^location: /(login|setup)", head) and kind != "cross_site":
        return None
    if kind == "guess" and status == 409:  # there are users already: no code helps
        return None
    allowed = REFUSED | ({200} if kind in {"traversal", "bad_http"} and public(said) else set())
    return None if status in allowed else f"answered {status}"


def public(said: bytes) -> bool:
    """Whether it is what anybody may have: the forms to log in, and files of the pages."""
    return b"Log in" in said or b'{"ok":true}' in said or b"Cache-Control: public" in said or b"sw.js" in said


def state(one: Served, folder: Path) -> dict[str, Any]:
    """Whatever must not change."""
    raw = sqlite3.connect(folder / "store.sqlite3")
    rows = {
        table: raw.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 -- our own tables
        for table in ("events", "previews", "outbox", "attempts", "dead_letters")
    }
    rows["audit"] = raw.execute("SELECT * FROM audit WHERE action != 'login-failed'").fetchall()
    raw.close()
    files = {name: (folder / name).read_bytes() for name in ("lists.csv", "web/users.json", "web/sessions.json")}
    return {**rows, **files, "zones": (folder / "web" / "zones.json").exists(), "code": one.server.code}


@dataclass(frozen=True)
class Outcome:
    """What came of an attack: how often what was answered, what is wrong, bytes grown by and seconds."""

    results: Counter[str]
    faults: list[str]
    grown: int
    spent: float


def attack(requests: int, *, seed: int = 1, slowly: int = 20) -> Outcome:
    """Send so many requests, and meanwhile keep so many connections that say a byte a second."""
    opened: list[str] = []
    faults: list[str] = []
    results: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "store"
        folder.mkdir()
        (Path(place) / "secret").write_bytes(CANARY)
        (folder / "lists.csv").write_text("list,plate,name\nallow,CANARY1,CANARY\n")
        hands = Hands(open_barrier=lambda who: opened.append(who) or "open")
        with served(folder, hands, web={"most_connections": 128}) as one:
            for number in range(5):
                one.store.record(replace(event(number, f"CANARY{number}", crop=True), id=f"id-{number}"))
            admin = one.first()
            tokens = [
                admin.ask("POST", "/api/me/tokens", {"name": "x", "role": role}).json["secret"]
                for role in ("viewer", "operator")
            ]
            foe = Foe(one.port, random.Random(seed), *tokens, admin.cookie.partition("=")[2])
            before, memory = state(one, folder), machine.look(folder).resident or 0
            sluggish = threading.Thread(target=slow, args=(foe, slowly, results))
            if slowly:
                sluggish.start()
            kinds, weights = zip(*KINDS, strict=True)
            begin = time.monotonic()
            for _ in range(requests):
                kind = foe.chance.choices(kinds, weights)[0]
                said = kind(foe)
                # An operation that a viewer may ask gives viewers what they may see: only other roles are tried.
                fault = wrong(kind.__name__, said)
                status = said[9:12].decode("latin-1") if said else "cut off"
                results[f"{kind.__name__}: {status}"] += 1
                if fault:
                    faults.append(f"{kind.__name__} {fault}: {said[:300]!r}")
            spent = time.monotonic() - begin
            if slowly:
                sluggish.join()
            after = state(one, folder)
            faults += [f"{name} changed" for name in before if before[name] != after[name]]
            faults += ["the barrier opened"] * len(opened)
            if admin.get("/api/me").status != 200 or Client(one.port).get("/healthz").status != 200:
                faults.append("the server is not well afterwards")
            grown = (machine.look(folder).resident or 0) - memory
    return Outcome(results, faults, grown, spent)


def main() -> None:
    """Attack, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    outcome = attack(args.requests, seed=args.seed)
    for name, count in sorted(outcome.results.items()):
        print(f"{name:<32}{count:>7}")
    print(f"{args.requests} requests in {outcome.spent:.0f} s; resident memory grew by {outcome.grown / 1e6:.1f} MB")
    for fault in outcome.faults[:20]:
        print("wrong:", fault)
    print(f"{len(outcome.faults)} things are wrong")
    raise SystemExit(bool(outcome.faults))


if __name__ == "__main__":
    main()
