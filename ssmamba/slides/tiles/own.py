"""The file's own tiles beside OpenSlide: which levels they serve, and when they do not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from ssmamba.errors import SlideError
from ssmamba.slides.byte_lru import ByteLru
from ssmamba.slides.picture import UnreadableImage
from ssmamba.slides.pixel_source import Level
from ssmamba.slides.tiles.codec import TileFault, can_decode
from ssmamba.slides.tiles.grid import FileBytes, TileCache, TileGrid
from ssmamba.slides.tiles.proof import is_the_same
from ssmamba.slides.tiles.table import Size, TileTable, read_tables

VENDORS = ("aperio", "generic-tiff")  # whose levels are one page each, tile beside tile
CACHE_BYTES = 64 * 2**20  # decoded tiles of which a part was asked for
logger = logging.getLogger(__name__)


class ReadByOpenSlide(Protocol):
    """Fills (H, W, 4) uint8 BGRA from (x, y), level-0 pixels as OpenSlide counts them.

    Raises SlideError.
    """

    def __call__(self, out: np.ndarray, x: int, y: int, level: int) -> None: ...


class OwnTiles:
    """Reads those levels of a slide whose tiles, decoded directly, are OpenSlide's pixels.

    That is asked when a level is first read, and the directory with the first of them: opening a
    slide takes no longer. Any number of threads may read at once.
    """

    def __init__(self, path: Path, levels: Sequence[Level], read: ReadByOpenSlide) -> None:
        """levels: with the sizes and downsamples that OpenSlide gives them. Raises OSError."""
        self._path, self._levels, self._read_by_openslide = path, tuple(levels), read
        self._file = FileBytes(path)
        self._cache: TileCache = ByteLru(CACHE_BYTES)
        self._lock = threading.Lock()
        self._tables: dict[Size, TileTable] | None = None
        self._grids: dict[int, TileGrid | None] = {}  # by level; None: OpenSlide's
        self._has_told = False

    def read_into(self, out: np.ndarray, left: int, top: int, level: int) -> bool:
        """Fill ``out`` from pixel (left, top) of a level, or return False: OpenSlide is to.

        out: (H, W, 3) uint8 RGB or (H, W, 4) opaque BGRA, C-contiguous; white off the level.
        """
        grid = self.grid(level)
        height, width = out.shape[:2]
        if grid is None or not grid.has_all(left, top, width, height):
            return False
        try:
            grid.read_into(out, left, top)
        except TileFault as fault:
            self._tell(level, fault)
            return False
        return True

    def grid(self, level: int) -> TileGrid | None:
        """The tiles of a level where they are what OpenSlide shows, else None."""
        if level not in self._grids:
            with self._lock:
                if level not in self._grids:
                    if not self._path.exists():
                        return (
                            None  # moved: OpenSlide opens a file for each read and fails for good
                        )
                    self._grids[level] = self._found(level)
        return self._grids[level]

    def _found(self, index: int) -> TileGrid | None:
        level, name = self._levels[index], self._path.name
        try:
            if self._tables is None:
                self._tables = {}
                self._tables = read_tables(self._file.file)
            table = self._tables.get((level.width, level.height))
            if (
                table is None
                or not can_decode(table)
                or (table.tile_width, table.tile_height) != (level.tile_width, level.tile_height)
            ):
                return None
            grid = TileGrid(table, self._file, self._cache, index)

            def read(out: np.ndarray, x: int, y: int) -> None:
                self._read_by_openslide(out, x, y, index)

            if is_the_same(grid, level.downsample, read):
                return grid
        except (UnreadableImage, SlideError, OSError) as error:
            logger.info("Level %d of %s is left to OpenSlide: %s", index, name, error)
            return None
        logger.info(
            "Level %d of %s is left to OpenSlide: its pixels differ", index, self._path.name
        )
        return None

    def _tell(self, level: int, fault: TileFault) -> None:
        with self._lock:
            is_first, self._has_told = not self._has_told, True
        if is_first:
            logger.warning(
                "A tile of level %d of %s could not be decoded (%s); OpenSlide reads what is at "
                "fault. Copy the file again if parts of it look wrong.",
                level, self._path.name, fault,
            )  # fmt: skip

    def close(self) -> None:
        """Free the file; no read may be running."""
        self._cache.clear()
        self._file.close()
