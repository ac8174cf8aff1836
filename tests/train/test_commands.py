"""The training commands: what they need before hours of training, where they write, and what they tell the card."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pytest

from edge_ocr.types import Kind
from export import __main__ as export
from export import (
    detector,
    detector_commands,
    detector_packing,
    packing,
    places,
    recogniser,
    recogniser_commands,
    sign_commands,
    sign_packing,
    signs,
    sittings,
)
from export.detector import Trained
from export.detector_net import DetectorNet
from export.errors import ConversionError
from export.synthetic import sign_fonts, sign_strips, strips

if TYPE_CHECKING:
    from collections.abc import Callable

FONTS = Path(mpl.get_data_path()) / "fonts/ttf"


@pytest.fixture
def tools(tmp_path: Path) -> tuple[str, ...]:
    """Options for two Pythons that are there."""
    for name in ("converter", "tflite"):
        (tmp_path / name).touch()
    return "--converter", str(tmp_path / "converter"), "--tflite", str(tmp_path / "tflite")


def parsed(add_arguments: Callable[[argparse.ArgumentParser], None], *options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(options)


@pytest.mark.parametrize("missing", ["converter", "tflite"])
def test_an_environment_that_is_not_there_is_told_with_its_cure_before_anything_is_trained(
    missing: str, tools: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / missing).unlink()
    for command in ("plate", "sign", "plate-detector", "text-detector", "plates"):
        cache = tmp_path / "cache"
        options = ("--minutes", "1", "--data", str(tmp_path), "--cache", str(cache), *tools)
        assert export.main([command, *options]) == 1
        assert f"{missing} is not there" in (said := capsys.readouterr().err)
        assert "make .venv-" in said
        assert not cache.exists()


def test_the_comparison_with_the_other_interpreter_is_left_out_when_asked(
    tools: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "tflite").unlink()
    with pytest.raises(ConversionError, match="--without-tflite"):
        places.tools_of(parsed(places.add_arguments, "--data", ".", *tools))
    made = places.tools_of(parsed(places.add_arguments, "--data", ".", "--without-tflite", *tools))
    assert made == places.Tools(tmp_path / "converter", None)


def test_only_the_sitting_that_begins_a_training_names_what_it_began_with(tmp_path: Path) -> None:
    checkpoint, start = tmp_path / "run/checkpoint.pt", tmp_path / "plate/model.onnx"
    assert sittings.note(checkpoint, "train 5", start) == ["train 5 --start plate/model.onnx"]
    assert sittings.note(checkpoint, "train 6", None) == ["train 6"], "nothing was kept, so it begins anew"
    assert sittings.note(checkpoint, "train 5", start) == ["train 5 --start plate/model.onnx"]
    checkpoint.touch()
    assert sittings.note(checkpoint, "train 5", start) == ["train 5 --start plate/model.onnx"]
    assert sittings.note(checkpoint, "train 9", start) == ["train 5 --start plate/model.onnx", "train 9"]


def test_a_training_whose_commands_nobody_noted_says_so(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").touch()
    told = sittings.note(tmp_path / "checkpoint.pt", "train 9", tmp_path / "model.onnx")
    assert told == ["(a training that noted no commands)", "train 9"]


class Packed:
    """What a packing was asked for, in the place of one."""

    def __init__(self) -> None:
        self.given: tuple[Any, ...] = ()
        self.training: dict[str, Any] = {}

    def __call__(self, *given: object, training: dict[str, Any], **_: object) -> None:
        """Keep it."""
        self.given, self.training = given, training


def test_a_script_is_packed_beside_the_bundle_that_ships_with_the_renders_of_its_own_seed(
    tmp_path: Path, tools: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shards(cache: Path, *_: object, seed: int, count: int, **__: object) -> list[Path]:
        return [cache / f"signs-{seed}-{number:04d}.npz" for number in range(count)]

    packed = Packed()
    monkeypatch.setattr(sign_strips, "render_shards", shards)
    monkeypatch.setattr(signs, "train", lambda recipe: recipe.out / "checkpoint.pt")
    monkeypatch.setattr(sign_packing, "pack", packed)
    (tmp_path / "greek.txt").write_text("αβγ", "utf-8")
    (tmp_path / "names.txt").write_text("αβ\n", "utf-8")
    files = ("--alphabet", str(tmp_path / "greek.txt"), "--fonts", str(FONTS), "--words", str(tmp_path / "names.txt"))
    where = ("--data", str(tmp_path), "--cache", str(tmp_path / "cache"))
    args = parsed(sign_commands.add_sign, "--minutes", "3", "--seed", "2", *where, *files, *tools)
    assert sign_commands.run_sign(args) == 0
    _, recipe, out, _ = packed.given
    assert out == Path("edge_ocr/models/sign-greek")
    assert recipe.held == tmp_path / "cache/sign-greeks-held-back/signs-1000002-0000.npz"
    asked = "--minutes 3 --shards 100 --seed 2 --threads 2 --rate 0.002 --alphabet greek.txt --fonts ttf"
    assert packed.training["recipe"] == [f"python -m export sign {asked} --words names.txt"]


def test_a_plate_training_tells_its_rate_and_its_seed(
    tmp_path: Path, tools: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, measured = Packed(), []

    def train(*, out: Path, held: Path, **_: object) -> Path:
        measured.append(held)
        return out / "checkpoint.pt"

    monkeypatch.setattr(strips, "render_shards", lambda cache, **given: [cache / f"strips-{given['seed']}.npz"])
    monkeypatch.setattr(recogniser, "train", train)
    monkeypatch.setattr(packing, "pack", packed)
    where = ("--data", str(tmp_path), "--cache", str(tmp_path), "--start", "somewhere/plate/model.onnx")
    assert recogniser_commands.run_plate(parsed(recogniser_commands.add_plate, "--minutes", "3", *where, *tools)) == 0
    assert measured == [tmp_path / "held/strips-1000001.npz"] == [packed.given[1]]
    (line,) = packed.training["recipe"]
    assert "--rate 0.0015" in line
    assert line.endswith("--start plate/model.onnx")
    assert packed.training["seed"] == 1


@pytest.mark.parametrize("kind", [Kind.PLATE, Kind.SIGN])
def test_a_detector_s_card_holds_names_and_no_path_of_the_machine(
    kind: Kind, tmp_path: Path, tools: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = Packed()
    monkeypatch.setattr(sign_fonts, "fetch", lambda _folder: None)
    monkeypatch.setattr(detector, "train", lambda *_: Trained(DetectorNet(), 12))
    monkeypatch.setattr(detector_packing, "pack", packed)
    add, run = {
        Kind.PLATE: (detector_commands.add_plate_detector, detector_commands.run_plate_detector),
        Kind.SIGN: (detector_commands.add_text_detector, detector_commands.run_text_detector),
    }[kind]
    start = tmp_path / "plate-detector/model.onnx"
    where = ("--data", str(tmp_path), "--cache", str(tmp_path), "--start", str(start), "--seed", "4")
    assert run(parsed(add, "--minutes", "3", *where, *tools)) == 0
    assert str(tmp_path) not in str(packed.training)
    assert packed.training["recipe"][0].endswith("--seed 4 --start plate-detector/model.onnx")
    assert (packed.training["seed"], packed.training["scenes"]) == (4, 12)
