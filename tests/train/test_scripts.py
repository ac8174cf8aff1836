"""Scripts by recipe: alphabets, texts in logical order, typefaces, and a small training from file to renders."""

from __future__ import annotations

import argparse
import unicodedata
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch

import export
from edge_ocr.words import spelt
from export import sign_commands, signs
from export.synthetic import sign_strips
from export.synthetic.scripts import Alphabet, ScriptWriter, load_alphabet, load_names
from export.synthetic.sign_fonts import load_script_typefaces

FONTS = Path(mpl.get_data_path()) / "fonts/ttf"
SHIPPED = Path(export.__file__).parent / "alphabets"
GREEK = " αβγδεηικλμνορστυωάέ0123456789"  # noqa: RUF001 - Greek it is
MARKED = " αεο\u0301"


def written(alphabet: str, words: tuple[str, ...] = (), count: int = 300) -> list[str]:
    writer, rng = ScriptWriter(Alphabet(alphabet), words), np.random.default_rng(1)
    return [writer(rng) for _ in range(count)]


@pytest.mark.parametrize(
    ("name", "holds", "count"), [("devanagari", "क्ि", 96), ("hangul", "\u1100", 84), ("chinese", "路", 3772)]
)
def test_alphabets_that_come_along_hold_their_letters(name: str, holds: str, count: int) -> None:
    alphabet = load_alphabet(SHIPPED / f"{name}.txt")
    assert set(holds) <= set(alphabet.characters)
    assert len(alphabet.characters) == len(set(alphabet.characters)) == count
    assert alphabet.characters[0] == " "
    assert alphabet.digits


def test_line_breaks_of_an_alphabet_and_what_it_repeats_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text("\ufeffba\nab c\r\n", encoding="utf-8")
    assert load_alphabet(path).characters == " bac"


