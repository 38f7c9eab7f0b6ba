"""The resolutions and tiles in which a slide is shown.

The file's levels are complemented by computed half-levels, so that each level is about twice as
fine as the next: painting then never shrinks a tile by more than two, and nothing aliases
(at fit to window 38 dB against the exact image, 33 without half-levels).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ssmamba.slides.slide import Level

TILE_TARGET = 512  # pixels; target side of a tile
LARGEST_GAP = 2.83  # a larger step between file levels gets a half-level in between
# A level that would be painted at nearly its own size is blurred by the resampling; up to here the
# finer one looks better (H&E at 20×: 35.9 against 35.2 dB at 2.1, 34.0 against 32.0 at 4.3).
LEAST_SHRINK = 1.1
SAME_SIZE = 0.004  # but within this of its own size a level is painted pixel by pixel


class TileKey(NamedTuple):
    """One tile of one display level."""

    level: int
    column: int
    row: int
    icc: bool  # colours corrected by the slide's ICC profile
    look: int = 0  # number of what was done to the colours of the view; 0 = nothing


@dataclass(frozen=True)
class DisplayLevel:
    """One resolution in which a slide is painted."""

    width: int
    height: int
    downsample: float  # level-0 pixels per pixel
    file_level: int | None  # None: averaged 2×2 from the display level before this one
    tile_width: int
    tile_height: int

    @property
    def columns(self) -> int:
        return -(-self.width // self.tile_width)

    @property
    def rows(self) -> int:
        return -(-self.height // self.tile_height)

    def tile_size(self, column: int, row: int) -> tuple[int, int]:
        """(width, height) of a tile, pixels of this level; smaller at the far edges."""
        return (
            min(self.tile_width, self.width - column * self.tile_width),
            min(self.tile_height, self.height - row * self.tile_height),
        )

    def tile_rect(self, column: int, row: int) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of a tile, level-0 pixels."""
        width, height = self.tile_size(column, row)
        left, top = column * self.tile_width, row * self.tile_height
        d = self.downsample
        return left * d, top * d, (left + width) * d, (top + height) * d

    def half(self) -> DisplayLevel:
        return DisplayLevel(
            -(-self.width // 2),
            -(-self.height // 2),
            self.downsample * 2,
            None,
            self.tile_width,
            self.tile_height,
        )


Rect = tuple[float, float, float, float]  # left, top, right, bottom; level-0 pixels


class Pyramid:
    """The display levels of a slide, finest first, and the tiles that a view needs."""

    def __init__(self, levels: tuple[Level, ...]) -> None:
        self.levels = tuple(_display_levels(levels))

    @property
    def coarsest(self) -> int:
        return len(self.levels) - 1

    @property
    def full_rect(self) -> Rect:
        """The whole slide, level-0 pixels."""
        return 0.0, 0.0, float(self.levels[0].width), float(self.levels[0].height)

    def level_for(self, downsample: float) -> int:
        """The coarsest level that looks sharp at ``downsample`` level-0 px per screen px."""
        shrinks = [downsample / level.downsample for level in self.levels]
        good = [i for i, s in enumerate(shrinks) if s >= LEAST_SHRINK or abs(s - 1) <= SAME_SIZE]
        return max(good, default=0)

    def tiles_in(self, level: int, rect: Rect, icc: bool, look: int = 0) -> list[TileKey]:
        """Tiles of a level that touch a rectangle, nearest to its centre first."""
        lv = self.levels[level]
        columns = _span(rect[0], rect[2], lv.downsample * lv.tile_width, lv.columns)
        rows = _span(rect[1], rect[3], lv.downsample * lv.tile_height, lv.rows)
        mid_column, mid_row = (columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2
        keys = [TileKey(level, column, row, icc, look) for row in rows for column in columns]
        keys.sort(key=lambda k: (k.column + 0.5 - mid_column) ** 2 + (k.row + 0.5 - mid_row) ** 2)
        return keys

    def rect_of(self, key: TileKey) -> Rect:
        return self.levels[key.level].tile_rect(key.column, key.row)

    def children(self, key: TileKey) -> Iterator[TileKey]:
        """The tiles of the next finer level that a half-level's tile is averaged from."""
        finer = self.levels[key.level - 1]
        for row in (2 * key.row, 2 * key.row + 1):
            for column in (2 * key.column, 2 * key.column + 1):
                if column < finer.columns and row < finer.rows:
                    yield TileKey(key.level - 1, column, row, key.icc)

    def with_parts(self, key: TileKey, depth: int = 2) -> Iterator[TileKey]:
        """A tile after the finer ones it is averaged from, so that several threads can work."""
        if depth > 0 and self.levels[key.level].file_level is None:
            for child in self.children(key):
                yield from self.with_parts(child, depth - 1)
        yield key

    def file_cost(self, key: TileKey) -> int:
        """Number of tiles of the file's levels to read for a tile (1 for a file level)."""
        steps = 0
        while self.levels[key.level - steps].file_level is None:
            steps += 1
        return int(4**steps)


def tile_side(native: int) -> int:
    """A side near TILE_TARGET that falls on the file's own tile grid (240 → 480, 2048 → 512)."""
    if native <= 0:
        return TILE_TARGET
    if native <= TILE_TARGET:
        return native * max(1, round(TILE_TARGET / native))
    parts = round(native / TILE_TARGET)
    return native // parts if native % parts == 0 else TILE_TARGET


def _display_levels(levels: tuple[Level, ...]) -> Iterator[DisplayLevel]:
    for index, level in enumerate(levels):
        shown = DisplayLevel(
            level.width,
            level.height,
            level.downsample,
            index,
            tile_side(level.tile_width),
            tile_side(level.tile_height),
        )
        yield shown
        following = levels[index + 1].downsample if index + 1 < len(levels) else math.inf
        while following / shown.downsample > LARGEST_GAP and (
            math.isfinite(following) or shown.columns * shown.rows > 1
        ):
            shown = shown.half()
            yield shown


def _span(low: float, high: float, step: float, count: int) -> range:
    first = max(0, math.floor(low / step))
    last = min(count, math.ceil(high / step))
    return range(first, max(first, last))
