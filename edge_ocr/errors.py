"""One family of errors; each is also the built-in kind that a caller would expect.

EdgeOcrError
 +-- ConfigError (ValueError)         a configuration file or flag says something impossible
 +-- SourceError (OSError)            an image, video or camera cannot be read
 |    +-- CameraLost                  a camera gives no pictures, and everything that may cure it has been tried
 +-- BundleError (ValueError)         a model bundle is damaged, incomplete or for another version
 +-- GrammarError (ValueError)        a plate format or word list cannot be compiled
 +-- EngineError (RuntimeError)       no interpreter is installed, or it refuses the model
 +-- StoreError (OSError)             events or crops cannot be written or found where they should be
 +-- UpdateError (ValueError)         an update is not what it should be, or cannot be installed
 +-- ListError (ValueError)           a file of allow, deny and known lists is wrong, or cannot be read or written

Every message is one line that says what is wrong, where, and what to do about it. Wrong arguments of a function stay
plain ValueError and TypeError that name the argument.
"""

from __future__ import annotations


class EdgeOcrError(Exception):
    """Base of everything that this package raises on purpose."""


class ConfigError(EdgeOcrError, ValueError):
    """A configuration file or flag says something impossible; the message names the key path."""


class SourceError(EdgeOcrError, OSError):
    """An image, video or camera cannot be read; the message names it."""


class CameraLost(SourceError):  # noqa: N818 -- what happened, as the ladder's last rung is called
    """A camera gives no pictures and every rung of its recovery ladder has been tried; the message names the cause."""


class BundleError(EdgeOcrError, ValueError):
    """A model bundle is damaged, incomplete or made for another version."""


class GrammarError(EdgeOcrError, ValueError):
    """A plate format or word list cannot be compiled; the message names the file and the entry."""


class EngineError(EdgeOcrError, RuntimeError):
    """No TFLite interpreter is installed, or the one that is refuses the model."""


class StoreError(EdgeOcrError, OSError):
    """Events or crops cannot be written, or what is in their folder is not what this program put there."""


class UpdateError(EdgeOcrError, ValueError):
    """An update is not signed by whom it should be, is damaged or old, or does not work here; nothing was changed."""


class ListError(EdgeOcrError, ValueError):
    """A file of allow, deny and known lists is wrong, or cannot be read or written; the message names the line."""


def printable(name: object) -> str:
    """A name for a message of one line: control characters and undecodable bytes, which paths may hold, are escaped."""
    text = str(name)
    return text if text.isprintable() else text.encode("unicode_escape", "backslashreplace").decode("ascii")
