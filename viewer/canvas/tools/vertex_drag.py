"""Dragging, adding and removing the vertices of the selected ROI."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ssmamba.rois.roi import Point, Roi
from viewer.canvas.layers.roi_shape import RoiShape, paint_outline
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.canvas.tools.vertices import (
    Vertex,
    edge_at,
    inserted,
    made_valid,
    moved,
    visible_edges,
    visible_vertices,
    without,
)
from viewer.canvas.view import View
from viewer.text.tr import tr

HANDLE_PX = 7.0  # side of a handle, logical screen pixels
EDGE_HANDLE_PX = 5.0  # width of the handle in the middle of an edge
EDGE_FROM_PX = 36.0  # shorter edges have none
APART_PX = 12.0  # closer handles would hide the outline: there are none until one zooms in
GRAB_PX = 8.0  # distance within which the mouse grabs a vertex


class VertexDrag(Tool):
    """The ROI itself is changed only when the drag has ended."""

    _vertex: Vertex | None = None
    _base: Roi | None = None  # the ROI to which the vertex belongs: the selected, or with one more
    _edited: RoiShape | None = None  # the ROI as it looks during the drag
    _mouse: Cursor | None = None  # where a key would remove a vertex

    @property
    def is_busy(self) -> bool:
        return self._vertex is not None

    def press(self, at: Cursor) -> bool:
        """Grab the vertex here, or make one of the handle in the middle of an edge."""
        found = self._handle_at(at)
        if found is None:
            return False
        vertex, place, is_new = found
        roi = self.selected
        assert roi is not None
        if at.alt and not is_new:
            self._remove(vertex)
            return True
        self._vertex = vertex
        self._base = inserted(roi, vertex, _rounded(place)) if is_new else roi
        if is_new:
            self._show(self._base)
        return True

    def move(self, at: Cursor) -> None:
        self._mouse = at
        if self._base is not None and self._vertex is not None:
            self._show(moved(self._base, self._vertex, _rounded(at.point)))

    def release(self, at: Cursor) -> None:
        edited = self._edited
        VertexDrag.cancel(self)
        if edited is not None:
            self._finish(edited.roi)

    def double_click(self, at: Cursor) -> None:
        """On an edge: a new vertex."""
        shape = self._shape()
        found = None if shape is None else edge_at(shape, at.point, GRAB_PX * at.px)
        if shape is not None and found is not None and self._handle_at(at) is None:
            self._finish(inserted(shape.roi, *found))

    def key(self, key: Qt.Key) -> bool:
        """Del removes the vertex under the mouse."""
        if key not in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) or self._mouse is None:
            return False
        found = self._handle_at(self._mouse)
        if found is None or found[2]:
            return False
        return self._remove(found[0])

    def cancel(self) -> None:
        if self._vertex is not None:
            self.scene.rois.lifted = frozenset()
        self._vertex = self._base = self._edited = None

    def leave(self) -> None:
        self._mouse = None

    def selection_changed(self) -> None:
        self.cancel()

    def cursor_at(self, at: Cursor) -> Qt.CursorShape:
        over = self._handle_at(at) is not None
        return Qt.CursorShape.SizeAllCursor if over else self.cursor

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        """The handles of the selected ROI, and its outline while it is dragged."""
        shape = self._edited or self._shape()
        if shape is None or not _is_editable(shape.roi):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if self._edited is not None:
            paint_outline(painter, view, dpr, shape, strong=True)
        painter.setPen(QPen(QColor(20, 22, 26), max(1.0, dpr)))
        painter.setBrush(QColor(255, 255, 255, 200))
        radius = EDGE_HANDLE_PX / 2 * dpr
        px = dpr / view.scale
        handles = visible_vertices(shape, view, APART_PX * px)
        if self._edited is None and handles:
            for _, (x, y) in visible_edges(shape, view, EDGE_FROM_PX * px):
                painter.drawEllipse(view.to_screen(x, y), radius, radius)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(QColor(255, 255, 255))
        if shape.roi.kind != "point":
            side = HANDLE_PX * dpr
            for _, point in handles:
                x, y = QPointF(view.to_screen(*point)).toTuple()
                painter.drawRect(QRectF(round(x - side / 2), round(y - side / 2), side, side))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _shape(self) -> RoiShape | None:
        """The selected ROI, if it is the only one."""
        rois = self.scene.rois
        return rois.shape(rois.selected) if len(rois.chosen) < 2 else None

    def _show(self, roi: Roi) -> None:
        self._edited = RoiShape(roi)
        self.scene.rois.lifted = frozenset({roi.id})

    def _remove(self, vertex: Vertex) -> bool:
        """Take a vertex away; True, whether it could be or not."""
        roi = self.selected
        left = None if roi is None else without(roi, vertex)
        if left is None:
            self.canvas.hint.emit(tr("Too little would be left; delete the region instead (Del)."))
        else:
            self._finish(left)
        return True

    def _finish(self, edited: Roi) -> None:
        valid = made_valid(edited)
        if valid is None:
            self.canvas.hint.emit(tr("The edit would leave no area; the region was not changed."))
        else:
            self.edit(valid)

    def _handle_at(self, at: Cursor) -> tuple[Vertex, Point, bool] | None:
        """The handle at a place, where it is, and whether it makes a new vertex."""
        shape = self._shape()
        if shape is None or not _is_editable(shape.roi):
            return None
        view = self.scene.camera.view
        handles = visible_vertices(shape, view, APART_PX * at.px)
        if not handles:
            return None
        edges = visible_edges(shape, view, EDGE_FROM_PX * at.px)
        for found, is_new in ((handles, False), (edges, True)):
            near = ((at.distance_px(point), vertex, point) for vertex, point in found)
            best = min(near, key=lambda item: item[0], default=(math.inf, None, at.point))
            if best[1] is not None and best[0] <= GRAB_PX:
                return best[1], best[2], is_new
        return None


def _rounded(place: Point) -> Point:
    return round(place[0], 2), round(place[1], 2)


def _is_editable(roi: Roi) -> bool:
    return not roi.locked
