"""Dragging the vertices of the selected ROI."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ssmamba.rois.roi import Roi
from viewer.canvas.layers.roi_shape import RoiShape, paint_outline
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.canvas.tools.vertices import Vertex, made_valid, moved, visible_vertices
from viewer.canvas.view import View
from viewer.text.tr import tr

HANDLE_PX = 7.0  # side of a handle, logical screen pixels
GRAB_PX = 8.0  # distance within which the mouse grabs a vertex


class VertexDrag(Tool):
    """The ROI itself is changed only when the drag has ended."""

    _vertex: Vertex | None = None
    _edited: Roi | None = None  # the ROI as it looks during the drag

    @property
    def is_busy(self) -> bool:
        return self._vertex is not None

    def press(self, at: Cursor) -> bool:
        self._vertex = self._vertex_at(at)
        return self.is_busy

    def move(self, at: Cursor) -> None:
        roi = self.selected
        if roi is not None and self._vertex is not None:
            self._edited = moved(roi, self._vertex, (round(at.x, 2), round(at.y, 2)))
            self.scene.rois.hidden = roi.id

    def release(self, at: Cursor) -> None:
        edited = self._edited
        self.cancel()
        if edited is None:
            return
        valid = made_valid(edited)
        if valid is None:
            self.canvas.hint.emit(tr("The edit would leave no area; the region was not changed."))
        else:
            self.edit(valid)

    def cancel(self) -> None:
        self._vertex = self._edited = None
        self.scene.rois.hidden = None

    def selection_changed(self) -> None:
        self.cancel()

    def cursor_at(self, at: Cursor) -> Qt.CursorShape:
        over = self._vertex_at(at) is not None
        return Qt.CursorShape.SizeAllCursor if over else self.cursor

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        """The handles of the selected ROI, and its outline while it is dragged."""
        roi = self._edited or self.selected
        if roi is None or not _is_editable(roi):
            return
        if self._edited is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            paint_outline(painter, view, dpr, RoiShape(roi), strong=True)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        side = HANDLE_PX * dpr
        painter.setPen(QPen(QColor(20, 22, 26), max(1.0, dpr)))
        painter.setBrush(QColor(255, 255, 255))
        for _, point in visible_vertices(roi, view):
            x, y = view.to_screen(*point).toTuple()
            painter.drawRect(QRectF(round(x - side / 2), round(y - side / 2), side, side))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _vertex_at(self, at: Cursor) -> Vertex | None:
        roi = self.selected
        if roi is None or not _is_editable(roi):
            return None
        found = visible_vertices(roi, self.scene.camera.view)
        near = [(at.distance_px(point), vertex) for vertex, point in found]
        distance, vertex = min(near, key=lambda pair: pair[0], default=(math.inf, None))
        return vertex if distance <= GRAB_PX else None


def _is_editable(roi: Roi) -> bool:
    return not roi.locked and roi.kind in ("polygon", "rectangle", "line")
