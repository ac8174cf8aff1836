"""Who has logged in: sessions that outlive a restart, so that a kiosk comes back by itself.

A browser holds a random key in a cookie; the file holds its hash. A session that is used goes on; one that is not ends
after some days of a clock that can be trusted. A second key stays when a session ends: it says that a user came in from
this browser before, and nothing else.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from edge_ocr import jsonfile
from edge_ocr.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_ocr.types import Stamp

_MOST = 500  # sessions, and browsers
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


@dataclass(frozen=True, slots=True)
class Known:
    """A browser from which a user came in; ``hash`` is of the key that it holds."""

    hash: str
    user: str


_One = TypeVar("_One", Session, Known)


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
        self._known = {one["hash"]: Known(**one) for one in held.get("browsers", [])}
        self._renewing: set[str] = set()

    def open(self, user: str, now: Stamp, browser: str = "") -> tuple[str, str]:
        """A new session.

        Args:
            user: its name.
            now: when.
            browser: the key by which the browser is known already, if it is.

        Returns:
            The key of the session and that of the browser, for the browser to hold.

        Raises:
            StoreError: the file cannot be written.

        """
        key, browser = secrets.token_urlsafe(32), browser if self.knows(browser, user) else secrets.token_urlsafe(32)
        session = Session(_hash(key), user, secrets.token_urlsafe(32), now.wall, now.synced)
        known = Known(_hash(browser), user)
        with self._lock:
            alive = [one for one in self._sessions.values() if not self._over(one, now)]
            others = [one for one in self._known.values() if one.hash != known.hash]
            self._save([*_room(alive, user), session], [*_room(others, user), known])
        return key, browser

    def knows(self, browser: str, user: str) -> bool:
        """Whether a user came in from a browser before."""
        known = self._known.get(_hash(browser))
        return known is not None and known.user == user

    def find(self, key: str, now: Stamp) -> Session | None:
        """The session that a key belongs to; None if there is none (any more)."""
        session = self._sessions.get(_hash(key))
        return None if session is None or self._over(session, now) else session

    def due(self, session: Session, now: Stamp) -> bool:
        """Whether :meth:`renew` is to be called, now that a session was used; told once until then."""
        used = now.wall - session.at
        old = now.synced and (not session.synced or used > _RENEW * self._life or used < -_DAY)
        if not old or session.hash in self._renewing:
            return False
        self._renewing.add(session.hash)
        return True

    def renew(self, session: Session, now: Stamp) -> None:
        """Write down that a session was used, so that it goes on; waits for the disk."""
        fresh = replace(session, at=now.wall, synced=True)
        with self._lock, suppress(StoreError):  # a full disk must not hide the page that says so
            if session.hash in self._sessions:
                self._save([fresh if one.hash == fresh.hash else one for one in self._sessions.values()])
        self._renewing.discard(session.hash)

    def close(self, session: Session) -> None:
        """End one."""
        with self._lock:
            self._save([one for one in self._sessions.values() if one.hash != session.hash])

    def close_all(self, user: str, *, but: Session | None = None) -> None:
        """End those of a user, all but one, and know none of its browsers any more."""
        kept = but.hash if but else ""
        with self._lock:
            self._save(
                [one for one in self._sessions.values() if one.user != user or one.hash == kept],
                [one for one in self._known.values() if one.user != user],
            )

    def alive(self, session: Session) -> bool:
        """Whether it was not ended meanwhile."""
        return session.hash in self._sessions

    def _over(self, session: Session, now: Stamp) -> bool:
        """Whether it was left unused for too long; a clock that nobody vouches for cannot say."""
        return now.synced and session.synced and now.wall - session.at > self._life

    def _save(self, sessions: Sequence[Session], known: Sequence[Known] | None = None) -> None:
        kept = tuple(self._known.values()) if known is None else known
        told = {"sessions": [asdict(one) for one in sessions], "browsers": [asdict(one) for one in kept]}
        jsonfile.write(self._path, told)
        self._sessions = {one.hash: one for one in sessions}
        self._known = {one.hash: one for one in kept}


def _room(ones: Sequence[_One], user: str) -> list[_One]:
    """Without the oldest ones, where one more of a user would be too many."""
    own = sum(one.user == user for one in ones) + 1 - _MOST_OF_ONE
    every = len(ones) + 1 - _MOST
    kept = []
    for one in ones:
        if every > 0 or (own > 0 and one.user == user):
            every, own = every - 1, own - (one.user == user)
        else:
            kept.append(one)
    return kept


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
