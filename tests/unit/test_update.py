"""From an archive to a release on trial; whatever goes wrong leaves the one that runs alone."""

from __future__ import annotations

import errno
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from releases import Maker, checked, first_release, is_whole, no_check

from edge_ocr import bundle, cli
from edge_ocr.errors import UpdateError
from edge_ocr.types import Kind
from edge_ocr.update import archive as archives
from edge_ocr.update import slots, staging, update
from edge_ocr.update.fetch import fetch
from edge_ocr.update.staging import stage

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIPPED = Path(bundle.__file__).parent / "models"


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "maker")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    first_release(tmp_path / "root")
    return tmp_path / "root"


def install(environment: Path, wheels: list[Path]) -> None:
    """As pip does: a file is replaced, never written into."""
    assert wheels
    (environment / "lib.py").unlink()
    (environment / "lib.py").write_text("new", "utf-8")


def staged(root: Path, maker: Maker, serial: int, kind: str = "models") -> Path:
    """A release on trial, checked by nothing."""
    made = maker.archive(serial, kind=kind)
    return stage(root, made, checked(made, maker.keys), install=install, check=no_check)


def test_bundles_share_the_environment_of_the_program(root: Path, maker: Maker) -> None:
    made = staged(root, maker, 1)
    assert is_whole(made)
    assert (made / "venv").resolve() == root / "releases/r0/venv"
    assert slots.trial(root) == made


def test_bundles_that_an_update_does_not_bring_stay(root: Path, maker: Maker) -> None:
    made = staged(root, maker, 1)
    (made / "models/other").mkdir()
    slots.confirm(root)
    second = staged(root, maker, 2)
    assert (second / "models/other").is_dir()
    assert (second / "models/plate/model.toml").read_bytes() == b"of release 2"


def test_a_program_gets_an_environment_of_its_own_and_the_old_one_stays_as_it_was(root: Path, maker: Maker) -> None:
    made = staged(root, maker, 1, "wheels")
    assert (made / "venv/lib.py").read_text("utf-8") == "new"
    assert (root / "releases/r0/venv/lib.py").read_text("utf-8") == "old"
    assert not (made / "wheels").exists()


@pytest.mark.parametrize("serial", [1, 2])
def test_what_is_not_newer_is_refused_however_well_signed(root: Path, maker: Maker, serial: int) -> None:
    staged(root, maker, 2)
    slots.confirm(root)
    with pytest.raises(UpdateError, match="is not above 2"):
        staged(root, maker, serial)


def test_a_release_that_does_not_work_is_never_offered(root: Path, maker: Maker) -> None:
    def refuse(_: Path) -> None:
        raise UpdateError("r1: cannot read a frame on this machine; nothing was changed")

    made = maker.archive(1)
    with pytest.raises(UpdateError, match="cannot read a frame"):
        stage(root, made, checked(made, maker.keys), check=refuse)
    assert slots.begin(root).name == "r0"
    assert [path.name for path in (root / "releases").iterdir()] == ["r0"]


def test_a_full_disk_leaves_nothing_behind(root: Path, maker: Maker) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    made = maker.archive(1)
    with pytest.raises(UpdateError, match=r"No space left on device.; make room"):
        stage(root, made, checked(made, maker.keys), check=full)
    assert [path.name for path in (root / "releases").iterdir()] == ["r0"]


def test_the_doctor_of_the_new_release_decides(root: Path, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "_CHECK_SECONDS", 20.0)
    made = maker.archive(1, text=b"no bundle at all")
    with pytest.raises(UpdateError, match="cannot read a frame on this machine"):
        stage(root, made, checked(made, maker.keys))
    assert slots.trial(root) is None


def test_what_reading_lacks_is_told_and_not_what_it_can_do_without() -> None:
    clock = '{"name": "clock", "status": "missing", "needed": false, "found": "not synchronised"}'
    bundle = '{"name": "plate recogniser", "status": "missing", "needed": true, "found": "is damaged"}'
    assert staging._lacking(f"Traceback\n[]\n{{}}\n{clock}\n{bundle}") == "plate recogniser: is damaged"
    assert staging._lacking(clock) == staging._lacking("") == ""


def test_two_updates_at_once_are_one_too_many(root: Path, maker: Maker) -> None:
    with staging.only_one(root), pytest.raises(UpdateError, match="another update is under way"):
        update(str(maker.archive(1)), root=root, keys=maker.keys)


def test_what_was_left_over_is_removed_and_what_is_in_use_is_not(root: Path, maker: Maker) -> None:
    for serial in (1, 2, 3):
        staged(root, maker, serial)
        slots.confirm(root)
    (root / "releases/.r9.part/venv").mkdir(parents=True)
    (root / "releases/.fetch-x").mkdir()
    staging.tidy(root)
    left = {path.name for path in (root / "releases").iterdir()}
    assert left == {"r0", "r2", "r3"}  # r0 for its environment, r2 to go back to by hand


