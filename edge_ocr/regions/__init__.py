"""What plates look like: one TOML file a country beside this module, and the values they are read into.

A file describes one region (``sk.toml`` describes "sk"), or several under ``regions`` (``us.toml`` describes "us-ca",
"us-ny", ...), whose group then has the file's name. A pattern is a regular expression over ``0-9A-Z`` in which
``<county>`` stands for the entry ``county`` of the file's ``terms``; its capture groups are the parts between which the
separators stand. docs/design/grammar.md explains every key.

The files are compiled in advance (``python -m edge_ocr.regions``), because that takes seconds and a start has none.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from edge_ocr.automata import Language, text_count
from edge_ocr.errors import GrammarError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

PLATE_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Every pattern is written over these characters; other scripts' characters are left out or stand for a letter here."""

T = TypeVar("T")

_FOLDER = Path(__file__).parent
_COMPILED = _FOLDER / "compiled.npz"
_CODES = re.compile(r"[0-9A-Z]+(\|[0-9A-Z]+)+")
_FILE_KEYS = {"title", "groups", "terms", "formats", "regions"}
_REGION_KEYS = {"title", "prior", "formats"}
_FORMAT_KEYS = {"name", "pattern", "prior", "separators", "matches", "rejects"}


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """One layout of plates: its share of the region's plates, its texts over PLATE_ALPHABET, and their number."""

    name: str
    pattern: str
    prior: float
    separators: tuple[str, ...]
    language: Language
    texts: int

    def display(self, text: str) -> str | None:
        """``text`` with its separators, as it stands on the plate; None where it has another format."""
        match = re.fullmatch(self.pattern, text)
        if match is None:
            return None
        shown, waiting = "", ""
        for part, separator in zip(match.groups() or (text,), (*self.separators, ""), strict=True):
            if part:
                shown += waiting + part if shown else part
                waiting = ""
            waiting = waiting or separator  # an empty optional part does not bring two separators together
        return shown


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A country or state that issues plates; its prior is its share of the country's plates."""

    name: str
    title: str
    groups: tuple[str, ...]
    prior: float
    formats: tuple[Format, ...]

    def display(self, text: str) -> str:
        """``text`` with the separators of the first format that it has; unchanged where it has none."""
        return next((shown for shown in (f.display(text) for f in self.formats) if shown is not None), text)


def region_names() -> tuple[str, ...]:
    """Everything that :func:`load_regions` knows by name, sorted: regions such as "sk", and groups such as "eu"."""
    return tuple(sorted({name for region in _builtin() for name in (region.name, *region.groups)}))


def load_regions(names: Sequence[str] | None = None) -> tuple[Region, ...]:
    """The regions of that name or group, in the order of their names, each once.

    Args:
        names: regions ("sk", "us-ca"), groups ("eu", "us"), or paths of region files that end in ".toml"; None for all
            that come with this package.

    Raises:
        GrammarError: no region or group has that name, or a file is wrong.

    """
    if isinstance(names, str):
        raise TypeError(f"names is the string {names!r}: pass a sequence of names, for one region [{names!r}]")
    if names is None:
        return _builtin()
    chosen: dict[str, Region] = {}
    for name in names:
        if name.endswith(".toml"):
            found: Iterable[Region] = read_region_file(Path(name))
        else:
            found = [region for region in _builtin() if name in (region.name, *region.groups)]
            if not found:
                near = difflib.get_close_matches(name.lower(), region_names(), 4, 0.4)
                cure = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(region_names())}"
                raise GrammarError(f"no region or group is called {name!r}; {cure}")
        chosen.update((region.name, region) for region in found)
    return tuple(chosen[name] for name in sorted(chosen))


