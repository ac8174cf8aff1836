"""What all unit tests share."""

from __future__ import annotations

from hypothesis import settings

# A shared machine stalls for longer than any sensible limit of one example; pytest-timeout bounds the whole test.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
