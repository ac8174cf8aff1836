"""A server as `edge-ocr serve` runs one: the real pipeline on the sample clip, over and over, in a process of its own.

    python tests/browser/served.py FOLDER --port 8080

prints the address and the code for the first admin as one line of JSON, and runs until its input ends.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

from edge_ocr import config, vote
from edge_ocr.camera import files
from edge_ocr.clock import SystemClock
from edge_ocr.decide import decide
from edge_ocr.health import Health
from edge_ocr.lists import LiveLists
from edge_ocr.live import Board
from edge_ocr.pipeline import Pipeline, open_reader
from edge_ocr.store import Database
from edge_ocr.web import Hands, open_server

CLIP = Path(__file__).parents[2] / "docs" / "samples" / "clip.mp4"
CAMERA = "gate"


class Guarded:
    """A reader that several threads may use."""

    def __init__(self, reader: Any) -> None:
        self._reader, self._lock = reader, Lock()
        self.grammar = reader.grammar

    def sightings(self, image: Any, /, **named: Any) -> Any:
        with self._lock:
            return self._reader.sightings(image, **named)

    def read(self, image: Any) -> Any:
        with self._lock:
            return self._reader.read(image)


def settings_of(folder: Path, port: int, **web: Any) -> config.Settings:
    """As a configuration would have them."""
    tables = {
        "store": {"folder": str(folder), "free_mb": 0},
        "lists": {"file": str(folder / "lists.csv")},
        "web": {"port": port, **web},
        "vote": {"repeat_seconds": 0},
    }
    return config.parse(tables, origin="the test")


def watch(settings: config.Settings, store: Database, board: Board, health: Health, reader: Guarded, stop: Flag) -> int:
    """Read the clip over and over until told to stop; returns the frames."""
    clock, lists = SystemClock(), LiveLists(settings.lists.file)
    frames = 0
    for _ in count():
        pipeline = Pipeline(reader, settings)
        start = clock.stamp()
        for frame in files.frames(str(CLIP), start=start):
            if stop.wait(max(0.0, frame.stamp.mono - clock.monotonic())):
                return frames
            frames += 1
            events = pipeline.step(frame)
            board.show(CAMERA, frame, lambda image=frame.image, number=frame.number: seen(reader, image, number))
            health.frame(CAMERA)
            tell(events, settings, lists, store, board, health)
        tell(pipeline.finish(), settings, lists, store, board, health)
        while pipeline.missed:
            store.miss(replace(pipeline.missed.popleft(), source=CAMERA))
    return frames


def seen(reader: Guarded, image: Any, number: int) -> list[Any]:
    """What the live picture shows; serve has it from its tracks, and need not read twice."""
    sightings = reader.sightings(image, frame=number)
    votes = [vote.fuse([sighting], reader.grammar, kind="plate") for sighting in sightings]
    return [one.reading for one in votes if one]


def tell(events: Any, settings: Any, lists: LiveLists, store: Database, board: Board, health: Health) -> None:
    for event in events:
        event = replace(event, source=CAMERA)  # noqa: PLW2901 -- under the camera's name
        decision = decide(event.reading, lists.current(), settings.lists, event.last)
        board.tell(store.record(replace(event, decision=decision), decision=decision))
        health.event(CAMERA)


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--web", type=json.loads, default={})
    parser.add_argument("--still", action="store_true", help="watch nothing")
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    args.folder.mkdir(parents=True, exist_ok=True)
    settings = settings_of(args.folder, args.port, **args.web)
    if not settings.lists.file.exists():
        settings.lists.file.write_text("list,plate,name,from,until,note\n")
    clock, stop = SystemClock(), Flag()
    board, health = Board(clock), Health(settings.health, clock, folder=args.folder)
    with Database.open(args.folder, clock, settings.store) as store:
        reader = None if args.still else Guarded(open_reader(settings))
        hands = Hands(read=reader and reader.read, open_barrier=lambda who: f"opened for {who}")
        server = open_server(settings, board, health, clock, store, hands)
        server.start()
        print(json.dumps({"address": server.address, "code": server.code}), flush=True)
        thread = Thread(target=watch, args=(settings, store, board, health, reader, stop))
        if reader is not None:
            thread.start()
        sys.stdin.read()
        stop.set()
        if reader is not None:
            thread.join()
        server.stop()


if __name__ == "__main__":
    main()
