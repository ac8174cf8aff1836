"""Asks whatever the interface's own document allows, and more: no 5xx, and nothing that it does not name.

    python tests/browser/schemas.py --examples 100

schemathesis makes the requests, for an admin with a token on a store with events; what would remove that admin or its
token is left out. That whatever a schema allows is accepted is not asked: no schema says that February has no 30th day,
nor what a file of lists must hold.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from test_web_api import fill, read
from web_served import served

from edge_ocr.web import Hands

WITHOUT = "--exclude-path-regex=^/api/(events/stream|cameras/.camera./live|users/.user.|me/password)$"


def main() -> None:
    """Run it, and hand on how it ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    args = parser.parse_args()
    hands = Hands(read=read, open_barrier=lambda who: f"opened for {who}")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), hands) as one:
        fill(one)
        admin = one.first()
        token = admin.ask("POST", "/api/me/tokens", {"name": "x", "role": "admin"}).json["secret"]
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{one.server.address}api/openapi.json"),
            *(
                "--header",
                f"Authorization: Bearer {token}",
                "--checks",
                "all",
                "--exclude-checks",
                "positive_data_acceptance",
                WITHOUT,
                "--seed",
                "1",
            ),
            *("--max-examples", str(args.examples), "--no-color", "--request-timeout", "60"),
        ]
        code = subprocess.run(command, check=False, cwd=folder).returncode
    raise SystemExit(code)


if __name__ == "__main__":
    main()
