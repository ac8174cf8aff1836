"""A language's words: compiled, restored, and likelier than other texts."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_ocr.bundle import shipped_bundle
from edge_ocr.decode import search
from edge_ocr.errors import GrammarError
from edge_ocr.recognise import alphabet_of
from edge_ocr.types import Kind
from edge_ocr.vocabulary import WORTH, compile_vocabulary, language_grammar, languages, load_vocabulary
from export import __main__ as export

ALPHABET = " edcbaEDCBA'!("
WORDS = ["abed", "bead", "bed", "Dab", "be", "AD", "b'd"]


@pytest.fixture
def language(tmp_path: Path) -> str:
    compile_vocabulary(WORDS, tmp_path / "some.npz")
    return str(tmp_path / "some.npz")


def reads(text: str, *, sure: float) -> np.ndarray:
    """Log-probabilities (T, C) of a recogniser that reads a text, a step a character and a blank after each."""
    rows = np.full((2 * len(text), len(ALPHABET) + 1), (1 - sure) / len(ALPHABET))
    for place, character in enumerate(text):
        rows[2 * place, ALPHABET.index(character) + 1] = sure
        rows[2 * place + 1, 0] = sure
    return np.log(rows).astype(np.float32)


def likeliest(language: str, log_probs: np.ndarray) -> str:
    found = search(log_probs, language_grammar(language, ALPHABET), 16, 5)[0]
    return "".join(ALPHABET[label - 1] for label in found.labels)


def test_words_gain_in_every_case_that_they_are_written_in(language: str) -> None:
    grammar = language_grammar(language, ALPHABET)
    gains = {
        text: grammar.weight(text) for text in ("bead", "BEAD", "Bead", "dab", "DAB", "Dab", "beaD", "eda", "ab e")
    }
    listed = {"bead", "BEAD", "Bead", "dab", "DAB", "Dab"}
    assert gains == {text: WORTH * len(text) if text in listed else 0.0 for text in gains}


def test_two_letters_gain_as_a_word_and_not_as_an_abbreviation(language: str) -> None:
    grammar = language_grammar(language, ALPHABET)
    assert [grammar.weight(text) for text in ("be", "BE", "AD", "ad", "b")] == [2 * WORTH, 2 * WORTH, 0.0, 0.0, 0.0]


def test_marks_around_a_word_take_nothing_from_it_and_give_nothing(language: str) -> None:
    grammar = language_grammar(language, ALPHABET)
    texts = ("bed!", "(bed", "''BED!'!", "!bed", "bed(", "b'd", "b'd'", "be'd", "(cc!", "'!")
    assert [grammar.weight(text) for text in texts] == [3.0, 3.0, 3.0, 0.0, 0.0, 3.0, 3.0, 0.0, 0.0, 0.0]


def test_an_apostrophe_after_a_word_is_a_mark_and_so_is_the_s_behind_it(tmp_path: Path) -> None:
    compile_vocabulary(["abed", "abed's", "bad", "ca'd"], tmp_path / "some.npz")
    grammar = language_grammar(str(tmp_path / "some.npz"), "abcdesS'!")
    texts = ("abed", "abed's", "'abed'", "bad'S", "bad's!", "ca'd", "ca'", "abed'd", "abeds")
    assert [grammar.weight(text) for text in texts] == [4.0, 4.0, 4.0, 3.0, 3.0, 4.0, 0.0, 0.0, 0.0]


def test_words_one_after_the_other_gain_but_for_what_parts_them(language: str) -> None:
    grammar = language_grammar(language, ALPHABET)
    texts = ("bead dab", "bead! (abed", "bead be", "bead ccc", "bead", "ccc dab")
    assert [grammar.weight(text) for text in texts] == [3.0, 4.0, 2.0, 0.0, 4.0, 0.0]
    assert grammar.weight("bead  dab") == grammar.weight("bead ") == -math.inf


def test_a_doubtful_letter_becomes_the_one_of_a_word_and_a_clear_text_stays(language: str) -> None:
    doubt = reads("bedd", sure=0.99)
    doubt[4] = np.log(np.full(len(ALPHABET) + 1, 0.001))
    doubt[4, ALPHABET.index("d") + 1], doubt[4, ALPHABET.index("a") + 1] = np.log(0.6), np.log(0.39)
    doubt[2, ALPHABET.index("e") + 1] = np.log(0.99)
    assert likeliest(language, doubt) == "bead"
    assert likeliest(language, reads("bedd", sure=0.99)) == "bedd"


def test_what_is_read_may_be_bounded_and_words_that_cannot_be_written_then_gain_nothing(language: str) -> None:
    grammar = language_grammar(language, ALPHABET, only="abed")
    assert (grammar.weight("bead"), grammar.weight("deb")) == (4 * WORTH, 0.0)
    assert grammar.weight("BEAD") == grammar.weight("Bead") == -math.inf
    assert language_grammar(language, ALPHABET, only="c").weight("cc") == 0.0


@pytest.mark.parametrize("only", ["ABED", "abe", "bed", "dDabB", "e", ALPHABET])
def test_bounded_to_any_characters_it_gives_every_text_what_it_should(language: str, only: str) -> None:
    grammar = language_grammar(language, ALPHABET, only=only)
    forms = {form for word in WORDS if word != "AD" for form in (word, word.lower(), word.upper(), word.capitalize())}
    for text in map("".join, itertools.chain(*(itertools.product("abdeABDE", repeat=length) for length in (2, 3)))):
        told = -math.inf if set(text) - set(only) else len(text) * WORTH if text in forms else 0.0
        assert grammar.weight(text) == told, text
    log_probs = np.log(np.random.default_rng(1).dirichlet(np.ones(len(ALPHABET) + 1), 6)).astype(np.float32)
    for found in search(log_probs, grammar, 64, 5):
        assert {ALPHABET[label - 1] for label in found.labels} <= set(only)


def test_english_comes_along_and_can_be_written_by_the_recogniser_of_signs() -> None:
    alphabet = alphabet_of(shipped_bundle(Kind.SIGN, task="recognise"))
    assert languages() == ("en",)
    assert set(load_vocabulary("en").characters) <= set(alphabet)
    grammar = language_grammar("en", alphabet)
    assert [grammar.weight(text) for text in ("Street", "STREET", "street", "don't", "of")] == [6.0, 6.0, 6.0, 5.0, 2.0]
    assert [grammar.weight(text) for text in ("Wxqvk", "50", "AA")] == [0.0, 0.0, 0.0]


def test_what_is_compiled_is_what_is_restored(tmp_path: Path) -> None:
    made, found = compile_vocabulary(["été", "Straße"], tmp_path / "a.npz"), load_vocabulary(str(tmp_path / "a.npz"))
    assert made.characters == found.characters
    for name in ("lengths", "labels", "targets", "accept"):
        assert np.array_equal(getattr(made, name), getattr(found, name))
        assert getattr(made, name).dtype == getattr(found, name).dtype


@pytest.mark.parametrize(
    ("words", "name", "error", "cure"),
    [
        (["AB", "c"], "a.npz", GrammarError, "there is no word"),
        ([], "a.npz", GrammarError, "there is no word"),
        (["a" * 296], "a.npz", GrammarError, "255"),
        (["".join(map(chr, range(0x4E00, 0x4E00 + 250))), "abcdef"], "a.npz", GrammarError, "different characters"),
        (["abc"], "a.txt", GrammarError, ".npz"),
        (["abc"], "absent/a.npz", GrammarError, "cannot be written"),
    ],
)
def test_what_cannot_be_compiled_is_refused(
    tmp_path: Path, words: list[str], name: str, error: type[Exception], cure: str
) -> None:
    with pytest.raises(error, match=cure):
        compile_vocabulary(words, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_language_that_is_not_known_is_told_which_are() -> None:
    with pytest.raises(GrammarError, match=r"no language is called 'xx'; there are en, none"):
        load_vocabulary("xx")


def test_a_file_that_is_missing_or_no_vocabulary_is_named(tmp_path: Path, language: str) -> None:
    with pytest.raises(GrammarError, match=r"absent\.npz: No such file"):
        load_vocabulary(str(tmp_path / "absent.npz"))
    whole = Path(language).read_bytes()
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    place = whole.index(b"labels.npy") + 60
    bent = whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :]
    for name, content in {"text": b"abc", "empty": b"", "cut": whole[:300], "bent": bent}.items():
        (tmp_path / f"{name}.npz").write_bytes(content)
        with pytest.raises(GrammarError, match=rf"{name}\.npz: is no vocabulary"):
            load_vocabulary(str(tmp_path / f"{name}.npz"))
    np.savez(tmp_path / "other.npz", lengths=np.zeros(3))
    for name in ("array", "other"):
        with pytest.raises(GrammarError, match="is no vocabulary"):
            load_vocabulary(str(tmp_path / f"{name}.npz"))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("targets", [99] * 29),
        ("targets", [-1] * 29),
        ("labels", [0]),
        ("labels", [200] * 29),
        ("characters", "a"),
        ("accept", [False]),
        ("lengths", []),
        ("lengths", 1.0),
        ("targets", ["a"] * 29),
    ],
)
def test_arrays_that_do_not_go_together_are_refused(tmp_path: Path, language: str, name: str, values: Any) -> None:
    with np.load(language) as stored:
        arrays: dict[str, Any] = dict(stored)
    assert len(arrays["labels"]) == 29
    kind = None if isinstance(values, str | float) or values[:1] == ["a"] else arrays[name].dtype
    np.savez(tmp_path / "damaged.npz", **arrays | {name: np.array(values, kind)})
    with pytest.raises(GrammarError, match=r"damaged\.npz: is a damaged vocabulary"):
        load_vocabulary(str(tmp_path / "damaged.npz"))


def test_the_words_of_a_name_count_one_by_one(tmp_path: Path) -> None:
    compile_vocabulary(["Dead Bed", "abba"], tmp_path / "some.npz")
    grammar = language_grammar(str(tmp_path / "some.npz"), ALPHABET)
    assert [grammar.weight(text) for text in ("Bed", "dead", "BED DEAD", "Bed abba")] == [3.0, 4.0, 3.0, 3.0]


def test_words_of_other_letters_than_the_recognisers_are_refused(language: str) -> None:
    with pytest.raises(GrammarError, match="not written in the recogniser's letters"):
        language_grammar(language, " 0123")


def test_the_command_compiles_a_list_of_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "words").write_text("# trees\nbeech\nElm\n\noak\n", encoding="utf-8")
    assert export.main(["vocabulary", str(tmp_path / "words"), str(tmp_path / "trees.npz")]) == 0
    assert "states" in capsys.readouterr().out
    grammar = language_grammar(str(tmp_path / "trees.npz"), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert (grammar.weight("ELM"), grammar.weight("trees")) == (3.0, 0.0)
