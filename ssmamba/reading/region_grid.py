"""A grid of cells over a region, and what part of the region lies in each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.errors import GEOSException
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ssmamba.reading.values import Check
from ssmamba.rois.geometry import polygons_of

ROUNDING = 1e-6  # areas in shares of a cell differ by up to this
LARGE = 100  # vertices; parts with more are clipped, in a tenth of an overlay's time


@dataclass(frozen=True)
class RegionGrid:
    """Cells in rows and columns, each the size of a window; places in level-0 pixels."""

    x0: float
    y0: float
    side: float
    rows: int
    columns: int

    def windows(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """(N, 3) float64 of x, y, side."""
        x, y = self.x0 + columns * self.side, self.y0 + rows * self.side
        return np.stack([x, y, np.full_like(x, self.side)], axis=1)

    def boxes(self, blocks: np.ndarray) -> np.ndarray:
        """(N,) rectangles around blocks (N, 4) of first and one past the last row and column."""
        row, column, end_row, end_column = blocks.T
        left, top = self.x0 + column * self.side, self.y0 + row * self.side
        right, bottom = self.x0 + end_column * self.side, self.y0 + end_row * self.side
        return shapely.box(left, top, right, bottom)


def grid_over(bounds: tuple[float, float, float, float], side: float) -> RegionGrid:
    """The fewest cells of ``side`` that cover left, top, right, bottom, centred on them."""
    left, top, right, bottom = bounds
    columns = max(1, math.ceil((right - left) / side - 1e-6))
    rows = max(1, math.ceil((bottom - top) / side - 1e-6))
    x0, y0 = (left + right - columns * side) / 2, (top + bottom - rows * side) / 2
    return RegionGrid(x0, y0, side, rows, columns)


def shares_inside(
    shape: MultiPolygon, grid: RegionGrid, check: Check
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cells that overlap a shape: blocks of one cell (M, 4), each one's share (M,), and the
    part of the shape in it (M,), None where the cell is full.

    The grid is halved again and again, each block with its own part of the shape. A block that is
    empty or full is not looked into any further.
    """
    blocks = np.array([[0, 0, grid.rows, grid.columns]])
    parts = np.array([shape], dtype=object)
    cells, shares, pieces = [], [], []
    while len(blocks):
        check()
        boxes = grid.boxes(blocks)
        parts = cut(parts, boxes, check, grid.side)
        share = shapely.area(parts) / shapely.area(boxes)
        single = (blocks[:, 2:] - blocks[:, :2] == 1).all(axis=1)
        alone, full = single & (share > 0), ~single & (share > 1 - 1e-9)
        inside = [_cells_of(block) for block in blocks[full]]
        cells += [blocks[alone], *inside]
        shares += [share[alone], *(np.ones(len(c)) for c in inside)]
        pieces += [parts[alone], *(np.full(len(c), None) for c in inside)]
        rest = ~single & ~full & (share > 0)
        blocks, parts = _halved(blocks[rest]), np.tile(parts[rest], 2)
    return np.concatenate(cells), np.concatenate(shares), np.concatenate(pieces)


def cut(parts: np.ndarray, boxes: np.ndarray, check: Check, side: float) -> np.ndarray:
    """The areas of geometries (N,) that lie in their boxes (N,)."""
    result = np.empty(len(parts), object)
    large = shapely.get_num_coordinates(parts) > LARGE
    result[~large] = _overlay(parts[~large], boxes[~large])
    for at in np.flatnonzero(large):
        check()
        result[at] = _clipped(parts[at], boxes[at], side)
    mixed = shapely.get_type_id(result) == shapely.GeometryType.GEOMETRYCOLLECTION
    for at in np.flatnonzero(mixed):  # lines where it touched a box
        result[at] = MultiPolygon(polygons_of(result[at]))
    return result


def _clipped(part: BaseGeometry, box: Polygon, side: float) -> BaseGeometry:
    """GEOS's clipping, which loses area now and then: then, and for what goes on as an overlay
    and is not valid, the overlay."""
    found = shapely.clip_by_rect(part, *box.bounds)
    right = abs(found.area - _area_within(part, *box.bounds)) < ROUNDING / 10 * side**2
    if right and (shapely.get_num_coordinates(found) > LARGE or found.is_valid):
        return found
    return _overlay(np.array([part], object), np.array([box], object))[0]


def _overlay(parts: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The parts within their boxes; parts that clipping left invalid are repaired first."""
    try:
        return shapely.intersection(parts, boxes)
    except GEOSException:
        whole = shapely.make_valid(parts, method="structure", keep_collapsed=False)
        return shapely.intersection(whole, boxes)


def _area_within(part: BaseGeometry, left: float, top: float, right: float, bottom: float) -> float:
    """Area of a part in a box by Green's theorem: the integral of x, held to the box, over y."""
    polygons = shapely.get_parts(part)
    rings, owner = shapely.get_rings(polygons, return_index=True)
    places, at = shapely.get_coordinates(rings, return_index=True)
    x, y = (places - (left, top)).T
    held = np.clip(y, 0.0, bottom - top)
    edges = np.flatnonzero((at[:-1] == at[1:]) & (held[:-1] != held[1:]))
    slope = (x[edges + 1] - x[edges]) / (y[edges + 1] - y[edges])
    x0 = x[edges] + (held[edges] - y[edges]) * slope
    x1 = x[edges] + (held[edges + 1] - y[edges]) * slope
    parts = (held[edges + 1] - held[edges]) * _mean_held(x0, x1, right - left)
    areas = abs(np.bincount(at[edges], parts, len(rings)))
    is_hole = np.diff(owner, prepend=-1) == 0
    return float(areas[~is_hole].sum() - areas[is_hole].sum())


def _mean_held(x0: np.ndarray, x1: np.ndarray, width: float) -> np.ndarray:
    """The mean of x held to 0..width, as x goes from x0 to x1."""

    def integral(x: np.ndarray) -> np.ndarray:
        return np.clip(x, 0.0, width) ** 2 / 2 + width * np.maximum(x - width, 0.0)

    far = abs(x1 - x0) > 1e-6 * width
    mean = np.clip((x0 + x1) / 2, 0.0, width)
    mean[far] = (integral(x1[far]) - integral(x0[far])) / (x1 - x0)[far]
    return mean


def _cells_of(block: np.ndarray) -> np.ndarray:
    """All cells of a block (4,) as blocks of their own, (n, 4)."""
    row, column, end_row, end_column = block
    first = np.mgrid[row:end_row, column:end_column].reshape(2, -1).T
    return np.concatenate([first, first + 1], axis=1)


def _halved(blocks: np.ndarray) -> np.ndarray:
    """Blocks (n, 4) cut across their longer side: all first halves, then all second ones."""
    number = np.arange(len(blocks))
    axis = np.argmax(blocks[:, 2:] - blocks[:, :2], axis=1)
    middle = (blocks[number, axis] + blocks[number, axis + 2]) // 2
    first, second = blocks.copy(), blocks.copy()
    first[number, axis + 2] = middle
    second[number, axis] = middle
    return np.concatenate([first, second])
