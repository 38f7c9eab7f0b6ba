"""The square that says how much tissue one training image covers."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter

from ssmamba.reading.values import Window
from viewer.canvas.base import CanvasBase
from viewer.canvas.layers.roi_shape import HALO, line_pen
from viewer.canvas.layers.tile_painter import turned
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.canvas.view import View
from viewer.text.tr import tr

COLOR = (255, 196, 0)
GRIP_PX = 12.0  # around a corner, logical screen pixels
SMALLEST_PX = 8.0  # side, level-0 pixels
STEP = 0.1  # of the side, for an arrow key
GROWTH = 1.05  # for the plus key
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
GROW = (Qt.Key.Key_Plus, Qt.Key.Key_Equal)
SHRINK = (Qt.Key.Key_Minus, Qt.Key.Key_Underscore)


class FieldSquare(Tool):
    """Drag the square to move it, a corner to size it; only shown while the viewer asks for it."""

    id = "field"
    text = tr("Window size")
    gestures = (
        (tr("Drag, arrow keys"), tr("Move the square of the window size")),
        (tr("Drag a corner, +  −"), tr("Change the window size")),
        (tr("Return, Esc"), tr("Use the window size, or decide later")),
    )

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self.square: Window | None = None
        self._held: tuple[float, float] | None = None  # from the square's corner to the cursor
        self._fixed: tuple[float, float] | None = None  # corner opposite to the one that is dragged

    @property
    def is_busy(self) -> bool:
        return self._held is not None or self._fixed is not None

    def begin(self, square: Window) -> None:
        """Show the square, level-0 pixels."""
        self.square = square
        self.canvas.update()

    # --- gestures
    def press(self, at: Cursor) -> bool:
        if self.square is None:
            return False
        near = min(self._corners(), key=lambda pair: at.distance_px(pair[0]))
        x, y, side = self.square.x, self.square.y, self.square.side
        if at.distance_px(near[0]) <= GRIP_PX:
            self._fixed = near[1]
        elif x <= at.x <= x + side and y <= at.y <= y + side:
            self._held = (at.x - x, at.y - y)
        return self.is_busy

    def move(self, at: Cursor) -> None:
        if self.square is None:
            return
        if self._held is not None:
            self._set(at.x - self._held[0], at.y - self._held[1], self.square.side)
        elif self._fixed is not None:
            fx, fy = self._fixed
            side = max(abs(at.x - fx), abs(at.y - fy), SMALLEST_PX)
            self._set(fx if at.x >= fx else fx - side, fy if at.y >= fy else fy - side, side)

    def release(self, at: Cursor) -> None:
        self.cancel()

    def cancel(self) -> None:
        self._held = self._fixed = None

    def key(self, key: Qt.Key) -> bool:
        if self.square is None:
            return False
        x, y, side = self.square.x, self.square.y, self.square.side
        if key in ARROWS:
            cos, sin = self.scene.camera.view.direction
            dx, dy = (v * STEP * side for v in ARROWS[key])
            self._set(x + dx * cos + dy * sin, y + dy * cos - dx * sin, side)
        elif key in (*GROW, *SHRINK):
            self.resize(side * GROWTH if key in GROW else side / GROWTH)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.canvas.field_answered.emit(True)
        elif key == Qt.Key.Key_Escape:
            self.canvas.field_answered.emit(False)
        else:
            return False
        return True

    def resize(self, side: float) -> None:
        """Another side about the same centre, level-0 pixels."""
        if self.square is not None:
            side = max(side, SMALLEST_PX)
            shift = (self.square.side - side) / 2
            self._set(self.square.x + shift, self.square.y + shift, side)

    def _set(self, x: float, y: float, side: float) -> None:
        info = self.scene.info
        if info is not None:  # on the slide, so that it covers tissue
            side = min(side, float(info.width), float(info.height))
            x, y = np.clip((x, y), 0.0, (info.width - side, info.height - side)).tolist()
        self.square = Window(x, y, side)
        self.canvas.field_changed.emit(self.square)
        self.canvas.update()

    def _corners(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """Each corner with the one opposite to it."""
        assert self.square is not None
        x, y, side = self.square.x, self.square.y, self.square.side
        a, b, c, d = (x, y), (x + side, y), (x + side, y + side), (x, y + side)
        return [(a, c), (b, d), (c, a), (d, b)]

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        if self.square is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, view.is_oblique)
        view = turned(painter, view)
        side = self.square.side * view.scale
        rect = QRectF(view.to_screen(self.square.x, self.square.y), QSizeF(side, side))
        painter.fillRect(rect, QColor(*COLOR, 20))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (line_pen(HALO, 5 * dpr), line_pen(QColor(*COLOR), 2.5 * dpr)):
            painter.setPen(pen)
            painter.drawRect(rect)
        painter.setPen(line_pen(QColor(20, 22, 26), dpr))
        painter.setBrush(QColor(255, 255, 255))
        for (x, y), _ in self._corners():
            place = view.to_screen(x, y)
            painter.drawRect(QRectF(place.x() - 4 * dpr, place.y() - 4 * dpr, 8 * dpr, 8 * dpr))
        painter.restore()
