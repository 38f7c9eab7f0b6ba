"""Where a TIFF's tiles lie in its file, and how they are stored."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np
from tifffile import TiffPage

from ssmamba.slides.tiff.codecs import DEFLATE, JPEG, NONE
from ssmamba.slides.tiff.colours import RGB, YCBCR
from ssmamba.slides.tiff.directory import MAX_PAGES, NUMBERS, ORIENTATION_TAG, opened

MAX_TILE_PIXELS = 4096 * 4096  # larger ones are no tiles to keep in memory
Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class TileTable:
    """The tiles of one level: a grid of equal rectangles, row by row, from the top left."""

    width: int  # pixels of the level; the last column and row may reach beyond
    height: int
    tile_width: int
    tile_height: int
    compression: int  # the TIFF's number: 1 none, 7 JPEG, 8 and 32946 Deflate
    is_ycbcr: bool  # the colours of JPEG tiles; else they are RGB
    predictor: int  # 1 none, 2 differences along a row
    jpeg_tables: bytes | None  # quantisation and Huffman tables that the tiles share
    offsets: np.ndarray  # (rows, columns) int64, bytes from the start of the file
    counts: np.ndarray  # (rows, columns) int64, bytes; 0 where a tile was never written

    @property
    def rows(self) -> int:
        return int(self.offsets.shape[0])

    @property
    def columns(self) -> int:
        return int(self.offsets.shape[1])


def read_tables(file: BinaryIO) -> dict[Size, TileTable]:
    """The tables of all pages that can be decoded here, by (width, height).

    A size that two pages have is left out: nothing says which one is the level. Raises
    UnreadableImage where the directory makes no sense, or OSError.
    """
    with opened(file) as tiff:
        listed = cast(list[TiffPage], [*itertools.islice(tiff.pages, MAX_PAGES)])
        pages = [page for page in listed if _is_tiled(page)]
        sizes = [(page.imagewidth, page.imagelength) for page in pages]
        return {
            size: _table(page)
            for size, page in zip(sizes, pages, strict=True)
            if sizes.count(size) == 1 and _is_supported(page)
        }


def _is_tiled(page: TiffPage) -> bool:
    """Whether a page has tiles, and tags of one number each."""
    return page.is_tiled and all(isinstance(getattr(page, name), int) for name in NUMBERS)


def _is_supported(page: TiffPage) -> bool:
    kind, colours = int(page.compression), int(page.photometric)
    sides = page.imagewidth, page.imagelength, page.tilewidth, page.tilelength
    return (
        page.bitspersample == 8
        and page.samplesperpixel == 3
        and int(page.sampleformat or 1) == 1
        and page.planarconfig == 1
        and page.fillorder == 1
        and page.imagedepth == 1
        and page.tags.valueof(ORIENTATION_TAG, 1) == 1
        and (
            (kind == JPEG and colours in (RGB, YCBCR) and page.predictor == 1)
            or (kind in (NONE, *DEFLATE) and colours == RGB and page.predictor in (1, 2))
        )
        and not (kind == NONE and page.predictor != 1)
        and min(sides) > 0
        and page.tilewidth * page.tilelength <= MAX_TILE_PIXELS
        and len(page.dataoffsets) == len(page.databytecounts) == _rows(page) * _columns(page)
    )


def _rows(page: TiffPage) -> int:
    return -(-page.imagelength // page.tilelength)


def _columns(page: TiffPage) -> int:
    return -(-page.imagewidth // page.tilewidth)


def _table(page: TiffPage) -> TileTable:
    shape = _rows(page), _columns(page)
    offsets = np.asarray(page.dataoffsets, np.int64).reshape(shape)
    counts = np.asarray(page.databytecounts, np.int64).reshape(shape)
    return TileTable(
        page.imagewidth,
        page.imagelength,
        page.tilewidth,
        page.tilelength,
        int(page.compression),
        int(page.photometric) == YCBCR,
        int(page.predictor),
        page.jpegtables,
        offsets,
        np.where(offsets > 0, counts, 0),
    )
