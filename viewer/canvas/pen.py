"""A pen on a canvas: it draws as the mouse does, and its other end erases."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QTabletEvent
from PySide6.QtWidgets import QApplication

from viewer.canvas.base import CanvasBase
from viewer.canvas.inputs import Inputs
from viewer.canvas.pointer import Pointer, erases
from viewer.canvas.tools.brush import Brush

TAP_PX = 12.0  # from the first of two taps, logical pixels; a hand is less still than a mouse


class Pen(Inputs):
    """Passes the tip to the pointer. A button at the side is the mouse's, which Qt makes of it."""

    HANDLERS = {
        QEvent.Type.TabletPress: "press",
        QEvent.Type.TabletMove: "move",
        QEvent.Type.TabletRelease: "release",
    }

    def __init__(self, canvas: CanvasBase, pointer: Pointer) -> None:
        self._canvas = canvas
        self._pointer = pointer
        self._tapped: tuple[float, QPointF] | None = None  # ms and place of the last press
        self._tool_before = ""  # while the other end erases
        canvas.setTabletTracking(True)  # moves above the tablet, too

    def press(self, event: QTabletEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return False
        self._canvas.setFocus(Qt.FocusReason.MouseFocusReason)
        if erases(event) and not self._pointer.tool.takes_right:
            self._tool_before = self._pointer.tool.id
            self._pointer.set_tool(Brush.id)
        if self._is_second_tap(event):
            self._pointer.double_click(event)
        else:
            self._pointer.press(event)
        event.accept()
        return True

    def move(self, event: QTabletEvent) -> bool:
        self._pointer.move(event)
        event.accept()
        return True

    def release(self, event: QTabletEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return False
        self._pointer.release(event)
        if self._tapped is not None and not _is_near(event.position(), self._tapped[1]):
            self._tapped = None  # a stroke, no tap
        if self._tool_before:
            self._pointer.set_tool(self._tool_before)
            self._tool_before = ""
        event.accept()
        return True

    def _is_second_tap(self, event: QTabletEvent) -> bool:
        """Qt knows no double click of a pen."""
        now, place = event.timestamp(), event.position()
        before, self._tapped = self._tapped, (now, place)
        if before is None or now - before[0] > QApplication.doubleClickInterval():
            return False
        if not _is_near(place, before[1]):
            return False
        self._tapped = None  # a third tap is a first one
        return True


def _is_near(place: QPointF, other: QPointF) -> bool:
    return (place - other).manhattanLength() <= TAP_PX
