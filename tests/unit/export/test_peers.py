"""The comparison of whole pictures: ours is really run, a peer that is not there is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from export import peers
from export.__main__ import main
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


def test_an_environment_that_is_not_there_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["peers", str(_STREET), "--python", str(tmp_path / "python")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m export: rapidocr-onnxruntime does not run under")
    assert line.endswith("No such file or directory; name a Python that has it with --python")


def test_a_reader_that_never_ends_is_stopped() -> None:
    with pytest.raises(PeerError, match="some is not done after 1 seconds"):
        peers.ask("some", Path(sys.executable), "import time; time.sleep(60)", [], limit=1)
