"""How the program is: counters and gauges for Prometheus and as JSON, and one status that turns red with a reason.

The parts count what they do and register what can be asked of them; a snapshot asks, and never fails because a part
does: a part that cannot be asked is a reason to turn red.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_ocr import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from edge_ocr.clock import Clock
    from edge_ocr.tables import HealthSettings

Labels: TypeAlias = tuple[tuple[str, str], ...]
Counted: TypeAlias = "Iterable[tuple[str, float, Mapping[str, str]]]"
"""Names of :data:`COUNTERS`, how far they are, and their labels."""

COUNTERS = {
    "frames": "Frames that were taken from a camera.",
    "frames_dropped": "Frames that came while the one before was still being read.",
    "frames_failed": "Frames that could not be processed.",
    "reads": "Texts that were read in frames.",
    "events": "Events that were told.",
    "rejected": "Tracks that did not become an event, by reason.",
    "delivered": "Events that a destination took.",
    "delivery_failures": "Attempts that a destination did not take.",
    "lost": "Events that were given up, because the store took none for too long.",
    "stored_bytes": "Bytes written to the disk for events.",
    "shed": "What gave way to keep within limits, by kind; 'parcels' are events that an outbox had no room for.",
    "restarts": "Starts of a camera or a thread after a failure.",
}
"""What :meth:`Health.count` takes, with the help text; each becomes ``edge_ocr_NAME_total``."""

GAUGES = {
    "healthy": "1 while there is no reason to worry.",
    "up_seconds": "Since the program started.",
    "last_event_age_seconds": "Since the last event of a camera.",
    "last_frame_age_seconds": "Since the last frame of a camera.",
    "queue_depth": "Events that a destination has not taken.",
    "queue_age_seconds": "Since the oldest of them was last seen.",
    "dead_letters": "Events that a destination will not get.",
    "temperature_celsius": "Of the hottest zone.",
    "throttled": "1 while the firmware tells a condition.",
    "disk_free_bytes": "Where events are stored.",
    "disk_total_bytes": "Where events are stored.",
    "memory_available_bytes": "On the machine.",
    "memory_total_bytes": "On the machine.",
    "cma_free_bytes": "For camera buffers.",
    "resident_bytes": "Of this process.",
    "clock_synchronised": "1 while a time service has the clock in hand.",
}
"""The other figures, with the help text; each becomes ``edge_ocr_NAME``."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure: a name of :data:`COUNTERS` or :data:`GAUGES`, what it is of, and its value."""

    name: str
    value: float
    labels: Labels = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for one destination.

    Attributes:
        pending: events.
        dead: dead letters.
        age: seconds since the oldest one was last seen; None if nobody knows.
        problem: why it takes nothing at the moment, or None.

    """

    pending: int
    dead: int
    age: float | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How everything is at one moment; healthy where there are no reasons against it."""

    samples: tuple[Sample, ...]
    reasons: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Green, or red."""
        return not self.reasons

    def total(self, name: str) -> float:
        """The sum of a figure over all that it is of; 0 where it is not told."""
        return sum(sample.value for sample in self.samples if sample.name == name)

    def as_json(self) -> dict[str, Any]:
        """For pages and brokers: ``ok``, ``reasons`` and every figure, by name and label."""
        figures: dict[str, Any] = {}
        for sample in self.samples:
            if sample.labels:
                figures.setdefault(sample.name, {})["/".join(value for _, value in sample.labels)] = sample.value
            else:
                figures[sample.name] = sample.value
        return {"ok": self.ok, "reasons": list(self.reasons), **figures}

    def prometheus(self) -> str:
        """The text that Prometheus scrapes (exposition format 0.0.4)."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for name, said in (*COUNTERS.items(), *GAUGES.items()):
            samples = [sample for sample in self.samples if sample.name == name]
            if samples:
                full = f"edge_ocr_{name}_total" if name in COUNTERS else f"edge_ocr_{name}"
                yield f"# HELP {full} {said}"
                yield f"# TYPE {full} {'counter' if name in COUNTERS else 'gauge'}"
                for sample in samples:
                    labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in sample.labels)
                    yield f"{full}{{{labels}}} {sample.value!r}" if labels else f"{full} {sample.value!r}"


