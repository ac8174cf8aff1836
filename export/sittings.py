"""The commands that made a checkpoint, noted beside it: a model card tells what was done, not what was asked last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MEANING = "one for each command of the recipe, or several where it was stopped and given again"
"""What a card says of the sittings of a training that :func:`note` kept the commands of."""

_START = " --start "


def note(checkpoint: Path, command: str, start: Path | None) -> list[str]:
    """Note that a training begins or goes on, and give all commands that its weights come from, in their order.

    Args:
        checkpoint: of the training. Where it is there already, it goes before ``start``: only the sitting that begins
            a training names what it began with.
        command: with all that decides the result, but for ``start``; the same one again adds nothing.
        start: the weights to begin with. They are named by their file and its folder, as cards name no machine's paths.

    """
    record = checkpoint.with_name(f"{checkpoint.stem}-recipe.json")
    if not checkpoint.is_file():
        told = [command if start is None else f"{command}{_START}{'/'.join(start.resolve().parts[-2:])}"]
    else:
        told = json.loads(record.read_text("utf-8")) if record.is_file() else ["(a training that noted no commands)"]
        if command not in {line.partition(_START)[0] for line in told}:
            told.append(command)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return told
