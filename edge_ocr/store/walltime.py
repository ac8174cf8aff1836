"""Wall times that a clock without a battery got wrong, put right as soon as the clock is.

While a time service vouches for the wall clock, ``wall - mono`` is a constant of the boot, but for small steps: an
anchor. Moments that were stamped without it get their wall time from their monotonic time and the anchor. Between two
anchors of one boot the clock has only drifted, and the drift is shared out evenly; before the first there is only one
to go by, and after the last, once the boot is over.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_ocr.store import rows

if TYPE_CHECKING:
    from edge_ocr.store.connection import Connection
    from edge_ocr.types import Event, Stamp

_STEP = 0.25  # seconds; less is a time service at work, more a step
_DRIFT = 500e-6  # the most that the kernel lets a clock run fast or slow; what differs by more was stepped
_STEADY = 3600.0  # seconds without a step until old events may be dropped by what the clock says

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The wall clock was right from ``since`` to ``until`` (monotonic, of one boot), and was mono + shift."""

    boot_id: str
    since: float
    until: float
    shift: float


class WallTimes:
    """Keeps the anchors of the present boot and puts right what was stamped without one.

    Args:
        connection: to the store's database.

    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._anchor: Anchor | None = None
        self._held = False  # whether the clock has been right without a break since the anchor

    def observe(self, now: Stamp) -> int:
        """Look at the clock, which costs nothing unless it has changed; returns how many events were put right."""
        anchor = self._of_boot(now.boot_id)
        if not now.synced:
            self.rest()
            return 0
        shift = now.wall - now.mono
        if anchor and self._held and abs(shift - anchor.shift) <= _STEP:
            self._anchor = replace(anchor, until=max(anchor.until, now.mono))
            return 0
        fresh = Anchor(now.boot_id, now.mono, now.mono, shift)
        with self._connection.transaction():
            self._write(fresh)
            count = self._repair(anchor, fresh, now)
        self._anchor, self._held = fresh, True
        return count

    def recorded(self, event: Event, now: Stamp) -> None:
        """An event was recorded: one that was seen before the clock was right, but told afterwards, is put right."""
        late = not (event.first.synced and event.last.synced)
        if late and self._held and self._anchor and self._anchor.boot_id == event.last.boot_id:
            self._repair(None, self._anchor, now)

    def settle(self, now: Stamp) -> int:
        """Put right what earlier boots left: moments after their clocks were right for the last time.

        Returns:
            How many events.

        """
        left = self._connection.rows(
            """
            SELECT b.boot_id, max(a.since), a.until, a.shift FROM clock_anchors a JOIN boots b ON b.id = a.boot
            WHERE b.boot_id <> ? AND a.boot IN (SELECT boot FROM events WHERE first_synced = 0 OR last_synced = 0)
            GROUP BY a.boot
            """,
            (now.boot_id,),
        )
        with self._connection.transaction():
            return sum(self._repair(None, Anchor(*anchor), now) for anchor in left)

    def steady(self, now: Stamp) -> bool:
        """Whether the clock has been right for so long that something may be dropped because it is old."""
        anchor = self._anchor
        return (
            now.synced
            and self._held
            and anchor is not None
            and anchor.boot_id == now.boot_id
            and now.mono - anchor.since >= _STEADY
            and abs(now.wall - now.mono - anchor.shift) <= _STEP
        )

    def rest(self) -> None:
        """The clock is not held right any more, or nobody will look: note until when it was."""
        if self._anchor and self._held:
            self._write(self._anchor)
        self._held = False

    def forget(self) -> None:
        """Another database took the place of this one: what is known of anchors is read anew."""
        self._anchor, self._held = None, False

    def _of_boot(self, boot_id: str) -> Anchor | None:
        """The latest anchor of a boot, from an earlier start too."""
        if self._anchor is None or self._anchor.boot_id != boot_id:
            found = self._connection.rows(
                """
                SELECT since, until, shift FROM clock_anchors a JOIN boots b ON b.id = a.boot
                WHERE b.boot_id = ? ORDER BY since DESC LIMIT 1
                """,
                (boot_id,),
            )
            self._anchor, self._held = (Anchor(boot_id, *found[0]) if found else None), False
        return self._anchor

    def _write(self, anchor: Anchor) -> None:
        with self._connection.transaction():
            boot = rows.named(self._connection, "boots", anchor.boot_id)
            self._connection.run(
                "INSERT OR REPLACE INTO clock_anchors (boot, since, until, shift) VALUES (?, ?, ?, ?)",
                (boot, anchor.since, anchor.until, anchor.shift),
            )

    def _repair(self, before: Anchor | None, after: Anchor, now: Stamp) -> int:
        connection = self._connection
        boot = rows.named(connection, "boots", after.boot_id)
        for table in ("attempts", "audit"):
            connection.run(
                f"UPDATE {table} SET wall = mono + ?, synced = 2 WHERE boot = ? AND synced = 0", (after.shift, boot)
            )
        shift = _shift(before, after)
        # One statement for all of them: after a week without a clock there may be 100,000, and others wait meanwhile.
        found = connection.rows(
            f"""
            SELECT count(*), min(first_mono), max(last_mono),
            min(min(iif(first_synced, 1e18, {_RIGHT["first"]} - first_wall),
                    iif(last_synced, 1e18, {_RIGHT["last"]} - last_wall))),
            max(max(iif(first_synced, -1e18, {_RIGHT["first"]} - first_wall),
                    iif(last_synced, -1e18, {_RIGHT["last"]} - last_wall)))
            FROM events WHERE boot = :boot AND (first_synced = 0 OR last_synced = 0)
            """,
            {"boot": boot, **shift},
        )
        count, *told = found[0]
        if not count:
            return 0
        for name in ("first", "last"):
            connection.run(
                f"""
                UPDATE events SET {name}_wall_raw = {name}_wall, {name}_wall = {_RIGHT[name]}, {name}_synced = 2
                WHERE boot = :boot AND (first_synced = 0 OR last_synced = 0) AND {name}_synced = 0
                """,
                {"boot": boot, **shift},
            )
        connection.run(
            """
            INSERT INTO clock_corrections (boot, mono_from, mono_to, events, added_min, added_max, mono, wall)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            (boot, told[0], told[1], count, told[2], told[3], now.mono, now.wall),
        )
        _log.warning("wall times of %d events that a wrong clock stamped were put right", count)
        return int(count)


_RIGHT = {
    name: f"{name}_mono + (:shift + min(max(({name}_mono - :since) / :span, 0.0), 1.0) * :grown)"
    for name in ("first", "last")
}
"""The wall time of a moment, in SQL, for what :func:`_shift` gives."""


def _shift(before: Anchor | None, after: Anchor) -> dict[str, float]:
    """What to add to a monotonic time for the wall time of that moment: ``shift``, and what it grows by later on."""
    constant = {"shift": after.shift, "since": 0.0, "span": 1.0, "grown": 0.0}
    if before is None or before.until >= after.since:
        return constant
    span, grown = after.since - before.until, after.shift - before.shift
    if abs(grown) > _STEP + _DRIFT * span:  # one of the two was a lie; the later one is the better known
        return constant
    return {"shift": before.shift, "since": before.until, "span": span, "grown": grown}
