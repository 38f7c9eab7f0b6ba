"""The area of an ROI as a shapely geometry, and freehand paths turned into valid polygons.

An area is the union of its parts; a part is its outline without its holes. A ring that crosses
itself holds everything that it winds around (non-zero winding), whether it was drawn or imported.
Area, windows, masks, figures and painting all take it from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import shapely
from shapely.geometry import MultiLineString, MultiPoint, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ssmamba.rois.roi import LINES, Point, Ring, Rings, Roi

MIN_PART_SHARE = 0.02  # of a drawn path's largest part; smaller loops are dropped
KEPT_SHAPES = 64  # of the areas asked about last: a large one takes seconds
REPAIRS = 3  # GEOS leaves 1 of 150 scribbles invalid the first time, none the second


def roi_shape(roi: Roi) -> BaseGeometry:
    """The region as a valid shapely geometry, level-0 pixels."""
    if roi.kind == "point":
        return MultiPoint(roi.polygons[0][0])
    if roi.kind in LINES:
        lines = [rings[0] for rings in roi.polygons if len(rings[0]) > 1]
        return MultiLineString(lines) if lines else MultiPoint(roi.polygons[0][0])
    return _union(roi.polygons)


def resolved(roi: Roi) -> Roi:
    """The same area with rings that neither cross nor overlap; lines and points stay."""
    if not roi.has_area:
        return roi
    return replace(roi, polygons=tuple(rings_of(p) for p in _union(roi.polygons).geoms))


@lru_cache(maxsize=KEPT_SHAPES)
def _union(polygons: tuple[Rings, ...]) -> MultiPolygon:
    parts = [_part(rings) for rings in polygons if rings and len(rings[0]) >= 3]
    shape = MultiPolygon([p for part in parts for p in polygons_of(part)])
    return shape if shape.is_valid else MultiPolygon(polygons_of(shapely.union_all(parts)))


def _part(rings: Rings) -> BaseGeometry:
    """An outline without its holes."""
    holes = [hole for hole in rings[1:] if len(hole) >= 3]
    shape: BaseGeometry = Polygon(rings[0], holes)
    if shape.is_valid:
        return shape
    outside = shapely.union_all([_wound(hole) for hole in holes])
    return shapely.difference(_wound(rings[0]), outside)


def _wound(ring: Ring | Sequence[Point]) -> BaseGeometry:
    """The area that a closed path winds around."""
    shape: BaseGeometry = Polygon(ring)
    for _ in range(REPAIRS):
        if shape.is_valid:
            break
        shape = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    return shape


def polygons_of(shape: BaseGeometry) -> list[Polygon]:
    """The areas of a geometry, without the lines and points that an overlay may add."""
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
    parts = sorted((p for p in polygons_of(_wound(points)) if p.area > 0), key=lambda p: -p.area)
    kept = [p for p in parts if p.area >= MIN_PART_SHARE * parts[0].area]
    result: list[Rings] = []
    for part in kept:
        simple = part.simplify(tolerance, preserve_topology=True) if tolerance > 0 else part
        result += [rings_of(p) for p in polygons_of(simple)]
    return tuple(result)
