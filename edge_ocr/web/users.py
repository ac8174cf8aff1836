"""Who may come in, as whom: users with roles and passwords, and tokens for programs, in one file.

Passwords are kept as argon2id (RFC 9106) with 7 MiB and five passes, the least memory among the parameters that OWASP
holds equal. Tokens are random and long, so that one SHA-256 keeps them.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

import argon2

from edge_ocr import heap, jsonfile
from edge_ocr.web.exchange import Role, conflict, missing

if TYPE_CHECKING:
    from pathlib import Path

LEAST_PASSWORD, MOST_PASSWORD = 10, 200
"""Characters. No rules about kinds of characters: length is what counts."""

_PASSES, _MEMORY = 5, 7 * 1024  # KiB
_MOST_USERS, _MOST_TOKENS = 200, 100
_PREFIX = "eocr_"  # so that a token that leaks into a repository is recognised


@dataclass(frozen=True, slots=True)
class User:
    """Somebody; ``password`` is the hash, ``since`` the wall time at which it was set."""

    name: str
    role: str
    password: str
    since: float


@dataclass(frozen=True, slots=True)
class Token:
    """A key for programs: it may what ``role`` may, and never more than its user; ``hash`` is of the secret."""

    id: str
    user: str
    role: str
    name: str
    hash: str
    since: float


class Users:
    """The file of users and tokens; any thread may use it.

    Args:
        path: of the file, which may be missing.

    Raises:
        ConfigError: it cannot be read.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock, self._hashing = Lock(), Lock()
        self._hasher = argon2.PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY, parallelism=1)
        held = jsonfile.read(path, {"users": [], "tokens": []})
        self._users = {user["name"]: User(**user) for user in held["users"]}
        self._tokens = {token["hash"]: Token(**token) for token in held["tokens"]}
        self._nobody = self._hashed(secrets.token_hex())

    def __len__(self) -> int:
        return len(self._users)

    def all(self) -> list[User]:
        """Everybody, by name."""
        return sorted(self._users.values(), key=lambda user: user.name)

    def find(self, name: str) -> User | None:
        """A user by name."""
        return self._users.get(name)

    def check(self, name: str, password: str) -> User | None:
        """The user whose password this is; takes as long for users that do not exist."""
        user = self._users.get(name)
        with self._hashing:  # one at a time: each takes 7 MiB and a core
            try:
                self._hasher.verify(user.password if user else self._nobody, password[:MOST_PASSWORD])
            except argon2.exceptions.VerificationError:
                return None
            finally:
                heap.give_back()
        return user

    def add(self, name: str, role: Role, password: str, now: float, *, first: bool = False) -> User:
        """A new user.

        Args:
            name: of nobody yet.
            role: what it may do.
            password: of at least :data:`LEAST_PASSWORD` characters.
            now: wall time.
            first: whether nobody may be there yet.

        Raises:
            Problem: there is one of that name, or there are too many.
            StoreError: the file cannot be written.

        """
        user = User(name, role.word, self._hashed(password), now)
        with self._lock:
            if name in self._users or (first and self._users):
                raise conflict(f"user {name!r} is there already; choose another name")
            if len(self._users) >= _MOST_USERS:
                raise conflict(f"there are {_MOST_USERS} users already; remove one first")
            self._save({**self._users, name: user}, self._tokens)
        return user

    def change(self, name: str, *, role: Role | None = None, password: str | None = None, now: float = 0.0) -> User:
        """Give a user another role or password; see :meth:`add`."""
        fresh = None if password is None else self._hashed(password)
        with self._lock:
            user = self._known(name)
            if role is not None:
                user = replace(user, role=role.word)
            if fresh is not None:
                user = replace(user, password=fresh, since=now)
            users = {**self._users, name: user}
            self._check_admin(users)
            self._save(users, self._tokens)
        return user

    def remove(self, name: str) -> None:
        """Take a user and its tokens away; see :meth:`add`."""
        with self._lock:
            self._known(name)
            users = {known: user for known, user in self._users.items() if known != name}
            self._check_admin(users)
            self._save(users, {key: token for key, token in self._tokens.items() if token.user != name})

    def tokens(self, user: str) -> list[Token]:
        """The tokens of a user, the oldest first."""
        return sorted((token for token in self._tokens.values() if token.user == user), key=lambda token: token.since)

    def issue(self, user: str, role: Role, name: str, now: float) -> tuple[str, Token]:
        """A new token: the secret, which is shown once, and what is kept of it."""
        secret = _PREFIX + secrets.token_urlsafe(32)
        token = Token(secrets.token_hex(8), user, role.word, name, _hash(secret), now)
        with self._lock:
            self._known(user)
            if len(self.tokens(user)) >= _MOST_TOKENS:
                raise conflict(f"user {user!r} has {_MOST_TOKENS} tokens already; revoke one first")
            self._save(self._users, {**self._tokens, token.hash: token})
        return secret, token

    def revoke(self, user: str, number: str) -> None:
        """Take a token away.

        Raises:
            Problem: the user has no such token.

        """
        with self._lock:
            rest = {key: token for key, token in self._tokens.items() if (token.user, token.id) != (user, number)}
            if len(rest) == len(self._tokens):
                raise missing(f"user {user!r} has no token {number!r}; see the list")
            self._save(self._users, rest)

    def by_token(self, secret: str) -> tuple[User, Role, Token] | None:
        """Whose token this is and what it may do."""
        token = self._tokens.get(_hash(secret)) if secret.startswith(_PREFIX) else None
        user = self._users.get(token.user) if token else None
        if token is None or user is None:
            return None
        return user, min(Role.of(token.role), Role.of(user.role)), token

    def _hashed(self, password: str) -> str:
        with self._hashing:
            try:
                return self._hasher.hash(password)
            finally:
                heap.give_back()

    def _known(self, name: str) -> User:
        user = self._users.get(name)
        if user is None:
            raise missing(f"there is no user {name!r}; see the list")
        return user

    def _check_admin(self, users: dict[str, User]) -> None:
        if all(user.role != Role.ADMIN.word for user in users.values()):
            raise conflict("this is the last admin; make somebody else one first")

    def _save(self, users: dict[str, User], tokens: dict[str, Token]) -> None:
        held = {"users": [asdict(user) for user in users.values()], "tokens": [asdict(one) for one in tokens.values()]}
        jsonfile.write(self._path, held)
        self._users, self._tokens = users, tokens


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
