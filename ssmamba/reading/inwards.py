"""Windows at a region's outline, moved inwards.

A window that lies half on glass beside the tissue is not what a model was trained on. Each keeps
what it is there to show, its own part of the region, and takes in as much more of it as it can.
"""

from __future__ import annotations

import numpy as np
import shapely

from ssmamba.reading.region_grid import RegionGrid, cut
from ssmamba.reading.values import Check

LEAST_GAIN = 1e-5  # of a window's area, else it stays
STEPS = (0.5, 0.0, 1.0)  # of the way from one end of its room to the other, in either direction


class Held:
    """How much of a region lies in any window of the size of its grid's cells.

    cells: (M, 4) blocks of one cell of a grid; parts: (M,) of the region in each, None = all of it.
    """

    def __init__(self, grid: RegionGrid, cells: np.ndarray, parts: np.ndarray) -> None:
        self.grid = grid
        keys = self._keys(cells[:, 0], cells[:, 1])
        order = np.argsort(keys)
        self._sorted, self._parts = keys[order], parts[order]

    def areas(self, corners: np.ndarray, check: Check) -> np.ndarray:
        """Of the region in windows with their left and top at corners (N, 2), squared pixels."""
        grid, side = self.grid, self.grid.side
        first = np.floor((corners - (grid.x0, grid.y0)) / side).astype(np.int64)  # column, row
        held = np.zeros(len(corners))
        for aside, below in ((0, 0), (1, 0), (0, 1), (1, 1)):
            columns, rows = first[:, 0] + aside, first[:, 1] + below
            cells = grid.windows(rows, columns)[:, :2]
            low, high = np.maximum(corners, cells), np.minimum(corners, cells) + side
            shared = (high - low).clip(min=0).prod(axis=1)
            found, parts = self._parts_of(rows, columns)
            shared[~found] = 0.0
            some = np.flatnonzero(found & (shared > 0) & shapely.is_geometry(parts))
            boxes = shapely.box(*low[some].T, *high[some].T)
            shared[some] = shapely.area(cut(parts[some], boxes, check, side))
            held += shared
        return held

    def _parts_of(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether the region is in each cell (N,) bool, and what of it (N,)."""
        grid = self.grid
        inside = (rows >= 0) & (rows < grid.rows) & (columns >= 0) & (columns < grid.columns)
        keys = self._keys(rows, columns)
        at = np.searchsorted(self._sorted, keys).clip(max=len(self._sorted) - 1)
        return inside & (self._sorted[at] == keys), self._parts[at]

    def _keys(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return rows.astype(np.int64) * self.grid.columns + columns


def moved_inwards(boxes: np.ndarray, windows: np.ndarray, held: Held, check: Check) -> np.ndarray:
    """Windows (N, 3) that hold boxes (N, 4) and as much of the region as they can.

    boxes: left, top, right, bottom of what each must show, no larger than a window; windows: where
    they stay unless another place holds more.
    """
    side = held.grid.side
    low, high = boxes[:, 2:] - side, boxes[:, :2]
    best, most = windows.copy(), held.areas(windows[:, :2], check)
    for across in STEPS:
        for down in STEPS:
            check()
            corner = low + (high - low) * (across, down)
            moved = np.flatnonzero((abs(corner - windows[:, :2]) > LEAST_GAIN * side).any(axis=1))
            areas = held.areas(corner[moved], check)
            better = areas > most[moved] + LEAST_GAIN * side**2
            best[moved[better], :2], most[moved[better]] = corner[moved[better]], areas[better]
    return best
