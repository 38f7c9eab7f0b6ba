"""Lengths and angles of regions, in level-0 pixels and degrees. Areas: ``geometry.area_of``."""

from __future__ import annotations

import math

import numpy as np

from ssmamba.rois.roi import LINES, Roi

AT_ONCE = 512  # corners whose distances to all others are computed together


def length_of(roi: Roi) -> float:
    """Length of a line, ruler or angle (both arms), pixels; 0 for anything else."""
    if roi.kind not in LINES:
        return 0.0
    return sum(
        math.dist(a, b)
        for rings in roi.polygons
        for a, b in zip(rings[0], rings[0][1:], strict=False)
    )


def angle_of(roi: Roi) -> float:
    """The angle between the two arms of an angle, 0 to 180 degrees; NaN for anything else."""
    if roi.kind != "angle" or len(roi.polygons[0][0]) != 3:
        return math.nan
    (ax, ay), (x, y), (bx, by) = roi.polygons[0][0]
    turn = math.atan2(by - y, bx - x) - math.atan2(ay - y, ax - x)
    return abs(math.degrees(math.remainder(turn, math.tau)))


def perimeter_of(roi: Roi) -> float:
    """Length of all outlines of an area, those of its holes too, pixels; 0 without an area."""
    if not roi.has_area:
        return 0.0
    from ssmamba.rois.geometry import roi_shape  # loads slowly

    return float(roi_shape(roi).length)


def diameter_of(roi: Roi) -> float:
    """The largest distance between two places of a region, pixels."""
    import shapely  # loads slowly

    corners = [p for rings in roi.polygons for ring in rings[:1] for p in ring]
    hull = shapely.convex_hull(shapely.multipoints(np.asarray(corners, float)))
    places = np.asarray(getattr(hull, "exterior", hull).coords, float)
    largest = 0.0
    for first in range(0, len(places), AT_ONCE):
        apart = places[first : first + AT_ONCE, None] - places
        largest = max(largest, float(np.hypot(apart[..., 0], apart[..., 1]).max()))
    return largest


def point_count(roi: Roi) -> int:
    """How many places a region of points has; 0 for anything else."""
    return len(roi.polygons[0][0]) if roi.kind == "point" else 0
