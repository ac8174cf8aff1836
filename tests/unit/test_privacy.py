"""Privacy: what a mode forbids is in nothing that is kept, and what it promises can be done."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge_ocr.config import parse
from edge_ocr.errors import ConfigError
from edge_ocr.privacy import PREFIX, Shield, blurred, statement
from edge_ocr.tables import PrivacySettings
from edge_ocr.types import Action, Alternative, Attempt, Ballot, Decision, Event, Kind, Quad, Reading, Stamp

if TYPE_CHECKING:
    from pathlib import Path

QUAD = Quad(((0, 0), (1, 0), (1, 1), (0, 1)), Kind.PLATE, 1.0)
STAMP = Stamp(1.0, 2.0, "boot", synced=True)
CROP = np.random.default_rng(1).integers(0, 255, (40, 120, 3), np.uint8)
READING = Reading("AB123", 0.9, Kind.PLATE, "nl", QUAD, (Alternative("AB128", 0.05),))
EVENT = Event("id", "gate", READING, 3, 0, STAMP, STAMP, 0, 9, CROP, 4)
LISTED = Decision(Action.OPEN, "allow: an entry says exactly this", "allow", "AB123", "Ann")
UNLISTED = Decision(Action.NOTE, "on none of the lists")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("0123456789abcdef" * 2)
    path.chmod(0o600)
    return path


@pytest.fixture
def hashed(key: Path) -> Shield:
    return Shield(PrivacySettings(mode="hashed", key_file=key))


def kept_of(shield: Shield, event: Event, decision: Decision) -> tuple[Event, Decision]:
    kept = shield.event(event, decision)
    assert kept is not None
    return kept


def test_plain_keeps_everything_as_it_is() -> None:
    assert kept_of(Shield(PrivacySettings()), EVENT, LISTED) == (EVENT, LISTED)


def test_a_hash_stands_for_the_plate_everywhere_and_the_plate_nowhere(hashed: Shield) -> None:
    event, decision = kept_of(hashed, EVENT, LISTED)
    told = json.dumps([event.as_json(), decision.as_json()])
    assert not any(word in told for word in ("AB123", "AB128", "Ann"))
    assert event.reading.text == decision.entry == hashed.text("AB123")
    assert event.reading.text.startswith(PREFIX)
    assert event.crop is None
    assert (decision.action, decision.list) == (Action.OPEN, "allow")


def test_a_hash_is_the_same_for_every_spelling_and_another_for_another_plate_or_key(hashed: Shield, key: Path) -> None:
    assert hashed.text("ab-123") == hashed.text("AB 123") != hashed.text("AB124")
    assert hashed.text(hashed.text("AB123")) == hashed.text("AB123")
    key.write_text("x" * 32)
    assert Shield(PrivacySettings(mode="hashed", key_file=key)).text("AB123") != hashed.text("AB123")


def test_a_hash_is_hmac_sha256_with_the_key(hashed: Shield) -> None:
    # echo -n AB123 | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
    assert hashed.text("AB123") == "hmac-" + "248956e1840d3f789c86ae60f9ad07f6"


def test_listed_keeps_nothing_of_a_plate_on_no_list() -> None:
    shield = Shield(PrivacySettings(mode="listed"))
    assert shield.event(EVENT, UNLISTED) is None
    event, decision = kept_of(shield, EVENT, LISTED)
    assert (event.reading.text, event.reading.alternatives, decision) == ("AB123", (), LISTED)
    assert event.crop is CROP


def test_listed_keeps_the_entry_of_a_similar_plate_and_not_what_may_be_somebody_elses() -> None:
    similar = replace(LISTED, entry="AB1Z3", distance=0.1)
    event, _ = kept_of(Shield(PrivacySettings(mode="listed")), EVENT, similar)
    assert (event.reading.text, event.crop) == ("AB1Z3", None)


@pytest.mark.parametrize("settings", [{"mode": "listed"}, {"mode": "hashed"}])
def test_a_sign_is_nobodys(settings: dict[str, Any], key: Path) -> None:
    sign = replace(EVENT, reading=replace(READING, kind=Kind.SIGN))
    shield = Shield(PrivacySettings(**settings, key_file=key))
    assert kept_of(shield, sign, UNLISTED) == (sign, UNLISTED)


@pytest.mark.parametrize(
    ("settings", "text", "picture"),
    [
        ({"mode": "plain"}, "AB123", True),
        ({"mode": "plain", "crops": "drop"}, "AB123", False),
        ({"mode": "hashed"}, "hmac-", False),
        ({"mode": "hashed", "crops": "blur"}, "hmac-", True),
        ({"mode": "listed"}, "", False),
    ],
)
def test_a_track_without_an_event_is_kept_by_the_same_rules(
    settings: dict[str, Any], text: str, picture: bool, key: Path
) -> None:
    shield = Shield(PrivacySettings(**settings, key_file=key))
    attempt = shield.attempt(Attempt("gate", "low confidence", "AB123", 0.4, 3, 0, STAMP, CROP))
    assert attempt.text.startswith(text)
    assert ("AB123" in attempt.text) == (text == "AB123")
    assert (attempt.crop is not None) == picture
    empty = shield.attempt(Attempt("gate", "unread", "", 0.0, 3, 3, STAMP, None))
    assert (empty.text, empty.crop) == ("", None)


def test_a_blurred_picture_holds_a_few_large_cells_of_few_colours() -> None:
    plate = np.full((40, 160, 3), 255, np.uint8)
    cv2.putText(plate, "AB123", (5, 32), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 3)
    out = blurred(plate)
    assert out.shape == plate.shape
    assert len(np.unique(out.reshape(-1, 3), axis=0)) <= 8
    assert (out[:20, :40] == out[0, 0]).all()
    assert blurred(plate[:, :, 0]).shape == (40, 160)
    assert blurred(plate[:1, :1]).shape == (1, 1, 3)


def test_hashing_needs_a_key_that_is_one(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("short")
    (tmp_path / "short").chmod(0o600)
    with pytest.raises(ConfigError, match=r"privacy\.key_file names .*short, which holds 5 bytes, but needs 32"):
        Shield(PrivacySettings(mode="hashed", key_file=tmp_path / "short"))
    with pytest.raises(ValueError, match="key_file is None"):
        Shield(PrivacySettings(mode="hashed"))


@pytest.mark.parametrize(
    ("tables", "topic", "words"),
    [
        ({}, "plates", "as read"),
        ({}, "events", "nothing is stored"),
        ({"store": {"folder": "/s"}}, "events", "in /s, for 365 days"),
        ({"privacy": {"mode": "hashed", "key_file": "/k"}}, "plates", "keyed hash"),
        ({"privacy": {"mode": "hashed", "key_file": "/k"}}, "pictures", "none"),
        ({"privacy": {"mode": "listed"}, "lists": {"file": "/l.csv"}}, "plates", "of others nothing"),
        ({"privacy": {"crops": "blur"}}, "pictures", "blurred beyond reading"),
        (
            {"store": {"folder": "/s"}, "publish": {"relay": {"pin": 4}, "files": {"folder": "/d"}}},
            "sent to",
            "files, relay",
        ),
        ({"store": {"attempts": 0}}, "missed plates", "nothing"),
    ],
)
def test_what_is_kept_is_stated(tables: dict[str, Any], topic: str, words: str) -> None:
    assert words in dict(statement(parse(tables, origin="test")))[topic]


@pytest.mark.parametrize(("mode", "kept"), [("plain", 1), ("hashed", 0), ("listed", 0)])
def test_what_single_frames_say_is_kept_in_plain_mode_alone(key: Path, mode: str, kept: int) -> None:
    shield = Shield(PrivacySettings(mode=mode, key_file=key))
    shielded = shield.event(replace(EVENT, votes=(Ballot(3, "AB123", 0.9),)), LISTED)
    assert shielded is not None
    assert len(shielded[0].votes) == kept
