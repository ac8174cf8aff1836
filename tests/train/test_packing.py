"""What decides whether a model ships, how sure it is allowed to be, and what its card says of it.

The packings here take the masters that ship; instead of TensorFlow, which has an environment of its own, the int8 files
that were once made of them stand in for what the converter gives.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import flatbuffers
import matplotlib as mpl
import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema

from edge_ocr import bundle
from edge_ocr.bundle import load_bundle
from edge_ocr.detect import Detector
from edge_ocr.types import Kind
from edge_ocr.vocabulary import language_grammar
from export import (
    bundles,
    detector_packing,
    evaluate,
    evaluate_detector,
    evaluate_words,
    gates,
    packing,
    recogniser,
    sign_packing,
    signs,
)
from export.detector_data import Folders
from export.errors import ConversionError
from export.master import load_detector, load_master
from export.photographs import FOLDERS
from export.places import Tools
from export.synthetic import sign_strips, strips
from export.synthetic.faces import CHARACTERS
from export.synthetic.sign_boards import Studio
from export.synthetic.sign_fonts import load_typefaces
from export.synthetic.sign_texts import ALPHABET, Writer
from export.synthetic.strokes import stroke_face

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

MODELS = Path(bundle.__file__).parent / "models"
TOOLS = Tools(Path("python-of-tensorflow"), None)
NOTES = '[training]\nsittings = "two"\n\n[weaknesses]\nfour = "is read as L"\n'


def test_int8_may_lose_a_point_of_what_is_right_and_no_more() -> None:
    exact = {"a": (900, 0.90), "b": (100, 0.80)}
    assert gates.check_loss(exact, {"a": (900, 0.895), "b": (100, 0.76)}, of="texts") == pytest.approx(0.0085)
    with pytest.raises(ConversionError, match=r"1\.3% of texts"):
        gates.check_loss(exact, {"a": (900, 0.89), "b": (100, 0.76)}, of="texts")


@pytest.mark.parametrize("truth", [0.8, 1.25, 2.0])
def test_the_temperature_that_answers_were_made_with_is_found(truth: float) -> None:
    random = np.random.default_rng(1)
    count, classes = 3000, 5
    logits = random.normal(0, 2, (count, 1, classes)).astype(np.float32)
    probabilities = np.exp(logits[:, 0] / truth)
    probabilities /= probabilities.sum(1, keepdims=True)
    drawn = (random.random((count, 1)) < probabilities.cumsum(1)).argmax(1)
    found = packing.fit_temperature([logits], drawn[:, None].astype(np.int8))
    assert found == pytest.approx(truth, rel=0.15)


def parted(model: bytes, name: str) -> bytes:
    """The one network of a merged file that a signature names, as the converter gave it."""
    whole = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    (place,) = [each.subgraphIndex for each in whole.signatureDefs if each.signatureKey.decode() == name]
    whole.subgraphs, whole.signatureDefs = [whole.subgraphs[place]], []
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(whole.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def crops(folder: Path, labelled: Iterable[tuple[NDArray[Any], str]]) -> None:
    """A folder of labelled crops."""
    (folder / "images").mkdir(parents=True)
    rows = ["image,x,y,w,h,text"]
    for number, (image, text) in enumerate(labelled):
        cv2.imwrite(str(folder / f"images/{number}.png"), image)
        rows.append(f"{number}.png,,,,,{text}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def trained(network: torch.nn.Module, folder: Path) -> Path:
    """What a training leaves: a checkpoint and its log."""
    folder.mkdir()
    torch.save({"average": {"weights": network.state_dict()}}, folder / "checkpoint.pt")
    (folder / "log.jsonl").write_text('{"minutes": 1.5, "strips": 99, "some": 0.5}\n', "utf-8")
    return folder / "checkpoint.pt"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder with the notes and a picture of an older bundle."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / bundles.NOTES).write_text(NOTES, "utf-8")
    (folder / "training.svg").write_text("of an older training", "utf-8")
    return folder


def card_of(folder: Path) -> dict[str, Any]:
    """What a card says, with what no measurement can confirm checked and taken off."""
    card = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    assert card["weaknesses"] == {"four": "is read as L"}
    assert card["licence"]
    return card


@pytest.fixture
def sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, signs.Recipe]:
    """The sign recogniser that ships as a checkpoint, with renders and blurred crops to measure it on."""
    faces = [face for face in load_typefaces(Path(mpl.get_data_path()) / "fonts/ttf") if "DejaVuSans" in face.path.name]
    grain = np.random.default_rng(1).integers(0, 256, (120, 200), dtype=np.uint8)
    studio = Studio(faces, Writer(["Straße", "market", "harbour"]), [grain])
    sign_strips.render_shards(tmp_path / "shards", studio, seed=1, count=1, size=120)
    sign_strips.render_shards(tmp_path / "apart", studio, seed=99, count=1, size=40)  # of another training
    (held,) = sign_strips.render_shards(tmp_path / "apart", studio, seed=2, count=1, size=60)
    group = sign_strips.load_shard(held)[sign_strips.WIDTHS[1]]
    texts = ["".join(ALPHABET[number - 1] for number in row if number) for row in group.labels.tolist()]
    pairs = [
        (cv2.GaussianBlur(one, (0, 0), 1.5), text)
        for one, text in zip(group.strips, texts, strict=True)
        if text.isalnum()
    ]
    crops(tmp_path / "data" / signs.FOLDERS[0], pairs[:8])
    shipped = (MODELS / "sign/model.tflite").read_bytes()
    monkeypatch.setattr(
        sign_packing,
        "convert_apart",
        lambda _python, source, _images, made: made.write_bytes(parted(shipped, f"width{source.stem}")),
    )
    monkeypatch.setattr(sign_packing, "_TEMPERATURES", np.array([0.5, 2.5]))  # either changes what is in doubt
    checkpoint = trained(load_master(MODELS / "sign/model.onnx", signs.make(ALPHABET)), tmp_path / "run")
    recipe = signs.Recipe(
        tmp_path / "shards", checkpoint.parent, 1.5, seed=7, data=tmp_path / "data", held=held, language="en"
    )
    return checkpoint, recipe


def test_a_sign_card_says_what_is_measured_of_the_written_bundle(sign: tuple[Path, signs.Recipe], target: Path) -> None:
    checkpoint, recipe = sign
    sign_packing.pack(checkpoint, recipe, target, TOOLS, training={"recipe": "some"})
    card, written = card_of(target), load_bundle(target, task="recognise")
    assert card["training"] == {"sittings": "two", "seed": 7, "minutes": 1.5, "strips": 99, "recipe": "some"}
    assert recipe.data is not None
    name = signs.FOLDERS[0]
    grammar = language_grammar("en", ALPHABET)
    looks = evaluate_words.look(written, recipe.data / name, grammar)
    assert sum(len(item.log_probs) > 1 for item in looks) > 0, "nothing is in doubt, so this test says nothing"
    fresh = evaluate_words.evaluate(looks, ALPHABET, name=name, grammar=grammar)
    told = card["accuracy"][name]
    assert written.settings["language"] == "en"
    assert told["crops"] == fresh.free.count
    assert (told["as_it_ships"], told["of_50_words"]) == (round(fresh.free.exact, 4), round(fresh.lexicon.exact, 4))
    anything = evaluate_words.evaluate(evaluate_words.look(written, recipe.data / name), ALPHABET, name=name)
    assert told["any_text"] == round(anything.free.exact, 4)
    assert told["calibration_error"] == round(fresh.calibration.error, 4)
    assert {group: told[group] for group in fresh.groups} == {
        group: [count, round(share, 4)] for group, (count, share) in fresh.groups.items()
    }
    assert recipe.held is not None
    renders = evaluate_words.look_at_renders(written, recipe.held)
    assert card["accuracy"]["held_back_renders"] == {
        "crops": len(renders),
        "exact": round(evaluate_words.exact(renders, ALPHABET), 4),
    }
    assert card["accuracy"]["lost_to_int8"] <= 0.01
    assert name in (target / "reliability.svg").read_text("utf-8")
    assert (target / "training.svg").read_text("utf-8") != "of an older training"


def test_a_script_without_photographs_is_measured_on_renders_and_leaves_no_picture_of_before(
    sign: tuple[Path, signs.Recipe], target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "_LOSS_LIMIT", 0.1)  # of so few texts one alone is a point
    checkpoint, recipe = sign
    assert recipe.held is not None
    folder = recipe.held.parent  # scripts may name a folder, and mean all of it
    apart = signs.Recipe(recipe.shards, recipe.out, 1.5, seed=7, held=folder)
    sign_packing.pack(checkpoint, apart, target, TOOLS, training={}, licence={"weights": "mine"})
    accuracy = card_of(target)["accuracy"]
    written = load_bundle(target, task="recognise")
    assert accuracy["held_back_renders"]["crops"] == len(sign_packing.looks_at_renders(written, folder)) > 90
    assert not (target / "training.svg").exists()
    assert "held_back_renders" in (target / "reliability.svg").read_text("utf-8")


def test_signs_that_int8_misreads_do_not_ship(
    sign: tuple[Path, signs.Recipe], target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, recipe = sign
    monkeypatch.setattr(sign_packing, "_greedy_of", lambda _parts, strips, _alphabet: [""] * len(strips))
    with pytest.raises(ConversionError, match="of exact texts"):
        sign_packing.pack(checkpoint, recipe, target, TOOLS, training={})
    assert not (target / "model.toml").exists()


@pytest.fixture
def plate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The plate recogniser that ships as a checkpoint, and a shard of renders; each development folder has some."""
    faces = [stroke_face(np.random.default_rng(seed)) for seed in range(4)]
    shard = strips.render_shard(faces, [], seed=1, number=0, size=600)
    held = tmp_path / "strips-1-0000.npz"
    np.savez(held, strips=shard.strips, labels=shard.labels)
    texts = ["".join(CHARACTERS[number - 1] for number in row if number) for row in shard.labels.tolist()]
    pairs = list(zip(shard.strips, texts, strict=True))
    for number, folder in enumerate(FOLDERS):
        start = 100 * number  # enough that one of them more or less is below the gate's point
        few = [(image, "x" * folder.skip + text) for image, text in pairs[start : start + 100]]
        crops(tmp_path / "data" / folder.name, few)
    crops(tmp_path / "data/plates_tn_train_crops", pairs[:20])
    monkeypatch.setattr(
        packing,
        "convert_apart",
        lambda _python, _source, _images, made: shutil.copyfile(MODELS / "plate/model.tflite", made),
    )
    return trained(load_master(MODELS / "plate/model.onnx", recogniser.make()), tmp_path / "run"), held


