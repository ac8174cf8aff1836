"""mosquitto and an HTTP server die and return 50 times while 10,000 events are delivered: all arrive, hardly any twice.

    python tests/soak/publish_deaths.py [--events 10000] [--deaths 50] [--seed 1]

Prints a line for each destination; exit code 1 if an event is missing or more than 1% came twice. Needs Debian's
packages mosquitto and openssl. The short form is part of the suite: tests/faults/test_broker.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from servers import Broker, Deaths, HttpServer, Subscriber, wait_until

from edge_ocr.clock import SystemClock
from edge_ocr.publish.memory import MemoryOutbox
from edge_ocr.publish.mqtt import Mqtt
from edge_ocr.publish.sender import Sender
from edge_ocr.publish.webhook import Webhook
from edge_ocr.tables import RetrySettings, WebhookSettings

if TYPE_CHECKING:
    from collections import Counter
    from threading import Event

    from servers import Mortal

    from edge_ocr.publish import Destination

_MOST_TWICE = 0.01


def send(
    destination: Destination,
    server: Mortal,
    arguments: argparse.Namespace,
    online: Event | None = None,
) -> float:
    """Deliver everything while the server dies and returns, and whoever it is for is there; seconds it took."""
    outbox = MemoryOutbox()
    for number in range(arguments.events):
        event = {"id": f"e{number:06}", "camera": f"c{number % 4}", "text": "AB123", "confidence": 0.97}
        outbox.add("there", {**event, "padding": "x" * 800})
    patience = RetrySettings(first_seconds=0.05, most_seconds=1.0)
    sender = Sender("there", destination, outbox, SystemClock(), patience)
    start = time.monotonic()

    def taken() -> int:
        return len(outbox.taken)

    mourn = online.clear if online else lambda: None
    total, count, seed = arguments.events, arguments.deaths, arguments.seed
    with Deaths(server, taken, total=total, deaths=count, seed=seed, mourn=mourn) as deaths:
        while taken() < arguments.events:
            time.sleep(min(sender.step(), 0.02) if online is None or online.is_set() else 0.005)
        seconds = time.monotonic() - start
        wait_until(lambda: deaths.count == arguments.deaths)
    sender.close()
    orders = [[parcel.id for parcel in outbox.taken if parcel.camera == f"c{camera}"] for camera in range(4)]
    print(f"  {deaths.count} deaths, in order by camera: {all(order == sorted(order) for order in orders)}")
    return seconds


def report(name: str, arrived: int, received: int, seconds: float, events: int) -> bool:
    """Print one destination's result; whether it is good."""
    twice = received - events
    print(f"  {name}: {arrived} of {events} arrived, {twice} came twice ({twice / events:.2%}), {seconds:.1f} s")
    return arrived == events and twice <= _MOST_TWICE * events


def over_mqtt(arguments: argparse.Namespace, folder: Path) -> bool:
    """The broker's half."""
    good = True
    for version in ("5", "3.1.1"):
        print(f"MQTT {version}, TLS, password, ACL")
        (folder / version).mkdir()
        broker = Broker(folder / version)
        broker.start()
        subscriber = Subscriber(broker)
        subscriber.online.wait(10)
        seconds = send(Mqtt(broker.settings(version=version), SystemClock()), broker, arguments, subscriber.online)
        wait_until(lambda keys=subscriber.keys: len(keys()) == arguments.events, 60)
        keys: Counter[str] = subscriber.keys()
        subscriber.close()
        broker.kill()
        again = sum(keys.values()) - len(keys)
        print(f"  the subscriber got {again} again")
        good &= report("mqtt", len(keys), broker.received(), seconds, arguments.events)
    return good


def over_http(arguments: argparse.Namespace, folder: Path) -> bool:
    """The web server's half."""
    print("HTTP")
    server = HttpServer(folder)
    server.start()
    seconds = send(Webhook(WebhookSettings(url=server.url, timeout_seconds=5.0), SystemClock()), server, arguments)
    server.kill()
    keys = server.keys()
    return report("webhook", len(keys), sum(keys.values()), seconds, arguments.events)


def main() -> int:
    """Both, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--deaths", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = [over_mqtt(arguments, Path(folder)), over_http(arguments, Path(folder))]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
