"""One grid of square windows over a whole slide, as arrays.

The grid begins at the slide's corner, whatever tissue there is, so that two runs, two models of
one scale and two programs mean the same places. A window is a whole number of level-0 pixels
wide: ``round(window px × the model's µm/px / the slide's µm/px)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssmamba.reading.tissue_map import TissueMap
from ssmamba.reading.values import COARSEST

LEAST_TISSUE = 0.1  # share of a window; with less it is glass (as in ssmamba.inference.sight)


@dataclass(frozen=True)
class Grid:
    """Squares of one size in rows and columns from (0, 0), level-0 pixels."""

    side: int  # of a window
    step: int  # from a window to its neighbour; the side where they do not overlap
    rows: int
    columns: int
    exact_side: float  # before rounding

    @property
    def rounding(self) -> float:
        """By how much of itself a window is too large (or, below 0, too small) after rounding."""
        return self.side / self.exact_side - 1

    def windows(self, cells: np.ndarray) -> np.ndarray:
        """Windows (N, 3) float64 of x, y, side, level-0 pixels, of cells (N, 2) of row, column."""
        places = np.asarray(cells)[:, ::-1].astype(np.float64) * self.step
        return np.concatenate([places, np.full((len(places), 1), float(self.side))], axis=1)

    def all_cells(self) -> np.ndarray:
        """Row and column of every window, row by row, (rows × columns, 2) int32."""
        return np.indices((self.rows, self.columns), np.int32).reshape(2, -1).T

    def cells_with(self, tissue: TissueMap, least: float = LEAST_TISSUE) -> np.ndarray:
        """Row and column of the windows of which at least a share is tissue, (N, 2) int32.

        A share of 0 takes all.
        """
        cells = self.all_cells()
        return cells[tissue.shares(self.windows(cells)) >= least]


def grid_on(dimensions: tuple[int, int], side_px: float, overlap: float = 0.0) -> Grid:
    """The grid over a slide of (width, height) level-0 pixels.

    side_px: of a window, level-0 pixels, not rounded yet (``ssmamba.reading.scale.field_on``).
    overlap: share of the side that neighbours have in common, 0..1. Windows whose centre is on the
    slide belong to it, so at the right and lower edge up to half of one may lie off the slide,
    where white is read.
    """
    if not (math.isfinite(side_px) and side_px > 0 and 0 <= overlap < 1):
        raise ValueError(f"side_px > 0 and 0 <= overlap < 1, not {side_px} and {overlap}")
    side = max(1, math.floor(side_px + 0.5))
    step = max(1, math.floor(side * (1 - overlap) + 0.5))
    columns, rows = (max(1, math.floor((length - side / 2) / step) + 1) for length in dimensions)
    return Grid(side, step, rows, columns, float(side_px))


def block_order(cells: np.ndarray, block: int) -> np.ndarray:
    """Numbers (N,) that put cells (N, 2) in blocks of block × block cells, row by row within each.

    Windows of a block lie side by side, so that each of the file's tiles is decoded about once.
    """
    row, column = np.asarray(cells).T
    return np.lexsort((column, row, column // block, row // block))


def strides_of(cells: np.ndarray) -> np.ndarray:
    """COARSEST, … 4, 2 or 1: the coarsest of the nested grids that each of cells (N, 2) is in."""
    cells = np.asarray(cells)
    common = np.where(cells == 0, COARSEST, cells & -cells).min(axis=1)
    found: np.ndarray = np.minimum(common, COARSEST)
    return found


def coarse_first(
    cells: np.ndarray,
    begin: tuple[float, float],
    block: int = 4,
    view: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Numbers (N,) that put cells (N, 2) in order from the coarse to the fine, and outwards.

    Every 8th row and column come first, then every 4th, every 2nd, and the rest; within each,
    blocks of block × block cells by their distance from the place ``begin`` (row, column).

    view: top, left, bottom, right, in rows and columns. The coarsest come first everywhere, for the
    whole to be seen at once; then all within the view, and the rest after them.
    """
    cells, stride = np.asarray(cells), strides_of(cells)
    width = np.maximum(stride, block)
    row, column = cells.T // width
    away = np.hypot((row + 0.5) * width - begin[0], (column + 0.5) * width - begin[1])
    later = np.zeros(len(cells), bool)
    if view is not None:
        first, last = np.floor(view[:2]), np.ceil(view[2:])
        later = ~((cells >= first) & (cells < last)).all(axis=1) & (stride < COARSEST)
    return np.lexsort((cells[:, 1], cells[:, 0], column, row, away, -stride, later))
