"""What the text of a flag must be; argparse turns every refusal into one line that names the flag."""

from __future__ import annotations

import argparse
from pathlib import Path


def name(text: str) -> str:
    """A file or folder that is named at all.

    Raises:
        argparse.ArgumentTypeError: it is empty, as from a shell variable that is not set; Python would take it for
            the current folder.

    """
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def said(text: str) -> str:
    """Anything but nothing: an erasure must not become wider by a shell variable that is not set."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty")
    return text


def path(text: str) -> Path:
    """A :func:`name` as a path."""
    return Path(name(text))


def regions(text: str) -> tuple[str, ...]:
    """Names between commas."""
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} holds an empty name")
    return names


def top(text: str) -> int:
    """A number of alternatives, 0 to 5."""
    if text not in set("012345"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 5")
    return int(text)


def share(text: str) -> float:
    """A probability, 0 to 1."""
    try:
        probability = float(text)
    except ValueError:
        probability = -1.0
    if not 0 <= probability <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return probability
