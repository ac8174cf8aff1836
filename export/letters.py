"""Draw the letters that pictures are labelled with: edge_ocr/letters.png, each of ``edge_ocr.labels.KNOWN`` in a cell.

    python -m export.letters /usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf edge_ocr/letters.png

A font file and what draws it would take 8 MB of a board's memory; these cells take 62 KB.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from edge_ocr.labels import KNOWN

CELL = (9, 18)
"""Width and height of a cell, in pixels."""

_SIZE, _BASELINE = 15, 14


def sheet(font: Path) -> Image.Image:
    """The cells of all characters side by side, white on black; those that print nothing stay black."""
    drawn = Image.new("L", (len(KNOWN) * CELL[0], CELL[1]))
    pen, face = ImageDraw.Draw(drawn), ImageFont.truetype(str(font), _SIZE)
    for place, letter in enumerate(KNOWN):
        if letter.isprintable():
            pen.text((place * CELL[0], _BASELINE), letter, 255, face, anchor="ls")
    return drawn


def main() -> None:
    """Draw and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("font", type=Path, help="a TrueType file with letters of one width")
    parser.add_argument("output", type=Path, help="the PNG file to write")
    args = parser.parse_args()
    sheet(args.font).save(args.output, optimize=True)


if __name__ == "__main__":
    main()
