"""Composes one frame of a canvas out of its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from viewer.canvas.editing import is_editable, paint_handles
from viewer.canvas.furniture import magnification_text, paint_scale_bar
from viewer.canvas.roi_layer import DEFAULT_COLOR, HALO, RoiShape, paint_outline, round_pen
from viewer.canvas.view import View

if TYPE_CHECKING:
    from viewer.canvas.canvas import SlideCanvas


class FramePainter:
    """Paints tiles, overlays, regions, what is being drawn, and the furniture, in this order."""

    def __init__(self, canvas: SlideCanvas) -> None:
        self._canvas = canvas

    def paint(self, painter: QPainter, view: View) -> None:
        """Paint a frame; from here on all painters work in device pixels."""
        canvas = self._canvas
        dpr = canvas.devicePixelRatioF()
        painter.scale(1 / dpr, 1 / dpr)
        canvas.tiles.paint(painter, view)
        if canvas.slide_info is None:
            return
        canvas.overlays.paint(painter, view)
        canvas.rois.paint(painter, view, dpr)
        canvas.overlays.paint_highlight(painter, view, dpr)
        self._paint_selection(painter, view, dpr)
        self._paint_drawing(painter, view, dpr)
        self._paint_furniture(painter, view, dpr)

    def _paint_selection(self, painter: QPainter, view: View, dpr: float) -> None:
        canvas = self._canvas
        roi = canvas.pointer.edited or canvas.rois.get(canvas.rois.selected)
        if roi is None or not is_editable(roi):
            return
        if canvas.pointer.edited is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            paint_outline(painter, view, dpr, RoiShape(roi), strong=True)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if canvas.pointer.draw is None:
            paint_handles(painter, roi, view, dpr)

    def _paint_drawing(self, painter: QPainter, view: View, dpr: float) -> None:
        draw = self._canvas.pointer.draw
        if draw is None or len(draw.path) == 0:
            return
        points = [view.to_screen(x, y) for x, y in draw.path]
        path = QPainterPath(points[0])
        for point in points[1:]:
            path.lineTo(point)
        if draw.closed:
            path.closeSubpath()
        color = QColor(*DEFAULT_COLOR)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if draw.closed:
            painter.fillPath(path, QColor(*DEFAULT_COLOR, 16))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.strokePath(path, round_pen(HALO, 4 * dpr))
        painter.strokePath(path, round_pen(color, 2 * dpr))
        self._paint_first_vertex(painter, points[0], dpr)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_first_vertex(self, painter: QPainter, place: QPointF, dpr: float) -> None:
        painter.setPen(round_pen(QColor(20, 22, 26), dpr))
        painter.setBrush(QColor(255, 255, 255))
        painter.drawEllipse(place, 3.5 * dpr, 3.5 * dpr)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_furniture(self, painter: QPainter, view: View, dpr: float) -> None:
        canvas = self._canvas
        shown = canvas.furniture
        if shown.scale_bar:
            note = magnification_text(canvas.magnification(), view) if shown.readout else ""
            paint_scale_bar(painter, view, canvas.mpp, note, dpr)
        if shown.minimap and canvas.source is not None:
            canvas.minimap.paint(painter, canvas.source, view, dpr, canvas.icc_enabled)
