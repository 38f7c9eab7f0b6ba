"""The vertices of an ROI, and an ROI with one of them moved."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ssmamba.rois.roi import Point, Roi
from viewer.canvas.view import View

MAX_HANDLES = 400  # more on the screen would hide the line: zoom in to edit


@dataclass(frozen=True)
class Vertex:
    """One vertex of an ROI: polygon, ring and point number."""

    part: int
    ring: int
    index: int


def visible_vertices(roi: Roi, view: View) -> list[tuple[Vertex, Point]]:
    """The vertices in view with their positions (level-0 px); none if more than MAX_HANDLES."""
    found: list[tuple[Vertex, Point]] = []
    left, top, right, bottom = view.rect
    for part, rings in enumerate(roi.polygons):
        for ring, points in enumerate(rings):
            x, y = np.asarray(points, float).T
            on_screen = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
            if len(found) + on_screen.sum() > MAX_HANDLES:
                return []
            found += [(Vertex(part, ring, int(i)), points[i]) for i in np.flatnonzero(on_screen)]
    return found


def moved(roi: Roi, vertex: Vertex, to: Point) -> Roi:
    """The ROI with one vertex at ``to`` (level-0 px); a rectangle stays one."""
    ring = list(roi.polygons[vertex.part][vertex.ring])
    if roi.kind == "rectangle" and len(ring) == 4:
        _drag_neighbours(ring, vertex.index, to)
    ring[vertex.index] = to
    return _with_ring(roi, vertex, ring)


def _drag_neighbours(ring: list[Point], index: int, to: Point) -> None:
    """Move the two neighbours of a rectangle's corner along, each in one direction."""
    after, before = (index + 1) % 4, index - 1
    old_y = ring[index][1]
    after_is_level = abs(ring[after][1] - old_y) <= abs(ring[before][1] - old_y)
    level, upright = (after, before) if after_is_level else (before, after)
    ring[level] = (ring[level][0], to[1])
    ring[upright] = (to[0], ring[upright][1])


def _with_ring(roi: Roi, vertex: Vertex, ring: list[Point]) -> Roi:
    polygons = [list(rings) for rings in roi.polygons]
    polygons[vertex.part][vertex.ring] = tuple(ring)
    return replace(roi, polygons=tuple(tuple(rings) for rings in polygons))


def made_valid(roi: Roi) -> Roi | None:
    """A dragged ROI whose outline crosses itself, repaired; None when no area is left."""
    if roi.kind == "line":
        return roi
    if roi.kind == "rectangle":
        left, top, right, bottom = roi.bounds
        return roi if right > left and bottom > top else None
    from ssmamba.rois.geometry import path_to_polygons, resolved

    if len(roi.polygons) == 1 and len(roi.polygons[0]) == 1:
        repaired = replace(roi, polygons=path_to_polygons(roi.polygons[0][0], 0.0))
    else:
        repaired = resolved(roi)
    return repaired if repaired.polygons else None
