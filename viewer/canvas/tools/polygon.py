"""Drawing corner by corner."""

from __future__ import annotations

from PySide6.QtCore import Qt

from ssmamba.rois.roi import Point
from viewer.canvas.base import CanvasBase
from viewer.canvas.tools.drawing import DrawingTool
from viewer.canvas.tools.tool import Cursor
from viewer.text.tr import tr

CLOSE_PX = 9.0  # a click this near the first corner closes, logical screen pixels


class Polygon(DrawingTool):
    """Click the corners; Enter, a double click or a click on the first corner closes."""

    id = "polygon"
    text = tr("Polygon")
    icon = "polygon"
    keys = "P"
    tip = tr("Draw a region by clicking its corners")
    hint = tr("Click at least three corners, then press Enter or double-click to close.")
    gestures = (
        (tr("Return"), tr("Close the polygon")),
        (tr("Backspace"), tr("Remove the last corner of the polygon")),
    )

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self._corners: list[Point] = []

    def press(self, at: Cursor) -> bool:
        if len(self._corners) > 2 and at.distance_px(self._corners[0]) <= CLOSE_PX:
            self._close(at)
            return True
        # a double click presses twice; add only one corner
        if not self._corners or at.distance_px(self._corners[-1]) > 1:
            self._corners.append(at.point)
        self.move(at)
        return True

    def move(self, at: Cursor) -> None:
        if self._corners:
            self.path = [*self._corners, at.point]

    def double_click(self, at: Cursor) -> None:
        if self._corners:
            self._close(at)

    def key(self, key: Qt.Key) -> bool:
        if not self._corners:
            return False
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._close(Cursor(*self.path[-1], self.scene.px))
        elif key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            del self._corners[-1]
            self.path = [*self._corners, self.path[-1]] if self._corners else []
        else:
            return False
        return True

    def cancel(self) -> None:
        super().cancel()
        self._corners = []

    def _close(self, at: Cursor) -> None:
        """The ROI has the corners that were clicked, without the one under the mouse."""
        self.path = self._corners
        self.finish(at)
