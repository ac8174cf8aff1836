"""What a camera's process is told at its start, and what it tells: one line of JSON each way, over pipes."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_ocr.errors import printable
from edge_ocr.tables import CameraSettings, RecoverySettings

REOPEN = b"reopen\n"
"""The one command: open the camera again."""

CLOSE = signal.SIGUSR1
"""The signal to close the camera and end. A process that has not come so far as to listen is ended by it as well."""

_LONGEST = 900  # characters of what a camera says
_LOGIN = re.compile(r"//[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Job:
    """Which camera to open, and how."""

    source: str
    settings: CameraSettings

    def line(self) -> str:
        """As a line of JSON; it may hold a password, so it goes through a pipe, not through arguments."""
        return json.dumps({"source": self.source, "settings": asdict(self.settings)}, default=str)

    @classmethod
    def parse(cls, line: str) -> Job:
        """The same again."""
        told = json.loads(line)
        values = told["settings"]
        values["recovery"] = RecoverySettings(**values["recovery"])
        values["password_file"] = values["password_file"] and Path(values["password_file"])
        return cls(told["source"], CameraSettings(**values))


@dataclass(frozen=True, slots=True)
class Word:
    """What a camera's process says.

    Attributes:
        said: "opened", "fault" (it has let go of the camera and waits for a command), "hopeless" (the same, and it
            need not be tried again), "note", or "ended" (it has gone).
        text: one line for people.

    """

    said: str
    text: str

    def line(self) -> bytes:
        """As a line of JSON, of less than the 4096 bytes that a pipe takes whole or not at all."""
        told = {"said": self.said, "text": shown(self.text)[:_LONGEST]}
        return json.dumps(told, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Word | None:
        """The same again; None if it makes no sense."""
        try:
            told: Any = json.loads(line)
            return cls(str(told["said"]), str(told["text"]))
        except (ValueError, TypeError, KeyError):
            return None


def shown(text: object) -> str:
    """A source, or what is said of one, as logs may show it: on one line, without the login in an address."""
    return _LOGIN.sub("//***@", printable(text))
