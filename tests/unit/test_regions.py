"""Every region file against its own test plates, and every mistake in one against its message."""

from __future__ import annotations

import re
import tomllib
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_ocr.regions
from edge_ocr.automata import accepts
from edge_ocr.errors import GrammarError
from edge_ocr.regions import PLATE_ALPHABET, Format, Region, load_regions, one_of, read_region_file, region_names

FOLDER = Path(edge_ocr.regions.__file__).parent
FILES = sorted(FOLDER.glob("*.toml"))
EU = "at be bg cy cz de dk ee es fi fr gr hr hu ie it lt lu lv mt nl pl pt ro se si sk"


def entries(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The formats of a file as written, by region."""
    table = tomllib.loads(path.read_text("utf-8"))
    return (
        {path.stem: table["formats"]} if "formats" in table else {k: r["formats"] for k, r in table["regions"].items()}
    )


def matches(form: Format, text: str) -> bool:
    return accepts(form.language, [PLATE_ALPHABET.find(c) for c in text])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_test_plates_match_or_do_not_as_their_file_says(path: Path) -> None:
    regions = {region.name: region for region in load_regions([path.stem])}
    assert regions.keys() == entries(path).keys()
    for name, written in entries(path).items():
        for form, entry in zip(regions[name].formats, written, strict=True):
            assert entry["matches"], f"{name}, {form.name}: give plates that must match"
            assert entry["rejects"], f"{name}, {form.name}: give plates that must not match"
            for text in entry["matches"] + entry["rejects"]:
                expected = text in entry["matches"]
                assert matches(form, text) == expected, f"{name}, {form.name}: {text}"
                assert (re.fullmatch(form.pattern, text) is not None) == expected, f"{name}, {form.name}: {text}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_names_its_source(path: Path) -> None:
    assert path.read_text("utf-8").startswith("# Source: ")


def test_what_is_compiled_is_what_the_files_say() -> None:
    with np.load(FOLDER / "compiled.npz") as stored:
        assert str(stored["digest"]) == edge_ocr.regions._digest(), "run `python -m edge_ocr.regions`"
    fresh = {region.name: region for region in chain.from_iterable(map(read_region_file, FILES))}
    shipped = {region.name: region for region in load_regions()}
    assert fresh.keys() == shipped.keys()
    for name, region in fresh.items():
        assert _facts(region) == _facts(shipped[name])


def _facts(region: Region) -> list[object]:
    forms = [
        (f.name, f.pattern, f.prior, f.separators, f.texts, *(getattr(f.language, a).tolist() for a in _ARRAYS))
        for f in region.formats
    ]
    return [region.title, region.groups, region.prior, forms]


_ARRAYS = ("offsets", "labels", "targets", "accept")


def test_files_that_changed_are_read_instead_of_what_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zz.toml").write_text('title = "Nowhere"\n[[formats]]\nname = "all"\npattern = "ZZ[0-9]"\n')
    monkeypatch.setattr(edge_ocr.regions, "_FOLDER", tmp_path)
    edge_ocr.regions._builtin.cache_clear()
    try:
        assert region_names() == ("zz",)
        monkeypatch.setattr(edge_ocr.regions, "_COMPILED", tmp_path / "none.npz")
        edge_ocr.regions._builtin.cache_clear()
        assert region_names() == ("zz",)
    finally:
        edge_ocr.regions._builtin.cache_clear()


def test_the_countries_that_were_promised_are_there() -> None:
    names = {region.name for region in load_regions()}
    assert set(EU.split()) == {region.name for region in load_regions(["eu"])}
    assert len(load_regions(["us"])) == 52, "50 states, the District of Columbia, Puerto Rico"
    assert {"gb", "br", "ar", "in", "cn", "tn", "tr"} <= names
    assert all(any(n.startswith(prefix) for n in names) for prefix in ("ca-", "mx-", "au-", "za-"))


def test_groups_and_names_mix_and_each_region_comes_once() -> None:
    names = [region.name for region in load_regions(["us-ca", "sk", "eu", "us"])]
    assert names == sorted(set(names))
    assert len(names) == 27 + 52
    assert {"eu", "us", "uk", "gb", "sk", "us-ca"} <= set(region_names())


def test_priors_are_shares() -> None:
    for region in load_regions():
        assert sum(form.prior for form in region.formats) == pytest.approx(1)
    assert sum(region.prior for region in load_regions(["us"])) == pytest.approx(1)


@pytest.mark.parametrize(
    ("region", "text", "shown"),
    [
        ("nl", "24LBHT", "24-LB-HT"),
        ("us-ca", "6PGM335", "6PGM335"),
        ("de", "WOBVW123", "WOB-VW 123"),
        ("gb", "AB12CDE", "AB12 CDE"),
        ("cn", "PL3N67", "P·L3N67"),
        ("ca-on", "123ABC", "123 ABC"),
        ("be", "MAB123", "MAB-123"),
        ("sk", "NOTAPLATE", "NOTAPLATE"),
    ],
)
def test_separators_stand_where_the_plate_has_them(region: str, text: str, shown: str) -> None:
    assert load_regions([region])[0].display(text) == shown


@pytest.mark.parametrize(
    ("name", "near"),
    [("su", "did you mean"), ("us-cal", "us-ca"), ("SK", "did you mean sk"), ("%%%", "there are ar, at")],
)
def test_an_unknown_region_is_answered_with_the_nearest_names(name: str, near: str) -> None:
    with pytest.raises(GrammarError, match=f"^no region or group is called '{name}'; .*{near}"):
        load_regions([name])


def test_names_are_a_sequence() -> None:
    with pytest.raises(TypeError, match=r"for one region \['sk'\]"):
        load_regions("sk")


@pytest.mark.parametrize(
    "codes", [{"A"}, {"A", "B", "C"}, {"A", "AB", "ABC"}, {"AB", "AC", "DB", "DC", "D"}, {"", "A"}]
)
def test_codes_are_written_shorter_but_stay_the_same(codes: set[str]) -> None:
    pattern = re.compile(one_of(codes))
    texts = {"".join(t) for length in range(4) for t in product("ABCD", repeat=length)}
    assert {text for text in texts if pattern.fullmatch(text)} == codes


GOOD = 'title = "T"\n[terms]\nc = "AB|AC"\n[[formats]]\nname = "f"\npattern = "(<c>)([0-9]{2})"\nseparators = ["-"]\n'


def test_a_file_of_one_s_own_is_a_region_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "club.toml"
    path.write_text(GOOD)
    (region,) = load_regions([str(path)])
    assert (region.name, region.title, region.display("AC12")) == ("club", "T", "AC-12")
    assert region.formats[0].texts == 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = 3\n", "title: 3 has the wrong type"),
        ("title", "not a TOML file in UTF-8"),
        ('groups = ["eu"]\n', "title: missing; add it"),
        ('title = "T"\n', "has both formats and regions, or neither; keep exactly one"),
        ('title = "T"\nformats = []\n', "has no formats; describe at least one"),
        ('title = "T"\nformats = ["x"]\n', r"formats\[0\]: is no table; make it one"),
        ('title = "T"\nregions = {}\n', "has no regions; describe at least one"),
        ('title = "T"\n[regions]\nx = 1\n', "regions.x: is no table; make it one"),
        ('title = "T"\n[regions.x]\ntitle = "X"\nformat = []\n', "regions.x: format: unknown key; there are formats"),
        ('title = "T"\ncolour = "red"\n', "colour: unknown key; there are formats"),
        (GOOD.replace("<c>", "<d>"), r"formats\[0\].pattern: <d> is not a string under terms; there are c"),
        (GOOD.replace('"AB|AC"', '"<c>"'), r"formats\[0\].pattern: '<' is left .* not in a circle"),
        (GOOD.replace("[0-9]{2}", "[0-9]*"), r"formats\[0\].pattern: pattern .* endlessly many texts"),
        (GOOD.replace("[0-9]{2}", "[0-9"), r"formats\[0\].pattern: pattern .* cannot be compiled"),
        (GOOD.replace("[0-9]{2}", "a"), r"formats\[0\].pattern: pattern .* matches no text"),
        (GOOD.replace('["-"]', '["-", "-"]'), r"formats\[0\].separators: 2 given for 2 parts of the pattern; give 1"),
        (GOOD.replace('["-"]', "[1]"), r"formats\[0\].separators: is no list of strings; make it one"),
        (GOOD + '"a\\nb" = 0\n', r"formats\[0\]: a\\nb: unknown key; there are matches"),
        (GOOD + "prior = 0\n", r"formats\[0\].prior: 0.0 is not a share; give a number above 0"),
        (GOOD + "prior = true\n", r"formats\[0\]: prior: True has the wrong type"),
        (GOOD + "match = []\n", r"formats\[0\]: match: unknown key; there are matches"),
        (GOOD + 'matches = "A"\n', r"formats\[0\]: matches: 'A' has the wrong type"),
        (GOOD + '[[formats]]\nname = "f"\npattern = "A"\n', "formats: two are called 'f'; rename one"),
        (GOOD + '[[formats]]\nname = "g"\npattern = "A?"\n', r"formats\[1\].pattern: matches the empty text"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_file_key_and_cure(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad\n.toml"
    path.write_text(text)
    with pytest.raises(GrammarError, match=message) as caught:
        read_region_file(path)
    assert str(caught.value).startswith(f"{tmp_path}/bad\\n.toml")
    assert "; " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(GrammarError, match=r"none\.toml: No such file or directory; name a region file"):
        load_regions(["none.toml"])
