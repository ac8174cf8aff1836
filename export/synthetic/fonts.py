"""Open fonts for rendering, fetched from packages by their ordinary clients and never checked in.

Debian packages bring road-sign and DIN lettering, npm packages (@fontsource/...) the rest; all carry open licences.
"""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

from export.synthetic.faces import CAPS, CHARACTERS, MASK_HEIGHT, Face

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEBIAN = (
    "fonts-roadgeek",
    "fonts-opendin",
    "fonts-national-park",
    "fonts-routed-gothic",
    "fonts-bebas-neue",
    "fonts-b612",
    "fonts-roboto-unhinted",
    "fonts-liberation2",
    "fonts-dejavu-core",
    "fonts-allerta",
)
_NPM = """
    oswald roboto-condensed roboto-mono barlow-condensed barlow-semi-condensed barlow saira-condensed
    saira-extra-condensed archivo-narrow pathway-gothic-one overpass overpass-mono share-tech-mono share-tech
    rajdhani teko fjalla-one anton league-gothic big-shoulders-display antonio francois-one dm-mono space-mono
    jetbrains-mono ibm-plex-mono ibm-plex-sans-condensed inconsolata ubuntu-mono cutive-mono chakra-petch kanit
    exo-2 michroma quantico electrolize aldrich russo-one squada-one khand pragati-narrow yanone-kaffeesatz
    staatliches alumni-sans sofia-sans-condensed sofia-sans-extra-condensed encode-sans-condensed
    fira-sans-condensed asap-condensed mohave ropa-sans dosis varela-round nunito comfortaa signika cabin-condensed
    ubuntu-condensed pt-sans-narrow arimo archivo-black work-sans public-sans red-hat-mono courier-prime b612-mono
    roboto-slab arvo rokkitt bitter libre-baskerville old-standard-tt permanent-marker orbitron audiowide oxanium
    bowlby-one iceland caveat-brush allerta-stencil black-ops-one saira-stencil-one
    atkinson-hyperlegible lexend viga gudea jockey-one kelly-slab
    bangers racing-sans-one righteous lobster courgette playball oleo-script kaushan-script sigmar-one shrikhand
    carter-one alfa-slab-one germania-one passion-one luckiest-guy chewy graduate stardos-stencil special-elite
    limelight bungee architects-daughter bree-serif abril-fatface playfair-display
""".split()  # noqa: SIM905 one family a line would be eighty lines
_LEFT_OUT = ("Outline", "italic", "Italic", "Oblique", "Thin", "Math", "Symbol")
"""Parts of file names: slanted and hollow cuts are made by the renderer itself, at angles and widths of its own."""


def fetch(folder: Path) -> list[Path]:
    """Download every font package into a folder, once, and give the font files in a fixed order.

    Needs ``apt-get`` with up-to-date lists, ``dpkg`` and ``npm``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for package in _DEBIAN:
        target = folder / package
        if not target.is_dir():
            subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True, timeout=300)
            (archive,) = folder.glob(f"{package}_*.deb")
            subprocess.run(["dpkg", "-x", archive, target], check=True, timeout=60)
            archive.unlink()
    for family in _NPM:
        target = folder / family
        if not target.is_dir():
            subprocess.run(["npm", "pack", "--silent", f"@fontsource/{family}"], cwd=folder, check=True, timeout=300)
            (archive,) = folder.glob(f"fontsource-{family}-[0-9]*.tgz")
            unpack(archive, target)
            archive.unlink()
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in {".ttf", ".otf"}]
    return [path for path in files if not any(part in path.name for part in _LEFT_OUT)]


def load_faces(folder: Path) -> list[Face]:
    """Every usable typeface, from a cache beside the fonts after the first time.

    Fonts that lack a plate character, or draw two of them alike, are left out.
    """
    cache = folder / "faces.npz"
    if not cache.is_file():
        arrays = {}
        for path in fetch(folder):
            face = _face(path)
            if face is not None:
                arrays.update({f"{face.name}/{character}": mask for character, mask in face.masks.items()})
        np.savez_compressed(cache, allow_pickle=False, **arrays)
    faces: dict[str, dict[str, NDArray[np.uint8]]] = {}
    with np.load(cache) as stored:
        for key in stored.files:
            name, character = key.rsplit("/", 1)
            faces.setdefault(name, {})[character] = stored[key]
    return [Face(name, masks) for name, masks in sorted(faces.items())]


def unpack(archive: Path, target: Path) -> None:
    """Latin cuts of one family, regular and bold, from web fonts to TrueType."""
    target.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if name.endswith(("-latin-400-normal.woff2", "-latin-700-normal.woff2")):
                stream = tar.extractfile(member)
                if stream is None:
                    continue
                font = TTFont(stream)
                font.flavor = None
                font.save(target / f"{Path(name).stem}.ttf")


def _face(path: Path) -> Face | None:
    probe = ImageFont.truetype(str(path), 200)
    left, top, right, bottom = probe.getbbox("H", anchor="ls")
    if bottom - top < 40 or right - left < 10:
        return None
    size = 200 * (CAPS.stop - CAPS.start) / -top
    font = ImageFont.truetype(str(path), size)
    masks = {}
    for character in CHARACTERS:
        left, _, right, _ = font.getbbox(character, anchor="ls")
        width = int(np.ceil(right - left)) + 4
        picture = Image.new("L", (width, MASK_HEIGHT))
        ImageDraw.Draw(picture).text((2 - left, CAPS.stop), character, fill=255, font=font, anchor="ls")
        mask = np.asarray(picture)
        columns = np.flatnonzero(mask.max(axis=0) > 32)
        if columns.size == 0:
            return None
        masks[character] = mask[:, columns[0] : columns[-1] + 1].copy()
    if len({mask.tobytes() for mask in masks.values()}) < len(masks):
        return None
    return Face(path.stem, masks)
