"""Freehand drawing."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt

from viewer.canvas.tools.drawing import DrawingTool
from viewer.canvas.tools.tool import Cursor
from viewer.text.tr import tr

STEP_PX = 2.0  # distance between the points of the path, logical screen pixels
TAKEN_BACK_PX = 20.0  # by Backspace, logical screen pixels
TOLERANCE_PX = 0.4  # the line is simplified by less than the eye sees


class Lasso(DrawingTool):
    """Hold the button and draw around the tissue."""

    id = "lasso"
    text = tr("Lasso")
    icon = "lasso"
    keys = "L"
    tip = tr("Draw a freehand region")
    hint = tr("Hold the mouse button and draw around the tissue.")

    gestures = ((tr("Backspace with the lasso"), tr("Take back the last bit of the line")),)

    def press(self, at: Cursor) -> bool:
        self.path = [at.point]
        return True

    def move(self, at: Cursor) -> None:
        if self.path and at.distance_px(self.path[-1]) >= STEP_PX:
            self.path.append(at.point)

    def key(self, key: Qt.Key) -> bool:
        """Backspace takes back the last bit of the path."""
        if key != Qt.Key.Key_Backspace or not self.path:
            return False
        last = self.path[-1]
        back = TAKEN_BACK_PX * self.scene.px
        while len(self.path) > 1 and math.dist(self.path[-1], last) < back:
            del self.path[-1]
        return True

    def release(self, at: Cursor) -> None:
        if self.path:
            self.finish(at, tolerance_px=TOLERANCE_PX)
