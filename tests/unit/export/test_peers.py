"""The comparison of whole pictures: ours is really run, a peer that is not there is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from export import peers
from export.errors import PeerError

_STREET = Path(__file__).parents[3] / "docs/samples/street.jpg"


def test_ours_is_read_in_a_process_of_its_own() -> None:
    cost = peers.cost("edge-ocr", Path(sys.executable), _STREET)
    assert cost.texts == ["CJ48KLM"]
    assert 0 < cost.milliseconds < 1000
    assert 20 < cost.megabytes < 200


def test_a_peer_that_is_not_installed_is_told_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.READERS, "nobody", "import nobody_has_this")
    with pytest.raises(PeerError, match=r"nobody does not run under .*nobody_has_this.*; name a Python that has it"):
        peers.cost("nobody", Path(sys.executable), _STREET)
