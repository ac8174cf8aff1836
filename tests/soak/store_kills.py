"""Kill the store with SIGKILL at random instants, under load, and look whether anything was lost.

    python tests/soak/store_kills.py --kills 500

A child records batches of events with crops for two destinations, sends them to a real broker (mosquitto, TLS,
password) and to one that only notes them, keeps missed plates and enforces narrow limits, all at once. It notes each
batch before and after it was recorded, and each delivery of the second, in a journal that survives it; what came
through the broker a subscriber tells. After a kill the store is opened, which repairs it, and held against both. Needs
Debian's packages mosquitto and openssl.

lost        events that were recorded, are not in the store, and were not delivered to both destinations
duplicates  serial numbers that are in the store twice; batches of which nobody knows are recorded again
unpaired    files without rows and rows without files, and whatever else `edge-ocr check` finds
disorder    first deliveries of a camera that came after those of a later event
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import plates

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from servers import Broker, Subscriber

from edge_ocr.clock import SystemClock
from edge_ocr.config import KeepSettings, StoreSettings
from edge_ocr.publish.mqtt import Mqtt
from edge_ocr.publish.sender import Sender
from edge_ocr.store import Database, Entry, check
from edge_ocr.tables import RetrySettings
from edge_ocr.types import Attempt, Event

DESTINATIONS = ("broker", "hook")
CAMERAS = ("in", "out")
LIMITS = StoreSettings(
    events=KeepSettings(most=600), crops=KeepSettings(most=300), previews=KeepSettings(most=200), attempts=20, free_mb=0
)
PICTURES = plates.crops(40)
_PATIENCE = RetrySettings(first_seconds=0.05, most_seconds=1.0)


@dataclass
class Ledger:
    """What the journals of all children say."""

    begun: dict[str, int] = field(default_factory=dict)  # serial number by id
    done: set[str] = field(default_factory=set)
    delivered: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in DESTINATIONS})

    def read(self, journal: Path) -> None:
        """Take in a journal; its last line may be cut off."""
        for line in journal.read_text().split("\n")[:-1]:
            what, key, *rest = line.split()
            if what == "begin":
                self.begun[key] = int(rest[0])
            elif what == "done":
                self.done.add(key)
            else:
                self.delivered[rest[0]].append(key)

    def hear(self, subscriber: Subscriber) -> None:
        """Take in what came through the broker, in its order."""
        subscriber.catch_up()
        events = (data for topic, data, _ in list(subscriber.messages) if topic.endswith("/event"))
        self.delivered["broker"] = [json.loads(data)["id"] for data in events]

    @property
    def unknown(self) -> dict[str, int]:
        """Events of which nobody knows whether they were recorded."""
        return {key: serial for key, serial in self.begun.items() if key not in self.done}


def child(folder: Path, journal: Path, first: int, unknown: dict[str, int], broker: Broker) -> None:
    """Work until killed."""
    file = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(lines: list[str]) -> None:
        os.write(file, "".join(f"{line}\n" for line in lines).encode())

    clock = SystemClock()
    store = Database.open(folder, clock, LIMITS)
    threading.Thread(target=publish, args=(store, broker, clock), daemon=True).start()
    threading.Thread(target=deliver, args=(store, "hook", note), daemon=True).start()
    batch = [replace(made(serial, clock), id=key) for key, serial in unknown.items()]
    serial = first
    while True:
        if not batch:
            batch = [made(serial + step, clock) for step in range(random.randint(1, 12))]
            serial += len(batch)
        note([f"begin {event.id} {int(event.reading.text)}" for event in batch])
        store.record_all([Entry(event, None, DESTINATIONS) for event in batch])
        note([f"done {event.id}" for event in batch])
        batch = []
        if random.random() < 0.3:
            store.miss(Attempt("in", "few reads", "X", 0.1, 3, 1, clock.stamp(), PICTURES[0]))
        if random.random() < 0.2:
            store.tidy()


def made(serial: int, clock: SystemClock) -> Event:
    """The event with a serial number."""
    return plates.event(serial, clock.stamp(), PICTURES[serial % len(PICTURES)], CAMERAS[serial % len(CAMERAS)])


def publish(store: Database, broker: Broker, clock: SystemClock, *, most: float = float("inf")) -> None:
    """Send through the real broker until nothing is left, or for good; bounded in seconds."""
    sender = Sender("broker", Mqtt(broker.settings(), clock), store.outbox, clock, _PATIENCE)
    end = time.monotonic() + most
    while time.monotonic() < end and (most == float("inf") or store.outbox.depth("broker").pending):
        time.sleep(min(sender.step(), 0.02))
    sender.close()


def deliver(store: Database, name: str, note: object) -> None:
    """Take parcels, as a sender does; one in fifty is refused at first."""
    assert callable(note)
    while True:
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        held = set()
        for parcel in store.outbox.pending(name, now, 20):
            if parcel.camera in held:
                continue
            if parcel.attempts == 0 and random.random() < 0.02:
                store.outbox.failed(parcel, "refused", now + 0.02)
                held.add(parcel.camera)
                continue
            note([f"sent {parcel.key} {name}"])
            store.outbox.delivered(parcel)
        time.sleep(0.002)


def kill_once(folder: Path, journal: Path, first: int, unknown: dict[str, int], broker: Broker) -> None:
    """Let a child work for a random while, from nothing to 0.8 seconds."""
    pid = os.fork()
    if pid == 0:
        try:
            child(folder, journal, first, unknown, broker)
        finally:
            os._exit(1)  # a child never gets so far, unless something fails
    time.sleep(random.uniform(0.0, 0.8))
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status):
        sys.exit("the child failed before it was killed; its error stands above")


def main() -> int:
    """Run; returns 0 if nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    random.seed(args.seed)
    place = Path(tempfile.mkdtemp(prefix="store-kills-"))
    folder, ledger, faults = place / "store", Ledger(), Counter[str]()
    (place / "broker").mkdir()
    broker = Broker(place / "broker")
    broker.start()
    subscriber = Subscriber(broker)
    if not subscriber.online.wait(60):
        sys.exit("the broker let nobody subscribe; its log is in " + str(place / "broker"))
    for kill in range(args.kills):
        journal = place / f"journal-{kill}"
        random.seed(f"{args.seed}/{kill}")
        kill_once(folder, journal, 1 + max(ledger.begun.values(), default=0), ledger.unknown, broker)
        ledger.hear(subscriber)
        if journal.exists():
            ledger.read(journal)
        if random.random() < 0.5:  # otherwise the next child finds what this one left
            faults += look(folder, ledger)
    faults += look(folder, ledger)
    drain(folder, ledger, broker)
    ledger.hear(subscriber)
    subscriber.close()
    broker.kill()
    faults["undelivered"] = sum(len(ledger.done - set(sent)) for sent in ledger.delivered.values())
    faults["disorder"] = disorder(ledger)
    again = sum(len(sent) - len(set(sent)) for sent in ledger.delivered.values())
    print(f"kills {args.kills}, events {len(ledger.done)}, deliveries {sum(map(len, ledger.delivered.values()))}")
    for name in ("lost", "duplicates", "unpaired", "set aside", "undelivered", "disorder"):
        print(f"{name:<12} {faults[name]}")
    print(f"delivered again with the same key: {again}")
    shutil.rmtree(place)
    return 1 if faults.total() else 0


