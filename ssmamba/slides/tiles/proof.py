"""Whether a level's own tiles, decoded directly, are what OpenSlide shows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ssmamba.slides.tiles.codec import TileFault
from ssmamba.slides.tiles.grid import TileGrid

EXACT = 1 / 1024  # of a pixel: nearer places are the same to OpenSlide, others it interpolates
FEW_TILES = 4  # a level with no more is compared as a whole
HEAVIEST = 2  # tiles that take the most bytes: no other place looks like them
REACH = 2  # tiles: how far before a tile the comparison may have to start
Rect = tuple[int, int, int, int]  # left, top, right, bottom; pixels of the level
# Fills (H, W, 4) uint8 BGRA from (x, y), level-0 pixels.
ReadPlace = Callable[[np.ndarray, int, int], None]


def whole_pixel(place: int, downsample: float) -> int | None:
    """The pixel of a level at a level-0 place; None where the place is between two pixels.

    OpenSlide interpolates between those (level 2 of 400 px of a slide of 1,601 px: pixel 256 is at
    1,024.64, which no whole level-0 place is), and cuts places before the edge down to pixels.
    """
    exact = place / downsample
    nearest = round(exact)
    is_exact = exact == nearest if place < 0 else abs(exact - nearest) < EXACT
    return nearest if is_exact else None


def is_the_same(grid: TileGrid, downsample: float, read: ReadPlace) -> bool:
    """Whether a few tiles of a level are equal bit by bit in both ways.

    They are the first and those that take the most bytes. read: by OpenSlide; raises SlideError.
    """
    compared = 0
    for left, top, right, bottom in _samples(grid, downsample):
        if not grid.has_all(left, top, right - left, bottom - top):
            continue
        ours = np.empty((bottom - top, right - left, 4), np.uint8)
        theirs = np.empty_like(ours)
        try:
            grid.read_into(ours, left, top)
        except TileFault:
            return False
        read(theirs, round(left * downsample), round(top * downsample))
        if not np.array_equal(ours, theirs):
            return False
        compared += 1
    return compared > 0


def _samples(grid: TileGrid, downsample: float) -> Iterator[Rect]:
    table = grid.table
    wide, tall = table.tile_width, table.tile_height
    if table.counts.size <= FEW_TILES:
        yield 0, 0, table.width, table.height
        return
    yield 0, 0, min(wide, table.width), min(tall, table.height)
    across = _starts(table.width, downsample, wide)
    down = _starts(table.height, downsample, tall)
    sound = (down[:, None] >= 0) & (across >= 0) & (table.counts <= grid.most_bytes)
    usable = np.where(sound, table.counts, 0)
    for index in np.argsort(usable, axis=None)[::-1][:HEAVIEST]:
        row, column = divmod(int(index), table.columns)
        if usable[row, column]:
            right, bottom = (column + 1) * wide, (row + 1) * tall
            yield (
                int(across[column]),
                int(down[row]),
                min(right, table.width),
                min(bottom, table.height),
            )


def _starts(length: int, downsample: float, tile: int) -> np.ndarray:
    """For each tile along one axis, the last pixel before its end where a comparison can start.

    It is one that a whole level-0 place stands for, in the tile or at most REACH tiles before it;
    -1 where there is none.
    """
    exact = np.arange(length) * downsample
    is_whole = np.abs(exact - np.round(exact)) < EXACT * downsample / 2
    last = np.maximum.accumulate(np.where(is_whole, np.arange(length), -1))
    firsts = np.arange(0, length, tile)
    starts = last[firsts]  # at the tile's own start, or before it
    return np.where(firsts - starts <= REACH * tile, starts, -1)
