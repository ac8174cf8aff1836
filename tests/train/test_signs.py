"""The sign recogniser: what is written, how it is drawn, and a training that resumes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import onnxruntime
import pytest
import torch

from edge_ocr import bundle
from export import signs
from export.master import load_master
from export.recogniser import as_input, greedy
from export.synthetic import sign_strips
from export.synthetic.sign_boards import Studio
from export.synthetic.sign_fonts import Typeface, load_typefaces
from export.synthetic.sign_strips import HEIGHT, WIDTHS
from export.synthetic.sign_texts import ALPHABET, LONGEST, Writer, readable

MODELS = Path(bundle.__file__).parent / "models"
FONTS = Path(mpl.get_data_path()) / "fonts/ttf"


@pytest.fixture(scope="module")
def studio() -> Studio:
    """Typefaces that came with a package of the environment, and a photograph of noise."""
    faces = [face for face in load_typefaces(FONTS) if face.path.name.startswith("DejaVu")]
    grain = np.random.default_rng(1).integers(0, 256, (120, 200), dtype=np.uint8)
    return Studio(faces, Writer(["Straße", "market", "été"]), [grain])


def test_texts_keep_to_the_alphabet_and_its_length() -> None:
    writer, rng = Writer(["Straße", "market", "été", "x" * 60, "日本"]), np.random.default_rng(1)
    texts = [writer(rng) for _ in range(3000)]
    assert {character for text in texts for character in text} <= set(ALPHABET)
    assert all(0 < len(text) <= LONGEST and text == " ".join(text.split()) for text in texts)
    assert any("km" in text for text in texts)
    assert any(set(text) & set("ąčęğőșž") for text in texts)


def test_the_alphabet_names_every_character_once() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET)


@pytest.mark.parametrize(("word", "kept"), [("Straße", "Straße"), ("Ḟoo", "Foo"), ("日本", ""), ("e\u0301te", "éte")])
def test_a_word_loses_marks_that_the_alphabet_lacks(word: str, kept: str) -> None:
    assert readable(word) == kept


def test_a_typeface_draws_what_it_has_and_says_what_it_has(studio: Studio) -> None:
    face = studio.typefaces[0]
    assert isinstance(face, Typeface)
    narrow, wide = face.draw("TTT"), face.draw("TTT", spread=0.5)
    assert narrow.dtype == np.uint8
    assert narrow.max() == 255
    assert wide.shape[1] > narrow.shape[1]
    assert face.draw(" ").size == 0
    assert {" ", "A", "é"} <= face.characters


def test_a_shard_is_the_same_for_the_same_arguments_and_has_room_for_its_labels(studio: Studio) -> None:
    first, again = (sign_strips.render_shard(studio, seed=1, number=2, size=120) for _ in range(2))
    assert set(first) <= set(WIDTHS)
    assert sum(len(group.strips) for group in first.values()) > 90
    for width, group in first.items():
        assert np.array_equal(group.strips, again[width].strips)
        assert np.array_equal(group.labels, again[width].labels)
        assert group.strips.shape[1:] == (HEIGHT, width)
        assert (group.labels.max(axis=1) > 0).all()
        assert all(sign_strips.fits([label for label in row if label], width) for row in group.labels.tolist())


def test_equal_neighbours_need_a_step_more() -> None:
    assert sign_strips.fits([1] * 8, 60)
    assert not sign_strips.fits([1] * 8, 56)
    assert sign_strips.fits(list(range(1, 15)), 56)


def test_lettering_can_be_told_from_its_board(studio: Studio) -> None:
    for number in range(60):
        line = studio.line(np.random.default_rng(number))
        x0, y0, x1, y1 = (round(edge) for edge in line.box)
        assert 0 <= x0 < x1 <= line.image.shape[1]
        assert 0 <= y0 < y1 <= line.image.shape[0]
        assert float(line.image[y0:y1, x0:x1].std()) > 2


def test_a_name_plate_says_its_name_clearly_and_is_cut_out_along_it(studio: Studio) -> None:
    plates = replace(studio, name_plates=True)
    for number in range(40):
        line = plates.line(np.random.default_rng(number))
        x0, y0, x1, y1 = (round(edge) for edge in line.box)
        shades = np.percentile(line.image[y0:y1, x0:x1], (1, 99))
        assert line.near
        assert shades[1] - shades[0] > 45


def test_what_is_near_is_seen_sharply_and_what_a_car_passes_is_blurred(studio: Studio) -> None:
    line = replace(studio, rings=0.0).line(np.random.default_rng(3))

    def edges(**seen: bool) -> float:
        strips = [sign_strips.see(np.random.default_rng(number), replace(line, **seen), 1.0) for number in range(80)]
        return float(np.mean([np.abs(np.diff(strip.astype(int))).mean() for strip in strips]))

    assert edges(near=True) > 1.1 * edges(passed=False) > 1.2 * edges(passed=True)


def test_a_line_that_is_drawn_wider_is_seen_alike_on_a_wider_strip(studio: Studio) -> None:
    line = replace(studio, rings=0.0).line(np.random.default_rng(3))
    for seed in range(5):
        once, twice = (sign_strips.see(np.random.default_rng(seed), line, widening) for widening in (1.0, 2.0))
        assert once.shape[1] < twice.shape[1]
        alike = np.corrcoef(once.ravel(), cv2.resize(twice, once.shape[::-1], interpolation=cv2.INTER_AREA).ravel())
        assert alike[0, 1] > 0.9


def test_what_is_near_is_cut_out_at_its_own_angle() -> None:
    turned = np.array([[10, 30], [100, 10], [104, 28], [14, 48]], np.float32)
    cut = [sign_strips._cropped(np.random.default_rng(number), turned, 5, near=True) for number in range(30)]
    angles = [np.arctan2(*(quad[1] - quad[0])[::-1]) for quad in cut]
    assert np.abs(np.median(angles) - np.arctan2(-20, 90)) < 0.03


def test_a_training_goes_on_where_it_stopped_and_stops_on_time(studio: Studio, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    sign_strips.render_shards(shards, studio, seed=1, count=1, size=600)
    recipe = signs.Recipe(shards=shards, out=tmp_path / "run", minutes=0.02, seed=1)
    path = signs.train(recipe)
    first = torch.load(path, weights_only=True)
    assert first["seen"] > 0
    signs.train(recipe)
    assert torch.load(path, weights_only=True)["spent"] == first["spent"]


def test_without_shards_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no shards"):
        next(signs.batches(tmp_path, 1))


def test_strips_of_all_widths_are_read_by_one_network() -> None:
    network = signs.make("ab").eval()
    for width in WIDTHS:
        assert network(as_input(torch.zeros(1, HEIGHT, width, dtype=torch.uint8))).shape == (1, width // 4, 3)


def test_texts_come_in_the_order_of_their_strips_whatever_their_widths() -> None:
    class Shades(torch.nn.Module):
        """Says nothing of black columns, 'a' of grey ones and 'b' of white ones."""

        def __init__(self) -> None:
            super().__init__()
            self.shades = torch.nn.Parameter(torch.tensor([-1.0, 0.0, 1.0]))

        def forward(self, strips: torch.Tensor) -> torch.Tensor:
            return -(strips.mean((1, 2)).unsqueeze(-1) - self.shades).abs()

    shades = (0, 128, 255, 128, 255, 128, 0, 255)
    strips = [
        np.full((HEIGHT, width), shade, np.uint8) for width, shade in zip((*WIDTHS, *WIDTHS), shades, strict=True)
    ]
    assert greedy(Shades(), strips, "ab") == ["", "a", "b", "a", "b", "a", "", "b"]


def test_a_training_can_begin_with_the_master_that_ships() -> None:
    master = MODELS / "sign" / "model.onnx"
    network = load_master(master, signs.make(ALPHABET))
    strip = torch.rand(1, 1, HEIGHT, WIDTHS[1]) * 2 - 1
    (expected,) = onnxruntime.InferenceSession(str(master), providers=["CPUExecutionProvider"]).run(
        None, {"strip": strip.numpy()}
    )
    with torch.no_grad():
        np.testing.assert_allclose(network(strip).numpy().reshape(expected.shape), expected, atol=1e-3)


def test_a_master_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="another size"):
        load_master(MODELS / "plate" / "model.onnx", signs.make(ALPHABET))
