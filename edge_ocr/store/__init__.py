"""Events that outlive power cuts, full disks and wrong clocks: a database, and pictures beside it.

Begin with :mod:`edge_ocr.store.database` and ``schema.sql``; docs/design/store.md says why it is as it is.
"""

from __future__ import annotations

from edge_ocr.store.database import Database, Entry
from edge_ocr.store.keeper import Keeper
from edge_ocr.store.outbox import Depth, Outbox
from edge_ocr.store.recorder import Recorder

__all__ = ["Database", "Depth", "Entry", "Keeper", "Outbox", "Recorder"]
