"""From the configuration to the destinations in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_ocr.errors import ConfigError
from edge_ocr.publish.files import DayFiles
from edge_ocr.publish.mqtt import Mqtt
from edge_ocr.publish.relay import Relay
from edge_ocr.publish.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge_ocr.clock import Clock
    from edge_ocr.publish import Destination
    from edge_ocr.publish.relay import Audit
    from edge_ocr.tables import MoreSettings, PublishSettings


def open_destination(
    name: str,
    settings: PublishSettings,
    clock: Clock,
    audit: Audit,
    health: Callable[[], Mapping[str, Any]] | None = None,
) -> Destination:
    """One of :attr:`PublishSettings.destinations`.

    Args:
        name: 'mqtt', 'webhook', 'files' or 'relay', or that of one of ``settings.more``.
        settings: of all.
        clock: for all that waits.
        audit: for what the relay does.
        health: what a broker is told of this device; None for nothing.

    Raises:
        ConfigError: it cannot be used as it is set; the message names the key.
        ValueError: there is no such destination.

    """
    for own, kind, place, table in settings.used:
        if own == name:
            try:
                return _opened(kind, table, clock, audit, health)
            except ConfigError as error:
                raise ConfigError(f"{place}.{str(error).removeprefix('publish.')}") from error
    raise ValueError(f"name is {name!r}; destinations are {', '.join(settings.destinations) or 'not set'}")


def _opened(
    kind: str,
    table: PublishSettings | MoreSettings,
    clock: Clock,
    audit: Audit,
    health: Callable[[], Mapping[str, Any]] | None,
) -> Destination:
    match kind:
        case "mqtt":
            return Mqtt(table.mqtt, clock, health)
        case "webhook":
            return Webhook(table.webhook, clock)
        case "files":
            return DayFiles(table.files, clock)
        case _:
            return Relay(table.relay, clock, audit)
