"""ROIs as shapely geometries, and freehand paths turned into valid polygons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiLineString, MultiPoint, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ssmamba.rois.roi import Point, Rings, Roi

MIN_PART_SHARE = (
    0.02  # of the largest part's area; smaller loops of a self-crossing lasso are dropped
)


def roi_shape(roi: Roi) -> BaseGeometry:
    """The region as a valid shapely geometry, level-0 pixels."""
    if roi.kind == "point":
        return MultiPoint(roi.polygons[0][0])
    if roi.kind == "line":
        lines = [rings[0] for rings in roi.polygons if len(rings[0]) > 1]
        return MultiLineString(lines) if lines else MultiPoint(roi.polygons[0][0])
    parts = [_polygon(rings) for rings in roi.polygons if rings and len(rings[0]) >= 3]
    shape: BaseGeometry = MultiPolygon([p for part in parts for p in polygons_of(part)])
    return shape if shape.is_valid else shapely.make_valid(shape)


def _polygon(rings: Rings) -> BaseGeometry:
    shape = Polygon(rings[0], [hole for hole in rings[1:] if len(hole) >= 3])
    return shape if shape.is_valid else shapely.make_valid(shape)


def polygons_of(shape: BaseGeometry) -> list[Polygon]:
    """The areas of a geometry, without the lines and points that make_valid may add."""
    if isinstance(shape, Polygon):
        return [] if shape.is_empty else [shape]
    parts: Iterable[Any] = getattr(shape, "geoms", ())
    return [polygon for part in parts for polygon in polygons_of(part)]


def rings_of(polygon: Polygon) -> Rings:
    """A shapely polygon as open rings."""
    loops = (polygon.exterior, *polygon.interiors)
    return tuple(tuple((float(x), float(y)) for x, y in loop.coords[:-1]) for loop in loops)


def area_of(roi: Roi) -> float:
    """Area in squared level-0 pixels; 0 for lines and points."""
    return float(roi_shape(roi).area)


def path_to_polygons(points: Sequence[Point], tolerance: float) -> tuple[Rings, ...]:
    """Close a drawn path into valid polygons, largest first.

    Everything the path encloses is inside, even where it overlaps itself (a lasso whose end runs
    past its start has no hole there). A figure of eight becomes two parts. Tiny loops are dropped,
    and so are vertices closer to the line than ``tolerance`` (level-0 px). Empty if there is no
    area.
    """
    if len(points) < 3:
        return ()
    shape = Polygon(points)
    parts = [shape] if shape.is_valid else _enclosed(points)
    parts = sorted((p for p in parts if p.area > 0), key=lambda p: -p.area)
    kept = [p for p in parts if p.area >= MIN_PART_SHARE * parts[0].area]
    result: list[Rings] = []
    for part in kept:
        simple = part.simplify(tolerance, preserve_topology=True) if tolerance > 0 else part
        result += [rings_of(p) for p in polygons_of(simple)]
    return tuple(result)


def _enclosed(points: Sequence[Point]) -> list[Polygon]:
    """The faces that a closed path encloses, merged."""
    loop = shapely.union_all(shapely.linestrings([*points, points[0]]))
    faces = polygons_of(shapely.polygonize([shapely.node(loop)]))
    ring = np.asarray(points, float)
    inside = [f for f in faces if _winding(ring, *f.representative_point().coords[0])]
    return polygons_of(shapely.union_all(inside)) if inside else []


def _winding(ring: np.ndarray, x: float, y: float) -> int:
    """Winding number of a closed path (N, 2) around a position."""
    x0, y0 = ring.T
    x1, y1 = np.roll(ring, -1, axis=0).T
    left_of = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
    up = (y0 <= y) & (y1 > y) & (left_of > 0)
    down = (y0 > y) & (y1 <= y) & (left_of < 0)
    return int(up.sum()) - int(down.sum())
