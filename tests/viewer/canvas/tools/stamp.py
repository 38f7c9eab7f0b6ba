"""A tool as someone would add one: it draws, edits, paints and reads pixels."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter

from ssmamba.rois.roi import Roi
from viewer.canvas.base import CanvasBase
from viewer.canvas.pixels import Pixels
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.canvas.view import View

MARK = (255, 0, 255)


class Stamp(Tool):
    """A click stamps a triangle; on the selected ROI it moves that ROI by 10 px instead."""

    id = "stamp"
    text = "Stamp"
    icon = "plus"
    keys = "T"
    tip = "Stamp a triangle"
    gestures = (("Alt + drag", "Move the slide while stamping"),)
    cursor = Qt.CursorShape.UpArrowCursor

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self.at: Cursor | None = None
        self.seen: list[Pixels] = []
        self.cancelled = 0

    def press(self, at: Cursor) -> bool:
        if at.modifiers & Qt.KeyboardModifier.AltModifier:
            return False
        self.at = at
        self.read_pixels(at.around(2), self.seen.append)
        return True

    def release(self, at: Cursor) -> None:
        x, y = at.point
        if self.selected is not None and self.scene.roi_at(x, y) == self.selected.id:
            rings = self.selected.polygons[0]
            moved = tuple(tuple((px + 10, py) for px, py in ring) for ring in rings)
            self.edit(replace(self.selected, polygons=(moved,)))
        else:
            self.make(Roi(((((x, y), (x + 40, y), (x, y + 40)),),)))

    def double_click(self, at: Cursor) -> None:
        self.canvas.hint.emit("stamped twice")

    def key(self, key: Qt.Key) -> bool:
        if key == Qt.Key.Key_Left and self.at is not None:  # taken from the canvas, which pans
            self.at = replace(self.at, x=self.at.x - 50)
            return True
        return False

    @property
    def is_busy(self) -> bool:
        return self.at is not None

    def cancel(self) -> None:
        self.cancelled += self.is_busy
        self.at = None

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        if self.at is not None:
            x, y = view.to_screen(*self.at.point).toTuple()
            painter.fillRect(int(x) - 3, int(y) - 3, 7, 7, QColor(*MARK))
