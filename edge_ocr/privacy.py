"""What of a plate is kept at all, settled before anything is stored, published or shown.

Three modes: 'plain' keeps what was read; 'hashed' keeps a keyed hash, by which a plate can be looked up and counted but
not read; 'listed' keeps nothing of plates that are on no list. Signs and other texts belong to nobody and are kept.

A plate has so few possible texts that any hash without a key is reversed by trying them all; hence HMAC-SHA256 (RFC
2104) with a key that lies elsewhere than the events do.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_ocr import keyfile
from edge_ocr.lists import normalise
from edge_ocr.types import Kind

if TYPE_CHECKING:
    from edge_ocr.config import Settings
    from edge_ocr.tables import PrivacySettings
    from edge_ocr.types import Attempt, Decision, Event, Image

PREFIX = "hmac-"
"""What a hash begins with, so that nobody takes it for a plate."""

_LEAST_KEY = 32  # bytes
_DIGITS = 32  # hexadecimal, 128 bits: no two plates of a country share them
_CELLS = (4, 2)  # of a blurred plate, across and down: a cell covers two characters or more
_LEVELS = 16  # of brightness in a cell


class Shield:
    """Applies a privacy mode.

    Args:
        settings: mode, key and pictures.

    Raises:
        ConfigError: the key file cannot be used.

    """

    def __init__(self, settings: PrivacySettings) -> None:
        self._mode = settings.mode
        self._crops = settings.crops or ("drop" if settings.mode == "hashed" else "keep")
        self._key = b""
        if settings.mode == "hashed":
            if settings.key_file is None:
                raise ValueError("settings.key_file is None; mode 'hashed' needs one")
            self._key = keyfile.read(settings.key_file, "privacy.key_file", least=_LEAST_KEY)

    def event(self, event: Event, decision: Decision) -> tuple[Event, Decision] | None:
        """An event as it may be kept.

        Args:
            event: as the pipeline gave it.
            decision: of the lists.

        Returns:
            What is kept of both, or None if nothing may be.

        """
        if event.reading.kind is not Kind.PLATE:
            return event, decision
        if self._mode == "listed" and decision.list is None:
            return None
        reading, crop = event.reading, self._picture(event.crop)
        votes = event.votes if self._mode == "plain" else ()
        if self._mode == "hashed":
            reading = replace(reading, text=self.text(reading.text), alternatives=())
            entry = None if decision.entry is None else self.text(decision.entry)
            decision = replace(decision, entry=entry, name="")
        elif self._mode == "listed":
            if decision.distance > 0:  # what was read may be somebody else's plate, and so is the picture
                reading, crop = replace(reading, text=decision.entry or ""), None
            reading = replace(reading, alternatives=())
        return replace(event, reading=reading, crop=crop, votes=votes), decision

    def attempt(self, attempt: Attempt) -> Attempt:
        """A track that did not become an event, as it may be kept; on a list it cannot have been."""
        if self._mode == "listed":
            return replace(attempt, text="", crop=None)
        return replace(attempt, text=self.text(attempt.text), crop=self._picture(attempt.crop))

    def text(self, plate: str) -> str:
        """What stands for a plate in the store, however it is written: the way to look one up."""
        if self._mode != "hashed" or not plate or plate.startswith(PREFIX):
            return plate
        return PREFIX + hmac.new(self._key, normalise(plate).encode(), hashlib.sha256).hexdigest()[:_DIGITS]

    def _picture(self, image: Image | None) -> Image | None:
        if image is None or self._crops == "keep":
            return image
        return blurred(image) if self._crops == "blur" else None


def blurred(image: Image) -> Image:
    """A picture of the same size in which colours can be told and characters cannot.

    Averages over large cells, in few levels: what a filter only smears, a sharpening filter brings back.
    """
    few = cv2.resize(image, _CELLS, interpolation=cv2.INTER_AREA)
    step = 256 // _LEVELS
    few = few // step * step + step // 2
    size = (image.shape[1], image.shape[0])
    return cv2.resize(few, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8)


def statement(settings: Settings) -> list[tuple[str, str]]:
    """What these settings keep of a plate, in words: a topic and a sentence each."""
    privacy, store = settings.privacy, settings.store
    crops = privacy.crops or ("drop" if privacy.mode == "hashed" else "keep")
    texts = {
        "plain": "as read, with the alternatives",
        "hashed": f"as a keyed hash ({PREFIX}...) made with {privacy.key_file}, without alternatives",
        "listed": "of plates on a list alone, without alternatives; of others nothing",
    }
    pictures = {"keep": "as taken", "blur": "blurred beyond reading", "drop": "none"}
    missed = {
        "plain": f"the last {store.attempts} tracks without an event, with the best guess",
        "hashed": f"the last {store.attempts} tracks without an event, with the best guess as a keyed hash",
        "listed": f"the last {store.attempts} tracks without an event, without text and picture",
    }
    sent = ", ".join(settings.publish.destinations) or "nobody"
    kept = "nothing is stored" if store.folder is None else f"in {store.folder}, {_for(store.events.days)}"
    shown = f"{pictures[crops]}, {_for(store.crops.days)}; small copies {_for(store.previews.days)}"
    return [
        ("mode", privacy.mode),
        ("events", kept),
        ("plates", texts[privacy.mode]),
        ("pictures", "none" if crops == "drop" else shown),
        ("missed plates", missed[privacy.mode] if store.attempts else "nothing"),
        ("lists", f"plates and names as written in {settings.lists.file}" if settings.lists.file else "none"),
        ("sent to", f"{sent}, each event as it is stored"),
        ("openings", "time, decision and reason, without plate, for as long as the store exists"),
        ("erasing", "edge-ocr erase --plate PLATE or --since TIME --until TIME, in the store and in day files"),
    ]


def _for(days: float) -> str:
    return f"for {days:g} days" if days else "for as long as there is room"
