"""The pages that people look at, and the same for programs: live pictures, events, lists, zones, health.

:func:`open_server` is the door; whoever watches cameras feeds the :class:`edge_ocr.live.Board` that it takes, and never
waits for anybody who looks. docs/design/web.md says what it costs and what it is safe against.

    board = Board(clock)
    server = open_server(settings, board, health, clock, store, Hands(read=reader.read))
    server.start()
    ...
    board.show("gate", frame, lambda: readings)   # each frame that was processed
    board.tell(event)                             # each event, once the store has it
    ...
    server.stop()

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_ocr import drawn
from edge_ocr.errors import ConfigError
from edge_ocr.lists import LiveLists
from edge_ocr.privacy import Shield
from edge_ocr.store.view import View
from edge_ocr.web import languages
from edge_ocr.web.site import Audit, Hands, Site

if TYPE_CHECKING:
    from edge_ocr.clock import Clock
    from edge_ocr.config import Settings
    from edge_ocr.health import Health
    from edge_ocr.live import Board
    from edge_ocr.web.server import Server

__all__ = ["Audit", "Hands", "Site", "open_server"]


def open_server(
    settings: Settings, board: Board, health: Health, clock: Clock, audit: Audit, hands: Hands | None = None
) -> Server:
    """A server that is ready to start; it listens already, and answers from :meth:`Server.start` on.

    Args:
        settings: of the whole program; ``web`` says where to listen, ``store.folder`` what to show.
        board: what goes on right now.
        health: how everything is.
        clock: the time.
        audit: keeps what people did: the store.
        hands: what the pages may set in motion; None for nothing.

    Returns:
        The server, with ``start()``, ``stop()``, which takes seconds at most, and ``address``.

    Raises:
        ConfigError: the extra ``web`` is not installed, there is no store, nothing can listen at the address, a
            certificate cannot be used, or a file of users, sessions or languages is wrong.

    """
    folder = drawn.folder_of(settings)
    if settings.store.folder is None or folder is None:
        raise ConfigError("store.folder is missing, but [web] shows what is in it; name one")
    try:
        from edge_ocr.web.guard import Doorkeeper, Setup  # noqa: PLC0415 -- the extra, when it is asked for
        from edge_ocr.web.history import History  # noqa: PLC0415
        from edge_ocr.web.server import Server  # noqa: PLC0415
        from edge_ocr.web.sessions import Sessions  # noqa: PLC0415
        from edge_ocr.web.users import Users  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            f"[web] needs a package that is missing ({error}); run 'pip install \"edge-ocr[web]\"'"
        ) from error
    known = languages.load(settings.web.languages_folder)
    if settings.web.language not in known:
        what = f"web.language is {settings.web.language!r}, which no file has"
        raise ConfigError(f"{what}; there are: {', '.join(known)}")
    site = Site(
        settings=settings,
        folder=folder,
        board=board,
        health=health,
        clock=clock,
        audit=audit,
        hands=hands or Hands(),
        view=View(settings.store.folder),
        archive=View(settings.store.folder),
        shield=Shield(settings.privacy),
        lists=LiveLists(settings.lists.file),
        users=Users(folder / "users.json"),
        sessions=Sessions(folder / "sessions.json", settings.web.session_days),
        doorkeeper=Doorkeeper(),
        setup=Setup(),
        history=History(),
        languages=known,
    )
    return Server(site)
