"""Regions as shapely geometries, and freehand paths made into valid ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import shapely
from shapely.geometry import LineString, MultiPoint, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ssmamba.roi import Point, Rings, Roi

MIN_PART_SHARE = 0.02  # of the largest part; smaller loops of a self-crossing lasso are dropped


def roi_shape(roi: Roi) -> BaseGeometry:
    """The region as a valid shapely geometry, level-0 pixels."""
    if roi.kind == "point":
        return MultiPoint(roi.polygons[0][0])
    if roi.kind == "line":
        points = roi.polygons[0][0]
        return LineString(points) if len(points) > 1 else MultiPoint(points)
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

    A path that crosses itself becomes several parts, of which the tiny loops are dropped;
    vertices closer to the line than ``tolerance`` (level-0 px) go. Empty when there is no area.
    """
    if len(points) < 3:
        return ()
    shape = Polygon(points)
    if not shape.is_valid:
        shape = shapely.make_valid(shape)
    parts = sorted(polygons_of(shape), key=lambda p: -p.area)
    kept = [p for p in parts if p.area > 0 and p.area >= MIN_PART_SHARE * parts[0].area]
    result: list[Rings] = []
    for part in kept:
        simple = part.simplify(tolerance, preserve_topology=True)
        result += [rings_of(p) for p in polygons_of(simple)]
    return tuple(result)
