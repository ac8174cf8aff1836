"""What the export refuses on purpose."""

from __future__ import annotations


class ConversionError(ValueError):
    """A network holds something that the conversion does not know, or that a supported interpreter would not run."""


class CheckpointError(ValueError):
    """A checkpoint holds the weights of another network than the one that is to go on."""


class PeerError(RuntimeError):
    """Another reader, for comparison, is not there or does not run."""
