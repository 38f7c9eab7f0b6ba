"""Paints regions crisply at any zoom, and tells which one lies under a place."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QTransform

from ssmamba.roi import Roi
from viewer.canvas.crowd import paint_dots, paint_outlines
from viewer.canvas.view import View

DEFAULT_COLOR = (0, 205, 120)  # green stands out of pink and violet stains
HALO = QColor(0, 0, 0, 120)
LABEL_GROUND = QColor(20, 22, 26, 190)
DOT_BELOW_PX = 4.0  # smaller regions are dots
LABEL_FROM_PX = 36.0  # narrower regions show no name
MAX_LABELS = 80
HALOS = 60  # more regions than this on the screen are painted without halo
CROWD = 200  # more areas than this on the screen are painted as hairlines
POINT_RADIUS_PX = 5.0


class RoiShape:
    """A region with its paths for painting, made once for each factor of two of zoom."""

    def __init__(self, roi: Roi) -> None:
        self.roi = roi
        self.bounds = roi.bounds
        self.color = QColor(*(roi.color or DEFAULT_COLOR))
        self._paths: dict[int, QPainterPath] = {}  # by octave of the zoom
        self._rings: dict[int, list[np.ndarray]] = {}

    def rings(self, downsample: float) -> list[np.ndarray]:
        """The outlines, each (N, 2) level-0 pixels, without vertices too close to be seen.

        Those of areas end where they began.
        """
        octave = _octave(downsample)
        rings = self._rings.get(octave)
        if rings is None:
            tolerance = 0.4 * 2.0**octave
            arrays = (np.asarray(ring, float) for rings in self.roi.polygons for ring in rings)
            rings = [_thinned(a, tolerance) for a in arrays if len(a)]
            if self.roi.kind not in ("line", "point"):
                rings = [np.vstack([ring, ring[:1]]) for ring in rings]
            self._rings[octave] = rings
        return rings

    def path(self, downsample: float) -> QPainterPath:
        """The outline relative to the top left of the bounds, level-0 pixels."""
        octave = _octave(downsample)
        path = self._paths.get(octave)
        if path is None:
            path = self._paths[octave] = self._build(self.rings(downsample))
        return path

    def _build(self, rings: list[np.ndarray]) -> QPainterPath:
        path = QPainterPath()
        path.setFillRule(Qt.FillRule.OddEvenFill)
        for ring in rings:
            points = (ring - self.bounds[:2]).tolist()
            path.moveTo(*points[0])
            for x, y in points[1:]:
                path.lineTo(x, y)
            if self.roi.kind not in ("line", "point"):
                path.closeSubpath()
        return path

    def contains(self, x: float, y: float, tolerance: float) -> bool:
        """Whether a place (level-0 px) is inside, or within ``tolerance`` of the outline."""
        rings = [np.asarray(ring, float) for rings in self.roi.polygons for ring in rings]
        if self.roi.kind == "point":
            return any(np.hypot(*(ring - (x, y)).T).min() <= 2 * tolerance for ring in rings)
        closed = self.roi.kind != "line"
        if any(_distance(ring, x, y, closed) <= tolerance for ring in rings):
            return True
        return closed and sum(_crossings(ring, x, y) for ring in rings) % 2 == 1


class RoiLayer:
    """The regions of one canvas."""

    def __init__(self) -> None:
        self._shapes: dict[str, RoiShape] = {}
        self._list: list[RoiShape] = []
        self._bounds = np.empty((0, 4))  # level-0 px, in the order of _list
        self._colors = np.empty(0, np.uint32)  # ARGB
        self._is_point = np.empty(0, bool)
        self.selected: str | None = None
        self.hovered: str | None = None
        self.hidden: str | None = None  # the region that is being edited is painted elsewhere

    def set_rois(self, rois: Sequence[Roi]) -> None:
        old = self._shapes
        self._shapes = {}
        for roi in rois:
            known = old.get(roi.id)
            if known is not None and known.roi is roi:
                self._shapes[roi.id] = known
            elif any(rings and rings[0] for rings in roi.polygons):
                self._shapes[roi.id] = RoiShape(roi)
        self._list = list(self._shapes.values())
        self._bounds = np.array([s.bounds for s in self._list]).reshape(-1, 4)
        self._colors = np.array([s.color.rgba() for s in self._list], np.uint32)
        self._is_point = np.array([s.roi.kind == "point" for s in self._list], bool)

    def get(self, roi_id: str | None) -> Roi | None:
        shape = None if roi_id is None else self._shapes.get(roi_id)
        return None if shape is None else shape.roi

    def at(self, x: float, y: float, tolerance: float) -> str | None:
        """Id of the region under a place; the smallest when several overlap."""
        b = self._bounds
        near = (
            (b[:, 0] - tolerance <= x)
            & (x <= b[:, 2] + tolerance)
            & (b[:, 1] - tolerance <= y)
            & (y <= b[:, 3] + tolerance)
        )
        shapes = [self._list[i] for i in np.flatnonzero(near)]
        hits = [(_box_area(s), s.roi.id) for s in shapes if s.contains(x, y, tolerance)]
        return min(hits)[1] if hits else None

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        if not self._list:
            return
        left, top, right, bottom = view.rect
        b = self._bounds
        on_screen = (b[:, 0] <= right) & (b[:, 2] >= left) & (b[:, 1] <= bottom) & (b[:, 3] >= top)
        extent = np.maximum(b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]) * view.scale
        is_dot = on_screen & ~self._is_point & (extent < DOT_BELOW_PX * dpr)
        centers = (b[is_dot, :2] + b[is_dot, 2:]) / 2
        paint_dots(painter, centers, self._colors[is_dot], view, dpr)
        shapes = [self._list[i] for i in np.flatnonzero(on_screen & ~is_dot)]
        shapes = [s for s in shapes if s.roi.id != self.hidden]
        if len(shapes) > CROWD:
            shapes = self._paint_crowd(painter, view, dpr, shapes)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        shapes.sort(key=lambda s: (s.roi.id == self.selected, s.roi.id == self.hovered))
        for shape in shapes:
            strong = shape.roi.id in (self.selected, self.hovered)
            halo = strong or len(shapes) <= HALOS
            paint_outline(painter, view, dpr, shape, strong=strong, halo=halo)
        self._paint_names(painter, view, dpr, shapes)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_crowd(
        self, painter: QPainter, view: View, dpr: float, shapes: list[RoiShape]
    ) -> list[RoiShape]:
        """Paint very many areas as hairlines; return those that deserve more."""
        rings: dict[int, list[np.ndarray]] = {}
        rest = []
        for shape in shapes:
            chosen = shape.roi.id in (self.selected, self.hovered)
            if chosen or shape.roi.kind in ("point", "line"):
                rest.append(shape)
            else:
                found = rings.setdefault(shape.color.rgb(), [])
                found += shape.rings(view.state.downsample)
        for rgb, found in rings.items():
            paint_outlines(painter, found, rgb, view, dpr)
        return rest

    def _paint_names(
        self, painter: QPainter, view: View, dpr: float, shapes: Sequence[RoiShape]
    ) -> None:
        font = label_font(painter, dpr)
        painter.setFont(font)
        metrics = QFontMetricsF(font, painter.device())
        for shape in shapes[-MAX_LABELS:]:
            text = shape.roi.name or shape.roi.class_name
            box = view.screen_rect_f(shape.bounds)
            if not text or (box.width() < LABEL_FROM_PX * dpr and shape.roi.kind != "point"):
                continue
            if shape.roi.kind == "point":
                box.adjust(0, -POINT_RADIUS_PX * dpr, 0, 0)
            paint_label(painter, metrics, text, box, shape.color, dpr, view)


def paint_outline(
    painter: QPainter,
    view: View,
    dpr: float,
    shape: RoiShape,
    *,
    strong: bool,
    halo: bool = True,
) -> None:
    """One region: a dark halo under a bright line, both of constant width on the screen."""
    width = (2.6 if strong else 1.8) * dpr
    if shape.roi.kind == "point":
        _paint_points(painter, view, shape, POINT_RADIUS_PX * dpr, width)
        return
    x, y = view.to_screen(*shape.bounds[:2]).toTuple()
    to_device = QTransform(view.scale, 0, 0, view.scale, x, y)
    path = to_device.map(shape.path(view.state.downsample))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if halo:
        painter.strokePath(path, line_pen(HALO, width + 2.2 * dpr))
    painter.strokePath(path, line_pen(shape.color, width))


def line_pen(color: QColor, width: float) -> QPen:
    """Mitred joins: round ones cost twice the time, which tells with hundreds of regions."""
    return QPen(
        color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin
    )


def label_font(painter: QPainter, dpr: float, size_px: float = 12.0) -> QFont:
    """The application's font in device pixels (painters here work in device pixels)."""
    font = QFont(painter.font())
    font.setPixelSize(max(1, round(size_px * dpr)))
    return font


