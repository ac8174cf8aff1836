"""These tests convert networks and so run in the environment that holds TensorFlow; see CONTRIBUTING."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("tensorflow") else ["test_*.py"]
