"""A language's words: texts that are likelier than others, before anybody looks.

A listed word gains :data:`WORTH` nats for each of its characters, in lower case, in capitals, with an initial and as it
is listed, with quotation marks, brackets and stops around it; any other text stays as likely as the recogniser has it.
So a word in doubt becomes the word that it resembles, and so does a name, unless it is seen the more clearly the longer
it is. docs/design/words.md has the measurements.

A vocabulary is compiled in advance (``python -m export vocabulary``), because that takes a second and a start has none.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr.errors import GrammarError, printable
from edge_ocr.grammar import Grammar, word_grammar
from edge_ocr.types import Automaton
from edge_ocr.words import open_grammar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

WORTH = 1.0
"""Nats that each character of a listed word gains. A letter tells 1 to 3 less in a word than by itself (Shannon,
'Prediction and entropy of printed English', 1951); the least of it, because names and brands are on no list."""

NONE = "none"
"""In the place of a language: no text is likelier than another."""

SUFFIX = ".npz"

_TYPES = {"lengths": np.uint8, "labels": np.uint8, "targets": np.int32, "accept": np.bool_}
_FOLDER = Path(__file__).parent / "vocabularies"
_SHORTEST = 3  # letters of whatever is listed; shorter, words alone: half of all pairs of capitals stand for something
_BEFORE, _AFTER, _BETWEEN, _OWNER = "\"'(", '").,:;!?', " -/", "sS"
_PARTED = 4.0  # nats that each between two words costs, about what the next word gains: names must not fall apart


@dataclass(frozen=True, slots=True)
class _Marks:
    """Classes of what may stand before a word, after it, and between two; and of an apostrophe and the s after it."""

    before: list[int]
    after: list[int]
    between: list[int]
    owner: list[int]
    apostrophe: int


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Words as a minimal acceptor; state 0 is the start.

    Attributes:
        characters: that words are made of; label ``i`` is the ``i``-th.
        lengths: uint8, (states,), how many edges leave each state.
        labels: uint8, (edges,), ascending for each state.
        targets: int32, (edges,), states.
        accept: bool, (states,), whether a word ends there.

    """

    characters: str
    lengths: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    targets: NDArray[np.int32]
    accept: NDArray[np.bool_]


