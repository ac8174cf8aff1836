"""Who has logged in: sessions that outlive a restart, so that a kiosk comes back by itself.

A browser holds a random key in a cookie; the file holds its hash. A session that is used goes on; one that is not ends
after some days of a clock that can be trusted.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from edge_ocr import jsonfile
from edge_ocr.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.types import Stamp

_MOST = 500
_MOST_OF_ONE = 20
_DAY = 86_400.0
_RENEW = 0.1  # of its life: a session in use is written down so seldom


@dataclass(frozen=True, slots=True)
class Session:
    """One browser of one user.

    Attributes:
        hash: of the key that the browser holds.
        user: its name.
        csrf: what requests that change something must repeat.
        at: when it was last written down, wall time.
        synced: whether that clock could be trusted.

    """

    hash: str
    user: str
    csrf: str
    at: float
    synced: bool


class Sessions:
    """The file of sessions; any thread may use it.

    Args:
        path: of the file, which may be missing.
        days: after so many without use a session ends.

    Raises:
        ConfigError: it cannot be read.

    """

    def __init__(self, path: Path, days: float) -> None:
        self._path = path
        self._life = days * _DAY
        self._lock = Lock()
        held = jsonfile.read(path, {"sessions": []})
        self._sessions = {one["hash"]: Session(**one) for one in held["sessions"]}

    def open(self, user: str, now: Stamp) -> tuple[str, Session]:
        """A new session: the key for the browser, and what is kept of it.

        Raises:
            StoreError: the file cannot be written.

        """
        key = secrets.token_urlsafe(32)
        session = Session(_hash(key), user, secrets.token_urlsafe(32), now.wall, now.synced)
        with self._lock:
            alive = [one for one in self._sessions.values() if not self._over(one, now)]
            own = [one.hash for one in alive if one.user == user]
            everybody = [one.hash for one in alive]
            old = {*own[: max(0, len(own) + 1 - _MOST_OF_ONE)], *everybody[: max(0, len(alive) + 1 - _MOST)]}
            self._save([*(one for one in alive if one.hash not in old), session])
        return key, session

    def find(self, key: str, now: Stamp) -> Session | None:
        """The session that a key belongs to, which goes on by that; None if there is none (any more)."""
        session = self._sessions.get(_hash(key))
        if session is None or self._over(session, now):
            return None
        used = now.wall - session.at
        if now.synced and (not session.synced or used > _RENEW * self._life or used < -_DAY):
            session = replace(session, at=now.wall, synced=True)
            with self._lock, suppress(StoreError):  # a full disk must not hide the page that says so
                if session.hash in self._sessions:
                    self._save([session if one.hash == session.hash else one for one in self._sessions.values()])
        return session

    def close(self, session: Session) -> None:
        """End one."""
        with self._lock:
            self._save([one for one in self._sessions.values() if one.hash != session.hash])

    def close_all(self, user: str, *, but: Session | None = None) -> None:
        """End those of a user, all but one."""
        kept = but.hash if but else ""
        with self._lock:
            self._save([one for one in self._sessions.values() if one.user != user or one.hash == kept])

    def alive(self, session: Session) -> bool:
        """Whether it was not ended meanwhile."""
        return session.hash in self._sessions

    def _over(self, session: Session, now: Stamp) -> bool:
        """Whether it was left unused for too long; a clock that nobody vouches for cannot say."""
        return now.synced and session.synced and now.wall - session.at > self._life

    def _save(self, sessions: list[Session]) -> None:
        jsonfile.write(self._path, {"sessions": [asdict(one) for one in sessions]})
        self._sessions = {one.hash: one for one in sessions}


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
