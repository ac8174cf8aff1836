"""Bundles are taken whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from edge_ocr.bundle import FORMAT, load_bundle, named_bundle, shipped_bundle
from edge_ocr.errors import BundleError
from edge_ocr.types import Kind

TINY = Path(__file__).parents[1] / "data/bundles/tiny"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tiny bundle, to be damaged."""
    return Path(shutil.copytree(TINY, tmp_path / "mine"))


def edit(folder: Path, old: str, new: str) -> None:
    """Replace a part of model.toml that is there."""
    card = (folder / "model.toml").read_text("utf-8")
    assert old in card
    (folder / "model.toml").write_text(card.replace(old, new), "utf-8")


def test_a_bundle_is_its_card_its_settings_and_the_bytes_of_its_model(folder: Path) -> None:
    bundle = load_bundle(folder, task="recognise")
    assert (bundle.name, bundle.task, bundle.kind) == ("mine", "recognise", Kind.PLATE)
    assert bundle.model == (TINY / "model.tflite").read_bytes()
    assert bundle.card["format"] == FORMAT
    assert bundle.settings is bundle.card["recognise"]
    assert (bundle.settings["height"], bundle.settings["width"]) == (8, 32)


def test_a_model_with_one_bit_turned_is_refused(folder: Path) -> None:
    model = bytearray((folder / "model.tflite").read_bytes())
    model[len(model) // 2] ^= 1
    (folder / "model.tflite").write_bytes(model)
    with pytest.raises(BundleError, match=r"model\.tflite: does not match the sha256"):
        load_bundle(folder, task="recognise")


@pytest.mark.parametrize("model", [b"", b"TFL3"])
def test_a_model_that_was_cut_off_is_refused_before_any_interpreter_sees_it(folder: Path, model: bytes) -> None:
    (folder / "model.tflite").write_bytes(model)
    with pytest.raises(BundleError, match="sha256"):
        load_bundle(folder, task="recognise")


def test_another_model_with_its_own_sum_is_taken(folder: Path) -> None:
    before = load_bundle(folder, task="recognise").card["model"]["sha256"]
    (folder / "model.tflite").write_bytes(b"another")
    edit(folder, before, hashlib.sha256(b"another").hexdigest())
    assert load_bundle(folder, task="recognise").model == b"another"


@pytest.mark.parametrize(("said", "shown"), [("format = 2", "2"), ('format = "1"', "'1'"), ("", "None")])
def test_another_version_of_the_card_is_refused(folder: Path, said: str, shown: str) -> None:
    edit(folder, "format = 1", said)
    with pytest.raises(BundleError, match=f"format is {shown}, but 1 is needed"):
        load_bundle(folder, task="recognise")


def test_a_bundle_for_another_task_is_refused_whatever_tables_it_has(folder: Path) -> None:
    with (folder / "model.toml").open("a", encoding="utf-8") as card:
        card.write("\n[detect]\nthreshold = 0.5\n")
    with pytest.raises(BundleError, match="task is 'recognise', but 'detect' is needed"):
        load_bundle(folder, task="detect")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('kind = "plate"', 'kind = "car"', "'car' is not a valid Kind"),
        ('kind = "plate"', "", "'kind' is missing"),
        ("sha256", "md5", "'sha256' is missing"),
        ("[model]", "[models]", "'model' is missing"),
        ("[recognise]", "[recognize]", "'recognise' is missing"),
    ],
)
def test_what_a_card_lacks_is_named(folder: Path, old: str, new: str, what: str) -> None:
    edit(folder, old, new)
    with pytest.raises(BundleError, match=what) as caught:
        load_bundle(folder, task="recognise")
    assert "model.toml" in str(caught.value)


@pytest.mark.parametrize("card", [b"format = ", b"format = 1\nformat = 1\n", b"name = '\xff'"])
def test_a_card_that_is_no_toml_is_an_error_of_the_family_that_names_the_file(folder: Path, card: bytes) -> None:
    (folder / "model.toml").write_bytes(card)
    with pytest.raises(BundleError, match=r"mine/model\.toml: is not valid TOML"):
        load_bundle(folder, task="recognise")


@pytest.mark.parametrize("name", ["model.toml", "model.tflite"])
def test_a_file_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=rf"mine/{name}: cannot be read \(No such file or directory\)"):
        load_bundle(folder, task="recognise")


@pytest.mark.parametrize("task", ["recognise", "detect"])
def test_what_reads_plates_comes_with_the_package(task: str) -> None:
    bundle = shipped_bundle(Kind.PLATE, task=task)
    assert (bundle.task, bundle.kind) == (task, Kind.PLATE)


@pytest.mark.parametrize("task", ["recognise", "detect"])
def test_a_kind_that_did_not_come_with_the_package_is_an_error_of_one_line(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("plate", "plate-detector"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr("edge_ocr.bundle._SHIPPED", tmp_path)
    with pytest.raises(BundleError) as caught:
        shipped_bundle(Kind.DIGITS, task=task)
    assert "digits" in str(caught.value)
    assert "plate" in str(caught.value), "it says what there is"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("task", "folder"), [("recognise", "sign"), ("detect", "text-detector")])
@pytest.mark.parametrize("kind", [Kind.SIGN, Kind.WORD, Kind.DIGITS])
def test_signs_words_and_digits_share_their_bundles(
    kind: Kind, task: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = (TINY / "model.toml").read_text("utf-8").replace('kind = "plate"', 'kind = "sign"')
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "model.tflite").write_bytes((TINY / "model.tflite").read_bytes())
    (tmp_path / folder / "model.toml").write_text(
        card.replace('task = "recognise"', f'task = "{task}"').replace("[recognise]", f"[{task}]"), encoding="utf-8"
    )
    monkeypatch.setenv("EDGE_OCR_MODELS", str(tmp_path))
    bundle = shipped_bundle(kind, task=task)
    assert (bundle.name, bundle.serves(kind), bundle.serves(Kind.PLATE)) == (folder, True, False)


def test_a_bundle_is_found_by_its_folder_or_by_the_name_of_one_that_came_along(folder: Path) -> None:
    assert named_bundle(str(folder), task="recognise").name == "mine"
    assert named_bundle("sign", task="recognise").serves(Kind.WORD)


@pytest.mark.parametrize("name", ["sign-klingon", "", "no/such/folder"])
def test_a_bundle_that_is_nowhere_is_an_error_that_says_which_there_are(name: str) -> None:
    with pytest.raises(BundleError, match=rf"^{name}: no such bundle.*: plate, sign(, sign-\w+)*$"):
        named_bundle(name, task="recognise")
