"""Settings: TOML or keywords in, checked and frozen values out.

The classes below and in :mod:`edge_ocr.tables` are the reference: a table of the file is a class, a key is a field,
and every field carries its default and its limits. :func:`load` reads a file, :func:`parse` takes nested mappings, for
Python callers. An error tells the file, the key path and the cure; an unknown key names the known one it resembles.
"""

from __future__ import annotations

import difflib
import itertools
import reprlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge_ocr.errors import ConfigError, printable
from edge_ocr.tables import (
    CameraSettings,
    GateSettings,
    HealthSettings,
    ListSettings,
    MoreSettings,
    MqttSettings,
    PaceSettings,
    PrivacySettings,
    PublishSettings,
    WebSettings,
)
from edge_ocr.tables import choice as _choice
from edge_ocr.tables import kinds as _kinds
from edge_ocr.tables import number as _number
from edge_ocr.types import Action, Kind


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """Table ``[detect]``: finding texts in a frame.

    Attributes:
        threshold: 0.01..0.99, the least score of a box that is read; None for the one the detector was exported with.
        preprocess: steps of :mod:`edge_ocr.preprocess` that every strip goes through, in this order.

    """

    threshold: float | None = _number(None, 0.01, 0.99)
    preprocess: tuple[str, ...] = _choice(
        (),
        "otsu",
        "sauvola",
        "median",
        "non-local-means",
        "clahe",
        "stroke-width",
        "level-profile",
        "level-hough",
        "level-rectangle",
    )


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """Table ``[track]``: which boxes of successive frames are one plate.

    Attributes:
        max_missed_frames: how many frames in a row may miss a plate before it has gone.
        reach: how far from its predicted place a box may be, in lengths of the plate.
        keep: how many of the best reads of a plate are kept for the vote.

    """

    max_missed_frames: int = _number(10, 0, 10_000)
    reach: float = _number(1.5, 0.1, 20)
    keep: int = _number(16, 1, 1_000)


