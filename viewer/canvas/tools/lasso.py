"""Freehand drawing."""

from __future__ import annotations

from viewer.canvas.tools.drawing import DrawingTool
from viewer.canvas.tools.tool import Cursor
from viewer.text.tr import tr

STEP_PX = 2.0  # distance between the points of the path, logical screen pixels
TOLERANCE_PX = 0.4  # the line is simplified by less than the eye sees


class Lasso(DrawingTool):
    """Hold the button and draw around the tissue."""

    id = "lasso"
    text = tr("Lasso")
    icon = "lasso"
    keys = "L"
    tip = tr("Draw a freehand region")
    hint = tr("Hold the mouse button and draw around the tissue.")

    def press(self, at: Cursor) -> bool:
        self.path = [at.point]
        return True

    def move(self, at: Cursor) -> None:
        if self.path and at.distance_px(self.path[-1]) >= STEP_PX:
            self.path.append(at.point)

    def release(self, at: Cursor) -> None:
        if self.path:
            self.finish(at, tolerance_px=TOLERANCE_PX)
