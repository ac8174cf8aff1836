"""Finding events: by text, exactly, with wildcards or nearly, by list, camera and time; newest first, page by page.

A page begins where the one before ended, by the number of its last event: what is recorded meanwhile shifts nothing.
One narrow index (schema.sql, ``events_search``) answers everything but an exact text, so that a page that finds nothing
walks some 40 bytes an event. Nearness is computed for whole chunks of that index at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ocr.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edge_ocr.store.view import View

_CHUNK = 50_000  # texts that are compared at once: 2 MB
_NO_LIST = "none"
_UNIT = 100  # costs are whole hundredths of a character inside


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for; what is left out does not matter.

    Attributes:
        texts: one of these, exactly.
        pattern: as in a file glob: ``*`` stands for any characters, ``?`` for one; no other character is special.
        like: a text that may be misread.
        distance: by how much, in characters: 0..3.
        list: 'allow', 'deny' or 'known' decided; 'none' did.
        camera: its name.
        since: last seen from then on; seconds since 1970.
        until: last seen before.

    """

    texts: tuple[str, ...] = ()
    pattern: str = ""
    like: str = ""
    distance: float = 1.0
    list: str | None = None
    camera: str | None = None
    since: float | None = None
    until: float | None = None


def page(
    view: View, wanted: Wanted, cost: Callable[[str, str], float], *, before: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """One page of what is wanted.

    Args:
        view: into the store.
        wanted: all of it must hold.
        cost: what one character in the place of another costs, in characters; for ``wanted.like``.
        before: the ``seq`` of the last event of the page before; None for the first page.
        limit: of events; fewer than this are the last page.

    Returns:
        Events as JSON with ``seq``, and with ``distance`` in characters where ``wanted.like`` asks for it.

    Raises:
        StoreError: the store cannot be read.

    """
    if wanted.like:
        found = _near(view, wanted, cost, before, limit)
        events = view.events([seq for seq, _ in found])
        distances = dict(found)
        return [{**event, "distance": distances[event["seq"]]} for event in events]
    sql, values = _conditions(wanted, before)
    listed = view.rows(f"SELECT seq FROM {sql} ORDER BY seq DESC LIMIT ?", (*values, limit))
    return view.events([seq for (seq,) in listed])


def _conditions(wanted: Wanted, before: int | None) -> tuple[str, list[Any]]:
    """The part of a statement from the table's name on, and the values in it."""
    told: list[tuple[str, list[Any]]] = []
    if before is not None:
        told.append(("seq < ?", [before]))
    if wanted.camera is not None:
        told.append(("camera = (SELECT id FROM cameras WHERE name = ?)", [wanted.camera]))
    if wanted.since is not None:
        told.append(("last_wall >= ?", [wanted.since]))
    if wanted.until is not None:
        told.append(("last_wall < ?", [wanted.until]))
    if wanted.list is not None:
        told.append(("list IS ?", [None if wanted.list == _NO_LIST else wanted.list]))
    if wanted.pattern:
        told.append(("text GLOB ?", [_glob(wanted.pattern)]))
    # The index on texts has nothing else in it: it pays where the text alone decides.
    index = "events_text" if wanted.texts and not told[before is not None :] else "events_search"
    if wanted.texts:
        told.append((f"text IN ({', '.join('?' * len(wanted.texts))})", list(wanted.texts)))
    conditions = " AND ".join(condition for condition, _ in told) or "TRUE"
    return f"events INDEXED BY {index} WHERE {conditions}", [value for _, values in told for value in values]


def _glob(pattern: str) -> str:
    """A pattern of GLOB in which brackets stand for themselves; stars in a row, which cost, are one."""
    while "**" in pattern:
        pattern = pattern.replace("**", "*")
    return pattern.replace("[", "[[]")


def _near(
    view: View, wanted: Wanted, cost: Callable[[str, str], float], before: int | None, limit: int
) -> list[tuple[int, float]]:
    """Numbers and distances of the newest events whose texts are near, newest first."""
    found: list[tuple[int, float]] = []
    length, room = len(wanted.like), int(wanted.distance)
    while len(found) < limit:
        sql, values = _conditions(wanted, before)
        chunk = view.rows(
            f"""
            SELECT group_concat(seq), group_concat(text, char(10)), count(*) FROM (SELECT seq, text FROM {sql}
            AND length(text) BETWEEN ? AND ? ORDER BY seq DESC LIMIT ?)
            """,
            (*values, length - room, length + room, _CHUNK),
        )
        numbers, texts, count = chunk[0]
        if not count:
            break
        seqs = np.array(numbers.split(","), np.int64)
        far = distances(wanted.like, texts, cost)
        if len(far) != len(seqs):
            raise StoreError("a text of the store holds a line end, which no text has; 'edge-ocr check' may say more")
        order = np.argsort(-seqs)
        near = order[far[order] <= wanted.distance + 1e-6]
        found += [(int(seqs[index]), round(float(far[index]), 1)) for index in near[: limit - len(found)]]
        if count < _CHUNK:
            break
        before = int(seqs.min())
    return found


def distances(like: str, texts: str, cost: Callable[[str, str], float]) -> NDArray[np.float32]:
    """How far each of many texts is from one, in characters.

    The weighted Levenshtein distance (Wagner and Fischer, 1974) of :func:`edge_ocr.decide.distance`, a column of the
    table for all texts at a time; costs count in hundredths.

    Args:
        like: the one.
        texts: the others, a line each.
        cost: what one character in the place of another costs, 0..1; one too many or too few costs 1.

    """
    table, lengths = _table(texts)
    alphabet = [chr(code) for code in range(128)]
    costs = [
        np.array([round(_UNIT * cost(wanted, letter)) for letter in alphabet] + [_UNIT] * 128, np.uint16)
        for wanted in like
    ]
    count = len(lengths)
    column = [np.full(count, _UNIT * number, np.uint16) for number in range(len(like) + 1)]
    result = np.where(lengths == 0, column[-1], 0).astype(np.float32)
    for place in range(table.shape[0]):
        letters, left = table[place], column
        column = [np.full(count, _UNIT * (place + 1), np.uint16)]
        for number, of_letter in enumerate(costs):
            exchanged = left[number] + of_letter[letters]
            column.append(np.minimum(exchanged, np.minimum(left[number + 1], column[number]) + np.uint16(_UNIT)))
        ended = lengths == place + 1
        result[ended] = column[-1][ended]
    return result / np.float32(_UNIT)


def _table(texts: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Lines as characters, (longest, lines), 0 beyond an end and 255 for what is not ASCII; and their lengths."""
    plain = "".join(letter if letter.isascii() else "\xff" for letter in texts) if not texts.isascii() else texts
    data = np.frombuffer(plain.encode("latin-1"), np.uint8)
    ends = np.append(np.flatnonzero(data == ord("\n")), len(data))
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts
    table = np.zeros((int(lengths.max()), len(lengths)), np.uint8)
    for place in range(table.shape[0]):
        there = lengths > place
        table[place, there] = data[starts[there] + place]
    return table, lengths
