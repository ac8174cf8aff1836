"""What the kiosk says, in the languages of files: those that came with this package, and those of a folder."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from edge_ocr.errors import ConfigError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable
    from pathlib import Path

KEYS = ("welcome", "reading", "open", "refuse", "note", "offline", "language")
"""What a file must say: texts for the screen; ``language`` is what the language calls itself."""

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its code, such as 'de', and its texts by :data:`KEYS`; ``rtl`` if it is written from the right."""

    code: str
    texts: Mapping[str, str]
    rtl: bool = False


def load(folder: Path | None) -> dict[str, Language]:
    """All languages, by code; a file of the folder takes the place of one that came with this package.

    Raises:
        ConfigError: the folder cannot be read, or one of the files is wrong.

    """
    files: list[Traversable] = list((resources.files(__package__) / "languages").iterdir())
    if folder is not None:
        try:
            files += list(folder.iterdir())
        except OSError as error:
            what = f"web.languages_folder names {printable(folder)}, which cannot be read ({error.strerror})"
            raise ConfigError(f"{what}; name a folder of files such as nl.toml") from error
    found = [_language(file) for file in files if file.name.endswith(".toml")]
    return {language.code: language for language in sorted(found, key=lambda language: language.code)}


def _language(file: Traversable) -> Language:
    place = printable(file)
    try:
        said = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{place}: is no TOML ({' '.join(str(error).split())}); correct it there") from error
    rtl = said.pop("rtl", False)
    for key in KEYS:
        text = said.get(key)
        if not isinstance(text, str) or not text.isprintable() or not 0 < len(text) <= _LONGEST:
            raise ConfigError(f"{place}: {key} must be a text of 1 to {_LONGEST} characters; write {key} = '...'")
    for key in said:
        if key not in KEYS:
            raise ConfigError(f"{place}: {key!r} is unknown; known are: {', '.join(KEYS)}, rtl")
    if not isinstance(rtl, bool):
        raise ConfigError(f"{place}: rtl must be true or false")
    return Language(file.name.removesuffix(".toml"), said, rtl)
