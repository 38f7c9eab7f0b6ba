"""The square windows in which a model reads a region."""

from __future__ import annotations

import math

from ssmamba.errors import RoiError
from ssmamba.reading.values import Window
from ssmamba.rois.roi import Roi

MAX_WINDOWS = 20_000  # a region that needs more is read at the wrong scale


def windows_whole(roi: Roi, min_side: float = 1.0) -> list[Window]:
    """One square window around a region, with its real surroundings."""
    left, top, right, bottom = _bounds(roi)
    side = max(right - left, bottom - top, min_side)
    return [Window((left + right - side) / 2, (top + bottom - side) / 2, side)]


def windows_tiles(roi: Roi, side: float, overlap: float = 0.0) -> list[Window]:
    """Cover a region with square windows of ``side`` level-0 pixels.

    The grid is centred on the region. Windows at least half inside are kept; when the region is
    so thin that none is, those that overlap it best. ``overlap`` is the shared part of
    neighbours, 0 ≤ overlap < 1. Raises RoiError for an empty region or an absurd count.
    """
    if not 0 <= overlap < 1 or side <= 0:
        raise ValueError(f"side > 0 and 0 <= overlap < 1, not {side} and {overlap}")
    grid = _grid(_bounds(roi), side, side * (1 - overlap))
    shares = _shares_inside(roi, grid)
    inside = [w for w, share in zip(grid, shares, strict=True) if share >= 0.5]
    if inside:
        return inside
    best = max(shares)
    return [w for w, share in zip(grid, shares, strict=True) if share > 0.5 * best]


def _bounds(roi: Roi) -> tuple[float, float, float, float]:
    if not any(rings and rings[0] for rings in roi.polygons):
        raise RoiError("The region is empty; draw it again.")
    bounds = roi.bounds
    if not all(math.isfinite(v) for v in bounds):
        raise RoiError("The region has places that are not numbers; draw it again.")
    return bounds


def _grid(bounds: tuple[float, float, float, float], side: float, step: float) -> list[Window]:
    left, top, right, bottom = bounds
    columns = 1 + max(0, math.ceil((right - left - side) / step - 1e-6))
    rows = 1 + max(0, math.ceil((bottom - top - side) / step - 1e-6))
    if columns * rows > MAX_WINDOWS:
        raise RoiError(
            f"The region would need {columns * rows} windows of {side:g} px; choose a larger "
            "field width or a smaller region."
        )
    x0 = (left + right - side - (columns - 1) * step) / 2
    y0 = (top + bottom - side - (rows - 1) * step) / 2
    return [Window(x0 + c * step, y0 + r * step, side) for r in range(rows) for c in range(columns)]


def _shares_inside(roi: Roi, grid: list[Window]) -> list[float]:
    """Share of each window that lies in the region; for a line or point 1 where it passes."""
    import shapely

    from ssmamba.rois.geometry import roi_shape

    shape = roi_shape(roi)
    boxes = shapely.box(
        [w.x for w in grid],
        [w.y for w in grid],
        [w.x + w.side for w in grid],
        [w.y + w.side for w in grid],
    )
    if shape.area == 0:
        return [float(hit) for hit in shapely.intersects(boxes, shape)]
    shapely.prepare(shape)
    areas = shapely.area(shapely.intersection(boxes, shape))
    return [float(a) for a in areas / shapely.area(boxes)]