class Health:
    """Gathers figures and concerns; any thread may use it.

    Args:
        settings: beyond which figures the status turns red.
        clock: for ages.
        folder: where events are stored; None for the working directory.
        root: where ``proc`` and ``sys`` are looked for.

    """

    def __init__(
        self, settings: HealthSettings, clock: Clock, *, folder: Path | None = None, root: Path = Path("/")
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._folder = folder or Path.cwd()
        self._root = root
        self._lock = Lock()
        self._counts: dict[tuple[str, Labels], float] = {}
        self._frames: dict[str, float] = {}
        self._events: dict[str, float] = {}
        self._tallies: dict[str, Callable[[], Counted]] = {}
        self._concerns: dict[str, Callable[[], str | None]] = {}
        self._queues: dict[str, Callable[[], Queue]] = {}
        self._start = clock.monotonic()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to one of :data:`COUNTERS`.

        Raises:
            ValueError: there is no such counter, or the amount is negative.

        """
        if name not in COUNTERS or amount < 0:
            raise ValueError(f"name is {name!r} and amount {amount}; count {', '.join(COUNTERS)} upwards")
        with self._lock:
            key = name, tuple(sorted(labels.items()))
            self._counts[key] = self._counts.get(key, 0) + amount

    def tally(self, name: str, ask: Callable[[], Counted]) -> None:
        """Ask something that counts for itself how far it is, with every snapshot and when it is forgotten.

        What it counted stays when another of the same name comes after it.
        """
        self._tallies[name] = ask

    def frame(self, camera: str) -> None:
        """A frame was taken; a camera whose frames stop is a reason to worry from now on."""
        self.count("frames", camera=camera)
        self._frames[camera] = self._clock.monotonic()

    def ended(self, camera: str) -> None:
        """A camera is not expected to give frames any more."""
        self._frames.pop(camera, None)

    def event(self, camera: str) -> None:
        """An event was told."""
        self.count("events", camera=camera)
        self._events[camera] = self._clock.monotonic()

    def watch(self, name: str, concern: Callable[[], str | None]) -> None:
        """Ask something, with every snapshot, whether it is well: None, or a reason in one line."""
        self._concerns[name] = concern

    def watch_queue(self, destination: str, queue: Callable[[], Queue]) -> None:
        """Ask, with every snapshot, what waits for a destination."""
        self._queues[destination] = queue

    def forget(self, name: str) -> None:
        """Do not ask something, or after a destination, any more; what it counted stays."""
        tally = self._tallies.pop(name, None)
        try:
            counted = list(tally()) if tally else []
        except Exception:  # noqa: BLE001 -- what cannot be asked any more must not stop who lets go of it
            counted = []
        for counter, amount, labels in counted:
            self.count(counter, amount, **labels)
        self._concerns.pop(name, None)
        self._queues.pop(name, None)

    def snapshot(self) -> Snapshot:
        """How everything is now. Never raises."""
        reasons: list[str] = []
        samples = [*self._figures(reasons), *self._queue_figures(reasons), *self._machine_figures(reasons)]
        for name, concern in list(self._concerns.items()):
            said = _asked(name, concern)
            if said is not None:
                reasons.append(f"{name}: {said}")
        samples += [Sample(name, value, labels) for (name, labels), value in self._counted(reasons).items()]
        samples.append(Sample("healthy", float(not reasons)))
        return Snapshot(tuple(samples), tuple(reasons))

    def _figures(self, reasons: list[str]) -> Iterator[Sample]:
        now = self._clock.monotonic()
        yield Sample("up_seconds", now - self._start)
        yield Sample("clock_synchronised", float(self._clock.stamp().synced))
        for camera, at in list(self._events.items()):
            yield Sample("last_event_age_seconds", now - at, (("camera", camera),))
        for camera, at in list(self._frames.items()):
            yield Sample("last_frame_age_seconds", now - at, (("camera", camera),))
            if now - at > self._settings.max_frame_age_seconds:
                reasons.append(f"camera {camera}: no frame for {now - at:.0f} s")

    def _counted(self, reasons: list[str]) -> dict[tuple[str, Labels], float]:
        with self._lock:
            counts = dict(self._counts)
        for name, ask in list(self._tallies.items()):
            try:
                counted = [((counter, tuple(sorted(labels.items()))), amount) for counter, amount, labels in ask()]
            except Exception as error:  # noqa: BLE001 -- a part that cannot be asked must not hide the others
                reasons.append(f"{name}: its counters cannot be asked ({_line(error)}); see what stopped {name}")
                continue
            for key, amount in counted:
                counts[key] = counts.get(key, 0) + amount
        return counts

    def _queue_figures(self, reasons: list[str]) -> Iterator[Sample]:
        for name, ask in list(self._queues.items()):
            try:
                queue = ask()
            except Exception as error:  # noqa: BLE001 -- a part that cannot be asked must not hide the others
                reasons.append(f"{name}: its queue cannot be asked ({_line(error)}); see what stopped {name}")
                continue
            labels = (("destination", name),)
            yield Sample("queue_depth", queue.pending, labels)
            yield Sample("dead_letters", queue.dead, labels)
            if queue.age is not None:
                yield Sample("queue_age_seconds", queue.age, labels)
                if queue.age > self._settings.max_queue_age_seconds:
                    waits = f"{queue.pending} events wait, the oldest for {queue.age:.0f} s"
                    reasons.append(f"{name}: {waits}{f': {queue.problem}' if queue.problem else ''}")

    def _machine_figures(self, reasons: list[str]) -> Iterable[Sample]:
        seen = machine.look(self._folder, self._root)
        most, disk, memory = self._settings.max_temperature, seen.disk_free, seen.memory_available
        if seen.temperature is not None and seen.temperature > most:
            reasons.append(f"temperature: {seen.temperature:.0f} degrees, more than {most:g}; add a heat sink or a fan")
        if seen.throttled_now:
            reasons.append(f"power: {', '.join(seen.throttled_now)}; use a stronger supply or cool the board")
        if disk is not None and disk < self._settings.min_disk_mb * 1e6:
            reasons.append(f"disk: {disk / 1e6:.0f} MB free, less than {self._settings.min_disk_mb:g}; make room")
        if memory is not None and memory < self._settings.min_memory_mb * 1e6:
            reasons.append(f"memory: {memory / 1e6:.0f} MB available, less than {self._settings.min_memory_mb:g}")
        figures = {
            "temperature_celsius": seen.temperature,
            "disk_free_bytes": disk,
            "disk_total_bytes": seen.disk_total,
            "memory_available_bytes": memory,
            "memory_total_bytes": seen.memory_total,
            "cma_free_bytes": seen.cma_free,
            "resident_bytes": seen.resident,
        }
        samples = [Sample(name, value) for name, value in figures.items() if value is not None]
        bits = seen.throttled
        if bits is not None:
            told = machine.THROTTLED.items()
            samples += [Sample("throttled", float(bits >> bit & 1), (("condition", said),)) for bit, said in told]
        return samples


def _asked(name: str, concern: Callable[[], str | None]) -> str | None:
    try:
        return concern()
    except Exception as error:  # noqa: BLE001 -- a part that cannot be asked must not hide the others
        return f"cannot be asked ({_line(error)}); see what stopped {name}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
