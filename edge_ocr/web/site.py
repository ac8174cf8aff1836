"""What pages and interface work on: the store, the lists, the board, and what they may set in motion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from edge_ocr.clock import Clock
    from edge_ocr.config import Settings
    from edge_ocr.health import Health
    from edge_ocr.lists import LiveLists
    from edge_ocr.live import Board
    from edge_ocr.privacy import Shield
    from edge_ocr.store.view import View
    from edge_ocr.types import Image, Reading, Stamp
    from edge_ocr.web.guard import Doorkeeper, Setup
    from edge_ocr.web.history import History
    from edge_ocr.web.languages import Language
    from edge_ocr.web.sessions import Sessions
    from edge_ocr.web.users import Users


class Audit(Protocol):
    """Keeps what people did; :class:`edge_ocr.store.Database` is one."""

    def audit(self, now: Stamp, actor: str, action: str, reason: str, *, event: str | None = None) -> None:
        """Write a row, for good."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What the pages may set in motion; what is None is not offered. Each is called in a thread of the server's.

    Attributes:
        read: the texts of an image, best first; takes care itself that nobody else reads meanwhile.
        open_barrier: opens the barrier for the user of this name and says what was done; raises EdgeOcrError.
        reload: reads the zones again; raises EdgeOcrError.

    """

    read: Callable[[Image], Sequence[Reading]] | None = None
    open_barrier: Callable[[str], str] | None = None
    reload: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Everything together.

    Attributes:
        settings: of the whole program.
        folder: for users, sessions and zones.
        board: what goes on right now.
        health: how everything is.
        clock: the time.
        audit: keeps what people did.
        hands: what may be set in motion.
        view: into the store.
        archive: the same for questions that take long, so that short ones need not wait for them.
        shield: how plates stand in the store.
        lists: as they are now.
        users: who may come in.
        sessions: who came in.
        doorkeeper: slows down who guesses.
        setup: makes the first admin.
        history: of the health's figures.
        languages: of the kiosk, by code.

    """

    settings: Settings
    folder: Path
    board: Board
    health: Health
    clock: Clock
    audit: Audit
    hands: Hands
    view: View
    archive: View
    shield: Shield
    lists: LiveLists
    users: Users
    sessions: Sessions
    doorkeeper: Doorkeeper
    setup: Setup
    history: History
    languages: Mapping[str, Language]

    @property
    def secure(self) -> bool:
        """Whether browsers reach the server by HTTPS."""
        return self.settings.web.cert_file is not None or self.settings.web.proxy

    @property
    def private(self) -> bool:
        """Whether pictures and texts that were not stored must not be shown as they are."""
        privacy = self.settings.privacy
        return privacy.mode != "plain" or privacy.crops in {"blur", "drop"}
