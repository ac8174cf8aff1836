"""A file a day, for people and programs that read files: JSON lines, or CSV for a spreadsheet.

What was told to be delivered is on the disk: one fsync a batch. An event that a crash delivers a second time is
recognised by its key and not written again.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from edge_ocr.errors import printable
from edge_ocr.publish import Delivered, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from edge_ocr.clock import Clock
    from edge_ocr.publish import Outcome
    from edge_ocr.tables import FilesSettings
    from edge_ocr.types import Parcel

COLUMNS = ("id", "camera", "first", "last", "synced", "kind", "text", "confidence", "region", "reads", "direction")
DECISION = ("list", "entry", "name", "action", "explanation")

_REMEMBERED = 64 << 10  # bytes at the end of a file that are searched for keys: hundreds of events, more than a batch
_UNSURE = "unsynced"  # the file for events of unknown days; it is never too old
_DAY_FILE = re.compile(rf"(\d{{4}}-\d\d-\d\d|{_UNSURE})\.(?:jsonl|csv)")


class DayFiles:
    """Appends each event to the file of the day, in UTC, on which it was last seen; 'unsynced' where no clock knew it.

    Args:
        settings: with a folder.
        clock: tells which files are too old to keep.

    """

    batch = 256

    def __init__(self, settings: FilesSettings, clock: Clock) -> None:
        if settings.folder is None:
            raise ValueError("settings.folder is None; name the folder of the files")
        self._folder = settings.folder
        self._format = settings.format
        self._keep = settings.keep_days
        self._clock = clock
        self._swept: str | None = None

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Append parcels and wait until they are on the disk."""
        days: dict[str, list[int]] = {}
        for index, parcel in enumerate(parcels):
            days.setdefault(_day(parcel.event), []).append(index)
        outcomes: list[Outcome] = [Retry("not tried")] * len(parcels)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for day, indices in days.items():
                self._append(self._folder / f"{day}.{self._format}", [parcels[index] for index in indices])
                for index in indices:
                    outcomes[index] = Delivered()
        except OSError as error:
            place = printable(error.filename or self._folder)
            retry = Retry(f"{place}: cannot be written ({error.strerror})", down=True)
            outcomes = [retry if isinstance(outcome, Retry) else outcome for outcome in outcomes]
        return outcomes

    def tick(self) -> float:
        """Remove the files of days that are not kept; with an unsynchronised clock nothing is removed."""
        if self._keep:
            self._sweep()
        return math.inf

    def close(self) -> None:
        """Nothing is held open between batches."""

    def _sweep(self) -> None:
        now = self._clock.stamp()
        if not now.synced:
            return
        oldest = (datetime.fromtimestamp(now.wall, UTC) - timedelta(days=self._keep)).strftime("%Y-%m-%d")
        if oldest != self._swept:
            for path in _day_files(self._folder):
                if path.stem < oldest:  # 'unsynced' sorts behind every day
                    with contextlib.suppress(OSError):  # tried again tomorrow; today's events must not wait for it
                        path.unlink()
            self._swept = oldest

    def _append(self, path: Path, parcels: Iterable[Parcel]) -> None:
        with path.open("ab+", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            start = max(0, end - _REMEMBERED)
            file.seek(start)
            tail = file.read(end - start) or b""
            whole = tail.rfind(b"\n") + 1  # a power cut may have left half a line
            if whole < len(tail):
                end = start + whole
                file.truncate(end)
                tail = tail[:whole]
            lines = [self._line(parcel.event) for parcel in parcels if parcel.key.encode() not in tail]
            if not end and self._format == "csv":
                lines.insert(0, _csv_line([*COLUMNS, *DECISION]))
            data = "".join(lines).encode()
            try:
                while data:  # a disk that fills takes a part first and refuses the rest
                    data = data[file.write(data) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise
            if not end:
                _sync_folder(self._folder)

    def _line(self, event: dict[str, Any]) -> str:
        if self._format == "jsonl":
            return json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n"
        flat = {
            **event,
            "first": event["first"]["wall"],
            "last": event["last"]["wall"],
            "synced": event["last"]["synced"],
        }
        decision = event.get("decision") or {}
        return _csv_line([*(flat.get(name) for name in COLUMNS), *(decision.get(name) for name in DECISION)])


def erase(folder: Path, unwanted: Callable[[str, str], bool]) -> int:
    """Remove events from all day files in a folder, each file all or nothing.

    Args:
        folder: of the files; none there is nothing to remove.
        unwanted: told an event's text and when it was last seen (ISO 8601, UTC), whether its line goes.

    Returns:
        How many lines were removed.

    Raises:
        OSError: a file cannot be rewritten; it is as it was.

    """
    removed = 0
    for path in _day_files(folder):
        lines = [f"{line}\n" for line in path.read_text("utf-8").split("\n")][:-1]
        header = next(csv.reader(lines[:1]), []) if path.suffix == ".csv" else []
        kept = [line for line in lines if not unwanted(*_text_and_time(line, header))]
        if len(kept) < len(lines):
            part = path.with_suffix(".part")
            with part.open("w", encoding="utf-8", newline="") as file:
                file.writelines(kept)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(folder)
            removed += len(lines) - len(kept)
    return removed


def _text_and_time(line: str, header: Sequence[str]) -> tuple[str, str]:
    """What an event's line says of these; empty texts for a line that is none."""
    if header:
        cells = dict(zip(header, next(csv.reader([line])), strict=False))
        return ("", "") if cells.get("id") == "id" else (cells.get("text", ""), cells.get("last", ""))
    try:
        event = json.loads(line)
        return str(event["text"]), str(event["last"]["wall"])
    except (ValueError, KeyError, TypeError):
        return "", ""


def _day_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if _DAY_FILE.fullmatch(path.name))


def _day(event: dict[str, Any]) -> str:
    last = event["last"]
    return str(last["wall"])[:10] if last["synced"] or last.get("repaired") else _UNSURE


def _csv_line(cells: Sequence[Any]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return out.getvalue()


def _cell(value: Any) -> Any:
    """A cell of one line that a spreadsheet shows instead of calculating it."""
    if not isinstance(value, str):
        return value
    text = " ".join(value.splitlines())
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
