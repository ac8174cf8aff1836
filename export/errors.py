"""One family of errors, each also the built-in kind that a caller would expect; their messages are one line.

ExportError
 +-- ConversionError (ValueError)
 +-- CheckpointError (ValueError)
 +-- PeerError (RuntimeError)
"""

from __future__ import annotations


class ExportError(Exception):
    """Base of everything that the export refuses on purpose."""


class ConversionError(ExportError, ValueError):
    """A network holds something that the conversion does not know, or that a supported interpreter would not run."""


class CheckpointError(ExportError, ValueError):
    """A checkpoint holds the weights of another network than the one that is to go on."""


class PeerError(ExportError, RuntimeError):
    """Another reader, for comparison, is not there or does not run."""
