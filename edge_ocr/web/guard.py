"""What keeps strangers out and bounds what anybody costs: rates, login attempts, a request's origin, headers."""

from __future__ import annotations

import hmac
import math
import secrets
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge_ocr.web.exchange import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_ocr.web.sessions import Session

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Everything comes from this server: no other origin, no script or style within a page."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not 'no-referrer': forms would then come without an origin to compare.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""What every answer carries, unless it says otherwise itself."""

_MOST_KEYS = 2000  # that are remembered; beyond, the one that was quiet for longest is forgotten


class Buckets:
    """So many a second on average and so many at once, for each of many keys (token buckets); any thread may use them.

    Args:
        rate: that comes back, a second.
        burst: that there is at most.

    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._lock = Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str, now: float, *, take: bool = True) -> float:
        """Take one.

        Args:
            key: whose.
            now: monotonic seconds.
            take: whether to take it, or only to look.

        Returns:
            0, or the seconds until there is one again.

        """
        with self._lock:
            left, at = self._left.get(key, (self._burst, now))
            left = min(self._burst, left + max(0.0, now - at) * self._rate)
            if left < 1:
                return (1 - left) / self._rate
            if take:
                self._left[key] = (left - 1, now)
                self._left.move_to_end(key)
                if len(self._left) > _MOST_KEYS:
                    self._left.popitem(last=False)
            return 0.0


class Doorkeeper:
    """Slows down whoever guesses passwords: by address, and by user for those who have many addresses."""

    def __init__(self) -> None:
        self._addresses = Buckets(1 / 20, 5)
        self._users = Buckets(1 / 10, 20)

    def check(self, address: str, user: str, now: float) -> None:
        """Whether another attempt may be made.

        Raises:
            Problem: too many failed; says when to come back.

        """
        wait = max(self._addresses.wait(address, now, take=False), self._users.wait(user, now, take=False))
        if wait > 0:
            raise too_many(wait, "too many attempts failed")

    def failed(self, address: str, user: str, now: float) -> None:
        """An attempt failed."""
        self._addresses.wait(address, now)
        self._users.wait(user, now)


class Setup:
    """The code that makes the first admin: in the log, and nowhere else; good for a few attempts."""

    _LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no two that look alike
    _ATTEMPTS = 20

    def __init__(self) -> None:
        letters = "".join(secrets.choice(self._LETTERS) for _ in range(12))
        self.code = f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"
        self._left = self._ATTEMPTS

    def matches(self, said: str) -> bool:
        """Whether this is the code; after many wrong ones nothing is until the next start."""
        if self._left <= 0:
            return False
        if hmac.compare_digest(_letters(said).encode(), _letters(self.code).encode()):
            return True
        self._left -= 1
        return False


def _letters(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isalnum())


def too_many(wait: float, what: str) -> Problem:
    """Come back later."""
    seconds = max(1, math.ceil(wait))
    headers = {"Retry-After": str(seconds)}
    return Problem(429, "Too many requests", f"{what}; try again in {seconds} s", headers)


def check_origin(headers: Mapping[str, str]) -> None:
    """A request that changes something must come from a page of this server, or from no page.

    Raises:
        Problem: another page sent it.

    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    if foreign or site not in {None, "same-origin", "none"}:
        raise Problem(403, "Forbidden", "another site's page sent this; open this device's own page and try again")


def check_csrf(session: Session, said: str | None) -> None:
    """A request of a session that changes something must repeat what only its own pages know.

    Raises:
        Problem: it does not.

    """
    if said is None or not hmac.compare_digest(said.encode("utf-8", "replace"), session.csrf.encode()):
        raise Problem(403, "Forbidden", "the page is too old to change anything; reload it and try again")
