"""Marking the same place on two slides."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ssmamba.rois.roi import Point
from viewer.canvas.base import CanvasBase
from viewer.canvas.layers.labels import label_font
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.canvas.view import View
from viewer.text.tr import tr

RADIUS_PX = 10.0  # logical pixels
GROUND, NEW_GROUND, INK = QColor(20, 22, 26, 200), QColor(36, 95, 196), QColor(255, 255, 255)


class Landmark(Tool):
    """A click says where the place is; dragging moves the slide, to find it."""

    id = "landmark"
    text = tr("Same place")
    gestures = (
        (tr("Click, Return, drag"), tr("Mark the same place on two slides; move to find it")),
    )

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self.places: Sequence[Point] = ()  # those that are marked already, level-0 px
        self.new: Point | None = None  # that waits for its fellow on the other slide

    def click(self, at: Cursor) -> bool:
        self._pick(*at.point)
        return True

    def key(self, key: Qt.Key) -> bool:
        if key not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return False
        state = self.canvas.camera.state
        self._pick(state.center_x, state.center_y)
        return True

    def _pick(self, x: float, y: float) -> None:
        info = self.scene.info
        if info is not None and 0 <= x <= info.width and 0 <= y <= info.height:
            self.canvas.place_picked.emit(x, y)
        else:
            self.canvas.hint.emit(tr("That is outside the slide. Click a place on the tissue."))

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        """Numbered discs with their middle left free, so that the place itself is seen."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(label_font(painter, dpr))
        places = [*self.places, *([] if self.new is None else [self.new])]
        for number, place in enumerate(places, 1):
            ground = NEW_GROUND if place is self.new else GROUND
            _paint_mark(painter, view.to_screen(*place), str(number), ground, dpr)


def _paint_mark(painter: QPainter, at: QPointF, text: str, ground: QColor, dpr: float) -> None:
    radius = RADIUS_PX * dpr
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width in ((GROUND, 4.0), (INK, 1.6)):
        painter.setPen(QPen(color, width * dpr))
        painter.drawEllipse(at, radius / 2, radius / 2)
    disc = QRectF(at.x() + radius * 0.7, at.y() - radius * 2.2, 1.8 * radius, 1.8 * radius)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawEllipse(disc)
    painter.setPen(INK)
    painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, text)
