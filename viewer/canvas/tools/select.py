"""Panning the slide, selecting ROIs, moving them and their vertices."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from ssmamba.rois.roi import Point
from viewer.canvas.base import CanvasBase
from viewer.canvas.layers.roi_shape import HALO, line_pen
from viewer.canvas.tools.region_drag import RegionDrag
from viewer.canvas.tools.tool import Cursor
from viewer.canvas.tools.vertex_drag import GRAB_PX, VertexDrag
from viewer.canvas.tools.vertices import edge_at
from viewer.canvas.view import View
from viewer.text.tr import tr

BOX = (77, 163, 255)


class Select(VertexDrag):
    """Drag the slide, click ROIs or draw a box around them, drag the selected ones.

    A press on tissue is left to the canvas, which pans and selects with every tool.
    """

    id = "pan"
    text = tr("Move")
    icon = "pan"
    keys = "H"
    tip = tr("Pan the slide, select and move regions")
    gestures = (
        (tr("Drag a selected region"), tr("Move the selected regions")),
        (tr("Ctrl + arrow keys"), tr("Move the selected regions; with Shift, ten times as far")),
        (tr("Drag a handle"), tr("Move a corner; a round handle makes a new one")),
        (tr("Double-click on an outline"), tr("Add a corner")),
        (tr("Alt + click on a corner, Del above it"), tr("Remove a corner")),
    )
    cursor = Qt.CursorShape.ArrowCursor
    hovers = True

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self._regions = RegionDrag(self.scene)
        self._box: tuple[Point, Point] | None = None

    @property
    def is_busy(self) -> bool:
        return super().is_busy or self._regions.is_busy or self._box is not None

    def press(self, at: Cursor) -> bool:
        if at.adds and not at.alt:
            self._box = (at.point, at.point)
            return True
        return super().press(at) or self._regions.press(at)

    def move(self, at: Cursor) -> None:
        if self._box is not None:
            self._box = (self._box[0], at.point)
        elif self._regions.is_busy:
            self._regions.move(at)
        else:
            super().move(at)

    def release(self, at: Cursor) -> None:
        if self._box is not None:
            self._pick(at)
        elif not self._regions.is_busy:
            super().release(at)
        elif at.is_click:
            self.cancel()
            self.canvas.roi_clicked.emit(self.scene.roi_at(*at.point))
        else:
            self._regions.move(at)
            self.edit_all(self._regions.release())

    def _pick(self, at: Cursor) -> None:
        """Select what is in the box, or at the place of a click."""
        view = self.scene.camera.view
        box = _box_on(view, self._box[0], at.point) if self._box is not None else None
        self.cancel()
        if at.is_click:
            hit = self.scene.roi_at(*at.point)
            if hit is not None:
                self.canvas.roi_toggled.emit(hit)
        elif box is not None:
            self.canvas.rois_picked.emit(self.scene.rois.within(box, view))

    def cancel(self) -> None:
        super().cancel()
        self._regions.cancel()
        self._box = None

    def double_click(self, at: Cursor) -> None:
        """On an outline a new corner, elsewhere nearer to the slide."""
        shape = self._shape()
        free = shape is not None and not shape.roi.locked
        if shape is not None and free and edge_at(shape, at.point, GRAB_PX * at.px) is not None:
            super().double_click(at)
        else:
            self.canvas.camera.zoom_at(1.0, self.canvas.camera.view.to_screen(*at.point))

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        if not self._regions.is_busy or not self.scene.rois.lifted:
            super().paint(painter, view, dpr)
        self._regions.paint(painter, view, dpr)
        if self._box is not None:
            rect = _box_on(view, *self._box)
            painter.fillRect(rect, QColor(*BOX, 30))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for pen in (line_pen(HALO, 3 * dpr), line_pen(QColor(*BOX), 1.5 * dpr)):
                painter.setPen(pen)
                painter.drawRect(rect)


def _box_on(view: View, a: Point, b: Point) -> QRectF:
    """The box on the screen from one place on the slide to another, device pixels."""
    return QRectF(view.to_screen(*a), view.to_screen(*b)).normalized()
