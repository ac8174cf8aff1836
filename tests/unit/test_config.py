"""Settings: defaults, the shipped files, and an error with a cure for everything that can be wrong."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ocr.config import Settings, load, parse
from edge_ocr.errors import ConfigError
from edge_ocr.tables import CameraSettings, RecoverySettings
from edge_ocr.types import Kind

_SHIPPED = sorted((Path(__file__).parents[2] / "firmware_configs").glob("*.toml"))


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("")
    assert load(tmp_path / "a.toml") == Settings()


def test_what_the_file_says_replaces_the_default_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('kind = "sign"\nregions = ["nl", "de"]\n[vote]\nmin_confidence = 1\n')
    settings = load(tmp_path / "a.toml")
    assert (settings.kind, settings.regions, settings.vote.min_confidence) == (Kind.SIGN, ("nl", "de"), 1.0)
    assert settings.track == Settings().track
    assert settings.vote.min_reads == Settings().vote.min_reads


def test_a_store_folder_becomes_a_path() -> None:
    assert parse({"store": {"folder": "x/y"}}, origin="test").store.folder == Path("x/y")


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse({"store": {"folder": "~/x"}}, origin="test").store.folder == tmp_path / "x"
    with pytest.raises(
        ConfigError, match=r"test: store\.folder is '~nobody-here/x', whose home folder is not known; w"
    ):
        parse({"store": {"folder": "~nobody-here/x"}}, origin="test")


def test_none_from_python_means_the_default_of_optional_keys() -> None:
    tables = {"regions": None, "detect": {"threshold": None}, "store": {"folder": None}}
    assert parse(tables, origin="test") == Settings()


@pytest.mark.parametrize("path", _SHIPPED, ids=lambda path: path.name)
def test_every_shipped_file_loads(path: Path) -> None:
    assert isinstance(load(path), Settings)


def test_the_three_jobs_and_the_reference_ship() -> None:
    names = {path.name for path in _SHIPPED}
    assert {"edge-ocr.toml", "embedded-camera.toml", "parking-lot.toml", "offline-kiosk.toml"} <= names


def test_the_reference_file_shows_every_key_and_states_the_true_defaults() -> None:
    path = next(path for path in _SHIPPED if path.name == "edge-ocr.toml")
    assert load(path) == Settings()
    uncommented = "\n".join(
        line.removeprefix("# ") if " = " in line or line.startswith("# [") else line
        for line in path.read_text().splitlines()
    )
    assert _keys(tomllib.loads(uncommented)) == _keys(asdict(Settings(camera=(CameraSettings(),))))


def _keys(table: dict[str, Any]) -> set[str]:
    tables = {key: value[0] if isinstance(value, list | tuple) and value else value for key, value in table.items()}
    tables = {key: value for key, value in tables.items() if isinstance(value, dict)}
    nested = {f"{key}.{inner}" for key, value in tables.items() for inner in _keys(value)}
    return nested | (table.keys() - tables.keys())


def test_a_file_may_have_several_cameras_each_with_its_own_recovery(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        '[[camera]]\nname = "in"\nsource = "picamera2://0"\n[camera.recovery]\nrestarts = 3\n'
        '[[camera]]\nname = "out"\nsource = "rtsp://10.0.0.2/1"\n'
    )
    cameras = load(path).camera
    assert [(camera.name, camera.source) for camera in cameras] == [
        ("in", "picamera2://0"),
        ("out", "rtsp://10.0.0.2/1"),
    ]
    assert [camera.recovery.restarts for camera in cameras] == [3, RecoverySettings().restarts]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kindd = 'plate'", "{path}: kindd is unknown; did you mean 'kind'?"),
        ("[vote]\nmin_confidense = 1", "{path}: vote.min_confidense is unknown; did you mean 'min_confidence'?"),
        ("[store.crops]\nzzz = 1", "{path}: store.crops.zzz is unknown; known are: days, most, mb"),
        ("kind = 'plates'", "{path}: kind is 'plates', which is unknown; did you mean 'plate'?"),
        ("kind = ['plate']", "{path}: kind is ['plate'], which is unknown; did you mean 'plate'?"),
        ("vote = 3", "{path}: vote is 3, but must be a table; write it as [vote]"),
        (
            "[vote]\nmin_confidence = 1.5",
            "{path}: vote.min_confidence is 1.5, which is out of range; give one from 0 to 1",
        ),
        (
            "[vote]\nmin_confidence = nan",
            "{path}: vote.min_confidence is nan, which is out of range; give one from 0 to 1",
        ),
        (
            "[vote]\nmin_confidence = true",
            "{path}: vote.min_confidence is True, but must be a number; give one from 0 to 1",
        ),
        (
            "[vote]\nmin_reads = 2.5",
            "{path}: vote.min_reads is 2.5, but must be a whole number; give one from 1 to 1000",
        ),
        ("[vote]\nmin_reads = 0", "{path}: vote.min_reads is 0, which is out of range; give one from 1 to 1000"),
        ("[track]\nkeep = 'all'", "{path}: track.keep is 'all', but must be a number; give one from 1 to 1000"),
        ("regions = 'eu'", '{path}: regions is \'eu\', but must be a list of names; write it as ["us", "eu"]'),
        ("regions = [1]", '{path}: regions is [1], but must be a list of names; write it as ["us", "eu"]'),
        (
            "regions = []",
            "{path}: regions is empty, so that nothing could be read; name at least one, or leave the key out",
        ),
        ("[camera]\nname = 'a'", "{path}: camera is {{'name': 'a'}}, but must be an array of tables; write [[camera]]"),
        ("[[camera]]", "{path}: camera[0].source is missing; name a camera, such as 'picamera2://0', '/dev/video0' or"),
        ("[[camera]]\nnam = 'a'", "{path}: camera[0].nam is unknown; did you mean 'name'?"),
        (
            "[[camera]]\nname = 'a b'\nsource = 'x'",
            "{path}: camera[0].name is 'a b'; give letters, digits, '-' and '_'",
        ),
        ("[[camera]]\nsource = 'x'\nrotate = 45", "{path}: camera[0].rotate is 45; give 0, 90, 180 or 270"),
        ("[[camera]]\nsource = 'x'\nwidth = 640", "{path}: camera[0].width is given without its height, or the other"),
        ("[[camera]]\nsource = 'x'\npassword_file = 'p'", "{path}: camera[0].username is missing, but camera[0].passw"),
        (
            "[[camera]]\nsource = 'x'\n[camera.recovery]\npause_seconds = 9",
            "{path}: camera[0].recovery.pause_seconds is more than pause_most_seconds; give a smaller number",
        ),
        (
            "[[camera]]\nsource = 'x'\n[[camera]]\nsource = 'y'",
            "{path}: camera[1].name is 'camera', as that of another camera; give each its own",
        ),
        ("[store]\nfolder = ''", "{path}: store.folder is '', but must be a folder; write it as \"/var/lib/edge-ocr\""),
    ],
)
def test_a_wrong_value_is_told_with_file_key_and_cure(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(message.format(path=path))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read \(No such file or directory\); name a"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"kind = plate", r"is not valid TOML: .*line 1, column 8\); correct it there"),
        (b"kind = '\xff'", r"is not UTF-8 \(byte 8\)"),
        (b"a = " + b"[" * 100_000, "is not valid TOML"),
        (b"a = " + b"9" * 10_000, "is not valid TOML"),
    ],
    ids=["syntax", "encoding", "nesting", "digits"],
)
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.toml").write_bytes(data)
    with pytest.raises(ConfigError, match=message):
        load(tmp_path / "a.toml")


@pytest.mark.parametrize("text", [None, "kind = ", "kind = 'car'", "[store]\nzzz = 1"])
def test_a_file_name_of_two_lines_does_not_make_two_of_the_error(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "two\nlines.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert "two\\nlines.toml: " in str(caught.value)
    assert "\n" not in str(caught.value)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
)
_TABLES = st.sampled_from([key for key, value in vars(Settings).items() if not key.startswith("_")])


@given(st.dictionaries(st.one_of(_TABLES, st.text(max_size=20)), _VALUES, max_size=4))
def test_anything_else_gives_settings_or_a_one_line_error(tables: dict[str, Any]) -> None:
    message = "test: "
    try:
        assert is_dataclass(parse(tables, origin="test"))
    except ConfigError as error:
        message = str(error)
    assert len(message.splitlines()) == 1
    assert message.startswith("test: ")
    assert len(message) < 400
