"""The square windows in which a model reads a region."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import MultiPolygon

from ssmamba.errors import RoiError
from ssmamba.reading.inwards import Held, moved_inwards
from ssmamba.reading.region_grid import ROUNDING, grid_over, shares_inside
from ssmamba.reading.values import Check, Window
from ssmamba.rois.geometry import polygons_of, roi_shape
from ssmamba.rois.roi import Roi

MIN_SHARE = 0.5  # of a cell that lies in the region; nearer to it than ROUNDING, measured again
BATCH = 64  # cells measured between two checks


def window_around(roi: Roi, min_side: float = 1.0) -> Window:
    """One square window around a region, with its real surroundings, level-0 pixels."""
    left, top, right, bottom = _bounds(roi)
    side = max(right - left, bottom - top, min_side)
    return Window((left + right - side) / 2, (top + bottom - side) / 2, side)


@dataclass(frozen=True)
class Cover:
    """Windows over a region, and what each of them stands for."""

    windows: np.ndarray  # (N, 3) float64 of x, y, side, level-0 pixels
    areas: np.ndarray  # (N,) float64, of the region, no part counted twice, squared pixels
    area: float  # of the whole region; a little is left to its neighbours

    @property
    def share(self) -> float:
        """Of the region that the windows stand for, 0..1."""
        return min(1.0, float(self.areas.sum()) / self.area)


def window_over(roi: Roi, window: Window) -> Cover:
    """One window as the cover of a region, which may reach beyond it."""
    shape = roi_shape(roi)
    x, y, side = window.x, window.y, window.side
    held = shapely.intersection(shape, shapely.box(x, y, x + side, y + side)).area
    return Cover(np.array([[x, y, side]]), np.array([held]), float(shape.area))


def windows_tiles(roi: Roi, side: float, check: Check = lambda: None) -> Cover:
    """Cover a region with square windows of ``side`` level-0 pixels.

    A grid is centred on the region; a window for each of its cells that is at least half inside
    comes first, row by row. Those at the outline are moved inwards as far as they still show their
    cell's part of the region (``ssmamba.reading.inwards``). What they leave is read in windows of
    its own (``ssmamba.reading.leftovers``). Memory and time go with the windows along the region's
    outline and with N, not with its bounding box. ``check`` is called between the steps. Raises
    RoiError for a region without an area.
    """
    from ssmamba.reading.leftovers import windows_over_rest

    if side <= 0:
        raise ValueError(f"side > 0, not {side}")
    grid = grid_over(_bounds(roi), side)
    shape = MultiPolygon(polygons_of(roi_shape(roi)))
    cells, shares, parts = shares_inside(shape, grid, check)
    if not len(cells):
        raise RoiError("The region has no area; draw a lasso or a rectangle.")
    unsure = np.flatnonzero(abs(shares - MIN_SHARE) < ROUNDING)
    for some in np.array_split(unsure, 1 + len(unsure) // BATCH):
        check()
        boxes = grid.boxes(cells[some])
        shares[some] = shapely.area(shapely.intersection(shape, boxes)) / shapely.area(boxes)
    order = np.lexsort((cells[:, 1], cells[:, 0]))
    cells, shares, parts = cells[order], shares[order], parts[order]
    kept = shares >= MIN_SHARE
    windows, areas = grid.windows(*cells[kept, :2].T), shares[kept] * side**2
    area = float(shares.sum()) * side**2
    held = Held(grid, cells, parts)
    rest = windows_over_rest(parts[~kept], windows, held, area, check)
    edge = np.flatnonzero(shares[kept] < 1 - ROUNDING)
    bounds = shapely.bounds(parts[kept][edge])
    windows[edge] = moved_inwards(bounds, windows[edge], held, check)
    return Cover(np.concatenate([windows, rest.windows]), np.concatenate([areas, rest.areas]), area)


def _bounds(roi: Roi) -> tuple[float, float, float, float]:
    if not any(rings and rings[0] for rings in roi.polygons):
        raise RoiError("The region is empty; draw it again.")
    bounds = roi.bounds
    if not all(math.isfinite(v) for v in bounds):
        raise RoiError("The region has places that are not numbers; draw it again.")
    return bounds
