"""Nothing of an archive counts before its signature does."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from releases import Maker, checked

from edge_ocr.errors import UpdateError
from edge_ocr.update import archive

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def test_what_is_signed_by_a_known_key_is_opened(maker: Maker, tmp_path: Path) -> None:
    made = maker.archive(3)
    manifest = checked(made, maker.keys)
    assert (manifest.name, manifest.serial) == ("r3", 3)
    archive.unpack(made, manifest, tmp_path / "out")
    assert (tmp_path / "out/models/plate/model.toml").read_bytes() == b"of release 3"


def test_any_of_several_keys_will_do(maker: Maker, tmp_path: Path) -> None:
    other = Maker(tmp_path / "other")
    shutil.copy(other.keys / "maker.pub", maker.keys / "a-second.pub")
    assert checked(other.archive(1), maker.keys).serial == 1


def test_a_stranger_is_refused(maker: Maker, tmp_path: Path) -> None:
    made = Maker(tmp_path / "stranger").archive(2)
    with pytest.raises(UpdateError, match=r"no key in .* made its signature"):
        checked(made, maker.keys)


def test_no_key_at_all_refuses_everything(maker: Maker, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UpdateError, match="no key"):
        checked(maker.archive(2), tmp_path / "empty")


def test_one_wrong_bit_anywhere_is_refused(maker: Maker) -> None:
    made = maker.archive(1)
    whole = made.read_bytes()
    for place in range(0, len(whole), 7):
        made.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UpdateError):
            checked(made, maker.keys)


def test_every_truncation_is_refused(maker: Maker) -> None:
    made = maker.archive(1)
    whole = made.read_bytes()
    for length in range(0, len(whole), 11):
        made.write_bytes(whole[:length])
        with pytest.raises(UpdateError):
            checked(made, maker.keys)


def test_every_damage_of_a_signature_is_refused(maker: Maker) -> None:
    made = maker.archive(1)
    beside = made.with_name("update-1.zip.minisig")
    whole = beside.read_bytes().rstrip()
    untrusted = whole.index(b"\n")  # the first line is a comment that nothing vouches for
    for place in range(untrusted, len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :]):
            beside.write_bytes(damaged)
            with pytest.raises(UpdateError):
                checked(made, maker.keys)


def test_a_signature_of_the_old_kind_is_refused(maker: Maker) -> None:
    made = maker.archive(1)
    maker.sign(made, prehash=False)
    with pytest.raises(UpdateError, match="old format"):
        checked(made, maker.keys)


def test_a_missing_signature_is_told(maker: Maker) -> None:
    made = maker.archive(1)
    made.with_name("update-1.zip.minisig").unlink()
    with pytest.raises(UpdateError, match=r"cannot be read .No such file"):
        checked(made, maker.keys)


@pytest.mark.parametrize(
    "place",
    ["models/../../etc/passwd", "/etc/passwd", "models/plate", "wheels/a/b.whl", "bin/sh", "models/./model.toml", ""],
)
def test_a_path_that_leads_elsewhere_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UpdateError, match="lists files that no update has"):
        archive.pack({place: tmp_path / "file"}, tmp_path / "a.zip", name="r1", serial=1)


@pytest.mark.parametrize(
    ("name", "serial"), [("../r1", 1), ("", 1), ("r1", 0), ("r1", -4), (".part", 1), ("a" * 65, 1)]
)
def test_an_impossible_name_or_serial_is_refused(name: str, serial: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UpdateError, match="impossible"):
        archive.pack({"wheels/a.whl": tmp_path / "file"}, tmp_path / "a.zip", name=name, serial=serial)


def test_a_file_that_is_not_what_the_manifest_says_is_refused(maker: Maker, tmp_path: Path) -> None:
    made = maker.archive(1)
    manifest = checked(made, maker.keys)
    with zipfile.ZipFile(made, "w") as held:
        held.writestr("models/plate/model.toml", "another")
    with pytest.raises(UpdateError, match="is not what its manifest says"):
        archive.unpack(made, manifest, tmp_path / "out")


def test_the_same_files_make_the_same_archive(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    files = {"models/plate/model.toml": tmp_path / "file"}
    for name in ("a", "b"):
        archive.pack(files, tmp_path / name, name="r1", serial=1)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
