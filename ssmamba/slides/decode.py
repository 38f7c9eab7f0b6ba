"""The decoder of plain images, one for the viewer, ``predict`` and training.

A file gives the same pixels at every door, or is refused in the same sentence. Bit depth,
photometric interpretation, planar layout, transparency, tiling, palette and orientation are read
from the file and never assumed.
"""

from __future__ import annotations

import io
from pathlib import Path

from ssmamba.slides.picture import Picture
from ssmamba.slides.pillow_image import decode_plain
from ssmamba.slides.tiff.whole import decode_tiff

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def decode(source: Path | bytes) -> Picture:
    """Decode a file, or the bytes of one.

    Raises UnreadableImage (why, and what to do), or OSError when the file cannot be read.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        return decode_tiff(file) if start in TIFF_STARTS else decode_plain(file)


def is_tiff(path: Path) -> bool:
    """Whether the file begins as TIFF and BigTIFF do. Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) in TIFF_STARTS