def paint_label(
    painter: QPainter,
    metrics: QFontMetricsF,
    text: str,
    box: QRectF,
    color: QColor,
    dpr: float,
    view: View,
) -> None:
    """A name above a region's top left, kept on the screen."""
    pad = 4 * dpr
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(box.width(), 140 * dpr))
    width = metrics.horizontalAdvance(text) + 2 * pad + 7 * dpr
    height = metrics.height() + pad / 2
    x = min(max(box.left(), 2 * dpr), max(view.width - width - 2 * dpr, 0))
    y = box.top() - height - 3 * dpr
    y = min(max(y, 2 * dpr), box.bottom())
    ground = QRectF(round(x), round(y), math.ceil(width), math.ceil(height))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(LABEL_GROUND)
    painter.drawRoundedRect(ground, 3 * dpr, 3 * dpr)
    painter.setBrush(color)
    swatch = QRectF(ground.left() + pad, ground.center().y() - 2.5 * dpr, 5 * dpr, 5 * dpr)
    painter.drawEllipse(swatch)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(
        ground.adjusted(pad + 8 * dpr, 0, 0, 0),
        Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
        text,
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
        painter.drawEllipse(place, radius, radius)


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
    """Distance from a place to a polyline, level-0 pixels."""
    starts = ring if closed else ring[:-1]
    ends = np.roll(ring, -1, axis=0) if closed else ring[1:]
    if len(starts) == 0:
        return float(np.hypot(*(ring[0] - (x, y))))
    along = ends - starts
    length2 = np.maximum((along**2).sum(1), 1e-12)
    t = (((x, y) - starts) * along).sum(1) / length2
    nearest = starts + np.clip(t, 0, 1)[:, None] * along
    return float(np.hypot(*(nearest - (x, y)).T).min())


def _crossings(ring: np.ndarray, x: float, y: float) -> int:
    """How often a ray to the right of the place crosses a closed ring."""
    x0, y0 = ring.T
    x1, y1 = np.roll(ring, -1, axis=0).T
    spans = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
    return int((spans & (at > x)).sum())


def _box_area(shape: RoiShape) -> float:
    left, top, right, bottom = shape.bounds
    return (right - left) * (bottom - top)
