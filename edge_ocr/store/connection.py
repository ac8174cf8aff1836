"""The one connection to the database: transactions, errors that say what to do, and the schema's version."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from importlib import resources
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_ocr.errors import StoreError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path

Values: TypeAlias = "Sequence[Any] | Mapping[str, Any]"
"""What a statement's ? or :name stand for."""

VERSION = 3
"""Of schema.sql; the files in upgrades/ end with it."""

_OLDEST = (3, 37)  # STRICT tables
_APPLICATION_ID = 0x656F6372  # 'eocr': tells a store from any other SQLite database
_BUSY_SECONDS = 10.0  # a command beside a running program holds the lock for milliseconds
_CHECKPOINT_PAGES = 1000  # 4 MB of log: hot pages are written back once for some hundred events

_DAMAGE = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT"}
_FULL = {"SQLITE_FULL"}

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # A commit is on the disk when it returns, a power cut a moment later included.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # What was erased is overwritten with zeros.
    "PRAGMA secure_delete = ON",
    f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}",
    f"PRAGMA journal_size_limit = {2 * _CHECKPOINT_PAGES * 4096}",
)


class DamageError(StoreError):
    """The database is not whole, or is not one that this version can use; it can be set aside."""


class FullError(StoreError):
    """The disk has no room for what was to be written; nothing of it was."""


class Connection:
    """One SQLite connection that several threads may share: each call and each transaction holds its lock.

    Args:
        path: of the database; a missing one is made.

    Attributes:
        damage: what a statement of any thread found damaged since the database was opened.

    Raises:
        DamageError: it is no database, it is damaged, or a newer version made it.
        FullError: the disk has no room for it.
        StoreError: it cannot be opened.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._raw: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # device and number of the file that is open
        self._breaks = 0  # how often it was opened, or took a transaction back
        self.damage: DamageError | None = None
        self.open()

    @property
    def path(self) -> Path:
        """The database's file."""
        return self._path

    def open(self) -> None:
        """Open the database, which must be closed; also after it was set aside."""
        if sqlite3.sqlite_version_info < _OLDEST:
            needed = ".".join(map(str, _OLDEST))
            raise StoreError(f"SQLite is {sqlite3.sqlite_version}, but {needed} or newer is needed; update the system")
        with self._lock, self._told():
            self.damage = None
            self._breaks += 1
            # Autocommit: transactions are begun here and never by the library.
            raw = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._raw = raw
            try:
                for pragma in _PRAGMAS:
                    raw.execute(pragma)
                prepare(raw, resources.files(__package__))
                self._file = self._found()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go of it; the last connection to close also empties the log."""
        with self._lock:
            raw, self._raw = self._raw, None
            if raw is not None:
                raw.close()

    def assert_there(self) -> None:
        """Look whether the file that is open still has its name: else what is written goes nowhere.

        Raises:
            DamageError: it was removed, with its folder or without.
            StoreError: it cannot be looked at.

        """
        if self._found() != self._file:
            raise DamageError(f"{printable(self._path)}: was removed while it was in use; see who did it")

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """What a statement answers."""
        with self._lock, self._told():
            return self._connected().execute(sql, values).fetchall()

    def value(self, sql: str, values: Values = ()) -> Any:
        """The first column of the first row; None without one."""
        found = self.rows(sql, values)
        return found[0][0] if found else None

    def run(self, sql: str, values: Values = ()) -> int:
        """Change something; returns how many rows that were."""
        with self._lock, self._told():
            return self._connected().execute(sql, values).rowcount

    def run_all(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """The same change with each of several rows of values; returns how many rows that changed together."""
        with self._lock, self._told():
            return self._connected().executemany(sql, rows).rowcount

    def epoch(self) -> tuple[int, int]:
        """Changes whenever the database may hold something else than what this process knows that it committed."""
        return self._breaks, int(self.value("PRAGMA data_version"))

    @contextmanager
    def held(self) -> Iterator[None]:
        """No other thread uses the connection inside, which may be closed and opened again there."""
        with self._lock:
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is changed inside is on the disk afterwards, or nothing of it; inside another one, joins that."""
        with self._lock, self._told():
            raw = self._connected()
            if raw.in_transaction:
                yield
                return
            try:
                with _atomic(raw):
                    yield
            except BaseException:
                self._breaks += 1
                raise

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"{printable(self._path)}: cannot be looked at ({error.strerror})"
            raise StoreError(f"{what}; see whether the disk is there") from error
        return found.st_dev, found.st_ino

    def _connected(self) -> sqlite3.Connection:
        if self._raw is None:
            raise StoreError(f"{printable(self._path)}: is closed; open the store again")
        return self._raw

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            known = _translated(self._path, error)
            if isinstance(known, DamageError):
                self.damage = known
            raise known from error


def prepare(raw: sqlite3.Connection, home: Traversable) -> None:
    """Give a new database the schema and an older one what it lacks.

    Args:
        raw: in autocommit mode.
        home: holds schema.sql and the folder upgrades.

    Raises:
        DamageError: it is a database of something else, or of a newer version.
        sqlite3.Error: it is damaged, or cannot be written.

    """
    version, owner = _number(raw, "user_version"), _number(raw, "application_id")
    empty = raw.execute("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)").fetchone()[0]
    if empty:
        _script(raw, home / "schema.sql", VERSION)
    elif owner != _APPLICATION_ID:
        raise DamageError("the database was made by another program; move it away or name another folder")
    elif version > VERSION:
        raise DamageError(f"the database has version {version}, this program knows {VERSION}; install a newer one")
    for number in range(version + 1, VERSION + 1) if not empty else ():
        _script(raw, home / "upgrades" / f"{number:04}.sql", number)


def _number(raw: sqlite3.Connection, pragma: str) -> int:
    return int(raw.execute(f"PRAGMA {pragma}").fetchone()[0])


def _script(raw: sqlite3.Connection, script: Traversable, version: int) -> None:
    """Run a script and note the version that it leads to, all or nothing."""
    with _atomic(raw):
        statement = ""
        for line in script.read_text("utf-8").splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):  # executescript would commit in between
                raw.execute(statement)
                statement = ""
        raw.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        raw.execute(f"PRAGMA user_version = {version}")


@contextmanager
def _atomic(raw: sqlite3.Connection) -> Iterator[None]:
    raw.execute("BEGIN IMMEDIATE")
    try:
        yield
        raw.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has rolled back by itself after some errors
            raw.execute("ROLLBACK")
        raise


def _translated(path: Path, error: sqlite3.Error) -> StoreError:
    # The extended code, such as SQLITE_CORRUPT_INDEX, begins with the plain one.
    name = getattr(error, "sqlite_errorname", "")
    plain = "_".join(name.split("_")[:2])
    what = f"{printable(path)}: {' '.join(str(error).split())}"
    if plain in _DAMAGE:
        return DamageError(f"{what}; it is damaged, 'edge-ocr check' says where")
    if plain in _FULL:
        return FullError(f"{what}; free space on the disk or name another folder")
    return StoreError(f"{what}; see whether the disk is sound and the folder may be written")
