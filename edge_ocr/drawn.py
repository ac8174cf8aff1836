"""Zones that somebody drew on a camera's picture: a file that the pages write and whoever watches a camera reads.

What was drawn for a camera counts in the place of what the configuration says for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_ocr import jsonfile
from edge_ocr.errors import ConfigError, printable
from edge_ocr.zones import Zones

if TYPE_CHECKING:
    from pathlib import Path

    from edge_ocr.config import Settings
    from edge_ocr.tables import Polygon

MOST_POLYGONS, MOST_CORNERS = 32, 64

_FILE = "zones.json"
_EMPTY: dict[str, Any] = {"cameras": {}}


def folder_of(settings: Settings) -> Path | None:
    """Where the pages keep what they write; None where there is no place for it."""
    if settings.web.folder is not None:
        return settings.web.folder
    return None if settings.store.folder is None else settings.store.folder / "web"


def load(settings: Settings) -> dict[str, Zones]:
    """The zones by camera; those that are not in it have none drawn.

    Raises:
        ConfigError: the file cannot be read, or somebody else wrote it.

    """
    folder = folder_of(settings)
    if folder is None:
        return {}
    path = folder / _FILE
    held = jsonfile.read(path, _EMPTY)["cameras"]
    try:
        return {
            str(camera): Zones(polygons(said["zones"]) or None, polygons(said["masks"]))
            for camera, said in held.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{printable(path)}: holds something else than zones; draw them again") from error


def save(settings: Settings, camera: str, zones: Zones) -> None:
    """Keep what was drawn for a camera; no zone and no mask stands for what the configuration says.

    Raises:
        ConfigError: there is no folder for it, or the file there is wrong.
        StoreError: it cannot be written.

    """
    folder = folder_of(settings)
    if folder is None:
        raise ConfigError("there is no folder for zones; name store.folder or web.folder in the configuration")
    rest = {name: known for name, known in load(settings).items() if name != camera}
    kept = {**rest, camera: zones} if zones.zones or zones.masks else rest
    told = {name: {"zones": known.zones or (), "masks": known.masks} for name, known in kept.items()}
    jsonfile.write(folder / _FILE, {"cameras": told})


def polygons(said: Any) -> tuple[Polygon, ...]:
    """Polygons from plain lists.

    Args:
        said: a list of lists of pairs, each number 0..1.

    Raises:
        ValueError: it is none, or holds too many.

    """
    if not isinstance(said, list) or len(said) > MOST_POLYGONS:
        raise ValueError(f"is no list of at most {MOST_POLYGONS} polygons")
    for polygon in said:
        if not isinstance(polygon, list) or not 3 <= len(polygon) <= MOST_CORNERS:
            raise ValueError(f"holds a polygon without 3 to {MOST_CORNERS} corners")
        for point in polygon:
            if not isinstance(point, list) or len(point) != 2 or not all(map(_is_share, point)):
                raise ValueError("holds a corner that is no pair of numbers from 0 to 1")
    return tuple(tuple((float(x), float(y)) for x, y in polygon) for polygon in said)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
