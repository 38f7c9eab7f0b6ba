"""Rectangles of one level, put together from the file's own tiles."""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path

import numpy as np

from ssmamba.slides.byte_lru import ByteLru
from ssmamba.slides.tiles.codec import TileFault, decode_into
from ssmamba.slides.tiles.table import TileTable

HEAD_ROOM = 65_536  # bytes that a tile may take beyond twice its pixels
SMALL_LEVEL_BYTES = 32 * 2**20  # decoded; what is no larger is kept as it is read: it is read again
TURNS = 64  # locks for tiles, so that no two threads decode the same one
TileCache = ByteLru[tuple[int, int, int, int], np.ndarray]  # by level, row, column, colours


class FileBytes:
    """A file of which any number of threads read parts; closed at the latest when it is let go."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        self._last = weakref.finalize(self, self.file.close)
        self._lock = threading.Lock()

    def read_into(self, memory: memoryview, offset: int) -> int:
        """Fill memory from the file; returns how many bytes there were. Raises OSError."""
        if hasattr(os, "preadv"):
            return os.preadv(self.file.fileno(), [memory], offset)
        with self._lock:
            self.file.seek(offset)
            return self.file.readinto(memory)

    def close(self) -> None:
        self.file.close()


class Scratch(threading.local):
    """Memory of each thread that is used again: to get it anew takes as long as to fill it."""

    def __init__(self) -> None:
        self._tile = np.empty(0, np.uint8)
        self._bytes = memoryview(b"")

    def tile(self, shape: tuple[int, int, int]) -> np.ndarray:
        if self._tile.shape != shape:
            self._tile = np.empty(shape, np.uint8)
        return self._tile

    def bytes(self, count: int) -> memoryview:
        if len(self._bytes) < count:
            self._bytes = memoryview(bytearray(count + count // 2))
        return self._bytes[:count]


class TileGrid:
    """The tiles of one level. Any number of threads may read at once."""

    def __init__(self, table: TileTable, file: FileBytes, cache: TileCache, level: int) -> None:
        """cache: takes the tiles of which a part was asked for, whose rest is likely to follow.

        It takes all tiles of a small level, which several pictures of the whole are made of.
        """
        self.table, self._file, self._cache, self._level = table, file, cache, level
        self._scratch = Scratch()
        self._turns = [threading.Lock() for _ in range(TURNS)]
        self._is_whole = bool(table.counts.all())
        pixels = table.counts.size * table.tile_width * table.tile_height
        self._is_small = 3 * pixels <= SMALL_LEVEL_BYTES
        self.most_bytes = 6 * table.tile_width * table.tile_height + HEAD_ROOM

    def has_all(self, left: int, top: int, width: int, height: int) -> bool:
        """Whether no tile of a rectangle (pixels of the level) was left out of the file."""
        if self._is_whole:
            return True
        rows, columns = self._touched(left, top, width, height)
        return bool((self.table.counts[rows.start : rows.stop, columns.start : columns.stop]).all())

    def _touched(self, left: int, top: int, width: int, height: int) -> tuple[range, range]:
        table = self.table
        right, bottom = min(left + width, table.width), min(top + height, table.height)
        left, top = max(left, 0), max(top, 0)
        if left >= right or top >= bottom:
            return range(0), range(0)
        return (
            range(top // table.tile_height, -(-bottom // table.tile_height)),
            range(left // table.tile_width, -(-right // table.tile_width)),
        )

    def read_into(self, out: np.ndarray, left: int, top: int) -> None:
        """Fill ``out`` from pixel (left, top) of the level; white beyond its edges.

        out: (H, W, 3) uint8 RGB or (H, W, 4) opaque BGRA, C-contiguous. Raises TileFault, after
        which the content of ``out`` means nothing.
        """
        height, width, colours = out.shape
        table = self.table
        wide, tall = table.tile_width, table.tile_height
        right, bottom = min(left + width, table.width), min(top + height, table.height)
        if left < 0 or top < 0 or right < left + width or bottom < top + height:
            out[...] = 255
        rows, columns = self._touched(left, top, width, height)
        busy = []  # in another thread's hands: the others come first
        for row in rows:
            y = row * tall
            y0, y1 = max(top, y), min(bottom, y + tall)
            for column in columns:
                x = column * wide
                x0, x1 = max(left, x), min(right, x + wide)
                part = out[y0 - top : y1 - top, x0 - left : x1 - left]
                if y1 - y0 == tall and x1 - x0 == wide and part.flags.c_contiguous:
                    decode_into(table, self._bytes(row, column), part)
                    continue
                is_whole = x1 - x0 == min(wide, table.width - x)  # all of it that is on the level
                is_whole &= y1 - y0 == min(tall, table.height - y)
                inside = slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)
                tile = self._tile(row, column, colours, is_whole, wait=False)
                if tile is None:
                    busy.append((row, column, is_whole, part, inside))
                else:
                    part[...] = tile[inside]
        for row, column, is_whole, part, inside in busy:
            tile = self._tile(row, column, colours, is_whole)
            assert tile is not None
            part[...] = tile[inside]

    def _tile(
        self, row: int, column: int, colours: int, is_whole: bool, wait: bool = True
    ) -> np.ndarray | None:
        """A whole tile: valid until this thread's next call where no part of it is left over.

        None where another thread is at it and we are not to wait.
        """
        key = (self._level, row, column, colours)
        held = self._cache.get(key)
        if held is not None:
            return held
        shape = self.table.tile_height, self.table.tile_width, colours
        if is_whole and not self._is_small:
            tile = self._scratch.tile(shape)
            decode_into(self.table, self._bytes(row, column), tile)
            return tile
        turn = self._turns[hash(key) % len(self._turns)]  # neighbours are read at the same time
        if not turn.acquire(blocking=wait):
            return None
        try:
            held = self._cache.get(key)
            if held is None:
                held = np.empty(shape, np.uint8)
                decode_into(self.table, self._bytes(row, column), held)
                self._cache.put(key, held, held.nbytes)
        finally:
            turn.release()
        return held

    def _bytes(self, row: int, column: int) -> memoryview:
        """A tile as it lies in the file: valid until this thread's next call."""
        offset = int(self.table.offsets[row, column])
        count = int(self.table.counts[row, column])
        if not 0 < count <= self.most_bytes:  # asked first: any number may be written there
            raise TileFault(f"its length is {count} bytes")
        memory = self._scratch.bytes(count)
        try:
            found = self._file.read_into(memory, offset)
        except (OSError, OverflowError) as error:
            raise TileFault(str(error)) from error
        if found < count:
            raise TileFault("the file ends before it does")
        return memory