def test_a_plate_card_says_what_is_measured_of_the_written_bundle(
    plate: tuple[Path, Path], target: Path, tmp_path: Path
) -> None:
    checkpoint, held = plate
    packing.pack(checkpoint, held, tmp_path / "data", target, TOOLS, training={"recipe": "some", "sittings": "one"})
    card, written = card_of(target), load_bundle(target, task="recognise")
    assert card["training"] == {"sittings": "one", "minutes": 1.5, "strips": 99, "recipe": "some"}
    for folder in FOLDERS:
        fresh, told = evaluate.evaluate(written, tmp_path / "data", folder), card["accuracy"][folder.name]
        assert told["crops"] == fresh.greedy.count
        assert (told["greedy"], told["with_formats"]) == (
            round(fresh.greedy.exact, 4),
            round(fresh.constrained.exact, 4),
        )
        assert told["calibration_error"] == round(fresh.calibration.error, 4)
        assert {group: told[group] for group in fresh.groups()} == {
            group: [count, round(share, 4)] for group, (count, share) in fresh.groups().items()
        }
    assert card["accuracy"]["lost_to_int8"] <= 0.01


@pytest.mark.parametrize(("kind", "name"), [(Kind.PLATE, "plate-detector"), (Kind.SIGN, "text-detector")])
def test_a_detector_card_says_what_is_measured_of_the_written_bundle(
    kind: Kind, name: str, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, rng = tmp_path / "data", np.random.default_rng(1)
    for folder in (*evaluate_detector.labelled(kind), *evaluate_detector.EMPTY):
        (data / folder / "images").mkdir(parents=True)
        picture = rng.integers(90, 110, (240, 400, 3), dtype=np.uint8)
        cv2.rectangle(picture, (120, 100), (279, 139), (255, 255, 255), -1)
        cv2.putText(picture, "AB 1234", (128, 131), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (0, 0, 0), 3)
        cv2.imwrite(str(data / folder / "images/0075.png"), picture)
        if folder not in evaluate_detector.EMPTY:
            (data / folder / "labels.csv").write_text("image,x,y,w,h,text\n0075.png,120,100,160,40,AB1234\n", "utf-8")
    width, height = detector_packing.input_size(kind)
    images = rng.uniform(-1, 1, (10, 1, height, width)).astype(np.float32)
    monkeypatch.setattr(detector_packing, "calibration", lambda *_args, **_kwargs: images)
    monkeypatch.setattr(detector_packing, "_PARITY", 9.0)  # noise is no picture that int8 was calibrated for
    asked: list[str] = []

    def convert(_python: Path, _source: Path, _images: object, made: Path, kind: str = "int8") -> None:
        asked.append(kind)
        shutil.copyfile(MODELS / name / "model.tflite", made)

    monkeypatch.setattr(detector_packing, "convert_apart", convert)
    net = load_detector(MODELS / name / "model.onnx")
    detector_packing.pack(kind, net, Folders(data, tmp_path), target, TOOLS, training={"recipe": "some"})
    assert asked == ["int8", "float32"]
    card, written = card_of(target), load_bundle(target, task="detect")
    assert card["training"] == {"recipe": "some", "sittings": "two"}
    fresh = evaluate_detector.accuracy(Detector(written), kind, data)
    assert {folder: card["accuracy"][folder] for folder in fresh} == fresh
    first = fresh[evaluate_detector.labelled(kind)[0]]
    assert {"precision", "recall", "width_from_160"} <= set(first)
    assert card["accuracy"]["int8"]["lost_recall"] == 0.0
    assert (target / "model.onnx").is_file()
    assert not (target / "training.svg").exists()


def test_notes_that_are_no_part_of_a_card_are_refused(target: Path) -> None:
    (target / bundles.NOTES).write_text("[accuracy]\nmine = 1.0\n", "utf-8")
    with pytest.raises(ValueError, match="'accuracy'"):
        bundles.card_of(target, training={}, accuracy={}, licence={})


def test_notes_say_whose_a_script_is(target: Path) -> None:
    (target / bundles.NOTES).write_text('[licence]\nweights = "Apache-2.0"\n', "utf-8")
    licence = {"weights": "of whoever trained them", "fonts": "drawn"}
    card = bundles.card_of(target, training={}, accuracy={}, licence=licence)
    assert card["licence"] == {"weights": "Apache-2.0", "fonts": "drawn"}


@pytest.mark.parametrize("card", sorted(MODELS.glob("*/model.toml")), ids=lambda path: path.parent.name)
def test_every_bundle_that_ships_says_its_weaknesses_and_those_of_its_notes(card: Path) -> None:
    notes = tomllib.loads((card.parent / bundles.NOTES).read_text("utf-8"))
    assert set(notes) <= {"training", "weaknesses", "licence"}
    assert tomllib.loads(card.read_text("utf-8"))["weaknesses"] == notes["weaknesses"]
