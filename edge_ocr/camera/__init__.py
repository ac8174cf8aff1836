"""Where frames come from: one module a kind of source."""

from __future__ import annotations
