"""Base of the tools that draw an outline: its preview, and the resulting ROI."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter

from ssmamba.rois.roi import Kind, Point, Rings, Roi
from viewer.canvas.base import CanvasBase
from viewer.canvas.layers.roi_shape import DEFAULT_COLOR, HALO, line_pen
from viewer.canvas.layers.small_rois import polylines
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.canvas.view import View
from viewer.text.tr import tr

SMALLEST_PX = 6.0  # narrower ROIs are taken for accidents, logical screen pixels


class DrawingTool(Tool):
    """Collects the outline of a new ROI."""

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self.path: list[Point] = []  # drawn so far, level-0 pixels

    @property
    def is_busy(self) -> bool:
        return bool(self.path)

    def cancel(self) -> None:
        self.path = []

    def finish(self, at: Cursor, kind: Kind = "polygon", tolerance_px: float = 0.0) -> None:
        """Create an ROI from the path, or show why not.

        A click draws nothing and selects the ROI under it, as with the Move tool.
        """
        path = self.path
        self.cancel()
        roi = roi_of(path, kind, at.px, tolerance_px)
        clicked = self.scene.roi_at(*at.point) if at.is_click else None
        if roi is not None:
            self.make(roi)
        elif clicked is not None:
            self.canvas.roi_clicked.emit(clicked)
        else:
            self.canvas.hint.emit(f"{tr('The region is too small.')} {self.hint}")

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        if not self.is_busy:
            return
        points = view.on_screen(np.asarray(self.path, float))
        is_area = len(points) > 2
        color = self.scene.drawn_color or DEFAULT_COLOR
        path = polylines(np.vstack([points, points[:1]]) if is_area else points, np.array([0]))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if is_area:
            painter.fillPath(path, QColor(*color, 16))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.strokePath(path, line_pen(HALO, 4 * dpr))
        painter.strokePath(path, line_pen(QColor(*color), 2 * dpr))
        painter.setPen(line_pen(QColor(20, 22, 26), dpr))
        painter.setBrush(QColor(255, 255, 255))
        painter.drawEllipse(QPointF(*points[0]), 3.5 * dpr, 3.5 * dpr)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def roi_of(points: Sequence[Point], kind: Kind, px: float, tolerance_px: float) -> Roi | None:
    """A valid ROI of a path (level-0 px), simplified within ``tolerance_px``; None: too small.

    ``px``: level-0 pixels per screen pixel. Two decimals, as in QuPath's files: saving and loading
    must not change an ROI.
    """
    polygons: tuple[Rings, ...] = ()
    if len(points) >= 3:
        from ssmamba.rois.geometry import path_to_polygons

        polygons = path_to_polygons(points, tolerance_px * px)
    if not polygons:
        return None
    roi = Roi(
        tuple(
            tuple(tuple((round(x, 2), round(y, 2)) for x, y in ring) for ring in rings)
            for rings in polygons
        ),
        kind=kind,
    )
    left, top, right, bottom = roi.bounds
    return None if min(right - left, bottom - top) < SMALLEST_PX * px else roi
