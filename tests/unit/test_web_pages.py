"""The pages: they show what there is, to whoever may see it, and nothing that was read runs in them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from test_search import event
from test_web_api import fill
from web_served import Client, Served, served

from edge_ocr.errors import StoreError
from edge_ocr.lists import Entry, Lists, save
from edge_ocr.store.view import View
from edge_ocr.types import Action, Attempt, Decision, Frame
from edge_ocr.web import Hands, files, languages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVIL = "<script>alert('x')</script>\"'&"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("pages"), Hands(open_barrier=lambda _: "open")) as one:
        fill(one)
        yield one


@pytest.fixture(scope="module")
def client(house: Served) -> Client:
    return house.first()


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    text = answer.body.decode()
    assert text.startswith("<!doctype html>")
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=|<style|javascript:", text), "the policy lets none run"
    assert re.search(r"<title>[^<]+</title>", text)
    return text


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("/", "RK755AJ"),
        ("/?camera=yard", ">yard</h2>"),
        ("/?camera=nowhere", ">gate</h2>"),
        ("/events", "AB128C"),
        ("/events?text=ab123c&match=exact&distance=1&list=&camera=&since=&until=", "AB123C"),
        ("/events?text=NOTHERE", "Nothing was found."),
        ("/events?text=AB123C&match=fuzzy&distance=2", " off"),
        ("/events?since=2023-11-14T22:00&list=allow", "RK755AJ"),
        ("/events/id-3", "Evidence"),
        ("/events/id-1", "No picture is kept of it."),
        ("/attempts", "No text could be read on it."),
        ("/lists", "AB123C"),
        ("/lists?search=eve", "XY1"),
        ("/zones", "Draw a zone"),
        ("/health", "All is well."),
        ("/account", "Tokens for programs"),
        ("/users", "Somebody new"),
        ("/kiosk", "Welcome"),
        ("/kiosk?lang=fr", "Bienvenue"),
        ("/login", "Password"),
    ],
)
def test_a_page_shows_what_there_is(client: Client, path: str, holds: str) -> None:
    assert holds in page(client, path)


@pytest.mark.parametrize(
    ("path", "status", "holds"),
    [
        ("/events/nobody", 404, "there is no event"),
        ("/kiosk?lang=xx", 404, "there are: de, en, es, fr, it, nl"),
        ("/events?limit=3", 400, "unknown"),
    ],
)
def test_what_is_wrong_is_told_on_a_page(client: Client, path: str, status: int, holds: str) -> None:
    assert holds in page(client, path, status)


def test_nothing_that_was_read_or_written_by_somebody_runs_in_a_page(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        made = replace(event(1, EVIL, camera=EVIL, crop=True), id="id-1")
        decision = Decision(Action.OPEN, EVIL, "allow", EVIL, EVIL)
        one.store.record(made, decision=decision)
        one.store.miss(Attempt(EVIL, EVIL, EVIL, 0.4, 4, 1, made.last, None))
        one.store.audit(made.last, EVIL, EVIL, EVIL, event="id-1")
        save(Lists((Entry("allow", "A1", EVIL, note=EVIL),)), one.settings.lists.file)  # type: ignore[arg-type]
        client = one.first("<b>'ann\"")
        one.health.watch("x", lambda: EVIL)
        for path in ("/", "/events", "/events/id-1", "/attempts", "/lists", "/zones", "/health", "/account", "/users"):
            text = page(client, path)
            assert EVIL not in text, path
            assert "<b>'" not in text
        found = page(client, f"/events?text={'%22%3E%3Cscript%3E'}")
        assert "&quot;&gt;&lt;script&gt;" in found
        assert "&quot;&gt;" in one.stranger().get("/login?next=/%22%3E").body.decode()


def test_a_page_of_a_store_that_cannot_be_read_says_why(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: View) -> None:
        raise StoreError("no such file; nothing was stored yet")

    monkeypatch.setattr(View, "_connected", gone)
    assert "no such file" in page(client, "/events", 503)


def test_pages_lead_to_older_events_and_back(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        for number in range(1, 61):
            one.store.record(event(number, f"NR{number:03}"))
        client = one.first()
        first = page(client, "/events?text=NR*&match=wildcard")
        (more,) = re.findall(r'href="(/events\?[^"]*before=\d+)"', first)
        second = page(client, more.replace("&amp;", "&"))
        assert ("NR060" in first, "NR011" in first, "NR010" in second) == (True, True, True)
        assert "NR011" not in second
        assert ">Older<" not in second


def test_the_barriers_button_is_there_for_those_who_may_open_it(client: Client, tmp_path: Path) -> None:
    assert "Open the barrier" in page(client, "/")
    with served(tmp_path) as one:
        assert "Open the barrier" not in page(one.first(), "/")


def test_a_camera_that_shows_something_is_live_and_its_health_is_drawn(house: Served, client: Client) -> None:
    house.board.show("drive", Frame(np.zeros((9, 16, 3), np.uint8), house.clock.stamp(), 0, "drive"))
    try:
        assert 'src="/api/cameras/drive/live"' in page(client, "/")
        site = house.server._site
        for _ in range(3):
            house.clock.advance(15)
            site.history.take(house.health.snapshot(), house.board.cameras, house.clock.monotonic())
        text = page(client, "/health")
        assert re.search(r'<polyline points="[\d., ]+"', text)
        assert "nan" not in text
    finally:
        house.board.ended("drive")


def test_files_of_pages_are_sent_small_and_kept_by_the_browser(client: Client) -> None:
    plain = client.get("/static/style.css")
    small = client.get("/static/style.css", Accept_Encoding="gzip, br")
    assert small.headers["Content-Encoding"] == "gzip"
    assert len(small.body) < len(plain.body) / 2
    assert "immutable" in plain.headers["Cache-Control"]
    assert client.get("/static/style.css", If_None_Match=plain.headers["ETag"]).status == 304
    assert client.get("/sw.js").headers["Cache-Control"] == "no-cache"
    for path in ("/static/", "/static/../users.py", "/static/%2e%2e/users.py", "/static", "/sw.js/x"):
        assert client.get(path).status == 404


def test_every_file_that_a_page_names_is_there(client: Client) -> None:
    for path in ("/", "/zones", "/kiosk", "/login"):
        for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', page(client, path)):
            assert client.get(name).status == 200, name
            assert name == files.address(name.partition("?")[0].rpartition("/")[2])


def test_everything_together_is_small() -> None:
    assert sum(len(small) for _, small, _, _ in files._files().values()) < 25_000


def test_languages_come_from_files_too(tmp_path: Path) -> None:
    folder = tmp_path / "languages"
    folder.mkdir()
    texts = {key: f"{key}!" for key in languages.KEYS} | {"language": "Svenska"}
    (folder / "sv.toml").write_text("".join(f"{key} = '{said}'\n" for key, said in texts.items()) + "rtl = true\n")
    with served(tmp_path / "store", web={"languages_folder": str(folder), "language": "sv"}) as one:
        text = page(one.first(), "/kiosk")
        assert 'lang="sv" dir="rtl"' in text
        assert "welcome!" in text
        assert "Svenska" in text