def read_region_file(path: Path) -> tuple[Region, ...]:
    """Compile the region or regions of one file.

    Raises:
        GrammarError: the file cannot be read, or says something impossible; the message names file and key path.

    """
    where = printable(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GrammarError(f"{where}: {error.strerror or error}; name a region file that can be read") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are both
        raise GrammarError(f"{where}: not a TOML file in UTF-8 ({error}); correct it there") from error
    name = path.stem
    _check_keys(table, _FILE_KEYS, where)
    title = _take(table, "title", str, where)
    groups = tuple(_strings(table, "groups", where, []))
    terms = _take(table, "terms", dict, where, {})
    if ("formats" in table) == ("regions" in table):
        raise GrammarError(f"{where}: has both formats and regions, or neither; keep exactly one of them")
    if "formats" in table:
        return (Region(name, title, groups, 1.0, _formats(table, terms, where)),)
    found = []
    for key, entry in _take(table, "regions", dict, where).items():
        place = f"{where}: regions.{printable(key)}"
        if not isinstance(entry, dict):
            raise GrammarError(f"{place}: is no table; make it one with {', '.join(sorted(_REGION_KEYS))}")
        _check_keys(entry, _REGION_KEYS, place)
        formats = _formats(entry, terms, place)
        found.append(Region(key, _take(entry, "title", str, place), (name, *groups), _prior(entry, place), formats))
    if not found:
        raise GrammarError(f"{where}: has no regions; describe at least one")
    total = math.fsum(region.prior for region in found)
    return tuple(Region(r.name, r.title, r.groups, r.prior / total, r.formats) for r in found)


def compile_builtin() -> Path:
    """Compile every region file of this package and write the result beside them; needed after any change to them."""
    found = [region for path in _files() for region in read_region_file(path)]
    languages = [f.language for region in found for f in region.formats]
    facts = [
        [r.name, r.title, r.groups, r.prior, [[f.name, f.pattern, f.prior, f.separators, f.texts] for f in r.formats]]
        for r in found
    ]
    np.savez_compressed(
        _COMPILED,
        digest=np.array(_digest()),
        facts=np.array(json.dumps(facts)),
        states=np.array([len(language.accept) for language in languages], np.int32),
        lengths=np.concatenate([np.diff(language.offsets) for language in languages]).astype(np.uint8),
        labels=np.concatenate([language.labels for language in languages]).astype(np.uint8),
        targets=np.concatenate([language.targets for language in languages]).astype(np.int16),
        accept=np.concatenate([language.accept for language in languages]),
    )
    return _COMPILED


@cache
def _builtin() -> tuple[Region, ...]:
    """All regions of this package, sorted by name; from their files where what was compiled is missing or outdated."""
    try:
        with np.load(_COMPILED) as stored:
            if str(stored["digest"]) == _digest():
                return _restored(stored)
    except FileNotFoundError:
        pass
    found = [region for path in _files() for region in read_region_file(path)]
    return tuple(sorted(found, key=lambda region: region.name))


def _restored(stored: Mapping[str, NDArray[Any]]) -> tuple[Region, ...]:
    """What :func:`compile_builtin` wrote, as it was."""
    lengths, labels, accept = stored["lengths"], stored["labels"].astype(np.int64), stored["accept"]
    targets = stored["targets"].astype(np.int64)
    ends = np.cumsum(stored["states"])
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    languages = iter(
        Language(
            offsets[low : high + 1] - offsets[low],
            labels[offsets[low] : offsets[high]],
            targets[offsets[low] : offsets[high]],
            accept[low:high],
        )
        for low, high in pairwise([0, *ends.tolist()])
    )
    regions = []
    for name, title, groups, prior, entries in json.loads(str(stored["facts"])):
        formats = tuple(
            Format(title, pattern, share, tuple(separators), next(languages), texts)
            for title, pattern, share, separators, texts in entries
        )
        regions.append(Region(name, title, tuple(groups), prior, formats))
    return tuple(sorted(regions, key=lambda region: region.name))


def _files() -> list[Path]:
    return sorted(_FOLDER.glob("*.toml"))


def _digest() -> str:
    """Of everything that the compiled regions are made from."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def _formats(table: dict[str, Any], terms: dict[str, Any], where: str) -> tuple[Format, ...]:
    """The formats of one region, their priors scaled to sum to 1."""
    from edge_ocr import patterns  # noqa: PLC0415 - 25 ms of import that the compiled regions do not need

    found = []
    for index, entry in enumerate(_take(table, "formats", list, where)):
        place = f"{where}: formats[{index}]"
        if not isinstance(entry, dict):
            raise GrammarError(f"{place}: is no table; make it one with at least name and pattern")
        _check_keys(entry, _FORMAT_KEYS, place)
        for key in ("matches", "rejects"):
            _strings(entry, key, place, [])
        pattern = _expand(_take(entry, "pattern", str, place), terms, place)
        try:
            language = patterns.language_of_pattern(pattern, PLATE_ALPHABET)
            parts = max(re.compile(pattern).groups, 1)
        except (GrammarError, re.error) as error:
            raise GrammarError(f"{place}.pattern: {error}") from error
        if language.accept[0]:
            raise GrammarError(f"{place}.pattern: matches the empty text; make one part of it obligatory")
        separators = tuple(_strings(entry, "separators", place, [""] * (parts - 1)))
        if len(separators) != parts - 1:
            raise GrammarError(
                f"{place}.separators: {len(separators)} given for {parts} parts of the pattern; give {parts - 1}"
            )
        name = _take(entry, "name", str, place)
        found.append(Format(name, pattern, _prior(entry, place), separators, language, text_count(language)))
    if not found:
        raise GrammarError(f"{where}: has no formats; describe at least one")
    for first, second in pairwise(sorted(f.name for f in found)):
        if first == second:
            raise GrammarError(f"{where}: formats: two are called {first!r}; rename one")
    total = math.fsum(f.prior for f in found)
    return tuple(Format(f.name, f.pattern, f.prior / total, f.separators, f.language, f.texts) for f in found)


def one_of(codes: set[str]) -> str:
    """A pattern for one of some codes with common parts written once; compiles ten times faster than ``AB|AC|AD``."""
    heads: dict[frozenset[str], str] = {}
    for head in sorted({code[0] for code in codes if code}):
        tails = frozenset(code[1:] for code in codes if code.startswith(head))
        heads[tails] = heads.get(tails, "") + head
    parts = [(f"[{some}]" if len(some) > 1 else some) + one_of(set(tails)) for tails, some in heads.items()]
    if not parts:
        return ""
    return f"(?:{'|'.join(parts)})" + "?" * ("" in codes)


def _expand(pattern: str, terms: dict[str, Any], where: str) -> str:
    """``pattern`` with every ``<term>`` in its place, terms within terms included."""

    def term(match: re.Match[str]) -> str:
        value = terms.get(match[1])
        if not isinstance(value, str):
            known = ", ".join(sorted(terms)) or "none"
            raise GrammarError(f"{where}.pattern: <{match[1]}> is not a string under terms; there are {known}")
        return one_of(set(value.split("|"))) if _CODES.fullmatch(value) else f"(?:{value})"

    for _ in range(4):
        if "<" not in pattern:
            return pattern
        pattern = re.sub(r"<([\w-]+)>", term, pattern)
    raise GrammarError(
        f"{where}.pattern: '<' is left in {pattern[:60]!r}; terms may be nested 3 deep, and not in a circle"
    )


def _prior(table: dict[str, Any], where: str) -> float:
    prior = float(_take(table, "prior", (int, float), where, 1.0))
    if not 0 < prior < float("inf"):
        raise GrammarError(f"{where}.prior: {prior} is not a share; give a number above 0")
    return prior


def _check_keys(table: dict[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise GrammarError(f"{where}: {printable(key)}: unknown key; there are {', '.join(sorted(known))}")


def _strings(table: dict[str, Any], key: str, where: str, default: list[str]) -> list[str]:
    values = _take(table, key, list, where, default)
    if not all(isinstance(value, str) for value in values):
        raise GrammarError(f"{where}.{key}: is no list of strings; make it one")
    return values


def _take(
    table: dict[str, Any], key: str, kind: type[T] | tuple[type[T], ...], where: str, default: T | None = None
) -> T:
    value = table.get(key, default)
    if value is None:
        raise GrammarError(f"{where}: {key}: missing; add it")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise GrammarError(f"{where}: {key}: {value!r} has the wrong type; see docs/design/grammar.md")
    return value