@pytest.mark.parametrize(("characters", "says"), [("אבג", "right to left"), (".,-", "no letter or digit")])
def test_an_alphabet_that_cannot_be_read_is_refused(characters: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text(characters, encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        load_alphabet(path)


def test_words_of_a_spelling_dictionary_come_without_its_flags(tmp_path: Path) -> None:
    path = tmp_path / "hi.dic"
    path.write_text("15990\nसड़क/AB\nमार्ग\n\n", encoding="utf-8")
    assert load_names(path) == ["सड़क", "मार्ग"]


def test_syllables_of_hangul_are_spelt_by_their_letters_and_put_together_again() -> None:
    alphabet = load_alphabet(SHIPPED / "hangul.txt")
    spelling = spelt("서울 56", frozenset(alphabet.characters))
    assert len(spelling) == 2 + 3 + 3
    assert unicodedata.normalize("NFC", spelling) == "서울 56"
    assert spelt("서울 Seoul", frozenset(alphabet.characters)) == ""
    texts = written(alphabet.characters)
    assert all(0xAC00 <= ord(c) <= 0xD7A3 or c in " 0123456789" for text in texts for c in text)


def test_marks_follow_the_letters_that_they_are_read_with() -> None:
    alphabet = load_alphabet(SHIPPED / "devanagari.txt")
    texts = written(alphabet.characters)
    assert all(text[0] not in alphabet.marks for text in texts)
    assert any(set(text) & set(alphabet.marks) for text in texts)


def test_lines_of_scripts_with_marks_are_drawn_wider() -> None:
    alphabets = {"devanagari": 2.0, "hangul": 1.0, "chinese": 1.0}
    assert {name: load_alphabet(SHIPPED / f"{name}.txt").widening for name in alphabets} == alphabets


def test_letters_of_made_up_words_carry_mostly_marks_that_listed_words_have() -> None:
    alphabet = " कखअिी"
    texts = "".join(written(alphabet, ("कि", "खी अ"))).replace(" ", "")
    pairs = [a + b for a, b in pairwise(texts) if b in "िी"]
    unlisted = sum(pair not in {"कि", "खी"} for pair in pairs)
    assert 0 < unlisted < 0.1 * len(pairs), "the others are seen too, but seldom"


def test_syllables_of_made_up_words_are_mostly_those_of_listed_ones() -> None:
    texts = "".join(written(load_alphabet(SHIPPED / "hangul.txt").characters, ("서울", "종로"))).replace(" ", "")
    syllables = [c for c in texts if 0xAC00 <= ord(c) <= 0xD7A3]
    unlisted = sum(c not in "서울종로" for c in syllables)
    assert 0 < unlisted < 0.1 * len(syllables)


def test_a_number_has_digits_of_one_kind() -> None:
    alphabet = Alphabet(" ab१२३123")
    assert alphabet.digits == ("१२३", "123")
    numbers = [word for text in written(alphabet.characters) for word in text.split() if set(word) & set("१२३123")]
    assert all(set(number) <= set(kind) for number in numbers for kind in alphabet.digits if number[0] in kind)
    assert {kind for kind in alphabet.digits for number in numbers if number[0] in kind} == set(alphabet.digits)


def test_listed_words_are_written_unless_the_alphabet_lacks_a_letter() -> None:
    words = {word for text in written(GREEK, ("μάλλον", "street")) for word in text.split()}
    assert "μάλλον" in words
    assert "street" not in words


def test_typefaces_are_those_that_can_draw_the_texts() -> None:
    faces = load_script_typefaces(FONTS, ["άλφα", "έτος"], shaped=False)
    assert faces
    assert all({"ά", "ε"} <= face.characters for face in faces)
    assert load_script_typefaces(FONTS, ["서울"], shaped=False) == []


def test_shaped_letters_stand_where_their_script_puts_them() -> None:
    face = next(
        face for face in load_script_typefaces(FONTS, ["e\u0301"], shaped=True) if "DejaVuSans." in face.path.name
    )
    plain, marked = face.draw("e", spread=0.4), face.draw("e\u0301", spread=0.4)
    assert marked.shape[0] > plain.shape[0], "the accent is above the letter"
    assert marked.shape[1] < 1.3 * plain.shape[1], "and not beside it"


def recipe_of(tmp_path: Path, characters: str) -> argparse.Namespace:
    path = tmp_path / "greek.txt"
    path.write_text(characters, encoding="utf-8")
    return argparse.Namespace(
        alphabet=path, fonts=FONTS, words=None, data=tmp_path, cache=tmp_path / "cache", seed=1, shards=1, minutes=0.02
    )


def test_a_script_is_trained_from_a_file_of_letters_and_a_folder_of_typefaces(tmp_path: Path) -> None:
    studio, characters = sign_commands._studio(recipe_of(tmp_path, MARKED.strip()))
    sign_strips.render_shards(tmp_path / "shards", studio, seed=1, count=1, size=600, alphabet=characters)
    shards = sign_strips.load_shard(tmp_path / "shards/signs-1-0000.npz")
    used = {int(label) for group in shards.values() for label in np.unique(group.labels)}
    assert used == {0, *range(2, len(characters) + 1)}, "each letter is seen, and the accent; no word, so no space"
    recipe = signs.Recipe(shards=tmp_path / "shards", out=tmp_path / "run", minutes=0.02, seed=1, alphabet=characters)
    assert torch.load(signs.train(recipe), weights_only=True)["seen"] > 0


def test_many_characters_get_a_larger_state() -> None:
    few, many = signs.make("ab"), signs.make("".join(map(chr, range(0x4E00, 0x4E00 + 1200))))
    assert many.recurrence.hidden_size > few.recurrence.hidden_size


def test_an_alphabet_without_typefaces_is_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = recipe_of(tmp_path, "ab")
    args.fonts = None
    assert sign_commands.run_sign(args) == 2
    assert "--fonts" in capsys.readouterr().out


def test_a_folder_without_suitable_typefaces_is_named(tmp_path: Path) -> None:
    args = recipe_of(tmp_path, "서울")
    with pytest.raises(ValueError, match="no typeface"):
        sign_commands._studio(args)
