"""What each key of the configuration may say alone, but not beside the others."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge_ocr.checks import quoted
from edge_ocr.tables import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_ocr.config import Settings
    from edge_ocr.tables import CameraSettings, MoreSettings, MqttSettings


def contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """What each key may say alone, but not beside the others: a key path and what is wrong with it."""
    return itertools.chain(
        _privacy_contradictions(settings),
        _publish_contradictions(settings),
        _web_contradictions(settings),
        *(_camera_contradictions(settings.camera, number) for number in range(len(settings.camera))),
    )


def _camera_contradictions(cameras: Sequence[CameraSettings], number: int) -> Iterator[tuple[str, str]]:
    camera, place = cameras[number], f"camera[{number}]"
    if not _is_name(camera.name):
        yield f"{place}.name", f"is {quoted(camera.name)}; give letters, digits, '-' and '_'"
    if camera.name in {other.name for other in cameras[:number]}:
        yield f"{place}.name", f"is {quoted(camera.name)}, as that of another camera; give each its own"
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
            yield f"{place}.webhook.url", f"is {quoted(url)}, which is no address; write it as 'https://host/path'"


def _more_contradictions(more: Sequence[MoreSettings], number: int) -> Iterator[tuple[str, str]]:
    one, place = more[number], f"publish.more[{number}]"
    if not _is_name(one.name):
        yield f"{place}.name", f"is {quoted(one.name)}; give letters, digits, '-' and '_'"
    if one.name in {"mqtt", "webhook", "files", "relay", *(other.name for other in more[:number])}:
        yield f"{place}.name", f"is {quoted(one.name)}, as that of another destination; give each its own"
    used = kinds(one)
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
            yield f"{place}.{key}", f"is {quoted(topic)}, which holds a wildcard; leave out '+' and '#'"


def _web_contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    web = settings.web
    if web.enabled and settings.store.folder is None:
        yield "store.folder", "is missing, but [web] shows what is in it; name one"
    if web.cert_file is not None and web.key_file is None:
        yield "web.key_file", "is missing, but web.cert_file needs it; name the certificate's key"
    here = web.address in {"127.0.0.1", "::1", "localhost"}
    if web.proxy and not here:
        what = f"is true, but at web.address {quoted(web.address)} anybody may pass by the proxy and say who asks"
        yield "web.proxy", f"{what}; set web.address = '127.0.0.1', or web.proxy = false"
    if web.cert_file is None and not web.plain and not here:
        what = f"is {quoted(web.address)}, where passwords would cross the network unencrypted"
        yield "web.address", f"{what}; name web.cert_file and web.key_file, or set web.plain = true"


def _is_name(name: str) -> bool:
    return name.isascii() and name.replace("-", "").replace("_", "").isalnum()


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and not set(url) & set(' "<>\\^`{|}#') and "@" not in parts.netloc
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0 and plain