def test_an_updated_bundle_comes_before_the_one_that_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plate").mkdir()
    card = (SHIPPED / "plate/model.toml").read_text("utf-8")
    (tmp_path / "plate/model.toml").write_text(f'note = "updated"\n{card}', "utf-8")
    (tmp_path / "plate/model.tflite").write_bytes((SHIPPED / "plate/model.tflite").read_bytes())
    monkeypatch.setenv("EDGE_OCR_MODELS", str(tmp_path))
    assert bundle.shipped_bundle(Kind.PLATE, task="recognise").card["note"] == "updated"
    assert bundle.shipped_bundle(Kind.PLATE, task="detect").name == "plate-detector"


@pytest.mark.parametrize("kind", ["models", "wheels"])
def test_an_update_never_takes_the_place_of_a_release_in_use(root: Path, maker: Maker, kind: str) -> None:
    staged(root, maker, 1, kind)
    slots.confirm(root)
    for name in ("r0", "r1") if kind == "models" else ("r1",):
        made = maker.archive(2, kind=kind, name=name)
        with pytest.raises(UpdateError, match=f"{name} is the name of a release in use"):
            stage(root, made, checked(made, maker.keys), install=install, check=no_check)
        assert is_whole(slots.begin(root))


def test_a_release_that_was_taken_back_is_not_tried_again(root: Path, maker: Maker) -> None:
    staged(root, maker, 1)
    slots.roll_back(root)
    staging.tidy(root)
    with pytest.raises(UpdateError, match="r1 was tried and taken back; make a newer one, or remove"):
        staged(root, maker, 1)
    assert slots.begin(root).name == "r0"
    assert staged(root, maker, 2).name == "r2"


def test_an_archive_that_is_exchanged_after_its_check_is_not_used(
    root: Path, maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = maker.archive(1)
    strange = Maker(tmp_path / "stranger").archive(1, text=b"of a stranger").read_bytes()

    def verify(archive: Path, signature: Path, keys: Path) -> None:
        archives.verify(archive, signature, keys)
        made.write_bytes(strange)

    monkeypatch.setattr("edge_ocr.update.verify", verify)
    monkeypatch.setattr(staging, "_doctor", no_check)
    update(str(made), root=root, keys=maker.keys)
    assert (slots.begin(root) / "models/plate/model.toml").read_bytes() == b"of release 1"


def test_a_server_that_sends_a_byte_now_and_then_is_left(tmp_path: Path) -> None:
    left = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while not left.wait(0.05):
                    self.wfile.write(b"x")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        with pytest.raises(UpdateError, match="takes too long"):  # or it would wait until 10,000 bytes are there
            fetch(f"http://127.0.0.1:{http.server_address[1]}/x.zip", tmp_path, most_bytes=10_000, seconds=0.3)
        left.set()
        http.shutdown()
        thread.join(60)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path / "maker"))  # type: ignore[arg-type] -- what the server gives

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join(60)


def test_an_update_comes_from_a_server_once(
    server: str, root: Path, maker: Maker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(staging, "_doctor", no_check)
    maker.archive(1)
    words = ["update", "--root", str(root), "--keys", str(maker.keys)]
    assert cli.main([*words, f"{server}/update-1.zip"]) == 0
    assert cli.main([*words, f"{server}/update-1.zip"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == ["r1 is tried from the next start of the service", "nothing is newer than what is installed"]
    assert is_whole(slots.begin(root))
    slots.roll_back(root)
    assert update(f"{server}/update-1.zip", root=root, keys=maker.keys)["state"] == "known"


@pytest.mark.parametrize("path", ["missing.zip", "../etc"])
def test_what_a_server_does_not_have_is_told_in_one_line(server: str, root: Path, maker: Maker, path: str) -> None:
    with pytest.raises(UpdateError, match=r"cannot be fetched .*404"):
        update(f"{server}/{path}", root=root, keys=maker.keys)


def test_a_server_that_is_away_and_an_address_that_is_none_are_told(root: Path, maker: Maker) -> None:
    with pytest.raises(UpdateError, match="cannot be fetched"):
        update("http://127.0.0.1:9/update.zip", root=root, keys=maker.keys)
    with pytest.raises(UpdateError, match="no address of a web server"):
        update("ftp://example.org/update.zip", root=root, keys=maker.keys)


def test_the_command_tells_a_refusal_in_one_line(
    root: Path, maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = Maker(tmp_path / "stranger").archive(1)
    assert cli.main(["update", "--root", str(root), "--keys", str(maker.keys), str(stranger)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
