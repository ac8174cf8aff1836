"""What keeps strangers out and bounds what anybody costs: rates, login attempts, a request's origin, headers."""

from __future__ import annotations

import hmac
import ipaddress
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


def neighbourhood(address: str) -> str:
    """What counts as one: an address of IPv4, and of IPv6 all that a household or a server is given (a /64)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


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
    """Slows down whoever guesses passwords: by network, and by user for those who have many networks.

    A browser from which a user came in before is counted by itself, so that nobody who guesses, from elsewhere or from
    beside it, locks that user out ("device cookies", OWASP).
    """

    def __init__(self) -> None:
        self._networks = Buckets(1 / 20, 5)
        self._users = Buckets(1 / 10, 20)
        self._known = Buckets(1 / 20, 5)

    def check(self, address: str, user: str, now: float, *, known: str | None = None) -> None:
        """Whether another attempt may be made.

        Args:
            address: from where.
            user: at whose password, or '' where it is nobody's.
            now: monotonic seconds.
            known: the browser, if that user came in from it before.

        Raises:
            Problem: too many failed; says when to come back.

        """
        wait = max(bucket.wait(key, now, take=False) for bucket, key in self._counted(address, user, known))
        if wait > 0:
            raise too_many(wait, "too many attempts failed")

    def failed(self, address: str, user: str, now: float, *, known: str | None = None) -> None:
        """An attempt failed; see :meth:`check`."""
        for bucket, key in self._counted(address, user, known):
            bucket.wait(key, now)

    def _counted(self, address: str, user: str, known: str | None) -> list[tuple[Buckets, str]]:
        if known is not None:
            return [(self._known, known)]
        places = [(self._networks, neighbourhood(address))]
        return [*places, (self._users, user)] if user else places


class Setup:
    """The code that makes the first admin: in the log, and nowhere else.

    It has 60 random bits. Attempts are slowed down and not counted: a limit would let strangers shut the owner out, and
    a thousand guesses a second would take 300,000 years for a hundredth of all codes.
    """

    _LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no two that look alike

    def __init__(self) -> None:
        letters = "".join(secrets.choice(self._LETTERS) for _ in range(12))
        self.code = f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"

    def matches(self, said: str) -> bool:
        """Whether this is the code."""
        return hmac.compare_digest(_letters(said).encode(), _letters(self.code).encode())


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
