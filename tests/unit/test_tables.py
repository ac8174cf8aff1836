"""The tables for lists, privacy, destinations and health: every mistake is told with file, key and cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_ocr.clock import FakeClock
from edge_ocr.config import Settings, load, parse
from edge_ocr.errors import ConfigError
from edge_ocr.publish.catalogue import open_destination
from edge_ocr.publish.files import DayFiles
from edge_ocr.store import Database
from edge_ocr.tables import PublishSettings

SHIPPED = Path(__file__).parents[2] / "firmware_configs/edge-ocr.toml"


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"lists": {"allow": {"action": "opn"}}},
            "lists.allow.action is 'opn', which is unknown; did you mean 'open'?",
        ),
        ({"lists": {"order": ["allow", "alow"]}}, "lists.order is 'alow', which is unknown; did you mean 'allow'?"),
        ({"lists": {"order": ["deny", "deny"]}}, "lists.order is ['deny', 'deny'], which names something twice"),
        ({"lists": {"exact_first": "yes"}}, "lists.exact_first is 'yes', but must be true or false; write it without"),
        ({"lists": {"file": 3}}, 'lists.file is 3, but must be a file; write it as "/etc/edge-ocr/name"'),
        (
            {"lists": {"deny": {"max_distance": 4}}},
            "lists.deny.max_distance is 4, which is out of range; give one from",
        ),
        (
            {"privacy": {"mode": "secret"}},
            "privacy.mode is 'secret', which is unknown; known are: plain, hashed, listed",
        ),
        (
            {"privacy": {"mode": "hashed"}},
            "privacy.key_file is missing, but privacy.mode 'hashed' needs it; name a file",
        ),
        (
            {"privacy": {"mode": "hashed", "key_file": "k", "crops": "keep"}},
            "privacy.crops is 'keep', but pictures show what 'hashed' hides; give 'blur' or 'drop'",
        ),
        ({"privacy": {"mode": "listed"}}, "privacy.mode is 'listed', but without lists.file no event would be kept"),
        ({"publish": {"mqtt": {"host": "h"}}}, "store.folder is missing, but [publish] needs it"),
        ({"publish": {"mqtt": {"host": ""}}}, "publish.mqtt.host is '', but must be a text of one line; give one in"),
        ({"publish": {"mqtt": {"version": "4"}}}, "publish.mqtt.version is '4', which is unknown; known are: 5, 3.1.1"),
        ({"publish": {"mqtt": {"prefix": "a/#"}}}, "publish.mqtt.prefix is 'a/#', which holds a wildcard; leave out"),
        (
            {"publish": {"mqtt": {"cert_file": "c"}}},
            "publish.mqtt.key_file is missing, but publish.mqtt.cert_file needs",
        ),
        (
            {"publish": {"mqtt": {"password_file": "p"}}},
            "publish.mqtt.username is missing, but publish.mqtt.password_file",
        ),
        ({"publish": {"mqtt": {"password": "p"}}}, "publish.mqtt.password is unknown; did you mean 'password_file'?"),
        *(
            ({"store": {"folder": "s"}, "publish": {"more": more}}, message)
            for more, message in (
                ([{"webhook": {"url": "http://h/"}}], "publish.more[0].name is ''; give letters, digits, '-' and '_'"),
                (
                    [{"name": "mqtt", "webhook": {"url": "http://h/"}}],
                    "publish.more[0].name is 'mqtt', as that of another destination; give each its own",
                ),
                (
                    [{"name": "a", "files": {"folder": "x"}}, {"name": "a", "files": {"folder": "y"}}],
                    "publish.more[1].name is 'a', as that of another destination; give each its own",
                ),
                ([{"name": "a"}], "publish.more[0] has no destination; give it one table: mqtt with a host, webhook"),
                (
                    [{"name": "a", "relay": {"pin": 17}, "mqtt": {"host": "h"}}],
                    "publish.more[0] has mqtt and relay; give it one table",
                ),
                ([{"name": "a", "webhook": {"url": "h"}}], "publish.more[0].webhook.url is 'h', which is no address"),
                (
                    [{"name": "a", "mqtt": {"host": "h", "password_file": "p"}}],
                    "publish.more[0].mqtt.username is missing, but publish.more[0].mqtt.password_file needs it",
                ),
                (
                    {"name": "a"},
                    "publish.more is {'name': 'a'}, but must be an array of tables; write [[publish.more]]",
                ),
                ([{"name": "a", "fax": {}}], "publish.more[0].fax is unknown; "),
            )
        ),
        ({"publish": {"retry": {"first_seconds": 400}}}, "publish.retry.first_seconds is more than publish.retry.most"),
        ({"publish": {"relay": {"pin": 28}}}, "publish.relay.pin is 28, which is out of range; give one from 0 to 27"),
        ({"health": {"max_temperature": True}}, "health.max_temperature is True, but must be a number; give one from"),
        *(
            (
                {"store": {"folder": "s"}, "publish": {"webhook": {"url": url}}},
                f"publish.webhook.url is '{url}', which is",
            )
            for url in (
                "example.com",
                "ftp://h/",
                "http://",
                "http://h:99999/",
                "http://u:p@h/",
                "http://h/ö",
                "http://[/",
            )
        ),
    ],
)
def test_a_mistake_is_told_with_its_key_and_cure(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(tables, origin="a.toml")
    assert str(caught.value).startswith(f"a.toml: {message}")
    assert len(str(caught.value).splitlines()) == 1


def test_destinations_are_those_whose_first_key_is_set() -> None:
    tables = {
        "store": {"folder": "s"},
        "publish": {"relay": {"pin": 17}, "webhook": {"url": "https://h/x?y=1"}, "files": {"folder": "d"}},
    }
    assert parse(tables, origin="test").publish.destinations == ("webhook", "files", "relay")
    assert Settings().publish.destinations == ()


@pytest.mark.parametrize("name", ["mqtt", "webhook", "files", "relay"])
def test_every_destination_can_be_opened_from_settings(name: str, tmp_path: Path) -> None:
    publish = {
        "mqtt": {"host": "h"},
        "webhook": {"url": "http://h/"},
        "files": {"folder": "d"},
        "relay": {"pin": 17, "dry_run": True},
    }
    clock = FakeClock()
    chosen = parse({"store": {"folder": "s"}, "publish": publish}, origin="test").publish
    with Database.open(tmp_path, clock) as store:
        destination = open_destination(name, chosen, clock, store)
        assert destination.batch >= 1
        destination.close()
    assert name in chosen.destinations


def test_further_destinations_of_a_kind_have_names_of_their_own(tmp_path: Path) -> None:
    clock = FakeClock()
    publish = {
        "webhook": {"url": "http://h/"},
        "more": [
            {"name": "office", "webhook": {"url": "http://office/"}},
            {"name": "archive", "files": {"folder": str(tmp_path / "days")}},
        ],
    }
    chosen = parse({"store": {"folder": "s"}, "publish": publish}, origin="test").publish
    assert chosen.destinations == ("webhook", "office", "archive")
    with Database.open(tmp_path / "store", clock) as store:
        opened = [open_destination(name, chosen, clock, store) for name in chosen.destinations]
        assert [type(one).__name__ for one in opened] == ["Webhook", "Webhook", "DayFiles"]
        for one in opened:
            one.close()


def test_what_is_wrong_with_a_further_destination_is_told_with_its_place(tmp_path: Path) -> None:
    clock = FakeClock()
    more = [{"name": "office", "webhook": {"url": "http://h/", "secret_file": str(tmp_path / "none")}}]
    chosen = parse({"store": {"folder": "s"}, "publish": {"more": more}}, origin="test").publish
    with Database.open(tmp_path / "store", clock) as store, pytest.raises(ConfigError) as caught:
        open_destination("office", chosen, clock, store)
    assert str(caught.value).startswith("publish.more[0].webhook.secret_file names ")


def test_an_unknown_destination_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    clock = FakeClock()
    with Database.open(tmp_path, clock) as store, pytest.raises(ValueError, match="destinations are not set"):
        open_destination("fax", PublishSettings(), clock, store)
    with pytest.raises(ValueError, match="folder is None"):
        DayFiles(PublishSettings().files, clock)


LINES = SHIPPED.read_text("utf-8").splitlines()
GARBAGE = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["= ", "[", "]]", '"', "1e999", "nan", "true", "9" * 400, "'''", "[publish.mqtt]", "[[lists]]", "{}"]
    ),
)


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """The shipped file, with some lines uncommented, some spoilt, some bytes changed."""
    lines = [line.removeprefix("# ") if " = " in line and draw(st.booleans()) else line for line in LINES]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key, _, value = lines[at].partition(" = ")
        garbage = draw(GARBAGE)
        lines[at] = draw(
            st.sampled_from([garbage, f"{key} = {garbage}", f"{garbage} = {value}", f"{lines[at]}{garbage}"])
        )
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=4)) + data[at:]
    return data


@settings(max_examples=1000, deadline=None)
@given(hostile())
def test_a_hostile_configuration_is_settings_or_one_line_that_names_the_place(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.toml"
    path.write_bytes(data)
    try:
        assert isinstance(load(path), Settings)
    except ConfigError as error:
        message = str(error)
        assert message.startswith(f"{path}: ")
        assert message.isprintable()
        assert len(message) < 500
        said = message.removeprefix(f"{path}: ")
        assert "line" in said or "byte" in said or "end of document" in said or said.split()[0].strip("'\"")
