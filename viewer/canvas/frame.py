"""Composes one frame of a canvas out of its layers."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter

from ssmamba.rois.roi import Roi
from viewer.canvas.layers.furniture import magnification_text, paint_scale_bar
from viewer.canvas.layers.roi_shape import DEFAULT_COLOR, HALO, RoiShape, line_pen, paint_outline
from viewer.canvas.layers.small_rois import polylines
from viewer.canvas.scene import Scene
from viewer.canvas.tools.shapes import DrawTool
from viewer.canvas.tools.vertices import is_editable, paint_handles
from viewer.canvas.view import View


class FramePainter:
    """Paints tiles, overlays, regions, what is being drawn, and the furniture, in this order."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def paint(self, painter: QPainter, draw: DrawTool | None, edited: Roi | None) -> None:
        """Paint a frame; from here on all painters work in device pixels.

        ``draw`` is the drawing tool in hand, ``edited`` a region whose vertex is being dragged.
        """
        scene = self._scene
        view, dpr = scene.camera.view, scene.dpr
        painter.scale(1 / dpr, 1 / dpr)
        scene.tiles.paint(painter, view)
        if scene.info is None:
            return
        scene.overlays.paint(painter, view)
        scene.rois.paint(painter, view, dpr)
        scene.overlays.paint_highlight(painter, view, dpr)
        self._paint_selection(painter, view, edited, with_handles=draw is None)
        if draw is not None and len(draw.path) > 0:
            self._paint_drawing(painter, view, draw)
        self._paint_furniture(painter, view)

    def _paint_selection(
        self, painter: QPainter, view: View, edited: Roi | None, *, with_handles: bool
    ) -> None:
        scene = self._scene
        roi = edited or scene.rois.get(scene.rois.selected)
        if roi is None or not is_editable(roi):
            return
        if edited is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            paint_outline(painter, view, scene.dpr, RoiShape(roi), strong=True)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if with_handles:
            paint_handles(painter, roi, view, scene.dpr)

    def _paint_drawing(self, painter: QPainter, view: View, draw: DrawTool) -> None:
        dpr = self._scene.dpr
        points = np.asarray(draw.path, float) * view.scale + view.origin
        outline = np.vstack([points, points[:1]]) if draw.closed else points
        path = polylines(outline, np.array([0]))
        color = QColor(*DEFAULT_COLOR)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if draw.closed:
            painter.fillPath(path, QColor(*DEFAULT_COLOR, 16))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.strokePath(path, line_pen(HALO, 4 * dpr))
        painter.strokePath(path, line_pen(color, 2 * dpr))
        self._paint_first_vertex(painter, QPointF(*points[0]), dpr)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_first_vertex(self, painter: QPainter, place: QPointF, dpr: float) -> None:
        painter.setPen(line_pen(QColor(20, 22, 26), dpr))
        painter.setBrush(QColor(255, 255, 255))
        painter.drawEllipse(place, 3.5 * dpr, 3.5 * dpr)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_furniture(self, painter: QPainter, view: View) -> None:
        scene = self._scene
        shown, camera = scene.furniture, scene.camera
        if shown.scale_bar:
            note = magnification_text(camera.magnification(), view) if shown.readout else ""
            paint_scale_bar(painter, view, camera.mpp, note, scene.dpr)
        if shown.minimap and scene.source is not None:
            scene.minimap.paint(painter, scene.source, view, scene.dpr, scene.icc)