@dataclass(frozen=True, slots=True)
class VoteSettings:
    """Table ``[vote]``: what is evidence enough for an event.

    Attributes:
        min_confidence: 0..1, the least probability that the text is exactly right.
        min_reads: how many frames must have given a text.
        min_characters: what is shorter is not told; None for 4 for plates, whose fragments make most short texts,
            and 1 for all else.
        preview_confidence: 0..1, the probability of being right from which on a text is told early, as a preview, while
            more is still read; 1 for no previews.
        preview_reads: how many frames must have given a text before that.
        decide_after_seconds: a plate that is still in the picture after so long is decided without waiting for its
            end, and again after every further such span until there is evidence enough.
        repeat_seconds: a text seen again within this time, or a part of it, is the same event.
        repeat_contradiction: in nats; what may speak against two vehicles within that time, one of them perhaps
            misread, being the same. 0 for texts that are exactly the same alone.

    """

    min_confidence: float = _number(0.8, 0, 1)
    min_reads: int = _number(2, 1, 1_000)
    min_characters: int | None = _number(None, 1, 1_000)
    preview_confidence: float = _number(0.97, 0, 1)
    preview_reads: int = _number(2, 1, 1_000)
    decide_after_seconds: float = _number(10.0, 0.1, 86_400)
    repeat_seconds: float = _number(60.0, 0, 86_400)
    repeat_contradiction: float = _number(3.0, 0, 100)


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """A table such as ``[store.crops]``: how much of one kind is kept; 0 for no limit.

    Attributes:
        days: how long. Nothing is old while the clock is not synchronised, or was for less than an hour.
        most: how many.
        mb: how many megabytes.

    """

    days: float = _number(0.0, 0, 36_500)
    most: int = _number(0, 0, 1_000_000_000)
    mb: float = _number(0.0, 0, 1_000_000_000)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Table ``[store]``: where events are kept, and for how long.

    Beyond a limit the oldest give way. What waits to be sent stays: an event, not its pictures.

    Attributes:
        folder: for the database and the crops; None to keep nothing. Relative to the working directory; ``~`` at its
            beginning is the home folder.
        events: how much of the events; ``mb`` of the database without the previews.
        crops: how much of the pictures of plates.
        previews: how much of their small copies, which outlive them.
        attempts: how many tracks without an event are kept, in a ring, to see why a plate was missed.
        free_mb: the floor: what of the disk stays free. Below it crops give way, and no new ones are kept.
        outbox_most: how many events may wait for one destination.
        outbox_full: which event becomes a dead letter of a destination beyond that: "oldest" or "newest".

    """

    folder: Path | None = None
    events: KeepSettings = field(default_factory=lambda: KeepSettings(365, 1_000_000, 1000))
    crops: KeepSettings = field(default_factory=lambda: KeepSettings(30, 200_000, 2000))
    previews: KeepSettings = field(default_factory=lambda: KeepSettings(90, 20_000, 32))
    attempts: int = _number(500, 0, 1_000_000)
    free_mb: float = _number(200.0, 0, 1_000_000_000)
    outbox_most: int = _number(1_000_000, 1, 1_000_000_000)
    outbox_full: str = _choice("oldest", "oldest", "newest")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file.

    Attributes:
        kind: what is read.
        regions: whose plate formats are expected; None for all that ship.
        gate: where it is worth to look for texts.
        pace: how much of what a live camera gives is processed.
        detect: finding texts in a frame.
        track: which boxes of successive frames are one plate.
        vote: what is evidence enough for an event.
        store: where events are kept.
        lists: which plates are known, and what follows.
        privacy: what of a plate is kept at all.
        publish: where events go.
        health: when the status turns red.
        web: the pages.
        camera: the cameras that `serve` watches.

    """

    kind: Kind = Kind.PLATE
    regions: tuple[str, ...] | None = None
    gate: GateSettings = field(default_factory=GateSettings)
    pace: PaceSettings = field(default_factory=PaceSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    vote: VoteSettings = field(default_factory=VoteSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    lists: ListSettings = field(default_factory=ListSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    web: WebSettings = field(default_factory=WebSettings)
    camera: tuple[CameraSettings, ...] = ()


def load(path: Path) -> Settings:
    """Read a configuration file.

    Args:
        path: of a TOML file; keys that it leaves out have their defaults.

    Raises:
        ConfigError: it cannot be read, is not TOML, or says something unknown or impossible.

    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{printable(path)}: cannot be read ({error.strerror}); name a configuration file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{printable(path)}: is not UTF-8 (byte {error.start}); save it as UTF-8 text") from error
    except (ValueError, RecursionError) as error:  # besides its own error: numbers and nesting beyond Python's bounds
        raise ConfigError(
            f"{printable(path)}: is not valid TOML: {' '.join(str(error).split())}; correct it there"
        ) from error
    return parse(tables, origin=printable(path))


def parse(tables: Mapping[str, Any], *, origin: str) -> Settings:
    """Check settings that are in memory.

    Args:
        tables: as :mod:`tomllib` returns them; keys that are left out have their defaults.
        origin: what to call them in errors, such as the file's name.

    Raises:
        ConfigError: something in them is unknown or impossible.

    """
    settings: Settings = _table(Settings(), tables, origin, "")
    for place, wrong in _contradictions(settings):
        raise ConfigError(f"{origin}: {place} {wrong}")
    return settings


def _contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """What each key may say alone, but not beside the others: a key path and what is wrong with it."""
    return itertools.chain(
        _privacy_contradictions(settings),
        _publish_contradictions(settings),
        _web_contradictions(settings),
        *(_camera_contradictions(settings.camera, number) for number in range(len(settings.camera))),
    )


def _camera_contradictions(cameras: Sequence[CameraSettings], number: int) -> Iterator[tuple[str, str]]:
    camera, place = cameras[number], f"camera[{number}]"
    if not camera.name.isascii() or not camera.name.replace("-", "").replace("_", "").isalnum():
        yield f"{place}.name", f"is {_quoted(camera.name)}; give letters, digits, '-' and '_'"
    if camera.name in {other.name for other in cameras[:number]}:
        yield f"{place}.name", f"is {_quoted(camera.name)}, as that of another camera; give each its own"
    if not camera.source:
        yield f"{place}.source", "is missing; name a camera, such as 'picamera2://0', '/dev/video0' or 'rtsp://...'"
    if camera.rotate % 90:
        yield f"{place}.rotate", f"is {camera.rotate}; give 0, 90, 180 or 270"
    if (camera.width is None) != (camera.height is None):
        yield f"{place}.width", "is given without its height, or the other way round; give both or none"
    if camera.password_file is not None and camera.username is None:
        yield f"{place}.username", f"is missing, but {place}.password_file needs it; name the user"
    if camera.recovery.pause_seconds > camera.recovery.pause_most_seconds:
        yield f"{place}.recovery.pause_seconds", "is more than pause_most_seconds; give a smaller number"


def _privacy_contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    privacy = settings.privacy
    if privacy.mode == "hashed" and privacy.key_file is None:
        yield "privacy.key_file", "is missing, but privacy.mode 'hashed' needs it; name a file of 32 secret bytes"
    if privacy.mode == "hashed" and privacy.crops == "keep":
        yield "privacy.crops", "is 'keep', but pictures show what 'hashed' hides; give 'blur' or 'drop'"
    if privacy.mode == "listed" and settings.lists.file is None:
        yield "privacy.mode", "is 'listed', but without lists.file no event would be kept; name that file"


def _publish_contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    publish = settings.publish
    if publish.destinations and settings.store.folder is None:
        yield "store.folder", "is missing, but [publish] needs it, to keep what cannot be delivered yet; name one"
    if publish.retry.first_seconds > publish.retry.most_seconds:
        yield "publish.retry.first_seconds", "is more than publish.retry.most_seconds; give a smaller number"
    for number in range(len(publish.more)):
        yield from _more_contradictions(publish.more, number)
    for place, table in publish.tables:
        yield from _mqtt_contradictions(table.mqtt, f"{place}.mqtt")
        url = table.webhook.url
        if url is not None and not _is_web_address(url):
            yield f"{place}.webhook.url", f"is {_quoted(url)}, which is no address; write it as 'https://host/path'"


def _more_contradictions(more: Sequence[MoreSettings], number: int) -> Iterator[tuple[str, str]]:
    one, place = more[number], f"publish.more[{number}]"
    if not one.name.isascii() or not one.name.replace("-", "").replace("_", "").isalnum():
        yield f"{place}.name", f"is {_quoted(one.name)}; give letters, digits, '-' and '_'"
    if one.name in {"mqtt", "webhook", "files", "relay", *(other.name for other in more[:number])}:
        yield f"{place}.name", f"is {_quoted(one.name)}, as that of another destination; give each its own"
    used = _kinds(one)
    if len(used) != 1:
        found = f"has {' and '.join(used)}" if used else "has no destination"
        yield place, f"{found}; give it one table: mqtt with a host, webhook with a url, files or relay"


def _mqtt_contradictions(mqtt: MqttSettings, place: str) -> Iterator[tuple[str, str]]:
    if mqtt.cert_file is not None and mqtt.key_file is None:
        yield f"{place}.key_file", f"is missing, but {place}.cert_file needs it; name the certificate's key"
    if mqtt.password_file is not None and mqtt.username is None:
        yield f"{place}.username", f"is missing, but {place}.password_file needs it; name the user"
    for key in ("prefix", "discovery"):
        topic = getattr(mqtt, key)
        if topic is not None and set(topic) & set("+#"):
            yield f"{place}.{key}", f"is {_quoted(topic)}, which holds a wildcard; leave out '+' and '#'"


def _web_contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    web = settings.web
    if web.enabled and settings.store.folder is None:
        yield "store.folder", "is missing, but [web] shows what is in it; name one"
    if web.cert_file is not None and web.key_file is None:
        yield "web.key_file", "is missing, but web.cert_file needs it; name the certificate's key"
    if web.cert_file is None and not web.plain and web.address not in {"127.0.0.1", "::1", "localhost"}:
        what = f"is {_quoted(web.address)}, where passwords would cross the network unencrypted"
        yield "web.address", f"{what}; name web.cert_file and web.key_file, or set web.plain = true"


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and not set(url) & set(' "<>\\^`{|}#') and "@" not in parts.netloc
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0 and plain


def _table(defaults: Any, table: Any, origin: str, path: str) -> Any:
    """A value of the same class as ``defaults``, with what the table says instead."""
    if not isinstance(table, Mapping):
        raise ConfigError(f"{origin}: {path} is {_quoted(table)}, but must be a table; write it as [{path}]")
    known = {item.name: item for item in fields(defaults)}
    values = {name: getattr(defaults, name) for name in known}
    for key, value in table.items():
        name = key if isinstance(key, str) and key.isprintable() and len(key) <= 40 else _quoted(key)
        place = f"{path}.{name}" if path else name
        if key not in known:
            raise ConfigError(f"{origin}: {place} is unknown; {_nearest(str(key), known)}")
        if is_dataclass(values[key]):
            values[key] = _table(values[key], value, origin, place)
        elif known[key].type in _ARRAYS:
            values[key] = _array(_ARRAYS[str(known[key].type)], value, origin, place)
        else:
            values[key] = _value(known[key], value, f"{origin}: {place}")
    return type(defaults)(**values)


def _array(defaults: Any, tables: Any, origin: str, path: str) -> Any:
    """Values of the same class as ``defaults``, one for each table of an array."""
    if isinstance(tables, str | Mapping) or not isinstance(tables, list | tuple):
        raise ConfigError(f"{origin}: {path} is {_quoted(tables)}, but must be an array of tables; write [[{path}]]")
    return tuple(_table(defaults, table, origin, f"{path}[{number}]") for number, table in enumerate(tables))


def _value(known: Field[Any], value: Any, place: str) -> Any:
    """One checked value; the field's annotation, a string here, says which check."""
    check = _CHECKS[str(known.type).removesuffix(" | None")]
    if value is None and str(known.type).endswith(" | None"):
        return None  # TOML has no null; Python callers have
    return check(known, value, place)


def _real(known: Field[Any], value: Any, place: str) -> float:
    least, most = known.metadata["limits"]
    # bool is an int in Python: 'true' would pass for 1.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{place} is {_quoted(value)}, but must be a number; give one from {least:g} to {most:g}")
    if not least <= value <= most:
        raise ConfigError(f"{place} is {_quoted(value)}, which is out of range; give one from {least:g} to {most:g}")
    return float(value)


def _whole(known: Field[Any], value: Any, place: str) -> int:
    number = _real(known, value, place)
    if not isinstance(value, int):
        least, most = known.metadata["limits"]
        raise ConfigError(
            f"{place} is {_quoted(value)}, but must be a whole number; give one from {least:g} to {most:g}"
        )
    return int(number)


def _kind(_: Field[Any], value: Any, place: str) -> Kind:
    return Kind(_one_of(list(Kind), value, place))


def _action(_: Field[Any], value: Any, place: str) -> Action:
    return Action(_one_of(list(Action), value, place))


def _one_of(known: Sequence[str], value: Any, place: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise ConfigError(f"{place} is {_quoted(value)}, which is unknown; {_nearest(str(value), known)}")
    return value


def _switch(_: Field[Any], value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{place} is {_quoted(value)}, but must be true or false; write it without quotes")
    return value


def _text(known: Field[Any], value: Any, place: str) -> str:
    if "choices" in known.metadata:
        return _one_of(known.metadata["choices"], value, place)
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 1000:
        raise ConfigError(f"{place} is {_quoted(value)}, but must be a text of one line; give one in quotes")
    return value


def _names(known: Field[Any], value: Any, place: str) -> tuple[str, ...]:
    if (
        isinstance(value, str)
        or not isinstance(value, list | tuple)
        or not all(isinstance(name, str) for name in value)
    ):
        raise ConfigError(f'{place} is {_quoted(value)}, but must be a list of names; write it as ["us", "eu"]')
    if not value:
        raise ConfigError(f"{place} is empty, so that nothing could be read; name at least one, or leave the key out")
    if "choices" in known.metadata:
        for name in value:
            _one_of(known.metadata["choices"], name, place)
    if len(set(value)) < len(value):
        raise ConfigError(f"{place} is {_quoted(value)}, which names something twice; name each once")
    return tuple(value)


def _polygons(_: Field[Any], value: Any, place: str) -> tuple[tuple[tuple[float, float], ...], ...]:
    cure = "write it as [[[0, 0.5], [1, 0.5], [1, 1], [0, 1]]], in shares of the picture's width and height"
    if not isinstance(value, list | tuple) or not value or not all(isinstance(part, list | tuple) for part in value):
        raise ConfigError(f"{place} is {_quoted(value)}, but must be a list of polygons; {cure}")
    for polygon in value:
        if len(polygon) < 3 or not all(_is_corner(corner) for corner in polygon):
            what = "but must have three corners or more, each of two numbers from 0 to 1"
            raise ConfigError(f"{place} holds {_quoted(polygon)}, {what}; {cure}")
    return tuple(tuple((float(x), float(y)) for x, y in polygon) for polygon in value)


def _is_corner(corner: Any) -> bool:
    return (
        isinstance(corner, list | tuple)
        and len(corner) == 2
        and all(isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1 for share in corner)
    )


def _path(known: Field[Any], value: Any, place: str) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        what, example = (
            ("file", "/etc/edge-ocr/name") if known.name.endswith("file") else ("folder", "/var/lib/edge-ocr")
        )
        raise ConfigError(f'{place} is {_quoted(value)}, but must be a {what}; write it as "{example}"')
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # nobody of that name, or nobody who has a home
        raise ConfigError(f"{place} is {_quoted(value)}, whose home folder is not known; write it out") from error


_CHECKS = {
    "float": _real,
    "int": _whole,
    "bool": _switch,
    "str": _text,
    "Kind": _kind,
    "Action": _action,
    "tuple[str, ...]": _names,
    "tuple[Polygon, ...]": _polygons,
    "Path": _path,
}


_ARRAYS: dict[str, Any] = {
    "tuple[CameraSettings, ...]": CameraSettings(),
    "tuple[MoreSettings, ...]": MoreSettings(),
}
"""What the tables of an array begin with."""


def _quoted(value: Any) -> str:
    """A value as it is written, cut short: a message stays one line whatever it quotes."""
    text = reprlib.repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _nearest(word: str, known: Iterable[str]) -> str:
    names = [str(name) for name in known]
    (*near,) = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(names)}"
