"""The outlines of simple shapes; all places are level-0 pixels, (x, y)."""

from __future__ import annotations

import math
from dataclasses import replace

from ssmamba.rois.roi import Point, Ring, Roi

CORNERS = 128  # of an ellipse that is drawn: its area is right to 0.04 %


def box_ring(a: Point, b: Point) -> Ring:
    """The rectangle between two opposite corners."""
    (left, top), (right, bottom) = a, b
    return (left, top), (right, top), (right, bottom), (left, bottom)


def ellipse_ring(a: Point, b: Point, corners: int = CORNERS) -> Ring:
    """The ellipse inside the rectangle between two opposite corners, to 1/100 px."""
    x, y = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    across, down = abs(b[0] - a[0]) / 2, abs(b[1] - a[1]) / 2
    turns = [2 * math.pi * k / corners for k in range(corners)]
    return tuple(
        (round(x + across * math.cos(t), 2), round(y + down * math.sin(t), 2)) for t in turns
    )


def shifted(roi: Roi, dx: float, dy: float) -> Roi:
    """The region at another place, to 1/100 px; its kind stays."""
    polygons = tuple(
        tuple(tuple((round(x + dx, 2), round(y + dy, 2)) for x, y in ring) for ring in rings)
        for rings in roi.polygons
    )
    return replace(roi, polygons=polygons)
