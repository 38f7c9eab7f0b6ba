"""Which reader shows a TIFF truthfully: OpenSlide, tile by tile, or whole in memory."""

from __future__ import annotations

from pathlib import Path

from tifffile import TiffPage

from ssmamba.slides.picture import MAX_IMAGE_PIXELS
from ssmamba.slides.tiff.codecs import JPEG, NONE
from ssmamba.slides.tiff.colours import GREY, PHOTOMETRIC_TAG, RGB, YCBCR
from ssmamba.slides.tiff.directory import REDUCED, Directory, directory, opened

OPENSLIDE_COMPRESSIONS = (NONE, 5, JPEG, 8, 32773, 32946, 50000)
COLOURS = {(RGB, 3), (YCBCR, 3), (GREY, 1)}


def read_directory(path: Path) -> Directory:
    """The directory of a TIFF. Raises UnreadableImage, or OSError."""
    with path.open("rb") as file, opened(file) as tiff:
        return directory(tiff)


def shown_by_openslide(found: Directory) -> bool:
    """Whether OpenSlide shows a generic TIFF as it is meant.

    OpenSlide (4.0.1) mirrors tiles in their own places where an orientation is set, takes every
    reduced tiled page for a level whatever its shape, starts from the first page, does not see
    SubIFDs, and detects compressions and number formats that it cannot read.
    """
    base, *smaller = found.levels
    # levels in strips it leaves out, which costs no more than their speed
    levels = [base, *(level for level in smaller if level.pages[0].is_tiled)]
    pages = [page for level in levels for page in level.pages]
    return (
        found.orientation == 1
        and pages[0].offset == found.page_offsets[0]
        and all(page.offset in found.page_offsets and _is_plain(page) for page in pages)
        and all(len(level.pages) == 1 for level in levels)
        and not any(p.is_tiled and p.subfiletype & REDUCED for p in found.others.values())
        and not any(level.is_padded for level in levels)
    )


def _is_plain(page: TiffPage) -> bool:
    kind = int(page.photometric)
    compression = int(page.compression)
    return (
        page.is_tiled
        and page.bitspersample == 8
        and int(page.sampleformat or 1) == 1
        and page.planarconfig == 1
        and page.fillorder == 1
        and page.predictor in (1, 2)
        and PHOTOMETRIC_TAG in page.tags
        and (kind, page.samplesperpixel) in COLOURS
        and compression in OPENSLIDE_COMPRESSIONS
        and (kind != YCBCR or compression == JPEG)
    )


def fits_in_memory(found: Directory) -> bool:
    """Whether the picture is read whole, as training reads it.

    That is so for all that is not tiled, and for values whose white is found from them all.
    """
    base = found.levels[0]
    page = base.pages[0]
    if not page.is_tiled:
        return True
    bits = page.bitspersample
    is_deep = page.sampleformat in (2, 3) or (isinstance(bits, int) and bits >= 16)
    return is_deep and base.width * base.height <= MAX_IMAGE_PIXELS
