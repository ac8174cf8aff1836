"""A barrier: a relay that a decision to open draws, once, for as long as it needs, and with a row that says why.

The row is written first: whatever moved has one, and where none can be written nothing moves. An event that is too old
opens nothing, since an outbox may deliver late, and whoever stands there by then is somebody else.
"""

from __future__ import annotations

import math
from collections import deque
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from edge_ocr.errors import ConfigError
from edge_ocr.publish import Delivered
from edge_ocr.types import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_ocr.clock import Clock
    from edge_ocr.publish import Outcome
    from edge_ocr.tables import RelaySettings
    from edge_ocr.types import Parcel, Stamp

_REMEMBERED = 64  # keys of events that it opened for


class Pin(Protocol):
    """What a relay needs of a :class:`gpiozero.OutputDevice`."""

    def on(self) -> None:
        """Draw."""

    def off(self) -> None:
        """Release."""

    def close(self) -> None:
        """Let go of the pin."""


class Audit(Protocol):
    """Keeps what was done to the world outside."""

    def audit(self, now: Stamp, actor: str, action: str, reason: str, *, event: str | None = None) -> None:
        """Write a row, for good.

        Args:
            now: when.
            actor: 'relay'.
            action: 'open', 'dry-run', 'prolong', 'ignored' or 'lock-out'.
            reason: in words.
            event: its key.

        """


class Relay:
    """Draws a relay for decisions to open.

    Args:
        settings: with a pin.
        clock: for pulses and ages.
        audit: keeps a row for each opening, and for each that did not take place although a list allowed it.
        pin: the relay's; None for the one of the settings, or none in a dry run.

    Raises:
        ConfigError: the GPIO library is not installed, or finds no such pin.

    """

    batch = 1  # a failure must not repeat what the parcel before it opened

    def __init__(self, settings: RelaySettings, clock: Clock, audit: Audit, pin: Pin | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._audit = audit
        self._pin = pin or (None if settings.dry_run else _gpio(settings))
        self._opened: float | None = None  # when, monotonic
        self._until: float | None = None  # the relay is drawn
        self._locked_until = -math.inf
        self._opened_for: deque[str] = deque(maxlen=_REMEMBERED)

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Act upon the decisions of parcels."""
        for parcel in parcels:
            if self._settings.cameras is None or parcel.camera in self._settings.cameras:
                self._act(parcel)
        return [Delivered()] * len(parcels)

    def tick(self) -> float:
        """Release the relay when it is time."""
        if self._until is None:
            return math.inf
        left = self._until - self._clock.monotonic()
        if left <= 0:
            self._release()
            return math.inf
        return left

    def close(self) -> None:
        """Release the relay and let go of the pin."""
        self._release()
        if self._pin is not None:
            self._pin.close()

    def _act(self, parcel: Parcel) -> None:
        decision = parcel.event.get("decision") or {}
        now = self._clock.stamp()
        age = _age(parcel.event, now)
        if decision.get("action") == Action.REFUSE:
            self._lock(parcel, now, age)
        elif decision.get("action") == Action.OPEN:
            if parcel.key in self._opened_for:  # by its preview: the vehicle is the same, and one opening is enough
                return
            against = self._against(now, age)
            if against is None:
                self._open(parcel, now, str(decision.get("explanation")))
            else:
                self._audit.audit(now, "relay", "ignored", against, event=parcel.key)

    def _lock(self, parcel: Parcel, now: Stamp, age: float) -> None:
        until = now.mono - age + self._settings.lockout_seconds
        if until <= max(now.mono, self._locked_until):
            return
        self._locked_until = until
        self._release()
        reason = f"refused at {parcel.camera}: nothing opens for {until - now.mono:.1f} s"
        self._audit.audit(now, "relay", "lock-out", reason, event=parcel.key)

    def _against(self, now: Stamp, age: float) -> str | None:
        """Why the relay stays as it is, or None."""
        if age > self._settings.max_age_seconds:
            old = "of another boot" if math.isinf(age) else f"{age:.1f} s old"
            return f"the event is {old}, and may be {self._settings.max_age_seconds:g} s"
        if now.mono < self._locked_until:
            return f"locked out for another {self._locked_until - now.mono:.1f} s by a refusal"
        armed = -math.inf if self._opened is None else self._opened + self._settings.rearm_seconds
        if now.mono < armed and not (self._settings.mode == "hold" and self._until is not None):
            return f"armed again in {armed - now.mono:.1f} s"
        return None

    def _open(self, parcel: Parcel, now: Stamp, reason: str) -> None:
        prolongs = self._until is not None and self._settings.mode == "hold"
        action = "dry-run" if self._settings.dry_run else "prolong" if prolongs else "open"
        self._audit.audit(now, "relay", action, reason, event=parcel.key)
        if self._pin is not None and not self._settings.dry_run:
            self._pin.on()
        self._opened, self._until = now.mono, now.mono + self._settings.seconds
        self._opened_for.append(parcel.key)

    def _release(self) -> None:
        self._until = None
        if self._pin is not None:
            self._pin.off()


def _age(event: dict[str, Any], now: Stamp) -> float:
    """Seconds since a plate was last seen; inf if that was in another boot, whose clock does not compare."""
    last = event["last"]
    same = bool(now.boot_id) and last["boot_id"] == now.boot_id
    return max(0.0, now.mono - float(last["monotonic"])) if same else math.inf


def _gpio(settings: RelaySettings) -> Pin:
    try:
        library = import_module("gpiozero")
        pin: Pin = library.OutputDevice(settings.pin, active_high=settings.active_high, initial_value=False)
    except ImportError as error:
        raise ConfigError(
            f"publish.relay needs a package that is missing ({error}); run 'pip install \"edge-ocr[gpio]\"'"
        ) from error
    except Exception as error:  # its back-ends raise what they like
        cause = " ".join(str(error).split())
        cure = "name a free pin of a Raspberry Pi, or set dry_run = true"
        raise ConfigError(f"publish.relay.pin is {settings.pin}, which cannot be used ({cause}); {cure}") from error
    return pin
