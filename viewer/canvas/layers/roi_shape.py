"""One ROI: its outline at each zoom, hit testing and painting."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform

from ssmamba.rois.roi import Roi
from viewer.canvas.layers.measures import extra_path
from viewer.canvas.layers.small_rois import polylines
from viewer.canvas.view import View

DEFAULT_COLOR = (0, 205, 120)  # green stands out of pink and violet stains
HALO = QColor(0, 0, 0, 120)
POINT_RADIUS_PX = 5.0
FINE_FROM = 3000  # corners on the screen: longer outlines are painted as hairlines
KEPT_FROM = 200  # corners: the arrays of smaller ROIs are made when they are needed


class RoiShape:
    """An ROI with its painter paths, cached for each factor of two of zoom."""

    def __init__(self, roi: Roi) -> None:
        self.roi = roi
        self.bounds = roi.bounds
        self._parts: list[list[np.ndarray]] | None = None
        self._paths: dict[int, QPainterPath] = {}  # by octave of the zoom
        self._rings: dict[int, list[np.ndarray]] = {}

    @property
    def parts(self) -> list[list[np.ndarray]]:
        """The rings of each part, (N, 2) level-0 pixels; kept where making them takes long."""
        if self._parts is not None:
            return self._parts
        found = [[np.asarray(r, float).reshape(-1, 2) for r in part] for part in self.roi.polygons]
        if sum(len(ring) for part in found for ring in part) > KEPT_FROM:
            self._parts = found
        return found

    @cached_property
    def color(self) -> QColor:
        return QColor(*(self.roi.color or DEFAULT_COLOR))

    def rings(self, downsample: float) -> list[np.ndarray]:
        """The outlines, each (N, 2) level-0 pixels, without vertices too close to be seen.

        Those of areas end where they began.
        """
        octave = _octave(downsample)
        rings = self._rings.get(octave)
        if rings is None:
            tolerance = 0.4 * 2.0**octave
            arrays = (ring for rings in self.parts for ring in rings)
            rings = [_thinned(a, tolerance) for a in arrays if len(a)]
            if self.roi.has_area:
                rings = [np.vstack([ring, ring[:1]]) for ring in rings]
            self._rings[octave] = rings
        return rings

    def path_on(self, view: View) -> QPainterPath:
        """The outline on the screen, device pixels."""
        octave = _octave(view.state.downsample)
        path = self._paths.get(octave)
        if path is None:
            path = self._paths[octave] = self._build(self.rings(view.state.downsample))
        x, y = view.to_screen(*self.bounds[:2]).toTuple()
        cos, sin = (part * view.scale for part in view.direction)
        return QTransform(cos, sin, -sin, cos, x, y).map(path)

    def box_on(self, view: View) -> QRectF:
        """The rectangle around the outline on the screen, device pixels."""
        oblique = view.is_oblique
        return self.path_on(view).controlPointRect() if oblique else view.screen_rect_f(self.bounds)

    def _build(self, rings: list[np.ndarray]) -> QPainterPath:
        """The outline relative to the top left of the bounds, level-0 pixels.

        As a clip it is right for a ROI whose rings neither cross nor overlap (``resolved``).
        """
        starts = np.cumsum([0, *(len(ring) for ring in rings[:-1])])
        points = np.concatenate(rings) - self.bounds[:2]
        return polylines(points, starts, Qt.FillRule.OddEvenFill)

    def contains(self, x: float, y: float, tolerance: float) -> bool:
        """Whether a point (level-0 px) is inside, or within ``tolerance`` of the outline."""
        rings = [ring for part in self.parts for ring in part]
        if self.roi.kind == "point":
            return any(np.hypot(*(ring - (x, y)).T).min() <= 2 * tolerance for ring in rings)
        closed = self.roi.has_area
        if any(_distance(ring, x, y, closed) <= tolerance for ring in rings):
            return True
        return closed and any(
            bool(_winding(part[0], x, y)) and not any(_winding(hole, x, y) for hole in part[1:])
            for part in self.parts
            if part
        )


def paint_outline(
    painter: QPainter,
    view: View,
    dpr: float,
    shape: RoiShape,
    *,
    strong: bool,
    halo: bool = True,
) -> None:
    """One ROI: a dark halo under a bright line, both of constant width on the screen."""
    width = (2.6 if strong else 1.8) * dpr
    if shape.roi.kind == "point":
        _paint_points(painter, view, shape, POINT_RADIUS_PX * dpr, width)
        return
    path = shape.path_on(view)
    if shape.roi.kind in ("ruler", "angle"):
        path.addPath(extra_path(shape.roi, view, dpr))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    fine = path.elementCount() > FINE_FROM
    stroke = _stroke_fine if fine else _stroke
    if halo:
        stroke(painter, path, HALO, width + 2.2 * dpr)
    stroke(painter, path, shape.color, width)


def _stroke(painter: QPainter, path: QPainterPath, color: QColor, width: float) -> None:
    painter.strokePath(path, line_pen(color, width))


def _stroke_fine(painter: QPainter, path: QPainterPath, color: QColor, width: float) -> None:
    """A long path as a few hairlines side by side: a wide line takes a hundred times as long."""
    pen, half = line_pen(color, 1.0), (width - 1) / 2
    for dx, dy in ((-half, 0.0), (half, 0.0), (0.0, -half), (0.0, half), (0.0, 0.0)):
        painter.translate(dx, dy)
        painter.strokePath(path, pen)
        painter.translate(-dx, -dy)


def line_pen(color: QColor, width: float) -> QPen:
    """Mitred joins: round ones cost twice the time, which shows with hundreds of ROIs.

    Square caps close the corner where an outline ends on its own beginning.
    """
    return QPen(
        color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin
    )


def _paint_points(
    painter: QPainter, view: View, shape: RoiShape, radius: float, width: float
) -> None:
    for x, y in shape.roi.polygons[0][0]:
        place = view.to_screen(x, y)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(HALO, width + 2))
        painter.drawEllipse(place, radius, radius)
        painter.setPen(QPen(shape.color, width))
        painter.setBrush(QColor(255, 255, 255, 150))
        painter.drawEllipse(place, radius, radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _octave(downsample: float) -> int:
    return math.floor(math.log2(max(downsample, 1e-6)))


def _thinned(points: np.ndarray, tolerance: float) -> np.ndarray:
    """Drop points that fall on the same cell of ``tolerance`` as the one before. (N, 2)."""
    if len(points) < 12:
        return points
    cells = np.floor(points / tolerance)
    keep = np.ones(len(points), bool)
    keep[1:] = (cells[1:] != cells[:-1]).any(axis=1)
    return points[keep]


def _distance(ring: np.ndarray, x: float, y: float, closed: bool) -> float:
    """Distance from a point to a polyline, level-0 pixels."""
    starts = ring if closed else ring[:-1]
    ends = np.roll(ring, -1, axis=0) if closed else ring[1:]
    if len(starts) == 0:
        return float(np.hypot(*(ring[0] - (x, y))))
    along = ends - starts
    length2 = np.maximum((along**2).sum(1), 1e-12)
    t = (((x, y) - starts) * along).sum(1) / length2
    nearest = starts + np.clip(t, 0, 1)[:, None] * along
    return float(np.hypot(*(nearest - (x, y)).T).min())


def _winding(ring: np.ndarray, x: float, y: float) -> int:
    """How often a closed ring winds around a point."""
    x0, y0 = ring.T
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    left_of = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
    up = (y0 <= y) & (y1 > y) & (left_of > 0)
    down = (y0 > y) & (y1 <= y) & (left_of < 0)
    return int(up.sum()) - int(down.sum())