def languages() -> tuple[str, ...]:
    """Those whose vocabulary came with this package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*" + SUFFIX)))


def compile_vocabulary(words: Iterable[str], path: Path) -> Vocabulary:
    """Compile words in all their cases, and write them to a file.

    Args:
        words: of a name of several each counts by itself; an 's at the end goes with any word. Those of one character,
            and of two that are not listed in lower case, are left out.
        path: to write; its name must end in '.npz'.

    Raises:
        GrammarError: no word is left, one is longer than 255 characters, they have more than 255 different characters,
            or the file cannot be written.

    """
    if path.suffix != SUFFIX:
        raise GrammarError(f"{printable(path)}: is no name for a vocabulary; let it end in {SUFFIX}")
    apart = {word.removesuffix("'s") for name in words for word in name.split()}
    kept = [word for word in apart if len(word) >= _SHORTEST or (len(word) == _SHORTEST - 1 and word.islower())]
    forms = sorted({form for word in kept for form in (word, word.lower(), word.upper(), word.capitalize())})
    characters = "".join(sorted(set("".join(forms))))
    if len(characters) > np.iinfo(np.uint8).max:
        raise GrammarError(f"the words have {len(characters)} different characters, and a vocabulary holds 255")
    if not forms:
        raise GrammarError("there is no word among the words: give some of three letters and more")
    made = word_grammar(forms, characters).automaton
    found = Vocabulary(
        characters,
        np.diff(made.offsets).astype(np.uint8),
        (made.labels - 1).astype(np.uint8),
        made.targets,
        np.isfinite(made.accept),
    )
    try:
        np.savez_compressed(
            path,
            characters=np.array(characters),
            lengths=found.lengths,
            labels=found.labels,
            targets=found.targets,
            accept=found.accept,
        )
    except OSError as error:
        raise GrammarError(f"{printable(path)}: cannot be written ({error.strerror or error})") from error
    return found


def load_vocabulary(language: str) -> Vocabulary:
    """What :func:`compile_vocabulary` wrote.

    Args:
        language: one of :func:`languages`, or a file that ends in '.npz'.

    Raises:
        GrammarError: there is no such language or file, or the file is no vocabulary.

    """
    path = Path(language) if language.endswith(SUFFIX) else _FOLDER / (language + SUFFIX)
    if not language.endswith(SUFFIX) and language not in languages():
        known = ", ".join((*languages(), NONE))
        raise GrammarError(f"no language is called {language!r}; there are {known}, and files that end in {SUFFIX}")
    try:
        with path.open("rb") as stream, np.load(stream) as stored:
            found = Vocabulary(str(stored["characters"]), *(stored[name] for name in _TYPES))
    except OSError as error:
        raise GrammarError(f"{printable(path)}: {error.strerror or error}; name a vocabulary's file") from error
    except (ValueError, TypeError, KeyError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise GrammarError(f"{printable(path)}: is no vocabulary; make one with python -m export vocabulary") from error
    _check(found, path)
    return found


def language_grammar(language: str, alphabet: str, *, only: str | None = None) -> Grammar:
    """Any text, and those of a language's words first.

    Args:
        language: as in :func:`load_vocabulary`.
        alphabet: the recogniser's characters in the order of its classes, the blank being 0.
        only: characters that texts are made of, where not all of the alphabet's may occur.

    Returns:
        A grammar whose listed texts are the words that those characters can write.

    Raises:
        GrammarError: there is no such vocabulary, or the alphabet is that of another script.

    """
    free, words = open_grammar(alphabet, only=only), load_vocabulary(language)
    if not set(words.characters) & set(alphabet):
        raise GrammarError(
            f"the language {language} is not written in the recogniser's letters; name another, or {NONE}"
        )
    allowed = {character: place for place, character in enumerate(alphabet, 1) if only is None or character in only}
    classes = np.array([allowed.get(character, 0) for character in words.characters], np.int32)
    before, after, between, owner = (
        [allowed[m] for m in marks if m in allowed] for marks in (_BEFORE, _AFTER, _BETWEEN, _OWNER)
    )
    marks = _Marks(before, after, between, owner, apostrophe=allowed.get("'", 0))
    listed = _automaton(words, classes[words.labels], marks)
    return Grammar(listed, alphabet, free.classes, (), unlisted=free.automaton)


def _automaton(words: Vocabulary, classes: NDArray[np.int32], marks: _Marks) -> Automaton:
    """Words over a recogniser's classes, one after the other, with marks around them.

    Args:
        words: what is listed.
        classes: of each edge; 0 where there is none.
        marks: that may stand around a word.

    """
    sources = np.repeat(np.arange(len(words.lengths), dtype=np.int32), words.lengths)
    live, alive = classes > 0, words.accept.copy()
    while not live.all():  # edges that no class stands for, and those that lead nowhere without them
        count = int(alive.sum())
        alive[sources[live & alive[words.targets]]] = True
        if int(alive.sum()) == count:
            live &= alive[words.targets]
            break
    last = len(words.lengths)  # the state after a mark; the one behind it is that after an apostrophe
    ends = np.append(np.flatnonzero(words.accept), [last, last + 1]).astype(np.int32)
    parts = (
        _edges(sources[live], classes[live], words.targets[live], WORTH),
        _edges(0, np.array(marks.before), 0, 0.0),
        _edges(ends, np.full(len(ends), marks.apostrophe), last + 1, 0.0),
        _edges(last + 1, np.array(marks.owner), last, 0.0),
        _edges(np.repeat(ends, len(marks.after)), np.tile(marks.after, len(ends)), last, 0.0),
        _edges(np.repeat(ends, len(marks.between)), np.tile(marks.between, len(ends)), 0, -_PARTED),
    )
    starts, labels, targets, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    # By state and label; of two alike the first counts, as the apostrophe of don't does after "don".
    known, order = np.unique(starts * np.int64(labels.max(initial=0) + 1) + labels, return_index=True)
    order = order[known % (labels.max(initial=0) + 1) > 0]  # 0: the alphabet has no such mark
    return Automaton(
        offsets=np.concatenate(([0], np.cumsum(np.bincount(starts[order], minlength=last + 2)))).astype(np.int32),
        labels=labels[order],
        targets=targets[order],
        weights=weights[order],
        accept=np.where(np.append(words.accept, [True, True]), np.float32(0.0), np.float32(-np.inf)),
    )


def _edges(
    sources: NDArray[np.int32] | int, labels: NDArray[Any], targets: NDArray[np.int32] | int, weight: float
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Edges with each of the labels, of one weight; from and to one state each, or all one."""
    shape = labels.shape
    ends = (np.broadcast_to(np.asarray(states, np.int32), shape) for states in (sources, targets))
    return next(ends), labels.astype(np.int32), next(ends), np.full(shape, weight, np.float32)


def _check(words: Vocabulary, path: Path) -> None:
    """Refuse a file whose arrays do not go together."""
    arrays = {name: getattr(words, name) for name in _TYPES}
    edges, states = words.labels.size, words.lengths.size
    whole = (
        all(array.ndim == 1 and array.dtype == _TYPES[name] for name, array in arrays.items())
        and states == len(words.accept) > 0
        and edges == len(words.targets) == int(words.lengths.sum(dtype=np.int64)) > 0
        and int(words.labels.max()) < len(words.characters)
        and 0 <= int(words.targets.min()) <= int(words.targets.max()) < states
    )
    if not whole:
        raise GrammarError(f"{printable(path)}: is a damaged vocabulary; make it anew, or install the package again")
