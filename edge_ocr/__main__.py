"""``python -m edge_ocr`` is ``edge-ocr``."""

from __future__ import annotations

import sys

from edge_ocr.cli import main

sys.exit(main())
