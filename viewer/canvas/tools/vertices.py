"""The vertices of an ROI, and an ROI with one of them moved, added or removed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ssmamba.rois.outlines import ellipse_ring
from ssmamba.rois.roi import Point, Roi
from viewer.canvas.layers.roi_shape import RoiShape
from viewer.canvas.view import View

MAX_HANDLES = 400  # more on the screen would hide the line: zoom in to edit
FEW_HANDLES = 8  # so many may stand close to each other
LEAST = {"polygon": 3, "line": 2, "point": 1}  # vertices that a ring must keep


@dataclass(frozen=True)
class Vertex:
    """One vertex of an ROI: polygon, ring and point number."""

    part: int
    ring: int
    index: int


def visible_vertices(shape: RoiShape, view: View, apart: float) -> list[tuple[Vertex, Point]]:
    """The vertices in view with their positions (level-0 px); none where they hide the line.

    That is where they are more than MAX_HANDLES, or less than ``apart`` level-0 px from each other
    on average. An ellipse has those in the middle of its sides: left, top, right, bottom.
    """
    found: list[tuple[Vertex, Point]] = []
    length = 0.0  # of the edges that begin in view
    left, top, right, bottom = view.rect
    parts = shape.parts if shape.roi.kind != "ellipse" else [[_middles(shape.bounds)]]
    for part, rings in enumerate(parts):
        for ring, points in enumerate(rings):
            x, y = points.T
            on_screen = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
            if len(found) + on_screen.sum() > MAX_HANDLES:
                return []
            seen = np.flatnonzero(on_screen).tolist()
            found += [(Vertex(part, ring, i), (float(x[i]), float(y[i]))) for i in seen]
            length += np.hypot(*(np.roll(points, -1, axis=0) - points)[on_screen].T).sum()
    return [] if len(found) > FEW_HANDLES and length < len(found) * apart else found


def visible_edges(shape: RoiShape, view: View, longest: float) -> list[tuple[Vertex, Point]]:
    """The middles of edges in view that are at least ``longest`` level-0 px long.

    The vertex is the one that a new vertex would become.
    """
    if shape.roi.kind not in ("polygon", "line"):
        return []
    found: list[tuple[Vertex, Point]] = []
    left, top, right, bottom = view.rect
    for part, rings in enumerate(shape.parts):
        for ring, points in enumerate(rings):
            starts, ends = _edges(points, shape.roi.has_area)
            middles = (starts + ends) / 2
            x, y = middles.T
            on_screen = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
            on_screen &= np.hypot(*(ends - starts).T) >= longest
            seen = np.flatnonzero(on_screen).tolist()
            found += [(Vertex(part, ring, i + 1), (float(x[i]), float(y[i]))) for i in seen]
    return found[:MAX_HANDLES]


def edge_at(shape: RoiShape, place: Point, within: float) -> tuple[Vertex, Point] | None:
    """The vertex that would be inserted on the nearest edge, and where; None if none is near.

    ``within``: level-0 pixels.
    """
    if shape.roi.kind not in ("polygon", "rectangle", "line"):
        return None
    best: tuple[float, Vertex, Point] | None = None
    for part, rings in enumerate(shape.parts):
        for ring, points in enumerate(rings):
            starts, ends = _edges(points, shape.roi.has_area)
            if not len(starts):
                continue
            along = ends - starts
            length2 = np.maximum((along**2).sum(1), 1e-12)
            share = np.clip(((np.asarray(place) - starts) * along).sum(1) / length2, 0, 1)
            nearest = starts + share[:, None] * along
            apart = np.hypot(*(nearest - place).T)
            i = int(apart.argmin())
            if apart[i] <= within and (best is None or apart[i] < best[0]):
                spot = (round(float(nearest[i, 0]), 2), round(float(nearest[i, 1]), 2))
                best = float(apart[i]), Vertex(part, ring, i + 1), spot
    return None if best is None else best[1:]


def moved(roi: Roi, vertex: Vertex, to: Point) -> Roi:
    """The ROI with one vertex at ``to`` (level-0 px); a rectangle and an ellipse stay one."""
    if roi.kind == "ellipse":
        return _stretched(roi, vertex.index, to)
    ring = list(roi.polygons[vertex.part][vertex.ring])
    if roi.kind == "rectangle" and len(ring) == 4:
        _drag_neighbours(ring, vertex.index, to)
    ring[vertex.index] = to
    return _with_ring(roi, vertex, ring)


def inserted(roi: Roi, vertex: Vertex, at: Point) -> Roi:
    """The ROI with a new vertex in front of the one that has its number now."""
    ring = list(roi.polygons[vertex.part][vertex.ring])
    ring.insert(vertex.index, at)
    kind = "polygon" if roi.kind == "rectangle" else roi.kind
    return replace(_with_ring(roi, vertex, ring), kind=kind)


def without(roi: Roi, vertex: Vertex) -> Roi | None:
    """The ROI without a vertex; a hole that gets too small goes. None where nothing is left."""
    if roi.kind not in ("polygon", "rectangle", "line", "point"):
        return None
    ring = list(roi.polygons[vertex.part][vertex.ring])
    del ring[vertex.index]
    kind = "polygon" if roi.kind == "rectangle" else roi.kind
    if len(ring) >= LEAST[kind]:
        return replace(_with_ring(roi, vertex, ring), kind=kind)
    parts = [list(rings) for rings in roi.polygons]
    del parts[vertex.part][vertex.ring if vertex.ring else slice(None)]
    polygons = tuple(tuple(rings) for rings in parts if rings)
    return replace(roi, polygons=polygons, kind=kind) if polygons else None


def _edges(points: np.ndarray, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """The beginnings and ends of a ring's edges, (N, 2) each."""
    return (points, np.roll(points, -1, axis=0)) if closed else (points[:-1], points[1:])


def _middles(bounds: tuple[float, float, float, float]) -> np.ndarray:
    left, top, right, bottom = bounds
    x, y = (left + right) / 2, (top + bottom) / 2
    return np.array([(left, y), (x, top), (right, y), (x, bottom)])


def _stretched(roi: Roi, side: int, to: Point) -> Roi:
    """The ellipse with one side at a place: left, top, right or bottom."""
    box = list(roi.bounds)
    box[side] = to[side % 2]
    (left, right), (top, bottom) = sorted(box[::2]), sorted(box[1::2])
    return replace(roi, polygons=((ellipse_ring((left, top), (right, bottom)),),))


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
    if not roi.has_area:
        return roi
    if roi.kind in ("rectangle", "ellipse"):
        left, top, right, bottom = roi.bounds
        return roi if right > left and bottom > top else None
    from ssmamba.rois.geometry import path_to_polygons, resolved

    if len(roi.polygons) == 1 and len(roi.polygons[0]) == 1:
        repaired = replace(roi, polygons=path_to_polygons(roi.polygons[0][0], 0.0))
    else:
        repaired = resolved(roi)
    return repaired if repaired.polygons else None
