"""How fast a full outbox drains over loopback, from the real store into each destination, one sender each.

    python tests/soak/publish_rate.py [--events 5000]

Prints events a second for MQTT (mosquitto, TLS, QoS 1), webhook (a process of Python's http.server) and day files, and
how long a decision takes with 10,000 list entries. Needs Debian's packages mosquitto and openssl.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from servers import Broker, HttpServer

from edge_ocr.clock import SystemClock
from edge_ocr.decide import decide
from edge_ocr.lists import Entry, Lists
from edge_ocr.publish.files import DayFiles
from edge_ocr.publish.mqtt import Mqtt
from edge_ocr.publish.sender import Sender
from edge_ocr.publish.webhook import Webhook
from edge_ocr.store import Database
from edge_ocr.store import Entry as Row
from edge_ocr.tables import FilesSettings, ListSettings, RetrySettings, WebhookSettings
from edge_ocr.types import Alternative, Event, Kind, Quad, Reading

if TYPE_CHECKING:
    from edge_ocr.publish import Destination

_QUAD = Quad(((0, 0), (1, 0), (1, 1), (0, 1)), Kind.PLATE, 1.0)


def drain(name: str, destination: Destination, store: Database, events: int) -> None:
    """Send everything and print the rate."""
    sender = Sender(name, destination, store.outbox, SystemClock(), RetrySettings())
    start = time.monotonic()
    while sender.counts["delivered"] < events:
        time.sleep(min(sender.step(), 0.01))
    store.outbox.flush()
    seconds = time.monotonic() - start
    sender.close()
    print(f"{name}: {events} events in {seconds:.1f} s, {events / seconds:.0f} a second")


def full(folder: Path, events: int) -> Database:
    """A store whose outboxes hold so many events."""
    clock = SystemClock()
    store = Database.open(folder, clock)
    others = tuple(Alternative(f"AB12{digit}", 0.01) for digit in range(4))
    for first in range(0, events, 500):
        rows = []
        for number in range(first, min(first + 500, events)):
            stamp = clock.stamp()
            reading = Reading(f"AB{number:05}", 0.97, Kind.PLATE, "nl", _QUAD, others)
            event = Event(f"k{number:06}", f"c{number % 4}", reading, 9, 0, stamp, stamp, 0, 9, None, 4)
            rows.append(Row(event, None, ("mqtt", "webhook", "files")))
        store.record_all(rows)
    return store


def time_decisions() -> None:
    """The time of a decision that finds nothing exact among 10,000 entries."""
    chance = random.Random(1)
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    plates = {"".join(chance.choices(letters, k=7)) for _ in range(10_000)}
    lists = Lists(tuple(Entry(chance.choice(("allow", "deny", "known")), plate) for plate in plates))
    readings = ["".join(chance.choices(letters, k=7)) for _ in range(20)]
    others = tuple(Alternative(text, 0.02) for text in readings[:5])
    now = SystemClock().stamp()
    start = time.perf_counter()
    for text in readings:
        decide(Reading(text, 0.9, Kind.PLATE, None, _QUAD, others), lists, ListSettings(), now)
    print(f"decision: {(time.perf_counter() - start) / len(readings) * 1000:.1f} ms with {len(plates)} entries")


def main() -> None:
    """All of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5000)
    events = parser.parse_args().events
    time_decisions()
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker, server = Broker(folder), HttpServer(folder)
        broker.start()
        server.start()
        try:
            with full(folder / "store", events) as store:
                drain("files", DayFiles(FilesSettings(folder=folder / "days"), clock), store, events)
                drain("mqtt", Mqtt(broker.settings(), clock), store, events)
                drain("webhook", Webhook(WebhookSettings(url=server.url), clock), store, events)
        finally:
            broker.kill()
            server.kill()


if __name__ == "__main__":
    main()
