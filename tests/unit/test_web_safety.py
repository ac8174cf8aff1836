"""Who gets in, as whom, and what everybody else gets: nothing."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import urllib.request
from typing import TYPE_CHECKING

import argon2
import pytest
from web_served import PASSWORD, PATIENCE, Client, Served, served, soon

from edge_ocr.clock import FakeClock
from edge_ocr.errors import ConfigError, StoreError
from edge_ocr.web.exchange import Role
from edge_ocr.web.routes import API, PAGES, Operation
from edge_ocr.web.server import Server
from edge_ocr.web.sessions import Sessions
from edge_ocr.web.users import Users

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPERATIONS = [one for one in (*API, *PAGES) if one.path not in {"/login", "/setup", "/logout"}]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("house")) as one:
        one.first()
        yield one


@pytest.fixture(scope="module")
def clients(house: Served) -> dict[Role, Client]:
    """One of each role."""
    admin = house.stranger().log_in("ann")
    for role in ("viewer", "operator"):
        assert admin.ask("POST", "/api/users", {"name": role, "role": role, "password": PASSWORD}).status == 201
    return {
        Role.NOBODY: house.stranger(),
        Role.VIEWER: house.stranger().log_in("viewer"),
        Role.OPERATOR: house.stranger().log_in("operator"),
        Role.ADMIN: admin,
    }


def path_of(operation: Operation) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: {"number": "1", "list": "allow"}.get(found[1], "nobody"), operation.path)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_a_role_that_is_too_low_is_refused_everywhere(operation: Operation, clients: dict[Role, Client]) -> None:
    if isinstance(operation.run, str) and operation.run in {"events", "live"}:
        roles = [role for role in Role if role < operation.role]  # whoever may would be sent a stream without end
    else:
        roles = list(Role)
    for role in roles:
        kind = operation.takes[0] if operation.takes else "text/plain"
        body = b"" if operation.method == "GET" else b"{}"
        answer = clients[role].ask(operation.method, path_of(operation), body, Content_Type=kind)
        if role >= operation.role:
            assert answer.status not in {401, 403}, (role, answer.body)
        elif role is Role.NOBODY:
            assert answer.status == (303 if operation.page else 401)
            assert b"AB123C" not in answer.body
        else:
            assert answer.status == 403, (role, answer.body)


def test_an_unknown_token_is_no_way_in_even_beside_a_session(clients: dict[Role, Client]) -> None:
    for said in ("Bearer eocr_wrong", "Bearer", "Basic YW5uOnB3", "eocr_", ""):
        answer = clients[Role.ADMIN].get("/api/me", Authorization=said)
        assert answer.status == 401, said
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("cookie", ["x", "", "a" * 3000, "edge-ocr", "\xff\xfe", "None", "../../users.json"])
def test_a_forged_cookie_is_no_way_in(house: Served, cookie: str) -> None:
    client = house.stranger()
    assert client.get("/api/me", Cookie=f"edge-ocr={cookie}").status == 401


def test_a_change_needs_the_sessions_token_and_a_page_of_this_server(clients: dict[Role, Client]) -> None:
    admin = clients[Role.ADMIN]
    path, body = "/api/lists/allow/NEW1", {"name": "x"}
    assert admin.ask("PUT", path, body, X_CSRF_Token="").status == 403
    assert admin.ask("PUT", path, body, X_CSRF_Token=clients[Role.OPERATOR].csrf).status == 403
    assert admin.ask("PUT", path, body, Origin="https://elsewhere.example").status == 403
    assert admin.ask("PUT", path, body, Origin="null").status == 403
    assert admin.ask("PUT", path, body, Sec_Fetch_Site="cross-site").status == 403
    assert admin.ask("PUT", path, body, Origin=f"http://127.0.0.1:{admin.port}").status == 200


def test_a_login_sent_by_another_sites_page_is_refused(house: Served) -> None:
    client = house.stranger()
    client.headers["Origin"] = "https://elsewhere.example"
    assert client.form("/login", name="ann", password=PASSWORD).status == 403
    assert not client.cookie


def test_logging_out_needs_the_token_ends_the_session_and_takes_the_cookie(house: Served) -> None:
    client = house.stranger().log_in("ann")
    old = client.cookie
    assert client.form("/logout", csrf="wrong").status == 403
    assert client.get("/api/me").status == 200
    assert client.form("/logout", csrf=client.csrf).status == 303
    assert client.get("/api/me", Cookie=old).status == 401


def test_a_cookie_is_for_this_server_alone_and_no_script_reads_it(house: Served) -> None:
    client = house.stranger()
    answer = client.ask(
        "POST",
        "/login",
        f"name=ann&password={PASSWORD.replace(' ', '+')}".encode(),
        Content_Type="application/x-www-form-urlencoded",
    )
    said = answer.headers["Set-Cookie"]
    assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(said.split("; "))
    assert "Secure" not in said


@pytest.mark.parametrize(
    ("place", "goes"),
    [
        ("/events?text=A", "/events?text=A"),
        ("//elsewhere.example", "/"),
        ("/\\elsewhere.example", "/"),
        ("https://elsewhere.example", "/"),
        ("", "/"),
    ],
)
def test_a_login_leads_to_a_page_of_this_server_only(house: Served, place: str, goes: str) -> None:
    answer = house.stranger().form("/login", name="ann", password=PASSWORD, next=place)
    assert (answer.status, answer.headers["Location"]) == (303, goes)


def test_every_answer_says_what_a_browser_may_do_with_it(clients: dict[Role, Client]) -> None:
    for path in ("/", "/api/me", "/static/style.css", "/nothing", "/login"):
        headers = clients[Role.ADMIN].get(path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"], path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] is None


def test_the_code_of_the_log_makes_one_admin_and_no_second(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        client = one.stranger()
        assert client.get("/").headers["Location"] == "/setup"
        assert client.get("/api/me").status == 401
        good = str(one.server.code)
        assert client.form("/setup", code="AAAA-BBBB-CCCC", name="eve", password=PASSWORD).status == 403
        assert client.form("/setup", code=good, name="ann", password="short").status == 400
        assert client.form("/setup", code=good.lower().replace("-", " "), name="ann", password=PASSWORD).status == 303
        assert client.get("/api/me").json == {"name": "ann", "role": "admin"}
        assert one.server.code is None
        assert one.stranger().form("/setup", code=good, name="eve", password=PASSWORD).status == 409
        assert one.stranger().get("/setup").headers["Location"] == "/login"


def test_whoever_guesses_the_code_is_slowed_down_and_shuts_nobody_out(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        client = one.stranger()
        answers = [client.form("/setup", code="WRONG", name="eve", password=PASSWORD) for _ in range(6)]
        assert [answer.status for answer in answers] == [403] * 5 + [429]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20
        for _ in range(30):
            one.clock.advance(60)
            client.form("/setup", code="WRONG", name="eve", password=PASSWORD)
        one.clock.advance(60)
        assert client.form("/setup", code=str(one.server.code), name="ann", password=PASSWORD).status == 303


def test_whoever_guesses_passwords_is_slowed_down(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        one.first()
        client = one.stranger()
        answers = [client.form("/login", name="ann", password=f"wrong {number}") for number in range(6)]
        assert [answer.status for answer in answers] == [403] * 5 + [429]
        assert client.form("/login", name="ann", password=PASSWORD).status == 429, "not even the right one"
        one.clock.advance(25)
        assert client.form("/login", name="ann", password=PASSWORD).status == 303
        actions = [row["action"] for row in client.get("/api/audit").json["audit"]]
        assert actions == ["login", *["login-failed"] * 5, "login", "setup"]


def test_whoever_guesses_locks_nobody_out_who_came_in_from_that_browser_before(tmp_path: Path) -> None:
    with served(tmp_path, web={"proxy": True}) as one:
        answer = one.stranger().form("/setup", code=str(one.server.code), name="ann", password=PASSWORD)
        browser = answer.headers.get_all("Set-Cookie")[1]
        assert "HttpOnly; SameSite=Strict; Secure" in browser
        home, key = {"X-Forwarded-For": "192.0.2.1"}, browser.partition(";")[0]
        for number in range(30):  # from many networks, and from the user's own
            for place in (f"198.51.100.{number}", "192.0.2.1"):
                Client(one.port, headers={"X-Forwarded-For": place}).form("/login", name="ann", password="wrong")
        unknown = [Client(one.port, headers=home), Client(one.port, headers={"X-Forwarded-For": "203.0.113.1"})]
        assert [client.form("/login", name="ann", password=PASSWORD).status for client in unknown] == [429, 429]
        known = Client(one.port, cookie=key, headers=home).form("/login", name="ann", password=PASSWORD)
        assert known.status == 303
        assert known.headers.get_all("Set-Cookie")[1].partition(";")[0] == key
        guesses = [Client(one.port, cookie=key).form("/login", name="ann", password="wrong").status for _ in range(6)]
        assert guesses == [403] * 5 + [429], "it is no way around"
        assert Client(one.port, cookie=key).form("/login", name="bob", password="wrong").status == 403, "of ann alone"


def test_a_new_password_makes_every_browser_unknown(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "s.json", 1)
    clock = FakeClock()
    _, browser = sessions.open("ann", clock.stamp())
    assert (sessions.knows(browser, "ann"), sessions.knows(browser, "bob")) == (True, False)
    assert Sessions(tmp_path / "s.json", 1).knows(browser, "ann"), "also after a restart"
    sessions.close_all("ann")
    assert not sessions.knows(browser, "ann")


def test_a_password_is_told_wrong_as_slowly_for_nobody_as_for_somebody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users, computed = Users(tmp_path / "users.json"), []
    users.add("ann", Role.ADMIN, PASSWORD, 0.0)
    verify = argon2.PasswordHasher.verify

    def noted(hasher: argon2.PasswordHasher, known: str, password: str) -> bool:
        computed.append(argon2.extract_parameters(known))
        return verify(hasher, known, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", noted)
    for name in ("ann", "nobody"):
        assert users.check(name, "wrong") is None
    somebody, nobody = computed  # what it costs is in the parameters
    assert somebody == nobody


def test_sessions_outlive_a_restart_and_end_when_left_alone(tmp_path: Path) -> None:
    with served(tmp_path, web={"session_days": 2}) as one:
        client = one.first()
    with served(tmp_path, web={"session_days": 2}) as one:
        client.port = one.port
        assert client.get("/api/me").status == 200

        def goes_on() -> bool:
            """Whether its use was written down; one use is not, while the one before still is being."""
            assert client.get("/api/me").status == 200, "in use it goes on"
            return (tmp_path / "web" / "sessions.json").read_text() != before

        for _ in range(3):
            one.clock.advance(86_400)
            before = (tmp_path / "web" / "sessions.json").read_text()
            soon(goes_on)
        one.clock.advance(2 * 86_400 + 1)
        assert client.get("/api/me").status == 401


def test_an_address_that_is_too_long_to_come_back_to_still_leads_to_the_login(house: Served) -> None:
    stranger = house.stranger()
    place = stranger.get(f"/events?text={'A' * 600}").headers["Location"]
    assert stranger.get(place).status == 200


def test_a_session_goes_on_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreError("sessions.json: cannot be written (No space left on device); make room, or see to it")

    with served(tmp_path, web={"session_days": 2}) as house:
        client = house.first()
        house.clock.advance(20_000)  # long enough for it to be written down anew
        monkeypatch.setattr("edge_ocr.web.sessions.jsonfile.write", full)
        assert client.get("/health").status == 200


def test_a_clock_that_nobody_vouches_for_ends_no_session(tmp_path: Path) -> None:
    written = tmp_path / "web" / "sessions.json"
    with served(tmp_path) as one:
        one.clock.synced = False
        one.clock.step_wall(-1_600_000_000)
        client = one.first()
        one.clock.step_wall(1_600_000_000)
        assert client.get("/api/me").status == 200
        one.clock.synced = True
        assert client.get("/api/me").status == 200
        soon(lambda: '"synced": true' in written.read_text())
    # What the server holds follows the file a moment later; one started anew holds the file's.
    sessions, key = Sessions(written, 30), client.cookie.partition("=")[2]
    assert sessions.find(key, one.clock.stamp())
    one.clock.advance(31 * 86_400)
    assert sessions.find(key, one.clock.stamp()) is None


def test_a_new_password_and_another_role_count_at_once(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        admin = one.first()
        admin.ask("POST", "/api/users", {"name": "op", "role": "operator", "password": PASSWORD})
        here, there = one.stranger().log_in("op"), one.stranger().log_in("op")
        assert here.ask("PUT", "/api/me/password", {"old": "wrong", "new": PASSWORD + "2"}).status == 403
        assert here.ask("PUT", "/api/me/password", {"old": PASSWORD, "new": PASSWORD + "2"}).status == 204
        assert (here.get("/api/me").status, there.get("/api/me").status) == (200, 401)
        assert admin.ask("PATCH", "/api/users/op", {"role": "viewer"}).json == {"name": "op", "role": "viewer"}
        assert here.ask("PUT", "/api/lists/allow/A1", {}).status == 403
        assert admin.ask("PATCH", "/api/users/op", {"password": PASSWORD + "3"}).status == 200
        assert here.get("/api/me").status == 401
        assert admin.ask("DELETE", "/api/users/op").status == 204
        assert one.stranger().form("/login", name="op", password=PASSWORD + "3").status == 403


def test_the_last_admin_stays(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        admin = one.first()
        again = {"name": "ann", "role": "viewer", "password": PASSWORD}
        assert "last admin" in admin.ask("PATCH", "/api/users/ann", {"role": "viewer"}).detail
        assert "last admin" in admin.ask("DELETE", "/api/users/ann").detail
        assert "already" in admin.ask("POST", "/api/users", again).detail
        assert admin.ask("DELETE", "/api/users/nobody").status == 404


def test_a_token_may_what_its_role_may_until_it_is_revoked_or_its_user_sinks(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        admin = one.first()
        admin.ask("POST", "/api/users", {"name": "op", "role": "operator", "password": PASSWORD})
        user = one.stranger().log_in("op")
        assert user.ask("POST", "/api/me/tokens", {"name": "x", "role": "admin"}).status == 403
        told = user.ask("POST", "/api/me/tokens", {"name": "x", "role": "operator"}).json
        program = Client(one.port, token=told["secret"])
        assert program.get("/api/me").json == {"name": "op", "role": "operator"}
        assert program.ask("PUT", "/api/lists/allow/A1", {}).status == 200, "without any other token"
        assert program.ask("PUT", "/api/me/password", {"old": PASSWORD, "new": PASSWORD + "2"}).status == 403
        assert program.ask("POST", "/api/me/tokens", {"name": "y", "role": "viewer"}).status == 403
        assert program.get("/account").status == 403
        assert "secret" not in user.get("/api/me/tokens").json["tokens"][0]
        admin.ask("PATCH", "/api/users/op", {"role": "viewer"})
        assert program.ask("PUT", "/api/lists/allow/A2", {}).status == 403
        assert user.ask("DELETE", f"/api/me/tokens/{told['id']}").status == 204
        assert user.ask("DELETE", f"/api/me/tokens/{told['id']}").status == 404
        assert program.get("/api/me").status == 401


def test_secrets_are_kept_as_hashes_in_files_that_nobody_else_reads(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        client = one.first()
        secret = client.ask("POST", "/api/me/tokens", {"name": "x", "role": "viewer"}).json["secret"]
        for name in ("users.json", "sessions.json"):
            path = tmp_path / "web" / name
            held = path.read_text("utf-8")
            assert path.stat().st_mode & 0o077 == 0
            assert PASSWORD not in held
            assert secret not in held
            assert client.cookie.partition("=")[2] not in held
        assert (tmp_path / "web").stat().st_mode & 0o077 == 0


def test_too_many_requests_are_told_when_to_come_back(tmp_path: Path) -> None:
    with served(tmp_path, web={"requests_per_second": 1}) as one:
        client = one.stranger()
        statuses = [client.get("/healthz").status for _ in range(12)]
        assert statuses[:10] == [200] * 10
        assert statuses[10:] == [429] * 2
        one.clock.advance(1.5)
        assert client.get("/healthz").status == 200


def test_behind_a_proxy_its_last_word_says_who_asks(tmp_path: Path) -> None:
    with served(tmp_path / "proxy", web={"proxy": True, "requests_per_second": 1}) as one:
        client = one.stranger()
        forged = [client.get("/healthz", X_Forwarded_For=f"192.0.2.{n}, 198.51.100.7").status for n in range(12)]
        assert forged[-2:] == [429] * 2
        assert client.get("/healthz", X_Forwarded_For="198.51.100.8").status == 200
        answer = client.form("/setup", code=str(one.server.code), name="ann", password=PASSWORD)
        assert "; Secure" in answer.headers["Set-Cookie"]
    with served(tmp_path / "none", web={"requests_per_second": 1}) as one:
        client = one.stranger()
        assert [client.get("/healthz", X_Forwarded_For=f"192.0.2.{n}").status for n in range(12)][-2:] == [429] * 2


def test_a_body_that_is_too_large_or_of_another_kind_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with served(tmp_path, web={"most_upload_mb": 0.1}) as one:
        client = one.first()
        large = b"x" * 70_000
        assert client.ask("PUT", "/api/lists/allow/A1", large, Content_Type="application/json").status == 413
        assert client.ask("POST", "/api/read", b"x" * 110_000, Content_Type="image/jpeg").status == 413
        assert client.ask("POST", "/api/read", b"x", Content_Type="multipart/form-data; boundary=x").status == 415
        assert client.ask("POST", "/login", b"{}", Content_Type="application/json").status == 415
        assert one.stranger().ask("POST", "/api/read", b"x" * 90_000, Content_Type="image/jpeg").status in {401, 403}
        assert client.ask("POST", "/api/barrier", b"body").status == 400


def test_more_connections_than_allowed_are_closed_and_the_others_go_on(tmp_path: Path) -> None:
    with served(tmp_path, web={"most_connections": 8}) as one:
        held = [socket.create_connection(("127.0.0.1", one.port), 5) for _ in range(8)]
        soon(lambda: sum(_is_closed(line) for line in held) >= 4)
        assert sum(_is_closed(line) for line in held) == 4, "one address may hold the half"
        for line in held:
            line.close()
        soon(lambda: _is_well(one.stranger()))


def _is_well(client: Client) -> bool:
    try:
        return client.get("/healthz").status == 200
    except OSError:
        return False


def _is_closed(line: socket.socket) -> bool:
    line.settimeout(0.2)
    try:
        return line.recv(1) == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize(
    ("web", "said"),
    [
        ({"address": "0.0.0.0"}, "unencrypted"),
        ({"address": "0.0.0.0", "plain": True, "proxy": True}, "pass by the proxy"),
        ({"cert_file": "/nowhere.pem"}, "web.key_file"),
        ({"cert_file": "/nowhere.pem", "key_file": "/nowhere.pem"}, "cannot be used"),
        ({"address": "192.0.2.1", "plain": True}, "cannot be listened at"),
        ({"language": "xx"}, "which no file has"),
        ({"languages_folder": "/nowhere"}, "cannot be read"),
    ],
)
def test_a_server_that_cannot_be_says_why(tmp_path: Path, web: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said), served(tmp_path, web=web):
        pass


def test_a_damaged_file_of_users_lets_nobody_in_instead_of_anybody(tmp_path: Path) -> None:
    for held in ("{", "[]", "{}"):
        (tmp_path / "web").mkdir(exist_ok=True)
        (tmp_path / "web" / "users.json").write_text(held)
        with pytest.raises(ConfigError, match=r"users\.json"), served(tmp_path):
            pass


def test_it_speaks_https_with_the_owners_certificate(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            key,
            "-out",
            cert,
        ],
        check=True,
        capture_output=True,
    )
    with served(tmp_path, web={"cert_file": str(cert), "key_file": str(key)}) as one:
        assert one.server.address.startswith("https://")
        context = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(f"{one.server.address}healthz", context=context, timeout=PATIENCE) as answer:  # noqa: S310
            assert answer.status == 200
        data = f"code={one.server.code}&name=ann&password={'x' * 12}".encode()
        asked = urllib.request.Request(f"{one.server.address}setup", data)  # noqa: S310 -- our own server
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _Stay)
        with pytest.raises(urllib.error.HTTPError) as moved:
            opener.open(asked, timeout=PATIENCE)
        cookie = moved.value.headers["Set-Cookie"]
        assert cookie.startswith("__Host-edge-ocr=")
        assert "; Secure" in cookie
        moved.value.close()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def test_pages_that_ended_after_a_mistake_are_a_concern_until_they_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mistaken(_: Server) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(Server, "_serve", mistaken)
    with served(tmp_path) as house:
        assert [reason for reason in house.health.snapshot().reasons if reason.startswith("web: the pages ended")]
    assert not [reason for reason in house.health.snapshot().reasons if reason.startswith("web:")]