def look(folder: Path, ledger: Ledger) -> Counter[str]:
    """Open the store and hold it against the ledger."""
    with Database.open(folder, SystemClock(), LIMITS) as store:
        rows = store.events(limit=1_000_000)
        aside = store.set_aside is not None
    there = {row["id"] for row in rows}
    texts = Counter(row["text"] for row in rows)
    sent = set.intersection(*(set(keys) for keys in ledger.delivered.values()))
    report = check.check(folder, sleep=lambda _: None)
    for fault in report.faults:
        print(f"fault: {fault}")
    lost = ledger.done - there - sent
    # What is in the store is known, though the child was killed before it could say so.
    ledger.done |= there
    return Counter(
        {
            "lost": len(lost),
            "duplicates": sum(count - 1 for count in texts.values()),
            "unpaired": len(report.faults),
            "set aside": int(aside),
        }
    )


def drain(folder: Path, ledger: Ledger, broker: Broker) -> None:
    """Deliver what is left."""
    with Database.open(folder, SystemClock(), LIMITS) as store:
        while parcels := store.outbox.pending("hook", 1e12, 500):
            for parcel in parcels:
                ledger.delivered["hook"].append(parcel.key)
                store.outbox.delivered(parcel)
        publish(store, broker, SystemClock(), most=60)


def disorder(ledger: Ledger) -> int:
    """How many first deliveries came too late."""
    count = 0
    for sent in ledger.delivered.values():
        latest = dict.fromkeys(CAMERAS, 0)
        for key in dict.fromkeys(sent):
            serial = ledger.begun[key]
            camera = CAMERAS[serial % len(CAMERAS)]
            count += serial < latest[camera]
            latest[camera] = max(latest[camera], serial)
    return count


if __name__ == "__main__":
    sys.exit(main())
