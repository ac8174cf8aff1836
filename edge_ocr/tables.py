"""The tables of the configuration for cameras, and for what becomes of an event: lists, privacy, destinations, health.

Like those in :mod:`edge_ocr.config`, which checks them: a table of the file is a class, a key is a field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_ocr.types import Action

if TYPE_CHECKING:
    from pathlib import Path

Polygon: TypeAlias = "tuple[tuple[float, float], ...]"
"""Corners in shares of a picture's width and height, 0..1; three at least."""


def number(default: float | None, least: float, most: float) -> Any:
    """A field that holds a number within limits, both included."""
    return field(default=default, metadata={"limits": (least, most)})


def choice(default: Any, *choices: str) -> Any:
    """A field that holds one of some words, or a tuple of them, each once."""
    return field(default=default, metadata={"choices": choices})


@dataclass(frozen=True, slots=True)
class RecoverySettings:
    """Table ``[camera.recovery]``: what is tried when a camera gives no pictures, rung by rung, until one helps.

    Attributes:
        reopens: how often it is opened again by each process that has it.
        restarts: how often a new process takes over, before the first power cycle and after each.
        power_cycle: a command that takes the camera's power away and gives it back, such as
            "uhubctl -l 1-1 -p 2 -a cycle"; None for none.
        power_cycles: how often it is run; after the last, and the restarts that follow it, the camera is lost.
        power_cycle_seconds: how long it may take.
        pause_seconds: before the second try; it doubles with each further one, and is varied by up to a fifth.
        pause_most_seconds: what it grows to.
        settle_seconds: a camera that has given pictures for so long is well again: its next trouble begins at the
            first rung.

    """

    reopens: int = number(5, 0, 1_000)
    restarts: int = number(10, 0, 1_000_000)
    power_cycle: str | None = None
    power_cycles: int = number(2, 1, 1_000)
    power_cycle_seconds: float = number(30.0, 0.1, 600)
    pause_seconds: float = number(0.5, 0, 3600)
    pause_most_seconds: float = number(4.0, 0, 3600)
    settle_seconds: float = number(10.0, 0, 3600)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """A table ``[[camera]]``: one camera; there may be several.

    Attributes:
        name: what events, topics and figures call it: letters, digits, "-" and "_".
        source: "picamera2://0", "/dev/video0", "rtsp://...", "http://..." or "fake://", or a file, folder or glob.
        width: of the picture, in pixels; None for what suits the source (1280 with picamera2).
        height: of the picture, in pixels; None for what suits the source (720 with picamera2).
        fps: pictures a second; None for what the source gives (15 with picamera2). Streams that give more are thinned.
        luma_width: of the reduced grey picture that a Raspberry Pi's camera makes beside, for the motion gate.
        rotate: 0, 90, 180 or 270 degrees clockwise, before anything else sees the picture.
        flip: "none", "horizontal", "vertical" or "both".
        deadline_seconds: a camera that gives no picture for so long is in trouble.
        open_seconds: how long it may take to open, up to its first picture.
        username: for streams that want a login; None for none, or the one in the address.
        password_file: a file with the password alone.
        transport: "tcp" or "udp", for RTSP.
        exposure_us: exposure time in microseconds, for picamera2; None to let the camera choose.
        gain: analogue gain, for picamera2; None to let the camera choose.
        lens: where a Raspberry Pi's camera with a moving lens focuses, in 1/metre (0 is far away); None to leave it.
        buffers: of the picamera2 stream; each takes memory that only cameras can use.
        recovery: what is tried when it gives no pictures.
        zones: polygons, in shares of the picture: texts are read where their middle is in one of them; None for all of
            the picture. As in ``zones = [[[0, 0.5], [1, 0.5], [1, 1], [0, 1]]]``, the lower half.
        masks: polygons in which no text is read, such as the camera's own clock.

    """

    name: str = "camera"
    source: str = ""
    width: int | None = number(None, 16, 8192)
    height: int | None = number(None, 16, 8192)
    fps: float | None = number(None, 0.1, 1000)
    luma_width: int = number(640, 64, 1920)
    rotate: int = number(0, 0, 270)
    flip: str = choice("none", "none", "horizontal", "vertical", "both")
    deadline_seconds: float = number(5.0, 0.05, 3600)
    open_seconds: float = number(30.0, 0.1, 3600)
    username: str | None = None
    password_file: Path | None = None
    transport: str = choice("tcp", "tcp", "udp")
    exposure_us: int | None = number(None, 1, 100_000_000)
    gain: float | None = number(None, 1, 1_000)
    lens: float | None = number(None, 0, 100)
    buffers: int = number(4, 2, 16)
    recovery: RecoverySettings = field(default_factory=RecoverySettings)
    zones: tuple[Polygon, ...] | None = None
    masks: tuple[Polygon, ...] | None = None


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Table ``[gate]``: where it is worth to look for texts.

    Attributes:
        on: whether only what moves is looked at; else every frame is, as a whole.
        learn_seconds: the whole frame is looked at for so long after the start.
        hold_seconds: what has stopped is looked at for so long.
        again_seconds: what came and stands is looked at again after so long, until it is background.
        look_seconds: the whole frame is looked at whenever that was not done for so long, whatever moves.

    """

    on: bool = True
    learn_seconds: float = number(2.0, 0, 3600)
    hold_seconds: float = number(1.0, 0, 3600)
    again_seconds: float = number(2.0, 0.1, 3600)
    look_seconds: float = number(30.0, 0.1, 86_400)


@dataclass(frozen=True, slots=True)
class PaceSettings:
    """Table ``[pace]``: how much of what a live camera gives is processed.

    Attributes:
        max_fps: frames a second that are looked at, at most; None for all that can be.
        min_fps: however hot it is.
        warm_temperature: degrees Celsius; from here on, and whenever the board is throttled or lacks power, the rate is
            halved every 5 seconds.

    """

    max_fps: float | None = number(None, 0.1, 1000)
    min_fps: float = number(1.0, 0.01, 100)
    warm_temperature: float = number(75.0, 20, 120)


@dataclass(frozen=True, slots=True)
class ListRule:
    """A table ``[lists.allow]``, ``[lists.deny]`` or ``[lists.known]``: when its list counts, and what follows.

    Attributes:
        action: "open", "refuse" or "note".
        min_confidence: 0..1, the least confidence of a reading.
        max_distance: how far, in characters, a reading may be from an entry; 0 for exact matches alone.

    """

    action: Action = Action.NOTE
    min_confidence: float = number(0.0, 0, 1)
    max_distance: float = number(0.5, 0, 3)


@dataclass(frozen=True, slots=True)
class ListSettings:
    """Table ``[lists]``: which plates are known, and who wins where several lists have one.

    Attributes:
        file: CSV, see docs/guide/lists.md; None for no lists. Read again whenever it changes.
        order: the first list in it that matches decides; a list that is left out is not asked.
        exact_first: whether an exact match on a later list comes before a similar plate on an earlier one.
        unlisted: what is done about a plate that no list has.
        allow: the rule for those who may enter.
        deny: the rule for those who may not.
        known: the rule for those who are worth a name.

    """

    file: Path | None = None
    order: tuple[str, ...] = choice(("deny", "allow", "known"), "deny", "allow", "known")
    exact_first: bool = True
    unlisted: Action = Action.NOTE
    allow: ListRule = field(default_factory=lambda: ListRule(Action.OPEN, 0.9, 0.0))
    deny: ListRule = field(default_factory=lambda: ListRule(Action.REFUSE, 0.0, 0.5))
    known: ListRule = field(default_factory=lambda: ListRule(Action.NOTE, 0.0, 0.5))


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """Table ``[privacy]``: what of a plate is kept at all.

    Attributes:
        mode: "plain"; "hashed", a keyed hash in the place of every plate; or "listed", only plates of a list.
        key_file: at least 32 secret bytes, for "hashed"; with another key a plate has another hash.
        crops: "keep", "blur" or "drop" the pictures; None for "keep" in mode "plain" and "listed", "drop" in "hashed".

    """

    mode: str = choice("plain", "plain", "hashed", "listed")
    key_file: Path | None = None
    crops: str | None = choice(None, "keep", "blur", "drop")


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """Table ``[publish.retry]``: patience with a destination that does not take what it is sent.

    Attributes:
        first_seconds: after the first failure; it doubles with each further one.
        most_seconds: what it grows to.
        attempts: after so many an event becomes a dead letter; 0 to try for ever, which keeps the order.

    """

    first_seconds: float = number(1.0, 0.01, 3600)
    most_seconds: float = number(300.0, 0.01, 86_400)
    attempts: int = number(0, 0, 1_000_000)


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Table ``[publish.mqtt]``: a broker; used where ``host`` is set.

    Attributes:
        host: its name or address.
        port: None for 8883 with TLS and 1883 without.
        version: "5", or "3.1.1", whose brokers refuse an event without saying so.
        client_id: what the broker knows this device by; no two devices may share it.
        prefix: topics are PREFIX/status, PREFIX/health and PREFIX/CAMERA/event.
        username: None to send none.
        password_file: a file with the password alone.
        tls: whether to encrypt, and to check who the broker is.
        ca_file: certificates that may vouch for the broker; None for those of the system.
        cert_file: a client certificate, in PEM, to log in with.
        key_file: its key.
        echo: whether an event counts as delivered only when it came back on its own topic. Needs the right to
            subscribe; without it, a 3.1.1 broker's ACL loses events silently.
        timeout_seconds: for the connection and for each acknowledgement.
        keepalive_seconds: after so long without a word the broker reports this device as offline.
        discovery: the prefix under which Home Assistant looks for devices; None to announce none.

    """

    host: str | None = None
    port: int | None = number(None, 1, 65_535)
    version: str = choice("5", "5", "3.1.1")
    client_id: str = "edge-ocr"
    prefix: str = "edge-ocr"
    username: str | None = None
    password_file: Path | None = None
    tls: bool = True
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    echo: bool = False
    timeout_seconds: float = number(10.0, 0.1, 300)
    keepalive_seconds: int = number(30, 5, 3600)
    discovery: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Table ``[publish.webhook]``: an HTTP server that takes events by POST; used where ``url`` is set.

    Attributes:
        url: http:// or https://.
        secret_file: at least 16 bytes to sign with; None to sign nothing.
        token_file: sent as ``Authorization: Bearer``.
        crop: whether the picture goes along, as multipart/form-data.
        ca_file: certificates that may vouch for the server; None for those of the system.
        cert_file: a client certificate with its key, in PEM, to log in with.
        timeout_seconds: for a whole exchange, however slowly the server dribbles.

    """

    url: str | None = None
    secret_file: Path | None = None
    token_file: Path | None = None
    crop: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    timeout_seconds: float = number(10.0, 0.1, 300)


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """Table ``[publish.files]``: a file a day; used where ``folder`` is set.

    Attributes:
        folder: is made if missing.
        format: "jsonl" or "csv".
        keep_days: files of earlier days are removed, once the clock is right; 0 to keep all.

    """

    folder: Path | None = None
    format: str = choice("jsonl", "jsonl", "csv")
    keep_days: int = number(0, 0, 36_500)


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """Table ``[publish.relay]``: a barrier that opens where a decision says "open"; used where ``pin`` is set.

    Attributes:
        pin: GPIO number (BCM).
        active_high: whether the pin is high while the relay is drawn.
        mode: "pulse" draws it for ``seconds``; "hold" keeps it drawn for ``seconds`` after the last opening.
        seconds: how long.
        rearm_seconds: after an opening nothing opens for so long; in mode "hold" it may prolong.
        lockout_seconds: after a decision to refuse nothing opens for so long, however well the next car is known.
        max_age_seconds: an event that is older opens nothing: the car may have gone, and another stand there.
        cameras: whose events open; None for all.
        dry_run: whether everything is done but to move the pin.
        previews: whether a preview, which comes before a vehicle has left the picture, may open already.

    """

    pin: int | None = number(None, 0, 27)
    active_high: bool = True
    mode: str = choice("pulse", "pulse", "hold")
    seconds: float = number(1.0, 0.05, 3600)
    rearm_seconds: float = number(5.0, 0, 3600)
    lockout_seconds: float = number(0.0, 0, 3600)
    max_age_seconds: float = number(10.0, 0.5, 3600)
    cameras: tuple[str, ...] | None = None
    dry_run: bool = False
    previews: bool = False


@dataclass(frozen=True, slots=True)
class MoreSettings:
    """A table ``[[publish.more]]``: a further destination, of the one kind whose table stands in it.

    Attributes:
        name: what the outbox, figures and `replay` call it: letters, digits, "-" and "_".
        mqtt: another broker.
        webhook: another HTTP server.
        files: another file a day.
        relay: another barrier.

    """

    name: str = ""
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    files: FilesSettings = field(default_factory=FilesSettings)
    relay: RelaySettings = field(default_factory=RelaySettings)


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """Table ``[publish]``: where events go.

    Attributes:
        retry: patience.
        mqtt: a broker.
        webhook: an HTTP server.
        files: a file a day.
        relay: a barrier.
        more: further ones of these kinds.

    """

    retry: RetrySettings = field(default_factory=RetrySettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    files: FilesSettings = field(default_factory=FilesSettings)
    relay: RelaySettings = field(default_factory=RelaySettings)
    more: tuple[MoreSettings, ...] = ()

    @property
    def destinations(self) -> tuple[str, ...]:
        """The names of those in use: each gets a row of the outbox with every event."""
        return tuple(name for name, *_ in self.used)

    @property
    def used(self) -> tuple[tuple[str, str, str, PublishSettings | MoreSettings], ...]:
        """Of each destination in use its name, its kind, and where it is set: in the file, and here."""
        own = [(kind, kind, "publish", self) for kind in kinds(self)]
        more = [
            (one.name, kind, f"publish.more[{number}]", one)
            for number, one in enumerate(self.more)
            for kind in kinds(one)
        ]
        return (*own, *more)

    @property
    def tables(self) -> tuple[tuple[str, PublishSettings | MoreSettings], ...]:
        """Where destinations may be set, in the file and here, used or not."""
        return (("publish", self), *((f"publish.more[{number}]", one) for number, one in enumerate(self.more)))


def kinds(table: PublishSettings | MoreSettings) -> tuple[str, ...]:
    """The kinds of destinations that a table uses: 'mqtt', 'webhook', 'files', 'relay'."""
    used = {
        "mqtt": table.mqtt.host,
        "webhook": table.webhook.url,
        "files": table.files.folder,
        "relay": table.relay.pin,
    }
    return tuple(name for name, key in used.items() if key is not None)


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """Table ``[health]``: beyond which figures the status turns red.

    Attributes:
        max_temperature: degrees Celsius.
        min_disk_mb: free where events are stored.
        min_memory_mb: available on the machine.
        max_queue_age_seconds: of the oldest event that a destination has not taken.
        max_frame_age_seconds: since the last frame of any camera.

    """

    max_temperature: float = number(80.0, 30, 120)
    min_disk_mb: float = number(256.0, 0, 1_000_000)
    min_memory_mb: float = number(64.0, 0, 1_000_000)
    max_queue_age_seconds: float = number(600.0, 1, 10_000_000)
    max_frame_age_seconds: float = number(30.0, 0.1, 10_000_000)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Table ``[web]``: the pages and the interface for programs that `serve` offers.

    Attributes:
        enabled: None for yes, where the extra ``web`` is installed and there is a store.
        address: to listen at; "0.0.0.0" for every network of this machine.
        port: 0 for any that is free.
        cert_file: a certificate with its chain, in PEM, for HTTPS.
        key_file: its key.
        plain: whether passwords may cross a network unencrypted: without a certificate nobody else gets in.
        proxy: whether a server with HTTPS on this machine, such as nginx, hands requests on: the last address of its
            X-Forwarded-For says who asks.
        folder: for users, sessions and zones; None for ``web`` in the store's folder.
        language: of the kiosk, where the page's address does not say another.
        languages_folder: with further files of languages.
        kiosk_seconds: how long the kiosk shows what was read.
        live: whether pictures of the cameras are shown.
        live_width: of those pictures, in pixels.
        live_fps: the most of them in a second.
        session_days: a session that was not used for so long ends.
        most_connections: at a time.
        requests_per_second: of one address, on average; ten times as many in a burst.
        most_upload_mb: of a picture or a file of lists.

    """

    enabled: bool | None = None
    address: str = "127.0.0.1"
    port: int = number(8080, 0, 65_535)
    cert_file: Path | None = None
    key_file: Path | None = None
    plain: bool = False
    proxy: bool = False
    folder: Path | None = None
    language: str = "en"
    languages_folder: Path | None = None
    kiosk_seconds: float = number(20.0, 1, 3600)
    live: bool = True
    live_width: int = number(640, 160, 1920)
    live_fps: float = number(5.0, 0.1, 30)
    session_days: float = number(30.0, 0.01, 3650)
    most_connections: int = number(64, 4, 1024)
    requests_per_second: float = number(20.0, 1, 10_000)
    most_upload_mb: float = number(8.0, 0.1, 64)
