"""What a person does to lists and stores by command: edit who is known, and forget what must be forgotten."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from edge_ocr import config, lists
from edge_ocr.errors import ConfigError, StoreError, printable
from edge_ocr.privacy import Shield
from edge_ocr.publish import files
from edge_ocr.store import commands

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.config import Settings


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a file of lists: how many entries were new, took the place of another, or went."""

    added: int
    replaced: int
    removed: int

    def as_json(self) -> dict[str, int]:
        """The change as `lists --json` prints it."""
        return {"added": self.added, "replaced": self.replaced, "removed": self.removed}


def lists_file(file: Path | None, configuration: Path | None) -> Path:
    """The file of lists that flags mean.

    Raises:
        ConfigError: neither flag names one.

    """
    if file is not None:
        return file
    named = None if configuration is None else config.load(configuration).lists.file
    if named is None:
        raise ConfigError("no file of lists is named; give --file FILE, or --config FILE with lists.file in it")
    return named


def import_lists(path: Path, source: Path, *, name: str | None, replace: bool) -> Change:
    """Take entries over from a CSV file, all of them or, where one is wrong, none.

    Args:
        path: of the lists; made if missing.
        source: the CSV file.
        name: on which list entries are put where the file has no column 'list'.
        replace: whether entries that the file does not have go.

    Raises:
        ListError: one of the files is wrong, or cannot be read or written.

    """
    wanted = lists.load(source, default_list=name)
    return _edit(path, wanted, replace=replace)


def add(path: Path, **cells: str) -> Change:
    """Put one entry on a list, in the place of the one that is there for its plate.

    Args:
        path: of the lists; made if missing.
        cells: texts by column.

    Raises:
        ListError: one of the texts is wrong, or the file.

    """
    return _edit(path, lists.Lists((lists.entry_of(cells, place="the entry"),)), replace=False)


def remove(path: Path, plate: str, name: str | None) -> Change:
    """Take a plate off a list, or off all.

    Raises:
        ListError: the file is wrong, or cannot be written.

    """
    with lists.editing(path) as old:
        new = old.without(lists.normalise(plate), name)
        if new != old:
            lists.save(new, path)
    return Change(0, 0, len(old.entries) - len(new.entries))


def _edit(path: Path, wanted: lists.Lists, *, replace: bool) -> Change:
    with lists.editing(path) as old:
        new = wanted if replace else old.merged(wanted.entries)
        if new != old:
            lists.save(new, path)
    places = {(entry.list, entry.plate): entry for entry in old.entries}
    there = [places.get((entry.list, entry.plate)) for entry in wanted.entries]
    replaced = sum(before not in {None, entry} for before, entry in zip(there, wanted.entries, strict=True))
    removed = len(old.entries) - (len(wanted.entries) - there.count(None)) if replace else 0
    return Change(there.count(None), replaced, removed)


def erase(
    settings: Settings, *, plate: str | None, since: float | None, until: float | None, damaged: bool = False
) -> dict[str, int]:
    """Forget events for good: rows, pictures, what waits to be sent, and lines of day files.

    Args:
        settings: name the store and the day files, and say how plates are stored.
        plate: in any spelling; None for all.
        since: seconds since 1970: last seen from then on; None for all.
        until: seconds since 1970: last seen before; None for all.
        damaged: whether databases that were set aside as damaged go as well, in which nothing can be erased.

    Returns:
        How many events of the store and lines of day files went, and ``damaged`` databases where that was asked for.

    Raises:
        ConfigError: the settings name no store, or nothing says what to erase.
        StoreError: there is no store, or something cannot be written.

    """
    folder = _store_folder(settings)
    aside = {"damaged": commands.forget_damaged(folder)} if damaged else {}
    if plate is None and since is None and until is None:
        if damaged:
            return aside
        raise ConfigError("nothing says what to erase; give --plate, --since, --until or --damaged")
    text = None if plate is None else Shield(settings.privacy).text(lists.normalise(plate))
    events = commands.forget(folder, text=text, since=since, until=until)
    folders = {table.files.folder for _, table in settings.publish.tables if table.files.folder is not None}
    first, end = -math.inf if since is None else since, math.inf if until is None else until

    def unwanted(line: str, last: str) -> bool:
        return bool(last) and text in {None, line} and first <= datetime.fromisoformat(last).timestamp() < end

    lines = 0
    for days in sorted(folders):
        try:
            lines += files.erase(days, unwanted)
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{printable(days)}: a day file cannot be rewritten ({error}); see to it and erase again"
            ) from error
    return {"events": events, "lines": lines, **aside}


def replay(
    settings: Settings, destination: str, *, since: float | None, until: float | None, dead: bool
) -> dict[str, int]:
    """Put stored events into the outbox of a destination once more; they carry the same keys.

    Args:
        settings: name the store and the destinations in use.
        destination: its name.
        since: seconds since 1970: last seen from then on; None for all.
        until: seconds since 1970: last seen before; None for all.
        dead: only those that it refused.

    Returns:
        How many were put there.

    Raises:
        ConfigError: the settings name no store, or do not use this destination; where they use none, the store knows
            none of this name.
        StoreError: there is no store, or it cannot be written.

    """
    if settings.publish.destinations and destination not in settings.publish.destinations:
        used = ", ".join(settings.publish.destinations)
        raise ConfigError(f"{destination} is no destination of these settings; they use {used}")
    with commands.outbox(_store_folder(settings)) as outbox:
        known = settings.publish.destinations or outbox.destinations()
        if destination not in known:
            raise ConfigError(f"{destination} is unknown to this store; it knows {', '.join(known) or 'nobody'}")
        return {"events": outbox.replay(destination, since=since, until=until, dead=dead)}


def _store_folder(settings: Settings) -> Path:
    if settings.store.folder is None:
        raise ConfigError("store.folder is missing; give --store DIR, or --config FILE with store.folder in it")
    return settings.store.folder


def export(path: Path, target: Path | None) -> str | None:
    """The lists as CSV, into another file where one is named.

    Returns:
        The text, where there is no other file.

    Raises:
        ListError: the file is wrong, or the other one cannot be written.

    """
    known = lists.load(path)
    if target is None:
        return lists.dump(known)
    lists.save(known, target)
    return None
