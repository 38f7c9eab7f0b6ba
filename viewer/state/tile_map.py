"""Values of tiles laid on the slide: from a scan, a feature file, or any table with places."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from viewer.state.events import Event

FINEST = 4  # pixels of the raster along a tile where tiles do not lie on one grid
ON_GRID = 0.02  # of a pixel, by which a tile may be off it
MOST_PIXELS = 4_000_000  # of the raster
LEVELS = 256  # of the colours


@dataclass(frozen=True, eq=False)
class Raster:
    """Which tile lies where; of tiles that overlap, the last."""

    tiles: np.ndarray  # (rows, columns) int32, number of the tile, -1 = none
    x: float  # left edge, level-0 pixels
    y: float  # top edge, level-0 pixels
    px: float  # level-0 pixels per pixel of it


@dataclass(frozen=True, eq=False)
class TileMap:
    """Squares on the slide with one or more values each."""

    name: str  # of the file
    windows: np.ndarray  # (N, 3) float64 of x, y, side, level-0 pixels; one side for all
    columns: Mapping[str, np.ndarray]  # (N,) float64 by name; NaN = no value
    colours: Mapping[str, np.ndarray] = field(default_factory=dict)  # own ones, (N, 3) uint8 RGB

    @cached_property
    def raster(self) -> Raster:
        places, side = self.windows[:, :2], float(self.windows[0, 2])
        first, last = places.min(0), places.max(0) + side
        px = side / _fineness(places - first, side)
        px = max(px, math.sqrt(float(np.prod(last - first)) / MOST_PIXELS))
        columns, rows = (max(1, math.ceil(v / px - ON_GRID)) for v in last - first)
        tiles = np.full((rows, columns), -1, np.int32)
        corner = np.floor((places - first) / px + ON_GRID).astype(int)
        numbers = np.arange(len(places), dtype=np.int32)
        across = max(1, round(side / px))
        for down in range(across):
            for right in range(across):
                row = np.minimum(corner[:, 1] + down, rows - 1)
                tiles[row, np.minimum(corner[:, 0] + right, columns - 1)] = numbers
        return Raster(tiles, float(first[0]), float(first[1]), px)

    def tile_at(self, x: float, y: float) -> int | None:
        """Number of the tile at a place, level-0 pixels."""
        raster = self.raster
        column, row = (x - raster.x) / raster.px, (y - raster.y) / raster.px
        rows, columns = raster.tiles.shape
        if not (0 <= column < columns and 0 <= row < rows):
            return None
        number = int(raster.tiles[int(row), int(column)])
        return None if number < 0 else number


def _fineness(offsets: np.ndarray, side: float) -> int:
    """Into how many pixels a side is cut, so that each tile begins on one."""
    for parts in range(1, FINEST):
        at = offsets / (side / parts)
        if (abs(at - at.round()) < ON_GRID * parts).all():
            return parts
    return FINEST


@dataclass(frozen=True)
class TileLook:
    """How a map of tiles is shown."""

    column: str = ""
    low: float = 0.0  # value of the first colour
    high: float = 1.0  # value of the last colour
    threshold: float | None = None  # tiles below it are not shown; None = all are
    opacity: float = 0.6
    colormap: str = "viridis"
    visible: bool = True


class TileMaps:
    """The map of tiles on the open slide, if there is one, and how it is shown."""

    def __init__(self) -> None:
        self.changed = Event()
        self.map: TileMap | None = None
        self.look = TileLook()

    def show(self, found: TileMap) -> None:
        """Lay a map on the slide, its first column first."""
        self.map = found
        kept = replace(self.look, visible=True)
        self.look = kept
        self.choose(next(iter(found.columns)))

    def close(self) -> None:
        if self.map is not None:
            self.map = None
            self.changed.emit()

    def choose(self, column: str) -> None:
        """Show another column, its colours from its least to its largest value, or from 0 to 1 for
        shares.
        """
        assert self.map is not None
        low, high = span(self.map.columns[column])
        self.look = replace(self.look, column=column, low=low, high=high, threshold=None)
        self.changed.emit()

    def set_look(self, **changes: object) -> None:
        look = replace(self.look, **changes)  # type: ignore[arg-type]
        if look != self.look:
            self.look = look
            self.changed.emit()

    @property
    def values(self) -> np.ndarray:
        """(N,) of the chosen column."""
        assert self.map is not None
        return self.map.columns[self.look.column]

    @property
    def shown(self) -> np.ndarray:
        """Tiles that are shown, (N,) bool: those with a value that is not below the threshold."""
        known = np.isfinite(self.values)
        threshold = self.look.threshold
        return known if threshold is None else known & (np.nan_to_num(self.values) >= threshold)

    def value_at(self, x: float, y: float) -> float | None:
        """The raw value at a place, level-0 pixels; None where there is no tile."""
        number = None if self.map is None else self.map.tile_at(x, y)
        return None if number is None else float(self.values[number])

    @property
    def own_colours(self) -> np.ndarray | None:
        """(N, 3) uint8 RGB of a column that does not take its colours from a scale."""
        return None if self.map is None else self.map.colours.get(self.look.column)

    def colours(self) -> np.ndarray:
        """(rows, columns) uint16 of the raster: 0 = nothing, else 1 + the level of the colour."""
        assert self.map is not None
        look = self.look
        width = look.high - look.low or 1.0
        share = np.nan_to_num((self.values - look.low) / width).clip(0, 1)
        level = (share * (LEVELS - 1)).round().astype(np.uint16) + 1
        level[~self.shown] = 0
        return np.append(level, np.uint16(0))[self.map.raster.tiles]  # the last stands for -1


def span(values: np.ndarray) -> tuple[float, float]:
    """Both ends of the colours: 0 and 1 for shares, else the least and the largest value."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
